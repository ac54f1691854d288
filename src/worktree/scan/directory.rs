//! One directory that is being scanned: first its subdirectories, then its names, a batch at a time.
//!
//! As long as all batches are as the cache says nothing is built. With the first that is not, the directory's tree
//! is built from the start; batches may end in any order and are taken in by their place.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::name::EntryName;
use crate::object::{Entry, Insert, Node, TreeBuilder};
use crate::worktree::cache::{Block, Chunk, Level, ScannedChunk, StatCache, records};
use crate::worktree::scan::listing::Listing;
use crate::worktree::scan::{ScanError, Sink, file};

/// A batch has at most so many names.
const BATCH: usize = 1024;

pub(super) struct Directory<'s, S: Insert> {
    /// From the root, empty for the root itself.
    pub path: String,
    /// Its key in the cache.
    pub key: String,
    /// The directory above, and the place of this one in its listing.
    pub parent: Option<(Arc<Directory<'s, S>>, usize)>,
    pub old: Option<&'s Block>,
    pub listing: OnceLock<Listing>,
    pub batches: OnceLock<Vec<Range<usize>>>,
    /// Subdirectories that are scanned, by their place in the listing; `None` for one that is left out.
    pub children: Mutex<HashMap<usize, Option<Node>>>,
    /// Subdirectories or batches that are still to come.
    pending: AtomicUsize,
    progress: Mutex<Progress<'s, S>>,
}

/// What a batch came to.
pub(super) enum Batch {
    /// Exactly a chunk of the cache.
    Same(Chunk),
    /// Something else.
    New(Chunk, Vec<Entry>),
    /// Nothing: all its names are gone.
    Gone,
}

struct Progress<'s, S: Insert> {
    next: usize,
    waiting: BTreeMap<usize, Batch>,
    chunks: Vec<ScannedChunk>,
    builder: Option<TreeBuilder<'s, S>>,
}

impl<'s, S: Sink> Directory<'s, S> {
    pub fn new(
        path: String,
        key: String,
        parent: Option<(Arc<Self>, usize)>,
        old: Option<&'s Block>,
    ) -> Self {
        Self {
            path,
            key,
            parent,
            old,
            listing: OnceLock::new(),
            batches: OnceLock::new(),
            children: Mutex::default(),
            pending: AtomicUsize::new(0),
            progress: Mutex::new(Progress {
                next: 0,
                waiting: BTreeMap::new(),
                chunks: Vec::new(),
                builder: None,
            }),
        }
    }

    /// Says how many subdirectories or batches are to come.
    pub fn expect(&self, count: usize) {
        self.pending.store(count, Ordering::Release);
    }

    /// One of them is there; says whether it was the last.
    pub fn arrived(&self) -> bool {
        self.pending.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// The places of the names of each batch. Batches begin where chunks of the cache do, so that one more name
    /// changes one chunk.
    pub fn cut(&self, listing: &Listing) -> Vec<Range<usize>> {
        let firsts = self.old.iter().flat_map(|block| &block.chunks).skip(1);
        let mut ends: Vec<usize> = firsts.map(|chunk| listing.position(&chunk.first)).collect();
        ends.push(listing.len());
        let mut batches = Vec::new();
        let mut start = 0;
        for end in ends {
            while start < end {
                let next = end.min(start + BATCH);
                batches.push(start..next);
                start = next;
            }
        }
        batches
    }

    /// The chunks of the cache that may have names from one to another.
    pub fn old_chunks(&self, first: &str, last: &str) -> &'s [Chunk] {
        let Some(block) = self.old else { return &[] };
        let start = block.chunks.partition_point(|chunk| &*chunk.first <= first).saturating_sub(1);
        let end = block.chunks.partition_point(|chunk| &*chunk.first <= last);
        block.chunks.get(start..end).unwrap_or_default()
    }

    /// What the repository is known to have of this directory, where it did not change.
    pub fn level(&self) -> Level {
        self.old.map(|block| block.level).unwrap_or_default()
    }

    /// Builds the tree whether or not anything changed.
    pub fn build(&self, sink: &'s S) {
        super::lock(&self.progress).builder = Some(TreeBuilder::new(sink));
    }

    /// Takes in a batch, and those that waited for it.
    pub fn take_in(
        &self,
        index: usize,
        batch: Batch,
        cache: &StatCache<'_>,
        sink: &'s S,
    ) -> Result<(), ScanError> {
        let mut progress = super::lock(&self.progress);
        progress.waiting.insert(index, batch);
        loop {
            let next = progress.next;
            let Some(batch) = progress.waiting.remove(&next) else { return Ok(()) };
            progress.next += 1;
            progress.take(batch, cache, sink)?;
        }
    }

    /// The node, and the chunks if they are not those of the cache. To be called once, at the end.
    pub fn finish(
        &self,
        cache: &StatCache<'_>,
        sink: &'s S,
    ) -> Result<(Node, Option<Vec<ScannedChunk>>), ScanError> {
        let mut progress = super::lock(&self.progress);
        let same = progress.chunks.iter().all(|chunk| matches!(chunk, ScannedChunk::Old(_)));
        let old = self.old.filter(|old| same && old.chunks.len() == progress.chunks.len());
        if let (Some(old), None) = (old, &progress.builder) {
            return Ok((Node::Directory { tree: old.tree, files: old.files, bytes: old.bytes }, None));
        }
        progress.start(cache, sink)?;
        let builder = progress.builder.take().unwrap_or_else(|| TreeBuilder::new(sink));
        let node = builder.finish()?;
        Ok((node, old.is_none().then(|| std::mem::take(&mut progress.chunks))))
    }
}

impl<'s, S: Sink> Progress<'s, S> {
    fn take(&mut self, batch: Batch, cache: &StatCache<'_>, sink: &'s S) -> Result<(), ScanError> {
        match batch {
            Batch::Same(chunk) => {
                if let Some(builder) = &mut self.builder {
                    replay(&chunk, cache, builder)?;
                }
                self.chunks.push(ScannedChunk::Old(chunk));
            }
            Batch::New(chunk, entries) => {
                self.start(cache, sink)?;
                for entry in entries {
                    self.builder.as_mut().map_or(Ok(()), |builder| builder.push(entry))?;
                }
                self.chunks.push(ScannedChunk::New(chunk));
            }
            Batch::Gone => {}
        }
        Ok(())
    }

    /// Starts to build, with what was taken in before.
    fn start(&mut self, cache: &StatCache<'_>, sink: &'s S) -> Result<(), ScanError> {
        if self.builder.is_none() {
            let mut builder = TreeBuilder::new(sink);
            for chunk in &self.chunks {
                // Before the first new chunk there are old ones only.
                if let ScannedChunk::Old(chunk) = chunk {
                    replay(chunk, cache, &mut builder)?;
                }
            }
            self.builder = Some(builder);
        }
        Ok(())
    }
}

/// Pushes the entries of a chunk of the cache.
fn replay<S: Sink>(
    chunk: &Chunk,
    cache: &StatCache<'_>,
    builder: &mut TreeBuilder<'_, S>,
) -> Result<(), ScanError> {
    let bytes = cache.read(chunk).ok_or(ScanError::Cache)?;
    for record in records(&bytes).ok_or(ScanError::Cache)? {
        let name = EntryName::new(record.name).map_err(|_| ScanError::Cache)?;
        builder.push(Entry { name, node: file::node(&record) })?;
    }
    Ok(())
}
