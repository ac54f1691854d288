//! Branches: refs that move.

use crate::id::CommitId;
use crate::name::RefName;
use crate::repo::{RepoError, Repository};

/// A branch.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Its name.
    pub name: RefName,
    /// Its tip.
    pub commit: CommitId,
    /// Whether it is checked out.
    pub current: bool,
}

impl Repository {
    /// Every branch, by name.
    pub fn branches(&self) -> Result<Vec<Branch>, RepoError> {
        todo!()
    }

    /// Makes a branch that starts at a commit.
    pub fn create_branch(&self, name: &RefName, at: CommitId) -> Result<(), RepoError> {
        let _ = (name, at);
        todo!()
    }

    /// Deletes a branch that is not checked out, and says where it was. Its history stays.
    /// Unless forced, a branch whose commits no other branch or tag has is kept.
    pub fn delete_branch(&self, name: &RefName, force: bool) -> Result<CommitId, RepoError> {
        let _ = (name, force);
        todo!()
    }

    /// Gives a branch another name.
    pub fn rename_branch(&self, from: &RefName, to: &RefName) -> Result<(), RepoError> {
        let _ = (from, to);
        todo!()
    }
}
