//! All that is known of a run: what is recorded, and of one that has not ended what its place has so far.

use std::collections::BTreeMap;

use crate::diff::{Snapshot, State};
use crate::format::Reports;
use crate::id::SeriesId;
use crate::launch;
use crate::object::{self, FindContent, Metrics, ObjectError, Outcome, Series};
use crate::repo::run::collect::{Extent, reported};
use crate::repo::run::place::Place;
use crate::repo::run::{RecordedRun, RunState};
use crate::repo::snapshot::results::usual_directions;
use crate::repo::{RepoError, Repository, Shown, Warning};
use crate::utilisation::{self, Judgement, Machine, Summary};

/// Of a longer log, the end is not read.
const MAX_LOG: u64 = 64 << 20;
/// So much of a log's end is looked at for its last lines.
const TAIL: usize = 16 << 10;

/// All that is known of a run.
#[derive(Clone, Debug)]
pub struct RunDetails {
    /// Its definition and its outcome; of a run that has not ended, an outcome of what is known so far.
    pub snapshot: Snapshot,
    /// The curves of its metrics, by their dotted paths.
    pub curves: BTreeMap<String, Series>,
    /// Samples of what it used.
    pub samples: BTreeMap<String, Series>,
    /// What these say in a line.
    pub judgement: Option<Judgement>,
    /// The last lines of its log, where it did not end well.
    pub log: Vec<String>,
    /// What could not be read.
    pub warnings: Vec<Warning>,
}

impl Repository {
    /// All that is known of a run whose definition is recorded; `None` if it was stopped before.
    pub fn run_details(&self, run: &RecordedRun) -> Result<Option<RunDetails>, RepoError> {
        let Some((_, commit)) = &run.commit else { return Ok(None) };
        let mut state = State::of(&self.store, commit)?;
        let mut warnings = Vec::new();
        let mut samples = BTreeMap::new();
        let curves = match &state.outcome {
            Some(outcome) => {
                let utilisation = outcome.utilisation.as_ref();
                samples = utilisation.map(|it| self.series(&it.series)).transpose()?.unwrap_or_default();
                self.series(&outcome.series)?
            }
            None => {
                let (outcome, curves) = self.so_far(run, &mut warnings)?;
                state.outcome = Some(outcome);
                curves
            }
        };
        let log = if run.state == RunState::Finished { Vec::new() } else { self.last_lines(run)? };
        let snapshot = Snapshot::load(&self.store, state)?;
        let judgement = judged(&snapshot);
        Ok(Some(RunDetails { snapshot, curves, samples, judgement, log, warnings }))
    }

    /// The run that a commit records, where that is what is shown.
    pub fn run_shown(&self, shown: &Shown) -> Result<Option<RecordedRun>, RepoError> {
        let Shown::Commit { id, commit, .. } = shown else { return Ok(None) };
        let Some(run) = &commit.run else { return Ok(None) };
        self.run_of(run.id.clone(), Some((*id, (**commit).clone()))).map(Some)
    }

    fn series(&self, ids: &BTreeMap<String, SeriesId>) -> Result<BTreeMap<String, Series>, RepoError> {
        ids.iter().map(|(name, id)| Ok((name.clone(), object::get(&self.store, *id)?))).collect()
    }

    /// What a run that has not ended has reported.
    fn so_far(
        &self,
        run: &RecordedRun,
        warnings: &mut Vec<Warning>,
    ) -> Result<(Outcome, BTreeMap<String, Series>), RepoError> {
        let place = self.run_place(&run.id);
        let reports =
            if place.is_own() { reported(&place, Extent::Ends, warnings) } else { Reports::default() };
        let better = usual_directions(&self.manifest()?, &reports.values);
        let metrics = Metrics { values: reports.values, files: Vec::new(), better };
        let metrics = Some(metrics).filter(|metrics| !metrics.values.is_empty());
        Ok((Outcome { metrics, ..Outcome::default() }, reports.series))
    }

    /// The end of a run's log: as it is recorded, or as it was kept meanwhile.
    fn last_lines(&self, run: &RecordedRun) -> Result<Vec<String>, RepoError> {
        let text = match run.outcome.as_ref().map(|outcome| &outcome.log) {
            Some(Some(log)) if log.size > MAX_LOG => Vec::new(),
            // In a clone it may be at the remote alone: it is no reason to go there.
            Some(Some(log)) => match self.store.content(log.content, MAX_LOG) {
                Err(ObjectError::MissingContent(_)) if !self.config.remotes().is_empty() => Vec::new(),
                read => read?,
            },
            Some(None) => Vec::new(),
            // What cannot be read of an unfinished run's own folder is not there.
            None => {
                let place = Some(self.run_place(&run.id)).filter(Place::is_own);
                let spooled = place.and_then(|place| launch::spooled(&place.log()).ok().flatten());
                spooled.map(|log| log.text()).unwrap_or_default()
            }
        };
        let end = &text[text.len().saturating_sub(TAIL)..];
        Ok(String::from_utf8_lossy(end).lines().map(str::to_owned).collect())
    }
}

fn judged(snapshot: &Snapshot) -> Option<Judgement> {
    let utilisation = snapshot.state.outcome.as_ref()?.utilisation.as_ref()?;
    let environment = snapshot.environment.as_ref();
    let (system, accelerators) = (environment.map(|it| &it.system), environment.map(|it| &it.accelerators));
    let summary = Summary::from_values(&utilisation.summary);
    Some(utilisation::judge(&summary, &Machine::of(system, accelerators)))
}
