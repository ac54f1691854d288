//! What is needed: everything reachable, down to the entries of packs.

use crate::graph::{Closure, Marks};
use crate::id::{ContentId, Digest};
use crate::object::Link;
use crate::progress::{Amount, Progress};
use crate::store::layout::EntryKind;
use crate::store::{Store, StoreError};
use crate::sync::CollectError;

/// What was reached so far. It only grows: what was needed once is kept by the collection that saw it.
pub(super) struct Reach<'a> {
    store: &'a Store,
    closure: Closure<'a>,
    needed: Marks,
    /// Contents that were not here, at least not all of them, when they were looked for last.
    absent: Vec<ContentId>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, closure: Closure::new(store), needed: Marks::default(), absent: Vec::new() }
    }

    /// Walks what is reachable from roots, and was not walked before.
    pub(super) fn walk(&mut self, roots: Vec<Link>, progress: &dyn Progress) -> Result<(), CollectError> {
        // Somebody may have brought them since.
        let mut contents = std::mem::take(&mut self.absent);
        let needed = &mut self.needed;
        let walked = self.closure.walk(roots, &mut |link| {
            progress.advance(Amount { items: 1, bytes: 0 });
            match link {
                Link::Object(kind, id) => drop(needed.insert((EntryKind::Object(kind).number(), &id))),
                Link::Content(id, _) => contents.push(id),
                Link::Unstored(_) => {}
            }
            true
        });
        let walked = walked.map_err(CollectError::from).and_then(|()| self.contents(contents));
        if walked.is_err() {
            // What is below the place where it stopped was not seen, and what is above would not be walked again.
            (self.closure, self.absent) = (Closure::new(self.store), Vec::new());
        }
        walked
    }

    fn contents(&mut self, contents: Vec<ContentId>) -> Result<(), CollectError> {
        let needed = &mut self.needed;
        for id in contents {
            let here = self.store.each_entry_of(id, &mut |kind, id| {
                needed.insert((kind.number(), &id));
            });
            match here {
                Ok(true) => {}
                // Of the last, a part is not here.
                Ok(false) | Err(StoreError::CorruptRecipe(_)) => self.absent.push(id),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether an entry is needed.
    pub(super) fn needs(&self, kind: EntryKind, id: &Digest) -> bool {
        self.needed.contains((kind.number(), id))
    }

    /// Contents that are needed and not here.
    pub(super) fn absent(&self) -> u64 {
        self.absent.len() as u64
    }
}
