//! Delivering: contents that are carried reach a sink on the way, so that they are decoded and verified once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::{ContentId, Digest};
use crate::object::{ContentSink, ObjectError};
use crate::store::StoreError;
use crate::store::layout::{Entry, EntryKind};
use crate::store::recipe::Child;

/// Bytes of a content that are read back at a time.
const READ_BACK: u64 = 1 << 20;
/// Bytes that wait in memory for what comes before them.
const STASH: usize = 32 << 20;
/// So many buffers wait to be used again, none of them larger.
const SPARES: usize = 8;
const LARGEST_SPARE: usize = 4 << 20;
/// Places of chunks that are kept in mind, 48 bytes each.
const MOST_PLACES: usize = 1 << 20;

/// Contents that somebody waits for.
pub(super) struct Deliveries<'a> {
    sink: &'a dyn ContentSink,
    /// By id.
    awaited: Vec<Awaited>,
    /// Where chunks belong that are going to be carried; by chunk, once all of them are known.
    places: Vec<Place>,
    /// Room that is taken by what came before its turn and is kept, in bytes, and how much may be.
    stashed: AtomicUsize,
    most: usize,
    /// Buffers whose turn is over.
    spare: Mutex<Vec<Vec<u8>>>,
}

struct Awaited {
    id: ContentId,
    size: u64,
    /// Its places in what is wanted: a content may be wanted twice.
    indices: Vec<usize>,
    /// How it is going to be carried, if all of it is.
    coming: Option<Coming>,
    /// Of what comes in more than one piece.
    hash: Mutex<Option<Box<Hash>>>,
}

/// The hash of a content that comes in pieces, about in order.
#[derive(Default)]
struct Hash {
    hasher: blake3::Hasher,
    /// What came before its turn, by offset.
    early: BTreeMap<u64, Early>,
}

/// A piece that came before its turn.
enum Early {
    /// A range of this.
    Kept(Vec<u8>, Range<usize>),
    /// So many bytes, for which there was no room: the sink has them.
    InSink(u64),
}

impl Early {
    /// The memory that it takes.
    fn room(&self) -> usize {
        match self {
            Early::Kept(bytes, _) => bytes.capacity(),
            Early::InSink(_) => 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coming {
    /// As a chunk, whose id is its own.
    Whole,
    /// In pieces. That each has its id does not say that they are this content.
    Pieces,
}

/// Where a chunk belongs.
#[derive(Clone, Copy)]
struct Place {
    chunk: Digest,
    /// Number of the content.
    content: u32,
    size: u32,
    offset: u64,
}

/// Bytes of a frame that belong together in a content too.
struct Run {
    content: u32,
    offset: u64,
    raw: Range<usize>,
}

impl<'a> Deliveries<'a> {
    /// Awaits contents, given with their sizes.
    pub fn new(wanted: &[(ContentId, u64)], sink: &'a dyn ContentSink) -> Self {
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_unstable_by_key(|index| wanted[*index].0);
        let same = order.chunk_by(|a, b| wanted[*a].0 == wanted[*b].0);
        let awaited = same.map(|indices| {
            let (id, size) = wanted[indices[0]];
            Awaited { id, size, indices: indices.to_vec(), coming: None, hash: Mutex::default() }
        });
        Self {
            sink,
            awaited: awaited.collect(),
            places: Vec::new(),
            stashed: AtomicUsize::new(0),
            most: STASH,
            spare: Mutex::default(),
        }
    }

    /// Expects a content that is a chunk and is going to be carried.
    pub fn expect_chunk(&mut self, id: ContentId) -> Result<(), StoreError> {
        let Some(number) = self.find(id) else { return Ok(()) };
        let size = self.awaited[number].size;
        self.expect(number, Coming::Whole, &[Child { id: id.digest(), size }])
    }

    /// Expects a content of which all chunks, given in order, are going to be carried.
    pub fn expect_chunks(&mut self, id: ContentId, chunks: &[Child]) -> Result<(), StoreError> {
        self.find(id).map_or(Ok(()), |number| self.expect(number, Coming::Pieces, chunks))
    }

    fn find(&self, id: ContentId) -> Option<usize> {
        self.awaited.binary_search_by_key(&id, |content| content.id).ok()
    }

    fn expect(&mut self, number: usize, how: Coming, chunks: &[Child]) -> Result<(), StoreError> {
        let Awaited { id, size, coming, .. } = &mut self.awaited[number];
        // What there is no room for can be read when it is here.
        if coming.is_some() || self.places.len() + chunks.len() > MOST_PLACES {
            return Ok(());
        }
        *coming = Some(how);
        let corrupt = || corrupt(*id);
        let mut offset = 0u64;
        for chunk in chunks {
            let size = u32::try_from(chunk.size).map_err(|_| corrupt())?;
            self.places.push(Place { chunk: chunk.id, content: number as u32, size, offset });
            offset = offset.saturating_add(chunk.size);
        }
        if offset == *size { Ok(()) } else { Err(corrupt()) }
    }

    /// Everything that is going to be carried was told.
    pub fn begin(&mut self) {
        self.places.sort_unstable_by_key(|place| place.chunk);
    }

    /// Hands on what was carried: entries of a frame, each with its id, and the bytes of the frame. These may be kept;
    /// then another buffer takes their place.
    pub fn deliver(&self, entries: &[Entry], raw: &mut Vec<u8>) -> Result<(), StoreError> {
        let mut runs = self.runs(entries)?.into_iter().peekable();
        while let Some(Run { content, offset, raw: range }) = runs.next() {
            let content = &self.awaited[content as usize];
            let Some(bytes) = raw.get(range.clone()) else { return Err(corrupt(content.id)) };
            let is_whole = bytes.len() as u64 == content.size;
            if is_whole && content.coming == Some(Coming::Pieces) && ContentId::of(bytes) != content.id {
                return Err(corrupt(content.id));
            }
            content.indices.iter().try_for_each(|index| self.sink.write(*index, offset, bytes))?;
            let is_last = runs.peek().is_none();
            if is_whole || self.completes(content, offset, (raw, range), is_last)? {
                content.indices.iter().try_for_each(|index| self.sink.verified(*index))?;
            }
        }
        Ok(())
    }

    /// Hashes a piece that the sink has, once it is its turn. Whether the content is complete then, and verified.
    fn completes(
        &self,
        content: &Awaited,
        offset: u64,
        (raw, range): (&mut Vec<u8>, Range<usize>),
        is_last: bool,
    ) -> Result<bool, StoreError> {
        let mut hash = content.hash.lock().unwrap_or_else(PoisonError::into_inner);
        let Hash { hasher, early } = &mut **hash.get_or_insert_default();
        if offset == hasher.count() {
            hasher.update(&raw[range]);
        } else if self.stashed.load(Ordering::Relaxed) + range.len() <= self.most {
            let kept = self.keep(raw, range, is_last);
            self.stashed.fetch_add(kept.room(), Ordering::Relaxed);
            early.insert(offset, kept);
        } else {
            early.insert(offset, Early::InSink(range.len() as u64));
        }
        while let Some(next) = early.remove(&hasher.count()) {
            self.stashed.fetch_sub(next.room(), Ordering::Relaxed);
            match next {
                Early::Kept(bytes, range) => {
                    hasher.update(&bytes[range]);
                    self.reuse(bytes);
                }
                Early::InSink(len) => self.read_back(content, len, hasher)?,
            }
        }
        if hasher.count() < content.size {
            return Ok(false);
        }
        let id = Digest::new(*hasher.finalize().as_bytes());
        if id == content.id.digest() { Ok(true) } else { Err(corrupt(content.id)) }
    }

    /// Keeps a range of a buffer: with the buffer itself, if nobody needs that any more and it is not much more.
    fn keep(&self, raw: &mut Vec<u8>, range: Range<usize>, is_last: bool) -> Early {
        if is_last && range.len() >= raw.capacity() / 2 {
            let spare = self.spare().pop().unwrap_or_default();
            return Early::Kept(std::mem::replace(raw, spare), range);
        }
        let kept = raw[range].to_vec();
        let range = 0..kept.len();
        Early::Kept(kept, range)
    }

    fn reuse(&self, buffer: Vec<u8>) {
        let mut spare = self.spare();
        if spare.len() < SPARES && buffer.capacity() <= LARGEST_SPARE {
            spare.push(buffer);
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hashes so many bytes that the sink has.
    fn read_back(&self, content: &Awaited, len: u64, hasher: &mut blake3::Hasher) -> Result<(), ObjectError> {
        let (mut buffer, end) = (Vec::new(), hasher.count() + len);
        while hasher.count() < end {
            buffer.resize((end - hasher.count()).min(READ_BACK) as usize, 0);
            self.sink.read_back(content.indices[0], hasher.count(), &mut buffer)?;
            hasher.update(&buffer);
        }
        Ok(())
    }

    /// Where the first of some chunks belongs, if that is a content of many: carried in this order, they come about in
    /// order.
    pub fn rank<'e>(&self, entries: impl Iterator<Item = &'e Entry>) -> Option<(u32, u64)> {
        let places = entries.flat_map(|entry| self.places_of(&entry.id));
        let is_piece = |place: &&Place| self.awaited[place.content as usize].coming == Some(Coming::Pieces);
        places.filter(is_piece).map(|place| (place.content, place.offset)).min()
    }

    fn places_of(&self, chunk: &Digest) -> &[Place] {
        let first = self.places.partition_point(|place| place.chunk < *chunk);
        let of_chunk = self.places[first..].iter().take_while(|place| place.chunk == *chunk);
        &self.places[first..first + of_chunk.count()]
    }

    /// Where the bytes of a frame belong, in as few pieces as possible.
    fn runs(&self, entries: &[Entry]) -> Result<Vec<Run>, StoreError> {
        let mut runs: Vec<Run> = Vec::new();
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Chunk) {
            for place in self.places_of(&entry.id) {
                if place.size != entry.place.length {
                    return Err(corrupt(self.awaited[place.content as usize].id));
                }
                let start = entry.place.offset as usize;
                let raw = start..start + place.size as usize;
                runs.push(Run { content: place.content, offset: place.offset, raw });
            }
        }
        runs.sort_unstable_by_key(|run| (run.content, run.offset));
        runs.dedup_by(|next, run| {
            let len = (run.raw.end - run.raw.start) as u64;
            let follows = next.content == run.content
                && next.offset == run.offset + len
                && next.raw.start == run.raw.end;
            if follows {
                run.raw.end = next.raw.end;
            }
            follows
        });
        Ok(runs)
    }
}

fn corrupt(content: ContentId) -> StoreError {
    StoreError::CorruptContent { content, chunk: None }
}

#[cfg(test)]
mod tests;
