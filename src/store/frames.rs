//! Entries become frames, frames go into packs: what a writer and a transfer have in common.
//!
//! Objects and recipes are gathered here, over all threads; small contents by each thread for itself, a frame for
//! each texture. What was given away and could not be stored is remembered: nothing is finished then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::id::{Digest, Kind};
use crate::storage::{Draft, Storage};
use crate::store::StoreError;
use crate::store::codec::Encoder;
use crate::store::draft::{Encoded, Item, Packer, Published, Terms};
use crate::store::layout::{Entries, EntryKind, Frame};
use crate::store::packs::Section;
use crate::store::pool::Pool;
use crate::store::sample::{Texture, texture};

/// Small contents are gathered into frames of so many raw bytes.
const CONTENT_FRAME: usize = 256 << 10;
/// Objects are gathered into frames of so many raw bytes.
const OBJECT_FRAME: usize = 128 << 10;

/// A frame that is still being gathered.
#[derive(Default)]
pub(super) struct OpenFrame {
    raw: Vec<u8>,
    items: Vec<Item>,
}

impl OpenFrame {
    fn push(&mut self, kind: EntryKind, id: Digest, bytes: &[u8]) {
        self.items.push(Item { kind, id, offset: self.raw.len() as u32, length: bytes.len() as u32 });
        self.raw.extend_from_slice(bytes);
    }

    fn clear(&mut self) {
        self.raw.clear();
        self.items.clear();
    }
}

/// The frames that one thread gathers contents in.
pub(super) type ContentFrames = [OpenFrame; Texture::COUNT];

/// The packs that are being written, and the frames that go into them.
pub(super) struct Frames {
    data: Packer,
    meta: Packer,
    encoders: Pool<Encoder>,
    objects: [Mutex<OpenFrame>; 3],
    failed: AtomicBool,
}

impl Frames {
    pub(super) fn new(storage: &Arc<dyn Storage>, terms: Terms) -> Self {
        Self {
            data: Packer::new(storage.clone(), Section::Data, terms),
            meta: Packer::new(storage.clone(), Section::Meta, terms),
            encoders: Pool::new(usize::MAX),
            objects: Default::default(),
            failed: AtomicBool::new(false),
        }
    }

    /// Packs whose names do not depend on chance.
    #[cfg(test)]
    pub(super) fn without_nonce(mut self) -> Self {
        (self.data, self.meta) = (self.data.without_nonce(), self.meta.without_nonce());
        self
    }

    /// Something that was promised is not going to be there: nothing may be finished any more.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// Appends a frame that is encoded already. If that fails, nothing can be finished.
    pub(super) fn append_encoded(
        &self,
        section: Section,
        frame: &Encoded<'_>,
        items: &[Item],
    ) -> Result<(), StoreError> {
        self.packer(section).append(frame, items).inspect_err(|_| self.fail())
    }

    /// Publishes a pack that begins with all frames of another. If that fails, nothing can be finished.
    pub(super) fn adopt(
        &self,
        section: Section,
        body: Box<dyn Draft>,
        frames: &[Frame],
        entries: &Entries,
    ) -> Result<(), StoreError> {
        self.packer(section).adopt(body, frames, entries).inspect_err(|_| self.fail())
    }

    fn packer(&self, section: Section) -> &Packer {
        match section {
            Section::Data => &self.data,
            Section::Meta => &self.meta,
        }
    }

    /// Encodes a frame and appends it to a pack. If that fails, nothing can be finished.
    pub(super) fn append(
        &self,
        section: Section,
        raw: &[u8],
        texture: Texture,
        items: &[Item],
    ) -> Result<(), StoreError> {
        if items.is_empty() {
            return Ok(());
        }
        let encoder = self.encoders.lend(Encoder::new).map_err(StoreError::Memory);
        let mut encoder = encoder.inspect_err(|_| self.fail())?;
        let (codec, stored) = encoder.encode(raw, texture);
        let hash = Digest::new(*blake3::hash(stored).as_bytes());
        let frame = Encoded { codec, raw_len: raw.len() as u32, stored, hash };
        self.append_encoded(section, &frame, items)
    }

    /// Keeps an entry in the metadata packs, in a frame with others of its group.
    pub(super) fn gather(&self, kind: EntryKind, id: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let group = match kind {
            EntryKind::Chunk | EntryKind::Recipe | EntryKind::Node => 0,
            EntryKind::Object(Kind::Tree) => 1,
            EntryKind::Object(_) => 2,
        };
        let mut open = self.objects[group].lock().unwrap_or_else(PoisonError::into_inner);
        let mut full = OpenFrame::default();
        if open.raw.len() + bytes.len() > OBJECT_FRAME {
            full = std::mem::take(&mut open);
        }
        open.push(kind, id, bytes);
        drop(open);
        self.append(Section::Meta, &full.raw, texture(&full.raw), &full.items)
    }

    /// Keeps an entry in the data packs, in a frame with others of its texture.
    pub(super) fn gather_data(
        &self,
        frames: &mut ContentFrames,
        kind: EntryKind,
        id: Digest,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let texture = texture(bytes);
        let frame = &mut frames[texture.ordinal()];
        if frame.raw.len() + bytes.len() > CONTENT_FRAME {
            self.append(Section::Data, &frame.raw, texture, &frame.items)?;
            frame.clear();
        }
        frame.push(kind, id, bytes);
        Ok(())
    }

    /// Appends what a thread has gathered.
    pub(super) fn flush(&self, frames: &mut ContentFrames) -> Result<(), StoreError> {
        for (frame, texture) in frames.iter_mut().zip(Texture::ALL) {
            self.append(Section::Data, &frame.raw, texture, &frame.items)?;
            frame.clear();
        }
        Ok(())
    }

    /// Publishes the data packs; they are durable then.
    pub(super) fn finish_data(&mut self) -> Result<Vec<Published>, StoreError> {
        self.check()?;
        self.data.finish()
    }

    /// Publishes the metadata packs; they are durable then.
    pub(super) fn finish_meta(&mut self) -> Result<Vec<Published>, StoreError> {
        self.check()?;
        for group in std::mem::take(&mut self.objects) {
            let frame = group.into_inner().unwrap_or_else(PoisonError::into_inner);
            self.append(Section::Meta, &frame.raw, texture(&frame.raw), &frame.items)?;
        }
        self.meta.finish()
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.failed.load(Ordering::Acquire) { Err(StoreError::Unfinished) } else { Ok(()) }
    }
}
