//! Runs, newest first, and the run that a word names.

use std::collections::HashMap;

use crate::id::CommitId;
use crate::name::{RefName, RunId};
use crate::object;
use crate::refs::{self, Entry, Family, KnownRuns, Ref, RunCache, Target};
use crate::repo::run::RecordedRun;
use crate::repo::{RepoError, Repository};

/// Fewer characters of an id name no run: too many words would.
const MIN_DIGITS: usize = 4;
/// Clocks of machines differ by less than this, in milliseconds, unless one is wrong.
pub const CLOCKS_DIFFER: i64 = 60_000;
/// Of so many more runs than are to be listed, some may have nothing to show.
const SPARE: usize = 16;

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunQuery {
    /// At most so many, the newest; all, if it is not said.
    pub limit: Option<usize>,
    /// Only those of this sweep.
    pub sweep: Option<String>,
}

/// Runs, newest first; those last that began in the future by the clock of their machine.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// Those that were asked for.
    pub runs: Vec<RecordedRun>,
    /// How many there are in all.
    pub total: usize,
}

impl Repository {
    /// The runs that are recorded here, newest first, and last those that began in the future. Costs a listing of those
    /// that are in no batch, and reads those that are asked for.
    pub fn runs(&self, query: &RunQuery) -> Result<Runs, RepoError> {
        let known = self.known_runs()?;
        let (total, future) = (known.len()?, self.future());
        let limit = query.limit.unwrap_or(usize::MAX);
        let mut entries = if limit >= total { Some(self.run_entries()?) } else { None };
        let (mut runs, mut looked_at, mut count) = (Vec::new(), 0, limit.saturating_add(SPARE).min(total));
        loop {
            for id in known.newest(count, &future)?.into_iter().skip(looked_at) {
                if runs.len() == limit {
                    break;
                }
                let entry = entries.as_mut().and_then(|entries| entries.remove(&id));
                let run = match entry.filter(|_| !matches!(known.packed(&id), Ok(Some(_)))) {
                    Some(entry) => Some(self.recorded(id, &entry)?),
                    None => self.recorded_in(&known, &id)?,
                };
                let is_asked =
                    |run: &RecordedRun| query.sweep.is_none() || run.sweep() == query.sweep.as_deref();
                // One that was stopped before its definition was recorded has nothing that could be shown.
                runs.extend(run.filter(|run| run.commit.is_some() && is_asked(run)));
            }
            if runs.len() == limit || count == total {
                return Ok(Runs { runs, total });
            }
            (looked_at, count) = (count, count.saturating_mul(4).min(total));
        }
    }

    /// A run that began now has an id below this one, by every clock that is right.
    fn future(&self) -> RunId {
        RunId::from_parts(self.now().millis.saturating_add(CLOCKS_DIFFER).unsigned_abs(), [0; 10])
    }

    fn known_runs(&self) -> Result<KnownRuns<'_>, RepoError> {
        let cache = RunCache {
            disk: self.disk.clone(),
            file: self.directory.join("cache").join("runs"),
            tmp_dir: self.directory.join("tmp"),
        };
        Ok(KnownRuns::look(&*self.storage, &self.store, Some(&cache))?)
    }

    /// Brings the index of runs up to date, if much is not in it.
    pub(in crate::repo) fn index_runs(&self) -> Result<(), RepoError> {
        self.known_runs().map(drop)
    }

    /// A run, as a batch or its own log has it.
    fn recorded_in(&self, known: &KnownRuns<'_>, id: &RunId) -> Result<Option<RecordedRun>, RepoError> {
        let mut packed = known.packed(id)?;
        if packed.is_none() {
            if let Some((_, entry)) = refs::read(&*self.storage, &Ref::of_run(id))? {
                return self.recorded(id.clone(), &entry).map(Some);
            }
            // It had a log when it was listed: a collection has moved it to a batch.
            packed = self.known_runs()?.packed(id)?;
        }
        let Some(commit) = packed else { return Ok(None) };
        self.run_of(id.clone(), Some((commit, object::get(&self.store, commit)?))).map(Some)
    }

    /// The last commit of a run, if it has one.
    pub(in crate::repo) fn last_commit_of(&self, id: &RunId) -> Result<Option<CommitId>, RepoError> {
        // The log first: it may be on its way to a batch.
        let own = refs::read(&*self.storage, &Ref::of_run(id))?.map(|(_, entry)| entry.target);
        match own {
            Some(Target::Finished(commit)) => Ok(Some(commit)),
            own => Ok(self.known_runs()?.packed(id)?.or(own.and_then(|target| target.commit()))),
        }
    }

    fn run_entries(&self) -> Result<HashMap<RunId, Entry>, RepoError> {
        let entry = |(name, entry): (RefName, Entry)| Some((RunId::new(name.as_str()).ok()?, entry));
        let all = refs::list_all(&*self.storage, Family::Runs)?;
        Ok(all.into_iter().filter_map(entry).collect())
    }

    /// The run that a word names: by its id, by the first or last characters of that, or by its name, of which
    /// the newest run is meant.
    pub fn find_run(&self, word: &str) -> Result<Option<RecordedRun>, RepoError> {
        let known = self.known_runs()?;
        let digits = word.to_ascii_lowercase();
        let meant = if digits.len() < MIN_DIGITS { Default::default() } else { known.called(&digits)? };
        match meant.len() {
            0 => {}
            1 => return meant.first().map_or(Ok(None), |id| self.recorded_in(&known, id)),
            count => return Err(RepoError::Ambiguous { prefix: word.to_owned(), count }),
        }
        for id in known.newest(usize::MAX, &self.future())? {
            let run = self.recorded_in(&known, &id)?;
            if let Some(run) = run.filter(|run| run.name() == Some(word)) {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
