//! Packs that rotted, or were only half copied: what does not need them goes on, what does says so.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;

fn packs(sandbox: &Sandbox, section: &str) -> Vec<PathBuf> {
    let folder = sandbox.root().join(".mdl/packs").join(section);
    let mut packs: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    packs.sort();
    packs
}

/// Puts other bytes in place of a file, and takes away what caches know of it.
fn replace(sandbox: &Sandbox, path: &Path, bytes: &[u8]) {
    let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644));
    std::fs::write(path, bytes).unwrap();
    let _ = std::fs::remove_dir_all(sandbox.root().join(".mdl/cache"));
}

/// A name that no pack has.
fn stray(sandbox: &Sandbox, section: &str, digit: &str) -> PathBuf {
    sandbox.root().join(".mdl/packs").join(section).join(digit.repeat(64))
}

#[test]
fn damaged_packs_that_nothing_needs_stop_nobody() {
    let sandbox = Sandbox::history();
    let sound = std::fs::read(&packs(&sandbox, "meta")[0]).unwrap();
    let strays = [stray(&sandbox, "meta", "0"), stray(&sandbox, "meta", "f"), stray(&sandbox, "data", "5")];
    replace(&sandbox, &strays[0], &sound[..sound.len() / 2]);
    replace(&sandbox, &strays[1], b"");
    replace(&sandbox, &strays[2], &[0; 4096]);
    for command in
        [&["status"][..], &["log"], &["show"], &["diff", "HEAD~1"], &["branch", "side"], &["tag", "v1"]]
    {
        let ran = sandbox.mdl(command);
        assert_eq!(ran.code, 0, "{command:?}: {}", ran.told());
    }
    sandbox.write("params.yaml", "lr: 0.5\n");
    let ran = sandbox.mdl(&["commit", "-m", "beside them"]);
    assert_eq!(ran.code, 0, "{}", ran.told());
    // What was looked for everywhere, as a new object is, is told of.
    assert!(ran.stderr.contains("is damaged and counts as absent"), "{}", ran.told());
    let ran = sandbox.mdl(&["fsck"]);
    assert_eq!(ran.code, 5, "{}", ran.told());
    for pack in &strays {
        let name: String = pack.file_name().unwrap().to_str().unwrap().chars().take(8).collect();
        assert!(ran.told().contains("pack packs/"), "{name}: {}", ran.told());
    }
    assert!(ran.told().matches("pack packs/").count() >= 3, "{}", ran.told());
    // Who collects garbage cannot know what they had.
    let before = packs(&sandbox, "meta").len() + packs(&sandbox, "data").len();
    for command in [&["gc"][..], &["gc", "--all"]] {
        let ran = sandbox.mdl(command);
        assert!(ran.code == 5 && ran.stderr.contains("is damaged"), "{}", ran.told());
        assert!(ran.stderr.contains("mdl fsck"), "{}", ran.told());
    }
    assert_eq!(packs(&sandbox, "meta").len() + packs(&sandbox, "data").len(), before);
    strays.iter().for_each(|pack| std::fs::remove_file(pack).unwrap());
    sandbox.ok(&["gc", "--all"]);
    sandbox.ok(&["fsck", "--data"]);
}

#[test]
fn a_damaged_pack_at_a_remote_that_nothing_needs_is_passed_over() {
    let ours = Sandbox::history();
    let remote = ours.around().join("remote");
    ours.ok(&["remote", "add", "origin", remote.to_str().unwrap()]);
    ours.ok(&["push", "-q"]);
    let meta = remote.join("packs/meta");
    let one = std::fs::read_dir(&meta).unwrap().next().unwrap().unwrap().path();
    let sound = std::fs::read(one).unwrap();
    std::fs::write(meta.join("0".repeat(64)), &sound[..sound.len() / 2]).unwrap();
    std::fs::write(remote.join("packs/data").join("a".repeat(64)), b"").unwrap();
    let theirs = ours.beside("theirs");
    let ran = ours.mdl(&["clone", remote.to_str().unwrap(), theirs.root().to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.told());
    theirs.ok(&["fsck", "--data"]);
    ours.write("params.yaml", "lr: 0.5\n");
    ours.ok(&["commit", "-q", "-m", "more"]);
    ours.ok(&["push", "-q"]);
    theirs.ok(&["pull", "-q"]);
}

#[test]
fn a_damaged_pack_that_is_needed_is_named() {
    let sandbox = Sandbox::history();
    for pack in packs(&sandbox, "meta") {
        let sound = std::fs::read(&pack).unwrap();
        replace(&sandbox, &pack, &sound[..sound.len() / 2]);
    }
    let ran = sandbox.mdl(&["log"]);
    assert_eq!(ran.code, 5, "{}", ran.told());
    for word in ["commit", "is missing", "pack packs/meta/", "mdl fsck"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.told());
    }
}

#[test]
fn a_flipped_byte_of_a_small_file_is_never_written_to_it() {
    let sandbox = Sandbox::history();
    let before = sandbox.read("data/train.csv");
    let pack = packs(&sandbox, "data").remove(0);
    let mut bytes = std::fs::read(&pack).unwrap();
    // The first frame begins behind the magic; small files lie in it as they are.
    bytes[10] ^= 1;
    replace(&sandbox, &pack, &bytes);
    std::fs::remove_dir_all(sandbox.root().join("data")).unwrap();
    std::fs::remove_file(sandbox.root().join("train.py")).unwrap();
    std::fs::remove_file(sandbox.root().join("params.yaml")).unwrap();
    for command in [
        &["restore", "-f", "datasets", "params"][..],
        &["checkout", "-f", "main"],
        &["checkout", "HEAD", "--to", "../new"],
    ] {
        let ran = sandbox.mdl(command);
        assert_eq!(ran.code, 5, "{command:?}: {}", ran.told());
    }
    let files = [("data/train.csv", before.as_str()), ("params.yaml", "lr: 0.01\nlayers: [128, 64]\n")];
    for (file, honest) in files {
        let there = std::fs::read_to_string(sandbox.root().join(file)).ok();
        assert!(there.is_none_or(|text| text == honest), "{file}");
    }
    let damaged = ["HEAD:params", "HEAD:datasets/data/train.csv", "HEAD:code/train.py"];
    let codes: Vec<i32> = damaged.iter().map(|what| sandbox.mdl(&["cat", what]).code).collect();
    assert!(codes.contains(&5) && !codes.contains(&6), "{codes:?}");
}
