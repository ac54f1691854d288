//! Compaction along the way: of many commands that leave a few small files each, now and then one gathers them.
//!
//! Nobody has to know of it, and nobody waits for it: it comes after what was asked for is recorded, takes a fraction
//! of a second, and is no failure if it fails.

use crate::repo::{RepoError, Repository};
use crate::storage::random;
use crate::sync::{self, Compacted, Terms};

/// Fewer packs than this cost nobody anything.
const MANY_PACKS: usize = 96;
/// Of so many commands at once that see them, one gathers them: it needs no lock, since a mark is published once.
const ONE_IN: u8 = 4;

impl Repository {
    /// Gathers what many commands left, if it is much, and if chance has it that this one does.
    pub(super) fn compact_along(&self) {
        let is_chosen = || random::<1>().is_ok_and(|[byte]| byte % ONE_IN == 0);
        if self.store.packs_seen() >= MANY_PACKS && is_chosen() {
            // What fails is left to the next one.
            let _ = self.compact(Terms::USUAL);
        }
    }

    /// Gathers what is small, if it is much by these terms, as commands do along the way.
    pub fn compact(&self, terms: Terms) -> Result<Compacted, RepoError> {
        let done = sync::compact(&*self.storage, &self.store, &self.mover("compaction"), terms)?;
        if done.folded > 0 {
            // While the batch is at hand.
            let _ = self.index_runs();
        }
        Ok(done)
    }
}
