//! The runs of a repository, at a cost that does not grow with them: what batches have is looked up in an index,
//! which is a cache, and only batches that are not in it are read.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::disk::{Disk, Durability, create_scratch_dir, replace};
use crate::id::{CommitId, Digest, RunsId};
use crate::name::RunId;
use crate::object::{self, Find};
use crate::refs::entry::Target;
use crate::refs::run_index::{Damaged, RunIndex, build};
use crate::refs::runs::{MOST_BATCHES, packed_runs};
use crate::refs::{Family, Ref, RefError, Standing, list_all, log, names, standing};
use crate::storage::Storage;

/// The index is written anew when so many runs are not in it, and one for so many that it has.
const MOST_UNCOVERED: usize = 256;
const RUNS_PER_UNCOVERED: usize = 64;
/// Ids that are compared with a word: more than one is too many already.
const FEW: usize = 64;

/// Where the index of runs is kept: a file that may be lost.
#[derive(Clone)]
pub struct RunCache {
    /// What writes it.
    pub disk: Arc<dyn Disk>,
    /// The file. Its folder is made when it is missing.
    pub file: PathBuf,
    /// Where it is written before it gets its name, on the same file system.
    pub tmp_dir: PathBuf,
}

/// Which runs there are, and where each is told of.
pub struct KnownRuns<'a> {
    storage: &'a dyn Storage,
    find: &'a dyn Find,
    loose: BTreeSet<RunId>,
    /// What batches point to.
    batches: Vec<RunsId>,
    /// The runs of batches that are not in the index.
    fresh: BTreeMap<RunId, CommitId>,
    /// These batches.
    read: Vec<Digest>,
    index: RunIndex,
    /// The runs of all batches, where the index turned out damaged.
    all: OnceLock<BTreeMap<RunId, CommitId>>,
}

impl<'a> KnownRuns<'a> {
    /// The runs of a repository. Lists logs of their own, and reads the batches that are not in the index.
    pub fn look(
        storage: &'a dyn Storage,
        find: &'a dyn Find,
        cache: Option<&RunCache>,
    ) -> Result<Self, RefError> {
        // A collection publishes a batch before it removes the logs of its runs: so logs are listed first.
        let loose = names(storage, Family::Runs)?;
        let loose = loose.iter().filter_map(|name| RunId::new(name.as_str()).ok()).collect();
        let batches = list_all(storage, Family::Batches)?.into_iter();
        let batches: Vec<RunsId> = batches
            .filter_map(|(_, entry)| match entry.target {
                Target::Runs(id) => Some(id),
                _ => None,
            })
            .collect();
        let index = cache.map_or_else(RunIndex::default, |cache| RunIndex::open(&cache.file));
        let (fresh, read) = read_uncovered(find, &batches, &index)?;
        let known = Self { storage, find, loose, batches, fresh, read, index, all: OnceLock::new() };
        if let Some(cache) = cache {
            known.keep(cache);
        }
        Ok(known)
    }

    /// Writes the index anew if much is not in it. A cache that cannot be written is no error.
    fn keep(&self, cache: &RunCache) {
        if self.fresh.len() < MOST_UNCOVERED + self.index.len() / RUNS_PER_UNCOVERED {
            return;
        }
        let old = (0..self.index.len()).map(|at| self.index.run(at)).collect::<Result<Vec<_>, _>>();
        let Ok(old) = old else {
            // It is made anew by who comes next.
            let _ = cache.disk.remove_file(&cache.file);
            return;
        };
        let fresh = self.fresh.iter().map(|(id, commit)| (id.clone(), *commit));
        // Of a run that several batches have, what was known first counts.
        let runs: BTreeMap<RunId, CommitId> = fresh.chain(old).collect();
        let batches = self.index.batches().iter().chain(&self.read).copied().collect();
        let _ = cache.write(&build(&runs, batches));
    }

    /// The last commit of a run, where a batch has it and no log of its own says otherwise: then it is finished.
    pub fn packed(&self, id: &RunId) -> Result<Option<CommitId>, RefError> {
        let Some(commit) = self.in_batch(id)? else { return Ok(None) };
        if self.loose.contains(id)
            && let Some(log) = log(self.storage, &Ref::of_run(id))?
            && standing(self.find, &log, commit)? == Standing::Own
        {
            return Ok(None);
        }
        Ok(Some(commit))
    }

    /// What batches say of a run, the one that was known first.
    fn in_batch(&self, id: &RunId) -> Result<Option<CommitId>, RefError> {
        match self.index.get(id) {
            Ok(Some(commit)) => Ok(Some(commit)),
            Ok(None) => Ok(self.fresh.get(id).copied()),
            Err(Damaged) => Ok(self.all()?.get(id).copied()),
        }
    }

    /// How many runs there are.
    pub fn len(&self) -> Result<usize, RefError> {
        let is_indexed = |id: &RunId| Ok(self.index.get(id)?.is_some());
        let count = || -> Result<usize, Damaged> {
            let mut count = self.index.len();
            let loose = self.loose.iter().filter(|id| !self.fresh.contains_key(id));
            for id in self.fresh.keys().chain(loose) {
                count += usize::from(!is_indexed(id)?);
            }
            Ok(count)
        };
        match count() {
            Ok(count) => Ok(count),
            Err(Damaged) => {
                let all = self.all()?;
                Ok(all.len() + self.loose.iter().filter(|id| !all.contains_key(id)).count())
            }
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Result<bool, RefError> {
        Ok(self.len()? == 0)
    }

    /// The newest runs, the newest first: so many, if there are as many. An id says when its run began by the clock
    /// of that machine. Runs from `from` on, which cannot have begun yet, come behind all others: a clock that is
    /// ahead would else keep them on top for as long as it is ahead.
    pub fn newest(&self, count: usize, from: &RunId) -> Result<Vec<RunId>, RefError> {
        let indexed = || -> Result<BTreeSet<RunId>, Damaged> {
            let (end, split) = (self.index.len(), self.index.below(from)?);
            let ahead = end.saturating_sub(count).max(split)..end;
            let places = (split.saturating_sub(count)..split).chain(ahead);
            places.map(|at| Ok(self.index.run(at)?.0)).collect()
        };
        let mut ids = match indexed() {
            Ok(indexed) => indexed,
            Err(Damaged) => self.all()?.keys().cloned().collect(),
        };
        ids.extend(self.fresh.keys().cloned());
        ids.extend(self.loose.iter().cloned());
        let ahead = ids.split_off(from);
        Ok(ids.into_iter().rev().chain(ahead.into_iter().rev()).take(count).collect())
    }

    /// Some of the runs whose ids begin or end with a word of these digits; all, if they are few.
    pub fn called(&self, digits: &str) -> Result<BTreeSet<RunId>, RefError> {
        let is_meant = |id: &&RunId| id.as_str().ends_with(digits) || id.as_str().starts_with(digits);
        let both = self.index.beginning_with(digits, FEW).and_then(|mut found| {
            found.extend(self.index.ending_with(digits, FEW)?);
            Ok(found)
        });
        let mut found: BTreeSet<RunId> = match both {
            Ok(found) => found.into_iter().collect(),
            Err(Damaged) => self.all()?.keys().filter(is_meant).cloned().collect(),
        };
        found.extend(self.fresh.keys().chain(&self.loose).filter(is_meant).cloned());
        Ok(found)
    }

    fn all(&self) -> Result<&BTreeMap<RunId, CommitId>, RefError> {
        if let Some(all) = self.all.get() {
            return Ok(all);
        }
        let all = packed_runs(self.find, self.batches.iter().copied())?;
        Ok(self.all.get_or_init(|| all))
    }
}

impl RunCache {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let (disk, tmp) = (&*self.disk, &self.tmp_dir);
        let write = || replace(disk, tmp, &self.file, bytes, Durability::Cache);
        match (write(), self.file.parent()) {
            (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
                create_scratch_dir(disk, folder)?;
                write()
            }
            (written, _) => written,
        }
    }
}

type Fresh = (BTreeMap<RunId, CommitId>, Vec<Digest>);

/// The runs of batches, and of what these name, as far as the index has none of them; and which batches these are.
fn read_uncovered(find: &dyn Find, batches: &[RunsId], index: &RunIndex) -> Result<Fresh, RefError> {
    let mut open: Vec<RunsId> = batches.iter().rev().copied().collect();
    let (mut seen, mut runs) = (HashSet::new(), BTreeMap::new());
    while let Some(id) = open.pop() {
        if index.covers(id) || !seen.insert(id) {
            continue;
        }
        if seen.len() > MOST_BATCHES {
            return Err(RefError::TooManyBatches { limit: MOST_BATCHES });
        }
        let batch: object::Runs = object::get(find, id)?;
        for (id, commit) in batch.runs {
            runs.entry(id).or_insert(commit);
        }
        open.extend(batch.batches.iter().rev());
    }
    Ok((runs, seen.into_iter().map(|id| id.digest()).collect()))
}
