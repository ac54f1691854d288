//! mdl, the model definition layer: a content-addressed repository for the metadata of machine learning.
//!
//! The order of the `mod` lines below is the architecture. Groups separated by a blank line are
//! floors, ground floor first: a module uses only floors below its own, never a sibling.
//! `tests/architecture.rs` keeps this true; `docs/architecture.md` says why.

#![forbid(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

pub mod id;
pub mod name;
pub mod progress;
#[cfg(test)]
#[path = "../tests/support/skip.rs"]
mod skip;
pub mod suggest;
pub mod value;

pub mod encoding;

pub mod object;

pub mod diff;
pub mod fidelity;
pub mod fit;
pub mod graph;
pub mod merge;
pub mod profile;
pub mod utilisation;

// Pure above this line: no files, clock, environment variables, network or randomness.
pub mod disk;

pub mod storage;

pub mod format;
pub mod refs;
pub mod store;

pub mod capture;
pub mod launch;
pub mod sync;
pub mod worktree;

pub mod repo;

pub mod render;

#[cfg(feature = "cli")]
pub mod cli;
