//! The stat cache: what each directory held when it was last looked at, so that what did not change is not read.
//!
//! It may be lost or damaged at any time and is then built anew. An entry is trusted only if its file was
//! older than the look at it, by more than a clock's tick. A cache of another generation keeps its hashes and
//! forgets what the store was known to have.

use std::io;
use std::path::Path;

use crate::disk::Disk;

/// The cache of one work tree, while it is in use.
pub struct StatCache<'a> {
    _disk: Option<&'a dyn Disk>,
}

impl<'a> StatCache<'a> {
    /// Opens `cache/stat` of a `.mdl` folder. Whatever is wrong with it, the result is at worst empty.
    /// The generation is the epoch of garbage collection.
    pub fn open(mdl: &Path, generation: u64, disk: &'a dyn Disk) -> Self {
        let _ = (mdl, generation, disk);
        todo!()
    }

    /// A cache that knows nothing and keeps nothing.
    pub fn none() -> Self {
        Self { _disk: None }
    }

    /// Writes what was learned, if anything was. After a commit only once the store's writer has finished, since what
    /// was scanned into a committing sink counts as stored from now on. Not saved, nothing is learned.
    pub fn save(self) -> io::Result<()> {
        todo!()
    }
}
