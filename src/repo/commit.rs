//! Recording the work tree as it is now.

use crate::diff::Diff;
use crate::id::CommitId;
use crate::name::RefName;
use crate::progress::Progress;
use crate::repo::{RepoError, Repository, Warning};
use crate::store::Written;

/// How to commit.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// Why, in words.
    pub message: String,
    /// Whether to commit although nothing differs from HEAD.
    pub allow_empty: bool,
}

/// A commit that was made.
#[derive(Debug)]
pub struct Committed {
    /// Its id.
    pub id: CommitId,
    /// The branch that moved to it; `None` on a detached HEAD, which moved itself.
    pub branch: Option<RefName>,
    /// Whether it is the first one.
    pub first: bool,
    /// What differs from its parent; everything, if it has none.
    pub diff: Diff,
    /// What was written.
    pub written: Written,
    /// What could not be recorded as one would expect.
    pub warnings: Vec<Warning>,
}

impl Repository {
    /// Commits what the manifest names, as it is now; `None` if nothing differs from HEAD.
    pub fn commit(
        &self,
        options: &CommitOptions,
        progress: &dyn Progress,
    ) -> Result<Option<Committed>, RepoError> {
        let _ = (options, progress);
        todo!()
    }
}
