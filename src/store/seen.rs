//! What a writer has inserted already, in 16 bytes an id.
//!
//! An id is remembered as two hashes under keys drawn at random for each writer: that another id has the
//! same ones has a chance of 2^-88 among a million, and cannot be brought about from outside.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::id::Digest;
use crate::store::layout::EntryKind;

const SHARDS: usize = 64;

/// A set that many threads add to at once.
pub(super) struct Seen {
    keys: [RandomState; 2],
    shards: Vec<Mutex<HashSet<u128, BuildHasherDefault<Low>>>>,
}

impl Seen {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { keys: [RandomState::new(), RandomState::new()], shards }
    }

    /// Adds an entry; whether it is new.
    pub(super) fn insert(&self, kind: EntryKind, id: &Digest) -> bool {
        self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).insert(self.mark(kind, id))
    }

    /// Whether an entry was added.
    pub(super) fn contains(&self, kind: EntryKind, id: &Digest) -> bool {
        self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).contains(&self.mark(kind, id))
    }

    fn shard(&self, id: &Digest) -> &Mutex<HashSet<u128, BuildHasherDefault<Low>>> {
        &self.shards[usize::from(id.as_bytes()[0]) % SHARDS]
    }

    fn mark(&self, kind: EntryKind, id: &Digest) -> u128 {
        let [high, low] =
            [&self.keys[0], &self.keys[1]].map(|key| key.hash_one((kind.number(), id.as_bytes())));
        (u128::from(high) << 64) | u128::from(low)
    }
}

/// Takes the low half of what is a hash already.
#[derive(Default)]
struct Low(u64);

impl Hasher for Low {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, mark: u128) {
        self.0 = mark as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_new_once() {
        let seen = Seen::new();
        let id = Digest::new([7; 32]);
        assert!(!seen.contains(EntryKind::Chunk, &id));
        assert!(seen.insert(EntryKind::Chunk, &id));
        assert!(!seen.insert(EntryKind::Chunk, &id));
        assert!(seen.contains(EntryKind::Chunk, &id));
        assert!(!seen.contains(EntryKind::Recipe, &id));
    }
}
