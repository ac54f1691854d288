//! The runs of a repository: those that have logs of their own, and those of batches.

use std::collections::{BTreeMap, HashSet};

use crate::id::{CommitId, RunsId};
use crate::name::RunId;
use crate::object::{self, Find};
use crate::refs::entry::Target;
use crate::refs::{Family, RefError, list_all, names};
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

    /// The last commit of a run, where a batch has it: then it is finished, whatever a log of its own says.
    pub fn packed(&self, id: &RunId) -> Option<CommitId> {
        self.packed.get(id).copied()
    }
}

/// The runs of a repository. Each batch is read once.
pub fn runs(storage: &dyn Storage, find: &dyn Find) -> Result<Runs, RefError> {
    // A collection publishes a batch before it removes the logs of its runs: so logs are listed first.
    let loose = names(storage, Family::Runs)?;
    let loose = loose.iter().filter_map(|name| RunId::new(name.as_str()).ok()).collect();
    let batches =
        list_all(storage, Family::Batches)?.into_iter().filter_map(|(_, entry)| match entry.target {
            Target::Runs(id) => Some(id),
            _ => None,
        });
    Ok(Runs { loose, packed: packed_runs(find, batches)? })
}

/// The runs of batches, and of all batches that these name.
pub fn packed_runs(
    find: &dyn Find,
    batches: impl IntoIterator<Item = RunsId>,
) -> Result<BTreeMap<RunId, CommitId>, RefError> {
    let mut open: Vec<RunsId> = batches.into_iter().collect();
    let (mut seen, mut runs) = (HashSet::new(), BTreeMap::new());
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        if seen.len() > MOST_BATCHES {
            return Err(RefError::TooManyBatches { limit: MOST_BATCHES });
        }
        let mut batch: object::Runs = object::get(find, id)?;
        runs.append(&mut batch.runs);
        open.append(&mut batch.batches);
    }
    Ok(runs)
}
