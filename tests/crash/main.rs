//! What is left when a command is cut off: by a power failure, a kill, or a disk that gives errors.
//!
//! A command runs on a disk that records what it does. Of every prefix of that trace, the states are built in
//! which a weak POSIX file system may leave the folder, and on each the next commands run. Then every sync is
//! left out of the trace in turn, and a state must be found that breaks a promise: a suite that cannot fail
//! proves nothing. Threads may order a trace differently from run to run; all checks take it as it comes.

#![cfg(target_os = "linux")]

mod caches;
mod check;
mod checkouts;
mod commits;
mod explore;
mod faults;
mod killed;
mod others;
mod project;
mod record;
mod runs;
mod sharing;
#[path = "../support/skip.rs"]
mod skip;
mod successors;
mod values;
