//! Runs of logs and of batches, as people see them.

use std::path::Path;

use crate::id::CommitId;
use crate::launch::{Outlets, Signals};
use crate::name::RunId;
use crate::object::{self, Commit, Phase, Run};
use crate::progress::Silent;
use crate::refs::{Ref, Target};
use crate::repo::{Begun, RunOptions, RunState, Warning, Witness};

use super::*;

struct Nobody;

impl Witness for Nobody {
    fn begun(&mut self, _: &Begun, _: &[String], _: &[Warning]) {}

    fn outlets(&mut self) -> Outlets {
        Outlets::nowhere()
    }
}

fn repository(root: &Path) -> Repository {
    std::fs::write(root.join("params.yaml"), "lr: 0.1\n").unwrap();
    Repository::init(root).unwrap().repository
}

fn run(repository: &Repository, name: &str) -> (RunId, CommitId) {
    let options = RunOptions {
        command: ["sh", "-c", "exit 0"].map(Into::into).to_vec(),
        directory: repository.root().to_owned(),
        name: Some(name.to_owned()),
        ..RunOptions::default()
    };
    let signals = Signals::watch().unwrap();
    let ran = repository.run(&options, &signals, &mut Nobody, &Silent).unwrap().run;
    (ran.id, ran.commit.unwrap().0)
}

/// Moves runs from their logs to a batch, as a collection does.
fn fold(repository: &Repository, runs: &[&(RunId, CommitId)]) {
    let writer = repository.store.writer(&Silent);
    let folded = runs.iter().map(|(id, commit)| (id.clone(), *commit)).collect();
    let batch = object::put(&writer, &object::Runs { runs: folded, batches: Vec::new() }).unwrap();
    writer.finish().unwrap();
    let name = Ref { family: Family::Batches, ..Ref::of_run(&repository.new_run_id().unwrap()) };
    let (target, find) = (Target::Runs(batch), &repository.store);
    repository.advance_ref(&name, None, target, "gc", find, &mut |_| Ok(())).unwrap();
    for (id, _) in runs {
        for listed in repository.storage.list(&format!("refs/runs/{id}")).unwrap() {
            repository.storage.remove(&listed.key).unwrap();
        }
    }
}

#[test]
fn folded_runs_are_told_of_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let repository = repository(folder.path());
    let made: Vec<_> = ["a", "b", "c", "d"].iter().map(|name| run(&repository, name)).collect();
    let told = |limit| {
        let runs = repository.runs(&RunQuery { limit, sweep: None }).unwrap();
        (format!("{:?}", runs.runs), runs.total)
    };
    let before = [told(None), told(Some(2)), told(Some(100))];
    fold(&repository, &[&made[0], &made[2]]);
    assert_eq!([told(None), told(Some(2)), told(Some(100))], before);
    fold(&repository, &[&made[1], &made[3]]);
    assert_eq!([told(None), told(Some(2)), told(Some(100))], before);
    assert!(repository.storage.list("refs/runs").unwrap().is_empty());
    for (at, name) in ["a", "b", "c", "d"].iter().enumerate() {
        let (id, commit) = &made[at];
        assert_eq!(repository.resolve(name).unwrap().commit, *commit);
        assert_eq!(repository.resolve(id.short()).unwrap().commit, *commit);
        assert_eq!(repository.find_run(id.as_str()).unwrap().unwrap().state, RunState::Finished);
        assert_eq!(repository.last_commit_of(id).unwrap(), Some(*commit));
    }
    assert!(repository.find_run("e").unwrap().is_none());
    assert!(repository.fsck(crate::repo::Thoroughness::Everything, &Silent).unwrap().damage.is_empty());
}

#[test]
fn a_run_of_another_machine_does_not_run_here() {
    let folder = tempfile::tempdir().unwrap();
    let repository = repository(folder.path());
    let (_, commit) = run(&repository, "a");
    // Fetched while it went on elsewhere: there is a log, and no place of it here.
    let id = repository.new_run_id().unwrap();
    let commit: Commit = object::get(&repository.store, commit).unwrap();
    let elsewhere = Run { id: id.clone(), phase: Phase::Train, ..commit.run.clone().unwrap() };
    let writer = repository.store.writer(&Silent);
    let unfinished = Commit { outcome: None, run: Some(elsewhere), ..commit };
    let unfinished = object::put(&writer, &unfinished).unwrap();
    writer.finish().unwrap();
    let (name, find) = (Ref::of_run(&id), &repository.store);
    repository.advance_ref(&name, None, Target::Commit(unfinished), "", find, &mut |_| Ok(())).unwrap();
    let newest = repository.runs(&RunQuery { limit: Some(1), sweep: None }).unwrap().runs.remove(0);
    assert_eq!((newest.id, newest.state), (id, RunState::Unfinished));
}

#[test]
fn the_index_of_runs_says_what_the_batches_say() {
    let folder = tempfile::tempdir().unwrap();
    let repository = repository(folder.path());
    let (_, commit) = run(&repository, "a");
    let ids: Vec<RunId> = (0..700_u64)
        .map(|number| {
            let random = blake3::hash(&number.to_le_bytes());
            RunId::from_parts(1_700_000_000_000 + number, std::array::from_fn(|at| random.as_bytes()[at]))
        })
        .collect();
    let made: Vec<(RunId, CommitId)> = ids.iter().map(|id| (id.clone(), commit)).collect();
    let cache = repository.directory.join("cache").join("runs");
    for part in made.chunks(300) {
        fold(&repository, &part.iter().collect::<Vec<_>>());
        let known = repository.known_runs().unwrap();
        let told = ids.iter().filter(|id| known.packed(id).unwrap().is_some()).count() + 1;
        assert_eq!(known.len().unwrap(), told);
    }
    let newest = |known: &KnownRuns<'_>, count| known.newest(count, &repository.future()).unwrap();
    let told = || {
        let known = repository.known_runs().unwrap();
        let called: Vec<_> = ids.iter().map(|id| known.called(id.short()).unwrap()).collect();
        let packed: Vec<_> = ids.iter().map(|id| known.packed(id).unwrap()).collect();
        (known.len().unwrap(), newest(&known, 50), newest(&known, usize::MAX), called, packed)
    };
    let indexed = told();
    assert_eq!((indexed.0, indexed.1.len(), indexed.2.len()), (701, 50, 701));
    assert!(indexed.3.iter().zip(&ids).all(|(called, id)| called.iter().eq([id])));
    let whole = std::fs::read(&cache).unwrap();
    // Whatever becomes of the file.
    for at in [0, 26, whole.len() / 2, whole.len() - 80, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&cache, bytes).unwrap();
        assert!(told() == indexed, "byte {at}");
    }
    std::fs::remove_file(&cache).unwrap();
    assert!(told() == indexed);
    assert!(cache.exists());
}

/// A run like another one, as a machine records it whose clock is so many milliseconds ahead.
fn ahead(repository: &Repository, like: CommitId, name: &str, millis: i64) -> (RunId, CommitId) {
    let began = repository.now().millis + millis;
    let id = RunId::from_parts(began.unsigned_abs(), blake3_part(name));
    let commit: Commit = object::get(&repository.store, like).unwrap();
    let run = Run { id: id.clone(), name: Some(name.to_owned()), ..commit.run.clone().unwrap() };
    let writer = repository.store.writer(&Silent);
    let commit = object::put(&writer, &Commit { run: Some(run), ..commit }).unwrap();
    writer.finish().unwrap();
    let (log, find) = (Ref::of_run(&id), &repository.store);
    repository.advance_ref(&log, None, Target::Finished(commit), "", find, &mut |_| Ok(())).unwrap();
    (id, commit)
}

fn blake3_part(name: &str) -> [u8; 10] {
    std::array::from_fn(|at| blake3::hash(name.as_bytes()).as_bytes()[at])
}

#[test]
fn a_clock_that_is_ahead_keeps_no_run_on_top() {
    const DAY: i64 = 86_400_000;
    let folder = tempfile::tempdir().unwrap();
    let repository = repository(folder.path());
    let (first, commit) = run(&repository, "same");
    let far = ahead(&repository, commit, "same", 3 * DAY);
    let farther = ahead(&repository, commit, "far", 4 * DAY);
    // As clocks differ that are right.
    let near = ahead(&repository, commit, "near", 20_000);
    let second = run(&repository, "b");
    let expected = [&near.0, &second.0, &first, &farther.0, &far.0];
    let is_as_expected = |what: &str| {
        for limit in 1..=6 {
            let runs = repository.runs(&RunQuery { limit: Some(limit), sweep: None }).unwrap().runs;
            let listed: Vec<&RunId> = runs.iter().map(|run| &run.id).collect();
            assert_eq!(listed, expected[..limit.min(5)], "{what}, {limit}");
        }
        // Of two with one name, the one that began last in truth.
        assert_eq!(repository.find_run("same").unwrap().unwrap().id, first, "{what}");
        assert_eq!(repository.find_run("far").unwrap().unwrap().id, farther.0, "{what}");
    };
    is_as_expected("logs");
    fold(&repository, &[&far, &second]);
    is_as_expected("a batch");
    // So many that the index has them.
    let past: Vec<(RunId, CommitId)> = (0..600).map(|at| (RunId::from_parts(at, [1; 10]), commit)).collect();
    fold(&repository, &past.iter().chain([&farther, &near]).collect::<Vec<_>>());
    is_as_expected_at_the_top(&repository, &expected[..3]);
    let all = repository.runs(&RunQuery::default()).unwrap().runs;
    assert_eq!(all.len(), 605);
    assert_eq!([&all[603].id, &all[604].id], expected[3..]);
}

fn is_as_expected_at_the_top(repository: &Repository, expected: &[&RunId]) {
    let known = repository.known_runs().unwrap();
    for _ in 0..2 {
        assert!(known.newest(3, &repository.future()).unwrap().iter().eq(expected.iter().copied()));
    }
    assert!(repository.directory.join("cache").join("runs").exists());
}
