//! Writing: objects and contents become frames, frames become packs.
//!
//! Small contents and objects of one texture share frames. A large content is cut into chunks, and
//! those that are new become frames of their own (`ingest`). What the store or this writer has already is
//! not written again, and if nothing is new, nothing is written.

use std::collections::HashSet;
use std::io::Read;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::id::{ContentId, Digest, Kind};
use crate::object::{Insert, InsertContent, ObjectError};
use crate::progress::{Amount, Progress};
use crate::store::cut::MAX_CHUNK;
use crate::store::draft::{Item, Terms};
use crate::store::frames::{ContentFrames, Frames};
use crate::store::layout::{EntryKind, MAX_RAW};
use crate::store::packs::{PackName, Section};
use crate::store::pool::{Lent, Pool};
use crate::store::sample::texture;
use crate::store::seen::Seen;
use crate::store::{Store, StoreError};

/// A series of more bytes than this goes to the data packs.
const LARGE_SERIES: usize = 256 << 10;
/// Buffers of large contents in flight, over all threads.
const BLOCKS: usize = 7;

/// Writes new objects and contents into packs; what the store has already is not written again.
/// Dropped before [`Writer::finish`], it leaves nothing behind that anything refers to.
pub struct Writer<'a> {
    store: &'a Store,
    pub(super) progress: &'a dyn Progress,
    /// Packs that are about to be removed: what only they have counts as new.
    doomed: HashSet<PackName>,
    seen: Seen,
    pub(super) frames: Frames,
    pub(super) blocks: Pool<Vec<u8>>,
    small: Pool<SmallFrames>,
    object_count: AtomicU64,
    listed: OnceLock<()>,
    /// Whether what the store has counts as here already.
    relies: bool,
}

/// What a writer wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// New objects.
    pub objects: u64,
    /// Bytes added to the storage.
    pub stored_bytes: u64,
}

/// The frames that one thread gathers small contents in, and its reading buffer.
struct SmallFrames {
    buffer: Vec<u8>,
    frames: ContentFrames,
}

impl<'a> Writer<'a> {
    pub(super) fn new(store: &'a Store, doomed: HashSet<PackName>, progress: &'a dyn Progress) -> Self {
        Self {
            store,
            progress,
            doomed,
            seen: Seen::new(),
            frames: Frames::new(&store.storage, Terms::WRITER),
            blocks: Pool::new(BLOCKS),
            small: Pool::new(usize::MAX),
            object_count: AtomicU64::new(0),
            listed: OnceLock::new(),
            relies: true,
        }
    }

    /// Writes also what the store has.
    pub(super) fn relying_on_nothing(mut self) -> Self {
        self.relies = false;
        self
    }

    /// Packs whose names do not depend on chance.
    #[cfg(test)]
    pub(super) fn without_nonce(mut self) -> Self {
        self.frames = self.frames.without_nonce();
        self
    }

    /// Publishes what was inserted: data packs, then metadata packs, durably.
    pub fn finish(mut self) -> Result<Written, StoreError> {
        for mut thread in std::mem::replace(&mut self.small, Pool::new(0)).into_free() {
            self.frames.flush(&mut thread.frames)?;
        }
        let Self { store, mut frames, object_count, .. } = self;
        let mut packs = frames.finish_data()?;
        packs.extend(frames.finish_meta()?);
        store.catalog.add(&packs);
        if !packs.is_empty() {
            store.catalog.save()?;
        }
        let stored_bytes = packs.iter().map(|pack| pack.bytes).sum();
        Ok(Written { objects: object_count.into_inner(), stored_bytes })
    }

    /// Whether an entry is new; from then on it is not, and the caller must append it.
    pub(super) fn claim(&self, kind: EntryKind, id: &Digest) -> Result<bool, StoreError> {
        Ok(!self.known(kind, id)? && self.seen.insert(kind, id))
    }

    fn known(&self, kind: EntryKind, id: &Digest) -> Result<bool, StoreError> {
        if !self.relies {
            return Ok(false);
        }
        if self.listed.get().is_none() {
            self.store.catalog.refresh()?;
            let _ = self.listed.set(());
        }
        Ok(self.store.catalog.find_outside(kind, id, &self.doomed)?.is_some())
    }

    /// Keeps a node or root of a recipe, if it is new.
    pub(super) fn insert_recipe(&self, kind: EntryKind, id: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        if self.claim(kind, &id)? { self.frames.gather(kind, id, bytes) } else { Ok(()) }
    }

    /// Whether an entry is neither in the store, doomed packs aside, nor inserted yet.
    pub(super) fn lacks(&self, kind: EntryKind, id: &Digest) -> Result<bool, StoreError> {
        Ok(!self.seen.contains(kind, id) && !self.known(kind, id)?)
    }

    /// Keeps an entry as it is, if it is new.
    pub(super) fn insert_entry(&self, kind: EntryKind, id: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        match kind {
            EntryKind::Chunk if !self.claim(kind, &id)? => Ok(()),
            EntryKind::Chunk => self.frames.gather_data(&mut self.lend_small()?.frames, kind, id, bytes),
            EntryKind::Recipe | EntryKind::Node => self.insert_recipe(kind, id, bytes),
            EntryKind::Object(kind) => self.insert_object(kind, bytes).map(drop),
        }
    }

    fn insert_small(&self, frames: &mut SmallFrames, length: usize) -> Result<ContentId, StoreError> {
        let bytes = &frames.buffer[..length];
        self.progress.advance(Amount { items: 0, bytes: length as u64 });
        let id = ContentId::of(bytes);
        let chunk = (EntryKind::Chunk, id.digest());
        if bytes.is_empty() || !self.claim(chunk.0, &chunk.1)? {
            return Ok(id);
        }
        self.frames.gather_data(&mut frames.frames, chunk.0, chunk.1, bytes)?;
        Ok(id)
    }

    fn lend_small(&self) -> Result<Lent<'_, SmallFrames>, StoreError> {
        self.small.lend(|| Ok(SmallFrames { buffer: vec![0; MAX_CHUNK + 1], frames: Default::default() }))
    }

    /// Inserts a content that is expected to be large, of which a block holds some bytes already.
    fn insert_large(
        &self,
        mut block: Lent<'_, Vec<u8>>,
        length: usize,
        rest: &mut dyn Read,
    ) -> Result<(ContentId, u64), ObjectError> {
        let length = length + fill(rest, &mut block[length..])?;
        if length > MAX_CHUNK {
            return self.ingest(block, length, rest);
        }
        let mut frames = self.lend_small()?;
        frames.buffer[..length].copy_from_slice(&block[..length]);
        drop(block);
        Ok((self.insert_small(&mut frames, length)?, length as u64))
    }

    fn insert_object(&self, kind: Kind, bytes: &[u8]) -> Result<Digest, StoreError> {
        let (id, entry) = (kind.digest(bytes), EntryKind::Object(kind));
        if bytes.len() > MAX_RAW as usize {
            return Err(StoreError::ObjectTooLarge { kind, id, size: bytes.len() as u64 });
        }
        if !self.claim(entry, &id)? {
            return Ok(id);
        }
        self.object_count.fetch_add(1, Ordering::Relaxed);
        if kind == Kind::Series && bytes.len() > LARGE_SERIES {
            let item = Item { kind: entry, id, offset: 0, length: bytes.len() as u32 };
            self.frames.append(Section::Data, bytes, texture(bytes), &[item])?;
        } else {
            self.frames.gather(entry, id, bytes)?;
        }
        Ok(id)
    }
}

impl Insert for Writer<'_> {
    fn insert(&self, kind: Kind, bytes: Vec<u8>) -> Result<Digest, ObjectError> {
        Ok(self.insert_object(kind, &bytes)?)
    }
}

impl InsertContent for Writer<'_> {
    fn insert_content(&self, bytes: &mut dyn Read, size_hint: u64) -> Result<(ContentId, u64), ObjectError> {
        let done = if size_hint <= MAX_CHUNK as u64 {
            let mut frames = self.lend_small()?;
            let length = fill(bytes, &mut frames.buffer)?;
            if length <= MAX_CHUNK {
                (self.insert_small(&mut frames, length)?, length as u64)
            } else {
                // More came than was expected.
                let mut block = self.lend_block()?;
                block[..length].copy_from_slice(&frames.buffer);
                drop(frames);
                self.insert_large(block, length, bytes)?
            }
        } else {
            self.insert_large(self.lend_block()?, 0, bytes)?
        };
        self.progress.advance(Amount { items: 1, bytes: 0 });
        Ok(done)
    }

    fn has_content(&self, id: ContentId) -> Result<bool, ObjectError> {
        // What this writer made a recipe of, it has whole.
        let is_made = self.seen.contains(EntryKind::Recipe, &id.digest());
        let has = |kind, id: &Digest| Ok(self.seen.contains(kind, id) || self.known(kind, id)?);
        Ok(is_made || self.store.is_whole(id, &has)?)
    }
}

/// Reads until the buffer is full or nothing is left; how much was read.
pub(super) fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, ObjectError> {
    let mut length = 0;
    while length < buffer.len() {
        match from.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ObjectError::Storage(Box::new(error))),
        }
    }
    Ok(length)
}
