//! Writers and collectors that leave a step out, or take it too early: made of the real pieces, in the wrong order.
//! With nothing left out they keep to the protocol, and then nothing is found.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use super::writers::{ancestry, ended, upload};
use super::{Actor, Commits, End, branch, by};
use crate::encoding;
use crate::graph;
use crate::id::CommitId;
use crate::object::Link;
use crate::progress::Silent;
use crate::refs::{self, Doomed, Entry, Family, Mark, Ref, RefError, Target};
use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError, random};
use crate::store::layout::EntryKind;
use crate::store::{PackName, Store};

/// What a collector does right.
#[derive(Clone, Copy)]
pub(super) struct Care {
    pub(super) adopts: bool,
    pub(super) checks_mark: bool,
    pub(super) fences: bool,
    pub(super) checks_fence: bool,
    pub(super) reads_roots_last: bool,
    pub(super) dooms: Dooms,
    /// How many collections it does.
    pub(super) rounds: usize,
}

/// The packs that a collector dooms, of those that are listed.
#[derive(Clone, Copy)]
pub(super) enum Dooms {
    All,
    Only(PackName),
    AllBut(PackName),
}

pub(super) const CAREFUL: Care = Care {
    adopts: true,
    checks_mark: true,
    fences: true,
    checks_fence: true,
    reads_roots_last: true,
    dooms: Dooms::All,
    rounds: 1,
};

pub(super) fn sweeper(name: &'static str, care: Care) -> Actor {
    Actor::new(name, move |storage| {
        for _ in 0..care.rounds {
            match sweep(&storage, care) {
                Ok(()) => {}
                Err(RefError::Storage(_)) => return End::Unknown,
                Err(error) => return End::Failed(format!("{error:?}")),
            }
        }
        End::Done
    })
}

fn sweep(storage: &Arc<dyn Storage>, care: Care) -> Result<(), RefError> {
    let store = Store::open(storage.clone(), None);
    let (epoch, doomed) = loop {
        let last = refs::mark(&**storage)?;
        let listed: Vec<PackName> =
            storage.list("packs")?.iter().filter_map(|pack| PackName::parse(pack.key.as_str())).collect();
        let (epoch, old) = last.map_or((0, Vec::new()), |(epoch, mark)| (epoch, mark.doomed));
        // In an order: who is run again takes the same steps.
        let old: BTreeSet<PackName> =
            old.iter().filter_map(|key| PackName::parse(key)).filter(|name| listed.contains(name)).collect();
        if care.adopts && !old.is_empty() {
            break (epoch, old);
        }
        let is_doomed = |name: &PackName| match care.dooms {
            Dooms::All => true,
            Dooms::Only(pack) => *name == pack,
            Dooms::AllBut(pack) => *name != pack,
        };
        let doomed: BTreeSet<PackName> = listed.iter().copied().filter(is_doomed).collect();
        let keys = doomed.iter().map(PackName::to_string).collect();
        let epoch = if care.checks_mark {
            refs::publish_mark(&**storage, epoch, keys, &by("gc"))?
        } else {
            let mark = Mark { doomed: keys, nonce: random()?, who: "gc".into(), when: by("").when };
            let key = Key::new(&format!("gc/{}", epoch + 1)).unwrap();
            let created = storage.create(&key, &encoding::to_bytes(&mark))? == Created::Created;
            created.then_some(epoch + 1)
        };
        if let Some(epoch) = epoch {
            break (epoch, doomed);
        }
    };
    let early = values(&**storage)?;
    let fenced = if care.fences { fence_all(&**storage, epoch, care)? } else { values(&**storage)? };
    let roots = if care.reads_roots_last { fenced } else { early };
    let roots = roots.iter().filter_map(Target::object).map(|(kind, id)| Link::Object(kind, id));
    let mut needed = HashSet::new();
    graph::walk(&store, roots, &mut |link| {
        if let Link::Object(kind, id) = link {
            needed.insert((EntryKind::Object(kind).number(), id));
        }
    })?;
    let wanted = |kind: EntryKind, id: &_| needed.contains(&(kind.number(), *id));
    let names: HashSet<PackName> = doomed.iter().copied().collect();
    store.rewrite(&names, &wanted, &Silent).map_err(|error| RefError::Upload(error.into()))?;
    for name in doomed {
        storage.remove(&name.key())?;
    }
    refs::prune_marks(&**storage, epoch)
}

fn values(storage: &dyn Storage) -> Result<Vec<Target>, RefError> {
    let values = refs::list_all(storage, Family::Heads)?.into_iter();
    Ok(values.map(|(_, entry)| entry.target).collect())
}

/// Fences every branch, and says what it has.
fn fence_all(storage: &dyn Storage, epoch: u64, care: Care) -> Result<Vec<Target>, RefError> {
    let mut values = Vec::new();
    for name in refs::names(storage, Family::Heads)? {
        let name = Ref { family: Family::Heads, name };
        if care.checks_fence {
            values.push(refs::fence(storage, &name, epoch, &by("gc"))?.1.target);
            continue;
        }
        while let Some((number, last)) = refs::read(storage, &name)? {
            let fence = next(&last, last.target, epoch)?;
            if last.epoch >= epoch || put(storage, &name, number + 1, &fence)? {
                values.push(last.target);
                break;
            }
        }
    }
    Ok(values)
}

fn next(last: &Entry, target: Target, epoch: u64) -> Result<Entry, RefError> {
    let recent = std::iter::once(last.nonce).chain(last.recent.iter().copied()).take(8).collect();
    Ok(Entry { target, previous: Some(last.target), nonce: random()?, recent, epoch, ..last.clone() })
}

fn key_of(name: &Ref, number: u64) -> Key {
    Key::new(&format!("refs/heads/{}/{number}", name.name)).unwrap()
}

fn put(storage: &dyn Storage, name: &Ref, number: u64, entry: &Entry) -> Result<bool, RefError> {
    Ok(storage.create(&key_of(name, number), &encoding::to_bytes(entry))? == Created::Created)
}

/// What a writer does right.
#[derive(Clone, Copy)]
pub(super) struct Habits {
    pub(super) births: bool,
    pub(super) reads_ref_first: bool,
    pub(super) trusts_nobody: bool,
}

pub(super) const GOOD: Habits = Habits { births: true, reads_ref_first: true, trusts_nobody: true };

pub(super) fn writer(
    name: &'static str,
    commits: &Commits,
    log: &'static str,
    base: Option<CommitId>,
    commit: CommitId,
    habits: Habits,
) -> Actor {
    let commits = commits.clone();
    let to = branch(log.strip_prefix("refs/heads/").unwrap());
    let write = move |storage| match write(&storage, &commits, &to, (base, commit), habits) {
        Ok(end) => end,
        Err(error) => ended(Err(error)),
    };
    Actor::new(name, write).claiming(log, commit)
}

fn write(
    storage: &Arc<dyn Storage>,
    commits: &Commits,
    name: &Ref,
    (base, commit): (Option<CommitId>, CommitId),
    habits: Habits,
) -> Result<End, RefError> {
    let store = Store::open(storage.clone(), None);
    let new = if habits.trusts_nobody { commits.new_in(commit, base) } else { Vec::new() };
    if habits.births {
        refs::stand(&**storage, name, &by(""))?;
    }
    let prepare = || {
        let (epoch, doomed) = match refs::mark(&**storage)? {
            Some((epoch, mark)) => (epoch, mark.doomed.into_iter().collect()),
            None => (0, Doomed::default()),
        };
        upload(commits, &new, &store, &doomed)?;
        Ok::<_, RefError>(epoch)
    };
    for _ in 0..4 {
        let early = if habits.reads_ref_first { None } else { Some(prepare()?) };
        let last = refs::read(&**storage, name)?;
        let at = last.as_ref().and_then(|(_, last)| last.target.object());
        match at.map(|(_, id)| CommitId::from(id)) {
            at if at == base => {}
            Some(at) if ancestry(commits)(commit, at)? => return Ok(End::Done),
            _ => return Ok(End::Lost),
        }
        let epoch = early.map_or_else(prepare, Ok)?;
        let (number, entry) = match &last {
            Some((number, last)) => (number + 1, next(last, Target::Commit(commit), epoch)?),
            None => {
                let (_, like) = refs::read(&**storage, &branch("main"))?.unwrap();
                let target = Target::Commit(commit);
                (0, Entry { target, previous: None, nonce: random()?, recent: Vec::new(), epoch, ..like })
            }
        };
        let created = put(&**storage, name, number, &entry)?;
        let value = refs::read(&**storage, name)?;
        if created && value.is_some_and(|(highest, _)| highest == number) {
            return Ok(End::Done);
        }
    }
    Ok(End::Failed("it was fenced again and again".into()))
}

/// What a writer does not look at, however it asks.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Blindness {
    /// What it created is the highest entry of its log.
    AfterCreate,
    /// What it read is the highest still.
    AfterRead,
}

/// A storage that hides what a missing step would have seen.
pub(super) struct Blind {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) blindness: Blindness,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    created: Option<Key>,
    opened: bool,
    listed: Vec<Listed>,
}

pub(super) fn blind(actor: Actor, blindness: Blindness) -> Actor {
    let act = actor.act;
    let act = move |storage| act(Arc::new(Blind { storage, blindness, seen: Mutex::default() }));
    Actor { act: Box::new(act), ..actor }
}

impl Storage for Blind {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        let created = self.storage.create(key, bytes)?;
        let is_mine = created == Created::Created && self.blindness == Blindness::AfterCreate;
        self.seen.lock().unwrap().created = is_mine.then(|| key.clone());
        Ok(created)
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        self.storage.draft()
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        let body = self.storage.open(key)?;
        let is_entry = body.is_some() && key.as_str().starts_with("refs/heads");
        self.seen.lock().unwrap().opened = is_entry && self.blindness == Blindness::AfterRead;
        Ok(body)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        let mut seen = self.seen.lock().unwrap();
        if let Some(key) = seen.created.take().filter(|key| key.as_str().starts_with(prefix)) {
            return Ok(vec![Listed { key, size: 0 }]);
        }
        if std::mem::take(&mut seen.opened) {
            return Ok(seen.listed.clone());
        }
        let listed = self.storage.list(prefix)?;
        seen.listed = listed.clone();
        Ok(listed)
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        self.storage.remove(key)
    }
}

/// What a compaction does right.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Gathering {
    Careful,
    /// It removes what it copied, and nobody else knows.
    WithoutMark,
    /// It takes the mark of somebody who made one since for its own.
    UnderAnyMark,
}

/// Copies one pack whole, and removes it.
pub(super) fn gatherer(name: &'static str, pack: PackName, how: Gathering) -> Actor {
    Actor::new(name, move |storage| match gather(&storage, pack, how) {
        // Somebody else removed it: it is left to the next one.
        Ok(()) | Err(RefError::Upload(_)) => End::Done,
        Err(error) => ended(Err(error)),
    })
}

fn gather(storage: &Arc<dyn Storage>, pack: PackName, how: Gathering) -> Result<(), RefError> {
    let store = Store::open(storage.clone(), None);
    let before = refs::mark(&**storage)?;
    let listed = storage.list("packs")?;
    let is_listed = |key: &str| listed.iter().any(|listed| listed.key.as_str() == key);
    let is_open = before.as_ref().is_some_and(|(_, mark)| mark.doomed.iter().any(|key| is_listed(key)));
    if is_open || !is_listed(&pack.to_string()) {
        return Ok(());
    }
    let packs = HashSet::from([pack]);
    store.carry(&packs).map_err(|error| RefError::Upload(error.into()))?;
    let last = if how == Gathering::UnderAnyMark { refs::mark(&**storage)? } else { before };
    let epoch = last.map_or(0, |(epoch, _)| epoch);
    if how != Gathering::WithoutMark
        && refs::publish_mark(&**storage, epoch, vec![pack.to_string()], &by("compaction"))?.is_none()
    {
        return Ok(());
    }
    storage.remove(&pack.key()).map_err(RefError::from)
}
