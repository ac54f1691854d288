//! Refs in a folder: power cuts, and disks that fail.

use std::path::Path;

use super::*;
use crate::disk::Disk;
use crate::disk::testing::{
    Bound, Crash, Fault, FaultyDisk, Op, RecordingDisk, Snapshot, UnsyncedDisk, each_crash, syncs, without,
};
use crate::storage::Folder;

fn folder(root: &Path, disk: impl Disk + 'static) -> Folder {
    Folder::new(root.join(".mdl"), Arc::new(disk))
}

/// What is in a state after a power cut.
fn rebuilt(crash: &Crash) -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    crash.build(dir.path()).unwrap();
    let folder = folder(dir.path(), UnsyncedDisk);
    (dir, folder)
}

/// Old or new at any time, new once it was acknowledged, and the next move works.
fn check(start: &Snapshot, trace: &[Op], acknowledged: [usize; 2]) -> Result<(), String> {
    each_crash(start, trace, Bound { states: 300, seed: 5 }, &mut |crash| {
        let (_dir, storage) = rebuilt(crash);
        let entry = read(&storage, &branch("main")).map_err(|error| error.to_string())?;
        let known = entry.map(|(_, entry)| entry.target).filter(Target::exists);
        let least = acknowledged.iter().filter(|after| crash.operations >= **after).count();
        let reached = [None, target(1), target(2)].iter().position(|value| *value == known);
        if reached.is_none_or(|reached| reached < least) {
            return Err(format!("{known:?} after {} operations", crash.operations));
        }
        match go(&storage, "main", known, target(3)) {
            Ok(Advanced::Done) => Ok(()),
            other => Err(format!("then {other:?}")),
        }
    })
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".mdl")).unwrap();
    let start = Snapshot::of(dir.path()).unwrap();
    let disk = RecordingDisk::new(Arc::new(UnsyncedDisk));
    let storage = folder(dir.path(), disk.clone());
    go(&storage, "main", None, target(1)).unwrap();
    let first = disk.trace().len();
    go(&storage, "main", target(1), target(2)).unwrap();
    let trace = disk.trace();
    check(&start, &trace, [first, trace.len()]).unwrap();
    let needed = |at: &usize| {
        let first = first - usize::from(*at < first);
        check(&start, &without(&trace, *at), [first, trace.len() - 1]).is_err()
    };
    let spare: Vec<_> = syncs(&trace).into_iter().filter(|at| !needed(at)).collect();
    // The folder itself, which is the snapshot's, and the name of the birth, which the next sync covers.
    assert_eq!(spare.len(), 2, "{:?}", spare.iter().map(|at| &trace[*at]).collect::<Vec<_>>());
}

#[test]
fn what_a_killed_writer_left_is_durable_before_it_is_relied_on() {
    let dir = tempfile::tempdir().unwrap();
    go(&folder(dir.path(), UnsyncedDisk), "main", None, target(1)).unwrap();
    let disk = RecordingDisk::new(Arc::new(UnsyncedDisk));
    assert_eq!(go(&folder(dir.path(), disk.clone()), "main", None, target(1)).unwrap(), Advanced::Done);
    assert_eq!(disk.trace(), [Op::SyncDir { path: dir.path().join(".mdl/refs/heads/main") }]);
}

#[test]
fn a_failing_disk_is_never_taken_for_a_lost_race() {
    let (eio, enospc) = (5, 28);
    let run = |fault| {
        let dir = tempfile::tempdir().unwrap();
        go(&folder(dir.path(), UnsyncedDisk), "main", None, target(1)).unwrap();
        let disk = FaultyDisk::new(Arc::new(UnsyncedDisk), fault);
        let moved = go(&folder(dir.path(), disk.clone()), "main", target(1), target(2));
        let (_, now) = value(&folder(dir.path(), UnsyncedDisk), "main");
        match moved {
            Ok(Advanced::Done) => assert_eq!(Some(now), target(2)),
            Ok(Advanced::Lost(_)) => panic!("nobody else was there: {fault:?}"),
            Err(RefError::Unknown { .. }) => {}
            Err(error) => assert_eq!(Some(now), target(1), "{fault:?}: {error}"),
        }
        // Whatever it was, it can be done again.
        assert_eq!(
            go(&folder(dir.path(), UnsyncedDisk), "main", target(1), target(2)).unwrap(),
            Advanced::Done
        );
        disk.operations()
    };
    for at in 0..run(None) {
        for (errno, for_ever) in [(eio, false), (eio, true), (enospc, false), (enospc, true)] {
            run(Some(Fault { at, errno, for_ever }));
        }
    }
}
