//! What a writer has inserted already.

use std::sync::{Mutex, PoisonError};

use crate::graph::Marks;
use crate::id::Digest;
use crate::store::layout::EntryKind;

const SHARDS: usize = 64;

/// A set that many threads add to at once.
pub(super) struct Seen(Vec<Mutex<Marks>>);

impl Seen {
    pub(super) fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    /// Adds an entry; whether it is new.
    pub(super) fn insert(&self, kind: EntryKind, id: &Digest) -> bool {
        self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).insert((kind.number(), id))
    }

    /// Whether an entry was added.
    pub(super) fn contains(&self, kind: EntryKind, id: &Digest) -> bool {
        self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).contains((kind.number(), id))
    }

    fn shard(&self, id: &Digest) -> &Mutex<Marks> {
        &self.0[usize::from(id.as_bytes()[0]) % SHARDS]
    }
}
