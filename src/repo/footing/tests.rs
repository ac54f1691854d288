//! Writers beside a collection that dooms every pack there is: before they begin, and while they are at it.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::id::ContentId;
use crate::launch::{Outlets, Signals};
use crate::name::RefName;
use crate::object::FindContent;
use crate::progress::Amount;
use crate::refs::{Mark, Move};
use crate::repo::{
    Begun, CheckoutOptions, CommitOptions, RunOptions, SweepOptions, SweepWitness, SweptRun, Warning, Witness,
};
use crate::store::Section;

use super::*;

/// A project with data of one chunk and of several.
fn project() -> (tempfile::TempDir, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let repository = at(folder.path());
    (folder, repository)
}

fn at(root: &Path) -> Repository {
    write(root, "params.yaml", b"lr: 0.1\n");
    write(root, "data/small.csv", b"x,y\n1,2\n");
    write(root, "data/large.bin", &noise(1, 900_000));
    let repository = Repository::init(root).unwrap().repository;
    write(root, "mdl.toml", b"[params]\nfiles = [\"params.yaml\"]\n[datasets.data]\npath = \"data\"\n");
    repository
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn commit(repository: &Repository, progress: &dyn Progress) -> CommitId {
    let options = CommitOptions { message: "data".into(), allow_empty: true };
    repository.commit(&options, progress).unwrap().unwrap().id
}

fn name(text: &str) -> RefName {
    RefName::new(text).unwrap()
}

fn listed(repository: &Repository) -> Vec<String> {
    let keys = |section: Section| repository.storage.list(section.prefix()).unwrap();
    Section::ALL.into_iter().flat_map(keys).map(|listed| listed.key.to_string()).collect()
}

/// Publishes a mark that dooms every pack, and says its epoch.
fn doom(repository: &Repository) -> u64 {
    let epoch = refs::epoch(&*repository.storage).unwrap() + 1;
    let Move { who, when, .. } = repository.mover("gc");
    let mark = Mark { doomed: listed(repository), nonce: [epoch as u8; 16], who, when };
    let key = crate::storage::Key::new(&format!("gc/{epoch}")).unwrap();
    repository.storage.create(&key, &crate::encoding::to_bytes(&mark)).unwrap();
    epoch
}

/// Removes what is doomed, without a copy of anything.
fn sweep_away(repository: &Repository) {
    for key in refs::doomed(&*repository.storage).unwrap().1.keys() {
        repository.storage.remove(&crate::storage::Key::new(key).unwrap()).unwrap();
    }
}

/// A whole collection: the mark, the fences, the copies, the removal.
fn collect(repository: &Repository) {
    let epoch = doom(repository);
    for log in refs::all_logs(&*repository.storage).unwrap() {
        refs::fence(&*repository.storage, &log.name, epoch, &repository.mover("gc")).unwrap();
    }
    let mut roots = Vec::new();
    for (_, entry) in refs::all_logs(&*repository.storage).unwrap().into_iter().flat_map(|log| log.entries) {
        roots.extend(entry.target.object().map(|(kind, id)| Link::Object(kind, id)));
    }
    let (_, doomed) = refs::doomed(&*repository.storage).unwrap();
    repository.secure_closure(roots, &doomed, false).unwrap();
    sweep_away(repository);
}

/// Opened anew, so that nothing is known but what is there.
fn damage(root: &Path) -> Vec<String> {
    let _ = std::fs::remove_dir_all(root.join(".mdl/cache"));
    let repository = Repository::open(root).unwrap();
    let report = repository.fsck(crate::repo::Thoroughness::Everything, &Silent).unwrap();
    report.damage.into_iter().map(|damage| format!("{} {}", damage.what, damage.problem)).collect()
}

/// A collection happens when a phase begins for the n-th time.
struct Collecting<'a> {
    repository: &'a Repository,
    at: usize,
    begun: AtomicUsize,
}

impl Progress for Collecting<'_> {
    fn begin(&self, _: &'static str, _: Option<Amount>) {
        if self.begun.fetch_add(1, Ordering::SeqCst) == self.at {
            collect(self.repository);
        }
    }

    fn advance(&self, _: Amount) {}
}

#[test]
fn what_a_new_ref_points_to_is_written_again_where_only_doomed_packs_have_it() {
    type Act = fn(&Repository, CommitId);
    let acts: [Act; 4] = [
        |repository, at| repository.create_branch(&name("new"), at).unwrap(),
        |repository, at| drop(repository.create_tag(&name("v1"), at, "", false).unwrap()),
        |repository, at| {
            let options = CheckoutOptions::default();
            let resolved = repository.resolve(&at.to_string()).unwrap();
            repository.checkout(&resolved.commit.to_string(), options, &Silent).unwrap();
        },
        |repository, at| {
            let footing = repository.stand(&Ref { family: Family::Heads, name: name("x") }).unwrap();
            repository.secure(at, &footing).unwrap();
        },
    ];
    for act in acts {
        let (folder, repository) = project();
        let at = commit(&repository, &Silent);
        doom(&repository);
        act(&repository, at);
        assert!(listed(&repository).len() > 2, "the doomed ones, and others");
        sweep_away(&repository);
        assert_eq!(damage(folder.path()), [""; 0]);
    }
}

#[test]
fn what_no_doomed_pack_has_is_not_written_again() {
    let (_folder, repository) = project();
    let at = commit(&repository, &Silent);
    let before = listed(&repository);
    repository.create_branch(&name("new"), at).unwrap();
    collect(&repository);
    let after = listed(&repository);
    repository.create_branch(&name("newer"), at).unwrap();
    assert_eq!(listed(&repository), after);
    assert!(before.iter().all(|pack| !after.contains(pack)));
}

#[test]
fn a_commit_beside_a_mark_relies_on_no_doomed_pack() {
    let (folder, repository) = project();
    let one = commit(&repository, &Silent);
    write(folder.path(), "data/more.bin", &noise(2, 700_000));
    write(folder.path(), "data/few.csv", b"a,b\n");
    commit(&repository, &Silent);
    repository.undo().unwrap();
    assert_eq!(repository.head().unwrap().commit(), Some(one));
    // Of the branch's value, no content is new but those two, and both are in doomed packs.
    doom(&repository);
    commit(&repository, &Silent);
    sweep_away(&repository);
    drop(repository);
    let repository = Repository::open(folder.path()).unwrap();
    let more = noise(2, 700_000);
    assert_eq!(repository.store.content(ContentId::of(&more), 1 << 20).unwrap(), more);
    assert_eq!(repository.store.content(ContentId::of(b"a,b\n"), 100).unwrap(), b"a,b\n");
}

#[test]
fn a_collection_in_the_middle_of_a_commit_makes_it_begin_again() {
    for detached in [false, true] {
        let (folder, repository) = project();
        let first = commit(&repository, &Silent);
        if detached {
            repository.checkout(&first.to_string(), CheckoutOptions::default(), &Silent).unwrap();
        }
        write(folder.path(), "data/more.csv", b"5,6\n");
        let progress = Collecting { repository: &repository, at: 0, begun: AtomicUsize::new(0) };
        let id = commit(&repository, &progress);
        assert_eq!(repository.head().unwrap().commit(), Some(id));
        assert!(progress.begun.load(Ordering::SeqCst) >= 2, "it was scanned twice");
        collect(&repository);
        assert_eq!(damage(folder.path()), [""; 0], "detached: {detached}");
    }
}

#[test]
fn the_stat_cache_does_not_vouch_for_what_was_collected() {
    let (folder, repository) = project();
    write(folder.path(), "data/more.bin", &noise(3, 600_000));
    commit(&repository, &Silent);
    // No commit has it any more, and nothing in the log either: as if the branch were another one.
    for listed in repository.storage.list("refs").unwrap() {
        repository.storage.remove(&listed.key).unwrap();
    }
    collect(&repository);
    commit(&repository, &Silent);
    assert_eq!(damage(folder.path()), [""; 0]);
}

struct Collector<'a>(&'a Repository, [bool; 2]);

impl Witness for Collector<'_> {
    fn begun(&mut self, _: &Begun, _: &[String], _: &[Warning]) {
        if self.1[0] {
            collect(self.0);
        }
    }

    fn outlets(&mut self) -> Outlets {
        Outlets::nowhere()
    }

    fn ended(&mut self) {
        if self.1[1] {
            collect(self.0);
        }
    }
}

#[test]
fn a_run_survives_collections_at_any_time() {
    for (at, around) in [(0, [false; 2]), (1, [true, false]), (99, [true, true]), (99, [false, true])] {
        let (folder, repository) = project();
        commit(&repository, &Silent);
        let progress = Collecting { repository: &repository, at, begun: AtomicUsize::new(0) };
        let options = RunOptions {
            command: ["sh", "-c", "echo a result"].map(Into::into).to_vec(),
            directory: folder.path().to_owned(),
            message: Some("run".into()),
            ..RunOptions::default()
        };
        let mut witness = Collector(&repository, around);
        let ran = repository.run(&options, &Signals::watch().unwrap(), &mut witness, &progress).unwrap();
        let (id, _) = ran.run.commit.unwrap();
        assert_eq!(repository.head().unwrap().commit(), Some(id));
        collect(&repository);
        assert_eq!(damage(folder.path()), [""; 0], "{at} {around:?}");
    }
}

impl SweepWitness for Collector<'_> {
    fn planned(&self, _: Option<&str>, _: &[String], _: &[Warning]) {
        if self.1[0] {
            collect(self.0);
        }
    }

    fn outlets(&self) -> Outlets {
        Outlets::nowhere()
    }

    fn done(&self, _: u64, _: &SweptRun) {
        if self.1[1] {
            collect(self.0);
        }
    }
}

#[test]
fn a_sweep_survives_collections_once_it_runs_and_says_when_one_came_before() {
    for around in [[true, false], [false, true], [true, true]] {
        let (folder, repository) = project();
        commit(&repository, &Silent);
        // Of what is recorded of the work tree, no commit has this.
        write(folder.path(), "data/more.bin", &noise(4, 600_000));
        write(folder.path(), "train.py", b"print(2)\n");
        let options = SweepOptions {
            run: RunOptions {
                command: ["sh", "-c", "exit 0"].map(Into::into).to_vec(),
                directory: folder.path().to_owned(),
                ..RunOptions::default()
            },
            sweep: crate::format::Sweep::new(vec!["lr=0.1,0.2,0.3".parse().unwrap()]).unwrap(),
            name: None,
            jobs: 1,
            again: false,
        };
        let signals = Signals::watch().unwrap();
        let swept = repository.sweep(&options, &signals, &Collector(&repository, around), &Silent);
        match swept {
            // No ref had the work tree when it was collected.
            Err(RepoError::Ref(RefError::Collected { .. })) => assert!(around[0]),
            swept => assert_eq!((swept.unwrap().len(), around[0]), (3, false)),
        }
        collect(&repository);
        assert_eq!(damage(folder.path()), [""; 0], "{around:?}");
    }
}

#[test]
fn a_commit_that_nothing_refers_to_is_looked_through() {
    let (_folder, repository) = project();
    let at = commit(&repository, &Silent);
    for key in ["refs", "packs/data"].iter().flat_map(|prefix| repository.storage.list(prefix).unwrap()) {
        repository.storage.remove(&key.key).unwrap();
    }
    let refused = repository.create_branch(&name("new"), at).unwrap_err();
    let missing =
        |error: &RepoError| matches!(error, RepoError::Ref(RefError::Object(ObjectError::MissingContent(_))));
    assert!(missing(&refused), "{refused:?}");
    assert_eq!(repository.branches().unwrap().len(), 0);
}
