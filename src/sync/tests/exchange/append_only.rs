//! What a client with a key for adding can do: all of an honest push, and nothing that takes something away.

use super::*;
use crate::encoding::to_bytes;
use crate::id::RunsId;
use crate::object::{Commit, Outcome, Phase, Run, Runs};
use crate::refs::Entry;
use crate::storage::{Created, Key};

/// A place that is lent for adding, and the same place as its owner sees it.
fn lent() -> (Place, Place) {
    let owner = Place::new();
    let guarded = Place::on(&owner.keys, AppendOnly::new(Arc::new(owner.keys.clone())));
    (owner, guarded)
}

/// A commit of a run: its definition alone, or with its outcome.
fn of_run(memory: &object::Memory, number: u64, like: CommitId, ended: bool) -> CommitId {
    let like: Commit = object::get(memory, like).unwrap();
    let run = Run {
        id: run(number),
        name: None,
        phase: Phase::Train,
        sweep: None,
        set: Default::default(),
        reproduces: None,
    };
    let outcome = like.outcome.filter(|_| ended);
    object::put(memory, &Commit { run: Some(run), outcome, ..like }).unwrap()
}

/// Commits of a branch, and an ended run with an outcome for each of these numbers.
fn with_runs(numbers: std::ops::Range<u64>) -> (Place, Vec<CommitId>, Vec<RunTip>) {
    let (place, memory) = (Place::new(), object::Memory::default());
    let one = fixture::logged(&memory, 1, &[], b"one");
    let two = fixture::logged(&memory, 2, &[one], b"two");
    let ended = numbers
        .map(|number| RunTip { id: run(number), commit: of_run(&memory, number, one, true), finished: true })
        .collect();
    place.keep(&memory);
    (place, vec![one, two], ended)
}

/// The entry that an honest client would write, with another target.
fn next(place: &Place, name: &Ref, target: Target) -> (Key, Entry) {
    let (number, last) = refs::read(&place.keys, name).unwrap().unwrap();
    let mut recent = vec![last.nonce];
    recent.extend(last.recent.iter().take(7));
    let entry = Entry { target, previous: Some(last.target), nonce: [9; 16], recent, ..last };
    (key_of(&place.keys, name, number + 1), entry)
}

fn key_of(keys: &Memory, name: &Ref, number: u64) -> Key {
    let listed = keys.list("refs").unwrap().into_iter();
    let found =
        listed.map(|listed| listed.key).find(|key| refs::of_key(key).is_some_and(|(it, _)| it == *name));
    let found = found.unwrap();
    let (log, _) = found.as_str().rsplit_once('/').unwrap();
    Key::new(&format!("{log}/{number}")).unwrap()
}

fn refusal(place: &Place, (key, entry): (Key, Entry)) -> String {
    let error = place.storage.create(&key, &to_bytes(&entry)).unwrap_err();
    assert!(error.is_refusal(), "{error:?}");
    assert_eq!(place.keys.read(&key, 1 << 16).unwrap(), None);
    error.source.to_string()
}

#[test]
fn an_honest_client_can_add_everything() {
    let (owner, guarded) = lent();
    let (ours, ids, runs) = with_runs(0..20);
    let memory = object::Memory::default();
    let v1 = tag(&memory, "v1", ids[0]);
    ours.keep(&memory);
    for (tip, runs) in [(ids[0], &runs[..3]), (ids[1], &runs[..])] {
        let request = PushRequest { tags: vec![(name("v1"), v1)], runs: runs.to_vec(), ..of_main(tip) };
        let done = pushed(&ours, &guarded, &request);
        assert!(done.refs.iter().all(|it| matches!(it.fate, Fate::Done | Fate::UpToDate)), "{done:?}");
    }
    owner.check(true);
    assert_eq!(owner.value(&branch("main")), Some(Target::Commit(ids[1])));
    assert_eq!(refs::runs(&owner.keys, &owner.afresh().store).unwrap().ids().len(), 20);
    // What its owner deleted can be added anew, also at an older commit.
    let gone = PushRequest { deletions: vec![deletion("main", None)], ..PushRequest::default() };
    assert!(matches!(fate(&pushed(&ours, &owner, &gone)), Fate::Done));
    assert!(matches!(fate(&pushed(&ours, &guarded, &of_main(ids[0]))), Fate::Done));
    // Nor does a collection of its owner keep it out.
    assert!(matches!(super::super::collection(Arc::new(owner.keys.clone())), super::super::End::Done));
    let later = PushRequest { heads: vec![(name("later"), ids[1])], ..PushRequest::default() };
    assert!(matches!(fate(&pushed(&ours, &guarded, &later)), Fate::Done));
    owner.check(true);
}

#[test]
fn nothing_is_deleted_or_moved_back() {
    let (owner, guarded) = lent();
    let (ours, ids, _) = with_runs(0..0);
    let memory = object::Memory::default();
    let (v1, other) = (tag(&memory, "v1", ids[0]), tag(&memory, "v1", ids[1]));
    ours.keep(&memory);
    owner.keep(&memory);
    pushed(&ours, &owner, &PushRequest { tags: vec![(name("v1"), v1)], ..of_main(ids[1]) });
    let before = owner.all();
    for gone in ["main", "v1"] {
        let request = PushRequest { deletions: vec![deletion(gone, None)], ..PushRequest::default() };
        let error = push(ours.local(), &guarded.remote(), &request, &by(), &Silent).unwrap_err();
        assert!(format!("{error:?}").contains("nothing can be deleted"), "{error:?}");
    }
    let main = branch("main");
    assert_eq!(
        refusal(&guarded, next(&owner, &main, Target::Commit(ids[0]))),
        "access to it is append-only: a branch only goes forward"
    );
    let v1 = Ref { family: Family::Tags, name: name("v1") };
    assert!(refusal(&guarded, next(&owner, &v1, Target::Tag(other))).contains("a tag cannot be moved"));
    let absent = Target::Commit(crate::id::Digest::new([1; 32]).into());
    refusal(&guarded, next(&owner, &main, absent));
    // Entries that are far ahead, speak of the future, or hide behind a key that an honest client never writes.
    let (key, fence) = next(&owner, &main, Target::Commit(ids[1]));
    let far = Key::new(&key.as_str().replace("/2", "/9000")).unwrap();
    refusal(&guarded, (far, fence.clone()));
    refusal(&guarded, (key.clone(), Entry { epoch: 9, ..fence.clone() }));
    for key in [
        "gc/1",
        "refs/remotes/x/0",
        "refs/detached/head/0",
        "HEAD",
        "config.toml",
        "format2",
        "refs/heads/new/1",
    ] {
        refusal(&guarded, (Key::new(key).unwrap(), fence.clone()));
    }
    assert!(guarded.storage.remove(&before[0].key).unwrap_err().is_refusal());
    let mut draft = guarded.storage.draft().unwrap();
    draft.write(&to_bytes(&Entry { target: Target::Deleted, ..fence })).unwrap();
    assert!(draft.publish(&key).unwrap_err().is_refusal());
    assert_eq!(owner.all(), before);
}

#[test]
fn a_number_that_is_taken_or_pruned_is_lost() {
    let (owner, guarded) = lent();
    let (ours, ids, _) = with_runs(0..0);
    for tip in &ids {
        pushed(&ours, &owner, &of_main(*tip));
    }
    let pruned = key_of(&owner.keys, &branch("main"), 1);
    owner.keys.remove(&pruned).unwrap();
    assert_eq!(guarded.storage.create(&pruned, b"").unwrap(), Created::Exists);
    assert_eq!(owner.keys.read(&pruned, 9).unwrap(), None);
}

#[test]
fn a_branch_that_is_checked_out_stays_where_it_is() {
    let (owner, guarded) = lent();
    let (ours, ids, _) = with_runs(0..0);
    pushed(&ours, &owner, &of_main(ids[0]));
    pushed(&ours, &owner, &PushRequest { heads: vec![(name("side"), ids[1])], ..PushRequest::default() });
    owner.keys.create(&Key::new("HEAD").unwrap(), b"ref: main\n").unwrap();
    let moved = next(&owner, &branch("main"), Target::Commit(ids[1]));
    assert!(refusal(&guarded, moved).contains("checked out"));
}

#[test]
fn runs_are_what_their_refs_say() {
    let (owner, guarded) = lent();
    let (ours, memory) = (Place::new(), object::Memory::default());
    let first = fixture::logged(&memory, 1, &[], b"one");
    let begun = of_run(&memory, 1, first, false);
    let ended = of_run(&memory, 1, first, true);
    let other = of_run(&memory, 2, first, true);
    let like: Commit = object::get(&memory, ended).unwrap();
    let changed = Commit { definition: crate::id::Digest::new([5; 32]).into(), ..like.clone() };
    let changed = object::put(&memory, &changed).unwrap();
    let false_outcome = object::put(&memory, &Outcome { exit: Some(77), ..outcome(&memory, &like) }).unwrap();
    let lied = object::put(&memory, &Commit { outcome: Some(false_outcome), ..like }).unwrap();
    ours.keep(&memory);
    owner.keep(&memory);
    pushed(
        &ours,
        &owner,
        &PushRequest {
            runs: vec![RunTip { id: run(1), commit: begun, finished: false }],
            ..PushRequest::default()
        },
    );
    let log = Ref::of_run(&run(1));
    assert!(refusal(&guarded, next(&owner, &log, Target::Finished(other))).contains("not one of this run"));
    assert!(refusal(&guarded, next(&owner, &log, Target::Finished(changed))).contains("another definition"));
    refusal(&guarded, next(&owner, &log, Target::Deleted));
    // A batch says nothing new of a run that is known, and names ends of runs.
    let batch = |runs: &[(u64, CommitId)], batches: Vec<RunsId>| {
        let runs = runs.iter().map(|(number, commit)| (run(*number), *commit)).collect();
        let memory = object::Memory::default();
        let id = object::put(&memory, &Runs { runs, batches }).unwrap();
        owner.keep(&memory);
        let name = Ref { family: Family::Batches, name: (&run(99)).into() };
        if owner.value(&name).is_none() {
            refs::stand(&owner.keys, &name, &by()).unwrap();
        }
        (next(&owner, &name, Target::Runs(id)), id)
    };
    let unfinished = batch(&[(1, ended)], Vec::new());
    assert!(refusal(&guarded, unfinished.0).contains("contradicts"));
    assert!(refusal(&guarded, batch(&[(2, ended)], Vec::new()).0).contains("does not end its run"));
    assert!(refusal(&guarded, batch(&[(1, begun)], Vec::new()).0).contains("contradicts"));
    assert!(refusal(&guarded, batch(&[], vec![unfinished.1]).0).contains("by collections alone"));
    owner.point(&log, Target::Finished(ended));
    assert!(refusal(&guarded, batch(&[(1, lied)], Vec::new()).0).contains("contradicts"));
    refusal(&guarded, next(&owner, &log, Target::Finished(lied)));
    let ((key, entry), _) = batch(&[(1, ended), (2, other)], Vec::new());
    assert_eq!(guarded.storage.create(&key, &to_bytes(&entry)).unwrap(), Created::Created);
}

fn outcome(memory: &object::Memory, commit: &Commit) -> Outcome {
    object::get(memory, commit.outcome.unwrap()).unwrap()
}
