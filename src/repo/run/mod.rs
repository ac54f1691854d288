//! Runs: a command is executed, and what went in and what came out of it are recorded, whatever becomes of it.
//!
//! Before the command starts, its definition is the run's first commit: a run whose machine dies stays, as
//! unfinished. Afterwards its outcome is the last one. Each run is a ref of its own, so that a thousand at once,
//! from many hosts, never meet.

mod apart;
mod collect;
mod define;
mod details;
mod execute;
mod fit;
mod fresh;
mod list;
mod perform;
mod place;
mod record;
mod state;
mod sweep;

pub(in crate::repo) use collect::Harvest;
pub(in crate::repo) use define::Command;
pub use details::RunDetails;
pub use execute::Execution;
pub(in crate::repo) use execute::{Executed, Job};
pub use list::{CLOCKS_DIFFER, RunQuery, Runs};
pub use perform::{Moved, Ran, RunOptions, Witness};
pub(in crate::repo) use place::Place;
pub(in crate::repo) use record::Beginning;
pub use record::Begun;
pub use state::{RecordedRun, RunState};
pub use sweep::{SweepOptions, SweepWitness, SweptRun};
