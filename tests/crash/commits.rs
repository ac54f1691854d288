//! `commit`, cut off.

use crate::explore::{Effort, run};
use crate::record::{Command, Scenario};

pub const COMMIT: Command = |project, disk| project.commit(disk).map(drop);

const EFFORT: Effort = Effort { states: 32, next: 4, nested: 12, only_done: false };

pub const FIRST: Scenario = Scenario {
    name: "the first commit",
    before: |project| project.small(),
    command: COMMIT,
    idempotent: true,
    redundant: &[],
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
    idempotent: true,
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
    idempotent: true,
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
    idempotent: true,
    redundant: &[],
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
