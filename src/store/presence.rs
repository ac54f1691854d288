//! What is here: contents with all of their chunks, packs with their sizes, entries by their packs.

use crate::id::ContentId;
use crate::store::layout::Entry;
use crate::store::packs::{PackInfo, PackName};
use crate::store::{Store, StoreError};

impl Store {
    /// Lists the packs again.
    pub fn refresh(&self) -> Result<(), StoreError> {
        self.catalog.refresh().map(drop)
    }

    /// Lists the packs again, with their sizes; sorted.
    pub fn packs(&self) -> Result<Vec<PackInfo>, StoreError> {
        self.catalog.refresh()
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
        let (low, high) = (crate::id::Digest::new([0; 32]), crate::id::Digest::new([0xff; 32]));
        self.catalog.range(&low, &high, see)
    }

    /// Whether a content is here with all that it is made of: a clone may have its recipe and no chunk.
    pub fn is_here(&self, id: ContentId) -> Result<bool, StoreError> {
        Ok(self.is_known(id)? || {
            self.catalog.refresh()?;
            self.is_known(id)?
        })
    }

    /// Which of these contents are not here with all that they are made of. Packs are listed once.
    pub fn missing(&self, wanted: &[ContentId]) -> Result<Vec<ContentId>, StoreError> {
        self.catalog.refresh()?;
        let mut missing = Vec::new();
        for id in wanted {
            if !self.is_known(*id)? {
                missing.push(*id);
            }
        }
        Ok(missing)
    }

    fn is_known(&self, id: ContentId) -> Result<bool, StoreError> {
        self.is_whole(id, &|kind, id| Ok(self.catalog.find_known(kind, id)?.is_some()))
    }
}
