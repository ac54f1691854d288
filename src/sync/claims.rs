//! What a remote says of runs, judged before any of it is kept.
//!
//! Whoever can write to a remote can say anything there of any run. What is known here stays: the log of a run, what a
//! batch has that is here, and a run that was begun here and goes on. A line that says otherwise is set aside, and
//! told of. Of what is new, the log of a run there counts for more than a batch there, and of two batches the first.

use std::collections::{BTreeMap, btree_map};

use crate::id::{CommitId, RunsId};
use crate::name::RunId;
use crate::object::{Commit, Find};
use crate::refs::{self, Family, Logged, Ref, RefError, Target};
use crate::sync::Local;

/// What the entries that a fetch makes say of why, before the remote's name.
pub(super) const FETCHED: &str = "fetch: ";

/// Something that a remote says of a run, and that was not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The run.
    pub run: RunId,
    /// What it is said to have come to.
    pub commit: CommitId,
    /// Why it was not believed.
    pub reason: Distrust,
}

/// Why something that a remote says was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// The run was begun here, and has no end here.
    BegunHere,
    /// Something else is known here.
    Differs,
    /// The remote itself says something else.
    Contradicts,
    /// The commit does not record this run, or not how it ended.
    NotOfRun,
}

/// What is known here of a run.
enum Here {
    Nothing,
    Ended(CommitId),
    Begun { commit: CommitId, is_own: bool },
}

/// Something new that the remote says of a run.
struct Claim {
    /// How far it has come here.
    base: Option<CommitId>,
    target: Target,
    /// The batch that says so; else the run's log.
    batch: Option<usize>,
}

/// A batch there.
struct Batch {
    name: Ref,
    id: RunsId,
    /// Whether all that it says can be taken as it is.
    is_whole: bool,
}

/// A ref of runs that is going to be moved.
pub(super) struct Accepted {
    pub(super) name: Ref,
    pub(super) base: Option<Target>,
    pub(super) target: Target,
}

/// What a remote says of runs, as far as it is new here.
pub(super) struct Claims<'a> {
    local: Local<'a>,
    here: refs::Runs,
    runs: BTreeMap<RunId, Claim>,
    /// Lines of batches about runs of which the remote has a log that has no end.
    ends: Vec<(RunId, CommitId, usize)>,
    batches: Vec<Batch>,
    aside: Vec<SetAside>,
    /// Refs here that say something of these runs: whoever moved them may have been stopped before that was durable.
    found: Vec<Ref>,
    /// Whether batches here do.
    is_packed: bool,
}

impl<'a> Claims<'a> {
    pub(super) fn new(local: Local<'a>) -> Result<Self, RefError> {
        let here = refs::runs(local.storage, local.store)?;
        let (runs, ends, batches, aside, found) = Default::default();
        Ok(Self { local, here, runs, ends, batches, aside, found, is_packed: false })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The refs here that are relied on.
    pub(super) fn found(&self) -> Result<Vec<Ref>, RefError> {
        let mut found = self.found.clone();
        if self.is_packed {
            let batches = refs::names(self.local.storage, Family::Batches)?.into_iter();
            found.extend(batches.map(|name| Ref { family: Family::Batches, name }));
        }
        Ok(found)
    }

    /// The log of a run there. Logs come before batches.
    pub(super) fn log(&mut self, id: RunId, target: Target) -> Result<(), RefError> {
        let Some(commit) = target.commit() else { return Ok(()) };
        let claim = |base| Claim { base, target, batch: None };
        match (self.known(&id)?, target.is_terminal()) {
            (Here::Ended(own), true) if own != commit => self.set_aside(id, commit, Distrust::Differs),
            // It may have come less far there.
            (Here::Ended(_), _) => {}
            (Here::Begun { commit: own, .. }, false) if own == commit => {}
            (Here::Begun { is_own: true, .. }, _) => self.set_aside(id, commit, Distrust::BegunHere),
            (Here::Begun { commit: own, .. }, _) => drop(self.runs.insert(id, claim(Some(own)))),
            (Here::Nothing, _) => drop(self.runs.insert(id, claim(None))),
        }
        Ok(())
    }

    /// A batch there, with what it names.
    pub(super) fn batch(&mut self, name: Ref, id: RunsId, find: &dyn Find) -> Result<(), RefError> {
        let value = refs::read(self.local.storage, &name)?.map(|(_, entry)| entry.target);
        if value == Some(Target::Runs(id)) {
            self.found.push(name);
            return Ok(());
        }
        let is_whole = !value.is_some_and(|value| value.exists());
        self.batches.push(Batch { name, id, is_whole });
        let at = self.batches.len() - 1;
        let mut lines = Vec::new();
        refs::each_batch(find, [id], &mut |batch| lines.extend(batch.runs))?;
        lines.into_iter().try_for_each(|(id, commit)| self.line(id, commit, at))
    }

    fn line(&mut self, id: RunId, commit: CommitId, batch: usize) -> Result<(), RefError> {
        if let Some(claim) = self.runs.get(&id) {
            match (claim.target, claim.batch) {
                (Target::Commit(_), _) => self.ends.push((id, commit, batch)),
                (target, _) if target.commit() == Some(commit) => {}
                _ => self.set_aside_line(id, commit, batch, Distrust::Contradicts),
            }
            return Ok(());
        }
        match self.known(&id)? {
            Here::Ended(own) if own == commit => {}
            Here::Ended(_) => self.set_aside_line(id, commit, batch, Distrust::Differs),
            Here::Begun { is_own: true, .. } => self.set_aside_line(id, commit, batch, Distrust::BegunHere),
            Here::Begun { commit: own, .. } => {
                // The end of what was fetched before goes where that is.
                self.batches[batch].is_whole = false;
                self.runs
                    .insert(id, Claim { base: Some(own), target: Target::Finished(commit), batch: None });
            }
            Here::Nothing => {
                let claim = Claim { base: None, target: Target::Finished(commit), batch: Some(batch) };
                self.runs.insert(id, claim);
            }
        }
        Ok(())
    }

    fn known(&mut self, id: &RunId) -> Result<Here, RefError> {
        if self.here.packed(id).is_none() && self.here.has_log(id) {
            if let Some(log) = refs::log(self.local.storage, &Ref::of_run(id))? {
                self.found.push(log.name.clone());
                return Ok(match log.value() {
                    Target::Finished(commit) => Here::Ended(commit),
                    Target::Commit(commit) => Here::Begun { commit, is_own: !is_fetched(&log) },
                    _ => Here::Nothing,
                });
            }
            // It ended meanwhile, and a collection has moved it to a batch.
            self.here = refs::runs(self.local.storage, self.local.store)?;
        }
        let packed = self.here.packed(id);
        self.is_packed |= packed.is_some();
        Ok(packed.map_or(Here::Nothing, Here::Ended))
    }

    fn set_aside(&mut self, run: RunId, commit: CommitId, reason: Distrust) {
        self.aside.push(SetAside { run, commit, reason });
    }

    fn set_aside_line(&mut self, run: RunId, commit: CommitId, batch: usize, reason: Distrust) {
        self.batches[batch].is_whole = false;
        self.set_aside(run, commit, reason);
    }

    /// What is believed, now that the metadata is here: what is not, is told as well.
    pub(super) fn accept(mut self) -> Result<(Vec<Accepted>, Vec<SetAside>), RefError> {
        for (id, claim) in std::mem::take(&mut self.runs) {
            match self.distrust(&id, &claim)? {
                None => drop(self.runs.insert(id, claim)),
                Some(reason) => {
                    // What points nowhere was never a claim.
                    let Some(commit) = claim.target.commit() else { continue };
                    match claim.batch {
                        Some(batch) => self.set_aside_line(id, commit, batch, reason),
                        None => self.set_aside(id, commit, reason),
                    }
                }
            }
        }
        self.end()?;
        let mut accepted = Vec::new();
        let mut is_new = vec![false; self.batches.len()];
        for (id, Claim { base, target, batch }) in self.runs {
            match batch.filter(|batch| self.batches[*batch].is_whole) {
                Some(batch) => is_new[batch] = true,
                None => {
                    let (name, base) = (Ref::of_run(&id), base.map(Target::Commit));
                    accepted.push(Accepted { name, base, target });
                }
            }
        }
        let whole = self.batches.into_iter().zip(is_new).filter(|(_, is_new)| *is_new);
        accepted.extend(whole.map(|(batch, _)| Accepted {
            name: batch.name,
            base: None,
            target: Target::Runs(batch.id),
        }));
        Ok((accepted, self.aside))
    }

    /// Takes from batches the ends of runs of which the remote has no more than the beginning.
    fn end(&mut self) -> Result<(), RefError> {
        for (id, commit, batch) in std::mem::take(&mut self.ends) {
            let begun = self.runs.get(&id).and_then(|claim| claim.target.commit());
            let begun = begun.map(|begun| refs::found(self.local.store, begun)).transpose()?.flatten();
            let ended = refs::found(self.local.store, commit)?;
            let is_end =
                matches!((&begun, &ended), (Some(begun), Some(ended)) if refs::is_end_of(ended, begun));
            match self.runs.entry(id.clone()) {
                btree_map::Entry::Occupied(mut claim) if is_end => {
                    claim.get_mut().target = Target::Finished(commit);
                    self.batches[batch].is_whole = false;
                }
                _ => self.set_aside_line(id, commit, batch, Distrust::Contradicts),
            }
        }
        Ok(())
    }

    /// Why a claim is not believed. Of a commit that is not here, others tell.
    fn distrust(&self, id: &RunId, claim: &Claim) -> Result<Option<Distrust>, RefError> {
        let store = self.local.store;
        let Some(commit) = claim.target.commit() else { return Ok(None) };
        let Some(said) = refs::found(store, commit)? else { return Ok(None) };
        if !is_of(&said, id) || said.outcome.is_some() != claim.target.is_terminal() {
            return Ok(Some(Distrust::NotOfRun));
        }
        let Some(base) = claim.base else { return Ok(None) };
        let begun = refs::found(store, base)?;
        let goes_on = |begun: &Commit| (begun.definition, &begun.parents) == (said.definition, &said.parents);
        Ok((!begun.as_ref().is_some_and(goes_on)).then_some(Distrust::Differs))
    }
}

fn is_of(commit: &Commit, id: &RunId) -> bool {
    commit.run.as_ref().is_some_and(|run| run.id == *id)
}

/// Whether all that the log of a run has came by fetches.
fn is_fetched(log: &Logged) -> bool {
    let mut moves = log.entries.iter().filter(|(_, entry)| entry.target.exists() && !entry.is_fence());
    moves.all(|(_, entry)| entry.why.starts_with(FETCHED))
}

/// Whether a ref of runs may point there.
pub(super) fn fits(name: &Ref, target: Target) -> bool {
    match target {
        Target::Commit(_) | Target::Finished(_) => name.family == Family::Runs,
        Target::Runs(_) => name.family == Family::Batches,
        _ => false,
    }
}
