//! Turns files and directories into nodes: streaming, on all processors, and only what changed is read.
//!
//! Symbolic links are recorded and never followed; special files are never opened; names that another machine
//! could not have are refused. A file that changes while it is read is read once more, then refused.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::{ContentId, Digest, TreeId};
use crate::name::{NameError, TreePath};
use crate::object::{Insert, InsertContent, Node, ObjectError};
use crate::progress::{Amount, Progress};
use crate::worktree::cache::{Block, Level, ScannedChunk, StatCache, push_record, records};
use crate::worktree::look::{self, FileKind};

mod directory;
mod file;
mod listing;
mod overlay;
mod walk;

pub use overlay::HashOnly;

pub(super) use listing::STAGE;

/// Where a scan puts what it finds.
pub trait Sink: Insert + InsertContent {
    /// Whether contents and trees that are inserted here stay in the repository.
    fn commits(&self) -> bool;

    /// Whether a tree is in the repository already.
    fn has_tree(&self, id: TreeId) -> Result<bool, ObjectError>;

    /// Hears of a file's or link's path and content, where the scan had to look at it.
    fn seen(&self, path: &str, content: ContentId, symlink: bool);
}

/// How to scan.
#[derive(Clone, Copy)]
pub struct ScanOptions<'a> {
    /// Whether contents are hashed only and trees alone are inserted: a dataset by reference.
    pub reference: bool,
    /// Whether the sink hears of paths: where contents may be asked for again, as those of code are. The
    /// files of a dataset may be too many to remember.
    pub traced: bool,
    /// Hears of every file. The caller begins the phase.
    pub progress: &'a dyn Progress,
}

impl Default for ScanOptions<'_> {
    fn default() -> Self {
        Self { reference: false, traced: true, progress: &crate::progress::Silent }
    }
}

/// Why a scan failed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ScanError {
    #[error("{} does not exist", path.display())]
    Missing { path: PathBuf },
    #[error("{path:?} cannot be recorded: {problem}")]
    Name { path: PathBuf, problem: NameError },
    #[error("{path:?} cannot be recorded: its name is not UTF-8")]
    NotUtf8 { path: PathBuf },
    #[error("{path:?} cannot be recorded: it is {kind}")]
    Special { path: PathBuf, kind: &'static str },
    #[error("{path:?} is a symbolic link to {target:?}, which leaves the work tree")]
    LinkOutside { path: PathBuf, target: String },
    #[error("{path:?} has more names than can be recorded")]
    TooLarge { path: PathBuf },
    #[error("the stat cache was damaged while it was in use")]
    Cache,
    #[error("{path:?} changed while it was read")]
    Changed { path: PathBuf },
    #[error("cannot read {path:?}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// More threads than this do not make a disk faster.
const MAX_THREADS: usize = 8;
/// So few files are looked at by one thread.
const FEW: usize = 64;

/// Records a file or a directory with everything in it.
pub fn scan<S: Sink>(
    root: &Path,
    path: &TreePath,
    cache: &StatCache<'_>,
    sink: &S,
    options: ScanOptions<'_>,
) -> Result<Node, ScanError> {
    let full = || root.join(path.as_str());
    let opened = look::open_root(root).map_err(|source| ScanError::Io { path: root.to_owned(), source })?;
    let (above, name) = look::split(path.as_str());
    let directory = look::open_dir(opened.as_fd(), above).map_err(|source| missing(full(), source))?;
    let stat = look::stat_at(&directory, name).map_err(|source| missing(full(), source))?;
    if stat.kind == FileKind::Directory {
        let walk = walk::Walk::new((opened, root), cache, sink, options, None);
        return walk.run(path.as_str(), threads());
    }
    let key = format!("f:{path}");
    let level = cache.block(&key).map(|block| block.level).unwrap_or_default();
    let (path, reference, traced) = (above, options.reference, options.traced);
    let looker = file::Looker { directory, path, root, cache, sink, reference, traced, level };
    let node = single(&looker, name, &key)?.ok_or_else(|| ScanError::Missing { path: full() })?;
    options.progress.advance(Amount { items: 1, bytes: node.bytes() });
    Ok(node)
}

/// Records the given files, sorted by path, as one directory: the root. Files that are gone are left out.
pub fn scan_files<S: Sink>(
    root: &Path,
    paths: &[TreePath],
    cache: &StatCache<'_>,
    sink: &S,
    options: ScanOptions<'_>,
) -> Result<Node, ScanError> {
    let opened = look::open_root(root).map_err(|source| ScanError::Io { path: root.to_owned(), source })?;
    let given = listing::group(root, paths)?;
    let walk = walk::Walk::new((opened, root), cache, sink, options, Some(given));
    walk.run("", if paths.len() <= FEW { 1 } else { threads() })
}

/// Records a file that is a part by itself.
fn single<S: Sink>(
    looker: &file::Looker<'_, S, OwnedFd>,
    name: &str,
    key: &str,
) -> Result<Option<Node>, ScanError> {
    let cache = looker.cache;
    cache.begin(key);
    let chunk = cache.block(key).and_then(|block| block.chunks.first());
    let bytes = chunk.and_then(|chunk| cache.read(chunk)).unwrap_or_default();
    let old = records(&bytes).unwrap_or_default();
    let Some(looked) = looker.look(name, old.first().filter(|old| old.name == name))? else {
        return Ok(None);
    };
    let stored = match (looker.sink.commits(), looker.reference) {
        (true, false) => Level::Contents,
        _ if looked.same => looker.level,
        _ => Level::Nothing,
    };
    let (node, same) = (looked.node(), looked.same && stored == looker.level);
    if same {
        cache.keep(key);
        return Ok(Some(node));
    }
    let mut bytes = Vec::new();
    push_record(&mut bytes, &looked.record);
    let chunk = ScannedChunk::New(cache.write(name, &bytes));
    let tree = Digest::new([0; 32]).into(); // A file has none.
    let block = Block { tree, files: 1, bytes: node.bytes(), level: stored, chunks: Vec::new() };
    cache.put(key, block, vec![chunk]);
    Ok(Some(node))
}

fn missing(path: PathBuf, source: std::io::Error) -> ScanError {
    match source.kind() {
        std::io::ErrorKind::NotFound => ScanError::Missing { path },
        _ => ScanError::Io { path, source },
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(MAX_THREADS))
}

/// The id and length of everything that a reader gives.
pub(super) fn hash(bytes: &mut dyn Read) -> std::io::Result<(ContentId, u64)> {
    const BUFFER: usize = 128 << 10;
    thread_local! {
        static BYTES: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    BYTES.with_borrow_mut(|buffer| {
        buffer.resize(BUFFER, 0);
        let mut hasher = blake3::Hasher::new();
        loop {
            match bytes.read(buffer) {
                Ok(0) => break,
                Ok(len) => hasher.update(&buffer[..len]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
        }
        Ok((Digest::new(*hasher.finalize().as_bytes()).into(), hasher.count()))
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
