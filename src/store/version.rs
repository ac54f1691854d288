//! The key `format`: which version everything else in a storage is of.
//!
//! It is created last where a repository is made, and looked at first wherever one is used.

use crate::storage::{Key, Storage, StorageError};

/// What the key holds.
const FORMAT: &str = "mdl 1\n";
/// No version that will ever be is described at greater length.
const MAX_BYTES: u64 = 256;

/// The version of a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// There is no repository, or it is not finished.
    Absent,
    /// It is the one that this program reads and writes.
    Known,
    /// It is another one, which calls itself so. Not yet safe to print.
    Unknown(String),
}

fn key() -> Key {
    // A constant that is a key.
    Key::new("format").expect("a plain word is a key")
}

/// The version of what is in a storage.
pub fn of(storage: &dyn Storage) -> Result<Version, StorageError> {
    Ok(match storage.read(&key(), MAX_BYTES)? {
        None => Version::Absent,
        Some(format) if format == FORMAT.as_bytes() => Version::Known,
        Some(format) => Version::Unknown(String::from_utf8_lossy(&format).trim_end().to_owned()),
    })
}

/// Makes a storage a repository; one that is one already stays as it is.
pub fn stamp(storage: &dyn Storage) -> Result<(), StorageError> {
    storage.create(&key(), FORMAT.as_bytes()).map(drop)
}

/// Whether this is the key `format` with what this program writes to it.
pub fn is_stamp(at: &Key, bytes: &[u8]) -> bool {
    *at == key() && bytes == FORMAT.as_bytes()
}
