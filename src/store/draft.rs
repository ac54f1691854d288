//! Packs that are being written: frames go in from many threads, finished packs are published behind them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::id::Digest;
use crate::storage::{Draft, Storage, StorageError, random};
use crate::store::StoreError;
use crate::store::codec::Codec;
use crate::store::layout::{
    Entries, Entry, EntryKind, Footer, FooterBuilder, Frame, MAGIC, Place, TRAILER_LEN, Trailer, pack_name,
};
use crate::store::packs::{Pack, PackName, Section};

/// A pack is closed at so many entries, which keeps its footer below 4 MiB.
const MOST_ENTRIES: usize = 1 << 16;

/// How packs are made.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// A pack is closed before it grows beyond so many bytes of frames, unless it has but one.
    pub(super) most_bytes: u64,
    /// Publications under way before a writer waits for the oldest.
    pub(super) most_under_way: usize,
    /// Metadata packs that are full wait for [`Packer::finish`]: something else has to be published first.
    pub(super) holds_metadata: bool,
}

impl Terms {
    /// For what is new.
    pub(super) const WRITER: Self = Self { most_bytes: 60 << 20, most_under_way: 2, holds_metadata: true };
    /// For what is copied, to places that may be far away and keep what is under way in memory.
    pub(super) const TRANSFER: Self = Self { most_bytes: 32 << 20, most_under_way: 2, holds_metadata: false };
}

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

    /// A pack that begins with all frames of another.
    fn sharing(body: Box<dyn Draft>, frames: &[Frame], entries: &Entries) -> Self {
        let mut footer = FooterBuilder::default();
        for frame in frames {
            footer.frame(frame);
        }
        entries.all().for_each(|entry| footer.entry(&entry));
        Self { body, length: frames_end(frames), footer }
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
        let (name, bytes) = (PackName { section, digest }, length + (footer.len() + TRAILER_LEN) as u64);
        body.publish(&name.key())?;
        // What was just written need not be read to be known.
        let footer = Footer::parse(&footer, bytes).ok();
        Ok(Published { pack: Pack::with_footer(name, footer), bytes })
    }
}

/// Where the frames of a pack end.
pub(super) fn frames_end(frames: &[Frame]) -> u64 {
    frames.last().map_or(MAGIC.len() as u64, |last| last.offset + u64::from(last.stored))
}

/// A pack that is there now.
pub(super) struct Published {
    pub(super) pack: Arc<Pack>,
    pub(super) bytes: u64,
}

type Publication = JoinHandle<Result<Published, StorageError>>;

/// Writes the packs of one section.
pub(super) struct Packer {
    storage: Arc<dyn Storage>,
    section: Section,
    terms: Terms,
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
    pub(super) fn new(storage: Arc<dyn Storage>, section: Section, terms: Terms) -> Self {
        let (current, full) = (Mutex::default(), Mutex::default());
        Self { storage, section, terms, nonce: random, current, full }
    }

    /// Packs whose names do not depend on chance, for tests of the format.
    #[cfg(test)]
    pub(super) fn without_nonce(mut self) -> Self {
        self.nonce = || Ok([0; 16]);
        self
    }

    /// Appends a frame with its entries. A pack that is full is published at once, behind the writer's back,
    /// unless the terms hold it back for [`Packer::finish`].
    pub(super) fn append(&self, frame: &Encoded<'_>, items: &[Item]) -> Result<(), StoreError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |draft: &PackDraft| {
            draft.length + frame.stored.len() as u64 <= self.terms.most_bytes
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

    /// Publishes a pack that begins with all frames of another, behind the caller's back.
    pub(super) fn adopt(
        &self,
        body: Box<dyn Draft>,
        frames: &[Frame],
        entries: &Entries,
    ) -> Result<(), StoreError> {
        self.retire(PackDraft::sharing(body, frames, entries))
    }

    fn retire(&self, draft: PackDraft) -> Result<(), StoreError> {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if self.section == Section::Meta && self.terms.holds_metadata {
            full.held.push(draft);
            return Ok(());
        }
        let (section, nonce) = (self.section, (self.nonce)()?);
        full.under_way.push_back(std::thread::spawn(move || draft.publish(section, nonce)));
        while full.under_way.len() > self.terms.most_under_way {
            full.wait_for_oldest()?;
        }
        Ok(())
    }

    /// Publishes what is left, and says which packs there are now, all of them durable.
    pub(super) fn finish(&mut self) -> Result<Vec<Published>, StoreError> {
        let last = self.current.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let full = self.full.get_mut().unwrap_or_else(PoisonError::into_inner);
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
