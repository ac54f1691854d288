//! A process that is killed, another that finishes its work, and then a power failure: what the second one
//! relies on and did not write itself must be durable by the time it returns.

use mdl::disk::testing::Snapshot;

use crate::explore::{Effort, explore};
use crate::project::Project;
use crate::record::{Recorded, Scenario, Stopped};
use crate::{checkouts, commits, others};

const EFFORT: Effort = Effort { states: 8, next: 0, nested: 0, prefixes: 0 };

/// Checks a command that is killed before each of its operations, and finished by another process.
fn run(scenario: &Scenario) {
    let project = Project::empty();
    (scenario.before)(&project);
    let start = Snapshot::of(project.root()).unwrap();
    let mut states = 0;
    for kills in 0.. {
        match Recorded::stopped(scenario, &start, kills).unwrap() {
            Stopped::Never => {
                println!("| {} | {kills} kills | {states} states |", scenario.name);
                return;
            }
            Stopped::Visible => {}
            Stopped::Finished(recorded) => {
                let explored = explore(scenario, &recorded, EFFORT);
                states += explored.unwrap_or_else(|broken| panic!("killed at {kills}: {broken}")).states;
            }
        }
    }
}

#[test]
fn commits_after_a_killed_one() {
    [commits::FIRST, commits::PARAMS, commits::REFERENCE].iter().for_each(run);
}

#[test]
fn checkouts_after_a_killed_one() {
    [checkouts::FEW, checkouts::FORCED].iter().for_each(run);
}

#[test]
fn refs_after_a_killed_one() {
    [others::INIT, others::UNDO, others::TAG].iter().for_each(run);
}
