//! Links that lead out, and what lies in the way of a checkout.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use mdl::object::Node;
use mdl::progress::Silent;
use mdl::repo::{CheckoutOptions, Repository};

use crate::forge::{Forge, content, dataset, file, link, tree};

const FORCE: CheckoutOptions = CheckoutOptions { force: true, dry_run: false };

#[test]
fn links_that_lead_out_are_refused() {
    let forge = Forge::new();
    let long = "x/".repeat(3_000);
    let targets: [&[u8]; 14] = [
        b"/etc/passwd",
        b"..",
        b"../x",
        b"a/../../x",
        b"a/..",
        b"./../x",
        b"",
        b"x\0y",
        b"\xff",
        b".mdl/HEAD",
        b".git/hooks/x",
        b"a//b",
        b"x\n",
        long.as_bytes(),
    ];
    for target in targets {
        let case = format!("a link to {}", String::from_utf8_lossy(&target[..target.len().min(30)]));
        forge.is_refused(forge.code(|w| tree(w, &[(b"l", link(w, target))])), &case);
        let below = forge.commit(None, |w, d, _| dataset(w, d, "one", "l", link(w, target)));
        forge.is_refused(below, &case);
    }
}

#[test]
fn links_in_a_circle_are_put_back_and_lead_nowhere() {
    let forge = Forge::new();
    let commit =
        forge.code(|w| tree(w, &[(b"a", link(w, b"b")), (b"b", link(w, b"a")), (b"c", link(w, b"c"))]));
    forge.repository.checkout(&commit.to_string(), FORCE, &Silent).unwrap();
    assert_eq!(std::fs::read_link(forge.sandbox.root().join("a")).unwrap().to_str(), Some("b"));
    forge.repository.status(&Silent).unwrap();
}

#[test]
fn nothing_is_written_through_a_planted_link() {
    let forge = Forge::new();
    let (root, outside) = (forge.sandbox.root(), forge.sandbox.root().join("../outside"));
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("x"), "canary").unwrap();
    let commit =
        forge.code(|w| tree(w, &[(b"d", tree(w, &[(b"x", file(w, b"evil"))])), (b"f", file(w, b"evil"))]));
    symlink("../outside", root.join("d")).unwrap();
    symlink("../canary", root.join("f")).unwrap();
    let before = forge.everything();
    forge.repository.checkout(&commit.to_string(), CheckoutOptions::default(), &Silent).unwrap_err();
    assert_eq!(forge.everything(), before);
    // A link that leads out is not replaced either, not even by force.
    forge.repository.checkout(&commit.to_string(), FORCE, &Silent).unwrap_err();
    assert_eq!(forge.everything(), before);
    std::fs::remove_file(root.join("f")).unwrap();
    forge.repository.checkout(&commit.to_string(), FORCE, &Silent).unwrap();
    assert_eq!(std::fs::read(outside.join("x")).unwrap(), b"canary");
    assert_eq!(std::fs::read(root.join("../canary")).unwrap(), b"untouched");
    assert_eq!(std::fs::read(root.join("d/x")).unwrap(), b"evil");
    assert!(root.join("d").symlink_metadata().unwrap().is_dir());
}

#[test]
fn no_stage_is_made_behind_a_link_to_another_file_system() {
    let forge = Forge::new();
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
        crate::skip::skipped("there is no other file system at /dev/shm");
        return;
    };
    symlink(other.path(), forge.sandbox.root().join("d")).unwrap();
    let commit = forge.code(|w| tree(w, &[(b"d", tree(w, &[(b"x", file(w, b"evil"))]))]));
    let before = std::fs::metadata(other.path()).unwrap().mtime_nsec();
    let _ = forge.repository.checkout(&commit.to_string(), FORCE, &Silent);
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
    assert_eq!(
        std::fs::metadata(other.path()).unwrap().mtime_nsec(),
        before,
        "something was there for a moment"
    );
}

#[test]
fn a_file_with_a_second_name_is_replaced_and_not_written() {
    let forge = Forge::new();
    let path = forge.sandbox.root().join("train.py");
    std::fs::hard_link(&path, forge.sandbox.root().join("../second")).unwrap();
    let commit = forge.code(|w| tree(w, &[(b"train.py", file(w, b"other"))]));
    forge.repository.checkout(&commit.to_string(), FORCE, &Silent).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"other");
    let second = std::fs::read_to_string(forge.sandbox.root().join("../second")).unwrap();
    assert_eq!(second, "print('training')\n");
}

#[test]
fn set_uid_does_not_survive() {
    let forge = Forge::new();
    let path = forge.sandbox.root().join("train.py");
    for bytes in [&b"print('training')\n"[..], b"other"] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o6644)).unwrap();
        let commit = forge.code(|w| {
            let (content, size) = content(w, bytes);
            tree(w, &[(b"train.py", Node::File { content, size, executable: true })])
        });
        forge.repository.checkout(&commit.to_string(), FORCE, &Silent).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o755);
    }
}

#[test]
fn what_is_no_file_is_neither_opened_nor_lost() {
    let forge = Forge::new();
    let root = forge.sandbox.root();
    let commit = forge.code(|w| tree(w, &[(b"train.py", file(w, b"other")), (b"new", file(w, b"new"))]));
    for name in ["train.py", "new", "params.yaml", "mdl.toml"] {
        let (path, aside) = (root.join(name), root.join("../aside"));
        let moved = std::fs::rename(&path, &aside).is_ok();
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
        let ran = forge.sandbox.mdl(&["status"]);
        assert!(ran.code == 0 || !ran.stderr.is_empty(), "{name}: {}", ran.told());
        for force in [false, true] {
            let options = CheckoutOptions { force, dry_run: false };
            let _ = forge.repository.checkout(&commit.to_string(), options, &Silent);
            let kind = path.symlink_metadata().unwrap().mode() & 0o170_000;
            assert_eq!(kind, 0o010_000, "{name} was replaced");
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("precious"), "mine").unwrap();
        let _ = forge.repository.checkout(&commit.to_string(), CheckoutOptions::default(), &Silent);
        assert_eq!(std::fs::read(path.join("precious")).unwrap(), b"mine", "{name}");
        std::fs::remove_dir_all(&path).unwrap();
        if moved {
            std::fs::rename(&aside, &path).unwrap();
        }
    }
}

#[test]
fn a_linked_repository_is_not_followed() {
    let forge = Forge::new();
    let (real, fake) = (forge.sandbox.root(), forge.sandbox.root().join("../fake"));
    std::fs::create_dir(&fake).unwrap();
    symlink(real.join(".mdl"), fake.join(".mdl")).unwrap();
    let before = forge.everything();
    assert!(Repository::open(&fake).is_err());
    assert!(Repository::init(&fake).is_err());
    assert_eq!(forge.everything(), before);
}

#[test]
fn packs_refs_and_heads_that_are_links_are_not_read() {
    for below in ["packs", "refs", "HEAD", "config.toml", "format"] {
        let forge = Forge::new();
        let directory = forge.sandbox.root().join(".mdl");
        std::fs::write(forge.sandbox.root().join("../secret"), "TOP-SECRET = TOP-SECRET\n").unwrap();
        let mut planted = 0;
        let mut pending = vec![directory.join(below)];
        while let Some(path) = pending.pop() {
            match path.symlink_metadata() {
                Ok(metadata) if metadata.is_dir() => {
                    pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                    continue;
                }
                Ok(_) => std::fs::remove_file(&path).unwrap(),
                Err(_) => {}
            }
            symlink(forge.sandbox.root().join("../secret"), &path).unwrap();
            planted += 1;
        }
        assert!(planted > 0, "{below} has no files: the layout is another one");
        for command in [&["status"][..], &["log"], &["fsck"], &["show"], &["config"]] {
            let ran = forge.sandbox.mdl(command);
            assert!(!ran.told().contains("SECRET"), "{below}: {}", ran.told());
            assert!(ran.code != 101 && ran.code >= 0, "{below}: {}", ran.told());
        }
    }
}

#[test]
fn endless_files_are_not_read_to_their_end() {
    for name in ["mdl.toml", ".mdl/HEAD", ".mdl/config.toml"] {
        let forge = Forge::new();
        let path = forge.sandbox.root().join(name);
        let _ = std::fs::remove_file(&path);
        symlink("/dev/zero", &path).unwrap();
        let ran = forge.sandbox.mdl(&["status"]);
        assert!(ran.code > 0 && ran.code < 100 && ran.stderr.contains(name), "{name}: {}", ran.told());
    }
}

/// Runs as another user, where the tests run as root and that user may run the binary.
#[test]
fn a_repository_of_another_user_is_refused() {
    use std::os::unix::process::CommandExt;
    let forge = Forge::new();
    let folder = forge.sandbox.root().parent().unwrap().to_owned();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let binary = folder.join("mdl");
    std::fs::copy(env!("CARGO_BIN_EXE_mdl"), &binary).unwrap();
    let mut command = std::process::Command::new(&binary);
    command.arg("status").current_dir(forge.sandbox.root()).env_clear().uid(65_534);
    match command.output() {
        Ok(output) => {
            assert!(!output.status.success());
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(told.contains("another user"), "{told}");
        }
        Err(error) => crate::skip::skipped(format!("cannot be another user: {error}")),
    }
}

#[test]
fn a_repository_above_in_a_folder_of_everybody_is_not_adopted() {
    let forge = Forge::new();
    let root = forge.sandbox.root();
    std::fs::create_dir(root.join("below")).unwrap();
    assert!(Repository::open(&root.join("below")).is_ok());
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(Repository::open(&root.join("below")).is_err());
}
