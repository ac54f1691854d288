//! Taking what is needed out of packs that are about to be removed.

use std::collections::HashSet;

use crate::id::Digest;
use crate::progress::{Amount, Progress, Silent};
use crate::store::layout::{Entry, EntryKind, PackProblem};
use crate::store::packs::{Pack, PackName};
use crate::store::read::slice;
use crate::store::verify::has_its_id;
use crate::store::{Store, StoreError, Writer, Written};

impl Store {
    /// Writes what is wanted of doomed packs into new ones, durably, unless another pack has it. A doomed pack
    /// that is gone already is left out: whoever removed it did this before.
    pub fn rewrite(
        &self,
        doomed: &HashSet<PackName>,
        wanted: &dyn Fn(EntryKind, &Digest) -> bool,
        progress: &dyn Progress,
    ) -> Result<Written, StoreError> {
        let writer = self.writer_without(doomed.clone(), progress);
        let mut names: Vec<&PackName> = doomed.iter().collect();
        names.sort_unstable();
        for name in names {
            match self.rewrite_pack(&Pack::new(*name), wanted, &writer) {
                Err(StoreError::Pack { pack, problem: PackProblem::Missing }) if pack == name.to_string() => {
                }
                rewritten => rewritten?,
            }
            progress.advance(Amount { items: 1, bytes: 0 });
        }
        writer.finish()
    }

    /// Writes everything that packs have into new ones, durably: whether or not something needs it, and whatever other
    /// packs have. So what was in these packs stays, if they go. It is an error if one is gone or damaged.
    pub fn carry(&self, packs: &HashSet<PackName>) -> Result<Written, StoreError> {
        let writer = self.writer_without(HashSet::new(), &Silent).relying_on_nothing();
        let mut names: Vec<&PackName> = packs.iter().collect();
        names.sort_unstable();
        for name in names {
            self.rewrite_pack(&Pack::new(*name), &|_, _| true, &writer)?;
        }
        writer.finish()
    }

    fn rewrite_pack(
        &self,
        pack: &Pack,
        wanted: &dyn Fn(EntryKind, &Digest) -> bool,
        writer: &Writer<'_>,
    ) -> Result<(), StoreError> {
        let all = self.catalog.reader.entries(pack)?;
        let mut entries: Vec<Entry> = (0..all.len()).map(|number| all.get(number)).collect();
        entries.retain(|entry| wanted(entry.kind, &entry.id));
        entries.sort_unstable_by_key(|entry| entry.place);
        let (mut stored, mut raw, mut decoded) = (Vec::new(), Vec::new(), None);
        for entry in entries {
            if !writer.lacks(entry.kind, &entry.id)? {
                continue;
            }
            if decoded != Some(entry.place.frame) {
                self.frame_into(pack, entry.place.frame, true, &mut stored, &mut raw)?;
                decoded = Some(entry.place.frame);
            }
            if !has_its_id(&entry, &raw) {
                let problem = PackProblem::Entry(entry.id);
                return Err(StoreError::Pack { pack: pack.name.to_string(), problem });
            }
            let offset = entry.place.offset as usize;
            let bytes = slice(&raw, pack, offset..offset + entry.place.length as usize)?;
            writer.insert_entry(entry.kind, entry.id, bytes)?;
        }
        Ok(())
    }
}
