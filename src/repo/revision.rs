//! Revisions, as a person writes them: `HEAD~2`, `main`, `v1.0`, `3f2a9c1`, and a part of one after a colon.

use crate::diff::Selector;
use crate::id::CommitId;
use crate::repo::{RepoError, Repository};

/// A revision and perhaps a part of it, split but not looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// What stands before the colon.
    pub commit: String,
    /// What stands after it.
    pub part: Option<Selector>,
}

/// A revision that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub commit: CommitId,
    /// The part, if one was named.
    pub part: Option<Selector>,
}

impl Repository {
    /// Looks a revision up: `HEAD`, `@`, a branch, a tag, an id or its prefix, each with `~n`, `^n` or `@{n}` behind it.
    pub fn resolve(&self, revision: &str) -> Result<Resolved, RepoError> {
        let _ = revision;
        todo!()
    }
}
