//! Objects of two places, one before the other.

use super::{Find, ObjectError};
use crate::id::{Digest, Kind};

/// The objects of one place, and of another where that has them not.
pub struct Overlay<'a>(pub &'a dyn Find, pub &'a dyn Find);

impl Find for Overlay<'_> {
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
