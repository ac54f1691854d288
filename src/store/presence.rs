//! What is here: contents with all of their chunks, packs with their sizes, entries by their packs.

use crate::id::{ContentId, Digest};
use crate::store::layout::{Entry, PackProblem};
use crate::store::packs::{DamagedPacks, PackInfo, PackName};
use crate::store::{Store, StoreError};

impl Store {
    /// Lists the packs again.
    pub fn refresh(&self) -> Result<(), StoreError> {
        self.catalog.refresh().map(drop)
    }

    /// How many packs there were when they were listed last; 0 if they were not.
    pub fn packs_seen(&self) -> usize {
        self.catalog.seen()
    }

    /// Lists the packs again, with their sizes; sorted.
    pub fn packs(&self) -> Result<Vec<PackInfo>, StoreError> {
        self.catalog.refresh()
    }

    /// What is going to tell of packs that are damaged as a whole, and count as absent. Those of which nothing was looked
    /// for are not among them.
    pub fn damaged_packs(&self) -> DamagedPacks {
        self.catalog.reader.damaged.clone()
    }

    /// Of the packs that are listed, those that were found to be damaged as a whole, and how.
    pub fn damaged(&self) -> Vec<(PackName, PackProblem)> {
        self.catalog.damaged()
    }

    /// Reads the footers that no index has, many at a time where the storage is a remote, and saves the index:
    /// for who is going to look for much.
    pub fn prepare(&self) -> Result<(), StoreError> {
        self.catalog.refresh()?;
        self.catalog.load_younger()?;
        self.catalog.save()
    }

    /// Calls `see` with every entry of every pack that is listed, in no particular order.
    pub fn each_entry(&self, see: &mut dyn FnMut(PackName, Entry)) -> Result<(), StoreError> {
        self.catalog.refresh()?;
        self.catalog.load_younger()?;
        let (low, high) = (Digest::new([0; 32]), Digest::new([0xff; 32]));
        self.catalog.range(&low, &high, see)
    }

    /// Those contents that are not here whole. Lists the packs once at most.
    pub fn lacking(
        &self,
        contents: impl IntoIterator<Item = ContentId>,
    ) -> Result<Vec<ContentId>, StoreError> {
        let is_here = |id| self.is_whole(id, &|kind, id| Ok(self.catalog.find_known(kind, id)?.is_some()));
        let lacking = |contents: &mut dyn Iterator<Item = ContentId>| {
            let absent = contents.filter_map(|id| match is_here(id) {
                Ok(true) => None,
                Ok(false) => Some(Ok(id)),
                Err(error) => Some(Err(error)),
            });
            absent.collect::<Result<Vec<_>, StoreError>>()
        };
        let maybe = lacking(&mut contents.into_iter())?;
        if maybe.is_empty() {
            return Ok(maybe);
        }
        self.catalog.refresh()?;
        lacking(&mut maybe.into_iter())
    }
}
