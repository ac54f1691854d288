//! Writers and collections beside each other, with the real code of both, in every order.
//!
//! `steps` makes each operation on the storage a step; `explore` takes all orders of them up to a bound,
//! `schedule` one order drawn from a seed, with crashes and long pauses; `check` says what must hold after each.

mod check;
mod exchange;
mod explore;
mod liars;
mod many;
mod races;
mod schedule;
mod sloppy;
mod steps;
mod variants;
mod writers;

use std::sync::Arc;

use crate::graph::fixture;
use crate::id::CommitId;
use crate::name::{RefName, RunId};
use crate::object::{self, Commit, Find, Insert, Link, Outcome, Phase, Run, Time, link};
use crate::progress::Silent;
use crate::refs::{Family, Move, Ref};
use crate::storage::{Memory, Storage};
use crate::store::Store;
use crate::sync::{CollectOptions, Terms, collect, compact};
use check::Claim;
use steps::{Names, World};

/// How an actor ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum End {
    Done,
    Lost,
    Unknown,
    Failed(String),
    Crashed,
}

type Act = dyn Fn(Arc<dyn Storage>) -> End + Send + Sync;

/// Somebody who works on the storage.
struct Actor {
    name: &'static str,
    /// What its randomness is drawn from.
    seed: u64,
    claim: Option<Claim>,
    act: Box<Act>,
}

impl Actor {
    fn new(name: &'static str, act: impl Fn(Arc<dyn Storage>) -> End + Send + Sync + 'static) -> Self {
        Self { name, seed: steps::mark(name.as_bytes()), claim: None, act: Box::new(act) }
    }

    fn claiming(mut self, log: &'static str, commit: CommitId) -> Self {
        self.claim = Some(Claim { log, commit });
        self
    }
}

fn by(why: &str) -> Move {
    Move { who: "A <a@b>".into(), when: Time { millis: 1_767_268_800_000, zone: 0 }, why: why.into() }
}

fn branch(name: &str) -> Ref {
    Ref { family: Family::Heads, name: RefName::new(name).unwrap() }
}

const RUN: &str = "refs/runs/01kdwpvng00w3ge1r70w3ge1r7";

fn run_id() -> RunId {
    RunId::new(RUN.strip_prefix("refs/runs/").unwrap()).unwrap()
}

fn run_ref() -> Ref {
    Ref::of_run(&run_id())
}

/// A commit like another one, that records how the run began, or that it ended so.
fn recording(objects: &object::Memory, like: CommitId, exit: Option<i64>) -> CommitId {
    let like: Commit = object::get(objects, like).unwrap();
    let outcome = exit.map(|_| object::put(objects, &Outcome { exit, ..Outcome::default() }).unwrap());
    let (id, phase) = (run_id(), Phase::Train);
    let run = Run { id, name: None, phase, sweep: None, set: Default::default(), reproduces: None };
    object::put(objects, &Commit { outcome, run: Some(run), ..like }).unwrap()
}

/// Commits that all writers have.
#[derive(Clone)]
struct Commits {
    objects: Arc<object::Memory>,
    /// The first one, and others after it that are apart from each other.
    base: CommitId,
    next: Vec<CommitId>,
    /// One after the second of these.
    later: CommitId,
    /// How a run begins, how it ends, and two ends that it never had: the second as far off as can be.
    begun: CommitId,
    ended: CommitId,
    lies: [CommitId; 2],
}

impl Commits {
    fn new() -> Self {
        let objects = object::Memory::default();
        let base = fixture::commit(&objects, 0, &[]);
        let next: Vec<CommitId> = (1..=6).map(|number| fixture::commit(&objects, number, &[base])).collect();
        let later = fixture::commit(&objects, 9, &next[1..2]);
        let begun = recording(&objects, next[0], None);
        let ended = recording(&objects, next[0], Some(0));
        let lies = [(next[0], 1), (next[1], 2)].map(|(like, exit)| recording(&objects, like, Some(exit)));
        Self { objects: Arc::new(objects), base, next, later, begun, ended, lies }
    }

    /// What is reachable from a commit and not from its base.
    fn new_in(&self, commit: CommitId, base: Option<CommitId>) -> Vec<Link> {
        let mut new = Vec::new();
        let bases: Vec<CommitId> = base.into_iter().collect();
        crate::graph::new_since(&*self.objects, &[link(commit)], &bases, &mut |link| new.push(link)).unwrap();
        new
    }

    fn insert(&self, links: &[Link], into: &impl Insert) {
        for link in links {
            let Link::Object(kind, id) = link else { unreachable!("no contents here") };
            into.insert(*kind, self.objects.find(*kind, *id).unwrap().unwrap()).unwrap();
        }
    }

    /// Puts a pack of these objects, to which nothing refers.
    fn litter(&self, storage: &Memory, links: &[Link]) {
        // A store of its own, so that it writes what is there as well.
        let scratch = Memory::new();
        let store = Store::open(Arc::new(scratch.clone()), None);
        let writer = store.writer(&Silent);
        self.insert(links, &writer);
        writer.finish().unwrap();
        for listed in scratch.list("packs").unwrap() {
            let bytes = scratch.read(&listed.key, u64::MAX).unwrap().unwrap();
            storage.create(&listed.key, &bytes).unwrap();
        }
    }
}

/// Collects for good: whatever is garbage goes.
fn collection(storage: Arc<dyn Storage>) -> End {
    let store = Store::open(storage.clone(), None);
    let options = CollectOptions {
        by: by("gc"),
        dry_run: false,
        thorough: true,
        is_young: &|_| false,
        roots: &Vec::new,
    };
    match collect(&*storage, &store, &options, &Silent) {
        Ok(_) => End::Done,
        Err(error) => End::Failed(format!("{error:?}")),
    }
}

fn collector(name: &'static str) -> Actor {
    Actor::new(name, collection)
}

/// Gathers what is small as commands do along the way, however little there is. What fails is nobody's concern.
fn compactor(name: &'static str) -> Actor {
    Actor::new(name, |storage| {
        let store = Store::open(storage.clone(), None);
        let _ = compact(&*storage, &store, &by("compaction"), Terms::ALWAYS);
        End::Done
    })
}

/// The storage of a world.
fn storage_of(world: &World, names: &Names) -> Memory {
    let storage = Memory::new();
    for (key, blob) in world.below(names, "") {
        storage.create(key, &blob.bytes).unwrap();
    }
    storage
}

/// What must come after everything: nothing is in anybody's way, and what is garbage goes.
fn end_well(world: &World, names: &mut Names, checker: &mut check::Checker) -> Result<(), String> {
    let memory = storage_of(world, names);
    let storage: Arc<dyn Storage> = Arc::new(memory.clone());
    match collection(storage.clone()) {
        End::Done => {}
        end => return Err(format!("an undisturbed collection ends: {end:?}")),
    }
    let world = World::of(&memory, names);
    checker.check(names, &world, std::iter::empty())?;
    match checker.garbage(names, &world) {
        0 => Ok(()),
        garbage => Err(format!("{garbage} entries of packs are garbage in the end")),
    }
}
