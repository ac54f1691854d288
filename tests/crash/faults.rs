//! Disks that give errors: at each operation in turn, once and for ever after.

use std::sync::Arc;

use mdl::disk::testing::{Fault, FaultyDisk, Snapshot, UnsyncedDisk};
use mdl::refs::RefError;
use mdl::repo::RepoError;

use crate::check::{goes_on, sound, told, user_files};
use crate::project::{Project, meaning, values};
use crate::record::{Recorded, Scenario};
use crate::{checkouts, commits, others};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EDQUOT: i32 = 122;
const ERRORS: [i32; 4] = [EIO, ENOSPC, EROFS, EDQUOT];

/// What is true after a command met a fault: it failed and nothing is half done, or it did what it should.
fn check(scenario: &Scenario, recorded: &Recorded, fault: Fault) -> Result<(), String> {
    let project = Project::copy(&recorded.start);
    let disk = FaultyDisk::new(Arc::new(UnsyncedDisk), Some(fault));
    let ended = (scenario.command)(&project, Arc::new(disk));
    let Ok(repository) = project.open(Arc::new(UnsyncedDisk)) else {
        // An `init` that failed; the next one finishes it.
        ended.err().ok_or("it succeeded, and there is no repository")?;
        return goes_on(scenario, recorded, &project);
    };
    sound(&repository)?;
    let now = values(&repository).map_err(|error| told(&error))?;
    let has_moved = Some(&now) != recorded.old.as_ref();
    match &ended {
        Ok(()) if meaning(&repository).map_err(|error| told(&error))? != recorded.meaning => {
            return Err("it succeeded, and did not do it".to_owned());
        }
        Err(error) if has_moved && recorded.old.is_some() && !is_unknown(error) => {
            return Err(format!("refs moved, and it failed: {}", told(error)));
        }
        _ => {}
    }
    let files = Snapshot::of(project.root()).unwrap();
    let (old, new) = (user_files(&recorded.start), user_files(&recorded.end));
    if ended.is_ok() && user_files(&files) != new {
        return Err("it succeeded, and files are not as they should be".to_owned());
    }
    for file in user_files(&files) {
        // Beside the places of user's files lie at most folders of what was under way.
        if !old.contains(&file) && !new.contains(&file) {
            return Err(format!("{} is neither old nor new", file.0.display()));
        }
    }
    if fault.at % 2 == 0 { goes_on(scenario, recorded, &project) } else { Ok(()) }
}

fn is_unknown(error: &RepoError) -> bool {
    matches!(error, RepoError::Ref(RefError::Unknown { .. }))
}

fn run(scenario: &Scenario) {
    let project = Project::empty();
    (scenario.before)(&project);
    let start = Snapshot::of(project.root()).unwrap();
    let counting = FaultyDisk::new(Arc::new(UnsyncedDisk), None);
    (scenario.command)(&Project::copy(&start), Arc::new(counting.clone())).unwrap();
    let recorded = Recorded::of(scenario.command, &project).unwrap();
    let mut faults = 0;
    for at in 0..counting.operations() {
        for (number, for_ever) in [(at, false), (at + 1, true)] {
            // Each operation meets two of the errors; neighbours meet others.
            let fault = Fault { at, errno: ERRORS[number % ERRORS.len()], for_ever };
            check(scenario, &recorded, fault)
                .unwrap_or_else(|broken| panic!("{}, {fault:?}: {broken}", scenario.name));
            faults += 1;
        }
    }
    println!("| {} | {} operations | {faults} faults |", scenario.name, counting.operations());
}

#[test]
fn commits_on_a_faulty_disk() {
    run(&commits::FIRST);
    run(&commits::SECOND);
}

#[test]
fn checkouts_on_a_faulty_disk() {
    run(&checkouts::FEW);
}

#[test]
fn the_rest_on_a_faulty_disk() {
    [others::INIT, others::TAG, others::UNDO, checkouts::DETACHED].iter().for_each(run);
}
