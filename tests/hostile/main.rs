//! What an attacker prepares and what bad luck brings: refused in words, with nothing changed.

#![cfg(all(unix, feature = "cli"))]

mod batches;
mod blocked;
mod bytes;
mod damage;
mod flips;
mod forge;
mod graph;
mod links;
mod names;
mod planted;
mod races;
mod remotes;
mod runs;
#[path = "../cli/sandbox.rs"]
#[allow(dead_code)] // The other tests of the binary use the rest of it.
mod sandbox;
#[path = "../support/skip.rs"]
mod skip;
mod synced;
mod terminal;
mod unlucky;
mod weight;
