//! Refs: logs of create-only entries, whose highest number is their value. No locks, no clocks.
//!
//! A ref moves by creating the key after its last. That a key was created proves nothing by itself, since
//! entries below the highest may be pruned and their keys made again by who slept; what proves it is a
//! listing afterwards, or a later entry that names the nonce. So nobody waits, and nobody is told a wrong end:
//!
//! - what [`advance`] calls done is in the ref's history, and durable;
//! - what it calls lost is not, and never will be;
//! - [`RefError::Unknown`] is said only if the storage failed meanwhile.
//!
//! A move whose target does not come after its base *steps back*: an undo, a deletion, any move of a tag. Then
//! ancestry no longer tells whether an earlier move arrived. Each entry therefore names the nonces of the few
//! before it, which decide exactly, and the last entry that stepped back, which says when ancestry still does.

mod admit;
mod advance;
mod chain;
mod check;
mod collection;
mod entry;
mod fence;
mod footing;
mod known_runs;
mod listing;
mod log;
mod many;
mod run_index;
mod runs;
mod survey;
#[cfg(test)]
mod tests;

pub use admit::of_key;
pub use advance::{IsAncestor, Upload, advance, advance_from};
pub use collection::{Mark, epoch, mark, prune_marks, publish_mark, remove_log};
pub use entry::{Entry, Nonce, Target};
pub use fence::fence;
pub use footing::{Doomed, Footing, doomed, stand};
pub use known_runs::{KnownRuns, RunCache};
pub use listing::{Logged, all_logs, list_all, log, moved_names, names};
pub use many::{Ends, Moving, advance_all, stand_all};
pub use runs::{
    Everything, Runs, Standing, each_batch, found, is_end_of, or_packed, packed_runs, runs, standing,
};
pub use survey::{Survey, is_current, survey};

use crate::name::{RefName, RunId};
use crate::object::Time;
use crate::storage::{Storage, StorageError, random};
use log::Log;

/// So few logs are settled each for itself.
const FEW_LOGS: usize = 32;

/// What a family of refs is kept under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Branches: `refs/heads/<name>/<n>`.
    Heads,
    /// Tags: `refs/tags/<name>/<n>`.
    Tags,
    /// Runs: `refs/runs/<id>/<n>`.
    Runs,
    /// Batches of finished runs: `refs/packed/<id>/<n>`.
    Batches,
    /// Branches of remotes as they were last seen: `refs/remotes/<name>/<n>`, with names such as `origin/main`.
    Remotes,
    /// What was checked out without a branch: `refs/detached/head/<n>`.
    Detached,
}

impl Family {
    /// All of them, runs before batches.
    pub const ALL: [Self; 6] =
        [Self::Heads, Self::Tags, Self::Runs, Self::Batches, Self::Remotes, Self::Detached];

    /// What a ref of it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Heads => "branch",
            Self::Tags => "tag",
            Self::Runs => "run",
            Self::Batches => "batch",
            Self::Remotes => "remote branch",
            Self::Detached => "detached",
        }
    }
}

/// A ref: a family and a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref {
    /// Its family.
    pub family: Family,
    /// Its name within the family.
    pub name: RefName,
}

impl Ref {
    /// The ref of a run.
    pub fn of_run(id: &RunId) -> Self {
        Self { family: Family::Runs, name: id.into() }
    }

    /// The ref of a batch that is going to be made at this time, which no other has.
    pub fn of_new_batch(when: &Time) -> Result<Self, StorageError> {
        let id = RunId::from_parts(when.millis.unsigned_abs(), random()?);
        Ok(Self { family: Family::Batches, name: (&id).into() })
    }
}

impl std::fmt::Display for Ref {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.family.word(), self.name)
    }
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
    /// The ref has the new value, or had it before somebody moved it on.
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
    #[error("what the ref should point to could not be stored")]
    Upload(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("{name} has the entry {number}, beyond any that is written")]
    Number { name: String, number: u64 },
    #[error("{name} moves faster than it can be read")]
    Contended { name: String },
    #[error("the entries of {name} vanished")]
    Vanished { name: String },
    #[error("the history of {name} breaks at entry {number}: the one before it is gone, or is another one")]
    Broken { name: String, number: u64 },
    #[error("an entry of {name} would have {size} bytes, more than {limit}")]
    TooLarge { name: String, size: usize, limit: u64 },
    #[error("there are more than {limit} batches of runs")]
    TooManyBatches { limit: usize },
    #[error("what {name} was to point to may have been collected meanwhile")]
    Collected { name: String },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Object(#[from] crate::object::ObjectError),
}

/// The value of a ref with its number, as `read_log` of the protocol; `None` if it never existed.
pub fn read(storage: &dyn Storage, name: &Ref) -> Result<Option<(u64, Entry)>, RefError> {
    Log::of(storage, name).read()
}

/// The values of a ref, newest first: as far back as they were kept.
pub fn history(storage: &dyn Storage, name: &Ref) -> Result<Vec<(u64, Entry)>, RefError> {
    Log::of(storage, name).history()
}

/// Makes durable what listings have shown of these refs, for who relies on it: whoever moved one may have been stopped
/// just before that.
pub fn settle(storage: &dyn Storage, refs: &[Ref]) -> Result<(), StorageError> {
    for family in Family::ALL {
        let logs: Vec<Log<'_>> =
            refs.iter().filter(|name| name.family == family).map(|name| Log::of(storage, name)).collect();
        match logs.len() <= FEW_LOGS {
            true => logs.iter().try_for_each(Log::settle)?,
            false => storage.settle(family.prefix())?,
        }
    }
    Ok(())
}

/// The refs of a family that exist (births and deletions left out), sorted by name, at the cost of [`list_all`].
pub fn list(storage: &dyn Storage, family: Family) -> Result<Vec<(RefName, Entry)>, RefError> {
    let all = list_all(storage, family)?.into_iter();
    Ok(all.filter(|(_, entry)| entry.target.exists()).collect())
}
