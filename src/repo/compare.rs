//! Comparing states: the work tree, commits.

use crate::diff::{Diff, Selector};
use crate::progress::Progress;
use crate::repo::{Head, RepoError, Repository, Resolved, Warning};

/// One side of a comparison.
#[derive(Clone, Debug)]
pub enum Side {
    /// The work tree as it is now.
    WorkTree,
    /// A recorded state.
    Revision(Resolved),
    /// No state at all: before the first commit.
    Nothing,
}

/// Two states, compared.
pub struct Comparison {
    /// What differs.
    pub diff: Diff,
    /// What could not be seen of the work tree.
    pub warnings: Vec<Warning>,
}

/// The work tree beside HEAD.
pub struct Status {
    /// What is checked out.
    pub head: Head,
    /// What differs from it. The environment is not looked at: it is compared by `diff` and `commit`.
    pub diff: Diff,
    /// What the manifest names and is not there, and other things worth saying.
    pub warnings: Vec<Warning>,
    /// Whether the manifest names anything at all.
    pub tracks_anything: bool,
}

impl Repository {
    /// The work tree beside HEAD.
    pub fn status(&self, progress: &dyn Progress) -> Result<Status, RepoError> {
        let _ = progress;
        todo!()
    }

    /// What differs between two states, in the parts that are selected (all, if none is).
    pub fn compare(
        &self,
        before: &Side,
        after: &Side,
        parts: &[Selector],
        progress: &dyn Progress,
    ) -> Result<Comparison, RepoError> {
        let _ = (before, after, parts, progress);
        todo!()
    }
}
