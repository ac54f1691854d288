//! What has become of a run, as far as its records and this machine tell.

use crate::id::CommitId;
use crate::name::RunId;
use crate::object::{self, Commit, Outcome};
use crate::refs::Entry;
use crate::repo::{RepoError, Repository};
use crate::value::Value;

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It runs now, as far as can be seen.
    Running,
    /// It ended well.
    Finished,
    /// It ended with this exit status, or could not be started. Negative for a signal of its own making, such as a crash.
    Failed(Option<i64>),
    /// It was ended by this signal.
    Interrupted(String),
    /// It took longer than it was allowed to.
    TimedOut,
    /// It began, and nothing tells of its end: it was killed, or its host was lost.
    Unfinished,
}

/// Signals by number, as Linux has them.
const SIGNALS: [(i64, &str); 13] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (10, "SIGUSR1"),
    (11, "SIGSEGV"),
    (12, "SIGUSR2"),
    (13, "SIGPIPE"),
    (15, "SIGTERM"),
];
/// Those that are sent to a program, and are not its own fault.
const SENT: [i64; 5] = [1, 2, 3, 9, 15];

/// The name of a signal.
fn signal(number: i64) -> String {
    let known = SIGNALS.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("signal {number}"), |(_, name)| (*name).to_owned())
}

impl RunState {
    /// What became of a run that has this outcome by now. `running` is whether it is known to run still.
    pub fn of(outcome: Option<&Outcome>, running: bool) -> Self {
        let Some(outcome) = outcome.filter(|_| !running) else {
            return if running { Self::Running } else { Self::Unfinished };
        };
        if outcome.observations.get("timed_out") == Some(&Value::Bool(true)) {
            return Self::TimedOut;
        }
        match (outcome.observations.get("interrupted"), outcome.exit) {
            (Some(Value::Text(signal)), _) => Self::Interrupted(signal.clone()),
            (_, Some(0)) => Self::Finished,
            (_, Some(exit)) if exit < 0 && SENT.contains(&exit.saturating_neg()) => {
                Self::Interrupted(signal(exit.saturating_neg()))
            }
            (_, exit) => Self::Failed(exit),
        }
    }

    /// One of `running`, `finished`, `failed`, `interrupted`, `timed out`, `unfinished`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed(_) => "failed",
            Self::Interrupted(_) => "interrupted",
            Self::TimedOut => "timed out",
            Self::Unfinished => "unfinished",
        }
    }

    /// Why it did not end well: `exit 1`, `SIGSEGV`. Not yet safe to print.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Failed(Some(exit)) if *exit < 0 => Some(signal(exit.saturating_neg())),
            Self::Failed(Some(exit)) => Some(format!("exit {exit}")),
            Self::Failed(None) => Some("no exit status".to_owned()),
            Self::Interrupted(signal) => Some(signal.clone()),
            _ => None,
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
        let commit = match entry.target.commit() {
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
        let running = outcome.is_none() && self.run_place(&id).is_alive();
        let state = RunState::of(outcome.as_ref(), running);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit: Option<i64>, observation: Option<(&str, Value)>) -> RunState {
        let observations = observation.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        RunState::of(Some(&Outcome { exit, observations, ..Outcome::default() }), false)
    }

    #[test]
    fn the_state_is_told_from_the_outcome() {
        assert_eq!(RunState::of(None, false), RunState::Unfinished);
        assert_eq!(RunState::of(None, true), RunState::Running);
        assert_eq!(RunState::of(Some(&Outcome::default()), true), RunState::Running);
        assert_eq!(ended(Some(0), None), RunState::Finished);
        assert_eq!(ended(Some(3), None).reason().as_deref(), Some("exit 3"));
        assert_eq!(ended(None, None), RunState::Failed(None));
        assert_eq!(ended(Some(-9), None), RunState::Interrupted("SIGKILL".into()));
        assert_eq!(ended(Some(-11), None).reason().as_deref(), Some("SIGSEGV"));
        assert_eq!(ended(Some(-64), None).reason().as_deref(), Some("signal 64"));
        assert_eq!(ended(Some(i64::MIN), None).word(), "failed");
        // A program that catches Ctrl-C may well end with 0.
        let interrupted = Some(("interrupted", Value::Text("SIGINT".into())));
        assert_eq!(ended(Some(0), interrupted), RunState::Interrupted("SIGINT".into()));
        assert_eq!(ended(Some(-15), Some(("timed_out", Value::Bool(true)))), RunState::TimedOut);
        assert_eq!(ended(Some(0), Some(("timed_out", Value::Bool(false)))), RunState::Finished);
    }
}
