//! Folding: the logs of finished runs become one batch, and many batches become one.
//!
//! A batch is a writer like any other: its log is begun, then the runs are read, then it is published where no
//! collection came in between. Only after that the logs of its runs are removed: those that say exactly what the batch
//! says, since batches also come from elsewhere. Nobody appends to the log of a finished run, and its recorder would
//! write the same again.

use std::collections::{BTreeMap, HashSet};

use crate::id::{CommitId, Digest, RunsId};
use crate::name::{RefName, RunId};
use crate::object::{self, Runs};
use crate::progress::Silent;
use crate::refs::{self, Advanced, Everything, Family, Footing, Logged, Ref, RefError, Standing, Target};
use crate::store::PackName;
use crate::sync::CollectError;
use crate::sync::collect::{Collection, patiently};

/// So few runs are quick to list.
const FEW_RUNS: usize = 64;
/// So many batches are.
pub(super) const MOST_BATCHES: usize = 8;
/// Collections that may come in between.
const TRIES: usize = 5;

/// What there is to fold.
#[derive(Default)]
pub(super) struct Foldable {
    pub(super) runs: BTreeMap<RunId, CommitId>,
    pub(super) batches: Vec<(RefName, RunsId)>,
    /// Runs whose log says what a batch says.
    told: Vec<RunId>,
    /// What the logs of finished runs pointed to before.
    begun: Vec<Digest>,
}

/// Why a log may go.
enum Goes {
    /// A batch has exactly its last value.
    Told,
    /// It ended so, and no batch has it yet.
    Ended(CommitId),
}

fn is_run(log: &Logged) -> bool {
    log.name.family == Family::Runs
}

/// Whether the log of a run may go. One that goes on never may, nor one of which a batch says something else: whoever
/// made that batch did not know how the run ended.
fn what_goes(log: &Logged, standing: Option<Standing>) -> Option<Goes> {
    match (log.value(), standing) {
        (Target::Finished(_), Some(Standing::Equal)) => Some(Goes::Told),
        (Target::Finished(commit), None) => Some(Goes::Ended(commit)),
        _ => None,
    }
}

impl Collection<'_> {
    /// Moves finished runs into a batch, and says how many.
    pub(super) fn fold(&mut self) -> Result<u64, CollectError> {
        let found = patiently(|| self.foldable())?;
        let few = if self.options.thorough { 0 } else { FEW_RUNS };
        let (many_runs, many_batches) = (found.runs.len() > few, found.batches.len() > MOST_BATCHES);
        if self.options.dry_run {
            return Ok(if many_runs { found.runs.len() as u64 } else { 0 });
        }
        self.remove_runs(found.told.iter())?;
        if !many_runs && !many_batches {
            return Ok(0);
        }
        let name = Ref::of_new_batch(&self.options.by.when)?;
        for _ in 0..TRIES {
            let footing = refs::stand(self.storage, &name, &self.options.by)?;
            let here = self.packs()?;
            if PackName::of_keys(footing.doomed.keys()).iter().any(|pack| here.contains_key(pack)) {
                // What the runs need may lie in packs that are about to go: it is not ours to trust.
                return Ok(0);
            }
            let found = patiently(|| self.foldable())?;
            match self.publish(&name, &footing, &found) {
                Err(CollectError::Ref(RefError::Collected { .. })) => {}
                published => {
                    published?;
                    self.remove_runs(found.runs.keys())?;
                    self.superseded.extend(found.begun);
                    for (batch, _) in found.batches {
                        refs::remove_log(self.storage, &Ref { family: Family::Batches, name: batch })?;
                    }
                    return Ok(found.runs.len() as u64);
                }
            }
        }
        Ok(0)
    }

    /// Finished runs that no batch has; batches, if they are many.
    fn foldable(&self) -> Result<Foldable, CollectError> {
        let all = Everything::read(self.storage, self.store)?;
        let batch = |log: &Logged| match log.value() {
            Target::Runs(id) => Some((log.name.name.clone(), id)),
            _ => None,
        };
        let mut batches: Vec<(RefName, RunsId)> = all.logs.iter().filter_map(batch).collect();
        if batches.len() <= MOST_BATCHES {
            batches.clear();
        }
        let (mut runs, mut told, mut begun) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (log, standing) in all.sound(self.store)? {
            let Some(id) = RunId::new(log.name.name.as_str()).ok().filter(|_| is_run(log)) else { continue };
            match what_goes(log, standing) {
                Some(Goes::Told) => told.push(id),
                Some(Goes::Ended(commit)) => {
                    begun.extend(log.targets().skip(1).filter_map(|it| it.object()).map(|(_, id)| id));
                    runs.insert(id, commit);
                }
                None => {}
            }
        }
        Ok(Foldable { runs, batches, told, begun })
    }

    pub(super) fn publish(
        &self,
        name: &Ref,
        footing: &Footing,
        found: &Foldable,
    ) -> Result<(), CollectError> {
        let writer = self.store.writer_without(HashSet::new(), &Silent);
        let batches = found.batches.iter().map(|(_, id)| *id).collect();
        let batch = object::put(&writer, &Runs { runs: found.runs.clone(), batches })?;
        let mut writer = Some(writer);
        let mut upload = |attempt: &Footing| match writer.take().filter(|_| attempt.is_as(footing)) {
            Some(writer) => writer.finish().map(drop).map_err(|error| RefError::Upload(error.into())),
            None => Err(RefError::Collected { name: name.to_string() }),
        };
        let by = &self.options.by;
        let target = Target::Runs(batch);
        match refs::advance_from(self.storage, name, footing, None, target, by, &mut upload, &|_, _| {
            Ok(false)
        })? {
            Advanced::Done => Ok(()),
            Advanced::Lost(_) => Err(CollectError::Contended),
        }
    }

    pub(super) fn remove_runs<'b>(&self, runs: impl Iterator<Item = &'b RunId>) -> Result<(), CollectError> {
        for id in runs {
            refs::remove_log(self.storage, &Ref::of_run(id))?;
        }
        Ok(())
    }
}
