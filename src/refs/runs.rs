//! The runs of a repository: those that have logs of their own, and those of batches.
//!
//! A run's own log counts for more than any batch, since batches also come from elsewhere. What a batch says of it
//! counts where the log is gone, or is what is left of one that was removed: see [`standing`].

use std::collections::{BTreeMap, HashSet};

use crate::id::{CommitId, RunsId};
use crate::name::RunId;
use crate::object::{self, Commit, Find, ObjectError};
use crate::refs::entry::{Entry, Target};
use crate::refs::{Advanced, Family, Logged, Ref, RefError, all_logs, list_all, log, names};
use crate::storage::Storage;

/// Batches that are read before it is given up.
pub(super) const MOST_BATCHES: usize = 1 << 16;

/// Which runs there are, and where each is told of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs {
    loose: Vec<RunId>,
    packed: BTreeMap<RunId, CommitId>,
}

impl Runs {
    /// The ids of all runs, oldest first.
    pub fn ids(&self) -> Vec<&RunId> {
        let mut ids: Vec<&RunId> = self.packed.keys().collect();
        ids.extend(self.loose.iter().filter(|id| !self.packed.contains_key(id)));
        // Two sorted sequences.
        ids.sort();
        ids
    }

    /// Whether a run has a log of its own.
    pub fn has_log(&self, id: &RunId) -> bool {
        self.loose.binary_search(id).is_ok()
    }

    /// The last commit of a run, where a batch has it and no log of its own says otherwise: then it is finished.
    pub fn packed(&self, id: &RunId) -> Option<CommitId> {
        self.packed.get(id).copied()
    }
}

/// What the log of a run is worth beside the line of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Both say the same, and the log may go.
    Equal,
    /// The log counts. The batch was made elsewhere, by somebody who is wrong or lies.
    Own,
    /// The batch counts: what it names is the end of what the log begins. The log stays.
    Ended,
    /// The batch counts: the log is a birth, or what came to be anew by a writer who slept, and is part of nothing.
    Leftover,
}

/// The runs of a repository. Each batch is read once, and the logs of those runs that have both.
pub fn runs(storage: &dyn Storage, find: &dyn Find) -> Result<Runs, RefError> {
    // A collection publishes a batch before it removes the logs of its runs: so logs are listed first.
    let loose = names(storage, Family::Runs)?;
    let loose: Vec<RunId> = loose.iter().filter_map(|name| RunId::new(name.as_str()).ok()).collect();
    let mut packed = packed_runs(find, batches(storage)?)?;
    for id in &loose {
        let Some(commit) = packed.get(id) else { continue };
        // It may be gone by now.
        let Some(log) = log(storage, &Ref::of_run(id))? else { continue };
        if standing(find, &log, *commit)? == Standing::Own {
            packed.remove(id);
        }
    }
    Ok(Runs { loose, packed })
}

/// The batches of a repository, in their order.
fn batches(storage: &dyn Storage) -> Result<Vec<RunsId>, RefError> {
    let batch = |entry: &Entry| if let Target::Runs(id) = entry.target { Some(id) } else { None };
    Ok(list_all(storage, Family::Batches)?.iter().filter_map(|(_, entry)| batch(entry)).collect())
}

/// The runs of batches, and of all batches that these name. Of a run that several have, the first counts: in their
/// order, each followed by those that it names.
pub fn packed_runs(
    find: &dyn Find,
    batches: impl IntoIterator<Item = RunsId>,
) -> Result<BTreeMap<RunId, CommitId>, RefError> {
    let mut runs = BTreeMap::new();
    each_batch(find, batches, &mut |batch| {
        for (id, commit) in batch.runs {
            runs.entry(id).or_insert(commit);
        }
    })?;
    Ok(runs)
}

/// Shows these batches, each followed by those that it names, and each once.
pub fn each_batch(
    find: &dyn Find,
    batches: impl IntoIterator<Item = RunsId>,
    see: &mut dyn FnMut(object::Runs),
) -> Result<(), RefError> {
    let mut open: Vec<RunsId> = batches.into_iter().collect();
    open.reverse();
    let mut seen = HashSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        if seen.len() > MOST_BATCHES {
            return Err(RefError::TooManyBatches { limit: MOST_BATCHES });
        }
        let batch: object::Runs = object::get(find, id)?;
        open.extend(batch.batches.iter().rev());
        see(batch);
    }
    Ok(())
}

/// What the log of a run is worth, of which a batch says that it ended with this commit.
pub fn standing(find: &dyn Find, log: &Logged, commit: CommitId) -> Result<Standing, RefError> {
    Ok(match log.value() {
        Target::Finished(own) if own == commit => Standing::Equal,
        Target::Finished(_) => Standing::Own,
        // The first entries of a log are removed first, and never by anybody from one that goes on.
        Target::Commit(_) if log.broken_at().is_some() => Standing::Leftover,
        Target::Commit(own) => match found(find, own)? {
            None => Standing::Leftover,
            Some(begun) => match found(find, commit)? {
                Some(ended) if is_end_of(&ended, &begun) => Standing::Ended,
                _ => Standing::Own,
            },
        },
        _ => Standing::Leftover,
    })
}

/// Whether a commit records the end of the run that another one begins.
pub fn is_end_of(ended: &Commit, begun: &Commit) -> bool {
    begun.outcome.is_none()
        && ended.outcome.is_some()
        && (&ended.run, ended.definition, &ended.parents) == (&begun.run, begun.definition, &begun.parents)
}

/// A commit, if it is here and is one.
pub fn found(find: &dyn Find, id: CommitId) -> Result<Option<Commit>, RefError> {
    match object::get(find, id) {
        Ok(commit) => Ok(Some(commit)),
        Err(error @ ObjectError::Storage(_)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// What came of a move whose log has no entry any more: a run that a batch here says to have ended with exactly this
/// commit is recorded, whoever removed its log.
pub fn or_packed(
    storage: &dyn Storage,
    find: &dyn Find,
    (name, target): (&Ref, Target),
    moved: Result<Advanced, RefError>,
) -> Result<Advanced, RefError> {
    let (Err(RefError::Vanished { .. }), Target::Finished(commit)) = (&moved, target) else { return moved };
    let Ok(id) = RunId::new(name.name.as_str()) else { return moved };
    let mut is_packed = false;
    each_batch(find, batches(storage)?, &mut |batch| is_packed |= batch.runs.get(&id) == Some(&commit))?;
    if name.family == Family::Runs && is_packed { Ok(Advanced::Done) } else { moved }
}

/// All logs, and what batches say of runs.
pub struct Everything {
    /// The logs, family by family.
    pub logs: Vec<Logged>,
    /// The runs of batches.
    pub packed: BTreeMap<RunId, CommitId>,
}

impl Everything {
    /// Reads it all.
    pub fn read(storage: &dyn Storage, find: &dyn Find) -> Result<Self, RefError> {
        let logs = all_logs(storage)?;
        let batches = logs.iter().filter_map(|log| match log.value() {
            Target::Runs(id) if log.name.family == Family::Batches => Some(id),
            _ => None,
        });
        let packed = packed_runs(find, batches)?;
        Ok(Self { logs, packed })
    }

    /// What the log of a run is worth beside a batch; `None` if no batch has it.
    pub fn standing(&self, find: &dyn Find, log: &Logged) -> Result<Option<Standing>, RefError> {
        let of_run = |log: &Logged| RunId::new(log.name.name.as_str()).ok();
        let id = Some(log).filter(|log| log.name.family == Family::Runs).and_then(of_run);
        let Some(commit) = id.and_then(|id| self.packed.get(&id)) else { return Ok(None) };
        standing(find, log, *commit).map(Some)
    }

    /// The logs that count, each after a check that its chain is whole: where it breaks, what is below would be taken
    /// for something that never was.
    pub fn sound(&self, find: &dyn Find) -> Result<Vec<(&Logged, Option<Standing>)>, RefError> {
        let mut sound = Vec::with_capacity(self.logs.len());
        for log in &self.logs {
            let standing = self.standing(find, log)?;
            if let Some(number) = log.damaged_at(standing) {
                return Err(RefError::Broken { name: log.name.to_string(), number });
            }
            sound.push((log, standing));
        }
        Ok(sound)
    }
}

impl Logged {
    /// Where the chain breaks, unless that is what a collection leaves that was stopped, or a writer who slept: of a run
    /// that a batch has, and of what never had anything but a birth.
    pub fn damaged_at(&self, standing: Option<Standing>) -> Option<u64> {
        let is_removed = matches!(standing, Some(Standing::Equal | Standing::Leftover));
        let is_birth = self.name.family == Family::Runs && self.value() == Target::Birth;
        self.broken_at().filter(|_| !is_removed && !is_birth && self.name.family != Family::Batches)
    }
}
