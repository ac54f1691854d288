//! Putting a recorded state back: in place, in part, or into a fresh folder.

use std::path::Path;

use crate::diff::Selector;
use crate::id::CommitId;
use crate::name::RefName;
use crate::progress::Progress;
use crate::repo::{Head, RepoError, Repository, Resolved};

/// How to check out.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckoutOptions {
    /// Whether uncommitted changes may be overwritten.
    pub force: bool,
    /// Whether to say what would be done, and do nothing.
    pub dry_run: bool,
}

/// What a checkout did, or would do.
#[derive(Clone, Debug, Default)]
pub struct CheckedOut {
    /// The commit that was put back.
    pub commit: Option<CommitId>,
    /// Where HEAD is now, if it moved.
    pub head: Option<Head>,
    /// Paths that were created or replaced, with whether they existed.
    pub written: Vec<(String, bool)>,
    /// Paths that were removed.
    pub removed: Vec<String>,
    /// Datasets by reference that are not there or differ: they are never written.
    pub references: Vec<String>,
    /// Bytes of the files that were written.
    pub bytes: u64,
}

impl Repository {
    /// Checks a revision out: a branch's name attaches HEAD to it, anything else detaches it.
    pub fn checkout(
        &self,
        revision: &str,
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let _ = (revision, options, progress);
        todo!()
    }

    /// Switches to a branch, made at `start` first if that is given.
    pub fn switch(
        &self,
        branch: &RefName,
        start: Option<&str>,
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let _ = (branch, start, options, progress);
        todo!()
    }

    /// Writes everything of a commit into a directory that is new or empty, ready to run.
    pub fn checkout_to(
        &self,
        commit: CommitId,
        to: &Path,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let _ = (commit, to, progress);
        todo!()
    }

    /// Puts some parts of a state back and leaves HEAD where it is. No part means all of them.
    pub fn restore(
        &self,
        from: &Resolved,
        parts: &[Selector],
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let _ = (from, parts, options, progress);
        todo!()
    }
}
