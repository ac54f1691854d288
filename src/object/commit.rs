//! A commit: one root that names a whole experiment.

use crate::encoding::record;
use crate::id::{CommitId, DefinitionId, OutcomeId};
use crate::object::{Run, link, object};

record! {
    /// A definition, its outcome, and where they stand in history.
    pub struct Commit {
        /// What was defined.
        pub definition: DefinitionId,
        /// What came of it, if it was run.
        pub outcome: Option<OutcomeId>,
        /// The commits that this one comes after; the first is the branch's own.
        pub parents: Vec<CommitId>,
        /// Who made it: `Name <address>`.
        pub author: String,
        /// When.
        pub time: Time,
        /// Why, in words.
        pub message: String,
        /// What git said of the source code.
        pub git: Option<GitState>,
        /// The run that this records, if it records one.
        pub run: Option<Run>,
    }
}

record! {
    /// A moment, and the time zone of who was there.
    pub struct Time {
        /// Milliseconds since 1970-01-01 UTC.
        pub millis: i64,
        /// Minutes east of UTC.
        pub zone: i64,
    }
}

record! {
    /// The state of a git repository: provenance, not identity.
    pub struct GitState {
        /// The commit that is checked out, in git's hexadecimal digits.
        pub commit: Option<String>,
        /// The branch, if one is checked out.
        pub branch: Option<String>,
        /// The URL of the remote, without user, password and query.
        pub remote: Option<String>,
        /// Whether the work tree differs from the commit.
        pub dirty: bool,
    }
}

object!(Commit, CommitId, |commit, see| {
    see(link(commit.definition));
    commit.outcome.into_iter().for_each(|id| see(link(id)));
    commit.parents.iter().for_each(|id| see(link(*id)));
    commit.run.iter().filter_map(|run| run.reproduces).for_each(|id| see(link(id)));
});
