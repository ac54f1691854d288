//! Checking that everything is there and is what its id says.

use crate::progress::Progress;
use crate::repo::{RepoError, Repository};

/// Something that is wrong with a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is damaged: a pack, an object, a ref.
    pub what: String,
    /// How, in words.
    pub problem: String,
    /// What refers to it, if that is known.
    pub needed_by: Option<String>,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct FsckReport {
    /// Packs that were read.
    pub packs: u64,
    /// Objects that were checked.
    pub objects: u64,
    /// Contents that were checked.
    pub contents: u64,
    /// What is wrong.
    pub damage: Vec<Damage>,
    /// Objects that nothing refers to: harmless, left by interrupted commands or by `undo`.
    pub unreachable: u64,
}

impl Repository {
    /// Checks packs, objects, refs, and that everything reachable is there; with `data`, every byte.
    pub fn fsck(&self, data: bool, progress: &dyn Progress) -> Result<FsckReport, RepoError> {
        let _ = (data, progress);
        todo!()
    }
}
