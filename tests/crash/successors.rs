//! A process that is killed, another that finishes its work, and then a power failure: what the second one
//! relies on and did not write itself must be durable by the time it returns.

use std::time::Instant;

use mdl::disk::testing::Snapshot;

use crate::explore::{Effort, explore};
use crate::project::Project;
use crate::record::{Recorded, Scenario, Stopped};
use crate::{checkouts, commits, others, sharing};

const EFFORT: Effort = Effort { states: 8, next: 0, nested: 0, prefixes: 0 };
/// Where there are two sides, a kill takes longer to look at, and there are more of them.
const SHARING: Effort = Effort { states: 4, ..EFFORT };

/// Checks a command that is killed before each of its operations, and finished by another process.
fn run(scenario: &Scenario, effort: Effort) {
    let project = Project::empty();
    (scenario.before)(&project);
    let start = Snapshot::of(project.root()).unwrap();
    let (begun, mut states) = (Instant::now(), 0);
    for kills in 0.. {
        match Recorded::stopped(scenario, &start, kills).unwrap() {
            Stopped::Never => {
                let seconds = begun.elapsed().as_secs_f32();
                println!("| {} | {kills} kills | {states} states | {seconds:.1} s", scenario.name);
                return;
            }
            Stopped::Visible => {}
            Stopped::Finished(recorded) => {
                let explored = explore(scenario, &recorded, effort);
                states += explored.unwrap_or_else(|broken| panic!("killed at {kills}: {broken}")).states;
            }
        }
    }
}

#[test]
fn commits_after_a_killed_one() {
    [commits::FIRST, commits::PARAMS, commits::REFERENCE].iter().for_each(|it| run(it, EFFORT));
}

#[test]
fn checkouts_after_a_killed_one() {
    [checkouts::FEW, checkouts::FORCED].iter().for_each(|it| run(it, EFFORT));
}

#[test]
fn refs_after_a_killed_one() {
    [others::INIT, others::UNDO, others::TAG].iter().for_each(|it| run(it, EFFORT));
}

#[test]
fn pushes_after_a_killed_one() {
    [sharing::FIRST_PUSH, sharing::PUSH].iter().for_each(|it| run(it, SHARING));
}

#[test]
fn fetches_after_a_killed_one() {
    let fetches = [sharing::FETCH, sharing::FETCH_OF_RUNS, sharing::FETCH_OF_DATA];
    fetches.iter().for_each(|it| run(it, SHARING));
}

#[test]
fn pulls_after_a_killed_one() {
    [sharing::PULL, sharing::MERGED_PULL].iter().for_each(|it| run(it, SHARING));
}

#[test]
fn clones_after_a_killed_one() {
    run(&sharing::CLONE, SHARING);
}

#[test]
fn collections_after_a_killed_one() {
    [sharing::GC, sharing::COMPACTION, sharing::GC_OF_THE_HUB].iter().for_each(|it| run(it, SHARING));
}
