//! Turns files and directories into nodes: streaming, on all processors, and only what changed is read.
//!
//! Symbolic links are recorded and never followed; special files are never opened; names that another machine
//! could not have are refused. A file that changes while it is read is read once more, then refused.

use std::path::{Path, PathBuf};

use crate::id::{ContentId, TreeId};
use crate::name::{NameError, TreePath};
use crate::object::{Insert, InsertContent, Node, ObjectError};
use crate::progress::Progress;
use crate::worktree::cache::StatCache;

mod overlay;

pub use overlay::HashOnly;

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
    /// Hears of every file. The caller begins the phase.
    pub progress: &'a dyn Progress,
}

impl Default for ScanOptions<'_> {
    fn default() -> Self {
        Self { reference: false, progress: &crate::progress::Silent }
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
    #[error("{path:?} changed while it was read")]
    Changed { path: PathBuf },
    #[error("cannot read {path:?}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// Records a file or a directory with everything in it.
pub fn scan<S: Sink>(
    root: &Path,
    path: &TreePath,
    cache: &StatCache<'_>,
    sink: &S,
    options: ScanOptions<'_>,
) -> Result<Node, ScanError> {
    let _ = (root, path, cache, sink, options);
    todo!()
}

/// Records the given files, sorted by path, as one directory: the root. Files that are gone are left out.
pub fn scan_files<S: Sink>(
    root: &Path,
    paths: &[TreePath],
    cache: &StatCache<'_>,
    sink: &S,
    options: ScanOptions<'_>,
) -> Result<Node, ScanError> {
    let _ = (root, paths, cache, sink, options);
    todo!()
}
