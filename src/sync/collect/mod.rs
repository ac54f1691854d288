//! Garbage collection, which is compaction too: by any client, beside writers and other collections.
//!
//! Packs that are mostly garbage, and many small ones, are *doomed* by a mark; every ref is fenced, so that writers
//! know of it; what is needed of doomed packs is written anew, and they are removed. Who finds a mark whose
//! packs are still there finishes it first. Stopped anywhere, it harms nobody, and the next one goes on.
//!
//! Which packs are doomed is a matter of cost alone, never of safety. All that a ref ever pointed to is kept.

mod along;
mod choose;
mod fold;
mod reach;
mod roots;

use std::collections::{HashMap, HashSet};

use crate::id::Digest;
use crate::object::{Link, ObjectError};
use crate::progress::Progress;
use crate::refs::{self, Move, RefError};
use crate::storage::{Storage, StorageError};
use crate::store::layout::PackProblem;
use crate::store::{PackName, Store, StoreError};
pub use along::{Compacted, Terms, compact};
use choose::Usage;
use reach::Reach;

/// Other collections that may go on meanwhile before this one gives up.
const ROUNDS: usize = 20;
/// How often what is needed is looked for again, where something of it was not found.
const LOOKS: usize = 5;

/// How to collect.
pub struct CollectOptions<'a> {
    /// Who collects, when and why.
    pub by: Move,
    /// Whether to change nothing, and say what would be done.
    pub dry_run: bool,
    /// Whether to spare no effort for the last byte: else a little garbage in a pack that is needed stays, as
    /// do few runs in logs of their own.
    pub thorough: bool,
    /// Whether a pack to which nothing refers is so young that somebody may still be about to.
    pub is_young: &'a dyn Fn(&PackName) -> bool,
    /// What else is needed, besides what refs point to; asked again after each fence.
    pub roots: &'a dyn Fn() -> Vec<Link>,
}

/// What a collection did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The number of the mark; `None` if nothing was worth one.
    pub epoch: Option<u64>,
    /// Packs that were there before.
    pub packs: u64,
    /// Packs that were removed.
    pub removed: u64,
    /// Bytes in them.
    pub removed_bytes: u64,
    /// Bytes of them that were needed and written anew; of a dry run, about how many.
    pub copied_bytes: u64,
    /// Packs to which nothing refers and that are too young.
    pub young: Vec<PackName>,
    /// Runs that were moved from logs of their own into a batch.
    pub folded: u64,
    /// Refs that were fenced.
    pub fences: u64,
    /// Contents that are needed and not here: of a partial copy, or lost.
    pub absent: u64,
}

/// Why garbage could not be collected. Nothing that is needed was removed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum CollectError {
    #[error("others collect garbage here all the time")]
    Contended,
    #[error("pack {pack} is damaged ({problem}), and what it had may name what other packs have")]
    Damaged { pack: PackName, problem: PackProblem },
    #[error(transparent)]
    Ref(#[from] RefError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Removes what nothing refers to, and gathers what is small. `store` is that of `storage`.
pub fn collect(
    storage: &dyn Storage,
    store: &Store,
    options: &CollectOptions<'_>,
    progress: &dyn Progress,
) -> Result<Collected, CollectError> {
    let (reach, superseded, done) = (Reach::new(store), HashSet::new(), Collected::default());
    let mut collection = Collection { storage, store, options, progress, reach, superseded, done };
    collection.run()?;
    progress.end();
    Ok(collection.done)
}

struct Collection<'a> {
    storage: &'a dyn Storage,
    store: &'a Store,
    options: &'a CollectOptions<'a>,
    progress: &'a dyn Progress,
    reach: Reach<'a>,
    /// Commits that only the logs of runs referred to which were moved to a batch.
    superseded: HashSet<Digest>,
    done: Collected,
}

impl Collection<'_> {
    fn run(&mut self) -> Result<(), CollectError> {
        self.done.packs = self.packs()?.len() as u64;
        let mut folded = false;
        for _ in 0..ROUNDS {
            let epoch = match self.unfinished()? {
                (epoch, doomed) if doomed.is_empty() => epoch,
                (epoch, doomed) if self.options.dry_run => {
                    self.foresee(epoch, &doomed)?;
                    return Ok(());
                }
                (epoch, doomed) => {
                    // Its maker may have been stopped before it was durable, and no fence must outlive its mark.
                    self.storage.settle("gc")?;
                    self.finish(epoch, &doomed)?;
                    // What was needed then need not be any more.
                    self.reach = Reach::new(self.store);
                    continue;
                }
            };
            if !folded {
                self.done.folded += self.fold()?;
                folded = true;
            }
            let doomed = self.choose()?;
            if doomed.is_empty() {
                return Ok(());
            }
            if self.options.dry_run {
                return self.foresee(epoch + 1, &doomed);
            }
            let mut keys: Vec<String> = doomed.iter().map(PackName::to_string).collect();
            keys.sort_unstable();
            if let Some(epoch) = refs::publish_mark(self.storage, epoch, keys, &self.options.by)? {
                return self.finish(epoch, &doomed);
            }
        }
        Err(CollectError::Contended)
    }

    /// All packs with their sizes.
    fn packs(&self) -> Result<HashMap<PackName, u64>, StorageError> {
        let listed = self.storage.list("packs")?.into_iter();
        Ok(listed.filter_map(|pack| Some((PackName::parse(pack.key.as_str())?, pack.size))).collect())
    }

    /// The last mark's number, and its packs that are still there.
    fn unfinished(&self) -> Result<(u64, HashSet<PackName>), CollectError> {
        let Some((epoch, mark)) = refs::mark(self.storage)? else { return Ok((0, HashSet::new())) };
        let mut doomed: HashSet<PackName> =
            mark.doomed.iter().filter_map(|key| PackName::parse(key)).collect();
        if !doomed.is_empty() {
            let here = self.packs()?;
            doomed.retain(|name| here.contains_key(name));
        }
        Ok((epoch, doomed))
    }

    /// Walks what is needed as of now.
    fn walk(&mut self) -> Result<(), CollectError> {
        let mut roots = roots::of_refs(self.storage, self.store)?;
        roots.extend((self.options.roots)());
        self.reach.walk(roots, self.progress)?;
        self.require_sound()
    }

    /// A pack that is damaged counts as absent for readers. But what its recipes name would count as garbage, and so
    /// would the pack. Called after something was looked for that it may have had.
    fn require_sound(&self) -> Result<(), CollectError> {
        let damaged = self.store.damaged().into_iter().next();
        damaged.map_or(Ok(()), |(pack, problem)| Err(CollectError::Damaged { pack, problem }))
    }

    /// The packs that are worth removing.
    fn choose(&mut self) -> Result<HashSet<PackName>, CollectError> {
        self.progress.begin("Looking at what is needed", None);
        patiently(|| self.walk())?;
        self.done.absent = self.reach.absent();
        let usage = patiently(|| self.usage())?;
        let chosen = choose::choose(&usage, self.options.is_young, self.options.thorough);
        self.done.young = chosen.young;
        Ok(chosen.doomed)
    }

    fn usage(&self) -> Result<Vec<Usage>, CollectError> {
        let (mut usage, mut claimed) = (HashMap::new(), crate::graph::Marks::default());
        self.store.each_entry(&mut |name, entry| {
            let usage: &mut (u64, u64, bool) = usage.entry(name).or_default();
            // What is in several packs is needed once.
            let needed =
                self.reach.needs(entry.kind, &entry.id) && claimed.insert((entry.kind.number(), &entry.id));
            let length = u64::from(entry.place.length).max(1);
            if needed {
                usage.0 += length
            } else {
                usage.1 += length
            }
            usage.2 |= self.superseded.contains(&entry.id);
        })?;
        self.require_sound()?;
        let listed = self.packs()?.into_iter();
        Ok(listed
            .map(|(name, size)| {
                let (needed, garbage, superseded) = usage.get(&name).copied().unwrap_or_default();
                Usage { name, size, needed, garbage, superseded }
            })
            .collect())
    }

    /// Fills in what a collection would do.
    fn foresee(&mut self, epoch: u64, doomed: &HashSet<PackName>) -> Result<(), CollectError> {
        self.progress.begin("Looking at what is needed", None);
        patiently(|| self.walk())?;
        self.done.epoch = Some(epoch);
        for usage in patiently(|| self.usage())?.into_iter().filter(|usage| doomed.contains(&usage.name)) {
            self.done.removed += 1;
            self.done.removed_bytes += usage.size;
            self.done.copied_bytes += usage.needed_size();
        }
        Ok(())
    }

    /// Takes what is needed out of doomed packs, and removes them.
    fn finish(&mut self, epoch: u64, doomed: &HashSet<PackName>) -> Result<(), CollectError> {
        self.progress.begin("Telling writers", None);
        patiently(|| {
            self.done.fences += roots::fence_all(self.storage, epoch, &self.options.by)?;
            self.walk()
        })?;
        // Others' work counts on as much as ours does. And the logs that were folded must be gone for good before what
        // only they named.
        self.storage.settle("refs")?;
        self.storage.settle("packs")?;
        let sizes = self.packs()?;
        self.progress.begin("Moving what is needed", None);
        let written = self.store.rewrite(doomed, &|kind, id| self.reach.needs(kind, id), self.progress)?;
        self.done.copied_bytes += written.stored_bytes;
        self.progress.begin("Removing packs", None);
        let mut names: Vec<&PackName> = doomed.iter().collect();
        names.sort_unstable();
        for name in names {
            self.storage.remove(&name.key())?;
            self.done.removed += u64::from(sizes.contains_key(name));
            self.done.removed_bytes += sizes.get(name).copied().unwrap_or_default();
        }
        refs::prune_marks(self.storage, epoch)?;
        self.done.epoch = Some(epoch);
        Ok(())
    }
}

/// Looks again where something was not found: another collection has moved it meanwhile, or it is lost.
fn patiently<T>(mut look: impl FnMut() -> Result<T, CollectError>) -> Result<T, CollectError> {
    for _ in 1..LOOKS {
        match look() {
            Err(error) if is_missing(&error) => {}
            found => return found,
        }
    }
    look()
}

/// Whether something that is needed was not found.
fn is_missing(error: &CollectError) -> bool {
    let gone = |error: &StoreError| matches!(error, StoreError::Pack { problem: PackProblem::Missing, .. });
    match error {
        CollectError::Object(ObjectError::Missing { .. })
        | CollectError::Ref(RefError::Object(ObjectError::Missing { .. })) => true,
        CollectError::Object(ObjectError::Storage(source))
        | CollectError::Ref(RefError::Object(ObjectError::Storage(source))) => {
            source.downcast_ref::<StoreError>().is_some_and(gone)
        }
        CollectError::Store(error) => gone(error),
        _ => false,
    }
}
