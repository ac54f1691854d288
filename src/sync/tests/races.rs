//! Every order, for a few actors.
//!
//! `MDL_STATES=<count>` lifts the bound on preemptions and sets that on states, for a release build and an evening.

use std::sync::Arc;

use super::check::Checker;
use super::explore::{ALL, Bounds, Explored, explore};
use super::steps::World;
use super::writers::{committer, push_to, pusher, reader, runner};
use super::{Actor, Commits, branch, collector, compactor};
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
    let new: Vec<_> =
        commits.next.iter().flat_map(|next| commits.new_in(*next, Some(commits.base))).collect();
    commits.litter(&memory, &new);
    memory
}

pub(super) fn bounds(preemptions: u8, losses: u8, states: usize) -> Bounds {
    Bounds { preemptions, losses, lose: "refs", states }
}

pub(super) fn explored(memory: &Memory, actors: &[Actor], bounds: Bounds) -> Result<Explored, String> {
    let started = std::time::Instant::now();
    let bounds = match std::env::var("MDL_STATES") {
        Ok(states) => Bounds { preemptions: ALL, states: states.parse().unwrap(), ..bounds },
        Err(_) => bounds,
    };
    let explored = explore(|names| World::of(memory, names), actors, bounds, &mut Checker::default())?;
    eprintln!("{} states, {explored:?}: {:?}", explored.states, started.elapsed());
    Ok(explored)
}

fn two_pushes_and_a_collection(bounds: Bounds) -> Option<u8> {
    let commits = Commits::new();
    let base = Some(commits.base);
    let actors = [
        pusher("first", &commits, MAIN, base, commits.next[0]),
        pusher("second", &commits, MAIN, base, commits.next[1]),
        collector("gc"),
    ];
    explored(&littered(&commits), &actors, bounds).unwrap().preemptions
}

#[test]
fn all_orders_of_two_pushes_and_a_collection() {
    assert_eq!(two_pushes_and_a_collection(bounds(ALL, 0, 1_500_000)), Some(ALL));
}

/// All without a preemption, and as many more as there is time for.
#[test]
fn two_pushes_of_which_one_loses_a_reply_and_a_collection() {
    assert!(two_pushes_and_a_collection(bounds(2, 1, 60_000)) >= Some(0));
}

#[test]
fn a_commit_and_two_collections() {
    let commits = Commits::new();
    let commit = committer("commit", &commits, MAIN, commits.base, commits.next[0]);
    let actors = [commit, collector("gc"), collector("other gc")];
    assert!(explored(&littered(&commits), &actors, bounds(2, 0, 60_000)).unwrap().preemptions >= Some(0));
}

#[test]
fn a_new_branch_beside_an_old_one_and_a_collection() {
    let commits = Commits::new();
    let actors = [
        pusher("old", &commits, MAIN, Some(commits.base), commits.next[0]),
        pusher("new", &commits, "refs/heads/new", None, commits.next[1]),
        collector("gc"),
    ];
    assert!(explored(&littered(&commits), &actors, bounds(2, 0, 40_000)).unwrap().preemptions >= Some(1));
}

#[test]
fn a_run_that_is_folded_as_soon_as_it_ends() {
    let commits = Commits::new();
    let run = runner("run", &commits);
    let actors = [run, collector("gc"), collector("other gc")];
    assert!(explored(&littered(&commits), &actors, bounds(2, 0, 60_000)).unwrap().preemptions >= Some(0));
}

#[test]
fn a_reader_beside_a_collection_and_a_push() {
    let commits = Commits::new();
    let push = pusher("push", &commits, MAIN, Some(commits.base), commits.next[0]);
    let actors = [reader("reader", MAIN), push, collector("gc")];
    assert!(explored(&littered(&commits), &actors, bounds(2, 0, 40_000)).unwrap().preemptions >= Some(1));
}

#[test]
fn a_push_beside_a_compaction_and_a_collection() {
    let commits = Commits::new();
    let push = pusher("push", &commits, MAIN, Some(commits.base), commits.next[0]);
    let actors = [push, compactor("compaction"), collector("gc")];
    assert!(explored(&littered(&commits), &actors, bounds(2, 0, 60_000)).unwrap().preemptions >= Some(0));
}

#[test]
fn a_commit_beside_two_compactions() {
    let commits = Commits::new();
    let commit = committer("commit", &commits, MAIN, commits.base, commits.next[0]);
    let actors = [commit, compactor("compaction"), compactor("other compaction")];
    assert!(explored(&littered(&commits), &actors, bounds(2, 0, 60_000)).unwrap().preemptions >= Some(0));
}

#[test]
fn a_run_beside_a_compaction_and_a_collection() {
    let commits = Commits::new();
    let run = runner("run", &commits);
    let actors = [run, compactor("compaction"), collector("gc")];
    assert!(explored(&littered(&commits), &actors, bounds(2, 0, 60_000)).unwrap().preemptions >= Some(0));
}
