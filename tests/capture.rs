//! Source code and git state of real repositories, made by git itself where there is one.

#![cfg(feature = "git")]

#[path = "support/skip.rs"]
mod skip;

use std::path::Path;
use std::process::{Command, Stdio};

use mdl::capture::{self, CodeFiles};
use mdl::name::TreePath;
use skip::skipped;

/// A folder with a git repository in it; `None`, loudly, where there is no git to make it.
fn repository() -> Option<tempfile::TempDir> {
    let dir = tempfile::tempdir().unwrap();
    if Command::new("git").arg("--version").stdout(Stdio::null()).status().is_err() {
        skipped("no git to make a repository with");
        return None;
    }
    git(dir.path(), &["init", "-q", "-b", "main"]);
    Some(dir)
}

fn git(dir: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"])
        .args(["-c", "protocol.file.allow=always"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn commit_all(root: &Path) {
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "x", "--allow-empty"]);
}

fn list(root: &Path, without: &[&str]) -> CodeFiles {
    let without: Vec<TreePath> = without.iter().map(|path| TreePath::new(path).unwrap()).collect();
    capture::code(root, &without).unwrap()
}

fn names(found: &CodeFiles) -> Vec<&str> {
    found.paths.iter().map(TreePath::as_str).collect()
}

#[test]
fn tracked_files_and_those_that_could_be() {
    let Some(dir) = repository() else { return };
    let root = dir.path();
    for path in
        ["train.py", "gone.py", "kept.log", "src/__pycache__/tracked.pyc", "data/tracked.csv", "drop/a.py"]
    {
        write(root, path, path);
    }
    git(root, &["add", "-f", "."]);
    commit_all(root);
    std::fs::remove_file(root.join("gone.py")).unwrap();
    write(root, ".gitignore", "*.log\n/out/\n");
    write(root, ".mdlignore", "/drop/\n");
    for path in [
        "new.py",
        "new.log",
        "out/x.py",
        "src/new.py",
        "lib/__pycache__/x.pyc",
        ".venv/bin/x",
        "data/new.csv",
    ] {
        write(root, path, path);
    }
    for path in [".mdl/format", "src/.mdl/x"] {
        write(root, path, "");
    }
    let found = list(root, &["data"]);
    assert_eq!(
        names(&found),
        [
            ".gitignore",
            ".mdlignore",
            "kept.log",
            "new.py",
            "src/__pycache__/tracked.pyc",
            "src/new.py",
            "train.py"
        ]
    );
    assert!(found.git.unwrap().dirty, "a tracked file is gone");
    let paths = capture::code_paths(root, &[TreePath::new("data").unwrap()]).unwrap();
    assert_eq!((paths.paths, paths.git), (found.paths, None));
}

#[test]
fn other_repositories_below_are_left_out() {
    let Some(dir) = repository() else { return };
    let root = dir.path();
    let other = tempfile::tempdir().unwrap();
    git(other.path(), &["init", "-q"]);
    write(other.path(), "a.py", "");
    commit_all(other.path());
    git(root, &["submodule", "-q", "add", other.path().to_str().unwrap(), "sub"]);
    write(root, "nested/a.py", "");
    git(&root.join("nested"), &["init", "-q"]);
    write(root, "train.py", "");
    git(root, &["add", "train.py"]);
    git(root, &["commit", "-q", "-m", "x"]);
    assert_eq!(names(&list(root, &[])), [".gitmodules", "train.py"]);
    assert!(!capture::git_state(root).unwrap().dirty);
    write(root, "sub/a.py", "changed");
    assert!(!capture::git_state(root).unwrap().dirty, "a submodule is not this project's source");
    // In the submodule it is the other way round: its `.git` is a file that leads elsewhere.
    assert_eq!(names(&list(&root.join("sub"), &[])), ["a.py"]);
    assert!(capture::git_state(&root.join("sub")).unwrap().dirty);
}

#[test]
fn a_project_in_a_folder_of_the_repository() {
    let Some(dir) = repository() else { return };
    for path in ["other/a.py", "models/m/train.py", "models/m/src/a.py", "models/m2/a.py"] {
        write(dir.path(), path, "");
    }
    write(dir.path(), ".gitignore", "*.log\n/models/m/big\n/ignored/\n");
    commit_all(dir.path());
    let root = dir.path().join("models/m");
    for path in ["new.py", "a.log", "big/x", "data/x"] {
        write(&root, path, "");
    }
    let found = list(&root, &["data"]);
    assert_eq!(names(&found), ["new.py", "src/a.py", "train.py"]);
    assert!(!found.git.unwrap().dirty);
    write(dir.path(), "other/a.py", "changed");
    assert!(!capture::git_state(&root).unwrap().dirty, "not this project's file");
    write(&root, "train.py", "changed");
    assert!(capture::git_state(&root).unwrap().dirty);
    let ignored = dir.path().join("ignored/project");
    write(&ignored, "train.py", "");
    let found = list(&ignored, &[]);
    assert_eq!(
        (names(&found), found.git.is_none()),
        (vec!["train.py"], true),
        "git has nothing to say of it"
    );
}

#[test]
fn the_state_of_git() {
    let Some(dir) = repository() else { return };
    let root = dir.path();
    let unborn = capture::git_state(root).unwrap();
    assert_eq!((unborn.commit, unborn.branch.as_deref(), unborn.dirty), (None, Some("main"), false));
    write(root, "a.py", "1");
    commit_all(root);
    git(root, &["remote", "add", "origin", "https://user:SECRET@host/x.git?token=SECRET"]);
    git(root, &["remote", "add", "fork", "git@host:fork/x.git"]);
    let clean = capture::git_state(root).unwrap();
    assert_eq!(clean.commit.as_ref().map(String::len), Some(40));
    assert_eq!((clean.remote.as_deref(), clean.dirty), (Some("https://host/x.git"), false));
    git(root, &["config", "branch.main.remote", "fork"]);
    assert_eq!(capture::git_state(root).unwrap().remote.as_deref(), Some("host:fork/x.git"));
    write(root, "untracked.py", "");
    assert!(!capture::git_state(root).unwrap().dirty);
    write(root, "a.py", "2");
    assert!(capture::git_state(root).unwrap().dirty);
    git(root, &["add", "a.py"]);
    assert!(capture::git_state(root).unwrap().dirty, "staged");
    write(root, "a.py", "1");
    assert!(capture::git_state(root).unwrap().dirty, "staged, and undone in the work tree");
    commit_all(root);
    git(root, &["checkout", "-q", "--detach"]);
    let detached = capture::git_state(root).unwrap();
    assert_eq!((detached.branch, detached.dirty), (None, false));
    // Without its cache of trees, the index is compared name by name.
    git(root, &["-c", "index.version=2", "rm", "-q", "--cached", "untracked.py"]);
    assert!(capture::git_state(root).unwrap().dirty);
    git(root, &["add", "untracked.py"]);
    assert!(!capture::git_state(root).unwrap().dirty);
}

#[cfg(unix)]
#[test]
fn nothing_in_a_strangers_repository_is_obeyed() {
    let Some(dir) = repository() else { return };
    let root = dir.path();
    write(root, "a.py", "1");
    write(root, "b.py", "1");
    commit_all(root);
    let canary = root.join(".git/canary");
    let run = format!("touch {}", canary.display());
    write(root, ".gitattributes", "* filter=evil diff=evil merge=evil\n");
    for key in [
        "filter.evil.clean",
        "filter.evil.process",
        "filter.evil.smudge",
        "diff.evil.command",
        "diff.evil.textconv",
        "core.fsmonitor",
        "core.sshCommand",
        "core.editor",
        "core.pager",
        "core.askPass",
        "credential.helper",
        "alias.status",
        "uploadpack.packObjectsHook",
    ] {
        git(root, &["config", key, &run]);
    }
    git(root, &["config", "filter.evil.required", "true"]);
    git(root, &["config", "core.hooksPath", root.to_str().unwrap()]);
    git(root, &["config", "core.worktree", "/"]);
    git(root, &["config", "core.excludesFile", "/etc/passwd"]);
    git(root, &["config", "include.path", "/etc/passwd"]);
    // New times make every file a candidate, whose bytes would go through the filter. Same length, other bytes.
    write(root, "a.py", "2");
    let found = list(root, &[]);
    assert_eq!(names(&found), [".gitattributes", "a.py", "b.py"]);
    assert!(found.git.unwrap().dirty);
    assert!(!canary.exists(), "something was executed");
}

#[cfg(target_os = "linux")]
#[test]
fn a_broken_repository_does_not_hang_or_fail() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    for broken in ["HEAD", "index", "config", "refs/heads/main", "info/exclude"] {
        let Some(dir) = repository() else { return };
        write(dir.path(), "a.py", "");
        commit_all(dir.path());
        let path = dir.path().join(".git").join(broken);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, [0xff; 100]).unwrap();
        assert_eq!(names(&list(dir.path(), &[])), ["a.py"], "{broken} is rubbish");
        std::fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_eq!(names(&list(dir.path(), &[])), ["a.py"], "{broken} is a pipe");
    }
    let Some(dir) = repository() else { return };
    write(dir.path(), "src/a.py", "");
    mknodat(CWD, dir.path().join("src/.gitignore"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert!(capture::code(dir.path(), &[]).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_cannot_be_recorded_are_told() {
    use std::os::unix::ffi::OsStrExt;
    let Some(dir) = repository() else { return };
    for name in [&b"ok.py"[..], b"aux.py", b"bad\xff.py"] {
        std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
    }
    std::os::unix::fs::symlink("/etc", dir.path().join("link")).unwrap();
    commit_all(dir.path());
    let found = list(dir.path(), &[]);
    let refused: Vec<&str> = found.refused.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names(&found), refused), (vec!["link", "ok.py"], vec!["aux.py", "bad\u{fffd}.py"]));
}

#[test]
fn probes_of_this_host_are_stable() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(capture::system(), capture::system());
    assert_eq!(capture::packages(root.path()), capture::packages(root.path()));
    assert_eq!(capture::accelerators(), capture::accelerators());
}

/// The fastest of some runs, in milliseconds. Told, not asserted: other work on the machine is none of ours.
fn tell<T>(what: &str, runs: usize, mut work: impl FnMut() -> T) {
    let mut times: Vec<f64> = Vec::new();
    for _ in 0..runs {
        let start = std::time::Instant::now();
        std::hint::black_box(work());
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "{what:32} first {:8.3} ms, best {:8.3} ms",
        times[0],
        times.iter().copied().fold(f64::MAX, f64::min)
    );
}

#[test]
#[ignore = "a measurement: cargo test --test capture -- --ignored --nocapture timings"]
fn timings() {
    tell("system", 20, capture::system);
    tell("accelerators", 20, capture::accelerators);
    let root = tempfile::tempdir().unwrap();
    println!("packages of this host: {}", capture::packages(root.path()).packages.len());
    tell("packages", 20, || capture::packages(root.path()));
    for (kind, folders, files) in [("small", 2, 5), ("large", 200, 100)] {
        let Some(dir) = repository() else { return };
        for folder in 0..folders {
            (0..files).for_each(|file| write(dir.path(), &format!("d{folder}/f{file}.py"), "text"));
        }
        tell(&format!("{kind}, untracked: paths"), 5, || capture::code_paths(dir.path(), &[]));
        commit_all(dir.path());
        // As time passes, files are no longer younger than the index.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        git(dir.path(), &["update-index", "-q", "--refresh", "--force-write-index"]);
        tell(&format!("{kind}, tracked: paths"), 10, || capture::code_paths(dir.path(), &[]));
        tell(&format!("{kind}, tracked: state"), 10, || capture::git_state(dir.path()));
        tell(&format!("{kind}, tracked: both"), 10, || capture::code(dir.path(), &[]));
        std::fs::remove_dir_all(dir.path().join(".git")).unwrap();
        tell(&format!("{kind}, no git: paths"), 5, || capture::code_paths(dir.path(), &[]));
    }
}
