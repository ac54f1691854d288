//! The log of garbage collection, as far as those who write refs must know it.

use crate::encoding::{self, record};
use crate::object::Time;
use crate::refs::check::{checked, without_check};
use crate::refs::entry::Nonce;
use crate::refs::log::Log;
use crate::refs::{Move, Ref, RefError};
use crate::storage::{Created, Storage, random};

/// Where the marks are.
const LOG: &str = "gc";
/// What the check of a mark is derived with.
const CONTEXT: &str = "mdl v1 gc mark";
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
    /// The mark that has exactly these bytes, or these without a check.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, encoding::DecodeError> {
        encoding::from_bytes(&without_check(bytes, CONTEXT)?)
    }

    /// Its canonical bytes, with a check.
    pub fn to_bytes(&self) -> Vec<u8> {
        checked(&encoding::to_bytes(self), CONTEXT)
    }
}

/// The number of the last mark; 0, if nobody ever collected.
pub fn epoch(storage: &dyn Storage) -> Result<u64, RefError> {
    Ok(Log::new(storage, "gc".to_owned()).highest()?.unwrap_or(0))
}

/// The last mark with its epoch; `None` if nobody ever collected.
pub fn mark(storage: &dyn Storage) -> Result<Option<(u64, Mark)>, RefError> {
    Log::new(storage, LOG.to_owned()).read_with(MAX_BYTES, Mark::from_bytes)
}

/// Publishes the mark after that of an epoch, and says its own epoch; `None` if somebody else was first, so
/// that everything has to be looked at again. The packs of the mark before must be gone.
pub fn publish_mark(
    storage: &dyn Storage,
    after: u64,
    doomed: Vec<String>,
    by: &Move,
) -> Result<Option<u64>, RefError> {
    let log = Log::new(storage, LOG.to_owned());
    let (key, epoch) = (log.key(after + 1)?, after + 1);
    let mark = Mark { doomed, nonce: random()?, who: by.who.clone(), when: by.when.clone() };
    let bytes = mark.to_bytes();
    if bytes.len() as u64 > MAX_BYTES {
        return Err(RefError::TooLarge { name: LOG.to_owned(), size: bytes.len(), limit: MAX_BYTES });
    }
    // A mark may have been pruned and this one created in its place: only a listing tells that it is the last.
    let created = storage.create(&key, &bytes)? == Created::Created;
    Ok((created && log.highest()? == Some(epoch)).then_some(epoch))
}

/// Removes the marks before that of an epoch, of which nobody speaks any more.
pub fn prune_marks(storage: &dyn Storage, before: u64) -> Result<(), RefError> {
    let log = Log::new(storage, LOG.to_owned());
    for number in log.numbers()?.into_iter().filter(|number| *number < before) {
        storage.remove(&log.key(number)?)?;
    }
    Ok(())
}

/// Removes the log of a run or of a batch that a batch tells of, its last entry last.
pub fn remove_log(storage: &dyn Storage, name: &Ref) -> Result<(), RefError> {
    let log = Log::of(storage, name);
    for number in log.numbers()? {
        storage.remove(&log.key(number)?)?;
    }
    Ok(())
}
