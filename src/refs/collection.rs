//! The log of garbage collection, as far as those who write refs must know it.

use crate::encoding::{self, record};
use crate::object::Time;
use crate::refs::RefError;
use crate::refs::entry::Nonce;
use crate::refs::log::Log;
use crate::storage::Storage;

/// Longer marks are refused before they are read: room for some 200,000 packs.
const MAX_BYTES: u64 = 16 << 20;

record! {
    /// One entry of the log, `gc/<epoch>`: what a collection is about to remove.
    pub struct Mark {
        /// The packs that go, as keys.
        pub doomed: Vec<String>,
        /// Tells this attempt from every other.
        pub nonce: Nonce,
        /// `Name <address>`.
        pub who: String,
        /// When.
        pub when: Time,
    }
}

impl Mark {
    /// The mark that has exactly these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, encoding::DecodeError> {
        encoding::from_bytes(bytes)
    }
}

/// The last mark with its epoch; `None` if nobody ever collected.
pub fn mark(storage: &dyn Storage) -> Result<Option<(u64, Mark)>, RefError> {
    Log::new(storage, "gc".to_owned()).read_with(MAX_BYTES, Mark::from_bytes)
}

/// The epoch that a new entry bears. This version cannot keep clear of doomed packs, so where some are
/// still listed it writes nothing.
pub(super) fn epoch(storage: &dyn Storage) -> Result<u64, RefError> {
    let Some((epoch, mark)) = mark(storage)? else { return Ok(0) };
    if !mark.doomed.is_empty() {
        let listed = storage.list("packs")?;
        if mark.doomed.iter().any(|doomed| listed.iter().any(|pack| pack.key.as_str() == doomed)) {
            return Err(RefError::Collecting { epoch });
        }
    }
    Ok(epoch)
}
