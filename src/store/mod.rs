//! Packs: objects and contents, written once, indexed, and verified at every read.
//!
//! `layout` says what a pack is, `codec` and `recipe` what is in it. A [`Writer`] makes packs out of
//! objects and contents; `catalog` knows where everything lies; `read` and `restore` bring it back.

mod catalog;
mod codec;
mod cut;
mod draft;
mod frames;
mod index;
mod ingest;
mod intact;
pub mod layout;
mod packs;
mod parallel;
mod planes;
mod pool;
mod presence;
mod read;
pub mod recipe;
mod restore;
mod rewrite;
mod sample;
mod seen;
#[cfg(test)]
mod tests;
mod transfer;
mod verify;
pub mod version;
mod writer;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

pub use catalog::IndexCache;
pub use codec::Codec;
pub use packs::{DamagedPacks, PackInfo, PackName, Section};
pub use transfer::{Sent, Transfer, Trust, Wanted};
pub use verify::{Damage, Depth};
pub use writer::{Writer, Written};

use crate::id::{ContentId, Digest, Kind, Prefix};
use crate::object::ObjectError;
use crate::progress::Progress;
use crate::storage::{Storage, StorageError};
use crate::store::catalog::Catalog;
use crate::store::codec::Decoder;
use crate::store::layout::{EntryKind, PackProblem};
use crate::store::pool::Pool;
use crate::store::read::{FrameCache, Shape};

/// The objects and contents of a repository.
pub struct Store {
    storage: Arc<dyn Storage>,
    catalog: Catalog,
    decoders: Pool<Decoder>,
    frames: Mutex<FrameCache>,
}

/// Why a store could not be read or written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum StoreError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error("pack {pack} is corrupt: {problem}")]
    Pack { pack: String, problem: PackProblem },
    #[error("{kind} {id} cannot be read: {source}")]
    Unreadable { kind: EntryKind, id: Digest, source: Box<StoreError> },
    #[error("content {content} is corrupt{}", chunk.map(|chunk| format!(": its chunk {chunk} is")).unwrap_or_default())]
    CorruptContent { content: ContentId, chunk: Option<Digest> },
    #[error("the recipe of content {0} is corrupt")]
    CorruptRecipe(ContentId),
    #[error("{kind} {id} has {size} bytes, which is too large for an object")]
    ObjectTooLarge { kind: Kind, id: Digest, size: u64 },
    #[error("something could not be written before, so nothing can be finished")]
    Unfinished,
    #[error("cannot write what was read")]
    Output(#[source] std::io::Error),
    #[error("cannot set up compression")]
    Memory(#[source] std::io::Error),
}

impl From<StoreError> for ObjectError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Object(error) => error,
            error => ObjectError::Storage(Box::new(error)),
        }
    }
}

/// Something that a prefix may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// An object.
    Object(Kind, Digest),
    /// A content, or a chunk of a large one: each chunk is a content of its own.
    Content(ContentId),
}

impl Store {
    /// Opens the packs of a storage. The merged index may be lost at any time.
    /// Nothing is read yet but the index.
    pub fn open(storage: Arc<dyn Storage>, cache: Option<IndexCache>) -> Self {
        Self {
            catalog: Catalog::open(storage.clone(), cache),
            storage,
            decoders: Pool::new(usize::MAX),
            frames: Mutex::default(),
        }
    }

    /// Starts to write. What counts as here already is what the packs have that are listed from now on.
    pub fn writer<'a>(&'a self, progress: &'a dyn Progress) -> Writer<'a> {
        self.writer_without(HashSet::new(), progress)
    }

    /// Starts to write beside a collection: what only its doomed packs have is written again.
    pub fn writer_without<'a>(&'a self, doomed: HashSet<PackName>, progress: &'a dyn Progress) -> Writer<'a> {
        Writer::new(self, doomed, progress)
    }

    /// Everything whose id starts like this, sorted.
    pub fn with_prefix(&self, prefix: &Prefix) -> Result<Vec<Found>, StoreError> {
        self.catalog.refresh()?;
        let mut found = Vec::new();
        self.catalog.range(&prefix.low(), &prefix.high(), &mut |_, entry| match entry.kind {
            EntryKind::Object(kind) => found.push(Found::Object(kind, entry.id)),
            EntryKind::Chunk | EntryKind::Recipe => found.push(Found::Content(entry.id.into())),
            EntryKind::Node => {}
        })?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Calls `see` with every object that is here, in no particular order; with one that lies in several
    /// packs several times.
    pub fn each_object(&self, see: &mut dyn FnMut(Kind, Digest)) -> Result<(), StoreError> {
        self.each_entry(&mut |_, entry| {
            if let EntryKind::Object(kind) = entry.kind {
                see(kind, entry.id);
            }
        })
    }

    /// Calls `see` with every entry that makes up a content; whether it is here.
    pub fn each_entry_of(
        &self,
        id: ContentId,
        see: &mut dyn FnMut(EntryKind, Digest),
    ) -> Result<bool, StoreError> {
        match self.shape(id)? {
            None => return Ok(false),
            Some(Shape::Empty) => {}
            Some(Shape::Chunk(_)) => see(EntryKind::Chunk, id.digest()),
            Some(Shape::Recipe(root)) => {
                see(EntryKind::Recipe, id.digest());
                self.each_part(id, root, see)?;
            }
        }
        Ok(true)
    }

    /// Whether a content is here, with all of its chunks: a clone may have but its recipe.
    pub fn has_content(&self, id: ContentId) -> Result<bool, ObjectError> {
        Ok(self.is_whole(id, &|kind, id| Ok(self.catalog.find(kind, id)?.is_some()))?)
    }

    /// The size of a content in bytes, if it is here.
    pub fn content_size(&self, id: ContentId) -> Result<Option<u64>, ObjectError> {
        Ok(self.shape(id)?.map(|shape| shape.size()))
    }
}
