//! The packs of a storage: their names, and their bytes, read and verified.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::id::Digest;
use crate::storage::{Body, Key, Storage};
use crate::store::StoreError;
use crate::store::layout::{
    Entries, Footer, Frame, MAGIC, PackProblem, TRAILER_LEN, Trailer, digest_at, pack_name,
};

/// The two kinds of packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Objects and recipes.
    Meta,
    /// Chunks, and objects that are large.
    Data,
}

impl Section {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Meta, Self::Data];

    /// The prefix of the keys.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Meta => "packs/meta",
            Self::Data => "packs/data",
        }
    }
}

/// The name of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackName {
    /// Where it is.
    pub section: Section,
    /// The digest of its footer.
    pub digest: Digest,
}

impl PackName {
    /// Length of [`PackName::to_bytes`].
    pub(super) const LEN: usize = 1 + Digest::LEN;

    /// As caches have it: the section (0 metadata, 1 data), the digest.
    pub(super) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [u8::from(self.section == Section::Data); Self::LEN];
        bytes[1..].copy_from_slice(self.digest.as_bytes());
        bytes
    }

    /// The name that begins with the first of these bytes.
    pub(super) fn at(bytes: &[u8]) -> Self {
        let section = if bytes[0] == 0 { Section::Meta } else { Section::Data };
        Self { section, digest: digest_at(bytes, 1) }
    }

    /// The name behind a key; `None` if this is not the key of a pack.
    pub fn from_key(section: Section, key: &Key) -> Option<Self> {
        let name = key.as_str().strip_prefix(section.prefix())?.strip_prefix('/')?;
        let digest: Digest = name.parse().ok()?;
        // Upper-case digits would be a second key for the same name.
        (!name.bytes().any(|byte| byte.is_ascii_uppercase())).then_some(Self { section, digest })
    }

    /// The name behind the text of a key, in whichever section.
    pub fn parse(key: &str) -> Option<Self> {
        let key = Key::new(key)?;
        Section::ALL.into_iter().find_map(|section| Self::from_key(section, &key))
    }

    /// The names behind keys, of which those that are no packs' are left out.
    pub fn of_keys<'a>(keys: impl Iterator<Item = &'a str>) -> HashSet<Self> {
        keys.filter_map(Self::parse).collect()
    }

    /// The key.
    pub fn key(&self) -> Key {
        // A prefix of letters and 64 digits are always a key.
        Key::new(&self.to_string()).unwrap_or_else(|| unreachable!())
    }
}

impl std::fmt::Display for PackName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.section.prefix(), self.digest)
    }
}

/// A pack that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackInfo {
    /// Its name.
    pub name: PackName,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A pack. What its footer says is read when it is first needed.
pub(super) struct Pack {
    pub(super) name: PackName,
    frames: OnceLock<Box<[Frame]>>,
    entries: OnceLock<Entries>,
    /// Why its footer cannot be used.
    damage: OnceLock<PackProblem>,
}

impl Pack {
    pub(super) fn new(name: PackName) -> Arc<Self> {
        let (frames, entries, damage) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Arc::new(Self { name, frames, entries, damage })
    }

    /// Why its footer cannot be used, if that was found.
    pub(super) fn damage(&self) -> Option<&PackProblem> {
        self.damage.get()
    }

    /// A pack whose footer is known already.
    pub(super) fn with_footer(name: PackName, footer: Option<Footer>) -> Arc<Self> {
        let pack = Self::new(name);
        footer.into_iter().for_each(|footer| pack.keep(footer));
        pack
    }

    /// Keeps what the footer says. Whoever came first read the same bytes.
    pub(super) fn keep(&self, footer: Footer) {
        let _ = self.frames.set(footer.frames);
        let _ = self.entries.set(footer.entries);
    }

    /// Frames and entries, if they were read.
    pub(super) fn known(&self) -> Option<(&[Frame], &Entries)> {
        Some((self.frames.get()?, self.entries.get()?))
    }

    pub(super) fn corrupt(&self, problem: PackProblem) -> StoreError {
        StoreError::Pack { pack: self.name.to_string(), problem }
    }
}

/// How many packs are kept open for reading.
const OPEN_BODIES: usize = 32;
/// What is read of the end of a pack in the hope that the footer is in it.
const TAIL: u64 = 64 << 10;

/// Packs that were found to be damaged as a whole, and how: for who tells a person in the end. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct DamagedPacks(Arc<Mutex<BTreeMap<PackName, PackProblem>>>);

impl DamagedPacks {
    /// Those that were found so far.
    pub fn found(&self) -> Vec<(PackName, PackProblem)> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.iter().map(|(name, problem)| (*name, problem.clone())).collect()
    }

    fn add(&self, name: PackName, problem: PackProblem) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, problem);
    }
}

/// Reads packs; keeps a few of them open.
pub(super) struct PackReader {
    storage: Arc<dyn Storage>,
    open: Mutex<VecDeque<(PackName, Arc<dyn Body>)>>,
    pub(super) damaged: DamagedPacks,
}

impl PackReader {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, open: Mutex::default(), damaged: DamagedPacks::default() }
    }

    /// The pack's body; [`PackProblem::Missing`] if it is not there.
    pub(super) fn body(&self, pack: &Pack) -> Result<Arc<dyn Body>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|(name, _)| *name == pack.name) {
            let Some(found) = open.remove(at) else { unreachable!() };
            open.push_front(found);
            return Ok(open[0].1.clone());
        }
        drop(open);
        let body = self.storage.open(&pack.name.key())?.ok_or_else(|| pack.corrupt(PackProblem::Missing))?;
        let body: Arc<dyn Body> = body.into();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push_front((pack.name, body.clone()));
        open.truncate(OPEN_BODIES);
        Ok(body)
    }

    /// Opens the pack anew the next time.
    pub(super) fn forget(&self, pack: &Pack) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(name, _)| *name != pack.name);
    }

    /// Opens every pack anew.
    #[cfg(test)]
    pub(super) fn forget_all(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether the pack can be opened.
    pub(super) fn exists(&self, pack: &Pack) -> Result<bool, StoreError> {
        if pack.frames.get().is_some() {
            return Ok(true);
        }
        match self.body(pack) {
            Ok(_) => Ok(true),
            Err(StoreError::Pack { problem: PackProblem::Missing, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads and checks the footer.
    pub(super) fn footer(&self, pack: &Pack) -> Result<Footer, StoreError> {
        let body = self.body(pack)?;
        read_footer(&*body, pack.name.digest)?.map_err(|problem| pack.corrupt(problem))
    }

    /// The entries of a pack, which are kept from then on.
    pub(super) fn entries<'a>(&self, pack: &'a Pack) -> Result<&'a Entries, StoreError> {
        if pack.entries.get().is_none() {
            pack.keep(self.footer(pack)?);
        }
        Ok(pack.entries.get().unwrap_or_else(|| unreachable!()))
    }

    /// The entries of a pack; `None` if its footer is damaged, which is kept in mind.
    pub(super) fn entries_if_sound<'a>(&self, pack: &'a Pack) -> Result<Option<&'a Entries>, StoreError> {
        if pack.damage().is_some() {
            return Ok(None);
        }
        match self.entries(pack) {
            Err(StoreError::Pack { problem, .. }) if problem != PackProblem::Missing => {
                self.damaged.add(pack.name, problem.clone());
                let _ = pack.damage.set(problem);
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// A frame's record.
    pub(super) fn frame(&self, pack: &Pack, number: u32) -> Result<Frame, StoreError> {
        if pack.frames.get().is_none() {
            let _ = pack.frames.set(self.footer(pack)?.frames);
        }
        let frames = pack.frames.get().unwrap_or_else(|| unreachable!());
        frames
            .get(number as usize)
            .copied()
            .ok_or_else(|| pack.corrupt(PackProblem::Footer("a frame is missing")))
    }

    /// Fills the buffer with bytes of the pack.
    pub(super) fn read_at(&self, pack: &Pack, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError> {
        Ok(self.body(pack)?.read_at(offset, buffer)?)
    }

    /// Reads the stored bytes of a frame, and checks its hash if asked to.
    pub(super) fn stored(
        &self,
        pack: &Pack,
        number: u32,
        check: bool,
        stored: &mut Vec<u8>,
    ) -> Result<Frame, StoreError> {
        let frame = self.frame(pack, number)?;
        stored.resize(frame.stored as usize, 0);
        self.body(pack)?.read_at(frame.offset, stored)?;
        if check && blake3::hash(stored).as_bytes() != frame.hash.as_bytes() {
            return Err(pack.corrupt(PackProblem::Frame(number)));
        }
        Ok(frame)
    }
}

/// Reads the footer of a body, and checks that it has this name.
pub(super) fn read_footer(body: &dyn Body, name: Digest) -> Result<Result<Footer, PackProblem>, StoreError> {
    let size = body.size();
    if size < (MAGIC.len() + TRAILER_LEN) as u64 {
        return Ok(Err(PackProblem::Short(size)));
    }
    let mut tail = vec![0; size.min(TAIL) as usize];
    body.read_at(size - tail.len() as u64, &mut tail)?;
    let (rest, trailer) = tail.split_last_chunk::<TRAILER_LEN>().unwrap_or_else(|| unreachable!());
    let trailer = match Trailer::parse(trailer, size) {
        Ok(trailer) if trailer.name == name => trailer,
        Ok(_) => return Ok(Err(PackProblem::Name)),
        Err(problem) => return Ok(Err(problem)),
    };
    let footer_len = trailer.footer_len as usize;
    let mut footer = Vec::new();
    let footer: &[u8] = if footer_len <= rest.len() {
        &rest[rest.len() - footer_len..]
    } else {
        footer.resize(footer_len, 0);
        body.read_at(size - (TRAILER_LEN + footer_len) as u64, &mut footer)?;
        &footer
    };
    if pack_name(footer) != name {
        return Ok(Err(PackProblem::Name));
    }
    Ok(Footer::parse(footer, size))
}
