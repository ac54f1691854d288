//! What is read at a time: consecutive frames of a pack, with what is wanted of each.

use std::ops::Range;
use std::sync::Arc;

use crate::store::layout::{Entry, Frame};
use crate::store::packs::{Pack, Section};
use crate::store::transfer::{Transfer, Want, section_of};

/// Bytes that are read at a time from a remote, unless a frame has more.
pub(super) const FAR_SPAN: u64 = 8 << 20;
/// Bytes that are read at a time from a disk.
const NEAR_SPAN: u64 = 1 << 20;
/// Frames that are not wanted are read over, if they have no more bytes than this: a request costs as much.
const GAP: u64 = 256 << 10;

/// A range of a pack that is read at a time.
pub(super) struct Span {
    pub(super) pack: Arc<Pack>,
    pub(super) bytes: Range<u64>,
    pub(super) pieces: Vec<Piece>,
}

/// What is wanted of a frame.
pub(super) struct Piece {
    pub(super) number: u32,
    pub(super) frame: Frame,
    /// Whether it is all that the frame has.
    pub(super) is_all: bool,
    /// Which of the wants, by their order.
    pub(super) wants: Range<usize>,
}

impl Span {
    /// How many bytes are read.
    pub(super) fn len(&self) -> usize {
        (self.bytes.end - self.bytes.start) as usize
    }

    /// What is wanted of it.
    pub(super) fn wanted<'a>(&'a self, wants: &'a [Want]) -> impl Iterator<Item = &'a Entry> {
        self.pieces.iter().flat_map(|piece| &wants[piece.wants.clone()]).map(|want| &want.entry)
    }

    /// The stored bytes of a piece, given those of the span.
    pub(super) fn stored<'a>(&self, piece: &Piece, stored: &'a [u8]) -> &'a [u8] {
        let start = (piece.frame.offset - self.bytes.start) as usize;
        &stored[start..start + piece.frame.stored as usize]
    }
}

impl Piece {
    /// What is wanted of it.
    pub(super) fn entries(&self, wants: &[Want]) -> Vec<Entry> {
        wants[self.wants.clone()].iter().map(|want| want.entry).collect()
    }
}

/// What lies in a frame, as far as it belongs into the section.
#[derive(Clone, Copy, Default)]
pub(super) struct Filling {
    pub(super) entries: u32,
    pub(super) bytes: u64,
}

impl Filling {
    /// Of each frame of a pack that was read.
    pub(super) fn of(pack: &Pack) -> Vec<Self> {
        let Some((frames, entries)) = pack.known() else { return Vec::new() };
        let mut fillings = vec![Self::default(); frames.len()];
        for entry in entries.all() {
            let filling = &mut fillings[entry.place.frame as usize];
            filling.entries += 1;
            filling.bytes += u64::from(entry.place.length);
        }
        fillings
    }

    /// Whether so many entries are all, and nothing else lies in the frame.
    pub(super) fn is(self, wanted: usize, frame: &Frame) -> bool {
        self.entries as usize == wanted && self.bytes == u64::from(frame.raw)
    }
}

impl Transfer<'_> {
    /// Sorts what is wanted for a section to the front of `wants`, by where it lies, and splits it off.
    pub(super) fn wants_of(&mut self, section: Section) -> Vec<Want> {
        let packs = &self.packs;
        let is_of =
            |want: &Want| section_of(want.entry.kind, packs[want.pack as usize].name.section) == section;
        let (mut now, later): (Vec<Want>, Vec<Want>) =
            std::mem::take(&mut self.wants).into_iter().partition(is_of);
        self.wants = later;
        now.sort_unstable_by_key(|want| (want.pack, want.entry.place));
        now
    }

    /// Cuts sorted wants into spans. Those of packs whose footers could not be had are left out, and returned.
    pub(super) fn spans(&self, wants: &[Want]) -> (Vec<Span>, Vec<Want>) {
        let most = if self.from.catalog.is_remote() { FAR_SPAN } else { NEAR_SPAN };
        let (mut spans, mut left_out, mut start): (Vec<Span>, _, _) = (Vec::new(), Vec::new(), 0);
        for of_pack in wants.chunk_by(|a, b| a.pack == b.pack) {
            let pack = &self.packs[of_pack[0].pack as usize];
            let fillings = Filling::of(pack);
            let first_of_pack = spans.len();
            for of_frame in of_pack.chunk_by(|a, b| a.entry.place.frame == b.entry.place.frame) {
                let number = of_frame[0].entry.place.frame;
                let range = start..start + of_frame.len();
                start = range.end;
                let frame = pack.known().and_then(|(frames, _)| frames.get(number as usize));
                let Some(frame) = frame.copied() else {
                    left_out.extend_from_slice(of_frame);
                    continue;
                };
                let is_all = fillings[number as usize].is(of_frame.len(), &frame);
                let piece = Piece { number, frame, is_all, wants: range };
                let end = frame.offset + u64::from(frame.stored);
                match spans[first_of_pack..].last_mut() {
                    Some(span) if frame.offset - span.bytes.end <= GAP && end - span.bytes.start <= most => {
                        span.bytes.end = end;
                        span.pieces.push(piece);
                    }
                    _ => {
                        spans.push(Span { pack: pack.clone(), bytes: frame.offset..end, pieces: vec![piece] })
                    }
                }
            }
        }
        (spans, left_out)
    }

    /// About how many stored bytes an entry makes up.
    pub(super) fn share(&self, want: &Want) -> u64 {
        let (pack, place) = (&self.packs[want.pack as usize], want.entry.place);
        let frame = pack.known().and_then(|(frames, _)| frames.get(place.frame as usize));
        frame.map_or(u64::from(place.length), |frame| share(frame, place.length))
    }
}

/// About how many stored bytes so many bytes of a frame make up.
pub(super) fn share(frame: &Frame, length: u32) -> u64 {
    u64::from(frame.stored) * u64::from(length) / u64::from(frame.raw).max(1)
}
