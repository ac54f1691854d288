//! Bad luck: disks that are full or read-only, files that move, homes that are not there.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::sandbox::{Ran, Sandbox};
use crate::skip::skipped;

/// A mount that is gone with the value; `None`, said aloud, where there is no right to mount.
pub struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    pub fn new(arguments: &[&str], at: &'a Path) -> Option<Self> {
        let done = Command::new("mount").args(arguments).arg(at).output();
        if done.is_ok_and(|done| done.status.success()) {
            return Some(Self(at));
        }
        skipped(format!("cannot mount at {}", at.display()));
        None
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn reading_works_on_a_read_only_file_system() {
    let sandbox = Sandbox::history();
    let root = sandbox.root();
    let _ = std::fs::remove_dir_all(root.join(".mdl/cache"));
    let text = root.to_str().unwrap();
    let Some(_mount) = Mount::new(&["--bind", text], &root) else { return };
    if !Command::new("mount").args(["-o", "remount,ro,bind", text]).status().is_ok_and(|done| done.success())
    {
        skipped("cannot mount read-only");
        return;
    }
    for command in [
        &["status"][..],
        &["log"],
        &["diff"],
        &["diff", "HEAD~1"],
        &["show"],
        &["cat", "HEAD:params"],
        &["fsck"],
        &["branch"],
        &["checkout", "--dry-run", "HEAD~1"],
    ] {
        sandbox.ok(command);
    }
    for command in [&["commit", "--allow-empty", "-m", "x"][..], &["checkout", "HEAD~1"], &["branch", "b"]] {
        let ran = sandbox.mdl(command);
        assert_eq!(ran.code, 6, "{command:?}: {}", ran.told());
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let sandbox = Sandbox::new();
    let root = sandbox.root();
    let Some(_mount) = Mount::new(&["-t", "tmpfs", "-o", "size=2900k", "tmpfs"], &root) else { return };
    let noise = |seed: &[u8]| {
        let mut bytes = vec![0; 900_000];
        blake3::Hasher::new().update(seed).finalize_xof().fill(&mut bytes);
        bytes
    };
    let (noise, other) = (noise(b"one"), noise(b"other"));
    std::fs::create_dir_all(root.join("data")).unwrap();
    std::fs::write(root.join("data/one"), &noise).unwrap();
    sandbox.ok(&["init", "-q"]);
    sandbox.ok(&["add", "-q", "data"]);
    sandbox.ok(&["commit", "-q", "-m", "fits"]);
    std::fs::write(root.join("data/one"), &other).unwrap();
    std::fs::write(root.join("data/two"), &noise[..300_000]).unwrap();
    let ran = sandbox.mdl(&["commit", "-q", "-m", "does not fit"]);
    assert_eq!(ran.code, 6, "{}", ran.told());
    assert!(ran.stderr.contains("space"), "{}", ran.told());
    assert_eq!(std::fs::read(root.join("data/one")).unwrap(), other);
    assert_eq!(sandbox.ok(&["log", "--oneline"]).lines().count(), 1);
    sandbox.ok(&["fsck"]);
    let _ = sandbox.mdl(&["checkout", "-f", "HEAD"]);
    let now = std::fs::read(root.join("data/one")).unwrap();
    assert!(now == other || now == noise, "neither the old nor the new bytes");
    std::fs::remove_file(root.join("data/two")).unwrap();
    sandbox.ok(&["checkout", "-q", "-f", "HEAD"]);
    let left = std::fs::read_dir(root.join(".mdl/tmp")).unwrap().count();
    assert_eq!(left, 0, "drafts were left");
}

#[test]
fn a_run_that_fills_the_disk_is_not_lost_without_a_word() {
    let sandbox = Sandbox::new();
    let root = sandbox.root();
    let Some(_mount) = Mount::new(&["-t", "tmpfs", "-o", "size=2900k", "tmpfs"], &root) else { return };
    sandbox.ok(&["init", "-q"]);
    let script = "echo '{\"name\":\"loss\",\"value\":1}' >> \"$MDL_METRICS\"; cat /dev/zero > big; exit 3";
    let ran = sandbox.mdl(&["run", "--", "sh", "-c", script]);
    assert_eq!(ran.code, 6, "{}", ran.told());
    assert!(ran.stderr.contains("exit 3"), "how the command ended is not said: {}", ran.told());
    assert!(ran.stderr.contains(".mdl/runs/"), "where its metrics are is not said: {}", ran.told());
    assert!(!ran.stderr.contains("nothing is half done"), "{}", ran.told());
    let place = std::fs::read_dir(root.join(".mdl/runs")).unwrap().next().unwrap().unwrap().path();
    assert!(std::fs::read_to_string(place.join("metrics.jsonl")).unwrap().contains("loss"));
    assert!(sandbox.ok(&["runs"]).contains("unfinished"));
}

#[test]
fn a_file_that_grows_meanwhile_is_whole_or_refused() {
    let sandbox = Sandbox::project();
    let path = sandbox.root().join("data/train.csv");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (path, stop) = (&path, &stop);
        scope.spawn(move || {
            let mut text = "x,y\n".to_owned();
            while !stop.load(Ordering::Relaxed) {
                text.push_str("1,2\n");
                std::fs::write(path, &text).unwrap();
            }
        });
        for number in 0..5 {
            let ran = sandbox.mdl(&["commit", "-q", "--allow-empty", "-m", &number.to_string()]);
            assert!(matches!(ran.code, 0 | 4), "{}", ran.told());
        }
        stop.store(true, Ordering::Relaxed);
    });
    sandbox.ok(&["commit", "-q", "--allow-empty", "-m", "still"]);
    sandbox.ok(&["fsck", "--data"]);
    assert_eq!(sandbox.ok(&["cat", "HEAD:datasets/data/train.csv"]), std::fs::read_to_string(&path).unwrap());
}

/// Parameters are read twice: hashed, and then parsed.
#[test]
fn parameters_that_change_meanwhile_are_whole_or_refused() {
    let sandbox = Sandbox::project();
    let (path, other) = (sandbox.root().join("params.yaml"), sandbox.around().join("other.tmp"));
    let stop = AtomicBool::new(false);
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let (path, other, stop) = (&path, &other, &stop);
        scope.spawn(move || {
            for number in 0.. {
                std::fs::write(other, format!("lr: {}\n", 1000 + number % 9000)).unwrap();
                std::fs::rename(other, path).unwrap();
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        // On a busy machine the file may stay as it is for a while.
        let end = Instant::now() + Duration::from_secs(60);
        while all.len() < 30 || (Instant::now() < end && all.iter().all(|ran: &Ran| ran.code == 0)) {
            all.push(sandbox.mdl(&["commit", "-q", "--allow-empty", "-m", "meanwhile"]));
        }
        // Before anything is said of them: who panics here would wait for the other for ever.
        stop.store(true, Ordering::Relaxed);
    });
    let mut refused = 0;
    for ran in all {
        assert!(matches!(ran.code, 0 | 4), "{}", ran.told());
        assert!(ran.code == 0 || ran.stderr.contains("changed while it was read"), "{}", ran.told());
        refused += usize::from(ran.code == 4);
    }
    assert!(refused > 0, "nothing changed in between: this proves nothing");
    sandbox.ok(&["commit", "-q", "--allow-empty", "-m", "still"]);
    sandbox.ok(&["fsck", "--data"]);
}

#[test]
fn what_cannot_be_read_or_is_gone_is_named() {
    let sandbox = Sandbox::history();
    let data = sandbox.root().join("data");
    std::fs::remove_dir_all(&data).unwrap();
    for command in [&["status"][..], &["commit", "-m", "gone"], &["diff", "HEAD~1"], &["checkout", "HEAD~1"]]
    {
        let ran = sandbox.mdl(command);
        assert!(ran.code <= 4, "{command:?} {}", ran.told());
    }
    sandbox.ok(&["checkout", "-q", "-f", "main~1"]);
    assert!(data.join("train.csv").exists());
}

#[test]
fn names_that_are_not_utf8_are_named_and_stop_nothing_else() {
    let sandbox = Sandbox::history();
    let name = std::ffi::OsStr::from_bytes(b"b\xff\x1b[2Jd.csv");
    std::fs::write(sandbox.root().join(name), "code").unwrap();
    let ran = sandbox.mdl(&["commit", "--allow-empty", "-m", "beside"]);
    assert_eq!(ran.code, 0, "a file of the code that cannot be recorded is left out: {}", ran.told());
    assert!(ran.stderr.contains("d.csv") && !ran.told().contains('\x1b'), "{}", ran.told());
    std::fs::create_dir(sandbox.root().join("set")).unwrap();
    std::fs::write(sandbox.root().join("set").join(name), "data").unwrap();
    sandbox.ok(&["add", "-q", "set"]);
    let ran = sandbox.mdl(&["commit", "-m", "data"]);
    assert!(ran.code > 0 && ran.stderr.contains("d.csv") && !ran.told().contains('\x1b'), "{}", ran.told());
}

#[test]
fn without_a_home_or_a_directory_or_a_clock_it_still_works() {
    let sandbox = Sandbox::history();
    let output =
        sandbox.command(&["status"]).env_remove("HOME").env_remove("XDG_CONFIG_HOME").output().unwrap();
    assert!(output.status.success());
    let committed =
        sandbox.command(&["commit", "--allow-empty", "-m", "no home"]).env_clear().output().unwrap();
    assert!(committed.status.success(), "{}", String::from_utf8_lossy(&committed.stderr));
    let gone = sandbox.root().join("gone");
    std::fs::create_dir(&gone).unwrap();
    let binary = env!("CARGO_BIN_EXE_mdl");
    let script = format!("rmdir '{}' && exec '{binary}' status", gone.display());
    let ran = sandbox.ran(&Command::new("sh").args(["-c", &script]).current_dir(&gone).output().unwrap());
    assert!(ran.code > 0 && ran.code < 100 && ran.stderr.starts_with("error"), "{}", ran.told());
    let future = std::fs::File::options().write(true).open(sandbox.root().join("params.yaml")).unwrap();
    future.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(1 << 33)).unwrap();
    sandbox.ok(&["status"]);
    sandbox.write("params.yaml", "lr: 0.02\n");
    assert!(sandbox.ok(&["status"]).contains("params"));
}

#[test]
fn an_unreadable_repository_is_said_to_be_one() {
    let sandbox = Sandbox::history();
    std::fs::write(sandbox.root().join(".mdl/format"), "mdl 999\n").unwrap();
    assert_eq!(sandbox.mdl(&["status"]).code, 7);
    std::fs::remove_file(sandbox.root().join(".mdl/format")).unwrap();
    let ran = sandbox.mdl(&["status"]);
    assert!(ran.code > 0 && ran.stderr.contains(".mdl"), "{}", ran.told());
    sandbox.ok(&["init"]);
    assert_eq!(sandbox.ok(&["log", "--oneline"]).lines().count(), 2);
}

#[test]
fn an_interrupted_checkout_into_a_folder_is_continued() {
    let sandbox = Sandbox::history();
    sandbox.write("link.txt", "x");
    std::os::unix::fs::symlink("link.txt", sandbox.root().join("link")).unwrap();
    sandbox.ok(&["commit", "-q", "-m", "with a link"]);
    sandbox.ok(&["checkout", "-q", "HEAD", "--to", "../fresh"]);
    let fresh = sandbox.root().join("../fresh");
    std::fs::remove_file(fresh.join("params.yaml")).unwrap();
    std::fs::remove_dir_all(fresh.join("data")).unwrap();
    sandbox.ok(&["checkout", "-q", "HEAD", "--to", "../fresh"]);
    assert_eq!(std::fs::read_to_string(fresh.join("params.yaml")).unwrap(), sandbox.read("params.yaml"));
    assert_eq!(std::fs::read_link(fresh.join("link")).unwrap().to_str(), Some("link.txt"));
    for (name, text) in [("params.yaml", "mine"), ("stranger", "mine")] {
        std::fs::write(fresh.join(name), text).unwrap();
        std::fs::remove_dir_all(fresh.join("data")).unwrap();
        let ran = sandbox.mdl(&["checkout", "HEAD", "--to", "../fresh"]);
        assert_eq!(ran.code, 4, "{}", ran.told());
        assert!(!fresh.join("data").exists());
        assert_eq!(std::fs::read_to_string(fresh.join(name)).unwrap(), "mine");
        std::fs::remove_file(fresh.join(name)).unwrap();
        sandbox.ok(&["checkout", "-q", "HEAD", "--to", "../fresh"]);
    }
}

#[test]
fn drafts_of_the_dead_are_swept() {
    let sandbox = Sandbox::history();
    let tmp = sandbox.root().join(".mdl/tmp");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 24 * 60 * 60);
    for (name, is_old) in [("stat-00000000000000ff", true), ("stat-00000000000001ff", false)] {
        let file = std::fs::File::create(tmp.join(name)).unwrap();
        if is_old {
            file.set_modified(old).unwrap();
        }
    }
    sandbox.write("params.yaml", "lr: 7\n");
    sandbox.ok(&["commit", "-q", "-m", "x"]);
    assert!(!tmp.join("stat-00000000000000ff").exists(), "old and never swept");
    assert!(tmp.join("stat-00000000000001ff").exists(), "young, and perhaps somebody's");
}

#[test]
fn a_checkout_leaves_nothing_for_the_next_status_to_read() {
    let sandbox = Sandbox::history();
    sandbox.ok(&["checkout", "-q", "HEAD~1"]);
    std::thread::sleep(std::time::Duration::from_millis(60));
    let cache = || std::fs::read(sandbox.root().join(".mdl/cache/stat")).unwrap();
    let after = cache();
    sandbox.ok(&["status"]);
    // A file without permissions cannot be read, even if root may: what counts is that its hash was known.
    let known = blake3::hash(sandbox.read("params.yaml").as_bytes());
    assert!(
        after.windows(32).any(|window| window == known.as_bytes()),
        "what was written was not remembered"
    );
    let _ =
        std::fs::set_permissions(sandbox.root().join("params.yaml"), std::fs::Permissions::from_mode(0o644));
}
