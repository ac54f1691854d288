//! The stat cache: what each directory held when it was last looked at, so that what did not change is not read.
//!
//! It may be lost or damaged at any time and is then built anew. An entry is trusted only if its file was
//! older than the look at it, by more than a clock's tick. A cache of another generation keeps its hashes and
//! forgets what the store was known to have. Chunks are read when they are needed and written as they come,
//! so that memory holds the index alone.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::disk::{Disk, open_regular};
use crate::id::ContentId;
use crate::worktree::look::Stat;

mod format;
mod fresh;

pub(super) use format::{Block, Chunk, Level, Record, RecordKind, push_record, records};
use fresh::Fresh;

/// Clocks of files tick this often, in nanoseconds: a kernel's slowest tick, twice.
const TICK: i64 = 20_000_000;
/// The tick of file systems that keep no fractions of seconds.
const COARSE_TICK: i64 = 2_000_000_000;

/// The cache of one work tree, while it is in use.
pub struct StatCache<'a> {
    file: Option<File>,
    blocks: HashMap<Box<str>, Block>,
    /// When it was opened, in nanoseconds since 1970.
    begun: i64,
    generation: u64,
    learned: Mutex<HashMap<Box<str>, Learned>>,
    fresh: Option<Fresh<'a>>,
}

/// What is known of a file that was just written.
#[derive(Clone, Copy)]
struct Learned {
    stat: Stat,
    content: ContentId,
    settled: bool,
}

/// A chunk of a directory that was scanned.
#[derive(Clone, Debug)]
pub(super) enum ScannedChunk {
    /// As it was.
    Old(Chunk),
    /// Written anew.
    New(Chunk),
}

impl<'a> StatCache<'a> {
    /// Opens `cache/stat` of a `.mdl` folder. Whatever is wrong with it, the result is at worst empty.
    /// The generation is the epoch of garbage collection.
    pub fn open(mdl: &Path, generation: u64, disk: &'a dyn Disk) -> Self {
        let begun = now();
        let fresh = Some(Fresh::new(mdl, disk));
        let (file, blocks) = match load(&mdl.join("cache/stat"), generation) {
            Some((file, blocks)) => (Some(file), blocks),
            None => (None, HashMap::new()),
        };
        Self { file, blocks, begun, generation, learned: Mutex::default(), fresh }
    }

    /// A cache that knows nothing and keeps nothing.
    pub fn none() -> Self {
        let (file, blocks, learned) = (None, HashMap::new(), Mutex::default());
        Self { file, blocks, begun: now(), generation: 0, learned, fresh: None }
    }

    /// Writes what was learned, if anything was. After a commit only once the store's writer has finished, since what
    /// was scanned into a committing sink counts as stored from now on. Not saved, nothing is learned.
    pub fn save(self) -> io::Result<()> {
        match self.fresh {
            Some(fresh) => fresh.save(self.file.as_ref(), self.blocks, self.generation),
            None => Ok(()),
        }
    }

    /// What was known of a directory.
    pub(super) fn block(&self, key: &str) -> Option<&Block> {
        self.blocks.get(key)
    }

    /// The bytes of a chunk, if they are what they were.
    pub(super) fn read(&self, chunk: &Chunk) -> Option<Vec<u8>> {
        let mut bytes = vec![0; chunk.len as usize];
        self.file.as_ref()?.read_exact_at(&mut bytes, chunk.offset).ok()?;
        (format::sum(&bytes) == chunk.sum).then_some(bytes)
    }

    /// Keeps a chunk.
    pub(super) fn write(&self, first: &str, bytes: &[u8]) -> Chunk {
        match &self.fresh {
            Some(fresh) => fresh.write(first, bytes),
            None => Chunk { first: first.into(), offset: 0, len: 0, sum: [0; 16] },
        }
    }

    /// Says that a scan of everything below this key starts: what it does not meet is gone.
    pub(super) fn begin(&self, key: &str) {
        if let Some(fresh) = &self.fresh {
            fresh.begin(key);
        }
    }

    /// Keeps what was known of a directory.
    pub(super) fn keep(&self, key: &str) {
        if let Some(fresh) = &self.fresh {
            fresh.keep(key);
        }
    }

    /// Keeps what is now known of a directory. The chunks of the block are replaced by those given.
    pub(super) fn put(&self, key: &str, block: Block, chunks: Vec<ScannedChunk>) {
        if let Some(fresh) = &self.fresh {
            fresh.put(key, block, chunks);
        }
    }

    /// Whether a file is old enough for its times to tell a later change.
    pub(super) fn is_settled(&self, stat: &Stat) -> bool {
        is_settled(stat, self.begun)
    }

    /// Takes note of a file that was just written with a known content.
    pub(super) fn learn(&self, path: &str, stat: Stat, content: ContentId) {
        if self.fresh.is_some() {
            let settled = is_settled(&stat, now());
            lock(&self.learned).insert(path.into(), Learned { stat, content, settled });
        }
    }

    /// The content of a file that was just written, if it is still that file, and whether it is settled.
    pub(super) fn learned(&self, path: &str, stat: &Stat) -> Option<(ContentId, bool)> {
        let learned = lock(&self.learned).get(path).copied()?;
        (learned.stat == *stat).then_some((learned.content, learned.settled))
    }
}

fn is_settled(stat: &Stat, begun: i64) -> bool {
    let newest = stat.mtime.max(stat.ctime);
    let coarse = stat.mtime % 1_000_000_000 == 0 && stat.ctime % 1_000_000_000 == 0;
    newest.saturating_add(if coarse { COARSE_TICK } else { TICK }) < begun
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the index of a cache.
fn load(path: &Path, generation: u64) -> Option<(File, HashMap<Box<str>, Block>)> {
    let file = open_regular(path).ok()?;
    let len = file.metadata().ok()?.len();
    let mut trailer = [0; format::TRAILER];
    file.read_exact_at(&mut trailer, len.checked_sub(format::TRAILER as u64)?).ok()?;
    let mut cut = format::Cut(&trailer);
    let (offset, index_len, written) = (cut.u64()?, cut.u64()?, cut.u64()?);
    let end = offset.checked_add(index_len)?.checked_add(format::TRAILER as u64)?;
    let mut magic = [0; format::MAGIC.len()];
    file.read_exact_at(&mut magic, 0).ok()?;
    if end != len || magic != *format::MAGIC {
        return None;
    }
    let mut index = vec![0; usize::try_from(index_len).ok()?];
    file.read_exact_at(&mut index, offset).ok()?;
    if format::index_hash(&index, &trailer[..24]) != cut.array::<32>()? {
        return None;
    }
    let mut blocks = HashMap::new();
    format::read_index(&index, |key, mut block| {
        if written != generation {
            block.level = Level::Nothing;
        }
        blocks.insert(key.into(), block);
    })?;
    Some((file, blocks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worktree::look::FileKind;

    fn stat(mtime: i64, ctime: i64) -> Stat {
        Stat { kind: FileKind::File, size: 1, mtime, ctime, inode: 1, device: 1, executable: false }
    }

    #[test]
    fn what_a_checkout_wrote_within_a_tick_is_not_trusted() {
        let mdl = tempfile::tempdir().unwrap();
        let cache = StatCache::open(mdl.path(), 0, &crate::disk::OsDisk);
        let id = ContentId::of(b"x");
        // Of the same tick as the look, and of one that comes: another write may give the same times.
        for (name, age, settled) in
            [("same", 0, false), ("later", -50 * TICK, false), ("old", 50 * TICK, true)]
        {
            let stat = stat(now() - age, now() - age);
            cache.learn(name, stat, id);
            if name != "same" || now() - stat.mtime < TICK {
                assert_eq!(cache.learned(name, &stat), Some((id, settled)), "{name}");
            }
            assert_eq!(cache.learned(name, &Stat { ctime: stat.ctime + 1, ..stat }), None, "{name}");
        }
    }

    #[test]
    fn young_files_are_not_trusted() {
        let begun = 10_000_000_000;
        assert!(is_settled(&stat(begun - TICK - 1, 5), begun));
        assert!(!is_settled(&stat(begun - TICK, 5), begun));
        assert!(!is_settled(&stat(5, begun + 1), begun));
        assert!(!is_settled(&stat(9_000_000_000, 8_000_000_000), begun), "a coarse clock");
        assert!(is_settled(&stat(7_000_000_000, 7_000_000_000), begun));
    }
}
