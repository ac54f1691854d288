//! What a writer stands on: the value of its ref, and the last mark of a collection, read after it.
//!
//! The order is what makes it safe. A collection first publishes its mark and then fences every ref. So who read a
//! ref that is not fenced, and no mark after it, is going to meet the fence; and who read the mark keeps clear of the
//! packs that it names. Packs are listed after both.

use std::collections::HashSet;
use std::sync::Arc;

use crate::refs::entry::{self, Entry, Nonce, Target};
use crate::refs::log::Log;
use crate::refs::{Move, Ref, RefError, collection};
use crate::storage::{Key, Storage, random};

/// The packs that the last mark names: a collection removes them, at any moment. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doomed(Arc<HashSet<String>>);

impl Doomed {
    /// Whether nothing is doomed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the pack of this key is.
    pub fn contains(&self, key: &Key) -> bool {
        self.0.contains(key.as_str())
    }

    /// The keys, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromIterator<String> for Doomed {
    fn from_iter<I: IntoIterator<Item = String>>(keys: I) -> Self {
        Self(Arc::new(keys.into_iter().collect()))
    }
}

/// What a move stands on. It may rely on what the value refers to, and on every pack that is listed from now on
/// and not doomed.
#[derive(Clone, Debug, PartialEq)]
pub struct Footing {
    /// The number of the last entry.
    pub number: u64,
    /// The last entry.
    pub entry: Entry,
    /// The number of the last mark; 0, if nobody ever collected.
    pub epoch: u64,
    /// The packs that it names.
    pub doomed: Doomed,
}

impl Footing {
    /// Whether what was relied on with one can still be relied on with the other.
    pub fn is_as(&self, other: &Self) -> bool {
        (self.number, self.epoch) == (other.number, other.epoch)
    }
}

/// Where a ref stands now, for who is going to move it. A new ref is born empty, so that a collection sees it.
pub fn stand(storage: &dyn Storage, name: &Ref, by: &Move) -> Result<Footing, RefError> {
    let log = Log::of(storage, name);
    let (number, entry) = born(storage, &log, by, &mut random_nonce)?;
    after(storage, number, entry)
}

/// The last entry of a log, which is begun if it was not.
pub(super) fn born(
    storage: &dyn Storage,
    log: &Log<'_>,
    by: &Move,
    nonce: &mut dyn FnMut() -> Result<Nonce, RefError>,
) -> Result<(u64, Entry), RefError> {
    if let Some(last) = log.read()? {
        return Ok(last);
    }
    let birth = birth(by, nonce()?);
    storage.create(&log.key(0)?, &entry::bounded(&birth, log.prefix())?)?;
    log.read()?.ok_or_else(|| log.vanished())
}

/// The first entry of a log.
pub(super) fn birth(by: &Move, nonce: Nonce) -> Entry {
    Entry {
        target: Target::Birth,
        previous: None,
        nonce,
        recent: Vec::new(),
        stepped_back: None,
        epoch: 0,
        who: by.who.clone(),
        when: by.when.clone(),
        why: "birth".to_owned(),
    }
}

/// The footing of who has just read this entry.
pub(super) fn after(storage: &dyn Storage, number: u64, entry: Entry) -> Result<Footing, RefError> {
    let (epoch, doomed) = doomed(storage)?;
    Ok(Footing { number, entry, epoch, doomed })
}

/// The number of the last mark, and the packs that it names.
pub fn doomed(storage: &dyn Storage) -> Result<(u64, Doomed), RefError> {
    Ok(match collection::mark(storage)? {
        Some((epoch, mark)) => (epoch, mark.doomed.into_iter().collect()),
        None => (0, Doomed::default()),
    })
}

pub(super) fn random_nonce() -> Result<Nonce, RefError> {
    Ok(random()?)
}
