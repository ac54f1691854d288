//! Create-only keys: the one trait beneath everything that is kept, and its implementations.
//!
//! A key is created once and never changed. `create` is atomic and durable: when it returns, the key
//! has all of its bytes, also after a power cut, or it does not exist.

pub mod bucket;
mod folder;
mod location;
mod memory;
mod probe;
mod random;
pub mod stream;
pub mod testing;

pub use folder::Folder;
pub use location::{Location, LocationError, SCHEMES};
pub use memory::Memory;
pub use probe::{PREFIX as PROBE_PREFIX, ProbeError, probe};
pub use random::random;

use std::fmt;

use crate::disk::Version;

/// The name of something in a storage: components joined by `/`, such as `packs/meta/<hash>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<str>);

impl Key {
    /// Checks a key: components of ASCII letters, digits and `-_.%`, none of them `.` or `..`.
    pub fn new(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '%');
        let component = |c: &str| !c.is_empty() && c != "." && c != ".." && c.chars().all(plain);
        text.split('/').all(component).then(|| Self(text.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a key came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It did not exist, and does now.
    Created,
    /// It existed, and was left as it was.
    Exists,
}

/// A key in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The key.
    pub key: Key,
    /// Length of its body in bytes.
    pub size: u64,
}

/// A storage that failed. Whether the operation took effect is not known, unless
/// [`StorageError::is_refusal`] says that it did not.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {place}")]
pub struct StorageError {
    /// What was attempted, as a verb.
    pub action: &'static str,
    /// The key, or the path behind it.
    pub place: String,
    /// Why it failed.
    #[source]
    pub source: std::io::Error,
}

impl StorageError {
    /// Whether the storage declined before anything happened: it is full, read-only, or not ours.
    pub fn is_refusal(&self) -> bool {
        use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        matches!(self.source.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
    }
}

/// A range that reaches beyond the end of a body.
fn too_short(place: &dyn fmt::Display) -> StorageError {
    let source = std::io::ErrorKind::UnexpectedEof.into();
    StorageError { action: "read", place: place.to_string(), source }
}

/// Whether a key lies below a prefix of whole components; all of them lie below the empty one.
fn below(prefix: &str, key: &Key) -> bool {
    prefix.is_empty() || key.as_str().strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

/// A store of create-only keys.
pub trait Storage: Send + Sync {
    /// Creates a key with these bytes, unless it exists.
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError>;

    /// Creates many keys as [`Storage::create`] does, in no particular order, and says of each how that ended. Where it
    /// can be had, they are made durable together.
    fn create_many(&self, keys: &[(Key, Vec<u8>)]) -> Vec<Result<Created, StorageError>> {
        keys.iter().map(|(key, bytes)| self.create(key, bytes)).collect()
    }

    /// Starts a body that is written piece by piece, and gets its key at the end.
    fn draft(&self) -> Result<Box<dyn Draft>, StorageError>;

    /// Starts a body with the first bytes of one that lies elsewhere, which share their room on the disk; `None` where
    /// that cannot be had.
    fn draft_sharing(&self, body: &dyn Body, len: u64) -> Result<Option<Sharing>, StorageError> {
        let _ = (body, len);
        Ok(None)
    }

    /// Opens a key for reading; `None` if it does not exist.
    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError>;

    /// All keys below a prefix of whole components (`"packs/meta"`), sorted.
    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError>;

    /// Removes a key, if it exists. For garbage collection alone; a power cut may bring the key back.
    fn remove(&self, key: &Key) -> Result<(), StorageError>;

    /// Makes durable what listings of this prefix have shown so far, for who relies on keys that others created:
    /// those may have been stopped between a key's becoming visible and its becoming durable.
    fn settle(&self, prefix: &str) -> Result<(), StorageError> {
        let _ = prefix;
        Ok(())
    }

    /// Whether an operation is a round trip to somewhere else, so that it is better to ask for much, and for many
    /// things at a time.
    fn is_remote(&self) -> bool {
        false
    }

    /// The bytes of a key, at most `limit` of them; `None` if it does not exist. A longer body is an error.
    fn read(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(body) = self.open(key)? else { return Ok(None) };
        if body.size() > limit {
            let source = std::io::Error::other(format!("it has {} bytes, more than {limit}", body.size()));
            return Err(StorageError { action: "read", place: key.to_string(), source });
        }
        let mut bytes = vec![0; body.size() as usize];
        body.read_at(0, &mut bytes)?;
        Ok(Some(bytes))
    }
}

/// A body that is being written. Dropped without a key, it leaves nothing behind.
pub trait Draft: Send {
    /// Appends bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError>;

    /// Creates the key with what was written, durably, unless it exists.
    fn publish(self: Box<Self>, key: &Key) -> Result<Created, StorageError>;
}

/// A body that is being written and began with bytes of another.
pub struct Sharing {
    /// It goes on behind these bytes.
    pub draft: Box<dyn Draft>,
    /// These bytes: whatever becomes of the others, they stay what they are.
    pub begun: Box<dyn Body>,
}

/// The body of a key. It never changes, and stays readable while it is open.
pub trait Body: Send + Sync {
    /// Length in bytes.
    fn size(&self) -> u64;

    /// Fills the buffer with the bytes at an offset; an error if there are fewer.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError>;

    /// The file that it is, if it is one.
    fn file(&self) -> Option<&std::fs::File> {
        None
    }

    /// What tells whether somebody writes to it after all, if anything does.
    fn version(&self) -> Option<Version> {
        Version::of(self.file()?).ok()
    }
}
