//! What it costs, counted in operations on the storage: what is far away answers in its own time.

use std::sync::Mutex;

use super::*;
use crate::storage::testing::{Fate as Met, Hooked, Operation};
use crate::storage::{Body, Created, Draft, Key, StorageError};

type Operations = Arc<Mutex<Vec<Operation>>>;

/// A storage that says of itself that it is far away.
struct Far(Memory);

impl Storage for Far {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        self.0.create(key, bytes)
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        self.0.draft()
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        self.0.open(key)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        self.0.list(prefix)
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        self.0.remove(key)
    }

    fn is_remote(&self) -> bool {
        true
    }
}

/// The keys of a place, through a far storage that writes down what is asked of it.
fn watched(place: &Place) -> (Place, Operations) {
    let operations = Operations::default();
    let seen = operations.clone();
    let hook = move |operation: &Operation| {
        seen.lock().unwrap().push(operation.clone());
        Met::Done
    };
    (Place::on(&place.keys, Hooked::new(Far(place.keys.clone()), hook)), operations)
}

/// What was asked of it since it was last looked at.
fn taken(operations: &Operations) -> Vec<Operation> {
    std::mem::take(&mut *operations.lock().unwrap())
}

/// A cache of a remote in a folder.
fn cache(folder: &tempfile::TempDir) -> RemoteCache {
    let tmp_dir = folder.path().join("tmp");
    std::fs::create_dir_all(&tmp_dir).unwrap();
    RemoteCache { disk: Arc::new(OsDisk), folder: folder.path().join("origin"), tmp_dir }
}

#[test]
fn nothing_new_costs_three_requests_at_most() {
    let (ours, ids) = with_chain(3);
    let there = Place::new();
    pushed(&ours, &there, &of_main(ids[2]));
    let (far, operations) = watched(&there);
    let (theirs, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let request = everything(DataPolicy::Nothing);
    let go = || {
        let remote = Remote::open(far.storage.clone(), Some(cache(&folder))).unwrap();
        fetch(theirs.local(), &remote, &request, &by(), &Silent).unwrap()
    };
    assert_eq!(go().refs.len(), 1);
    taken(&operations);
    assert!(go().refs.is_empty());
    let taken = taken(&operations);
    assert!(taken.len() <= 3, "{taken:?}");
}

#[test]
fn a_thousand_runs_at_once_cost_forty_requests_at_most() {
    let (ours, ids) = with_chain(3);
    let there = Place::new();
    let runs = recorded(&ours, 0..1000, &ids, true);
    let (far, operations) = watched(&there);
    let done = push(ours.local(), &far.remote(), &PushRequest { runs, ..of_main(ids[2]) }, &by(), &Silent);
    assert_eq!(done.unwrap().runs, 1000);
    let sent = taken(&operations);
    assert!(sent.len() <= 60, "{}: {sent:?}", sent.len());
    let (theirs, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let remote = Remote::open(far.storage.clone(), Some(cache(&folder))).unwrap();
    let done = fetch(theirs.local(), &remote, &everything(DataPolicy::Nothing), &by(), &Silent).unwrap();
    assert_eq!(done.runs, 1000);
    let taken = taken(&operations);
    assert!(taken.len() <= 40, "{}: {taken:?}", taken.len());
}

/// Batches of runs.
fn crowd(place: &Place, ids: &[CommitId], runs: u64) {
    let size = runs / BATCHES;
    for batch in 0..BATCHES {
        let tips = recorded(place, batch * size..(batch + 1) * size, ids, true);
        let runs = tips.into_iter().map(|tip| (tip.id, tip.commit)).collect();
        let runs = object::Runs { runs, batches: Vec::new() };
        let writer = place.store.writer(&Silent);
        let id = object::put(&writer, &runs).unwrap();
        writer.finish().unwrap();
        let name = Ref { family: Family::Batches, name: name(run(1 << 40 | batch).as_str()) };
        place.point(&name, Target::Runs(id));
    }
}

/// As many as a million runs are in.
const BATCHES: u64 = 20;

/// The whole million: `MDL_TEST_RUNS=1000000 cargo test --release --lib ten_runs`.
#[test]
fn ten_runs_beside_a_million_cost_twenty_requests() {
    let count = std::env::var("MDL_TEST_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let (ours, ids) = with_chain(3);
    let there = Place::new();
    pushed(&ours, &there, &of_main(ids[2]));
    crowd(&there, &ids, count);
    let (far, operations) = watched(&there);
    let (theirs, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let go = || {
        let remote = Remote::open(far.storage.clone(), Some(cache(&folder))).unwrap();
        fetch(theirs.local(), &remote, &everything(DataPolicy::Nothing), &by(), &Silent).unwrap()
    };
    assert_eq!(go().runs, count);
    let memory = object::Memory::default();
    let new = fixture::commit(&memory, 1000, &[ids[2]]);
    ours.keep(&memory);
    let runs = recorded(&ours, (0..10).map(|number| 1 << 50 | number), &[new], true);
    assert_eq!(pushed(&ours, &there, &PushRequest { runs, ..PushRequest::default() }).runs, 10);
    taken(&operations);
    assert_eq!(go().runs, 10);
    let taken = taken(&operations);
    assert!(taken.len() <= 20, "{}: {taken:?}", taken.len());
}

#[test]
fn many_branches_are_moved_together() {
    const COUNT: usize = 200;
    let (ours, ids) = with_chain(4);
    let there = Place::new();
    let (far, operations) = watched(&there);
    let branches = |commit| {
        let heads = (0..COUNT).map(|number| (name(&format!("b{number}")), commit)).collect();
        PushRequest { heads, ..PushRequest::default() }
    };
    let push_to = |commit| push(ours.local(), &far.remote(), &branches(commit), &by(), &Silent).unwrap();
    for commit in [ids[1], ids[3]] {
        taken(&operations);
        let done = push_to(commit);
        assert!(done.refs.iter().all(|it| matches!(it.fate, Fate::Done)), "{:?}", done.refs);
        let lists = taken(&operations).iter().filter(|it| format!("{it:?}").starts_with("List")).count();
        assert!(lists < 30, "{lists} listings");
        let theirs = Place::new();
        assert_eq!(fetched(&there, &theirs, &everything(DataPolicy::Nothing)).refs.len(), COUNT);
        theirs.check(false);
    }
    let again = push_to(ids[3]);
    assert!(again.refs.iter().all(|it| matches!(it.fate, Fate::UpToDate)));
}
