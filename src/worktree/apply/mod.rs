//! Performs a plan, so that every file is its old or its new bytes whenever it is interrupted.
//!
//! All contents are written to temporary files and verified before the first file of the user changes; then they
//! are made durable, renamed into place, and the names made durable. Nothing is ever written through a symbolic
//! link. Interrupted, it is continued by planning and applying again.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{self, Disk};
use crate::id::ContentId;
use crate::name::TreePath;
use crate::object::{ObjectError, ReadContents};
use crate::worktree::cache::StatCache;
use crate::worktree::look;
use crate::worktree::plan::{Action, Plan};
use crate::worktree::scan::STAGE;

mod obstacle;
mod stage;
mod swap;
mod write;

pub use obstacle::check;
use stage::Stage;
use swap::Swap;
pub(super) use write::{Staged, Syncing, Target, write};

/// Where and with what a plan is applied.
pub struct Place<'a> {
    /// The root of the work tree.
    pub root: &'a Path,
    /// A folder for temporary files, such as `.mdl/tmp`; used if it is on the same file system as the root.
    pub staging: &'a Path,
    /// What changes files.
    pub disk: &'a dyn Disk,
    /// Learns of what was written. Scan the parts again and save it for a quick next status.
    pub cache: &'a StatCache<'a>,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files and links that were written.
    pub written: u64,
    /// The sum of their sizes.
    pub bytes: u64,
    /// Files and links that were removed.
    pub removed: u64,
    /// Files whose mode was changed.
    pub modes: u64,
}

/// Why a plan could not be applied, or not to its end.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ApplyError {
    #[error("{} uncommitted changes", match .0.len() { 1 => "a file has".to_owned(), more => format!("{more} files have") })]
    Conflicts(Vec<crate::worktree::plan::Conflict>),
    #[error("{0} changed after the plan was made")]
    Changed(TreePath),
    #[error("{path} is below {link:?}, which is not a directory of the work tree")]
    NotADirectory { path: TreePath, link: PathBuf },
    #[error("{path} is a symbolic link to {target:?}, which leaves the work tree")]
    LinkOutside { path: TreePath, target: String },
    #[error("{path:?} cannot be changed: {why}")]
    Blocked { path: PathBuf, why: &'static str },
    #[error("{0:?} is not empty")]
    NotEmpty(PathBuf),
    #[error("cannot {action} {path:?}: {source}")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// So few files or directories are made durable one by one; more of them at once, and so are modes, for which there
/// is no other way.
const FEW: usize = 64;

/// Creates a directory for a checkout of its own, or checks that it has no name but those that are wanted and what
/// an interrupted checkout leaves: then it may be one that is continued.
pub fn prepare(
    directory: &Path,
    disk: &dyn Disk,
    is_wanted: impl Fn(&str) -> Result<bool, ObjectError>,
) -> Result<(), ApplyError> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return disk::create_dirs(disk, directory).map_err(|e| failed("create", directory, e));
        }
        entries => entries.map_err(|e| failed("open", directory, e))?,
    };
    for entry in entries {
        let name = entry.map_err(|e| failed("read", directory, e))?.file_name();
        let known = |name: &str| Ok(name.starts_with(STAGE) || is_wanted(name)?);
        if !name.to_str().map_or(Ok(false), known).map_err(ApplyError::Object)? {
            return Err(ApplyError::NotEmpty(directory.to_owned()));
        }
    }
    Ok(())
}

/// Performs a plan. Returns once everything is durable.
pub fn apply(plan: &Plan, place: &Place<'_>, contents: &impl ReadContents) -> Result<Applied, ApplyError> {
    if !plan.conflicts.is_empty() {
        return Err(ApplyError::Conflicts(plan.conflicts.clone()));
    }
    let is_new = |action: &&Action| matches!(action, Action::Write { .. } | Action::Link { .. });
    let new: Vec<&Action> = plan.actions.iter().filter(is_new).collect();
    let is_mode = |action: &Action| matches!(action, Action::SetMode { .. });
    // Somebody was stopped, and what looks as it should be may not be durable; or is at work beside us.
    let others = stage::is_begun(place.staging);
    if plan.actions.is_empty() && !others {
        return Ok(Applied::default());
    }
    let stage = Stage::new(place, plan, &new)?;
    let names_alone = !others && !plan.actions.iter().any(is_mode);
    let applied = perform(plan, &new, &stage, place, contents, names_alone);
    // Not before all is durable: that there is a stage tells the next checkout that this one was interrupted.
    stage.remove();
    applied
}

fn perform(
    plan: &Plan,
    new: &[&Action],
    stage: &Stage<'_>,
    place: &Place<'_>,
    contents: &impl ReadContents,
    names_alone: bool,
) -> Result<Applied, ApplyError> {
    let path = |number| stage.path(number);
    let target = Target { path: &path, disk: place.disk, syncing: stage.syncing() };
    write(&Staged::of(new), contents, &target)?;
    // After the files, none of which can so be written through one.
    for (number, action) in new.iter().enumerate() {
        if let Action::Link { path, content, .. } = action {
            make_link(&stage.path(number), path, *content, place.disk, contents)?;
        }
    }
    stage.sync()?;
    let swap = Swap::new(place, stage)?;
    let mut applied = Applied::default();
    let first_write = plan.actions.iter().position(is_written).unwrap_or(plan.actions.len());
    let last_write = plan.actions.iter().rposition(is_written).map_or(first_write, |last| last + 1);
    // What is written comes in one piece, between what makes room for it and what is no longer wanted.
    let (before, rest) = plan.actions.split_at(first_write);
    let (writes, after) = rest.split_at(last_write - first_write);
    let mut written = swap.in_trees(new)?;
    before.iter().try_for_each(|action| swap.step(action, &mut applied))?;
    written.extend(swap.write(writes, &mut applied)?);
    after.iter().try_for_each(|action| swap.step(action, &mut applied))?;
    sync(plan, place, stage, names_alone)?;
    written.into_iter().for_each(|written| written.learn(place));
    Ok(applied)
}

fn is_written(action: &Action) -> bool {
    matches!(action, Action::Write { .. } | Action::Link { .. } | Action::SetMode { .. })
}

/// Makes a recorded link, which must stay inside the work tree that its path is of.
pub(super) fn make_link(
    staged: &Path,
    path: &TreePath,
    content: ContentId,
    disk: &dyn Disk,
    contents: &impl ReadContents,
) -> Result<(), ApplyError> {
    let target = contents.content(content, look::MAX_TARGET as u64)?;
    let (directory, _) = look::split(path.as_str());
    match std::str::from_utf8(&target) {
        Ok(target) if look::stays_inside(directory, target) => {
            disk.symlink(target, staged).map_err(|e| failed("create", staged, e))
        }
        _ => {
            let target = String::from_utf8_lossy(&target).into();
            Err(ApplyError::LinkOutside { path: path.clone(), target })
        }
    }
}

/// Makes all names durable: in a few directories one by one, in more by their file systems, and so all else that
/// may not be durable yet.
fn sync(plan: &Plan, place: &Place<'_>, stage: &Stage<'_>, names_alone: bool) -> Result<(), ApplyError> {
    let above = plan.actions.iter().map(|action| look::split(action.path().as_str()).0);
    let directories: BTreeSet<&str> = above.filter(|directory| !stage.has_synced(directory)).collect();
    let few = names_alone && directories.len() <= FEW;
    let mut devices = BTreeSet::new();
    for directory in std::iter::once("").filter(|_| !few).chain(directories) {
        let path = if directory.is_empty() { place.root.to_owned() } else { place.root.join(directory) };
        let synced = if few {
            place.disk.sync_dir(&path)
        } else {
            let is_new = |stat: look::Stat| devices.insert(stat.device);
            look::stat(&path).map(is_new).and_then(|is_new| match is_new {
                true => place.disk.sync_file_system(&path),
                false => Ok(()),
            })
        };
        match synced {
            // A directory that was removed: the one above it is synced too.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            synced => synced.map_err(|e| failed("sync", &path, e))?,
        }
    }
    Ok(())
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> ApplyError {
    ApplyError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
