//! What was committed, and how branches came to where they are.

use std::ops::ControlFlow;

use crate::diff::Selector;
use crate::id::CommitId;
use crate::object::Commit;
use crate::refs::{Entry, Ref};
use crate::repo::{RepoError, Repository};

/// Which commits to log.
#[derive(Clone, Debug, Default)]
pub struct Logged {
    /// Where to start.
    pub from: Vec<CommitId>,
    /// Only commits that change one of these parts; all, if there are none.
    pub parts: Vec<Selector>,
}

/// A commit in a log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Its id.
    pub id: CommitId,
    /// The commit.
    pub commit: Commit,
    /// Names of what points to it: `HEAD -> main`, `tag: v1`.
    pub names: Vec<String>,
}

/// A branch that was stepped back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it was.
    pub from: CommitId,
    /// Where it is now.
    pub to: CommitId,
}

impl Repository {
    /// Commits, children before their parents and newest first, until `see` breaks off.
    pub fn log(
        &self,
        what: &Logged,
        see: &mut dyn FnMut(LogEntry) -> ControlFlow<()>,
    ) -> Result<(), RepoError> {
        let _ = (what, see);
        todo!()
    }

    /// The values that a ref has had, newest first, with their numbers.
    pub fn ref_history(&self, name: &Ref) -> Result<Vec<(u64, Entry)>, RepoError> {
        let _ = name;
        todo!()
    }

    /// Steps the current branch back to its commit's parent. The work tree stays as it is, and so do the
    /// commits: it is one more entry of the branch's history.
    pub fn undo(&self) -> Result<Step, RepoError> {
        todo!()
    }
}
