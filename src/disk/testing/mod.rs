//! For tests: disks that remember what was done to them, or fail, and what a power cut may leave.
//!
//! Run a command on a [`RecordingDisk`], take a [`Snapshot`] of the folder as it was before, and let
//! [`each_crash`] build every state in which a power cut may leave it; then run the next command on that.
//! A suite proves something only if it fails once any sync is left out: [`syncs`] and [`without`].

#[cfg(unix)]
mod cloning;
mod crash;
mod fault;
mod model;
mod record;
#[cfg(test)]
mod tests;
mod unsynced;

#[cfg(unix)]
pub use cloning::CloningDisk;
pub use crash::{Bound, Crash, each_crash, each_crash_after};
pub use fault::{Fault, FaultyDisk};
pub use model::{Node, Snapshot};
pub use record::{FileNumber, Op, RecordingDisk, syncs, without};
pub use unsynced::UnsyncedDisk;
