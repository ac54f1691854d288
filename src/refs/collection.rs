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

/// The number of the last mark; 0, if nobody ever collected.
pub fn epoch(storage: &dyn Storage) -> Result<u64, RefError> {
    Ok(Log::new(storage, "gc".to_owned()).highest()?.unwrap_or(0))
}

/// The last mark with its epoch; `None` if nobody ever collected.
pub fn mark(storage: &dyn Storage) -> Result<Option<(u64, Mark)>, RefError> {
    Log::new(storage, "gc".to_owned()).read_with(MAX_BYTES, Mark::from_bytes)
}
