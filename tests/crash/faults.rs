//! Disks that give errors: at each operation in turn, once and for ever after.

use std::sync::Arc;
use std::time::Instant;

use mdl::disk::testing::{Fault, FaultyDisk, Snapshot, UnsyncedDisk};
use mdl::refs::RefError;
use mdl::repo::RepoError;

use crate::check::{Broken, again, all_sound, goes_on, told, user_files};
use crate::project::Project;
use crate::record::{Recorded, Scenario};
use crate::values::{meaning, values};
use crate::{checkouts, commits, others, sharing};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EDQUOT: i32 = 122;
const ERRORS: [i32; 4] = [EIO, ENOSPC, EROFS, EDQUOT];

/// The folders in which a disk may fail.
const ALL: &str = "";
const HERE: &str = "work";
const THERE: &str = "hub";
const SIDES: [&str; 2] = [HERE, THERE];

/// What is true after a command met a fault: it failed and nothing is half done, or it did what it should.
fn check(scenario: &Scenario, recorded: &Recorded, side: &str, fault: Fault) -> Result<(), Broken> {
    let project = Project::copy(&recorded.start);
    let disk = FaultyDisk::below(Arc::new(UnsyncedDisk), &project.root().join(side), Some(fault));
    let ended = (scenario.command)(&project, Arc::new(disk));
    if let Err(error) = &ended
        && !told(error).contains(&format!("(os error {})", fault.errno))
    {
        return Err(format!("it does not say what was wrong: {}", told(error)));
    }
    all_sound(&project)?;
    refs(scenario, recorded, &project, &ended)?;
    files(recorded, &project, ended.is_ok())?;
    match fault.at % 8 {
        0 => goes_on(scenario, recorded, &project),
        _ => again(scenario, recorded, &project),
    }
}

/// Each ref is old or new; new, if the command succeeded; and old, if it failed and moves but one.
fn refs(
    scenario: &Scenario,
    recorded: &Recorded,
    project: &Project,
    ended: &Result<(), RepoError>,
) -> Result<(), Broken> {
    let now = meaning(project).map_err(|error| told(&error))?;
    if ended.is_ok() && now != recorded.meaning {
        return Err("it succeeded, and did not do it".to_owned());
    }
    let names = recorded.old_meaning.keys().chain(recorded.meaning.keys()).chain(now.keys());
    for name in names {
        let is = now.get(name);
        if is != recorded.old_meaning.get(name) && is != recorded.meaning.get(name) {
            return Err(format!("{name} is {is:?}"));
        }
    }
    let has_moved = values(project).map_err(|error| told(&error))? != recorded.old;
    match ended {
        Err(error) if has_moved && !scenario.steps && !recorded.old.is_empty() && !is_unknown(error) => {
            Err(format!("refs moved, and it failed: {}", told(error)))
        }
        _ => Ok(()),
    }
}

/// Each file of the user is old or new; new, if the command succeeded.
fn files(recorded: &Recorded, project: &Project, done: bool) -> Result<(), Broken> {
    let files = Snapshot::of(project.root()).unwrap();
    let (old, new) = (user_files(&recorded.start), user_files(&recorded.end));
    if done && user_files(&files) != new {
        return Err("it succeeded, and files are not as they should be".to_owned());
    }
    for file in user_files(&files) {
        // Beside the places of user's files lie at most folders of what was under way.
        if !old.contains(&file) && !new.contains(&file) {
            return Err(format!("{} is neither old nor new", file.0.display()));
        }
    }
    Ok(())
}

fn is_unknown(error: &RepoError) -> bool {
    matches!(error, RepoError::Ref(RefError::Unknown { .. }))
}

/// Checks a command on a disk that gives errors in one folder, or in all.
fn run(scenario: &Scenario, side: &str) {
    let project = Project::empty();
    (scenario.before)(&project);
    let start = Snapshot::of(project.root()).unwrap();
    let copy = Project::copy(&start);
    let counting = FaultyDisk::below(Arc::new(UnsyncedDisk), &copy.root().join(side), None);
    (scenario.command)(&copy, Arc::new(counting.clone())).unwrap();
    let recorded = Recorded::of(scenario.command, &project).unwrap();
    let (begun, mut faults) = (Instant::now(), 0);
    for at in 0..counting.operations() {
        for (number, for_ever) in [(at, false), (at + 1, true)] {
            // Each operation meets two of the errors; neighbours meet others.
            let fault = Fault { at, errno: ERRORS[number % ERRORS.len()], for_ever };
            check(scenario, &recorded, side, fault)
                .unwrap_or_else(|broken| panic!("{}, {side} {fault:?}: {broken}", scenario.name));
            faults += 1;
        }
    }
    let (operations, seconds) = (counting.operations(), begun.elapsed().as_secs_f32());
    println!("| {} | {side} | {operations} operations | {faults} faults | {seconds:.1} s", scenario.name);
}

#[test]
fn commits_on_a_faulty_disk() {
    run(&commits::FIRST, ALL);
    run(&commits::SECOND, ALL);
}

#[test]
fn checkouts_on_a_faulty_disk() {
    run(&checkouts::FEW, ALL);
}

#[test]
fn the_rest_on_a_faulty_disk() {
    [others::INIT, others::TAG, others::UNDO, checkouts::DETACHED].iter().for_each(|it| run(it, ALL));
}

/// What goes to the hub, and what comes from it, each with errors here and there.
#[test]
fn a_push_on_a_faulty_disk() {
    for side in SIDES {
        [sharing::FIRST_PUSH, sharing::PUSH].iter().for_each(|it| run(it, side));
    }
}

#[test]
fn a_fetch_and_a_pull_on_a_faulty_disk() {
    [sharing::FETCH, sharing::PULL].iter().for_each(|it| run(it, HERE));
}

#[test]
fn a_clone_on_a_faulty_disk() {
    run(&sharing::CLONE, HERE);
}

#[test]
fn collections_on_a_faulty_disk() {
    run(&sharing::GC, HERE);
    run(&sharing::COMPACTION, HERE);
    run(&sharing::GC_OF_THE_HUB, THERE);
}
