//! What a collection needs of refs: fences, all logs, and runs in bulk.

use std::collections::BTreeMap;

use super::*;
use crate::id::RunsId;
use crate::name::RunId;
use crate::object::{self, Memory as Objects, ObjectError};

fn run(number: u8) -> RunId {
    RunId::from_parts(1000 + u64::from(number), [number; 10])
}

fn run_ref(number: u8) -> Ref {
    Ref { family: Family::Runs, name: RefName::new(run(number).as_str()).unwrap() }
}

fn set(storage: &dyn Storage, name: &Ref, base: Option<Target>, target: Target) {
    let moved = advance(storage, name, base, target, &by("test"), &mut |_| Ok(()), &is_ancestor).unwrap();
    assert_eq!(moved, Advanced::Done);
}

fn batch(objects: &Objects, runs: &[u8], batches: Vec<RunsId>) -> RunsId {
    let runs = runs.iter().map(|number| (run(*number), commit(*number))).collect();
    object::put(objects, &object::Runs { runs, batches }).unwrap()
}

fn publish(storage: &dyn Storage, name: u8, batch: RunsId) {
    let name = Ref { family: Family::Batches, ..run_ref(name) };
    set(storage, &name, None, Target::Runs(batch));
}

#[test]
fn a_fence_says_the_same_again_once() {
    let storage = Memory::new();
    go(&storage, "main", None, target(1)).unwrap();
    go(&storage, "main", target(1), target(2)).unwrap();
    go(&storage, "main", target(2), target(1)).unwrap();
    let (number, value) = fence(&storage, &branch("main"), 4, &by("gc")).unwrap();
    assert_eq!((number, value.epoch, Some(value.target)), (4, 4, target(1)));
    assert_eq!(value.stepped_back, Some(3), "a fence steps nowhere");
    assert!(value.is_fence());
    for epoch in [3, 4] {
        assert_eq!(fence(&storage, &branch("main"), epoch, &by("gc")).unwrap().0, 4);
    }
    let entries = history(&storage, &branch("main")).unwrap();
    assert_eq!(entries.iter().filter(|(_, entry)| entry.is_fence()).count(), 1);
    assert_eq!(go(&storage, "main", target(1), target(5)).unwrap(), Advanced::Done);
}

#[test]
fn births_and_deleted_branches_are_fenced_too() {
    let storage = Memory::new();
    stand(&storage, &branch("new"), &by("commit")).unwrap();
    assert!(fence(&storage, &branch("new"), 1, &by("gc")).unwrap().1.is_fence());
    assert_eq!(go(&storage, "new", None, target(1)).unwrap(), Advanced::Done);
    go(&storage, "new", target(1), None).unwrap();
    let (number, value) = fence(&storage, &branch("new"), 2, &by("gc")).unwrap();
    assert_eq!((number, value.target), (4, Target::Deleted));
    assert_eq!(go(&storage, "new", None, target(100)).unwrap(), Advanced::Done);
    assert!(matches!(fence(&storage, &branch("none"), 1, &by("gc")), Err(RefError::Vanished { .. })));
}

#[test]
fn nothing_is_appended_to_what_is_terminal() {
    let storage = Memory::new();
    let (finished, other) = (Target::Finished(commit(1)), Target::Finished(commit(2)));
    set(&storage, &run_ref(1), None, finished);
    assert_eq!(fence(&storage, &run_ref(1), 7, &by("gc")).unwrap().0, 1);
    let more = advance(&storage, &run_ref(1), Some(finished), other, &by(""), &mut |_| Ok(()), &is_ancestor);
    assert!(matches!(more, Ok(Advanced::Lost(_))), "{more:?}");
    assert_eq!(storage.list("refs").unwrap().len(), 2);
}

#[test]
fn a_fence_whose_reply_is_lost_is_found_and_a_storage_that_fails_is_told() {
    let memory = Memory::new();
    go(&memory, "main", None, target(1)).unwrap();
    let storage = losing(&memory, &[Fate::ReplyLost]);
    assert_eq!(fence(&storage, &branch("main"), 1, &by("gc")).unwrap().0, 2);
    let storage = losing(&memory, &[Fate::Failed, Fate::Failed]);
    assert_eq!(fence(&storage, &branch("main"), 2, &by("gc")).unwrap().0, 3);
    let storage = Hooked::new(memory, |operation| match operation {
        Operation::Create(_) => Fate::Failed,
        _ => Fate::Done,
    });
    assert!(matches!(fence(&storage, &branch("main"), 3, &by("gc")), Err(RefError::Storage(_))));
}

#[test]
fn all_logs_have_all_entries() {
    let storage = Memory::new();
    for number in 1..=40 {
        let name = format!("b{number}");
        go(&storage, &name, None, target(1)).unwrap();
        go(&storage, &name, target(1), target(2)).unwrap();
    }
    set(&storage, &run_ref(1), None, Target::Finished(commit(9)));
    let remote = Ref { family: Family::Remotes, name: RefName::new("origin/main").unwrap() };
    set(&storage, &remote, None, target(3).unwrap());
    let logs = all_logs(&storage).unwrap();
    assert_eq!(logs.len(), 42);
    for log in &logs[..40] {
        assert_eq!(log.entries, history(&storage, &log.name).unwrap());
    }
    let names: Vec<_> = logs[40..].iter().map(|log| &log.name).collect();
    assert_eq!(names, [&run_ref(1), &remote]);
}

#[test]
fn what_moves_while_it_is_listed_is_read_again() {
    let memory = Memory::new();
    go(&memory, "main", None, target(1)).unwrap();
    let (inner, lists) = (memory.clone(), AtomicUsize::new(0));
    let storage = Hooked::new(memory, move |operation| {
        // Just before the second listing, the branch moves and its entries below are pruned.
        if matches!(operation, Operation::List(prefix) if prefix == "refs/heads")
            && lists.fetch_add(1, Ordering::SeqCst) == 1
        {
            go(&inner, "main", target(1), target(2)).unwrap();
            go(&inner, "new", None, target(7)).unwrap();
            inner.remove(&Key::new("refs/heads/main/1").unwrap()).unwrap();
        }
        Fate::Done
    });
    let logs = all_logs(&storage).unwrap();
    let numbers: Vec<Vec<u64>> =
        logs.iter().map(|log| log.entries.iter().map(|(number, _)| *number).collect()).collect();
    assert_eq!(numbers, [vec![2, 1, 0], vec![1, 0]], "what was read before is a root as well");
    assert_eq!(list(&storage, Family::Heads).unwrap().len(), 2);
}

#[test]
fn runs_are_those_of_logs_and_of_batches() {
    let (storage, objects) = (Memory::new(), Objects::default());
    set(&storage, &run_ref(5), None, Target::Commit(commit(50)));
    set(&storage, &run_ref(2), None, Target::Commit(commit(20)));
    let (old, older) = (batch(&objects, &[1, 2], vec![]), batch(&objects, &[3], vec![]));
    let new = batch(&objects, &[4], vec![old, older, old]);
    publish(&storage, 90, new);
    // A batch that was replaced, and whose log somebody creates again.
    publish(&storage, 91, old);
    let found = runs(&storage, &objects).unwrap();
    assert_eq!(found.ids(), [1, 2, 3, 4, 5].map(run).iter().collect::<Vec<_>>());
    assert_eq!(found.packed(&run(2)), Some(commit(2)), "the batch has its end");
    assert_eq!(found.packed(&run(5)), None);
    assert_eq!(packed_runs(&objects, [older]).unwrap(), BTreeMap::from([(run(3), commit(3))]));
}

#[test]
fn a_run_that_is_moved_to_a_batch_meanwhile_is_not_missed() {
    let (storage, objects) = (Memory::new(), Objects::default());
    set(&storage, &run_ref(1), None, Target::Finished(commit(1)));
    let batch = batch(&objects, &[1], vec![]);
    let inner = storage.clone();
    let moving = Hooked::new(storage, move |operation| {
        if matches!(operation, Operation::List(prefix) if prefix == "refs/packed") {
            publish(&inner, 90, batch);
            for listed in inner.list("refs/runs").unwrap() {
                inner.remove(&listed.key).unwrap();
            }
        }
        Fate::Done
    });
    let found = runs(&moving, &objects).unwrap();
    assert_eq!((found.ids(), found.packed(&run(1))), (vec![&run(1)], Some(commit(1))));
}

#[test]
fn a_batch_that_is_missing_or_nested_deep_is_no_trouble() {
    let (storage, objects) = (Memory::new(), Objects::default());
    let mut top = batch(&objects, &[1], vec![]);
    for _ in 0..5000 {
        top = batch(&objects, &[], vec![top]);
    }
    publish(&storage, 90, top);
    assert_eq!(runs(&storage, &objects).unwrap().ids(), [&run(1)]);
    publish(&storage, 91, Digest::new([1; 32]).into());
    let missing = runs(&storage, &objects).unwrap_err();
    assert!(matches!(missing, RefError::Object(ObjectError::Missing { .. })), "{missing}");
}

/// A storage on which something is done right before one of the listings of a prefix, the first of which is 0.
fn meddled(
    memory: &Memory,
    prefix: &'static str,
    at: usize,
    act: impl Fn(&Memory) + Send + Sync + 'static,
) -> impl Storage {
    let (inner, lists) = (memory.clone(), AtomicUsize::new(0));
    Hooked::new(memory.clone(), move |operation| {
        if matches!(operation, Operation::List(listed) if listed == prefix)
            && lists.fetch_add(1, Ordering::SeqCst) == at
        {
            act(&inner);
        }
        Fate::Done
    })
}

#[test]
fn a_survey_takes_no_value_that_was_not_the_last_after_it_was_read() {
    let memory = Memory::new();
    go(&memory, "main", None, target(1)).unwrap();
    go(&memory, "known", None, target(1)).unwrap();
    set(&memory, &run_ref(1), None, Target::Finished(commit(1)));
    let known = survey(&memory, &Survey::new()).unwrap();
    let known: Survey = known.into_iter().filter(|(name, _)| *name == branch("known")).collect();
    let storage = meddled(&memory, "refs", 1, |memory| {
        for name in ["main", "known"] {
            go(memory, name, target(1), target(2)).unwrap();
        }
        go(memory, "new", None, target(7)).unwrap();
        for listed in memory.list("refs/runs").unwrap() {
            memory.remove(&listed.key).unwrap();
        }
    });
    let found = survey(&storage, &known).unwrap();
    assert_eq!(found, survey(&memory, &Survey::new()).unwrap());
    assert_eq!(found[&branch("main")].0, 2);
    assert!(found.contains_key(&branch("new")) && !found.contains_key(&run_ref(1)));
}

#[test]
fn a_log_is_removed_from_its_first_entry_on() {
    let memory = Memory::new();
    let name = run_ref(1);
    set(&memory, &name, None, Target::Commit(commit(1)));
    (1..12).for_each(|epoch| drop(fence(&memory, &name, epoch, &by("gc")).unwrap()));
    set(&memory, &name, Some(Target::Commit(commit(1))), Target::Finished(commit(1)));
    let (inner, removed) = (memory.clone(), Arc::new(AtomicUsize::new(0)));
    let count = removed.clone();
    let storage = Hooked::new(memory.clone(), move |operation| {
        if let Operation::Remove(_) = operation {
            // Stopped here, it would say how the run ended as before.
            let log = log(&inner, &run_ref(1)).unwrap().unwrap();
            assert_eq!(log.value(), Target::Finished(commit(1)));
            let numbers: Vec<u64> = log.entries.iter().rev().map(|(number, _)| *number).collect();
            let first = count.fetch_add(1, Ordering::SeqCst) as u64;
            assert_eq!(numbers, (first..14).collect::<Vec<_>>());
        }
        Fate::Done
    });
    remove_log(&storage, &name).unwrap();
    assert_eq!(removed.load(Ordering::SeqCst), 14);
    assert!(memory.list("refs").unwrap().is_empty());
}

#[test]
fn nothing_is_missed_of_a_log_that_moves_while_all_are_read() {
    let memory = Memory::new();
    go(&memory, "main", None, target(1)).unwrap();
    go(&memory, "main", target(1), target(2)).unwrap();
    let storage = meddled(&memory, "refs/heads", 1, |memory| {
        // Two at once: what is between them was in no listing.
        go(memory, "main", target(2), target(1)).unwrap();
        go(memory, "main", target(1), target(3)).unwrap();
    });
    let logs = all_logs(&storage).unwrap();
    assert_eq!(logs[0].entries, history(&memory, &branch("main")).unwrap());
    assert_eq!(logs[0].targets().count(), 5);
}

/// Puts an entry in the place of another.
fn replace(memory: &Memory, name: &Ref, number: u64, change: impl Fn(&mut Entry)) {
    let key = Log::of(memory, name).key(number).unwrap();
    let mut entry = Entry::from_bytes(&memory.read(&key, 1 << 16).unwrap().unwrap()).unwrap();
    memory.remove(&key).unwrap();
    change(&mut entry);
    memory.create(&key, &entry.to_bytes()).unwrap();
}

#[test]
fn a_chain_is_whole_or_breaks_where_it_was_changed() {
    let memory = Memory::new();
    let name = branch("main");
    for number in 1..=12 {
        go(&memory, "main", target(number - 1).filter(|_| number > 1), target(number)).unwrap();
    }
    let broken = |memory: &Memory| log(memory, &branch("main")).unwrap().unwrap().broken_at();
    assert_eq!(broken(&memory), None);
    for number in 0..12 {
        let changed = Memory::new();
        for listed in memory.list("").unwrap() {
            changed.create(&listed.key, &memory.read(&listed.key, 1 << 16).unwrap().unwrap()).unwrap();
        }
        replace(&changed, &name, number, |entry| entry.nonce[0] ^= 1);
        assert_eq!(broken(&changed), Some(number + 1));
        replace(&changed, &name, number, |entry| entry.nonce[0] ^= 1);
        assert_eq!(broken(&changed), None);
        changed.remove(&Log::of(&changed, &name).key(number).unwrap()).unwrap();
        assert_eq!(broken(&changed), Some(number + 1), "gone");
    }
    replace(&memory, &name, 0, |entry| entry.recent.push([9; 16]));
    assert_eq!(broken(&memory), Some(1));
}

/// The commits of a run: how it began, how it ended, and two other ends, of which one fits its beginning.
fn ends_of(objects: &Objects, id: &RunId) -> [CommitId; 4] {
    let base = crate::graph::fixture::commit(objects, 1, &[]);
    let apart = crate::graph::fixture::commit(objects, 2, &[base]);
    let (plain, set) = (object::Phase::Train, Default::default());
    let run = object::Run { id: id.clone(), name: None, phase: plain, sweep: None, set, reproduces: None };
    [(base, None), (base, Some(0)), (base, Some(1)), (apart, Some(2))].map(|(like, exit)| {
        let outcome = object::Outcome { exit, ..object::Outcome::default() };
        let outcome = exit.map(|_| object::put(objects, &outcome).unwrap());
        let like: object::Commit = object::get(objects, like).unwrap();
        object::put(objects, &object::Commit { outcome, run: Some(run.clone()), ..like }).unwrap()
    })
}

#[test]
fn the_log_of_a_run_counts_for_more_than_a_batch() {
    let objects = Objects::default();
    let [begun, ended, like, apart] = ends_of(&objects, &run(1));
    let gone = commit(77);
    for (value, line, worth) in [
        (Target::Finished(ended), ended, Standing::Equal),
        (Target::Finished(ended), like, Standing::Own),
        (Target::Finished(ended), gone, Standing::Own),
        (Target::Commit(begun), ended, Standing::Ended),
        (Target::Commit(begun), apart, Standing::Own),
        (Target::Commit(begun), begun, Standing::Own),
        (Target::Commit(begun), gone, Standing::Own),
        (Target::Commit(gone), ended, Standing::Leftover),
    ] {
        let storage = Memory::new();
        set(&storage, &run_ref(1), None, value);
        let lines = object::Runs { runs: [(run(1), line)].into(), batches: Vec::new() };
        publish(&storage, 90, object::put(&objects, &lines).unwrap());
        let log = log(&storage, &run_ref(1)).unwrap().unwrap();
        assert_eq!(standing(&objects, &log, line).unwrap(), worth, "{value:?}, {line}");
        let packed = runs(&storage, &objects).unwrap().packed(&run(1));
        assert_eq!(packed, Some(line).filter(|_| worth != Standing::Own), "{value:?}, {line}");
        // Without its first entry, one that has no end is what a removed one left.
        storage.remove(&Log::of(&storage, &run_ref(1)).key(0).unwrap()).unwrap();
        let packed = runs(&storage, &objects).unwrap().packed(&run(1));
        let is_terminal = value.is_terminal() && worth == Standing::Own;
        assert_eq!(packed, Some(line).filter(|_| !is_terminal), "{value:?}, {line}");
    }
    let storage = Memory::new();
    stand(&storage, &run_ref(1), &by("run")).unwrap();
    let log = log(&storage, &run_ref(1)).unwrap().unwrap();
    assert_eq!(standing(&objects, &log, ended).unwrap(), Standing::Leftover);
}

#[test]
fn a_run_without_a_log_is_recorded_if_a_batch_has_exactly_its_end() {
    let (storage, objects) = (Memory::new(), Objects::default());
    let target = Target::Finished(commit(1));
    let gone = || Err(RefError::Vanished { name: "refs/runs/…".into() });
    let recorded = |storage: &Memory| or_packed(storage, &objects, (&run_ref(1), target), gone()).is_ok();
    assert!(!recorded(&storage));
    let other = object::Runs { runs: [(run(1), commit(2))].into(), batches: Vec::new() };
    publish(&storage, 90, object::put(&objects, &other).unwrap());
    assert!(!recorded(&storage), "a batch of somebody who says something else");
    publish(&storage, 91, batch(&objects, &[1], vec![]));
    assert!(recorded(&storage));
    let unfinished = (&run_ref(1), Target::Commit(commit(1)));
    assert!(or_packed(&storage, &objects, unfinished, gone()).is_err());
    assert!(or_packed(&storage, &objects, (&branch("main"), target), gone()).is_err());
}
