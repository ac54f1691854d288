//! Sending what is here to a remote, and moving its refs.
//!
//! A branch there is only ever moved forward, or deleted, which its history outlives. Of many finished runs one batch
//! is made, since a ref for each would cost a few requests each.

use std::collections::BTreeMap;

use crate::graph;
use crate::id::{CommitId, Kind, TagId};
use crate::name::{RefName, RunId};
use crate::object::{self, Find, Link, Memory, ObjectError, Overlay, Runs};
use crate::progress::Progress;
use crate::refs::{self, Advanced, Family, Footing, Move, Moving, Ref, RefError, Survey, Target};
use crate::storage::StorageError;
use crate::sync::supply::{DataPolicy, Supplied, Supply};
use crate::sync::{FEW_RUNS, Local, Remote, SyncError, unwrapped};

/// Runs in one batch at most.
const BATCH: usize = 50_000;

/// So few refs are moved each for itself.
const FEW_REFS: usize = 8;

/// What is to be pushed.
#[derive(Clone, Debug, Default)]
pub struct PushRequest {
    /// Branches, by their names there.
    pub heads: Vec<(RefName, CommitId)>,
    /// Tags.
    pub tags: Vec<(RefName, TagId)>,
    /// Runs.
    pub runs: Vec<RunTip>,
    /// Branches and tags that are to be deleted there. Their history stays, and what it names.
    pub deletions: Vec<Deletion>,
    /// Which data goes with them.
    pub data: DataPolicy,
}

/// A branch or tag that is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Its name.
    pub name: RefName,
    /// Which of both it is; whichever there is, if it is not said.
    pub family: Option<Family>,
}

/// A run, as far as it has come.
#[derive(Clone, Debug)]
pub struct RunTip {
    /// The run.
    pub id: RunId,
    /// Its last commit.
    pub commit: CommitId,
    /// Whether that has its outcome.
    pub finished: bool,
}

impl RunTip {
    fn target(&self) -> Target {
        if self.finished { Target::Finished(self.commit) } else { Target::Commit(self.commit) }
    }
}

/// What became of a ref that was pushed.
#[derive(Debug)]
pub enum Fate {
    /// It was moved.
    Done,
    /// There was nothing to do.
    UpToDate,
    /// It has commits that would be lost.
    Behind,
    /// A tag of this name is there, and is another one.
    Taken,
    /// It is checked out there: files and branch would no longer agree.
    CheckedOut,
    /// It was to be deleted, and no branch or tag of this name ever was there.
    Absent,
    /// It was to be deleted, and a branch and a tag of this name are there, or were.
    Ambiguous,
    /// Somebody else moved it first.
    Lost,
    /// It may have been moved: the remote could not be reached any more.
    Unknown(StorageError),
}

/// A ref that was pushed.
#[derive(Debug)]
pub struct PushedRef {
    /// Its name there.
    pub name: Ref,
    /// What it pointed to before.
    pub from: Option<Target>,
    /// What it points to now, or should.
    pub to: Target,
    /// What became of it.
    pub fate: Fate,
}

/// What a push did.
#[derive(Debug, Default)]
pub struct Pushed {
    /// Every ref but those of runs.
    pub refs: Vec<PushedRef>,
    /// Runs that are there now and were not before, or not to their end.
    pub runs: u64,
    /// Objects that were sent.
    pub objects: u64,
    /// Bytes that were sent.
    pub bytes: u64,
}

/// Pushes branches, tags and runs, each on its own: what cannot be moved is told of and does not hold up the others.
/// An error means that the push could not go on; what was moved before stays so.
pub fn push(
    local: Local<'_>,
    remote: &Remote,
    request: &PushRequest,
    by: &Move,
    progress: &dyn Progress,
) -> Result<Pushed, SyncError> {
    let survey = remote.survey()?;
    let (data, own, found, done) = (request.data, Memory::default(), Vec::new(), Pushed::default());
    let mut push = Push { local, remote, survey, by, data, progress, own, found, done };
    let moves_heads = !request.heads.is_empty() || !request.deletions.is_empty();
    let checked_out = if moves_heads { remote.checked_out()? } else { None };
    push.heads(&request.heads, checked_out.as_ref())?;
    for deletion in &request.deletions {
        push.delete(deletion, checked_out.as_ref() == Some(&deletion.name))?;
    }
    push.tags(&request.tags)?;
    push.runs(&request.runs)?;
    refs::settle(&*remote.storage, &push.found)?;
    Ok(push.done)
}

/// What became of a ref, from how its move ended.
fn fate(moved: Result<Advanced, RefError>) -> Result<Fate, SyncError> {
    match moved {
        Ok(Advanced::Done) => Ok(Fate::Done),
        Ok(Advanced::Lost(_)) => Ok(Fate::Lost),
        Err(RefError::Unknown { source, .. }) => Ok(Fate::Unknown(source)),
        Err(error) => Err(unwrapped(error)),
    }
}

/// A push under way.
struct Push<'a> {
    local: Local<'a>,
    remote: &'a Remote,
    survey: Survey,
    by: &'a Move,
    data: DataPolicy,
    progress: &'a dyn Progress,
    /// Batches that are in no store yet.
    own: Memory,
    /// Refs that had been moved before.
    found: Vec<Ref>,
    done: Pushed,
}

impl Push<'_> {
    fn value(&self, name: &Ref) -> Option<Target> {
        self.survey.get(name).map(|(_, entry)| entry.target).filter(Target::exists)
    }

    fn heads(
        &mut self,
        heads: &[(RefName, CommitId)],
        checked_out: Option<&RefName>,
    ) -> Result<(), SyncError> {
        let mut moves = Vec::new();
        for (name, commit) in heads {
            let (from, fate) = self.head(name, *commit, checked_out == Some(name))?;
            let name = Ref { family: Family::Heads, name: name.clone() };
            moves.push((name, from, Target::Commit(*commit), fate));
        }
        self.advance_each(moves)
    }

    /// What a branch points to there, and what becomes of it, unless it is to be moved.
    fn head(
        &mut self,
        name: &RefName,
        commit: CommitId,
        checked_out: bool,
    ) -> Result<(Option<Target>, Option<Fate>), SyncError> {
        let name = Ref { family: Family::Heads, name: name.clone() };
        let (from, to) = (self.value(&name), Target::Commit(commit));
        let fate = match from {
            // What comes after a base is found near it; that something does not takes the whole history.
            Some(Target::Commit(there)) if there == commit => Some(self.again(&name, to)?),
            Some(Target::Commit(there)) if self.is_ancestor(there, commit)? => None,
            Some(Target::Commit(there)) if self.is_ancestor(commit, there)? => Some(self.again(&name, to)?),
            Some(Target::Commit(_)) => Some(Fate::Behind),
            _ => None,
        };
        Ok((from, fate.or(checked_out.then_some(Fate::CheckedOut))))
    }

    fn tags(&mut self, tags: &[(RefName, TagId)]) -> Result<(), SyncError> {
        let tag = |(name, tag): &(RefName, TagId)| {
            let name = Ref { family: Family::Tags, name: name.clone() };
            (self.value(&name), name, Target::Tag(*tag))
        };
        let tags: Vec<(Option<Target>, Ref, Target)> = tags.iter().map(tag).collect();
        let mut moves = Vec::new();
        for (from, name, to) in tags {
            let fate = match from {
                Some(there) if there == to => Some(self.again(&name, to)?),
                Some(_) => Some(Fate::Taken),
                None => None,
            };
            moves.push((name, from, to, fate));
        }
        self.advance_each(moves)
    }

    /// Moves those refs whose fate is open, and tells of all of them in their order.
    fn advance_each(
        &mut self,
        moves: Vec<(Ref, Option<Target>, Target, Option<Fate>)>,
    ) -> Result<(), SyncError> {
        let open = moves.iter().filter(|(.., fate)| fate.is_none());
        let open: Vec<_> = open.map(|(name, from, to, _)| (name.clone(), *from, *to)).collect();
        let mut fates = self.advance_many(open)?.into_iter();
        for (name, from, to, fate) in moves {
            // Each open one has got its fate; without one, nothing is known of it.
            let Some(fate) = fate.or_else(|| fates.next()) else { continue };
            self.done.refs.push(PushedRef { name, from, to, fate });
        }
        Ok(())
    }

    /// Deletes a branch or tag. One that is gone counts too: the same once more deletes nothing else.
    fn delete(&mut self, deletion: &Deletion, checked_out: bool) -> Result<(), SyncError> {
        let of = |family| Ref { family, name: deletion.name.clone() };
        let is_meant = |family: &Family| deletion.family.is_none_or(|meant| meant == *family);
        let names = [Family::Heads, Family::Tags].into_iter().filter(is_meant).map(of);
        let names: Vec<Ref> = names.filter(|name| self.survey.contains_key(name)).collect();
        let name = names.first().cloned().unwrap_or_else(|| of(deletion.family.unwrap_or(Family::Heads)));
        let (from, to) = (self.value(&name), Target::Deleted);
        let fate = match from {
            _ if names.is_empty() => Fate::Absent,
            _ if names.len() > 1 => Fate::Ambiguous,
            None => {
                self.found.push(name.clone());
                Fate::UpToDate
            }
            Some(_) if checked_out && name.family == Family::Heads => Fate::CheckedOut,
            Some(_) => self.advance(&name, from, to)?,
        };
        self.done.refs.push(PushedRef { name, from, to, fate });
        Ok(())
    }

    /// A ref that need not move may lack data all the same, which was left out when it was pushed.
    fn again(&mut self, name: &Ref, to: Target) -> Result<Fate, SyncError> {
        self.found.push(name.clone());
        if self.data == DataPolicy::All {
            let (_, doomed) = refs::doomed(&*self.remote.storage)?;
            let supplied = self.supply(&[to], &[], &doomed)?;
            self.count(supplied);
        }
        Ok(Fate::UpToDate)
    }

    fn runs(&mut self, runs: &[RunTip]) -> Result<(), SyncError> {
        if runs.is_empty() {
            return Ok(());
        }
        let (mut batches, mut ids) = (Vec::new(), Vec::new());
        for (name, (_, entry)) in &self.survey {
            if let Target::Runs(id) = entry.target {
                batches.push(name.clone());
                ids.push(id);
            }
        }
        let said = refs::packed_runs(&Overlay(self.local.store, &self.remote.store), ids)?;
        let is_there = |run: &RunTip| said.get(&run.id).is_some_and(|it| !run.finished || *it == run.commit);
        if runs.iter().any(is_there) {
            self.found.append(&mut batches);
        }
        let (mut loose, mut new) = (Vec::new(), BTreeMap::new());
        for run in runs.iter().filter(|run| !is_there(run)) {
            let name = Ref::of_run(&run.id);
            match self.survey.get(&name).map(|(_, entry)| entry.target) {
                Some(target) if target == run.target() => self.found.push(name),
                Some(Target::Finished(_)) if !run.finished => self.found.push(name),
                Some(from @ Target::Finished(_)) => {
                    let (from, to) = (Some(from), run.target());
                    self.done.refs.push(PushedRef { name, from, to, fate: Fate::Taken });
                }
                // Where a batch says something else of it, its own log has to.
                None if run.finished && !said.contains_key(&run.id) => {
                    new.insert(run.id.clone(), run.commit);
                }
                base => loose.push((name, base, run.target())),
            }
        }
        if new.len() <= FEW_RUNS {
            for (id, commit) in std::mem::take(&mut new) {
                loose.push((Ref::of_run(&id), None, Target::Finished(commit)));
            }
        }
        let loose = loose.into_iter().map(|(name, base, to)| (name, base.filter(Target::exists), to));
        let loose: Vec<(Ref, Option<Target>, Target)> = loose.collect();
        let fates = self.advance_many(loose.clone())?;
        for ((name, _, target), fate) in loose.into_iter().zip(fates) {
            self.settle_run(name, target, fate, 1);
        }
        self.batches(new)
    }

    fn batches(&mut self, mut runs: BTreeMap<RunId, CommitId>) -> Result<(), SyncError> {
        while !runs.is_empty() {
            let rest = runs.keys().nth(BATCH).cloned().map(|at| runs.split_off(&at)).unwrap_or_default();
            self.batch(std::mem::replace(&mut runs, rest))?;
        }
        Ok(())
    }

    fn batch(&mut self, runs: BTreeMap<RunId, CommitId>) -> Result<(), SyncError> {
        let count = runs.len() as u64;
        let batch = object::put(&self.own, &Runs { runs, batches: Vec::new() })?;
        let (name, target) = (Ref::of_new_batch(&self.by.when)?, Target::Runs(batch));
        let fate = self.advance(&name, None, target)?;
        self.settle_run(name, target, fate, count);
        Ok(())
    }

    /// Counts runs that arrived; what went wrong is told of.
    fn settle_run(&mut self, name: Ref, to: Target, fate: Fate, count: u64) {
        match fate {
            Fate::Done => self.done.runs += count,
            Fate::UpToDate => {}
            fate => self.done.refs.push(PushedRef { name, from: None, to, fate }),
        }
    }

    /// Moves refs, from where they are and to where they go, and says what became of each. What many need goes together,
    /// from where all of them stand; if one of them cannot be moved, each goes for itself, and it is told when it is its turn.
    fn advance_many(&mut self, moves: Vec<(Ref, Option<Target>, Target)>) -> Result<Vec<Fate>, SyncError> {
        if moves.len() <= FEW_REFS || !self.is_all_here(&moves)? {
            self.send_ahead(&moves)?;
            return moves.into_iter().map(|(name, base, target)| self.advance(&name, base, target)).collect();
        }
        let names: Vec<Ref> = moves.iter().map(|(name, ..)| name.clone()).collect();
        let footings = refs::stand_all(&*self.remote.storage, &names, self.by)?;
        let (_, doomed) = refs::doomed(&*self.remote.storage)?;
        let known: Vec<CommitId> = moves.iter().filter_map(|(_, base, _)| (*base)?.commit()).collect();
        let targets: Vec<Target> = moves.iter().map(|(.., target)| *target).collect();
        let supplied = self.supply(&targets, &known, &doomed)?;
        self.count(supplied);
        let moving = |((name, base, target), footing)| (Moving { name, base, target }, footing);
        let moves: Vec<(Moving, Footing)> = moves.into_iter().zip(footings).map(moving).collect();
        let (this, mut again) = (&*self, Supplied::default());
        let mut upload = |at: usize, now: &Footing| {
            let (Moving { base, target, .. }, footing) = &moves[at];
            if footing.is_as(now) {
                return Ok(());
            }
            // A collection came in between, and may not have seen what was sent.
            let known: Vec<CommitId> = base.and_then(|base| base.commit()).into_iter().collect();
            let more = this.supply(&[*target], &known, &now.doomed);
            again.add(more.map_err(|error| RefError::Upload(error.into()))?);
            Ok(())
        };
        let is_ancestor = |a, b| this.is_ancestor(a, b).map_err(|error| RefError::Upload(error.into()));
        let ends = refs::advance_all(&*self.remote.storage, &moves, self.by, &mut upload, &is_ancestor);
        let find = Overlay(self.local.store, &self.remote.store);
        let fates = moves.iter().zip(ends.map_err(unwrapped)?).map(|((moving, _), end)| {
            fate(refs::or_packed(&*self.remote.storage, &find, (&moving.name, moving.target), end))
        });
        let fates = fates.collect();
        self.count(again);
        fates
    }

    /// Whether all that refs are going to name directly is here.
    fn is_all_here(&self, moves: &[(Ref, Option<Target>, Target)]) -> Result<bool, SyncError> {
        for (kind, id) in moves.iter().filter_map(|(.., target)| target.object()) {
            if !self.local.store.has(kind, id)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sends in few packs what several refs are going to need, given from where they move and where to. Else each
    /// sends a pack of its own, which all after it list. None of them relies on this: each looks again, from its own
    /// footing.
    fn send_ahead(&mut self, moves: &[(Ref, Option<Target>, Target)]) -> Result<(), SyncError> {
        let (bases, targets): (Vec<Option<Target>>, Vec<Target>) =
            moves.iter().map(|(_, base, target)| (*base, *target)).unzip();
        if targets.len() < 2 {
            return Ok(());
        }
        let (_, doomed) = refs::doomed(&*self.remote.storage)?;
        let known: Vec<CommitId> = bases.iter().flatten().filter_map(Target::commit).collect();
        match self.supply(&targets, &known, &doomed) {
            Ok(supplied) => self.count(supplied),
            // One of them cannot be moved, which is told when it is its turn.
            Err(SyncError::NotHere { .. } | SyncError::Object(ObjectError::Missing { .. })) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn advance(&mut self, name: &Ref, base: Option<Target>, target: Target) -> Result<Fate, SyncError> {
        let known: Vec<CommitId> = base.and_then(|base| base.commit()).into_iter().collect();
        let mut supplied = Supplied::default();
        let this = &*self;
        let mut upload = |footing: &Footing| {
            let more = this.supply(&[target], &known, &footing.doomed);
            supplied.add(more.map_err(|error| RefError::Upload(error.into()))?);
            Ok(())
        };
        let is_ancestor = |a, b| this.is_ancestor(a, b).map_err(|error| RefError::Upload(error.into()));
        let storage = &*this.remote.storage;
        let moved = refs::advance(storage, name, base, target, this.by, &mut upload, &is_ancestor);
        self.count(supplied);
        let find = Overlay(self.local.store, &self.remote.store);
        fate(refs::or_packed(storage, &find, (name, target), moved))
    }

    fn count(&mut self, supplied: Supplied) {
        self.done.objects += supplied.objects;
        self.done.bytes += supplied.bytes;
    }

    fn supply(
        &self,
        targets: &[Target],
        known: &[CommitId],
        doomed: &refs::Doomed,
    ) -> Result<Supplied, SyncError> {
        let (from, to, own) = (self.local.store, &self.remote.store, &self.own);
        let (find, data, progress) = (&Overlay(own, from), self.data, self.progress);
        let supply = Supply { from, to, find, own, data, progress, is_foreign: false };
        let objects = targets.iter().filter_map(Target::object);
        let tips: Vec<Link> = objects.map(|(kind, id)| Link::Object(kind, id)).collect();
        if tips.is_empty() {
            return Ok(Supplied::default());
        }
        let others = || self.others();
        supply.supply(&tips, known, &others, doomed)
    }

    /// The tips of the branches there, if nobody moved them since they were looked at.
    fn others(&self) -> Result<Vec<CommitId>, SyncError> {
        if !refs::is_current(&*self.remote.storage, Family::Heads, &self.survey)? {
            return Ok(Vec::new());
        }
        let heads = self.survey.iter().filter(|(name, _)| name.family == Family::Heads);
        Ok(heads.filter_map(|(_, (_, entry))| entry.target.commit()).collect())
    }

    /// Whether a commit is another or comes before it. Of what is not here, nothing is known.
    fn is_ancestor(&self, a: CommitId, b: CommitId) -> Result<bool, SyncError> {
        let store = self.local.store;
        let here = |id: CommitId| store.has(Kind::Commit, id.digest());
        Ok(here(a)? && here(b)? && graph::is_ancestor(store, a, b)?)
    }
}
