//! What keeps a checkout from changing a file: it is noticed before the first change, or taken back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::sandbox::Sandbox;
use crate::skip::skipped;
use crate::unlucky::Mount;

/// On `main` and `other` every file of a dataset differs; `main` is checked out.
fn two_branches() -> Sandbox {
    let sandbox = Sandbox::project();
    sandbox.ok(&["add", "-q", "data"]);
    for name in ["a", "b", "sub/c", "sub/d", "z", "only-main/x"] {
        sandbox.write(&format!("data/{name}"), "main\n");
    }
    sandbox.ok(&["commit", "-q", "-m", "main"]);
    sandbox.ok(&["switch", "-q", "-c", "other"]);
    for name in ["a", "b", "sub/c", "sub/d", "z", "only-other/y"] {
        sandbox.write(&format!("data/{name}"), "other\n");
    }
    fs::remove_dir_all(sandbox.root().join("data/only-main")).unwrap();
    sandbox.ok(&["commit", "-q", "-m", "other"]);
    sandbox.ok(&["checkout", "-q", "main"]);
    sandbox
}

fn is_clean(sandbox: &Sandbox) -> bool {
    sandbox.ok(&["status", "--json"]).contains("\"clean\":true")
        || sandbox.ok(&["status", "--json"]).contains("\"clean\": true")
}

/// The checkout is refused, says why, and has changed nothing; without what blocks it, it works.
fn is_refused(sandbox: &Sandbox, why: &str) {
    let ran = sandbox.mdl(&["checkout", "-q", "other"]);
    assert_eq!(ran.code, 6, "{why}: {}", ran.told());
    assert!(ran.stderr.contains(why), "{why}: {}", ran.told());
    for name in ["a", "b", "sub/c", "sub/d", "z", "only-main/x"] {
        assert_eq!(sandbox.read(&format!("data/{name}")), "main\n", "{why}: {name}");
    }
    assert!(!sandbox.root().join("data/only-other").exists(), "{why}");
    assert!(is_clean(sandbox), "{why}: {}", sandbox.ok(&["status"]));
}

fn works(sandbox: &Sandbox) {
    sandbox.ok(&["checkout", "-q", "other"]);
    assert_eq!(sandbox.read("data/sub/c"), "other\n");
    assert!(is_clean(sandbox), "{}", sandbox.ok(&["status"]));
}

#[test]
fn a_file_that_is_a_mount_point_is_noticed_before_anything_changes() {
    for name in ["data/b", "data/sub/d", "data/only-main/x"] {
        let sandbox = two_branches();
        let at = sandbox.root().join(name);
        let Some(mount) = Mount::new(&["--bind", at.to_str().unwrap()], &at) else { return };
        is_refused(&sandbox, "mount point");
        drop(mount);
        works(&sandbox);
    }
}

#[test]
fn a_folder_that_is_read_only_is_noticed_before_anything_changes() {
    let sandbox = two_branches();
    let at = sandbox.root().join("data/sub");
    let text = at.to_str().unwrap();
    let Some(mount) = Mount::new(&["--bind", text], &at) else { return };
    let remounted = Command::new("mount").args(["-o", "remount,ro,bind", text]).status();
    if !remounted.is_ok_and(|done| done.success()) {
        return skipped("cannot mount read-only");
    }
    is_refused(&sandbox, "Read-only file system");
    drop(mount);
    works(&sandbox);
}

#[test]
fn a_folder_that_is_a_mount_point_is_written_in_and_stays() {
    let sandbox = two_branches();
    let (sub, only) = (sandbox.root().join("data/sub"), sandbox.root().join("data/only-main"));
    let Some(_sub) = Mount::new(&["-t", "tmpfs", "tmpfs"], &sub) else { return };
    let Some(_only) = Mount::new(&["--bind", only.to_str().unwrap()], &only) else { return };
    for name in ["c", "d"] {
        sandbox.write(&format!("data/sub/{name}"), "main\n");
    }
    sandbox.ok(&["checkout", "-q", "other"]);
    assert_eq!(sandbox.read("data/sub/c"), "other\n");
    assert!(only.is_dir() && !only.join("x").exists());
    sandbox.ok(&["checkout", "-q", "main"]);
    assert_eq!(sandbox.read("data/only-main/x"), "main\n");
    assert!(is_clean(&sandbox), "{}", sandbox.ok(&["status"]));
}

#[test]
fn marks_that_forbid_a_change_are_noticed_before_it() {
    for (name, mark, why) in [
        ("data/b", "i", "nobody may change"),
        ("data/b", "a", "only added to"),
        ("data/sub", "i", "not permitted"),
        ("data/only-main", "a", "only added to"),
    ] {
        let sandbox = two_branches();
        let at = sandbox.root().join(name);
        let set = |sign: &str| Command::new("chattr").arg(format!("{sign}{mark}")).arg(&at).output();
        if !set("+").is_ok_and(|done| done.status.success()) {
            return skipped("chattr has no effect here");
        }
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| is_refused(&sandbox, why)));
        set("-").unwrap();
        assert!(refused.is_ok(), "{name} +{mark}");
        works(&sandbox);
    }
}

/// The binary as another user, who owns the project but for what the test gives to somebody else.
fn as_another(sandbox: &Sandbox, arguments: &[&str]) -> std::process::Output {
    let mut command = sandbox.command(arguments);
    let binary = sandbox.around().join("mdl");
    if !binary.exists() {
        fs::copy(command.get_program(), &binary).unwrap();
    }
    let mut other = Command::new(&binary);
    other.args(arguments).current_dir(sandbox.root()).env_clear().uid(65_534).gid(65_534);
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env_clear();
    other.output().unwrap()
}

fn chown_all(path: &Path, owner: u32) {
    std::os::unix::fs::lchown(path, Some(owner), Some(owner)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        fs::read_dir(path).unwrap().for_each(|entry| chown_all(&entry.unwrap().path(), owner));
    }
}

#[test]
fn what_the_permissions_forbid_is_noticed_before_anything_changes() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can become another user");
    }
    type Forbid = fn(&Path);
    let cases: [(&str, Forbid); 2] = [
        ("Permission denied", |root| {
            let sub = root.join("data/sub");
            fs::set_permissions(sub, fs::Permissions::from_mode(0o555)).unwrap();
        }),
        ("sticky", |root| {
            chown_all(&root.join("data/sub"), 0);
            let sub = root.join("data/sub");
            fs::set_permissions(sub, fs::Permissions::from_mode(0o1777)).unwrap();
        }),
    ];
    for (why, forbid) in cases {
        let sandbox = two_branches();
        fs::set_permissions(sandbox.around(), fs::Permissions::from_mode(0o755)).unwrap();
        chown_all(&sandbox.around(), 65_534);
        forbid(&sandbox.root());
        let output = as_another(&sandbox, &["checkout", "-q", "other"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(6) && told.contains(why), "{why}: {told}");
        for name in ["a", "b", "sub/c", "sub/d", "z", "only-main/x"] {
            assert_eq!(sandbox.read(&format!("data/{name}")), "main\n", "{why}: {name}");
        }
        assert!(!sandbox.root().join("data/only-other").exists(), "{why}");
    }
}
