//! Packs: objects and contents, written once, indexed, and verified at every read.

use std::path::PathBuf;
use std::sync::Arc;

use crate::id::{ContentId, Digest, Kind, Prefix};
use crate::object::{ContentSink, Find, FindContent, Insert, InsertContent, ObjectError, ReadContents};
use crate::progress::Progress;
use crate::storage::{Storage, StorageError};

/// The objects and contents of a repository.
pub struct Store {
    storage: Arc<dyn Storage>,
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
    Pack { pack: String, problem: String },
}

/// Something that a prefix may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// An object.
    Object(Kind, Digest),
    /// A content.
    Content(ContentId),
}

impl Store {
    /// Opens the packs of a storage. `cache` is a file of our own that may be lost: the merged index.
    pub fn open(storage: Arc<dyn Storage>, cache: Option<PathBuf>) -> Result<Self, StoreError> {
        let _ = cache;
        Ok(Self { storage })
    }

    /// Starts to write.
    pub fn writer<'a>(&'a self, progress: &'a dyn Progress) -> Writer<'a> {
        let _ = (&self.storage, progress);
        todo!()
    }

    /// Everything whose id starts like this, sorted.
    pub fn with_prefix(&self, prefix: &Prefix) -> Result<Vec<Found>, StoreError> {
        let _ = prefix;
        todo!()
    }

    /// Writes a content in order. An error after some bytes says that what was written is not to be trusted.
    pub fn write_content(&self, id: ContentId, to: &mut dyn std::io::Write) -> Result<(), ObjectError> {
        let _ = (id, to);
        todo!()
    }

    /// The size of a content in bytes, if it is here.
    pub fn content_size(&self, id: ContentId) -> Result<Option<u64>, ObjectError> {
        let _ = id;
        todo!()
    }
}

impl Find for Store {
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
        let _ = (kind, id);
        todo!()
    }
}

impl FindContent for Store {
    fn content(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, ObjectError> {
        let _ = (id, limit);
        todo!()
    }
}

impl ReadContents for Store {
    fn read_contents(&self, wanted: &[(ContentId, u64)], sink: &dyn ContentSink) -> Result<(), ObjectError> {
        let _ = (wanted, sink);
        todo!()
    }
}

/// Writes new objects and contents into packs; what the store has already is not written again.
/// Dropped before [`Writer::finish`], it leaves nothing behind that anything refers to.
pub struct Writer<'a> {
    _store: &'a Store,
}

/// What a writer wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// New objects.
    pub objects: u64,
    /// Bytes added to the storage.
    pub stored_bytes: u64,
}

impl Writer<'_> {
    /// Publishes what was inserted: data packs, then metadata packs, durably.
    pub fn finish(self) -> Result<Written, StoreError> {
        todo!()
    }
}

impl Insert for Writer<'_> {
    fn insert(&self, kind: Kind, bytes: Vec<u8>) -> Result<Digest, ObjectError> {
        let _ = (kind, bytes);
        todo!()
    }
}

impl InsertContent for Writer<'_> {
    fn insert_content(
        &self,
        bytes: &mut dyn std::io::Read,
        size_hint: u64,
    ) -> Result<(ContentId, u64), ObjectError> {
        let _ = (bytes, size_hint);
        todo!()
    }

    fn has_content(&self, id: ContentId) -> Result<bool, ObjectError> {
        let _ = id;
        todo!()
    }
}
