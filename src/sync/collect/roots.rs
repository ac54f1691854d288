//! Fences, and what refs need: all that they ever pointed to, as far as their logs go.

use crate::name::RunId;
use crate::object::Link;
use crate::refs::{self, Family, Logged, Move, Ref, RefError, Target};
use crate::storage::Storage;
use crate::store::Store;

/// Fences every ref that is not terminal, and says how many fences that took.
pub(super) fn fence_all(storage: &dyn Storage, epoch: u64, by: &Move) -> Result<u64, RefError> {
    let mut fences = 0;
    for family in Family::ALL {
        for (name, entry) in refs::list_all(storage, family)? {
            if entry.target.is_terminal() || entry.epoch >= epoch {
                continue;
            }
            match refs::fence(storage, &Ref { family, name }, epoch, by) {
                // It ended meanwhile, and another collection moved it into a batch.
                Err(RefError::Vanished { .. }) if family == Family::Runs || family == Family::Batches => {}
                fenced => fences += u64::from(fenced?.1.epoch == epoch),
            }
        }
    }
    Ok(fences)
}

/// What refs point to, and pointed to before. Of a run that a batch tells of, its own log means nothing more.
pub(super) fn of_refs(storage: &dyn Storage, store: &Store) -> Result<Vec<Link>, RefError> {
    let logs = refs::all_logs(storage)?;
    let batches = logs.iter().filter_map(|log| match log.entries.first()?.1.target {
        Target::Runs(id) => Some(id),
        _ => None,
    });
    let packed = refs::packed_runs(store, batches)?;
    let is_packed = |log: &Logged| {
        log.name.family == Family::Runs
            && RunId::new(log.name.name.as_str()).is_ok_and(|id| packed.contains_key(&id))
    };
    let needed = logs.iter().filter(|log| !is_packed(log));
    Ok(needed
        .flat_map(vouched)
        .filter_map(|target| target.object())
        .map(|(kind, id)| Link::Object(kind, id))
        .collect())
}

/// The targets of a log, newest first, as far as each entry is vouched for by the one after it: below a gap, one
/// may have come to be by a writer who slept, and was never a value.
fn vouched(log: &Logged) -> impl Iterator<Item = Target> {
    let mut expected = None;
    log.entries.iter().map_while(move |(number, entry)| {
        let counts = expected.is_none_or(|expected| expected == Some((*number, entry.nonce)));
        expected = Some(number.checked_sub(1).zip(entry.recent.first().copied()));
        counts.then_some(entry.target)
    })
}
