//! `commit`, cut off.

use crate::explore::{Effort, run};
use crate::record::{Again, Command, Scenario};

pub const COMMIT: Command = |project, disk| project.commit(disk).map(drop);

/// Reasons for syncs that are not missed.
pub const BIRTH: &str =
    "a key that is created is durable; of a birth nobody notices, since the next entry follows";
pub const SIBLING: &str =
    "a directory that holds something is durable; the next one beside it makes it so, too";
pub const SETTLED: &str = "for data of somebody who was killed: see the successors of killed processes";

const EFFORT: Effort = Effort { states: 16, next: 10, nested: 12, prefixes: 1 };

pub const FIRST: Scenario = Scenario {
    name: "the first commit",
    before: |project| project.small(),
    command: COMMIT,
    again: Again::Always,
    steps: false,
    redundant: &[
        ("names in work/.mdl", SIBLING),
        ("names in work/.mdl/packs", SIBLING),
        ("names in work/.mdl/refs/heads/main", BIRTH),
    ],
};

pub const SECOND: Scenario = Scenario {
    name: "commit of data, params and code",
    before: |project| {
        project.small();
        project.committed();
        project.write("data/train.csv", "x,y\n1,2\n3,5\n");
        project.write("data/more/test.csv", "x,y\n5,6\n");
        project.write("params.yaml", "lr: 0.2\nseed: 7\n");
        project.write("train.py", "print('training more')\n");
    },
    command: COMMIT,
    again: Again::Always,
    steps: false,
    redundant: &[],
};

pub const PARAMS: Scenario = Scenario {
    name: "commit of params",
    before: |project| {
        project.small();
        project.committed();
        project.write("params.yaml", "lr: 0.2\nseed: 7\n");
    },
    command: COMMIT,
    again: Again::Always,
    steps: false,
    redundant: &[],
};

pub const REFERENCE: Scenario = Scenario {
    name: "commit by reference",
    before: |project| {
        project.small();
        project.committed();
        project.write("large/raw.bin", [8; 4000]);
    },
    command: COMMIT,
    again: Again::Always,
    steps: false,
    redundant: &[("names in work/.mdl/packs/data", SETTLED)],
};

#[test]
fn the_first_commit() {
    run(&FIRST, EFFORT);
}

#[test]
fn a_second_commit() {
    run(&SECOND, EFFORT);
}

#[test]
fn a_commit_of_params() {
    run(&PARAMS, EFFORT);
}

#[test]
fn a_commit_by_reference() {
    run(&REFERENCE, EFFORT);
}
