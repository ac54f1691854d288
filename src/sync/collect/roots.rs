//! Fences, and what refs need: all that they ever pointed to, as far as their logs go.

use crate::object::Link;
use crate::refs::{self, Everything, Family, Move, Ref, RefError, Standing};
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

/// What refs point to, and pointed to before. Of a run that a batch tells of, its own log means nothing more if it
/// says the same, or is what a removed one left.
pub(super) fn of_refs(storage: &dyn Storage, store: &Store) -> Result<Vec<Link>, RefError> {
    let all = Everything::read(storage, store)?;
    let counts = |standing| !matches!(standing, Some(Standing::Equal | Standing::Leftover));
    let needed = all.sound(store)?.into_iter().filter(|(_, standing)| counts(*standing));
    Ok(needed
        .flat_map(|(log, _)| log.targets())
        .filter_map(|target| target.object())
        .map(|(kind, id)| Link::Object(kind, id))
        .collect())
}
