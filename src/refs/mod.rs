//! Refs: logs of create-only entries, whose highest number is their value. No locks, no clocks.

use crate::id::{CommitId, TagId};
use crate::name::RefName;
use crate::object::Time;
use crate::storage::{Storage, StorageError};

/// What a family of refs is kept under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Branches: `refs/heads/<name>/<n>`.
    Heads,
    /// Tags: `refs/tags/<name>/<n>`.
    Tags,
}

/// A ref: a family and a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    /// Its family.
    pub family: Family,
    /// Its name within the family.
    pub name: RefName,
}

/// What a ref points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing yet: its log was begun.
    Birth,
    /// Nothing any more.
    Deleted,
    /// A commit.
    Commit(CommitId),
    /// A tag.
    Tag(TagId),
}

/// One value of a ref.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it points to.
    pub target: Target,
    /// What it pointed to before.
    pub previous: Option<Target>,
    /// Tells this attempt from every other.
    pub nonce: [u8; 16],
    /// The nonces of the last few entries before, newest first.
    pub recent: Vec<[u8; 16]>,
    /// The collection that the writer knew of.
    pub epoch: u64,
    /// `Name <address>`.
    pub who: String,
    /// When.
    pub when: Time,
    /// Why: `commit: baseline`, `undo`, …
    pub why: String,
}

/// Who moves a ref, when and why.
#[derive(Clone, Debug)]
pub struct Move {
    /// `Name <address>`.
    pub who: String,
    /// When.
    pub when: Time,
    /// Why.
    pub why: String,
}

/// How an attempt to move a ref ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Advanced {
    /// The ref has the new value, or one that comes after it.
    Done,
    /// Somebody else moved it first; nothing was changed.
    Lost(Entry),
}

/// Why a ref could not be read or moved.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum RefError {
    #[error("an entry of {name} cannot be read")]
    Malformed {
        name: String,
        #[source]
        problem: crate::encoding::DecodeError,
    },
    #[error("it is not known whether {name} was moved")]
    Unknown {
        name: String,
        #[source]
        source: StorageError,
    },
    #[error("what {name} should point to could not be stored", name = "the ref")]
    Upload(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Object(#[from] crate::object::ObjectError),
}

/// The value of a ref with its number, as `read_log` of the protocol; `None` if it never existed.
pub fn read(storage: &dyn Storage, name: &Ref) -> Result<Option<(u64, Entry)>, RefError> {
    let _ = (storage, name);
    todo!()
}

/// The values of a ref, newest first.
pub fn history(storage: &dyn Storage, name: &Ref) -> Result<Vec<(u64, Entry)>, RefError> {
    let _ = (storage, name);
    todo!()
}

/// The refs of a family that exist (births and deletions left out), sorted by name.
pub fn list(storage: &dyn Storage, family: Family) -> Result<Vec<(RefName, Entry)>, RefError> {
    let _ = (storage, family);
    todo!()
}

/// Moves a ref from `base` (`None`: it does not exist or was deleted) to `target`, as `advance_ref` of the protocol.
/// `upload` makes everything that the target refers to durable; it is called once an attempt, with the
/// epoch read before. `is_ancestor(a, b)` says whether commit `a` is `b` or comes before it.
pub fn advance(
    storage: &dyn Storage,
    name: &Ref,
    base: Option<Target>,
    target: Target,
    by: &Move,
    upload: &mut dyn FnMut(u64) -> Result<(), RefError>,
    is_ancestor: &dyn Fn(CommitId, CommitId) -> Result<bool, RefError>,
) -> Result<Advanced, RefError> {
    let _ = (storage, name, base, target, by, upload, is_ancestor);
    todo!()
}
