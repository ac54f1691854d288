//! Large contents: read, cut, hash, deduplicate and compress at once, in bounded memory.
//!
//! The calling thread reads blocks and cuts them. One thread hashes the whole content in order; workers hash
//! the chunks of a block, find the new ones, and append them as frames of consecutive chunks. The recipe
//! grows in order as workers finish. Blocks come from a pool that all contents of a writer share: it is
//! what bounds memory, and what makes a reader wait for slower stages.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::id::{ContentId, Digest};
use crate::object::ObjectError;
use crate::progress::Amount;
use crate::store::StoreError;
use crate::store::cut::{MAX_CHUNK, cut};
use crate::store::draft::Item;
use crate::store::layout::EntryKind;
use crate::store::packs::Section;
use crate::store::pool::Lent;
use crate::store::recipe::{Child, RecipeBuilder};
use crate::store::sample::texture;
use crate::store::writer::{Writer, fill};

/// Bytes of a block: what is read at a time, and what was left uncut of the block before.
pub(super) const BLOCK_CAPACITY: usize = (4 << 20) + MAX_CHUNK;
/// Consecutive new chunks are stored together in frames of at most so many raw bytes.
const CHUNK_FRAME: usize = 1 << 20;

/// A piece of a content that is cut into whole chunks.
struct Block<'a> {
    number: usize,
    bytes: Lent<'a, Vec<u8>>,
    ends: Vec<usize>,
}

impl Block<'_> {
    fn whole(&self) -> &[u8] {
        &self.bytes[..self.ends.last().copied().unwrap_or(0)]
    }
}

/// The recipe, and the chunks of blocks that are done before those in front of them.
#[derive(Default)]
struct Assembly {
    recipe: RecipeBuilder,
    next: usize,
    waiting: BTreeMap<usize, Vec<Child>>,
    failure: Option<StoreError>,
}

impl<'a> Writer<'a> {
    pub(super) fn lend_block(&self) -> Result<Lent<'_, Vec<u8>>, StoreError> {
        self.blocks.lend(|| Ok(vec![0; BLOCK_CAPACITY]))
    }

    /// Inserts a content of more than one chunk, of which a block holds the first bytes.
    pub(super) fn ingest(
        &self,
        first: Lent<'_, Vec<u8>>,
        length: usize,
        rest: &mut dyn Read,
    ) -> Result<(ContentId, u64), ObjectError> {
        let assembly = Mutex::new(Assembly::default());
        let hash = if length < BLOCK_CAPACITY {
            let mut ends = Vec::new();
            cut(&first[..length], true, &mut ends);
            let block = Block { number: 0, bytes: first, ends };
            self.progress.advance(Amount { items: 0, bytes: length as u64 });
            self.store_block(&block, &assembly)?;
            blake3::hash(block.whole())
        } else {
            self.pipeline(first, rest, &assembly)?
        };
        let id = ContentId::from(Digest::new(*hash.as_bytes()));
        let Assembly { recipe, failure, .. } = assembly.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        let root = recipe.finish(&mut |id, node| self.insert_recipe(EntryKind::Node, id, &node))?;
        self.insert_recipe(EntryKind::Recipe, id.digest(), &root.to_bytes(id))?;
        Ok((id, root.top.size))
    }

    fn pipeline(
        &self,
        first: Lent<'_, Vec<u8>>,
        rest: &mut dyn Read,
        assembly: &Mutex<Assembly>,
    ) -> Result<blake3::Hash, ObjectError> {
        let workers = std::thread::available_parallelism().map_or(2, usize::from).min(16);
        std::thread::scope(|scope| {
            let (to_hasher, blocks) = unbounded::<Arc<Block<'_>>>();
            let hasher = scope.spawn(move || {
                let mut hasher = blake3::Hasher::new();
                blocks.iter().for_each(|block| {
                    hasher.update(block.whole());
                });
                hasher.finalize()
            });
            let (to_workers, blocks) = unbounded::<Arc<Block<'_>>>();
            for _ in 0..workers {
                let blocks: Receiver<Arc<Block<'_>>> = blocks.clone();
                scope.spawn(move || self.work(&blocks, assembly));
            }
            let read = self.read_blocks(first, rest, assembly, &[to_hasher, to_workers]);
            let hash = hasher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            read.map(|()| hash)
        })
    }

    fn read_blocks<'b>(
        &'b self,
        first: Lent<'b, Vec<u8>>,
        rest: &mut dyn Read,
        assembly: &Mutex<Assembly>,
        outlets: &[Sender<Arc<Block<'b>>>],
    ) -> Result<(), ObjectError> {
        let (mut bytes, mut length, mut number) = (first, BLOCK_CAPACITY, 0);
        let mut uncut = Vec::with_capacity(MAX_CHUNK);
        loop {
            let last = length < BLOCK_CAPACITY;
            let mut ends = Vec::with_capacity(128);
            let end = cut(&bytes[..length], last, &mut ends);
            uncut.clear();
            uncut.extend_from_slice(&bytes[end..length]);
            // The block is given away before the next is asked for: holding one while waiting for
            // another would let several contents block each other.
            let block = Arc::new(Block { number, bytes, ends });
            for outlet in outlets {
                // A receiver is gone only after a panic, which the scope passes on.
                let _ = outlet.send(block.clone());
            }
            drop(block);
            self.progress.advance(Amount { items: 0, bytes: end as u64 });
            if last || assembly.lock().unwrap_or_else(PoisonError::into_inner).failure.is_some() {
                return Ok(());
            }
            bytes = self.lend_block()?;
            bytes[..uncut.len()].copy_from_slice(&uncut);
            length = uncut.len() + fill(rest, &mut bytes[uncut.len()..])?;
            number += 1;
        }
    }

    fn work(&self, blocks: &Receiver<Arc<Block<'_>>>, assembly: &Mutex<Assembly>) {
        for block in blocks {
            if let Err(failure) = self.store_block(&block, assembly) {
                assembly.lock().unwrap_or_else(PoisonError::into_inner).failure.get_or_insert(failure);
            }
        }
    }

    fn store_block(&self, block: &Block<'_>, assembly: &Mutex<Assembly>) -> Result<(), StoreError> {
        let chunks = self.store_chunks(block).inspect_err(|_| self.frames.fail())?;
        let mut assembly = assembly.lock().unwrap_or_else(PoisonError::into_inner);
        assembly.waiting.insert(block.number, chunks);
        let Assembly { recipe, next, waiting, .. } = &mut *assembly;
        while let Some(chunks) = waiting.remove(next) {
            *next += 1;
            for chunk in chunks {
                recipe.push(chunk, &mut |id, node| self.insert_recipe(EntryKind::Node, id, &node))?;
            }
        }
        Ok(())
    }

    /// Stores what is new of a block, and says what its chunks are.
    fn store_chunks(&self, block: &Block<'_>) -> Result<Vec<Child>, StoreError> {
        let mut chunks = Vec::with_capacity(block.ends.len());
        let mut run = Run { start: 0, end: 0, items: Vec::new() };
        let mut start = 0;
        for end in block.ends.iter().copied() {
            let id = ContentId::of(&block.bytes[start..end]).digest();
            let chunk = Child { id, size: (end - start) as u64 };
            if self.claim(EntryKind::Chunk, &id)? {
                if run.end != start || end - run.start > CHUNK_FRAME {
                    self.store_run(block, &mut run)?;
                    run.start = start;
                }
                let offset = (start - run.start) as u32;
                run.items.push(Item { kind: EntryKind::Chunk, id, offset, length: chunk.size as u32 });
                run.end = end;
            }
            chunks.push(chunk);
            start = end;
        }
        self.store_run(block, &mut run)?;
        Ok(chunks)
    }

    fn store_run(&self, block: &Block<'_>, run: &mut Run) -> Result<(), StoreError> {
        let raw = &block.bytes[run.start..run.end];
        self.frames.append(Section::Data, raw, texture(raw), &run.items)?;
        run.items.clear();
        Ok(())
    }
}

/// Consecutive new chunks of a block.
struct Run {
    start: usize,
    end: usize,
    items: Vec<Item>,
}
