//! What must hold in every state, whoever sleeps or is dead:
//!
//! 1. what was acknowledged is an ancestor of every later value, or the run's end;
//! 2. everything reachable from a value, or from an entry before it, is in some pack, and has its id;
//! 3. "lost" means that the commit is not there, and "unknown" is said only where a reply was lost;
//! 4. nobody fails where no reply was lost.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::rc::Rc;
use std::sync::Arc;

use super::steps::{Blob, Names, World};
use super::{Actor, End};
use crate::id::{CommitId, Digest, Kind, RunsId};
use crate::object::{self, Find, FindContent, Link, links};
use crate::refs::{Entry, Target};
use crate::storage::{Memory, Storage};
use crate::store::Store;

/// What an actor says of a ref when it is done.
#[derive(Clone, Debug)]
pub(in crate::sync) struct Claim {
    pub(super) log: &'static str,
    pub(super) commit: CommitId,
}

/// What is in a pack, read and verified.
struct Contents {
    has: HashSet<(u8, Digest)>,
}

/// What a world says.
struct Facts {
    values: BTreeMap<String, Target>,
    packed: BTreeMap<String, CommitId>,
    problem: Option<String>,
}

/// Knows every pack and object that it ever saw.
#[derive(Default)]
pub(super) struct Checker {
    /// Whether only values count, and not the entries before them.
    values_only: bool,
    packs: HashMap<u64, Rc<Contents>>,
    links: HashMap<(Kind, Digest), Rc<Vec<Link>>>,
    batches: HashMap<Digest, object::Runs>,
    entries: HashMap<u64, Entry>,
    facts: HashMap<u64, Rc<Facts>>,
}

const CONTENT: u8 = 1;

fn item(link: &Link) -> Option<(u8, Digest)> {
    match link {
        Link::Object(kind, id) => Some((*kind as u8, *id)),
        Link::Content(id, size) => (*size > 0).then_some((CONTENT, id.digest())),
        Link::Unstored(_) => None,
    }
}

/// Whether the log of a run means nothing beside a batch: it says the same, or is what a removed one left.
fn is_over(entries: &[Entry], commit: CommitId, packs: &[Rc<Contents>]) -> bool {
    let is_whole = entries.last().is_some_and(|first| first.recent.is_empty());
    match entries[0].target {
        Target::Finished(own) => own == commit,
        Target::Commit(own) if is_whole => {
            !packs.iter().any(|pack| pack.has.contains(&(Kind::Commit as u8, own.digest())))
        }
        _ => true,
    }
}

impl Checker {
    /// One that asks for what values need, and for nothing of before.
    pub(super) fn of_values() -> Self {
        Self { values_only: true, ..Self::default() }
    }

    pub(super) fn check<'a>(
        &mut self,
        names: &Names,
        world: &World,
        ends: impl Iterator<Item = (&'a Actor, Option<&'a End>, bool)>,
    ) -> Result<(), String> {
        let facts = self.facts(names, world);
        if let Some(problem) = &facts.problem {
            return Err(problem.clone());
        }
        for (actor, end, failed) in ends {
            let there = |claim: &Claim| self.is_there(&facts, claim);
            let fine = match (end, &actor.claim) {
                (Some(End::Done), Some(claim)) => there(claim),
                (Some(End::Lost), Some(claim)) => !there(claim),
                (Some(End::Unknown | End::Failed(_)), _) => failed,
                _ => true,
            };
            if !fine {
                return Err(format!("{} ends: {end:?}, and that is not so", actor.name));
            }
        }
        Ok(())
    }

    /// Forgets worlds, for others whose names are new.
    pub(super) fn begin(&mut self) {
        self.facts.clear();
        if self.packs.len() > 10_000 {
            self.packs.clear();
            self.entries.clear();
        }
    }

    fn is_there(&self, facts: &Facts, claim: &Claim) -> bool {
        if let Some(Target::Finished(commit)) = facts.values.get(claim.log) {
            return *commit == claim.commit;
        }
        if let Some(run) = claim.log.strip_prefix("refs/runs/")
            && let Some(commit) = facts.packed.get(run)
        {
            return *commit == claim.commit;
        }
        let value = facts.values.get(claim.log).and_then(Target::object);
        value.is_some_and(|(kind, id)| {
            self.reach([Link::Object(kind, id)]).contains(&(Kind::Commit as u8, claim.commit.digest()))
        })
    }

    fn facts(&mut self, names: &Names, world: &World) -> Rc<Facts> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(world);
        if let Some(facts) = self.facts.get(&hash) {
            return facts.clone();
        }
        let facts = Rc::new(self.look(names, world));
        self.facts.insert(hash, facts.clone());
        facts
    }

    fn look(&mut self, names: &Names, world: &World) -> Facts {
        let packs: Vec<Rc<Contents>> = world
            .below(names, "packs")
            .into_iter()
            .map(|(key, blob)| self.pack(key.as_str(), blob))
            .collect();
        let logs = self.logs(names, world);
        let value = |(log, entries): (&String, &Vec<Entry>)| Some((log.clone(), entries.first()?.target));
        let values: BTreeMap<String, Target> = logs.iter().filter_map(value).collect();
        let packed = self.packed(values.values());
        let mut problem = None;
        for (log, entries) in &logs {
            let line = log.strip_prefix("refs/runs/").and_then(|run| packed.get(run));
            if line.is_some_and(|commit| is_over(entries, *commit, &packs)) {
                continue;
            }
            let counting = if self.values_only { &entries[..1] } else { &entries[..] };
            let roots = counting.iter().filter_map(|entry| entry.target.object());
            let reached = self.reach(roots.map(|(kind, id)| Link::Object(kind, id)));
            let missing = reached.iter().find(|item| !packs.iter().any(|pack| pack.has.contains(item)));
            if let Some((kind, id)) = missing {
                problem = Some(format!("{log} needs {kind} {id}, which is in no pack"));
            }
        }
        Facts { values, packed, problem }
    }

    /// Entries of logs that are vouched for, newest first.
    fn logs(&mut self, names: &Names, world: &World) -> BTreeMap<String, Vec<Entry>> {
        let mut logs: BTreeMap<String, Vec<(u64, Entry)>> = BTreeMap::new();
        for (key, blob) in world.below(names, "refs") {
            let (log, number) = key.as_str().rsplit_once('/').unwrap();
            let entry = self.entries.entry(blob.mark);
            let entry = entry.or_insert_with(|| Entry::from_bytes(&blob.bytes).unwrap()).clone();
            logs.entry(log.to_owned()).or_default().push((number.parse().unwrap(), entry));
        }
        let vouched = |mut entries: Vec<(u64, Entry)>| {
            entries.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
            let gap = entries.windows(2).position(|pair| pair[0].1.recent.first() != Some(&pair[1].1.nonce));
            entries.truncate(gap.map_or(entries.len(), |at| at + 1));
            entries.into_iter().map(|(_, entry)| entry).collect()
        };
        logs.into_iter().map(|(log, entries)| (log, vouched(entries))).collect()
    }

    fn packed<'a>(&self, values: impl Iterator<Item = &'a Target>) -> BTreeMap<String, CommitId> {
        let batch = |target: &Target| if let Target::Runs(id) = target { Some(*id) } else { None };
        let (mut open, mut packed): (Vec<RunsId>, _) = (values.filter_map(batch).collect(), BTreeMap::new());
        open.reverse();
        while let Some(id) = open.pop() {
            let Some(batch) = self.batches.get(&id.digest()) else { continue };
            for (id, commit) in &batch.runs {
                packed.entry(id.to_string()).or_insert(*commit);
            }
            open.extend(batch.batches.iter().rev());
        }
        packed
    }

    /// Everything below these, as far as it was ever seen.
    fn reach(&self, roots: impl IntoIterator<Item = Link>) -> HashSet<(u8, Digest)> {
        let (mut reached, mut open) = (HashSet::new(), roots.into_iter().collect::<Vec<_>>());
        while let Some(link) = open.pop() {
            let Some(item) = item(&link) else { continue };
            if let (true, Link::Object(kind, id)) = (reached.insert(item), link)
                && let Some(links) = self.links.get(&(kind, id))
            {
                open.extend(links.iter().copied());
            }
        }
        reached
    }

    /// Reads a pack, and everything in it, against its id.
    fn pack(&mut self, key: &str, blob: &Blob) -> Rc<Contents> {
        if let Some(contents) = self.packs.get(&blob.mark) {
            return contents.clone();
        }
        let memory = Memory::new();
        memory.create(&crate::storage::Key::new(key).unwrap(), &blob.bytes).unwrap();
        let store = Store::open(Arc::new(memory), None);
        let mut has = HashSet::new();
        let mut see = |_, entry: crate::store::layout::Entry| {
            has.insert((entry.kind.number(), entry.id));
        };
        store.each_entry(&mut see).unwrap();
        for (kind, id) in &has {
            let Some(kind) = Kind::ALL.into_iter().find(|other| *other as u8 == *kind) else {
                assert_eq!(*kind, CONTENT, "contents are small here");
                store.content((*id).into(), u64::MAX).unwrap();
                continue;
            };
            let (bytes, mut below) = (store.find(kind, *id).unwrap().unwrap(), Vec::new());
            links(kind, *id, &bytes, &mut |link| below.push(link)).unwrap();
            self.links.insert((kind, *id), Rc::new(below));
            if kind == Kind::Runs {
                self.batches.insert(*id, object::parse(&bytes, (*id).into()).unwrap());
            }
        }
        let contents = Rc::new(Contents { has });
        self.packs.insert(blob.mark, contents.clone());
        contents
    }

    /// How many entries of packs nothing needs, or are there twice.
    pub(super) fn garbage(&mut self, names: &Names, world: &World) -> usize {
        let mut roots = Vec::new();
        for entries in self.logs(names, world).values() {
            roots.extend(entries.iter().filter_map(|entry| entry.target.object()));
        }
        let mut needed = self.reach(roots.into_iter().map(|(kind, id)| Link::Object(kind, id)));
        let packs = world.below(names, "packs").into_iter();
        let packs: Vec<_> = packs.map(|(key, blob)| self.pack(key.as_str(), blob)).collect();
        packs.iter().flat_map(|pack| &pack.has).filter(|item| !needed.remove(item)).count()
    }
}
