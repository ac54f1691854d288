//! Push and fetch between storages in memory: `append_only` has one that may only be added to, `interrupted` has them broken off, `damaged` has remotes that lie,
//! `many` counts what it costs.

mod append_only;
mod damaged;
mod interrupted;
mod many;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::disk::OsDisk;
use crate::graph::{self, fixture};
use crate::id::{CommitId, ContentId, Kind, TagId};
use crate::name::{RefName, RemoteName, RunId};
use crate::object::{self, Find, Link, Object, Tag, Time};
use crate::progress::Silent;
use crate::refs::{Family, Move, Ref, Target};
use crate::storage::testing::{Fate as Met, Hooked, Operation};
use crate::storage::{Listed, Memory};
use crate::sync::*;

/// A repository, whose keys are in `keys` and are reached through `storage`.
struct Place {
    keys: Memory,
    storage: Arc<dyn Storage>,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let keys = Memory::new();
        version::stamp(&keys).unwrap();
        Self::on(&keys, keys.clone())
    }

    /// Keys that are reached through a storage, as somebody sees them who just came.
    fn on(keys: &Memory, storage: impl Storage + 'static) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(storage);
        Self { keys: keys.clone(), store: Store::open(storage.clone(), None), storage }
    }

    /// The same keys, with nothing known of them.
    fn afresh(&self) -> Self {
        Self::on(&self.keys, self.keys.clone())
    }

    fn local(&self) -> Local<'_> {
        Local { storage: &*self.storage, store: &self.store }
    }

    fn remote(&self) -> Remote {
        Remote::open(self.storage.clone(), None).unwrap()
    }

    /// Keeps objects and contents, in packs of this place.
    fn keep(&self, objects: &object::Memory) {
        let writer = self.store.writer(&Silent);
        objects.copy_to(&writer).unwrap();
        writer.finish().unwrap();
    }

    /// Points a ref, wherever it pointed before.
    fn point(&self, name: &Ref, target: Target) {
        let base = self.value(name);
        let is_ancestor = |a, b| Ok(graph::is_ancestor(&self.store, a, b)?);
        refs::advance(&self.keys, name, base, target, &by(), &mut |_| Ok(()), &is_ancestor).unwrap();
    }

    fn value(&self, name: &Ref) -> Option<Target> {
        let value = refs::read(&self.keys, name).unwrap();
        value.map(|(_, entry)| entry.target).filter(Target::exists)
    }

    fn all(&self) -> Vec<Listed> {
        self.keys.list("").unwrap()
    }

    /// Everything that a ref names must be here: objects, and where `with_data` contents.
    fn check(&self, with_data: bool) {
        let store = self.afresh().store;
        for (name, (_, entry)) in refs::survey(&self.keys, &Survey::new()).unwrap() {
            let tips = entry.target.object().map(|(kind, id)| Link::Object(kind, id));
            let see = &mut |link| match link {
                Link::Content(id, _) if with_data => assert!(store.has_content(id).unwrap(), "{name}: {id}"),
                _ => {}
            };
            graph::walk(&store, tips, see).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    /// What can be reached from a commit.
    fn closure(&self, tip: CommitId) -> BTreeSet<Link> {
        let mut links = BTreeSet::new();
        let tips = [object::link(tip)];
        let see = &mut |link| {
            links.insert(link);
        };
        graph::walk(&self.afresh().store, tips, see).unwrap();
        links
    }
}

fn by() -> Move {
    Move { who: "A <a@b>".into(), when: Time { millis: 1_700_000_000_000, zone: 0 }, why: "test".into() }
}

fn name(text: &str) -> RefName {
    RefName::new(text).unwrap()
}

fn branch(text: &str) -> Ref {
    Ref { family: Family::Heads, name: name(text) }
}

fn tracking(text: &str) -> Ref {
    Ref { family: Family::Remotes, name: name(&format!("origin/{text}")) }
}

fn tag(memory: &object::Memory, text: &str, commit: CommitId) -> TagId {
    let time = Time { millis: 0, zone: 0 };
    let tag = Tag { name: text.into(), commit, author: "A <a@b>".into(), time, message: String::new() };
    object::put(memory, &tag).unwrap()
}

fn run(number: u64) -> RunId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    RunId::from_parts(1_700_000_000_000, random)
}

/// A commit as another one, that records this run, or how it began.
fn recording(
    objects: &object::Memory,
    find: &dyn Find,
    number: u64,
    like: CommitId,
    ended: bool,
) -> CommitId {
    let like: object::Commit = object::get(find, like).unwrap();
    let outcome = ended.then(|| object::put(objects, &object::Outcome::default()).unwrap());
    let (id, phase) = (run(number), object::Phase::Train);
    let run = object::Run { id, name: None, phase, sweep: None, set: Default::default(), reproduces: None };
    object::put(objects, &object::Commit { outcome, run: Some(run), ..like }).unwrap()
}

/// Runs that are recorded at a place, each like one of these commits.
fn recorded(
    place: &Place,
    numbers: impl Iterator<Item = u64>,
    like: &[CommitId],
    ended: bool,
) -> Vec<RunTip> {
    let objects = object::Memory::default();
    let tip = |number: u64| {
        let like = like[number as usize % like.len()];
        let commit = recording(&objects, &place.store, number, like, ended);
        RunTip { id: run(number), commit, finished: ended }
    };
    let tips = numbers.map(tip).collect();
    place.keep(&objects);
    tips
}

fn of_main(commit: CommitId) -> PushRequest {
    PushRequest { heads: vec![(name("main"), commit)], ..PushRequest::default() }
}

fn deletion(text: &str, family: Option<Family>) -> Deletion {
    Deletion { name: name(text), family }
}

fn everything(data: DataPolicy) -> FetchRequest {
    FetchRequest { remote: RemoteName::new("origin").unwrap(), heads: None, data, prune: false }
}

fn pushed(from: &Place, to: &Place, request: &PushRequest) -> Pushed {
    push(from.local(), &to.remote(), request, &by(), &Silent).unwrap()
}

fn fetched(from: &Place, to: &Place, request: &FetchRequest) -> Fetched {
    fetch(to.local(), &from.remote(), request, &by(), &Silent).unwrap()
}

/// The end of a push of one ref.
fn fate(pushed: &Pushed) -> &Fate {
    let [one] = &pushed.refs[..] else { panic!("{pushed:?}") };
    &one.fate
}

/// The contents that can be reached from a commit.
fn contents_of(place: &Place, commit: CommitId) -> Vec<ContentId> {
    let content = |link| match link {
        Link::Content(id, _) => Some(id),
        _ => None,
    };
    place.closure(commit).into_iter().filter_map(content).collect()
}

/// A repository with a chain of commits, each with a log of its own.
fn with_chain(len: usize) -> (Place, Vec<CommitId>) {
    let (place, memory) = (Place::new(), object::Memory::default());
    let mut ids: Vec<CommitId> = Vec::new();
    for number in 0..len {
        let parents = ids.last().copied();
        let text = format!("log {number} {}", "of a run ".repeat(1000));
        ids.push(fixture::logged(&memory, number as i64, parents.as_slice(), text.as_bytes()));
    }
    place.keep(&memory);
    (place, ids)
}

/// The same with a tag `v1` of one of them.
fn with_tag(len: usize, at: usize) -> (Place, Vec<CommitId>, TagId) {
    let ((place, ids), memory) = (with_chain(len), object::Memory::default());
    let v1 = tag(&memory, "v1", ids[at]);
    place.keep(&memory);
    (place, ids, v1)
}

#[test]
fn what_one_pushes_another_fetches() {
    let (ours, ids, v1) = with_tag(3, 1);
    let there = Place::new();
    let request = PushRequest { tags: vec![(name("v1"), v1)], ..of_main(ids[2]) };
    let done = pushed(&ours, &there, &request);
    assert!(done.refs.iter().all(|it| matches!(it.fate, Fate::Done)), "{done:?}");
    there.check(true);
    let theirs = Place::new();
    let done = fetched(&there, &theirs, &everything(DataPolicy::All));
    assert_eq!(done.refs.len(), 2);
    assert_eq!(theirs.value(&tracking("main")), Some(Target::Commit(ids[2])));
    assert_eq!(theirs.value(&Ref { family: Family::Tags, name: name("v1") }), Some(Target::Tag(v1)));
    assert_eq!(theirs.closure(ids[2]), ours.closure(ids[2]));
    theirs.check(true);
    // Once more there is nothing to do, on either way.
    let (before, here) = (there.all(), theirs.all());
    assert!(pushed(&ours, &there, &request).refs.iter().all(|it| matches!(it.fate, Fate::UpToDate)));
    let done = fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    assert!(done.refs.is_empty() && done.objects == 0 && done.bytes == 0, "{done:?}");
    assert_eq!((there.all(), theirs.all()), (before, here));
}

#[test]
fn a_push_of_what_the_remote_is_ahead_of_changes_nothing() {
    let (ours, ids) = with_chain(3);
    let there = Place::new();
    pushed(&ours, &there, &of_main(ids[2]));
    let before = there.all();
    let memory = object::Memory::default();
    // Another line of history, and one that knows nothing of what is there.
    let side = fixture::commit(&memory, 100, &[ids[1]]);
    let alone = fixture::commit(&memory, 101, &[]);
    ours.keep(&memory);
    for commit in [side, alone] {
        assert!(matches!(fate(&pushed(&ours, &there, &of_main(commit))), Fate::Behind));
    }
    let stranger = Place::new();
    stranger.keep(&memory);
    assert!(matches!(fate(&pushed(&stranger, &there, &of_main(alone))), Fate::Behind));
    assert!(matches!(fate(&pushed(&ours, &there, &of_main(ids[0]))), Fate::UpToDate));
    assert_eq!(there.all(), before);
}

#[test]
fn each_ref_has_a_fate_of_its_own() {
    let (ours, ids) = with_chain(2);
    let memory = object::Memory::default();
    let (one, other) = (tag(&memory, "v1", ids[0]), tag(&memory, "v1", ids[1]));
    let side = fixture::commit(&memory, 100, &[]);
    ours.keep(&memory);
    let there = Place::new();
    pushed(&ours, &there, &PushRequest { tags: vec![(name("v1"), one)], ..of_main(ids[1]) });
    let request = PushRequest {
        heads: vec![(name("main"), side), (name("side"), side)],
        tags: vec![(name("v1"), other), (name("v2"), other)],
        ..PushRequest::default()
    };
    let done = pushed(&ours, &there, &request);
    let fates: Vec<&Fate> = done.refs.iter().map(|it| &it.fate).collect();
    assert!(matches!(fates[..], [Fate::Behind, Fate::Done, Fate::Taken, Fate::Done]), "{fates:?}");
    there.check(true);
    // A tag that is here already stays as it is.
    let theirs = Place::new();
    theirs.keep(&memory);
    fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    let v1 = Ref { family: Family::Tags, name: name("v1") };
    theirs.point(&v1, Target::Tag(other));
    fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    assert_eq!(theirs.value(&v1), Some(Target::Tag(other)));
}

#[test]
fn a_branch_that_is_checked_out_there_is_left_alone() {
    let (ours, ids) = with_chain(2);
    let there = Place::new();
    pushed(&ours, &there, &of_main(ids[0]));
    there.keys.create(&crate::storage::Key::new("HEAD").unwrap(), b"ref: main\n").unwrap();
    let before = there.all();
    assert!(matches!(fate(&pushed(&ours, &there, &of_main(ids[1]))), Fate::CheckedOut));
    assert!(matches!(fate(&pushed(&ours, &there, &of_main(ids[0]))), Fate::UpToDate));
    assert_eq!(there.all(), before);
    let other = PushRequest { heads: vec![(name("other"), ids[1])], ..PushRequest::default() };
    assert!(matches!(fate(&pushed(&ours, &there, &other)), Fate::Done));
}

#[test]
fn what_is_deleted_there_keeps_its_history() {
    let (ours, ids, v1) = with_tag(2, 0);
    let there = Place::new();
    let heads = vec![(name("main"), ids[0]), (name("wide"), ids[1])];
    pushed(&ours, &there, &PushRequest { heads, tags: vec![(name("v1"), v1)], ..PushRequest::default() });
    let theirs = Place::new();
    fetched(&there, &theirs, &everything(DataPolicy::All));
    there.keys.create(&crate::storage::Key::new("HEAD").unwrap(), b"ref: main\n").unwrap();
    let deletions = ["wide", "v1", "main", "none"].map(|name| deletion(name, None)).to_vec();
    let deletion = PushRequest { deletions, ..PushRequest::default() };
    let fates = |done: Pushed| done.refs.into_iter().map(|it| it.fate).collect::<Vec<_>>();
    let done = fates(pushed(&ours, &there, &deletion));
    assert!(matches!(done[..], [Fate::Done, Fate::Done, Fate::CheckedOut, Fate::Absent]), "{done:?}");
    assert_eq!(
        [branch("wide"), branch("main")].map(|name| there.value(&name)),
        [None, Some(Target::Commit(ids[0]))]
    );
    there.check(true);
    // Again, and by somebody who remembers it.
    let before = there.all();
    let done = fates(pushed(&ours, &there, &deletion));
    assert!(matches!(done[..], [Fate::UpToDate, Fate::UpToDate, Fate::CheckedOut, Fate::Absent]), "{done:?}");
    assert_eq!(there.all(), before);
    let gone = fetched(&there, &theirs, &everything(DataPolicy::Nothing)).gone;
    assert_eq!(gone, [tracking("wide")]);
    // What it pointed to is no garbage, and it can be there again.
    let needed = ours.closure(ids[1]);
    assert!(matches!(super::collection(Arc::new(there.keys.clone())), super::End::Done));
    assert_eq!(there.closure(ids[1]), needed);
    assert!(there.afresh().store.has(Kind::Tag, v1.digest()).unwrap());
    let again = PushRequest { heads: vec![(name("wide"), ids[1])], ..PushRequest::default() };
    assert!(matches!(fate(&pushed(&ours, &there, &again)), Fate::Done));
    there.check(true);
}

#[test]
fn a_deletion_said_twice_deletes_nothing_else() {
    let (ours, ids, v1) = with_tag(1, 0);
    let there = Place::new();
    let (heads, tags) = (vec![(name("v1"), ids[0])], vec![(name("v1"), v1)]);
    pushed(&ours, &there, &PushRequest { heads, tags, ..PushRequest::default() });
    let delete = |family| {
        let request = PushRequest { deletions: vec![deletion("v1", family)], ..PushRequest::default() };
        pushed(&ours, &there, &request)
    };
    assert!(matches!(fate(&delete(None)), Fate::Ambiguous));
    for _ in 0..2 {
        assert!(matches!(fate(&delete(Some(Family::Heads))), Fate::Done | Fate::UpToDate));
        assert!(matches!(fate(&delete(None)), Fate::Ambiguous));
        assert_eq!(there.value(&branch("v1")), None);
        assert_eq!(there.value(&Ref { family: Family::Tags, name: name("v1") }), Some(Target::Tag(v1)));
    }
    assert!(matches!(fate(&delete(Some(Family::Tags))), Fate::Done));
    assert_eq!(there.value(&Ref { family: Family::Tags, name: name("v1") }), None);
}

#[test]
fn a_branch_that_moves_while_it_is_deleted_stays() {
    let (ours, ids) = with_chain(2);
    let there = Place::new();
    let heads = vec![(name("main"), ids[0]), (name("wide"), ids[1])];
    pushed(&ours, &there, &PushRequest { heads, ..PushRequest::default() });
    let (somebody, main, tip) = (there.afresh(), branch("main"), Target::Commit(ids[1]));
    let moved = std::sync::OnceLock::new();
    let hook = move |operation: &Operation| {
        if matches!(operation, Operation::Create(key) if key.as_str().starts_with("refs/heads/main/")) {
            moved.get_or_init(|| somebody.point(&main, tip));
        }
        Met::Done
    };
    let deletion = PushRequest { deletions: vec![deletion("main", None)], ..PushRequest::default() };
    let there = Place::on(&there.keys, Hooked::new(there.keys.clone(), hook));
    assert!(matches!(fate(&pushed(&ours, &there, &deletion)), Fate::Lost));
    assert_eq!(there.value(&branch("main")), Some(tip));
}

#[test]
fn many_finished_runs_become_one_batch() {
    let (ours, ids) = with_chain(4);
    let there = Place::new();
    let runs = recorded(&ours, 0..20, &ids, true);
    let request = PushRequest { runs, ..PushRequest::default() };
    assert_eq!(pushed(&ours, &there, &request).runs, 20);
    let refs = refs::survey(&there.keys, &Survey::new()).unwrap();
    assert_eq!(refs.len(), 1, "{refs:?}");
    there.check(true);
    let before = there.all();
    assert_eq!(pushed(&ours, &there, &request).runs, 0);
    assert_eq!(there.all(), before);
    let theirs = Place::new();
    assert_eq!(fetched(&there, &theirs, &everything(DataPolicy::Nothing)).runs, 20);
    theirs.check(false);
    assert_eq!(refs::runs(&theirs.keys, &theirs.store).unwrap().ids().len(), 20);
    assert_eq!(fetched(&there, &theirs, &everything(DataPolicy::Nothing)).runs, 0);
    // Who pushed them meets them again: they stay as they were, once.
    for tip in &request.runs {
        ours.point(&Ref::of_run(&tip.id), Target::Finished(tip.commit));
    }
    fetched(&there, &ours, &everything(DataPolicy::Nothing));
    assert_eq!(refs::runs(&ours.keys, &ours.store).unwrap().ids().len(), 20);
}

#[test]
fn a_run_is_pushed_as_it_goes_on_and_when_it_is_done() {
    let (ours, ids) = with_chain(3);
    let (there, theirs) = (Place::new(), Place::new());
    let name = Ref::of_run(&run(1));
    let [begun, ended] = [false, true].map(|ended| recorded(&ours, 1..2, &ids, ended).remove(0));
    let tips =
        [(begun.clone(), Target::Commit(begun.commit)), (ended.clone(), Target::Finished(ended.commit))];
    for (tip, target) in &tips {
        let request = PushRequest { runs: vec![tip.clone()], ..PushRequest::default() };
        assert_eq!(pushed(&ours, &there, &request).runs, 1);
        assert_eq!(there.value(&name), Some(*target));
        assert_eq!(fetched(&there, &theirs, &everything(DataPolicy::Nothing)).runs, 1);
        assert_eq!(theirs.value(&name), Some(*target));
    }
    // One who knows less does not take it back.
    let request = PushRequest { runs: vec![tips[0].0.clone()], ..PushRequest::default() };
    let done = pushed(&ours, &there, &request);
    assert!(done.runs == 0 && done.refs.is_empty(), "{done:?}");
    assert_eq!(there.value(&name), Some(tips[1].1));
}

#[test]
fn what_many_refs_need_comes_in_few_packs() {
    let (ours, ids) = with_chain(12);
    let memory = object::Memory::default();
    let numbered = || ids.iter().enumerate();
    let tags =
        numbered().map(|(n, commit)| (name(&format!("v{n}")), tag(&memory, &format!("v{n}"), *commit)));
    let tags: Vec<_> = tags.collect();
    ours.keep(&memory);
    let runs = recorded(&ours, 0..12, &ids, false);
    let request = PushRequest { tags, runs, ..PushRequest::default() };
    let there = Place::new();
    let done = pushed(&ours, &there, &request);
    assert_eq!((done.refs.len(), done.runs), (12, 12));
    assert!(there.keys.list("packs").unwrap().len() <= 4, "{:?}", there.keys.list("packs"));
    there.check(true);
}

#[test]
fn a_branch_that_went_back_is_followed_and_told_of() {
    let (ours, ids) = with_chain(3);
    let (there, theirs) = (Place::new(), Place::new());
    pushed(&ours, &there, &of_main(ids[2]));
    let done = fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    assert!(!done.refs[0].backwards);
    there.point(&branch("main"), Target::Commit(ids[0]));
    let done = fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    assert!(done.refs[0].backwards, "{done:?}");
    assert_eq!(theirs.value(&tracking("main")), Some(Target::Commit(ids[0])));
    there.point(&branch("main"), Target::Commit(ids[1]));
    let done = fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    assert!(!done.refs[0].backwards, "{done:?}");
}

#[test]
fn a_branch_that_is_gone_is_remembered_until_it_is_pruned() {
    let (ours, ids) = with_chain(1);
    let (there, theirs) = (Place::new(), Place::new());
    let mut request = of_main(ids[0]);
    request.heads.push((name("side"), ids[0]));
    pushed(&ours, &there, &request);
    fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    there.point(&branch("side"), Target::Deleted);
    let done = fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    assert_eq!((done.gone, done.refs.len()), (vec![tracking("side")], 0));
    assert_eq!(theirs.value(&tracking("side")), Some(Target::Commit(ids[0])));
    // Who asks for other branches is told nothing of it, and takes nothing away.
    let only =
        FetchRequest { heads: Some(vec![name("main")]), prune: true, ..everything(DataPolicy::Nothing) };
    let done = fetched(&there, &theirs, &only);
    assert!(done.gone.is_empty() && done.refs.is_empty(), "{done:?}");
    let done = fetched(&there, &theirs, &FetchRequest { prune: true, ..everything(DataPolicy::Nothing) });
    assert_eq!((done.refs.len(), done.refs[0].to), (1, None));
    assert_eq!(theirs.value(&tracking("side")), None);
    assert!(theirs.value(&tracking("main")).is_some());
}

#[test]
fn only_the_branches_that_are_named_are_fetched() {
    let (ours, ids) = with_chain(2);
    let (there, theirs) = (Place::new(), Place::new());
    let mut request = of_main(ids[0]);
    request.heads.push((name("side"), ids[1]));
    request.runs = recorded(&ours, 1..2, &ids, true);
    pushed(&ours, &there, &request);
    let only = FetchRequest { heads: Some(vec![name("main")]), ..everything(DataPolicy::Nothing) };
    fetched(&there, &theirs, &only);
    let refs: Vec<Ref> = refs::survey(&theirs.keys, &Survey::new()).unwrap().into_keys().collect();
    assert_eq!(refs, [tracking("main")]);
    fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    assert_eq!(refs::survey(&theirs.keys, &Survey::new()).unwrap().len(), 3, "what was left out comes later");
}

#[test]
fn data_goes_and_comes_as_it_is_asked_for() {
    let (ours, ids) = with_chain(3);
    let there = Place::new();
    let lacking =
        |place: &Place, commit| place.afresh().store.lacking(contents_of(place, commit)).unwrap().len();
    pushed(&ours, &there, &PushRequest { data: DataPolicy::Nothing, ..of_main(ids[0]) });
    assert_eq!(lacking(&there, ids[0]), 1);
    pushed(&ours, &there, &of_main(ids[1]));
    assert_eq!(lacking(&there, ids[1]), 1, "that of what is new went, and not that of the first");
    let done = pushed(&ours, &there, &PushRequest { data: DataPolicy::All, ..of_main(ids[1]) });
    assert!(matches!(fate(&done), Fate::UpToDate) && done.bytes > 0, "{done:?}");
    there.check(true);
    let theirs = Place::new();
    fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    assert_eq!(lacking(&theirs, ids[1]), 2);
    // What a command needs is brought, and what nobody has is told of.
    let contents = contents_of(&ours, ids[2]);
    let brought = bring(theirs.local(), &there.remote(), &contents, None, &Silent).unwrap();
    assert_eq!(brought.nowhere.len(), 1, "only the last log was never pushed");
    assert_eq!(lacking(&theirs, ids[1]), 0);
    pushed(&ours, &there, &of_main(ids[2]));
    fetched(&there, &theirs, &everything(DataPolicy::New));
    theirs.check(true);
}

#[test]
fn data_that_is_neither_here_nor_there_cannot_be_pushed() {
    let (ours, ids) = with_chain(2);
    let (there, theirs, elsewhere) = (Place::new(), Place::new(), Place::new());
    pushed(&ours, &there, &of_main(ids[1]));
    fetched(&there, &theirs, &everything(DataPolicy::Nothing));
    let before = elsewhere.all();
    let error = push(theirs.local(), &elsewhere.remote(), &of_main(ids[1]), &by(), &Silent).unwrap_err();
    assert!(matches!(error, SyncError::NotHere { count: 2 }), "{error:?}");
    let packs = |all: Vec<Listed>| all.into_iter().filter(|it| it.key.as_str().starts_with("packs")).count();
    assert_eq!(packs(elsewhere.all()), packs(before));
    assert_eq!(elsewhere.value(&branch("main")), None);
    pushed(&theirs, &elsewhere, &PushRequest { data: DataPolicy::Nothing, ..of_main(ids[1]) });
    elsewhere.check(false);
    // A remote that has the data needs none from here.
    let memory = object::Memory::default();
    let next = fixture::commit(&memory, 9, &[ids[1]]);
    theirs.keep(&memory);
    let done = pushed(&theirs, &there, &of_main(next));
    assert!(matches!(fate(&done), Fate::Done));
    there.check(true);
}

#[test]
fn a_place_that_is_something_else_is_left_alone() {
    let keys = Memory::new();
    assert!(matches!(Remote::open(Arc::new(keys.clone()), None), Err(SyncError::NotARepository)));
    keys.create(&crate::storage::Key::new("thesis.doc").unwrap(), b"x").unwrap();
    let opened = Remote::open_or_create(Arc::new(keys.clone()), None);
    assert!(matches!(opened, Err(SyncError::Occupied)));
    assert_eq!(keys.list("").unwrap().len(), 1);
    let keys = Memory::new();
    keys.create(&crate::storage::Key::new("format").unwrap(), b"mdl 9\n").unwrap();
    let opened = Remote::open_or_create(Arc::new(keys), None);
    assert!(matches!(opened, Err(SyncError::UnknownFormat { found }) if found == "mdl 9"));
}
