//! What became of a run, in its colour.

use crate::render::style::Role;
use crate::repo::RunState;

/// The meaning of a state's colour.
pub(super) fn role(state: &RunState) -> Role {
    match state {
        RunState::Running => Role::Changed,
        RunState::Finished => Role::Better,
        RunState::Failed(_) => Role::Worse,
        RunState::Interrupted(_) | RunState::TimedOut | RunState::Unfinished => Role::Id,
    }
}
