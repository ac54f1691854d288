//! Packs that are being written: frames go in from many threads, finished packs are published behind them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::id::Digest;
use crate::storage::{Draft, Storage, StorageError, random};
use crate::store::StoreError;
use crate::store::codec::Codec;
use crate::store::layout::{
    Entry, EntryKind, FooterBuilder, Frame, MAGIC, Place, TRAILER_LEN, Trailer, pack_name,
};
use crate::store::packs::{PackName, Section};

/// A pack is closed before it grows beyond so many bytes of frames, unless it has but one.
const MOST_BYTES: u64 = 60 << 20;
/// A pack is closed at so many entries, which keeps its footer below 4 MiB.
const MOST_ENTRIES: usize = 1 << 16;
/// Publications under way before a writer waits for the oldest.
const MOST_UNDER_WAY: usize = 2;

/// A frame that is ready to be stored.
pub(super) struct Encoded<'a> {
    pub(super) codec: Codec,
    pub(super) raw_len: u32,
    pub(super) stored: &'a [u8],
    pub(super) hash: Digest,
}

/// An entry of a frame: what, where in the raw frame, how long.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) kind: EntryKind,
    pub(super) id: Digest,
    pub(super) offset: u32,
    pub(super) length: u32,
}

struct PackDraft {
    body: Box<dyn Draft>,
    length: u64,
    footer: FooterBuilder,
}

impl PackDraft {
    fn new(storage: &dyn Storage) -> Result<Self, StorageError> {
        let mut body = storage.draft()?;
        body.write(&MAGIC)?;
        Ok(Self { body, length: MAGIC.len() as u64, footer: FooterBuilder::default() })
    }

    fn append(&mut self, frame: &Encoded<'_>, items: &[Item]) -> Result<(), StorageError> {
        self.body.write(frame.stored)?;
        let stored = frame.stored.len() as u32;
        let record =
            Frame { offset: self.length, stored, raw: frame.raw_len, codec: frame.codec, hash: frame.hash };
        self.length += u64::from(stored);
        let number = self.footer.frame(&record);
        for Item { kind, id, offset, length } in items.iter().copied() {
            self.footer.entry(&Entry { id, kind, place: Place { frame: number, offset, length } });
        }
        Ok(())
    }

    fn publish(self, section: Section, nonce: [u8; 16]) -> Result<Published, StorageError> {
        let Self { mut body, length, footer } = self;
        let footer = footer.finish(nonce);
        let digest = pack_name(&footer);
        body.write(&footer)?;
        body.write(&Trailer { footer_len: footer.len() as u64, name: digest }.to_bytes())?;
        let name = PackName { section, digest };
        body.publish(&name.key())?;
        Ok(Published { name, bytes: length + (footer.len() + TRAILER_LEN) as u64 })
    }
}

/// A pack that is there now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    pub(super) name: PackName,
    pub(super) bytes: u64,
}

type Publication = JoinHandle<Result<Published, StorageError>>;

/// Writes the packs of one section.
pub(super) struct Packer {
    storage: Arc<dyn Storage>,
    section: Section,
    nonce: fn() -> Result<[u8; 16], StorageError>,
    current: Mutex<Option<PackDraft>>,
    full: Mutex<Full>,
}

/// Packs that are full: held back, on their way, or published.
#[derive(Default)]
struct Full {
    held: Vec<PackDraft>,
    under_way: VecDeque<Publication>,
    published: Vec<Published>,
}

impl Packer {
    pub(super) fn new(storage: Arc<dyn Storage>, section: Section) -> Self {
        Self { storage, section, nonce: random, current: Mutex::default(), full: Mutex::default() }
    }

    /// Packs whose names do not depend on chance, for tests of the format.
    #[cfg(test)]
    pub(super) fn without_nonce(mut self) -> Self {
        self.nonce = || Ok([0; 16]);
        self
    }

    /// Appends a frame with its entries. A data pack that is full is published at once, behind the
    /// writer's back; a metadata pack waits for [`Packer::finish`].
    pub(super) fn append(&self, frame: &Encoded<'_>, items: &[Item]) -> Result<(), StoreError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |draft: &PackDraft| {
            draft.length + frame.stored.len() as u64 <= MOST_BYTES
                && draft.footer.entry_count() + items.len() <= MOST_ENTRIES
        };
        let full = if current.as_ref().is_some_and(|draft| !fits(draft)) { current.take() } else { None };
        let draft = match &mut *current {
            Some(draft) => draft,
            none => none.insert(PackDraft::new(&*self.storage)?),
        };
        draft.append(frame, items)?;
        drop(current);
        full.map_or(Ok(()), |draft| self.retire(draft))
    }

    fn retire(&self, draft: PackDraft) -> Result<(), StoreError> {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if self.section == Section::Meta {
            full.held.push(draft);
            return Ok(());
        }
        let (section, nonce) = (self.section, (self.nonce)()?);
        full.under_way.push_back(std::thread::spawn(move || draft.publish(section, nonce)));
        while full.under_way.len() > MOST_UNDER_WAY {
            full.wait_for_oldest()?;
        }
        Ok(())
    }

    /// Publishes what is left, and says which packs there are now, all of them durable.
    pub(super) fn finish(self) -> Result<Vec<Published>, StoreError> {
        let last = self.current.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut full = self.full.into_inner().unwrap_or_else(PoisonError::into_inner);
        for draft in std::mem::take(&mut full.held).into_iter().chain(last) {
            let published = draft.publish(self.section, (self.nonce)()?)?;
            full.published.push(published);
        }
        while !full.under_way.is_empty() {
            full.wait_for_oldest()?;
        }
        Ok(std::mem::take(&mut full.published))
    }
}

impl Full {
    fn wait_for_oldest(&mut self) -> Result<(), StoreError> {
        let Some(publication) = self.under_way.pop_front() else { return Ok(()) };
        let published = publication.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        self.published.push(published);
        Ok(())
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        // Nothing goes on writing after the writer is gone.
        self.under_way.drain(..).for_each(|publication| drop(publication.join()));
    }
}
