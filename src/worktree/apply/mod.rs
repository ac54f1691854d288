//! Performs a plan, so that every file is its old or its new bytes whenever it is interrupted.
//!
//! All contents are written to temporary files and verified before the first file of the user changes; then they
//! are made durable, renamed into place, and the names made durable. Nothing is ever written through a symbolic
//! link. Interrupted, it is continued by planning and applying again.

use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::name::TreePath;
use crate::object::{ObjectError, ReadContents};
use crate::progress::Progress;
use crate::worktree::cache::StatCache;
use crate::worktree::plan::Plan;

/// Where and with what a plan is applied.
pub struct Place<'a> {
    /// The root of the work tree.
    pub root: &'a Path,
    /// A folder for temporary files, such as `.mdl/tmp`; used if it is on the same file system as the root.
    pub staging: &'a Path,
    /// What changes files.
    pub disk: &'a dyn Disk,
    /// Learns of what was written. Scan the parts again and save it for a quick next status.
    pub cache: &'a StatCache<'a>,
    /// Hears of every file.
    pub progress: &'a dyn Progress,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files and links that were written.
    pub written: u64,
    /// The sum of their sizes.
    pub bytes: u64,
    /// Files and links that were removed.
    pub removed: u64,
    /// Files whose mode was changed.
    pub modes: u64,
}

/// Why a plan could not be applied, or not to its end.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ApplyError {
    #[error("{} files have uncommitted changes", .0.len())]
    Conflicts(Vec<crate::worktree::plan::Conflict>),
    #[error("{0} changed after the plan was made")]
    Changed(TreePath),
    #[error("{path} is below {link:?}, which is not a directory of the work tree")]
    NotADirectory { path: TreePath, link: PathBuf },
    #[error("{path} is a symbolic link to {target:?}, which leaves the work tree")]
    LinkOutside { path: TreePath, target: String },
    #[error("{0:?} is not empty")]
    NotEmpty(PathBuf),
    #[error("cannot {action} {path:?}: {source}")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// Creates a directory for a checkout of its own, or checks that it is an empty one.
pub fn prepare(directory: &Path, disk: &dyn Disk) -> Result<(), ApplyError> {
    let _ = (directory, disk);
    todo!()
}

/// Performs a plan. Returns once everything is durable.
pub fn apply(plan: &Plan, place: &Place<'_>, contents: &impl ReadContents) -> Result<Applied, ApplyError> {
    let _ = (plan, place, contents);
    todo!()
}
