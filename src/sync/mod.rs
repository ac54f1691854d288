//! Between two sets of keys: push, fetch, bringing data, collecting garbage.
//!
//! A remote has the same keys as a `.mdl/`, wherever it is. What it has is known from its listings and the footers
//! of its packs, which never change and are kept in a cache: nothing is asked for object after object. Data goes
//! before metadata, and metadata before refs, so that a ref never names what is not there; what was sent before an
//! interruption is not sent again. Nothing that a remote says is believed before it was verified.

mod append_only;
mod bring;
mod claims;
mod collect;
mod error;
mod fetch;
mod known;
mod push;
mod supply;
#[cfg(test)]
mod tests;

pub use append_only::AppendOnly;
pub use bring::{Brought, Outlet, bring, bring_all};
pub use claims::{Distrust, SetAside};
pub use collect::{CollectError, CollectOptions, Collected, Compacted, Terms, collect, compact};
pub use error::SyncError;
pub use fetch::{FetchRequest, Fetched, FetchedRef, fetch};
pub use push::{Deletion, Fate, PushRequest, Pushed, PushedRef, RunTip, push};
pub use supply::DataPolicy;

use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::Disk;
use crate::name::RefName;
use crate::refs::{self, RefError, Survey};
use crate::storage::{Key, Listed, PROBE_PREFIX, Storage, StorageError};
use crate::store::version::{self, Version};
use crate::store::{IndexCache, Store};

/// Up to so many finished runs become refs of their own; more become a batch.
const FEW_RUNS: usize = 8;
/// No `HEAD` is longer.
const MAX_HEAD: u64 = 1024;

/// A repository elsewhere.
pub struct Remote {
    storage: Arc<dyn Storage>,
    store: Store,
    cache: Option<RemoteCache>,
}

/// Where what is known of a remote is kept. All of it may be lost at any time.
#[derive(Clone)]
pub struct RemoteCache {
    /// What writes it.
    pub disk: Arc<dyn Disk>,
    /// A folder of this remote's own, made when it is missing.
    pub folder: PathBuf,
    /// Where files are written before they get their names, on the same file system.
    pub tmp_dir: PathBuf,
}

/// The repository at hand.
#[derive(Clone, Copy)]
pub struct Local<'a> {
    /// Its keys.
    pub storage: &'a dyn Storage,
    /// Its objects and contents.
    pub store: &'a Store,
}

impl Remote {
    /// Opens a repository.
    pub fn open(storage: Arc<dyn Storage>, cache: Option<RemoteCache>) -> Result<Self, SyncError> {
        match version::of(&*storage)? {
            Version::Known => Ok(Self::new(storage, cache)),
            Version::Absent => Err(SyncError::NotARepository),
            Version::Unknown(found) => Err(SyncError::UnknownFormat { found }),
        }
    }

    /// Opens a repository, or makes one where there is nothing at all.
    pub fn open_or_create(storage: Arc<dyn Storage>, cache: Option<RemoteCache>) -> Result<Self, SyncError> {
        if version::of(&*storage)? == Version::Absent {
            // Where nothing may be removed, what was tried when the remote was added stays.
            let of_probe = |listed: &Listed| listed.key.as_str().starts_with(PROBE_PREFIX);
            if !storage.list("")?.iter().all(of_probe) {
                return Err(SyncError::Occupied);
            }
            version::stamp(&*storage)?;
        }
        Self::open(storage, cache)
    }

    fn new(storage: Arc<dyn Storage>, cache: Option<RemoteCache>) -> Self {
        let index = cache.as_ref().map(|cache| IndexCache {
            disk: cache.disk.clone(),
            file: cache.folder.join("index"),
            tmp_dir: cache.tmp_dir.clone(),
            intact: None,
        });
        Self { store: Store::open(storage.clone(), index), storage, cache }
    }

    /// Its keys.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Its objects and contents.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The branch that is checked out there, where there is a work tree.
    pub fn checked_out(&self) -> Result<Option<RefName>, SyncError> {
        Ok(checked_out(&*self.storage)?)
    }

    /// The same repository, of which more is kept from now on.
    pub fn kept_in(self, cache: RemoteCache) -> Self {
        Self::new(self.storage, Some(cache))
    }

    /// All its refs, of which only those are read that changed since the last fetch.
    pub fn survey(&self) -> Result<Survey, SyncError> {
        let known = self.cache.as_ref().map(RemoteCache::load).unwrap_or_default();
        Ok(refs::survey(&*self.storage, &known)?)
    }
}

/// The branch that is checked out in a storage that is part of a work tree.
fn checked_out(storage: &dyn Storage) -> Result<Option<RefName>, StorageError> {
    let Some(key) = Key::new("HEAD") else { return Ok(None) };
    let head = storage.read(&key, MAX_HEAD)?;
    let head = head.and_then(|head| String::from_utf8(head).ok());
    let name = head.as_deref().and_then(|head| head.strip_prefix("ref: "));
    Ok(name.and_then(|name| RefName::new(name.trim_end()).ok()))
}

/// What went wrong while something was made durable for a ref.
fn unwrapped(error: RefError) -> SyncError {
    match error {
        RefError::Upload(inner) => match inner.downcast::<SyncError>() {
            Ok(error) => *error,
            Err(inner) => RefError::Upload(inner).into(),
        },
        error => error.into(),
    }
}
