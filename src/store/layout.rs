//! The layout of a pack, as pure functions over bytes.
//!
//! ```text
//! pack    = "mdlpack1", frames back to back, footer, trailer
//! footer  = nonce (16 bytes), frame count u32, entry count u32, frame records, entry records
//! frame   = stored length u32, raw length u32, codec u8, BLAKE3 of the stored bytes (32)
//! entry   = id (32), kind u8, frame number u32, offset u32, length u32 (both in the raw frame)
//! trailer = footer length u64, pack name (32), "mdlpend1"
//! name    = BLAKE3 derive_key("mdl v1 pack", footer)
//! ```
//!
//! Integers are little-endian. Frames follow one another without gaps, from byte 8 up to the footer.
//! Entries are strictly ascending by (id, kind) and lie within their frame. The nonce is random, so that
//! two packs never share a name by accident of having the same objects. The name commits to every
//! byte: to the footer directly, to the frames through their hashes.

use crate::id::{Digest, Kind};
use crate::store::codec::Codec;

/// The first eight bytes of a pack.
pub const MAGIC: [u8; 8] = *b"mdlpack1";
/// The last eight bytes of a pack.
pub const END_MAGIC: [u8; 8] = *b"mdlpend1";
/// Length of the trailer in bytes.
pub const TRAILER_LEN: usize = 48;
/// Longest footer that is read, in bytes.
pub const MAX_FOOTER: u64 = 16 << 20;
/// Longest raw frame, in bytes: a frame is decoded as a whole.
pub const MAX_RAW: u32 = 64 << 20;
const _: () = assert!(MAX_RAW as usize >= crate::object::MAX_BYTES);

const HEAD_LEN: usize = 24;
const FRAME_LEN: usize = 41;
const ENTRY_LEN: usize = 45;
const NAME_CONTEXT: &str = "mdl v1 pack";

/// What is wrong with a pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum PackProblem {
    #[error("it is not there")]
    Missing,
    #[error("it is too short to be a pack ({0} bytes)")]
    Short(u64),
    #[error("it does not begin and end as a pack does")]
    Magic,
    #[error("its footer claims {0} bytes")]
    FooterLength(u64),
    #[error("its footer does not have its name")]
    Name,
    #[error("its footer contradicts itself: {0}")]
    Footer(&'static str),
    #[error("frame {0} does not have its hash")]
    Frame(u32),
    #[error("frame {0} cannot be decoded")]
    Decode(u32),
    #[error("entry {0} does not have its id")]
    Entry(Digest),
}

/// What an entry of a pack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// Bytes, named by their plain BLAKE3: a piece of a large content, or all of a small one.
    Chunk,
    /// The root of a recipe, named by the content that it makes.
    Recipe,
    /// A node of a recipe, named by its digest.
    Node,
    /// An object.
    Object(Kind),
}

impl std::fmt::Display for EntryKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chunk => f.write_str("chunk"),
            Self::Recipe => f.write_str("recipe of content"),
            Self::Node => f.write_str("node of a recipe"),
            Self::Object(kind) => kind.fmt(f),
        }
    }
}

impl EntryKind {
    /// The number that it has in packs.
    pub fn number(self) -> u8 {
        match self {
            Self::Chunk => 1,
            Self::Recipe => 2,
            Self::Node => 3,
            Self::Object(kind) => kind as u8,
        }
    }

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Chunk),
            2 => Some(Self::Recipe),
            3 => Some(Self::Node),
            _ => Kind::from_number(number).map(Self::Object),
        }
    }
}

/// Where an entry lies in its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the frame.
    pub frame: u32,
    /// First byte in the raw frame.
    pub offset: u32,
    /// Number of bytes.
    pub length: u32,
}

/// A frame of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// First byte in the pack.
    pub offset: u64,
    /// Bytes in the pack.
    pub stored: u32,
    /// Bytes once decoded.
    pub raw: u32,
    /// How it is encoded.
    pub codec: Codec,
    /// BLAKE3 of its bytes in the pack.
    pub hash: Digest,
}

/// An entry of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: Digest,
    /// What it holds.
    pub kind: EntryKind,
    /// Where it lies.
    pub place: Place,
}

/// The end of a pack, which says where its footer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Length of the footer in bytes.
    pub footer_len: u64,
    /// The pack's name.
    pub name: Digest,
}

impl Trailer {
    /// Reads the last [`TRAILER_LEN`] bytes of a pack of this size.
    pub fn parse(bytes: &[u8; TRAILER_LEN], pack_size: u64) -> Result<Self, PackProblem> {
        let (length, rest) = bytes.split_at(8);
        let (name, magic) = rest.split_at(Digest::LEN);
        if magic != END_MAGIC {
            return Err(PackProblem::Magic);
        }
        let footer_len = u64_at(length, 0);
        let most = pack_size.saturating_sub((MAGIC.len() + TRAILER_LEN) as u64).min(MAX_FOOTER);
        if footer_len < HEAD_LEN as u64 || footer_len > most {
            return Err(PackProblem::FooterLength(footer_len));
        }
        Ok(Self { footer_len, name: digest_at(name, 0) })
    }

    /// The bytes of a trailer.
    pub fn to_bytes(self) -> [u8; TRAILER_LEN] {
        let mut bytes = [0; TRAILER_LEN];
        bytes[..8].copy_from_slice(&self.footer_len.to_le_bytes());
        bytes[8..40].copy_from_slice(self.name.as_bytes());
        bytes[40..].copy_from_slice(&END_MAGIC);
        bytes
    }
}

/// The name of the pack that has this footer.
pub fn pack_name(footer: &[u8]) -> Digest {
    Digest::new(blake3::derive_key(NAME_CONTEXT, footer))
}

/// A footer, checked as a whole.
#[derive(Debug)]
pub struct Footer {
    /// The frames, in the order in which they lie.
    pub frames: Box<[Frame]>,
    /// The entries, sorted.
    pub entries: Entries,
}

impl Footer {
    /// Reads a footer of a pack of this size. Says nothing about its name.
    pub fn parse(bytes: &[u8], pack_size: u64) -> Result<Self, PackProblem> {
        if bytes.len() < HEAD_LEN {
            return Err(PackProblem::Footer("it is too short"));
        }
        let (frame_count, entry_count) = (u32_at(bytes, 16) as usize, u32_at(bytes, 20) as usize);
        let frames_end = frame_count.checked_mul(FRAME_LEN).and_then(|len| len.checked_add(HEAD_LEN));
        let end = entry_count.checked_mul(ENTRY_LEN).and_then(|len| len.checked_add(frames_end?));
        let (Some(frames_end), Some(end)) = (frames_end, end) else {
            return Err(PackProblem::Footer("its counts overflow"));
        };
        if end != bytes.len() {
            return Err(PackProblem::Footer("its counts do not make its length"));
        }
        let frames = parse_frames(&bytes[HEAD_LEN..frames_end], bytes.len(), pack_size)?;
        let entries = Entries(bytes[frames_end..].into());
        check_entries(&entries, &frames)?;
        Ok(Self { frames, entries })
    }
}

fn parse_frames(records: &[u8], footer_len: usize, pack_size: u64) -> Result<Box<[Frame]>, PackProblem> {
    let mut offset = MAGIC.len() as u64;
    let mut frames = Vec::with_capacity(records.len() / FRAME_LEN);
    for record in records.chunks_exact(FRAME_LEN) {
        let (stored, raw) = (u32_at(record, 0), u32_at(record, 4));
        let codec = Codec::from_number(record[8]).ok_or(PackProblem::Footer("a codec is not known"))?;
        if raw > MAX_RAW || stored > raw || (codec == Codec::Raw && stored != raw) {
            return Err(PackProblem::Footer("a frame has impossible lengths"));
        }
        frames.push(Frame { offset, stored, raw, codec, hash: digest_at(record, 9) });
        offset += u64::from(stored);
    }
    if offset.checked_add((footer_len + TRAILER_LEN) as u64) != Some(pack_size) {
        return Err(PackProblem::Footer("its frames do not fill the pack"));
    }
    Ok(frames.into())
}

fn check_entries(entries: &Entries, frames: &[Frame]) -> Result<(), PackProblem> {
    let mut last: Option<&[u8]> = None;
    for record in entries.0.chunks_exact(ENTRY_LEN) {
        let key = &record[..33];
        if last.is_some_and(|last| last >= key) {
            return Err(PackProblem::Footer("its entries are not sorted"));
        }
        last = Some(key);
        if EntryKind::from_number(record[32]).is_none() {
            return Err(PackProblem::Footer("a kind of entry is not known"));
        }
        let place = place_at(record);
        let end = u64::from(place.offset) + u64::from(place.length);
        if frames.get(place.frame as usize).is_none_or(|frame| end > frame.raw.into()) {
            return Err(PackProblem::Footer("an entry lies outside of the frames"));
        }
    }
    Ok(())
}

/// The entries of a pack, searched where they lie.
#[derive(Debug)]
pub struct Entries(Box<[u8]>);

impl Entries {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len() / ENTRY_LEN
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn record(&self, number: usize) -> &[u8] {
        &self.0[number * ENTRY_LEN..][..ENTRY_LEN]
    }

    /// Entry number `number`, which is less than the length.
    pub fn get(&self, number: usize) -> Entry {
        let record = self.record(number);
        // Every kind was checked when the footer was parsed.
        let kind = EntryKind::from_number(record[32]).unwrap_or(EntryKind::Chunk);
        Entry { id: digest_at(record, 0), kind, place: place_at(record) }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.len()).map(|number| self.get(number))
    }

    /// All of them, from the first whose id is not below `low`.
    pub fn from(&self, low: &Digest) -> impl Iterator<Item = Entry> + '_ {
        (self.lower_bound(low, 0)..self.len()).map(|number| self.get(number))
    }

    /// Where an entry lies, if it is here.
    pub fn find(&self, kind: EntryKind, id: &Digest) -> Option<Place> {
        let number = self.lower_bound(id, kind.number());
        let record = (number < self.len()).then(|| self.record(number))?;
        (record[..32] == id.as_bytes()[..] && record[32] == kind.number()).then(|| place_at(record))
    }

    fn lower_bound(&self, id: &Digest, kind: u8) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let record = self.record(middle);
            if (&record[..32], record[32]) < (id.as_bytes(), kind) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// Collects what a footer says.
#[derive(Default)]
pub struct FooterBuilder {
    frames: Vec<u8>,
    entries: Vec<[u8; ENTRY_LEN]>,
}

impl FooterBuilder {
    /// Adds the next frame, and says its number. Its offset is of no account.
    pub fn frame(&mut self, frame: &Frame) -> u32 {
        self.frames.extend_from_slice(&frame.stored.to_le_bytes());
        self.frames.extend_from_slice(&frame.raw.to_le_bytes());
        self.frames.push(frame.codec.number());
        self.frames.extend_from_slice(frame.hash.as_bytes());
        (self.frames.len() / FRAME_LEN) as u32 - 1
    }

    /// Adds an entry.
    pub fn entry(&mut self, entry: &Entry) {
        let mut record = [0; ENTRY_LEN];
        record[..32].copy_from_slice(entry.id.as_bytes());
        record[32] = entry.kind.number();
        let Place { frame, offset, length } = entry.place;
        for (slot, value) in record[33..].chunks_exact_mut(4).zip([frame, offset, length]) {
            slot.copy_from_slice(&value.to_le_bytes());
        }
        self.entries.push(record);
    }

    /// How many entries there are.
    pub fn entry_count(&self) -> usize {
        self.entries.len()
    }

    /// The footer's bytes.
    pub fn finish(mut self, nonce: [u8; 16]) -> Vec<u8> {
        self.entries.sort_unstable();
        let mut bytes = Vec::with_capacity(HEAD_LEN + self.frames.len() + self.entries.len() * ENTRY_LEN);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&((self.frames.len() / FRAME_LEN) as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.entries.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.frames);
        self.entries.iter().for_each(|entry| bytes.extend_from_slice(entry));
        bytes
    }
}

fn place_at(record: &[u8]) -> Place {
    Place { frame: u32_at(record, 33), offset: u32_at(record, 37), length: u32_at(record, 41) }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut array = [0; 4];
    array.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(array)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut array = [0; 8];
    array.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(array)
}

pub(super) fn digest_at(bytes: &[u8], at: usize) -> Digest {
    let mut array = [0; 32];
    array.copy_from_slice(&bytes[at..at + 32]);
    Digest::new(array)
}
