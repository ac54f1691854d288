//! Every order, for a few actors.

use std::sync::Arc;

use super::check::Checker;
use super::explore::{Bounds, Explored, explore};
use super::steps::World;
use super::writers::{committer, pusher, push_to, reader, runner};
use super::{Actor, Commits, branch, collector};
use crate::refs::{Advanced, Target};
use crate::storage::testing::draw_from;
use crate::storage::{Memory, Storage};

pub(super) const MAIN: &str = "refs/heads/main";

/// A branch at the first commit, and a pack with all of the next ones, to which nothing refers: left by pushes
/// that broke off.
pub(super) fn littered(commits: &Commits) -> Memory {
    draw_from(1);
    let memory = Memory::new();
    let storage: Arc<dyn Storage> = Arc::new(memory.clone());
    let first = Target::Commit(commits.base);
    assert_eq!(push_to(&storage, commits, &branch("main"), None, first).unwrap(), Advanced::Done);
    let new: Vec<_> = commits.next.iter().flat_map(|next| commits.new_in(*next, Some(commits.base))).collect();
    commits.litter(&memory, &new);
    memory
}

pub(super) fn bounds(preemptions: u8, losses: u8, states: usize) -> Bounds {
    Bounds { preemptions, losses, lose: "refs", states }
}

pub(super) fn explored(memory: &Memory, actors: &[Actor], bounds: Bounds) -> Result<Explored, String> {
    let started = std::time::Instant::now();
    let result = explore(|names| World::of(memory, names), actors, bounds, &mut Checker::default());
    eprintln!("{bounds:?}: {result:?}, {:?}", started.elapsed());
    result
}

#[test]
fn two_pushes_and_a_collection() {
    let commits = Commits::new();
    let memory = littered(&commits);
    let base = Some(commits.base);
    let actors = [
        pusher("first", &commits, MAIN, base, commits.next[0]),
        pusher("second", &commits, MAIN, base, commits.next[1]),
        collector("gc"),
    ];
    explored(&memory, &actors, bounds(2, 0, 100_000)).unwrap();
    explored(&memory, &actors, bounds(2, 1, 100_000)).unwrap();
}
