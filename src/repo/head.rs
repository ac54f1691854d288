//! `HEAD`: what is checked out. This work tree's alone, and rewritten.

use crate::id::CommitId;
use crate::name::RefName;
use crate::repo::{RepoError, Repository};

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A branch, and its commit if it has one.
    Branch(RefName, Option<CommitId>),
    /// A commit that is not on a branch's tip.
    Detached(CommitId),
}

impl Head {
    /// The commit that is checked out, if there is one.
    pub fn commit(&self) -> Option<CommitId> {
        match self {
            Head::Branch(_, commit) => *commit,
            Head::Detached(commit) => Some(*commit),
        }
    }
}

impl Repository {
    /// What is checked out.
    pub fn head(&self) -> Result<Head, RepoError> {
        todo!()
    }
}
