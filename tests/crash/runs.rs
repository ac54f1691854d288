//! `run`, cut off: a run is absent, unfinished or finished, and nothing else is harmed.

use mdl::launch::{Outlets, Signals};
use mdl::progress::Silent;
use mdl::repo::{Begun, RunOptions, Warning, Witness};

use crate::commits::{BIRTH, SETTLED};
use crate::explore::{Effort, run};
use crate::record::{Again, Command, Scenario};

const EFFORT: Effort = Effort { states: 4, next: 40, nested: 0, prefixes: 1 };

/// Why a run that has begun is made durable, although no check here waits between its beginning and its end.
const BEGUN: &str =
    "the next entry makes it durable too, and the command that runs before that may take days";

struct Mute;

impl Witness for Mute {
    fn begun(&mut self, _: &Begun, _: &[String], _: &[Warning]) {}

    fn outlets(&mut self) -> Outlets {
        Outlets::nowhere()
    }
}

pub const RUN: Command = |project, disk| {
    let options =
        RunOptions { command: vec!["true".into()], directory: project.tree(), ..RunOptions::default() };
    let signals = Signals::watch().unwrap();
    project.open(disk)?.run(&options, &signals, &mut Mute, &Silent).map(drop)
};

const SCENARIO: Scenario = Scenario {
    name: "run",
    before: |project| {
        project.small();
        project.committed();
    },
    command: RUN,
    again: Again::UntilRefsMoved,
    steps: false,
    redundant: &[
        ("names in work/.mdl/packs/data", SETTLED),
        ("names in work/.mdl/packs/data #2", SETTLED),
        ("names in work/.mdl/refs/runs/*", BIRTH),
        ("names in work/.mdl/refs/runs/* #2", BEGUN),
    ],
};

#[test]
fn a_run() {
    run(&SCENARIO, EFFORT);
}
