//! What may be done with a storage that is lent to others.

use std::sync::Arc;

use crate::encoding::words;
use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError};

words! {
    /// What a server lets its clients do.
    pub enum Access {
        /// Everything.
        ReadWrite = "read-write",
        /// Read.
        ReadOnly = "read-only",
        /// Read and create, but not remove: what is there stays, whoever has the key.
        AppendOnly = "append-only",
    }
}

/// A storage of which only some operations may be used; the others are refused, and have no effect.
pub struct Limited {
    inner: Arc<dyn Storage>,
    access: Access,
}

impl Limited {
    /// Lends a storage.
    pub fn new(inner: Arc<dyn Storage>, access: Access) -> Self {
        Self { inner, access }
    }

    fn require(&self, allowed: bool, action: &'static str, place: &str) -> Result<(), StorageError> {
        match allowed {
            true => Ok(()),
            false => Err(self.access.refusal(action, place)),
        }
    }

    fn creates(&self) -> bool {
        self.access != Access::ReadOnly
    }
}

impl Access {
    /// The error for what is not allowed.
    pub(super) fn refusal(self, action: &'static str, place: &str) -> StorageError {
        let reason = format!("access to it is {}", self.as_str());
        let source = std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason);
        StorageError { action, place: place.to_owned(), source }
    }
}

impl Storage for Limited {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        self.require(self.creates(), "create", key.as_str())?;
        self.inner.create(key, bytes)
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        self.require(self.creates(), "write to", "the storage")?;
        self.inner.draft()
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        self.inner.open(key)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        self.inner.list(prefix)
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        self.require(self.access == Access::ReadWrite, "remove", key.as_str())?;
        self.inner.remove(key)
    }

    /// What readers rely on is made durable for them too: nothing is changed that they could see.
    fn settle(&self, prefix: &str) -> Result<(), StorageError> {
        self.inner.settle(prefix)
    }

    fn read(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, StorageError> {
        self.inner.read(key, limit)
    }
}
