//! `init`, and what only moves refs, cut off.

use mdl::repo::{ConfigKey, RepoError, Repository};

use crate::commits::SETTLED;
use crate::explore::{Effort, run};
use crate::project::Project;
use crate::record::{Again, Command, Scenario};

const EFFORT: Effort = Effort { states: 32, next: 6, nested: 4, prefixes: 1 };

/// Why each file is made durable where several follow each other.
const NEXT: &str = "the next file that is replaced in this directory makes it durable too";

pub const INIT: Scenario = Scenario {
    name: "init",
    before: |project| project.write("params.yaml", "lr: 0.1\n"),
    command: |project, disk| Repository::init_on(&project.tree(), disk).map(drop),
    again: Again::Always,
    steps: false,
    redundant: &[("names in work", NEXT), ("names in work/.mdl", NEXT)],
};

fn two_commits(project: &Project) {
    project.small();
    project.committed();
    project.write("params.yaml", "lr: 0.2\n");
    project.committed();
}

const UNDO_COMMAND: Command = |project, disk| project.open(disk)?.undo().map(drop);

pub const UNDO: Scenario = Scenario {
    name: "undo",
    before: two_commits,
    command: UNDO_COMMAND,
    again: Again::UntilRefsMoved,
    steps: false,
    redundant: &[],
};

pub const TAG: Scenario = Scenario {
    name: "tag",
    before: two_commits,
    command: |project, disk| {
        let repository = project.open(disk)?;
        let head = repository.head()?.commit().ok_or(RepoError::NoCommits)?;
        repository.create_tag(&"v1".parse().unwrap(), head, "the first", false).map(drop)
    },
    again: Again::UntilRefsMoved,
    steps: false,
    redundant: &[("names in work/.mdl/packs/data", SETTLED)],
};

const DELETED: Scenario = Scenario {
    name: "deletion of a branch",
    before: |project| {
        two_commits(project);
        let repository = project.repository();
        let head = repository.head().unwrap().commit().unwrap();
        repository.create_branch(&"dev".parse().unwrap(), head).unwrap();
    },
    command: |project, disk| project.open(disk)?.delete_branch(&"dev".parse().unwrap(), false).map(drop),
    again: Again::UntilRefsMoved,
    steps: false,
    redundant: &[],
};

const CONFIGURED: Scenario = Scenario {
    name: "config",
    before: two_commits,
    command: |project, disk| project.open(disk)?.configure(ConfigKey::UserName, Some("Ada")),
    again: Again::Always,
    steps: false,
    redundant: &[],
};

#[test]
fn an_init() {
    run(&INIT, EFFORT);
}

#[test]
fn an_undo() {
    run(&UNDO, EFFORT);
}

#[test]
fn a_tag() {
    run(&TAG, EFFORT);
}

#[test]
fn a_deletion_of_a_branch() {
    run(&DELETED, EFFORT);
}

#[test]
fn a_configuration() {
    run(&CONFIGURED, EFFORT);
}
