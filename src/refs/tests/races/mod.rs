//! Every interleaving of two writers and a busy world, with replies that are lost or late.
//!
//! A writer is a function of the replies it got. So a state is the keys and the replies so far, and a step runs
//! the writer again from the start, up to the first operation that was not answered yet. All states that can be
//! reached are visited once. In between, the world may do at once, within a budget: append a commit, undo
//! one, publish a mark of a collection, fence for the last one, prune an entry below the highest, and let a create
//! arrive whose reply was lost.

mod replay;

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::*;
use crate::refs::advance::Advance;
use replay::{Replay, Reply, Request};

/// A commit of these tests is the path to it from the first: so its ancestors are its prefixes.
fn at(path: &[u8]) -> CommitId {
    let mut bytes = [0; 32];
    bytes[0] = path.len() as u8;
    bytes[1..=path.len()].copy_from_slice(path);
    Digest::new(bytes).into()
}

fn path(commit: CommitId) -> Vec<u8> {
    let bytes = *commit.digest().as_bytes();
    bytes[1..=bytes[0] as usize].to_vec()
}

fn comes_before(a: CommitId, b: CommitId) -> Result<bool, RefError> {
    Ok(path(b).starts_with(&path(a)))
}

const LOG: &str = "refs/heads/main";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    Done,
    Lost,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Writer {
    id: u8,
    base: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    replies: Vec<Reply>,
    /// Marks that there were when it began, for a mistake.
    marks: u64,
    next: Result<Request, End>,
}

impl Writer {
    fn new(id: u8, base: Option<&[u8]>, target: Option<&[u8]>) -> Self {
        let (base, target) = (base.map(<[u8]>::to_vec), target.map(<[u8]>::to_vec));
        let mut writer = Self { id, base, target, replies: Vec::new(), marks: 0, next: Err(End::Unknown) };
        writer.run();
        writer
    }

    fn target(&self) -> Target {
        self.target.as_deref().map_or(Target::Deleted, |path| Target::Commit(at(path)))
    }

    /// Runs from the start to the first request that has no reply, or to the end.
    fn run(&mut self) {
        let replay = Replay::of(&self.replies);
        let mut nonces = 0;
        let mut nonce = || {
            nonces += 1;
            Ok([self.id, nonces, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        };
        let log = Log::of(&replay, &branch("main"));
        let born = footing::born(&replay, &log, &by("race"), &mut nonce);
        let advance = |(number, last)| {
            Advance {
                storage: &replay,
                log,
                base: self.base.as_deref().map(|path| Target::Commit(at(path))),
                target: self.target(),
                by: &by("race"),
                is_ancestor: &comes_before,
                nonce: &mut nonce,
            }
            .run(number, last, None, &mut |_| Ok(()))
        };
        let end = born.and_then(advance);
        self.next = match (replay.pending(), end) {
            (Some(request), _) => Ok(request),
            (None, Ok(Advanced::Done)) => Err(End::Done),
            (None, Ok(Advanced::Lost(_))) => Err(End::Lost),
            (None, Err(RefError::Unknown { .. } | RefError::Storage(_))) => Err(End::Unknown),
            (None, Err(error)) => panic!("{error}"),
        };
    }
}

/// What the world may still do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Budget {
    appends: u8,
    undos: u8,
    marks: u8,
    fences: u8,
    prunes: u8,
    losses: u8,
}

/// A mistake planted into the writers, by answers that hide what the missing step would have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mistake {
    None,
    /// What was created is taken to be the highest.
    TrustCreated,
    /// What was read is taken to be the highest still.
    NoSecondList,
    /// The last mark was read before the ref was.
    MarkBeforeRef,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    keys: BTreeMap<u64, Arc<[u8]>>,
    /// Creates whose reply was lost, and that may still arrive.
    late: Vec<(u64, Arc<[u8]>)>,
    /// The values that the ref had, in order.
    values: Vec<Target>,
    /// How many marks were published.
    marks: u64,
    /// Whether somebody moved the ref past a fence without knowing of its collection.
    unaware: bool,
    writers: Vec<Writer>,
    budget: Budget,
    mistake: Mistake,
}

fn number(key: &str) -> u64 {
    key.strip_prefix(LOG).unwrap()[1..].parse().unwrap()
}

impl World {
    fn new(writers: Vec<Writer>, budget: Budget) -> Self {
        let (keys, late, values) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { keys, late, values, marks: 0, unaware: false, writers, budget, mistake: Mistake::None }
    }

    fn highest(&self) -> Option<u64> {
        self.keys.keys().last().copied()
    }

    fn create(&mut self, number: u64, body: Arc<[u8]>) -> bool {
        if self.keys.contains_key(&number) {
            return false;
        }
        let highest = self.highest();
        if highest.is_none_or(|highest| highest < number) {
            let entry = Entry::from_bytes(&body).unwrap();
            let before = highest.map(|highest| Entry::from_bytes(&self.keys[&highest]).unwrap());
            self.unaware |= before.is_some_and(|before| before.epoch > entry.epoch);
            self.values.push(entry.target);
        }
        self.keys.insert(number, body);
        true
    }

    /// An entry that an honest client adds without being interrupted.
    fn append(&mut self, target: impl FnOnce(Target) -> Target, steps_back: bool) {
        let Some(highest) = self.highest() else { return };
        let last = Entry::from_bytes(&self.keys[&highest]).unwrap();
        let entry = Entry {
            target: target(last.target),
            previous: Some(last.target),
            nonce: [self.values.len() as u8 | 0x80; 16],
            recent: last.recent_after(),
            stepped_back: if steps_back { Some(highest + 1) } else { last.stepped_back },
            epoch: self.marks,
            ..last
        };
        self.create(highest + 1, crate::encoding::to_bytes(&entry).into());
    }

    fn answer(&mut self, writer: usize, request: &Request) -> Reply {
        let replies = &self.writers[writer].replies;
        match request {
            Request::List(prefix) if prefix == "gc" => {
                let read_before = self.mistake == Mistake::MarkBeforeRef && !self.has_created(writer);
                let seen = if read_before { self.writers[writer].marks } else { self.marks };
                Reply::List((1..=seen).collect())
            }
            Request::Open(key) if key.starts_with("gc/") => Reply::Open(Some(self.mark())),
            Request::List(_) => match (self.mistake, replies.last()) {
                (Mistake::TrustCreated, Some(Reply::Create(true))) => {
                    let Some(mine) = self.created_by(writer) else { return Reply::List(vec![0]) };
                    Reply::List(vec![mine])
                }
                (Mistake::NoSecondList, Some(Reply::Open(Some(_)))) => {
                    replies.iter().rfind(|reply| matches!(reply, Reply::List(_))).unwrap().clone()
                }
                _ => Reply::List(self.keys.keys().copied().collect()),
            },
            Request::Open(key) => Reply::Open(self.keys.get(&number(key)).cloned()),
            Request::Create(key, body) => Reply::Create(self.create(number(key), body.clone())),
        }
    }

    fn has_created(&self, writer: usize) -> bool {
        self.writers[writer].replies.iter().any(|reply| matches!(reply, Reply::Create(_)))
    }

    fn mark(&self) -> Arc<[u8]> {
        let Move { who, when, .. } = by("gc");
        crate::encoding::to_bytes(&Mark { doomed: Vec::new(), nonce: [0; 16], who, when }).into()
    }

    /// The highest number that has an entry of this writer.
    fn created_by(&self, writer: usize) -> Option<u64> {
        let id = self.writers[writer].id;
        let mine = |body: &Arc<[u8]>| Entry::from_bytes(body).unwrap().nonce[0] == id;
        self.keys.iter().rfind(|(_, body)| mine(body)).map(|(number, _)| *number)
    }

    /// All states that one step leads to.
    fn successors(&self) -> Vec<World> {
        let mut next = Vec::new();
        for writer in 0..self.writers.len() {
            self.steps_of(writer, &mut next);
        }
        for late in 0..self.late.len() {
            let mut world = self.clone();
            let (number, body) = world.late.remove(late);
            world.create(number, body);
            next.push(world);
        }
        self.steps_of_others(&mut next);
        next
    }

    fn steps_of(&self, writer: usize, next: &mut Vec<World>) {
        let Ok(request) = &self.writers[writer].next else { return };
        let mut replied = |mut world: World, reply| {
            world.writers[writer].replies.push(reply);
            world.writers[writer].run();
            next.push(world);
        };
        let mut world = self.clone();
        let reply = world.answer(writer, request);
        if self.budget.losses > 0 && matches!(request, Request::Create(..)) {
            let mut lost = world.clone();
            lost.budget.losses -= 1;
            replied(lost, Reply::Failed);
            let mut late = self.clone();
            late.budget.losses -= 1;
            if let Request::Create(key, body) = request {
                late.late.push((number(key), body.clone()));
            }
            replied(late, Reply::Failed);
        }
        replied(world, reply);
    }

    fn steps_of_others(&self, next: &mut Vec<World>) {
        let mut step = |allowed: u8, act: &dyn Fn(&mut World)| {
            if allowed > 0 && self.highest().is_some() {
                let mut world = self.clone();
                act(&mut world);
                next.push(world);
            }
        };
        step(self.budget.marks, &|world| {
            world.budget.marks -= 1;
            world.marks += 1;
        });
        let last = self.highest().map(|highest| Entry::from_bytes(&self.keys[&highest]).unwrap());
        let is_fenced = last.is_none_or(|last| last.epoch >= self.marks);
        step(if is_fenced { 0 } else { self.budget.fences }, &|world| {
            world.budget.fences -= 1;
            world.append(|target| target, false);
        });
        if let Some(Target::Commit(commit)) = self.values.last() {
            let path = path(*commit);
            step(self.budget.appends, &|world| {
                world.budget.appends -= 1;
                let child = [&path[..], &[200 + world.budget.appends]].concat();
                world.append(|_| Target::Commit(at(&child)), false);
            });
            step(if path.len() > 1 { self.budget.undos } else { 0 }, &|world| {
                world.budget.undos -= 1;
                world.append(|_| Target::Commit(at(&path[..path.len() - 1])), true);
            });
        }
        for number in self.keys.keys().filter(|number| Some(**number) != self.highest()) {
            step(self.budget.prunes, &|world| {
                world.budget.prunes -= 1;
                world.keys.remove(number);
            });
        }
    }

    /// What must hold in every state. `undone`: whether anybody may step back.
    fn check(&self, undone: bool) -> Result<(), String> {
        if self.unaware {
            return Err(format!("a fence was passed by who did not know of it: {:?}", self.values));
        }
        for writer in &self.writers {
            let reached = |value: &Target| match (writer.target(), *value) {
                (Target::Commit(target), Target::Commit(value)) => comes_before(target, value).unwrap(),
                (target, value) => target == value,
            };
            let fine = match writer.next {
                Err(End::Done) if undone => self.values.iter().any(reached),
                Err(End::Done) => self.values.last().is_some_and(reached),
                Err(End::Lost) => !self.values.iter().any(reached) || writer.steps_back(),
                Err(End::Unknown) => writer.replies.contains(&Reply::Failed),
                Ok(_) => true,
            };
            if !fine {
                return Err(format!("{:?} of writer {} in {:?}", writer.next, writer.id, self.values));
            }
        }
        Ok(())
    }
}

impl Writer {
    fn steps_back(&self) -> bool {
        match (&self.base, &self.target) {
            (Some(base), Some(target)) => !target.starts_with(base),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

/// Visits every state, and says how many there are.
fn explore(start: World, undone: bool) -> Result<usize, String> {
    let (mut seen, mut open) = (HashSet::new(), vec![start]);
    let (hasher, mut visited) = (RandomState::new(), 0);
    while let Some(world) = open.pop() {
        world.check(undone)?;
        visited += 1;
        open.extend(world.successors().into_iter().filter(|next| seen.insert(hasher.hash_one(next))));
    }

    Ok(visited)
}

/// A branch at its first commit, and writers who go on from there in different directions.
fn racing(writers: Vec<Writer>, budget: Budget) -> World {
    let mut world = World::new(writers, budget);
    let memory = Memory::new();
    let first = Target::Commit(at(&[1]));
    advance(&memory, &branch("main"), None, first, &by(""), &mut |_| Ok(()), &comes_before).unwrap();
    for number in 0..2 {
        let key = Key::new(&format!("{LOG}/{number}")).unwrap();
        let mut entry = Entry::from_bytes(&memory.read(&key, 1000).unwrap().unwrap()).unwrap();
        (entry.nonce, entry.recent) = ([number as u8; 16], vec![[0; 16]; number as usize]);
        world.create(number, crate::encoding::to_bytes(&entry).into());
    }
    world
}

fn two() -> Vec<Writer> {
    vec![Writer::new(10, Some(&[1]), Some(&[1, 10])), Writer::new(20, Some(&[1]), Some(&[1, 20]))]
}

#[test]
fn two_writers_race() {
    let fences = explore(racing(two(), Budget { marks: 1, fences: 1, ..Budget::default() }), false).unwrap();
    let losses = explore(racing(two(), Budget { losses: 1, ..Budget::default() }), false).unwrap();
    assert!(fences > 300 && losses > 300, "{fences} {losses}");
}

#[test]
fn two_writers_race_to_begin_a_branch() {
    let writers = vec![Writer::new(10, None, Some(&[10])), Writer::new(20, None, Some(&[20]))];
    let budget = Budget { losses: 1, ..Budget::default() };
    explore(World::new(writers, budget), false).unwrap();
}

#[test]
fn a_writer_sleeps_while_others_append_and_prune() {
    let budget = Budget { appends: 2, prunes: 1, losses: 1, ..Budget::default() };
    explore(racing(two()[..1].to_vec(), budget), false).unwrap();
}

#[test]
fn a_writer_sleeps_while_others_undo() {
    let budget = Budget { appends: 1, undos: 2, losses: 1, ..Budget::default() };
    explore(racing(two()[..1].to_vec(), budget), true).unwrap();
}

#[test]
fn a_deletion_races_with_a_commit() {
    let writers = vec![Writer::new(10, Some(&[1]), Some(&[1, 10])), Writer::new(20, Some(&[1]), None)];
    explore(racing(writers, Budget { losses: 1, ..Budget::default() }), true).unwrap();
}

#[test]
fn a_storage_that_loses_every_reply_is_told_as_unknown() {
    let budget = Budget { losses: 3, appends: 1, ..Budget::default() };
    explore(racing(two()[..1].to_vec(), budget), false).unwrap();
}

#[test]
fn who_moves_a_ref_past_a_fence_knows_of_the_collection() {
    let budget = Budget { appends: 1, marks: 2, fences: 2, losses: 1, ..Budget::default() };
    explore(racing(two()[..1].to_vec(), budget), false).unwrap();
    let new = vec![Writer::new(10, None, Some(&[10]))];
    explore(World::new(new, Budget { marks: 2, fences: 2, losses: 1, ..Budget::default() }), false).unwrap();
}

#[test]
fn planted_mistakes_are_caught() {
    let budget = Budget { appends: 2, marks: 1, fences: 1, prunes: 1, losses: 1, ..Budget::default() };
    for mistake in [Mistake::TrustCreated, Mistake::NoSecondList, Mistake::MarkBeforeRef] {
        let mut world = racing(two()[..1].to_vec(), budget);
        world.mistake = mistake;
        explore(world, false).expect_err(&format!("{mistake:?} went unnoticed"));
    }
}
