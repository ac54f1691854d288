//! What puts files back, cut off.

use std::sync::Arc;

use mdl::disk::testing::{Fault, FaultyDisk, Snapshot, UnsyncedDisk};
use mdl::progress::Silent;
use mdl::repo::{CheckoutOptions, Repository};

use crate::check::user_files;
use crate::commits::BIRTH;
use crate::explore::{Effort, run};
use crate::project::Project;
use crate::record::{Again, Command, Scenario};

const EFFORT: Effort = Effort { states: 12, next: 10, nested: 8, prefixes: 1 };
const PLAIN: CheckoutOptions = CheckoutOptions { force: false, dry_run: false };

fn switch(repository: &Repository, branch: &str) {
    repository.checkout(branch, PLAIN, &Silent).unwrap();
}

/// Two branches that differ in every way in which work trees can.
fn branches(project: &Project, files: usize, step: usize) {
    project.small();
    for number in 0..files {
        project.write(&format!("data/part/{number:03}.csv"), format!("n\n{number}\n"));
    }
    project.write("data/gone/old.csv", "n\n1\n");
    project.write("data/tool", "#!/bin/sh\n");
    project.write("data/place", "a file\n");
    project.write("old.py", "print('old')\n");
    project.committed();
    let repository = project.repository();
    repository.switch_to_new(&"dev".parse().unwrap(), None, PLAIN, &Silent).unwrap();
    for number in (0..files).filter(|number| number % step == 0) {
        project.write(&format!("data/part/{number:03}.csv"), format!("n\n{number}{number}\n"));
    }
    ["data/gone", "data/place", "old.py"].into_iter().for_each(|path| project.remove(path));
    project.write("data/place/inside.csv", "now a directory\n");
    project.write("data/new/deep/new.csv", "n\n2\n");
    project.write("new.py", "print('new')\n");
    project.write("params.yaml", "lr: 0.3\n");
    project.make_executable("data/tool");
    project.link("train.csv", "data/same.csv");
    project.committed();
    switch(&project.repository(), "main");
}

pub const CHECKOUT: Command = |project, disk| project.open(disk)?.checkout("dev", PLAIN, &Silent).map(drop);

pub const FEW: Scenario = Scenario {
    name: "checkout of a branch",
    before: |project| branches(project, 6, 3),
    command: CHECKOUT,
    again: Again::Always,
    steps: false,
    redundant: &[],
};

const MANY: Scenario = Scenario {
    name: "checkout of many files",
    before: |project| branches(project, 66, 1),
    command: CHECKOUT,
    again: Again::Always,
    steps: false,
    redundant: &[],
};

const MODE: Scenario = Scenario {
    name: "checkout of a mode",
    before: |project| {
        project.small();
        project.committed();
        let repository = project.repository();
        repository.switch_to_new(&"dev".parse().unwrap(), None, PLAIN, &Silent).unwrap();
        project.make_executable("data/train.csv");
        project.committed();
        switch(&project.repository(), "main");
    },
    command: CHECKOUT,
    again: Again::Always,
    steps: false,
    redundant: &[],
};

pub const DETACHED: Scenario = Scenario {
    name: "checkout of a commit",
    before: |project| {
        project.small();
        project.committed();
        project.write("data/train.csv", "x,y\n7,8\n");
        project.committed();
    },
    command: |project, disk| project.open(disk)?.checkout(FIRST_COMMIT, PLAIN, &Silent).map(drop),
    again: Again::UntilRefsMoved,
    steps: false,
    redundant: &[("names in work/.mdl/refs/detached/head", BIRTH)],
};

/// One file, which a killed checkout leaves in its place.
pub const FORCED: Scenario = Scenario {
    name: "forced checkout",
    before: |project| {
        project.small();
        project.committed();
        project.write("data/train.csv", "x,y\n7,8\n");
    },
    command: |project, disk| {
        let forced = CheckoutOptions { force: true, ..PLAIN };
        project.open(disk)?.checkout("main", forced, &Silent).map(drop)
    },
    again: Again::Always,
    steps: false,
    redundant: &[("names in work/.mdl", "HEAD is what it was")],
};

const FIRST_COMMIT: &str = "main~1";

const NEW_BRANCH: Scenario = Scenario {
    name: "switch to a new branch",
    before: |project| {
        project.small();
        project.committed();
    },
    command: |project, disk| {
        let name = "dev".parse().unwrap();
        let repository = project.open(disk)?;
        // What a person does who is told that the branch exists already.
        match repository.switch_to_new(&name, None, PLAIN, &Silent) {
            Err(mdl::repo::RepoError::Exists(_)) => repository.switch(&name, PLAIN, &Silent).map(drop),
            done => done.map(drop),
        }
    },
    again: Again::Always,
    steps: false,
    redundant: &[],
};

const RESTORE: Scenario = Scenario {
    name: "restore of all files",
    before: |project| branches(project, 3, 3),
    command: |project, disk| {
        let repository = project.open(disk)?;
        let from = repository.resolve("dev")?;
        repository.restore(&from, &[], PLAIN, &Silent).map(drop)
    },
    again: Again::Always,
    steps: false,
    redundant: &[],
};

const TO_A_FOLDER: Scenario = Scenario {
    name: "checkout into a folder",
    before: |project| branches(project, 3, 3),
    command: |project, disk| {
        let repository = project.open(disk)?;
        let commit = repository.resolve("dev")?.commit;
        repository.checkout_to(commit, &project.root().join("out"), &Silent).map(drop)
    },
    again: Again::Always,
    steps: false,
    redundant: &[],
};

#[test]
fn a_checkout_of_a_branch() {
    run(&FEW, EFFORT);
}

#[test]
fn a_checkout_of_many_files() {
    run(&MANY, Effort { states: 8, next: 11, nested: 0, prefixes: 29 });
}

#[test]
fn a_checkout_of_a_mode() {
    run(&MODE, EFFORT);
}

#[test]
fn a_checkout_of_a_commit() {
    run(&DETACHED, EFFORT);
}

#[test]
fn a_forced_checkout() {
    run(&FORCED, EFFORT);
}

#[test]
fn a_switch_to_a_new_branch() {
    run(&NEW_BRANCH, EFFORT);
}

#[test]
fn a_restore_of_all_files() {
    run(&RESTORE, EFFORT);
}

#[test]
fn a_checkout_into_a_folder() {
    run(&TO_A_FOLDER, EFFORT);
}

type File = (std::path::PathBuf, mdl::disk::testing::Node);

/// The files of the user, with a change of their own that both branches leave alone.
fn files(project: &Project) -> Vec<File> {
    let snapshot = Snapshot::of(project.root()).unwrap();
    let files = user_files(&snapshot).into_iter().map(|(path, node)| (path.to_owned(), node.clone()));
    files.filter(|(_, node)| !matches!(node, mdl::disk::testing::Node::Dir)).collect()
}

/// Whatever a checkout meets midway, HEAD stays, and going back to where it is gives back all that was there: at once
/// where the disk allows it, else by a checkout of where HEAD is. What the user had changed stays as it is.
#[test]
fn what_stopped_midway_is_taken_back() {
    const EIO: i32 = 5;
    const ENOSPC: i32 = 28;
    let project = Project::empty();
    branches(&project, 6, 3);
    project.write("train.py", "print('mine')\n");
    project.write("data/part/001.csv", "mine\n");
    project.remove("data/part/004.csv");
    let (start, mine) = (Snapshot::of(project.root()).unwrap(), files(&project));
    let counting = FaultyDisk::new(Arc::new(UnsyncedDisk), None);
    CHECKOUT(&Project::copy(&start), Arc::new(counting.clone())).unwrap();
    let (mut at_once, mut later) = (0, 0);
    for at in 0..counting.operations() {
        for (errno, for_ever) in [(ENOSPC, false), (EIO, true)] {
            let project = Project::copy(&start);
            let disk = FaultyDisk::new(Arc::new(UnsyncedDisk), Some(Fault { at, errno, for_ever }));
            let ended = CHECKOUT(&project, Arc::new(disk));
            let on_main = project.repository().head().unwrap();
            let is_back = files(&project) == mine;
            if !matches!(&on_main, mdl::repo::Head::Branch(name, _) if name.as_str() == "main") {
                continue;
            }
            assert!(ended.is_err(), "{at}");
            at_once += usize::from(is_back);
            later += usize::from(!is_back);
            let left = project.repository().unfinished().unwrap();
            let now = files(&project);
            let lacks = |some: &[File], others: &[File]| -> Vec<_> {
                some.iter().filter(|file| !others.contains(file)).map(|(path, _)| path.clone()).collect()
            };
            let (more, less) = (lacks(&now, &mine), lacks(&mine, &now));
            assert!(is_back || left.is_some(), "{at} {for_ever}: not known: {more:?} {less:?}");
            switch(&project.repository(), "main");
            assert_eq!(files(&project), mine, "{at} {for_ever}");
            assert_eq!(project.repository().unfinished().unwrap(), None, "{at} {for_ever}");
            // And it goes on as if nothing had been.
            CHECKOUT(&project, Arc::new(UnsyncedDisk)).unwrap();
            switch(&project.repository(), "main");
            assert_eq!(files(&project), mine, "{at} {for_ever}");
        }
    }
    assert!(at_once > 20 && later > 5, "{at_once} {later}");
}
