//! What surrounds a model: source code, packages, system and accelerators. One file a probe.
//!
//! A probe observes and never fails a command: what it cannot see is a gap that is recorded.

use std::path::Path;

use crate::name::TreePath;
use crate::object::{Accelerators, GitState, Packages, System};

/// The source files of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodeFiles {
    /// Paths of files and symbolic links from the project's root, sorted.
    pub paths: Vec<TreePath>,
    /// What git says, where there is a git repository.
    pub git: Option<GitState>,
    /// Names that cannot be recorded, with the reason, for a warning.
    pub refused: Vec<(String, crate::name::NameError)>,
}

/// A probe that failed where a gap is no answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot list the source code: {0}")]
pub struct CaptureError(pub String);

/// Lists the source code below a root: what git tracks, and what it does not track and does not ignore;
/// without git, what no ignore file excludes. `.mdl`, `.git` and everything below `without` is left out.
pub fn code(root: &Path, without: &[TreePath]) -> Result<CodeFiles, CaptureError> {
    let _ = (root, without);
    todo!()
}

/// What git says of the project, at the cost that a `git status` has.
pub fn git_state(root: &Path) -> Option<GitState> {
    let _ = root;
    todo!()
}

/// The packages of the Python interpreter that a command in this project would use: an active virtual environment
/// or conda environment, `.venv` in the project, else `python3` on PATH. Reads metadata files, runs nothing.
pub fn packages(root: &Path) -> Packages {
    let _ = root;
    todo!()
}

/// The operating system, processor, memory and limits.
pub fn system() -> System {
    todo!()
}

/// The accelerators that drivers show, asked for a bounded time.
pub fn accelerators() -> Accelerators {
    todo!()
}
