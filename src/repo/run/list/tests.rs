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
    let told = || {
        let known = repository.known_runs().unwrap();
        let called: Vec<_> = ids.iter().map(|id| known.called(id.short()).unwrap()).collect();
        let packed: Vec<_> = ids.iter().map(|id| known.packed(id).unwrap()).collect();
        (known.len().unwrap(), known.newest(50).unwrap(), known.newest(usize::MAX).unwrap(), called, packed)
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
