use std::sync::Arc;

use super::*;
use crate::disk::{Disk, Durability, OsDisk, create_dirs, replace};

const BOUND: Bound = Bound { states: 4096, seed: 7 };

/// Runs a protocol in a fresh folder, and gives what was there before and what was done.
fn record(act: impl Fn(&std::path::Path, &dyn Disk)) -> (Snapshot, Vec<Op>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("tmp")).unwrap();
    std::fs::write(dir.path().join("HEAD"), "old").unwrap();
    let start = Snapshot::of(dir.path()).unwrap();
    let disk = RecordingDisk::new(Arc::new(OsDisk));
    act(dir.path(), &disk);
    (start, disk.trace())
}

/// Write, sync, link, unlink, sync: how a key comes into a folder.
fn publish(root: &std::path::Path, disk: &dyn Disk) {
    let (temporary, key) = (root.join("tmp/1"), root.join("key"));
    let file = disk.create(&temporary, false).unwrap();
    file.write_at(0, b"the ").unwrap();
    file.write_at(4, b"body").unwrap();
    file.sync().unwrap();
    disk.link(&temporary, &key).unwrap();
    disk.remove_file(&temporary).unwrap();
    disk.sync_dir(root).unwrap();
}

fn bytes<'a>(crash: &'a Crash, path: &str) -> Option<&'a [u8]> {
    match crash.nodes().get(std::path::Path::new(path))? {
        Node::File { bytes, .. } => Some(bytes),
        _ => None,
    }
}

/// The key is whole or absent, and there once it was acknowledged.
fn check_published(start: &Snapshot, trace: &[Op], acknowledged: usize) -> Result<usize, String> {
    let mut states = 0;
    each_crash(start, trace, BOUND, &mut |crash| {
        states += 1;
        match bytes(crash, "key") {
            Some(b"the body") => Ok(()),
            None if crash.operations < acknowledged => Ok(()),
            other => Err(format!("after {} operations: {other:?}", crash.operations)),
        }
    })?;
    Ok(states)
}

#[test]
fn a_key_survives_every_power_cut_and_each_sync_is_needed() {
    let (start, trace) = record(publish);
    assert!(check_published(&start, &trace, trace.len()).unwrap() >= 8);
    assert_eq!(syncs(&trace).len(), 2);
    for at in syncs(&trace) {
        let without = without(&trace, at);
        assert!(check_published(&start, &without, without.len()).is_err(), "{:?} is not needed", trace[at]);
    }
}

#[test]
fn a_replaced_file_is_old_or_new() {
    let replace = |durability| {
        record(move |root, disk| {
            replace(disk, &root.join("tmp"), &root.join("HEAD"), b"new!", durability).unwrap();
        })
    };
    let check = |start: &Snapshot, trace: &[Op]| {
        each_crash(start, trace, BOUND, &mut |crash| match bytes(crash, "HEAD") {
            Some(b"new!") => Ok(()),
            Some(b"old") if crash.operations < trace.len() => Ok(()),
            other => Err(format!("after {} operations: {other:?}", crash.operations)),
        })
    };
    let (start, trace) = replace(Durability::Durable);
    check(&start, &trace).unwrap();
    for at in syncs(&trace) {
        check(&start, &without(&trace, at)).unwrap_err();
    }
    let (start, trace) = replace(Durability::Cache);
    assert!(syncs(&trace).is_empty());
    check(&start, &trace).unwrap_err();
}

#[test]
fn a_renamed_file_never_vanishes() {
    let (start, trace) = record(|root, disk| {
        disk.rename(&root.join("HEAD"), &root.join("tmp/HEAD")).unwrap();
        disk.sync_dir(root).unwrap();
    });
    each_crash(&start, &trace, BOUND, &mut |crash| {
        let (old, new) = (bytes(crash, "HEAD"), bytes(crash, "tmp/HEAD"));
        if old.is_none() && new.is_none() { Err("it is gone") } else { Ok(()) }
    })
    .unwrap();
}

#[test]
fn directories_are_durable_all_the_way() {
    let (start, trace) = record(|root, disk| create_dirs(disk, &root.join("a/b/c")).unwrap());
    let check = |trace: &[Op]| {
        each_crash(&start, trace, BOUND, &mut |crash| {
            let there = crash.nodes().contains_key(std::path::Path::new("a/b/c"));
            if there || crash.operations < trace.len() { Ok(()) } else { Err(()) }
        })
    };
    check(&trace).unwrap();
    assert_eq!(syncs(&trace).len(), 3);
    syncs(&trace).into_iter().for_each(|at| check(&without(&trace, at)).unwrap_err());
}

#[test]
fn a_directory_that_somebody_made_is_made_durable_while_it_is_empty() {
    let (_, trace) = record(|root, disk| {
        std::fs::create_dir(root.join("a")).unwrap();
        create_dirs(disk, &root.join("a")).unwrap();
        std::fs::write(root.join("a/key"), "").unwrap();
        create_dirs(disk, &root.join("a")).unwrap();
    });
    assert_eq!(syncs(&trace).len(), 1);
}

#[test]
fn the_sync_of_the_file_system_is_enough() {
    let (start, trace) = record(|root, disk| {
        disk.create_dir(&root.join("a")).unwrap();
        disk.create(&root.join("a/run"), true).unwrap().write_at(0, b"#!").unwrap();
        disk.set_executable(&root.join("HEAD"), true).unwrap();
        disk.sync_file_system(root).unwrap();
    });
    let mut ends = 0;
    each_crash(&start, &trace, BOUND, &mut |crash| {
        if crash.operations == trace.len() {
            ends += 1;
            assert_eq!(bytes(crash, "a/run"), Some(&b"#!"[..]));
        }
        Ok::<_, ()>(())
    })
    .unwrap();
    assert_eq!(ends, 1);
}

#[test]
fn unsynced_bytes_are_absent_whole_half_or_zero() {
    let (start, trace) = record(|root, disk| {
        disk.create(&root.join("f"), false).unwrap().write_at(0, b"abcd").unwrap();
        disk.sync_dir(root).unwrap();
    });
    let mut seen = Vec::new();
    each_crash(&start, &trace, BOUND, &mut |crash| {
        seen.extend(bytes(crash, "f").map(<[u8]>::to_vec));
        Ok::<_, ()>(())
    })
    .unwrap();
    assert_eq!(seen, [&b""[..], b"abcd", b"ab", b"\0\0\0\0"]);
}

#[test]
fn states_are_built_and_sampled() {
    let (start, trace) = record(|root, disk| {
        for n in 0..20 {
            disk.create(&root.join(n.to_string()), n % 2 == 0).unwrap().write_at(0, b"x").unwrap();
        }
        disk.symlink("HEAD", &root.join("link")).unwrap();
    });
    let mut states = 0;
    each_crash(&start, &trace, Bound { states: 200, seed: 1 }, &mut |crash| {
        states += 1;
        if states % 100 == 1 {
            let dir = tempfile::tempdir().unwrap();
            crash.build(dir.path()).unwrap();
            assert_eq!(Snapshot::of(dir.path()).unwrap().nodes(), crash.nodes());
        }
        Ok::<_, ()>(())
    })
    .unwrap();
    assert!(states > 2000, "{states}");
}

#[test]
fn a_faulty_disk_fails_where_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let errno = 28;
    let disk = |at, for_ever| FaultyDisk::new(Arc::new(OsDisk), Some(Fault { at, errno, for_ever }));
    let once = disk(1, false);
    let file = once.create(&dir.path().join("a"), false).unwrap();
    assert_eq!(file.write_at(0, b"abcd").unwrap_err().raw_os_error(), Some(errno));
    assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"ab");
    file.sync().unwrap();
    assert_eq!(once.operations(), 3);
    let ever = disk(0, true);
    assert!(ever.sync_dir(dir.path()).is_err());
    assert!(ever.sync_dir(dir.path()).is_err());
}
