//! Runs, newest first, and the run that a word names.

use std::collections::HashMap;

use crate::name::{RefName, RunId};
use crate::refs::{self, Entry, Family};
use crate::repo::run::{RecordedRun, ref_of};
use crate::repo::{RepoError, Repository};

/// Fewer characters of an id name no run: too many words would.
const MIN_DIGITS: usize = 4;

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunQuery {
    /// At most so many, the newest; all, if it is not said.
    pub limit: Option<usize>,
    /// Only those of this sweep.
    pub sweep: Option<String>,
}

/// Runs, newest first.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// Those that were asked for.
    pub runs: Vec<RecordedRun>,
    /// How many there are in all.
    pub total: usize,
}

impl Repository {
    /// The runs that are recorded here, newest first. Costs a listing of all, and reads those that are asked for.
    pub fn runs(&self, query: &RunQuery) -> Result<Runs, RepoError> {
        let mut ids = self.run_ids()?;
        ids.reverse();
        let (total, limit) = (ids.len(), query.limit.unwrap_or(usize::MAX));
        let mut entries = if limit >= total { Some(self.run_entries()?) } else { None };
        let mut runs = Vec::new();
        for id in ids {
            if runs.len() == limit {
                break;
            }
            let entry = match &mut entries {
                Some(entries) => entries.remove(&id),
                None => refs::read(&*self.storage, &ref_of(&id)?)?.map(|(_, entry)| entry),
            };
            let run = entry.map(|entry| self.recorded(id, &entry)).transpose()?;
            let is_asked = |run: &RecordedRun| query.sweep.is_none() || run.sweep() == query.sweep.as_deref();
            // One that was stopped before its definition was recorded has nothing that could be shown.
            runs.extend(run.filter(|run| run.commit.is_some() && is_asked(run)));
        }
        Ok(Runs { runs, total })
    }

    /// The ids of all runs, oldest first.
    pub(in crate::repo) fn run_ids(&self) -> Result<Vec<RunId>, RepoError> {
        let names = refs::names(&*self.storage, Family::Runs)?;
        Ok(names.iter().filter_map(|name| RunId::new(name.as_str()).ok()).collect())
    }

    fn run_entries(&self) -> Result<HashMap<RunId, Entry>, RepoError> {
        let entry = |(name, entry): (RefName, Entry)| Some((RunId::new(name.as_str()).ok()?, entry));
        let all = refs::list_all(&*self.storage, Family::Runs)?;
        Ok(all.into_iter().filter_map(entry).collect())
    }

    /// The run that a word names: by its id, by the first or last characters of that, or by its name, of which
    /// the newest run is meant.
    pub fn find_run(&self, word: &str) -> Result<Option<RecordedRun>, RepoError> {
        let ids = self.run_ids()?;
        let digits = word.to_ascii_lowercase();
        let is_meant = |id: &&RunId| id.as_str().ends_with(&digits) || id.as_str().starts_with(&digits);
        let meant: Vec<&RunId> =
            if digits.len() < MIN_DIGITS { Vec::new() } else { ids.iter().filter(is_meant).collect() };
        let id = match meant[..] {
            [id] => Some(id.clone()),
            [] => None,
            _ => return Err(RepoError::Ambiguous { prefix: word.to_owned(), count: meant.len() }),
        };
        if let Some(id) = id {
            let entry = refs::read(&*self.storage, &ref_of(&id)?)?;
            return entry.map(|(_, entry)| self.recorded(id, &entry)).transpose();
        }
        for id in ids.into_iter().rev() {
            let entry = refs::read(&*self.storage, &ref_of(&id)?)?;
            let run = entry.map(|(_, entry)| self.recorded(id, &entry)).transpose()?;
            if let Some(run) = run.filter(|run| run.name() == Some(word)) {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }
}
