//! Bits that flip in refs, marks and packs: each is told by `fsck`, and no collection makes a loss of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mdl::encoding;
use mdl::id::{Digest, Kind};
use mdl::progress::Silent;
use mdl::refs::{Entry, Mark};
use mdl::repo::{FsckReport, GcOptions, Repository, Thoroughness};

use crate::sandbox::Sandbox;

/// How many bits are flipped, one after the other.
const FLIPS: u64 = 240;

/// A repository with some of everything: branches that moved on and back, a tag, a detached HEAD, a run in a log and
/// one in a batch, the mark of a collection.
fn project() -> Sandbox {
    let sandbox = Sandbox::history();
    sandbox.ok(&["run", "-q", "--", "true"]);
    sandbox.ok(&["gc", "-q", "--all"]);
    sandbox.ok(&["undo", "-q"]);
    sandbox.ok(&["branch", "side"]);
    sandbox.ok(&["tag", "v1"]);
    sandbox.ok(&["run", "-q", "--", "true"]);
    sandbox.ok(&["checkout", "-q", "--force", "HEAD~0"]);
    sandbox.write("params.yaml", "lr: 0.75\n");
    sandbox.ok(&["commit", "-q", "-m", "detached"]);
    sandbox.ok(&["switch", "-q", "--force", "main"]);
    sandbox.ok(&["fsck", "--data"]);
    sandbox
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}

/// The files below these folders, sorted.
fn below(root: &Path, folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    folders.iter().for_each(|folder| files(&root.join(".mdl").join(folder), &mut found));
    found.sort();
    found
}

fn put(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    let mut all = Vec::new();
    files(from, &mut all);
    for path in all {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&path, &target).unwrap();
    }
}

fn fsck(root: &Path) -> Option<FsckReport> {
    Repository::open(root).ok()?.fsck(Thoroughness::Everything, &Silent).ok()
}

fn gc(root: &Path) -> bool {
    let repository = Repository::open(root).unwrap();
    repository.gc(GcOptions { all: true, dry_run: false }, &Silent).is_ok()
}

/// What refs need, besides batches, which a collection makes anew.
fn objects(root: &Path) -> BTreeSet<(Kind, Digest)> {
    let mut found = BTreeSet::new();
    Repository::open(root)
        .unwrap()
        .store()
        .each_object(&mut |kind, id| {
            found.insert((kind, id));
        })
        .unwrap();
    found.retain(|(kind, _)| *kind != Kind::Runs);
    found
}

fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 29)
}

#[test]
fn no_flipped_bit_goes_unnoticed_and_none_loses_anything() {
    let sandbox = project();
    // What is garbage now goes, so that what is left is needed.
    let (root, scratch) = (sandbox.root(), tempfile::tempdir().unwrap());
    let paths = below(&root, &["refs", "gc", "packs"]);
    let whole = {
        let to = scratch.path().join("whole");
        copy(&root, &to);
        assert!(gc(&to));
        objects(&to)
    };
    let mut silent = Vec::new();
    for flip in 0..FLIPS {
        // Refs are small: of each kind as many.
        let kind = [".mdl/refs", ".mdl/packs", ".mdl/refs", ".mdl/gc"][flip as usize % 4];
        let of_kind: Vec<&PathBuf> = paths.iter().filter(|path| path.starts_with(root.join(kind))).collect();
        let path = of_kind[mixed(flip) as usize % of_kind.len()];
        let to = scratch.path().join(flip.to_string());
        copy(&root, &to);
        let path = to.join(path.strip_prefix(&root).unwrap());
        let mut bytes = fs::read(&path).unwrap();
        let bit = mixed(flip ^ 0xabcd) as usize % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        put(&path, &bytes);
        let is_told = fsck(&to).is_none_or(|report| !report.damage.is_empty());
        if !is_told {
            silent.push((path.clone(), bit));
        }
        let collected = gc(&to);
        // A pack that is damaged has lost what was in it; an entry never takes anything else with it.
        if kind != ".mdl/packs" {
            let left = objects(&to);
            assert!(whole.is_subset(&left), "{} at bit {bit}: collected {collected}", path.display());
        }
        fs::remove_dir_all(&to).unwrap();
    }
    assert!(silent.is_empty(), "{silent:?}");
}

/// Writes entries and marks as they were before they had a check.
fn without_checks(root: &Path) {
    for path in below(root, &["refs", "gc"]) {
        let bytes = fs::read(&path).unwrap();
        let older = match path.starts_with(root.join(".mdl/gc")) {
            true => encoding::to_bytes(&Mark::from_bytes(&bytes).unwrap()),
            false => encoding::to_bytes(&Entry::from_bytes(&bytes).unwrap()),
        };
        assert!(older.len() < bytes.len());
        put(&path, &older);
    }
}

#[test]
fn a_break_in_the_chain_stops_a_collection_also_where_entries_have_no_check() {
    let sandbox = Sandbox::project();
    sandbox.ok(&["commit", "-q", "-m", "one"]);
    sandbox.write("params.yaml", "lr: 0.5\n");
    sandbox.ok(&["commit", "-q", "-m", "two"]);
    sandbox.ok(&["undo", "-q"]);
    sandbox.write("params.yaml", "lr: 0.25\n");
    sandbox.ok(&["commit", "-q", "-m", "three"]);
    let root = sandbox.root();
    without_checks(&root);
    sandbox.ok(&["fsck", "--data"]);
    sandbox.ok(&["gc", "--all", "--dry-run"]);
    let before = objects(&root);
    for number in 0..4 {
        let path = root.join(format!(".mdl/refs/heads/main/{number}"));
        let bytes = fs::read(&path).unwrap();
        let mut entry = Entry::from_bytes(&bytes).unwrap();
        entry.nonce[3] ^= 4;
        for lost in [false, true] {
            fs::remove_file(&path).unwrap();
            if !lost {
                fs::write(&path, encoding::to_bytes(&entry)).unwrap();
            }
            let told = sandbox.mdl(&["fsck", "--data"]);
            assert_eq!(told.code, 5, "{}", told.told());
            assert!(told.told().contains(&format!("branch main@{}", number + 1)), "{}", told.told());
            for arguments in [&["gc", "--all"][..], &["gc", "--all", "--dry-run"]] {
                let refused = sandbox.mdl(arguments);
                assert_eq!(refused.code, 5, "{}", refused.told());
                assert!(refused.stderr.contains("breaks at entry"), "{}", refused.told());
                assert!(refused.stderr.contains("hint: nothing was removed"), "{}", refused.told());
            }
            assert_eq!(objects(&root), before);
        }
        fs::write(&path, &bytes).unwrap();
    }
    sandbox.ok(&["fsck", "--data"]);
    sandbox.ok(&["gc", "--all"]);
    assert!(before.is_subset(&objects(&root)));
}
