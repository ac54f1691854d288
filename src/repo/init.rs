//! Making a repository, opening one, and naming its parts.

use std::path::Path;

use crate::repo::{RepoError, Repository};

/// A repository that was made.
pub struct Initialised {
    /// The repository.
    pub repository: Repository,
    /// Whether it was there before; then nothing was changed.
    pub existed: bool,
    /// Whether a manifest was written; otherwise there was one.
    pub manifest_written: bool,
    /// What was found and put into the manifest, a line each: `dataset data  data/`.
    pub detected: Vec<String>,
}

impl Repository {
    /// Makes a repository at the root of a project.
    pub fn init(root: &Path) -> Result<Initialised, RepoError> {
        let _ = root;
        todo!()
    }

    /// Opens the repository whose work tree this path is in.
    pub fn open(start: &Path) -> Result<Repository, RepoError> {
        let _ = start;
        todo!()
    }
}
