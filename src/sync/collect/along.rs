//! Compaction along the way: what many small commands leave is gathered by one of them, at the cost of a few files.
//!
//! Finished runs move to a batch, and small packs are copied *whole* into one. Since everything that they have stays,
//! whoever relied on something in them can go on to do so: no ref is fenced, nothing is walked, and the cost does not
//! depend on how many refs and runs there are. Garbage is for [`collect`](super::collect).
//!
//! The copy comes first, and then a mark that names the packs. If somebody else published a mark meanwhile, then it may
//! name the copy, and nothing is removed. If not, then nobody dooms the copy before the packs of this mark are
//! gone. Stopped anywhere, it leaves a copy that is garbage, or a mark that the next one finishes.

use std::collections::{HashMap, HashSet};

use crate::name::RunId;
use crate::object::Link;
use crate::progress::Silent;
use crate::refs::{self, Family, Move, Ref, RefError, Target};
use crate::storage::Storage;
use crate::store::{PackName, Section, Store, StoreError};
use crate::sync::collect::fold::{Foldable, MOST_BATCHES};
use crate::sync::collect::reach::Reach;
use crate::sync::collect::{CollectError, CollectOptions, Collected, Collection, patiently};

/// When compaction is worth it.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// So many runs with logs of their own make a batch.
    pub runs: usize,
    /// Packs of one section are gathered when there are so many of fewer bytes than this.
    pub tiers: [(u64, usize); 2],
    /// A mark that is younger, in milliseconds, is somebody's who is still at it: a guess, of which only cost depends.
    pub at_it: u64,
}

impl Terms {
    /// As it costs least.
    pub const USUAL: Self = Self { runs: 64, tiers: [(256 << 10, 96), (4 << 20, 16)], at_it: 10 * 60 * 1000 };
    /// Whenever there is anything to gather.
    pub const ALWAYS: Self = Self { runs: 1, tiers: [(4 << 20, 2), (4 << 20, 2)], at_it: 0 };
}
/// At most so many bytes are copied by one command, about.
const MOST_BYTES: u64 = 32 << 20;
/// Damaged packs that are left out before it is given up.
const DAMAGED: usize = 8;

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Runs that were moved to a batch.
    pub folded: u64,
    /// Packs that were copied into others, and removed.
    pub packs: u64,
    /// Bytes that were written for them.
    pub bytes: u64,
}

/// Gathers what is small, if there is much of it. `store` is that of `storage`.
pub fn compact(
    storage: &dyn Storage,
    store: &Store,
    by: &Move,
    terms: Terms,
) -> Result<Compacted, CollectError> {
    let (is_young, roots) = (|_: &PackName| true, Vec::<Link>::new);
    let options = CollectOptions {
        by: by.clone(),
        dry_run: false,
        thorough: false,
        is_young: &is_young,
        roots: &roots,
    };
    let (reach, superseded, done) = (Reach::new(store), HashSet::new(), Collected::default());
    let collection =
        Collection { storage, store, options: &options, progress: &Silent, reach, superseded, done };
    collection.compact(terms)
}

impl Collection<'_> {
    fn compact(&self, terms: Terms) -> Result<Compacted, CollectError> {
        let (epoch, doomed) = self.unfinished()?;
        if !doomed.is_empty() {
            return self.take_over(epoch, &doomed, terms);
        }
        let folded = self.fold_loose(terms)?;
        let Some((doomed, bytes)) = self.carried(worth_gathering(&self.packs()?, terms))? else {
            return Ok(Compacted { folded, ..Compacted::default() });
        };
        let mut keys: Vec<String> = doomed.iter().map(PackName::to_string).collect();
        keys.sort_unstable();
        match refs::publish_mark(self.storage, epoch, keys, &self.options.by)? {
            Some(epoch) => self.remove_packs(epoch, &doomed)?,
            None => return Ok(Compacted { folded, packs: 0, bytes }),
        }
        Ok(Compacted { folded, packs: doomed.len() as u64, bytes })
    }

    /// Finishes a mark whose maker was stopped: else nobody could publish another.
    fn take_over(
        &self,
        epoch: u64,
        doomed: &HashSet<PackName>,
        terms: Terms,
    ) -> Result<Compacted, CollectError> {
        let made = refs::mark(self.storage)?.map(|(_, mark)| mark.when);
        let sizes = self.packs()?;
        let bytes: u64 = doomed.iter().filter_map(|name| sizes.get(name)).sum();
        let is_at_it =
            made.is_some_and(|made| made.millis.abs_diff(self.options.by.when.millis) < terms.at_it);
        if is_at_it || bytes > 2 * MOST_BYTES {
            return Ok(Compacted::default());
        }
        // Its maker may have been stopped before it was durable, and nobody may know of a mark that is gone.
        self.storage.settle("gc")?;
        let written = self.store.carry(doomed)?;
        self.remove_packs(epoch, doomed)?;
        let (packs, bytes) = (doomed.len() as u64, written.stored_bytes);
        Ok(Compacted { folded: 0, packs, bytes })
    }

    /// Copies packs, and says which and how many bytes that took; those that are damaged are left where they are.
    fn carried(
        &self,
        mut packs: HashSet<PackName>,
    ) -> Result<Option<(HashSet<PackName>, u64)>, CollectError> {
        for _ in 0..DAMAGED {
            if packs.is_empty() {
                return Ok(None);
            }
            match self.store.carry(&packs) {
                Ok(written) => return Ok(Some((packs, written.stored_bytes))),
                Err(StoreError::Pack { pack, problem }) => {
                    if !PackName::parse(&pack).is_some_and(|name| packs.remove(&name)) {
                        return Err(StoreError::Pack { pack, problem }.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    fn remove_packs(&self, epoch: u64, doomed: &HashSet<PackName>) -> Result<(), CollectError> {
        let mut names: Vec<&PackName> = doomed.iter().collect();
        names.sort_unstable();
        names.into_iter().try_for_each(|name| self.storage.remove(&name.key()))?;
        Ok(refs::prune_marks(self.storage, epoch)?)
    }

    /// Moves finished runs with logs of their own to a batch, and says how many. No batch is read for it: a run
    /// that is in one already is in two from then on, which say the same.
    fn fold_loose(&self, terms: Terms) -> Result<u64, CollectError> {
        if refs::names(self.storage, Family::Runs)?.len() < terms.runs {
            return Ok(0);
        }
        let name = Ref::of_new_batch(&self.options.by.when)?;
        let footing = refs::stand(self.storage, &name, &self.options.by)?;
        let here = self.packs()?;
        if PackName::of_keys(footing.doomed.keys()).iter().any(|pack| here.contains_key(pack)) {
            return Ok(0);
        }
        let found = patiently(|| self.loose())?;
        if found.runs.is_empty() {
            return Ok(0);
        }
        match self.publish(&name, &footing, &found) {
            // A collection came in between: it folds, or the next command does.
            Err(CollectError::Ref(RefError::Collected { .. })) => return Ok(0),
            published => published?,
        }
        // Others' batches count as much as ours: their makers may have been stopped before they were durable.
        self.storage.settle("refs/packed")?;
        self.remove_runs(found.runs.keys())?;
        for (batch, _) in &found.batches {
            refs::remove_log(self.storage, &Ref { family: Family::Batches, name: batch.clone() })?;
        }
        Ok(found.runs.len() as u64)
    }

    /// Finished runs with logs of their own; batches, if they are many.
    fn loose(&self) -> Result<Foldable, CollectError> {
        let mut found = Foldable::default();
        for (name, entry) in refs::list_all(self.storage, Family::Runs)? {
            if let (Ok(id), Target::Finished(commit)) = (RunId::new(name.as_str()), entry.target) {
                found.runs.insert(id, commit);
            }
        }
        for (name, entry) in refs::list_all(self.storage, Family::Batches)? {
            if let Target::Runs(id) = entry.target {
                found.batches.push((name, id));
            }
        }
        if found.batches.len() <= MOST_BATCHES {
            found.batches.clear();
        }
        Ok(found)
    }
}

/// The packs to gather: of each section the small ones, if they are many. What was gathered counts in the next tier, so
/// that each byte is copied once a tier, about, and what is large stays.
fn worth_gathering(packs: &HashMap<PackName, u64>, terms: Terms) -> HashSet<PackName> {
    let mut gathered = HashSet::new();
    for section in Section::ALL {
        let mut all: Vec<(u64, PackName)> = packs
            .iter()
            .filter(|(name, _)| name.section == section)
            .map(|(name, size)| (*size, *name))
            .collect();
        all.sort_unstable();
        let [(small_bytes, many_small), (middle_bytes, many_middle)] = terms.tiers;
        let below = |bytes: u64| all.partition_point(|(size, _)| *size < bytes);
        let (small, middle) = (below(small_bytes), below(middle_bytes));
        let count = match () {
            () if middle - small >= many_middle => middle,
            () if small >= many_small => small,
            () => 0,
        };
        let mut bytes = 0;
        let within = all[..count].iter().take_while(|(size, _)| {
            bytes += size;
            bytes <= MOST_BYTES
        });
        gathered.extend(within.map(|(_, name)| *name));
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Digest;

    fn gathered(sizes: &[(u8, Section, u64)]) -> Vec<u8> {
        let name = |(number, section, size): &(u8, Section, u64)| {
            (PackName { section: *section, digest: Digest::new([*number; 32]) }, *size)
        };
        let found = worth_gathering(&sizes.iter().map(name).collect(), Terms::USUAL);
        let mut numbers: Vec<u8> = found.iter().map(|name| name.digest.as_bytes()[0]).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn few_packs_and_large_ones_stay() {
        let few: Vec<_> = (0..95).map(|number| (number, Section::Meta, 1000)).collect();
        assert!(gathered(&few).is_empty());
        let large: Vec<_> = (0..200).map(|number| (number, Section::Data, 4 << 20)).collect();
        assert!(gathered(&large).is_empty());
        let middle: Vec<_> = (0..15).map(|number| (number, Section::Data, 1 << 20)).collect();
        assert!(gathered(&middle).is_empty());
    }

    #[test]
    fn many_small_packs_go_and_what_they_became_goes_later() {
        let mut packs: Vec<_> = (0..96).map(|number| (number, Section::Meta, 1000)).collect();
        packs.push((200, Section::Meta, 300 << 10));
        packs.push((201, Section::Data, 1000));
        assert_eq!(gathered(&packs), (0..96).collect::<Vec<u8>>());
        packs.extend((210..225).map(|number| (number, Section::Meta, 300 << 10)));
        assert_eq!(gathered(&packs).len(), 96 + 16);
        // Not more at once than takes a moment.
        let middle: Vec<_> = (0..16).map(|number| (number, Section::Data, 3 << 20)).collect();
        assert_eq!(gathered(&middle).len(), 10);
    }

    #[test]
    fn packs_and_what_is_copied_stay_few() {
        let (mut packs, mut next, mut copied, mut most) = (HashMap::new(), 0_u64, 0, 0);
        for _ in 0..100_000 {
            let name = |number: u64| {
                let digest = Digest::new(*blake3::hash(&number.to_le_bytes()).as_bytes());
                PackName { section: Section::Meta, digest }
            };
            packs.insert(name(next), 2000);
            next += 1;
            if packs.len() >= 96 {
                let gathered = worth_gathering(&packs, Terms::USUAL);
                let bytes: u64 = gathered.iter().filter_map(|name| packs.remove(name)).sum();
                copied += bytes;
                packs.extend((bytes > 0).then(|| (name(next), bytes)));
                next += 1;
            }
            most = most.max(packs.len());
        }
        assert!(most < 96 + 16 + 200_000_000 / (4 << 20), "{most} packs");
        assert!(copied < 4 * 200_000_000, "each byte was copied {} times", copied / 200_000_000);
    }
}
