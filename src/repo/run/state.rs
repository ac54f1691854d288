//! What has become of a run, as far as its records and this machine tell.

use crate::id::CommitId;
use crate::name::RunId;
use crate::object::{self, Commit, Outcome};
use crate::refs::{Entry, Target};
use crate::repo::{RepoError, Repository};
use crate::value::Value;

/// What has become of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// Its process is there, or showed itself a short while ago.
    Running,
    /// It began, and whoever recorded it is gone: killed, or its machine lost.
    Unfinished,
    /// It ended with the exit status 0.
    Finished,
    /// It ended with another exit status, or was stopped for taking too long.
    Failed,
    /// A signal that was sent to mdl ended it, such as that of Ctrl-C.
    Interrupted,
}

impl RunState {
    /// Every state.
    pub const ALL: [RunState; 5] = [
        RunState::Running,
        RunState::Unfinished,
        RunState::Finished,
        RunState::Failed,
        RunState::Interrupted,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Unfinished => "unfinished",
            RunState::Finished => "finished",
            RunState::Failed => "failed",
            RunState::Interrupted => "interrupted",
        }
    }

    /// What an outcome says of its run.
    pub fn of(outcome: &Outcome) -> Self {
        match outcome.exit {
            Some(0) => RunState::Finished,
            _ if outcome.observations.contains_key("interrupted") => RunState::Interrupted,
            _ => RunState::Failed,
        }
    }
}

/// A run as it is recorded.
#[derive(Clone, Debug)]
pub struct RecordedRun {
    /// Its id.
    pub id: RunId,
    /// What has become of it.
    pub state: RunState,
    /// Its last commit; `None` if it was stopped before its definition was recorded.
    pub commit: Option<(CommitId, Commit)>,
    /// What came out of it, if it ended.
    pub outcome: Option<Outcome>,
}

impl Repository {
    /// A run as the last entry of its ref has it.
    pub(super) fn recorded(&self, id: RunId, entry: &Entry) -> Result<RecordedRun, RepoError> {
        let commit = match entry.target {
            Target::Commit(commit) | Target::Finished(commit) => Some(commit),
            Target::Birth | Target::Deleted | Target::Tag(_) => None,
        };
        let commit = match commit {
            Some(commit) => Some((commit, object::get(&self.store, commit)?)),
            None => None,
        };
        self.run_of(id, commit)
    }

    /// A run whose last commit is known.
    pub(super) fn run_of(
        &self,
        id: RunId,
        commit: Option<(CommitId, Commit)>,
    ) -> Result<RecordedRun, RepoError> {
        let outcome = commit.as_ref().and_then(|(_, commit)| commit.outcome);
        let outcome: Option<Outcome> = outcome.map(|id| object::get(&self.store, id)).transpose()?;
        let state = match &outcome {
            Some(outcome) => RunState::of(outcome),
            None if self.run_place(&id).is_alive() => RunState::Running,
            None => RunState::Unfinished,
        };
        Ok(RecordedRun { id, state, commit, outcome })
    }
}

impl RecordedRun {
    /// The name that a person gave it.
    pub fn name(&self) -> Option<&str> {
        self.commit.as_ref()?.1.run.as_ref()?.name.as_deref()
    }

    /// The sweep that it belongs to.
    pub fn sweep(&self) -> Option<&str> {
        self.commit.as_ref()?.1.run.as_ref()?.sweep.as_deref()
    }

    /// The final values of its metrics.
    pub fn metrics(&self) -> Value {
        let metrics = self.outcome.as_ref().and_then(|outcome| outcome.metrics.as_ref());
        metrics.map_or_else(Value::empty_map, |metrics| Value::Map(metrics.values.clone()))
    }
}
