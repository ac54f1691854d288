//! Many finished runs as one ref.

use crate::encoding;
use crate::id::{Digest, Kind};
use crate::name::{RefName, RunId};
use crate::object::{Find, Object, ObjectError, Runs};
use crate::refs::{Family, Move, Ref};
use crate::storage::random;
use crate::sync::SyncError;

/// Up to so many finished runs get refs of their own; more become a batch.
pub(super) const FEW_RUNS: usize = 8;

/// The ref of a run.
pub(super) fn ref_of(id: &RunId) -> Result<Ref, SyncError> {
    let name =
        RefName::new(id.as_str()).map_err(|reason| SyncError::Name { what: id.to_string(), reason })?;
    Ok(Ref { family: Family::Runs, name })
}

/// A ref for a batch, which no other has.
pub(super) fn new_batch(by: &Move) -> Result<Ref, SyncError> {
    let id = RunId::from_parts(by.when.millis.unsigned_abs(), random()?);
    Ok(Ref { family: Family::Batches, ..ref_of(&id)? })
}

/// Objects of one place, and of another where that has them not.
pub(super) struct Both<'a>(pub &'a dyn Find, pub &'a dyn Find);

impl Find for Both<'_> {
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
        match self.0.find(kind, id)? {
            None => self.1.find(kind, id),
            found => Ok(found),
        }
    }

    fn has(&self, kind: Kind, id: Digest) -> Result<bool, ObjectError> {
        Ok(self.0.has(kind, id)? || self.1.has(kind, id)?)
    }
}

/// Objects of a place, and a batch that is in none yet.
pub(super) struct WithBatch<'a> {
    pub find: &'a dyn Find,
    pub batch: Option<&'a Runs>,
}

impl WithBatch<'_> {
    fn is_batch(&self, kind: Kind, id: Digest) -> bool {
        kind == Kind::Runs && self.batch.is_some_and(|batch| batch.id().digest() == id)
    }
}

impl Find for WithBatch<'_> {
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
        match self.batch {
            Some(batch) if self.is_batch(kind, id) => Ok(Some(encoding::to_bytes(batch))),
            _ => self.find.find(kind, id),
        }
    }

    fn has(&self, kind: Kind, id: Digest) -> Result<bool, ObjectError> {
        Ok(self.is_batch(kind, id) || self.find.has(kind, id)?)
    }
}
