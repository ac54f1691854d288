//! A folder with everything of a definition, for one run of a sweep: made quickly, and removed again.
//!
//! Nothing is made durable, since the folder is scratch. Files come from the work tree where they are what was
//! recorded and the file system can clone them, which shares bytes until one is written to. All others come from
//! the store, verified. Never is a file here a second name of one of the user's: that has no write bit binds
//! nobody, since whoever owns the file sets the bit. A dataset by reference is a symbolic link to where it lies: it is the one thing that is not a copy.

mod remove;
mod source;

use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub use remove::remove;
pub use source::Source;

use crate::disk::Disk;
use crate::name::TreePath;
use crate::object::{Find, ReadContents};
use crate::progress::{Amount, Progress};
use crate::worktree::apply::{self, ApplyError, Staged, Syncing, Target, failed};
use crate::worktree::plan::{Action, LocalChanges, Part, PlanError, States, plan};
use source::Had;

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Files that share their bytes with one of the work tree until either is written to.
    pub cloned: u64,
    /// Files that were read from the store.
    pub stored: u64,
    /// The sizes of all files.
    pub bytes: u64,
}

/// Why a folder could not be made. What is left of it is for [`remove`].
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum FreshError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// Makes the folder `to`, which does not exist, with these parts of a commit.
pub fn make(
    parts: &[Part],
    source: &Source<'_>,
    to: &Path,
    disk: &dyn Disk,
    store: &(impl Find + ReadContents),
    progress: &dyn Progress,
) -> Result<Made, FreshError> {
    disk.create_dir(to).map_err(|e| failed("create", to, e))?;
    let states = States { head: &[], current: &[], target: parts, others: &[] };
    let plan = plan(to, store, states, LocalChanges::Refuse)?;
    if !plan.conflicts.is_empty() {
        return Err(ApplyError::Conflicts(plan.conflicts).into());
    }
    for action in &plan.actions {
        let path = to.join(action.path().as_str());
        match action {
            Action::MakeDir { .. } => disk.create_dir(&path).map_err(|e| failed("create", &path, e))?,
            Action::Link { path: of, content, .. } => apply::make_link(&path, of, *content, disk, store)?,
            _ => {}
        }
    }
    let writes: Vec<&Action> =
        plan.actions.iter().filter(|action| matches!(action, Action::Write { .. })).collect();
    let made = write(&writes, source, to, disk, store, progress)?;
    for part in parts.iter().filter(|part| !part.stored) {
        part.path.iter().try_for_each(|path| refer(source.root(), path, to, disk))?;
    }
    Ok(made)
}

/// Writes the files: those of the work tree that can be had, then the others from the store.
fn write(
    writes: &[&Action],
    source: &Source<'_>,
    to: &Path,
    disk: &dyn Disk,
    store: &impl ReadContents,
    progress: &dyn Progress,
) -> Result<Made, ApplyError> {
    let place = |number: usize| -> PathBuf { to.join(writes[number].path().as_str()) };
    let had: Vec<Had> = (0..writes.len())
        .into_par_iter()
        .map(|number| {
            let had = source.give(writes[number], &place(number), disk);
            if let (Action::Write { size, .. }, Had::Cloned) = (writes[number], had) {
                progress.advance(Amount { items: 1, bytes: *size });
            }
            had
        })
        .collect();
    let rest: Vec<Staged> =
        Staged::of(writes).into_iter().filter(|file| had[file.number] == Had::Not).collect();
    let target = Target { path: &place, disk, syncing: Syncing::Never };
    apply::write(&rest, store, &target)?;
    let count = |how| had.iter().filter(|had| **had == how).count() as u64;
    let size = |action: &&Action| if let Action::Write { size, .. } = action { *size } else { 0 };
    let bytes = writes.iter().map(size).fold(0u64, u64::saturating_add);
    Ok(Made { cloned: count(Had::Cloned), stored: count(Had::Not), bytes })
}

/// Makes a link to a dataset where it lies.
fn refer(root: &Path, path: &TreePath, to: &Path, disk: &dyn Disk) -> Result<(), ApplyError> {
    let (original, link) = (root.join(path.as_str()), to.join(path.as_str()));
    for (at, _) in path.as_str().match_indices('/') {
        let above = to.join(&path.as_str()[..at]);
        match disk.create_dir(&above) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(|e| failed("create", &above, e))?,
        }
    }
    let target = std::fs::canonicalize(&original).map_err(|e| failed("look at", &original, e))?;
    let target =
        target.to_str().ok_or_else(|| failed("link to", &original, io::ErrorKind::InvalidData.into()))?;
    disk.symlink(target, &link).map_err(|e| failed("create", &link, e))
}

#[cfg(test)]
mod tests;
