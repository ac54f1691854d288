//! What a stranger's archive may have in the place of mdl's own folders and files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::sandbox::{Ran, Sandbox};
use crate::skip::skipped;

/// Folders below `.mdl`, also ones that are made only when they are needed.
const FOLDERS: [&str; 11] = [
    "tmp",
    "cache",
    "cache/remotes",
    "runs",
    "packs",
    "packs/meta",
    "refs",
    "refs/heads",
    "refs/heads/main",
    "refs/runs",
    "gc",
];
const FILES: [&str; 8] =
    ["HEAD", "config.toml", "format", ".gitignore", "cache/stat", "cache/index", "cache/intact", "CHECKOUT"];

/// What reads and what writes, in an order in which each has something to do.
const COMMANDS: [&[&str]; 17] = [
    &["status"],
    &["log"],
    &["diff"],
    &["runs"],
    &["fsck"],
    &["checkout", "-q", "HEAD~1"],
    &["checkout", "-q", "main"],
    &["restore", "--from", "HEAD~1", "params"],
    &["commit", "-q", "--allow-empty", "-m", "x"],
    &["branch", "other"],
    &["config", "user.name", "Eve"],
    &["run", "-q", "--", "true"],
    &["remote", "add", "away", "../hub"],
    &["push", "-q", "away"],
    &["fetch", "-q", "away"],
    &["gc", "--all"],
    &["init"],
];

/// Runs a command, which ends by itself and does not crash.
fn ends(sandbox: &Sandbox, command: &[&str], case: &str) -> Ran {
    let mut inner = sandbox.command(command);
    let mut timed = Command::new("timeout");
    timed.arg("60").arg(inner.get_program()).args(inner.get_args()).env_clear().current_dir(sandbox.root());
    timed.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    timed.stdin(std::process::Stdio::null());
    inner.env_clear();
    let ran = sandbox.ran(&timed.output().unwrap());
    assert!(ran.code != 124, "{case}: {command:?} does not end");
    assert!((0..100).contains(&ran.code), "{case}: {command:?}: {}", ran.told());
    ran
}

/// A repository with something to do for everybody, and a folder outside with things that look like mdl's own.
fn victim() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::history();
    sandbox.write("params.yaml", "lr: 5\n");
    let away = sandbox.around().join("away");
    let old = SystemTime::now() - Duration::from_secs(30 * 24 * 60 * 60);
    for name in [
        "thesis.txt".to_owned(),
        format!("{:032x}", 7),
        format!("stat-{:016x}", 8),
        "stat".to_owned(),
        "index".to_owned(),
        "intact".to_owned(),
        "0".to_owned(),
        "checkout-x/0/0".to_owned(),
        "main/0".to_owned(),
        "remotes/away/known".to_owned(),
    ] {
        let path = away.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "the only copy").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    }
    for folder in ["checkout-x/0", "checkout-x"] {
        fs::File::open(away.join(folder)).unwrap().set_modified(old).unwrap();
    }
    (sandbox, away)
}

/// Everything of a folder: its files with their bytes, modes and times.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (u32, i64, Option<Vec<u8>>)> {
    let (mut all, mut pending) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(path) = pending.pop() {
        let found = path.symlink_metadata().unwrap();
        if found.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let bytes = found.is_file().then(|| fs::read(&path).unwrap());
        all.insert(path, (found.mode(), found.mtime(), bytes));
    }
    all
}

fn remove(path: &Path) {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => fs::create_dir_all(path.parent().unwrap()).unwrap(),
    }
}

#[test]
fn no_command_changes_anything_behind_a_link_in_the_place_of_a_folder() {
    for name in FOLDERS {
        let (sandbox, away) = victim();
        let planted = sandbox.root().join(".mdl").join(name);
        remove(&planted);
        symlink(&away, &planted).unwrap();
        let before = everything(&away);
        let mut refused = false;
        for command in COMMANDS {
            let ran = ends(&sandbox, command, name);
            assert_eq!(everything(&away), before, "{name}: {command:?}: {}", ran.told());
            refused |= ran.code != 0;
        }
        let is_link = planted.symlink_metadata().is_ok_and(|found| found.is_symlink());
        assert!(!is_link || refused || name == "cache/remotes", "{name}: nobody has said anything");
        if matches!(name, "tmp" | "cache" | "runs") {
            let ran = sandbox.mdl(&["status"]);
            assert!(ran.code == 6 && ran.stderr.contains(name), "{name}: {}", ran.told());
            assert!(ran.stderr.contains("symbolic link"), "{name}: {}", ran.told());
        }
    }
}

#[test]
fn a_repository_with_planted_links_harms_nobody_who_clones_serves_or_pushes() {
    for name in FOLDERS {
        let (sandbox, away) = victim();
        let planted = sandbox.root().join(".mdl").join(name);
        let friend = sandbox.beside("friend");
        fs::create_dir(friend.root()).unwrap();
        friend.write("params.yaml", "lr: 9\n");
        friend.ok(&["init", "-q"]);
        friend.ok(&["commit", "-q", "-m", "theirs"]);
        friend.ok(&["remote", "add", "victim", "../project"]);
        remove(&planted);
        symlink(&away, &planted).unwrap();
        let before = everything(&away);
        for command in [
            &["clone", "-q", "../project", "../copy"][..],
            &["push", "-q", "victim", "main:theirs"],
            &["fetch", "-q", "victim"],
            &["fsck", "victim"],
            &["gc", "victim"],
        ] {
            let ran = ends(&friend, command, name);
            assert_eq!(everything(&away), before, "{name}: {command:?}: {}", ran.told());
        }
    }
}

#[test]
fn nothing_is_waited_for_in_the_place_of_a_folder_or_file() {
    let quick: [&[&str]; 6] = [
        &["status"],
        &["log"],
        &["fsck"],
        &["checkout", "-q", "HEAD~1"],
        &["commit", "-q", "--allow-empty", "-m", "x"],
        &["gc"],
    ];
    for name in FOLDERS.into_iter().chain(FILES) {
        for kind in ["fifo", "file", "folder"] {
            let (sandbox, _) = victim();
            let planted = sandbox.root().join(".mdl").join(name);
            remove(&planted);
            match kind {
                "fifo" => assert!(Command::new("mkfifo").arg(&planted).status().unwrap().success()),
                "file" => fs::write(&planted, "x").unwrap(),
                _ => fs::create_dir(&planted).unwrap(),
            }
            quick.iter().for_each(|command| drop(ends(&sandbox, command, &format!("{kind} {name}"))));
        }
    }
}

#[test]
fn links_in_the_place_of_files_are_neither_followed_nor_written() {
    for name in FILES {
        let (sandbox, away) = victim();
        let planted = sandbox.root().join(".mdl").join(name);
        remove(&planted);
        symlink(away.join("thesis.txt"), &planted).unwrap();
        let before = everything(&away);
        for command in COMMANDS {
            let ran = ends(&sandbox, command, name);
            assert_eq!(everything(&away), before, "{name}: {command:?}: {}", ran.told());
            assert!(!ran.told().contains("only copy"), "{name}: {command:?}: {}", ran.told());
        }
    }
}

#[test]
fn a_second_name_of_a_file_outside_is_never_written() {
    for name in FILES {
        let (sandbox, away) = victim();
        sandbox.ok(&["status"]);
        sandbox.ok(&["config", "user.email", "a@b.c"]);
        let (own, other) = (sandbox.root().join(".mdl").join(name), away.join("other"));
        if !own.exists() {
            fs::write(&own, "").unwrap();
        }
        fs::hard_link(&own, &other).unwrap();
        let before = fs::read(&other).unwrap();
        for command in COMMANDS {
            ends(&sandbox, command, name);
            assert_eq!(fs::read(&other).unwrap(), before, "{name}: {command:?}");
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn chown(path: &Path, owner: u32) {
    std::os::unix::fs::lchown(path, Some(owner), None).unwrap();
}

#[test]
fn root_is_not_exempt_unless_its_own_configuration_says_so() {
    if !is_root() {
        return skipped("only root can give a folder to another user");
    }
    let sandbox = Sandbox::history();
    let mdl = sandbox.root().join(".mdl");
    chown(&mdl, 65_534);
    let refused = |sandbox: &Sandbox| {
        for command in COMMANDS {
            let ran = sandbox.mdl(command);
            assert!(ran.code != 0 && ran.stderr.contains("another user"), "{command:?}: {}", ran.told());
        }
    };
    refused(&sandbox);
    refused(&sandbox.with([("SUDO_UID", "65534"), ("SUDO_USER", "nobody"), ("SUDO_COMMAND", "mdl")]));
    let sandbox = Sandbox::history();
    let mdl = sandbox.root().join(".mdl");
    let told = sandbox.mdl(&["config", "safe.directory", "*"]);
    assert!(told.code != 0 && told.stderr.contains("--global"), "{}", told.told());
    chown(&mdl, 65_534);
    // A repository has no say in it.
    fs::write(mdl.join("config.toml"), "[safe]\ndirectory = \"*\"\n").unwrap();
    refused(&sandbox);
    fs::remove_file(mdl.join("config.toml")).unwrap();
    sandbox.ok(&["config", "--global", "safe.directory", "/somewhere/else"]);
    refused(&sandbox);
    let root = sandbox.root().to_str().unwrap().to_owned();
    sandbox.ok(&["config", "--global", "safe.directory", &format!("/somewhere/else:{root}")]);
    sandbox.ok(&["status"]);
    // One that `sudo` has left us with is not our own.
    chown(&sandbox.around().join("home/config/mdl/config.toml"), 65_534);
    refused(&sandbox);
}

#[test]
fn parts_of_another_user_are_refused() {
    if !is_root() {
        return skipped("only root can give a folder to another user");
    }
    for name in ["tmp", "cache", "runs"] {
        let sandbox = Sandbox::history();
        let path = sandbox.root().join(".mdl").join(name);
        fs::create_dir_all(&path).unwrap();
        chown(&path, 65_534);
        let ran = sandbox.mdl(&["status"]);
        assert!(ran.code == 6 && ran.stderr.contains("another user"), "{name}: {}", ran.told());
    }
}

#[test]
fn a_mount_below_is_refused() {
    for name in ["tmp", "cache", "runs"] {
        let sandbox = Sandbox::history();
        let path = sandbox.root().join(".mdl").join(name);
        fs::create_dir_all(&path).unwrap();
        let Some(_mount) = crate::unlucky::Mount::new(&["-t", "tmpfs", "tmpfs"], &path) else { return };
        let ran = sandbox.mdl(&["status"]);
        assert!(ran.code == 6 && ran.stderr.contains("mounted"), "{name}: {}", ran.told());
    }
    // A folder of the same file system, mounted there.
    let (sandbox, away) = victim();
    let tmp = sandbox.root().join(".mdl/tmp");
    let Some(_mount) = crate::unlucky::Mount::new(&["--bind", away.to_str().unwrap()], &tmp) else { return };
    let before = everything(&away);
    for command in COMMANDS {
        let ran = ends(&sandbox, command, "a mount");
        assert_eq!(everything(&away), before, "{command:?}: {}", ran.told());
    }
}
