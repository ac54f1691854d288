//! A co-writer who lies: he writes any entry, batch and mark that he likes. What honest parties have here stays, as do the
//! runs that they record beside him.

use std::sync::Arc;

use super::check::Checker;
use super::many::one as one_of;
use super::races::{MAIN, bounds, explored, littered};
use super::schedule::Dice;
use super::writers::{ended, push_to, pusher, runner};
use super::{Actor, Commits, End, RUN, by, collector, run_id, run_ref};
use crate::id::CommitId;
use crate::name::{RefName, RemoteName, RunId};
use crate::object::{self, Insert, Runs};
use crate::progress::Silent;
use crate::refs::{self, Family, Ref, RefError, Survey, Target};
use crate::storage::testing::draw_from;
use crate::storage::{Memory, Storage};
use crate::store::{Store, version};
use crate::sync::{DataPolicy, FetchRequest, Local, Remote, fetch};

/// A batch that names commits of the liar's for the run of somebody else, and what these need.
fn lie(storage: &Arc<dyn Storage>, commits: &Commits, end: CommitId, name: &Ref) -> Result<(), RefError> {
    let store = Store::open(storage.clone(), None);
    refs::stand(&**storage, name, &by("push"))?;
    let writer = store.writer(&Silent);
    for link in commits.new_in(end, None) {
        let object::Link::Object(kind, id) = link else { unreachable!("no contents here") };
        writer.insert(kind, object::Find::find(&*commits.objects, kind, id)?.unwrap())?;
    }
    let batch = object::put(&writer, &Runs { runs: [(run_id(), end)].into(), batches: Vec::new() })?;
    let mut writer = Some(writer);
    let mut upload = |_: &refs::Footing| match writer.take() {
        Some(writer) => writer.finish().map(drop).map_err(|error| RefError::Upload(error.into())),
        None => Err(RefError::Collected { name: name.to_string() }),
    };
    let (by, target) = (by("push"), Target::Runs(batch));
    refs::advance(&**storage, name, None, target, &by, &mut upload, &|_, _| Ok(false)).map(drop)
}

fn batch_ref(number: u64) -> Ref {
    Ref { family: Family::Batches, ..Ref::of_run(&RunId::from_parts(number, [9; 10])) }
}

/// Writes a batch beside the others, on the storage that they share.
fn liar(commits: &Commits, end: CommitId) -> Actor {
    let commits = commits.clone();
    Actor::new("liar", move |storage| {
        // How it ends for him is nobody's concern.
        let _ = lie(&storage, &commits, end, &batch_ref(1));
        End::Done
    })
}

/// Fetches from a remote that says the worst.
fn fetcher(remote: &Memory) -> Actor {
    let remote = remote.clone();
    Actor::new("fetch", move |storage: Arc<dyn Storage>| {
        let store = Store::open(storage.clone(), None);
        let remote = Remote::open(Arc::new(remote.clone()), None).unwrap();
        let name = RemoteName::new("origin").unwrap();
        let request = FetchRequest { remote: name, heads: None, data: DataPolicy::Nothing, prune: true };
        let local = Local { storage: &*storage, store: &store };
        match fetch(local, &remote, &request, &by("fetch"), &Silent) {
            Ok(_) => End::Done,
            Err(error) => End::Failed(format!("{error:?}")),
        }
    })
}

/// A remote with a mark, branches, tags, entries of runs and batches, drawn from a seed.
fn hostile(commits: &Commits, seed: u64) -> Memory {
    draw_from(seed);
    let (memory, mut dice) = (Memory::new(), Dice::new(seed));
    version::stamp(&memory).unwrap();
    let storage: Arc<dyn Storage> = Arc::new(memory.clone());
    let all: Vec<CommitId> = commits.next.iter().chain(&commits.lies).copied().collect();
    for number in 0..3 + dice.roll(4) as u64 {
        let end = all[dice.roll(all.len())];
        match dice.roll(6) {
            0..=2 => lie(&storage, commits, end, &batch_ref(number)).unwrap(),
            3 => {
                let to = if dice.roll(2) == 0 { Target::Finished(end) } else { Target::Commit(end) };
                // Whatever was there before.
                let base = refs::read(&memory, &run_ref()).unwrap().map(|(_, entry)| entry.target);
                push_to(&storage, commits, &run_ref(), base, to).unwrap();
            }
            4 => {
                let to = if dice.roll(2) == 0 { Target::Finished(end) } else { Target::Commit(end) };
                let name = Ref { family: Family::Heads, name: RefName::new(&format!("b{number}")).unwrap() };
                push_to(&storage, commits, &name, None, to).unwrap();
            }
            _ => {
                let packs = memory.list("packs").unwrap();
                let doomed = packs.iter().map(|pack| pack.key.to_string()).collect();
                let last = refs::epoch(&memory).unwrap();
                refs::publish_mark(&memory, last, doomed, &by("gc")).unwrap();
            }
        }
    }
    memory
}

/// A run that goes on: before that nobody else knows its id.
fn begun(commits: &Commits) -> Memory {
    let memory = littered(commits);
    let storage: Arc<dyn Storage> = Arc::new(memory.clone());
    push_to(&storage, commits, &run_ref(), None, Target::Commit(commits.begun)).unwrap();
    memory
}

#[test]
fn a_run_beside_a_liar_and_a_collection() {
    let commits = Commits::new();
    for end in commits.lies {
        // Where the liar writes too, he can say something of a run whose log was folded: of two batches the first counts.
        // But the run can be recorded, and nothing is lost that its log has.
        let run = Actor { claim: None, ..runner("run", &commits) };
        let actors = [run, liar(&commits, end), collector("gc")];
        let explored = explored(&begun(&commits), &actors, bounds(1, 0, 60_000)).unwrap();
        assert!(explored.preemptions >= Some(0));
    }
}

#[test]
fn a_run_beside_a_fetch_of_lies_and_a_collection() {
    let commits = Commits::new();
    for seed in 0..3 {
        let actors = [runner("run", &commits), fetcher(&hostile(&commits, seed)), collector("gc")];
        assert!(explored(&begun(&commits), &actors, bounds(1, 0, 20_000)).unwrap().preemptions >= Some(0));
    }
}

#[test]
fn seeded_schedules_with_liars() {
    let commits = Commits::new();
    let memory = begun(&commits);
    for seed in 0..60 {
        let push = pusher("push", &commits, MAIN, Some(commits.base), commits.next[0]);
        let fetch = fetcher(&hostile(&commits, seed));
        let actors = [runner("run", &commits), push, fetch, collector("gc"), collector("other gc")];
        one_of(seed, &memory, &actors, &mut Checker::default()).unwrap_or_else(|problem| panic!("{problem}"));
    }
}

/// The values of everything but remembered branches, which are for the remote to say.
fn values(storage: &Memory) -> Vec<(Ref, Target)> {
    let survey = refs::survey(storage, &Survey::new()).unwrap().into_iter();
    let value = |(name, (_, entry)): (Ref, (u64, refs::Entry))| (name, entry.target);
    survey.map(value).filter(|(name, _)| name.family != Family::Remotes).collect()
}

#[test]
fn whatever_a_remote_says_what_is_here_stays() {
    let commits = Commits::new();
    let stages = [None, Some(Target::Commit(commits.begun)), Some(Target::Finished(commits.ended))];
    for seed in 0..150 {
        let stage = stages[seed as usize % stages.len()];
        let memory = littered(&commits);
        let storage: Arc<dyn Storage> = Arc::new(memory.clone());
        if let Some(target) = stage {
            push_to(&storage, &commits, &run_ref(), None, target).unwrap();
        }
        let before = values(&memory);
        let hostile = hostile(&commits, seed);
        for round in 0..3 {
            let end = (fetcher(&hostile).act)(storage.clone());
            assert_eq!(end, End::Done, "seed {seed}");
            let collected = super::collection(storage.clone());
            assert_eq!(collected, End::Done, "seed {seed}, round {round}");
            let store = Store::open(storage.clone(), None);
            let runs = refs::runs(&memory, &store).unwrap();
            let now = values(&memory);
            for (name, target) in &before {
                let is_run = *name == run_ref();
                let packed = is_run.then(|| runs.packed(&run_id())).flatten().map(Target::Finished);
                let value = now.iter().find(|(other, _)| other == name).map(|(_, target)| *target);
                assert_eq!(packed.or(value), Some(*target), "seed {seed}: {name}");
            }
            let tips = before.iter().filter_map(|(_, target)| target.object());
            let tips = tips.map(|(kind, id)| object::Link::Object(kind, id));
            crate::graph::walk(&store, tips, &mut |_| {}).unwrap();
        }
        if let Some(base @ Target::Commit(_)) = stage {
            let done = push_to(&storage, &commits, &run_ref(), Some(base), Target::Finished(commits.ended));
            assert_eq!(ended(done), End::Done, "seed {seed}");
        }
    }
}

#[test]
fn a_collection_keeps_a_log_that_a_batch_contradicts() {
    let commits = Commits::new();
    for (target, lies) in
        [(Target::Commit(commits.begun), commits.lies), (Target::Finished(commits.ended), commits.lies)]
    {
        for end in lies {
            let memory = littered(&commits);
            let storage: Arc<dyn Storage> = Arc::new(memory.clone());
            push_to(&storage, &commits, &run_ref(), None, target).unwrap();
            let before = memory.list(RUN).unwrap();
            lie(&storage, &commits, end, &batch_ref(1)).unwrap();
            for _ in 0..2 {
                assert_eq!(super::collection(storage.clone()), End::Done);
            }
            let (_, value) = refs::read(&memory, &run_ref()).unwrap().unwrap();
            assert!(value.target == target && memory.list(RUN).unwrap().len() >= before.len());
            let store = Store::open(storage.clone(), None);
            let (kind, id) = target.object().unwrap();
            crate::graph::walk(&store, [object::Link::Object(kind, id)], &mut |_| {}).unwrap();
        }
    }
}
