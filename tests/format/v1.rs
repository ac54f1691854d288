//! The library reads the repository of version 1, and writes nothing while it does.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use mdl::disk::testing::UnsyncedDisk;
use mdl::id::CommitId;
use mdl::object::{self, Commit};
use mdl::progress::Silent;
use mdl::refs::{Family, Ref, Target};
use mdl::repo::{Logged, Repository, Resolved, Side};
use mdl::storage::Folder;
use mdl::store::{Depth, Store};

use crate::content::{self, COMMITS, File};
use crate::{build, copy, expected, folder, independent, snapshot};

/// A copy of the repository, opened.
fn opened() -> (tempfile::TempDir, Repository) {
    let root = tempfile::tempdir().unwrap();
    copy(&folder().join("repository"), &root.path().join(".mdl"));
    let repository = Repository::open_on(root.path(), Arc::new(UnsyncedDisk)).unwrap();
    (root, repository)
}

/// The commits by message.
fn commits() -> BTreeMap<String, CommitId> {
    let expected = expected();
    let lines = expected.lines().filter_map(|line| line.strip_prefix("commit "));
    lines
        .map(|line| {
            let (id, message) = line.split_once(' ').unwrap();
            (message.to_owned(), id.parse::<mdl::id::Digest>().unwrap().into())
        })
        .collect()
}

#[test]
fn refs_and_commits_are_as_expected() {
    let (_root, repository) = opened();
    let mut lines = Vec::new();
    for (family, word, name) in [
        (Family::Heads, "heads", "main"),
        (Family::Heads, "heads", "experiment/Wide"),
        (Family::Heads, "heads", "gone"),
        (Family::Tags, "tags", "v1.0"),
    ] {
        let history = repository.ref_history(&Ref { family, name: name.parse().unwrap() }).unwrap();
        for (number, entry) in history {
            let target = match entry.target {
                Target::Birth => "birth".to_owned(),
                Target::Deleted => "deleted".to_owned(),
                Target::Commit(id) => format!("commit {id}"),
                Target::Finished(id) => format!("finished {id}"),
                Target::Tag(id) => format!("tag {id}"),
                Target::Runs(id) => format!("runs {id}"),
            };
            lines.push(format!("ref {word}/{name} {number} {target}"));
        }
    }
    let from = commits().into_values().collect();
    let see = &mut |entry: mdl::repo::LogEntry| {
        lines.push(format!("commit {} {}", entry.id, entry.commit.message));
        ControlFlow::Continue(())
    };
    repository.log(&Logged { from, parts: Vec::new() }, see).unwrap();
    lines.sort();
    let expected = expected();
    let expected: Vec<&str> =
        expected.lines().filter(|line| line.starts_with("ref ") || line.starts_with("commit ")).collect();
    assert_eq!(lines, expected);
    let branches: Vec<String> = repository.branches().unwrap().iter().map(|b| b.name.to_string()).collect();
    assert_eq!(branches, ["experiment/Wide", "main"]);
    assert_eq!(repository.tags().unwrap()[0].tag.message, "second");
    assert_eq!(repository.resolve("main@{1}").unwrap().commit, commits()["wider"]);
}

#[test]
fn commits_check_out_to_the_byte() {
    let (_root, repository) = opened();
    // Every other one, since each has 1,200 files.
    for (number, message) in COMMITS.iter().enumerate().step_by(2) {
        let to = tempfile::tempdir().unwrap();
        let done = repository.checkout_to(commits()[*message], to.path(), &Silent).unwrap();
        assert_eq!(done.references, ["data/named.txt"]);
        let mut wanted = content::files(number);
        if number == 2 {
            // It has no outcome.
            wanted.retain(|path, _| {
                !path.starts_with("model/") && path != "metrics.json" && path != "train.log"
            });
        }
        let found = found(to.path());
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{message}");
        for (path, file) in &found {
            assert!(*file == wanted[path], "{message}: {path} differs");
        }
    }
}

fn found(root: &Path) -> BTreeMap<String, File> {
    let found = snapshot(root).into_iter().filter(|(_, bytes)| bytes.is_some());
    let name = |path: &Path| path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
    found.map(|(path, bytes)| (name(&path), file(&path, bytes.unwrap()))).collect()
}

fn file(path: &Path, bytes: Vec<u8>) -> File {
    let metadata = path.symlink_metadata().unwrap();
    if metadata.is_symlink() {
        let target = std::fs::read_link(path).unwrap();
        return File::Symlink(if target == Path::new("src/train.py") { "src/train.py" } else { "another" });
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0 {
        return File::Executable(bytes);
    }
    File::Plain(bytes)
}

#[test]
fn everything_is_whole_and_can_be_compared() {
    let (_root, repository) = opened();
    let report = repository.fsck(mdl::repo::Thoroughness::Everything, &Silent).unwrap();
    assert_eq!(report.damage, []);
    assert!(report.objects > 50 && report.contents > 1200 && report.packs > 5, "{report:?}");
    assert_eq!(report.unreachable, 0, "the undone commit is in the branch's history");
    let side = |message: &str| Side::Revision(Resolved { commit: commits()[message], part: None });
    let compared = repository.compare(&side("baseline"), &side("wider"), &[], &Silent).unwrap();
    assert!(!compared.diff.is_empty());
    let same = repository.compare(&side("wider"), &side("wider"), &[], &Silent).unwrap();
    assert!(same.diff.is_empty());
    let merge: Commit = object::get(repository.store(), commits()["merge"]).unwrap();
    assert_eq!(merge.parents, [commits()["wider"], commits()["experiment"]]);
}

#[test]
fn the_original_is_whole_where_it_lies() {
    let folder = folder().join("repository");
    let before = snapshot(&folder);
    let storage = Folder::new(&folder, Arc::new(UnsyncedDisk));
    let mut damage = Vec::new();
    let store = Store::open(Arc::new(storage), None);
    store.verify(&|_| Depth::Everything, &Silent, &mut |found| damage.push(found)).unwrap();
    assert_eq!(damage, []);
    assert!(snapshot(&folder) == before, "something was written");
}

#[test]
fn reading_writes_nothing() {
    let (root, repository) = opened();
    let before = snapshot(root.path());
    repository.log(&Logged::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    repository.show("main").unwrap();
    repository.cat("v1.0:data/large", &mut std::io::sink(), &Silent).unwrap();
    assert!(snapshot(root.path()) == before, "something was written");
    // A check makes the caches anew, which are no part of the format, and nothing else.
    repository.fsck(mdl::repo::Thoroughness::Everything, &Silent).unwrap();
    let without_caches = |mut files: Vec<(std::path::PathBuf, Option<Vec<u8>>)>| {
        let local = root.path().join(".mdl");
        files.retain(|(path, _)| !path.starts_with(local.join("cache")) && *path != local.join("tmp"));
        files
    };
    assert!(without_caches(snapshot(root.path())) == without_caches(before), "fsck wrote more than caches");
}

/// A commit onto the old repository: packs and refs of then and of now lie side by side.
#[test]
fn the_repository_goes_on() {
    let (root, repository) = opened();
    let force = mdl::repo::CheckoutOptions { force: true, ..Default::default() };
    repository.checkout("main", force, &Silent).unwrap();
    std::fs::write(root.path().join("src/train.py"), "print('newer')\n").unwrap();
    let committed = repository.commit(&mdl::repo::CommitOptions::default(), &Silent).unwrap().unwrap();
    let commit: Commit = object::get(repository.store(), committed.id).unwrap();
    assert_eq!(commit.parents, [commits()["merge"]]);
    assert_eq!(repository.fsck(mdl::repo::Thoroughness::Everything, &Silent).unwrap().damage, []);
}

/// Once `v1/` has landed this is never run again: what it would write is what repositories then have, not what
/// the first had.
#[test]
#[ignore = "writes tests/format/v1, which is never generated again"]
fn write_the_repository() {
    assert!(!folder().exists(), "version 1 has landed: add another beside it");
    build::write(&folder().join("repository"));
    std::fs::write(folder().join("expected.txt"), independent::listing(&folder().join("repository")))
        .unwrap();
}
