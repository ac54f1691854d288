//! The moment of change: staged files are renamed into place, others removed.
//!
//! Each step opens the directory that it changes, name by name and through no symbolic link, and works in the open
//! directory: one that is swapped for a link meanwhile leads nowhere. The file is looked at right before, so that it
//! is still the one that the plan saw.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::id::ContentId;
use crate::name::TreePath;
use crate::worktree::apply::stage::Stage;
use crate::worktree::apply::{Applied, ApplyError, Place, failed};
use crate::worktree::look::{self, FileKind, Stat};
use crate::worktree::plan::{Action, Stamp};

/// So many files are worth more than one thread.
const MANY: usize = 256;

pub(super) struct Swap<'a> {
    place: &'a Place<'a>,
    stage: &'a Stage<'a>,
    root: OwnedFd,
}

/// A name in a directory that is held open.
struct Spot {
    /// Where the operating system finds the name, as long as the spot is held.
    target: PathBuf,
    /// What is there.
    stat: Option<Stat>,
    _directory: OwnedFd,
}

/// A file that was written.
pub(super) struct Written<'p> {
    path: &'p TreePath,
    content: ContentId,
    /// As it was while it was staged.
    staged: Stat,
    /// Whether it was renamed by itself, which its times tell; those of a file in a directory that is renamed stay.
    alone: bool,
}

impl Written<'_> {
    /// Lets the stat cache know the file, unless it was changed since.
    pub fn learn(self, place: &Place<'_>) {
        let now = if self.alone {
            let now = look::stat(&place.root.join(self.path.as_str())).ok();
            now.filter(|now| !now.differs(&self.staged))
        } else {
            Some(self.staged)
        };
        if let Some(stat) = now {
            place.cache.learn(self.path.as_str(), stat, self.content);
        }
    }
}

impl<'a> Swap<'a> {
    pub fn new(place: &'a Place<'a>, stage: &'a Stage<'a>) -> Result<Self, ApplyError> {
        let root = look::open_root(place.root).map_err(|e| failed("open", place.root, e))?;
        Ok(Self { place, stage, root })
    }

    /// The files that get their places with new directories, while these wait.
    pub fn in_trees<'p>(&self, new: &[&'p Action]) -> Result<Vec<Written<'p>>, ApplyError> {
        let one = |(number, action): (usize, &&'p Action)| match action {
            Action::Write { path, content, .. } if self.stage.is_in_tree(number) => {
                let staged = self.stage.path(number);
                let stat = look::stat(&staged).map_err(|e| failed("look at", &staged, e));
                Some(stat.map(|staged| Written { path, content: *content, staged, alone: false }))
            }
            _ => None,
        };
        new.par_iter().enumerate().filter_map(one).collect()
    }

    /// Gives new files their places, and others their modes. New files are staged under their place among all new ones.
    pub fn write<'p>(
        &self,
        actions: &'p [Action],
        applied: &mut Applied,
    ) -> Result<Vec<Written<'p>>, ApplyError> {
        let mut numbered = Vec::with_capacity(actions.len());
        let mut next = 0;
        for action in actions {
            numbered.push((next, action));
            match action {
                Action::Write { size, .. } | Action::Link { size, .. } => {
                    next += 1;
                    applied.written += 1;
                    applied.bytes = applied.bytes.saturating_add(*size);
                }
                _ => applied.modes += 1,
            }
        }
        let one = |(number, action): &(usize, &'p Action)| self.put(*number, action).transpose();
        if numbered.len() < MANY {
            return numbered.iter().filter_map(one).collect();
        }
        numbered.par_iter().filter_map(one).collect()
    }

    fn put<'p>(&self, number: usize, action: &'p Action) -> Result<Option<Written<'p>>, ApplyError> {
        let (path, content, was) = match action {
            Action::Write { .. } | Action::Link { .. } if self.stage.is_in_tree(number) => return Ok(None),
            Action::Write { path, content, was, .. } | Action::Link { path, content, was, .. } => {
                (path, *content, was)
            }
            Action::SetMode { path, executable, was } => {
                let spot = self.unchanged(path, Some(was))?;
                let set = spot.map(|spot| self.place.disk.set_executable(&spot.target, *executable));
                set.unwrap_or(Ok(())).map_err(|e| failed("set the mode of", &self.full(path), e))?;
                return Ok(None);
            }
            _ => return Ok(None),
        };
        let staged = self.stage.path(number);
        let stat = look::stat(&staged).map_err(|e| failed("look at", &staged, e))?;
        let disk = self.place.disk;
        let gone = || failed("write", &self.full(path), io::ErrorKind::NotFound.into());
        let spot = self.unchanged(path, was.as_ref())?.ok_or_else(gone)?;
        let target = &spot.target;
        match spot.stat {
            Some(_) => disk.rename(&staged, target).map_err(|e| failed("write", &self.full(path), e))?,
            None => self.rename_new(path, &staged, target)?,
        }
        Ok(Some(Written { path, content, staged: stat, alone: true }))
    }

    /// Removes or creates a name.
    pub fn step(&self, action: &Action, applied: &mut Applied) -> Result<(), ApplyError> {
        let disk = self.place.disk;
        match action {
            Action::Remove { path, was } => match self.unchanged(path, Some(was))? {
                Some(Spot { target, stat: Some(_), _directory }) => {
                    disk.remove_file(&target).map_err(|e| failed("remove", &self.full(path), e))?;
                    applied.removed += 1;
                    Ok(())
                }
                _ => Ok(()),
            },
            Action::RemoveDir { path } => {
                let Some(spot) = self.spot(path)? else { return Ok(()) };
                match disk.remove_dir(&spot.target) {
                    Err(error) if is_kept(&error) => Ok(()),
                    removed => removed.map_err(|e| failed("remove", &self.full(path), e)),
                }
            }
            Action::MakeDir { path } => match self.stage.tree(path.as_str()) {
                Some(tree) => self.put_tree(path, tree),
                None => Ok(()),
            },
            Action::Write { .. } | Action::Link { .. } | Action::SetMode { .. } => Ok(()),
        }
    }

    /// Gives a new directory its place, with everything in it.
    fn put_tree(&self, path: &TreePath, tree: &Path) -> Result<(), ApplyError> {
        let gone = || failed("create", &self.full(path), io::ErrorKind::NotFound.into());
        let spot = self.spot(path)?.ok_or_else(gone)?;
        self.rename_new(path, tree, &spot.target)
    }

    /// Renames something to a path that had nothing a moment ago.
    fn rename_new(&self, path: &TreePath, from: &Path, to: &Path) -> Result<(), ApplyError> {
        use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotADirectory, Unsupported};
        let disk = self.place.disk;
        let renamed = match disk.rename_new(from, to) {
            // A second name replaces nothing either. Directories have none; renamed, one replaces no file.
            Err(error) if error.kind() == Unsupported => match disk.link(from, to) {
                Ok(()) => disk.remove_file(from),
                Err(error) if error.kind() == AlreadyExists => Err(error),
                Err(_) => disk.rename(from, to),
            },
            renamed => renamed,
        };
        renamed.map_err(|error| match error.kind() {
            AlreadyExists | DirectoryNotEmpty | NotADirectory => ApplyError::Changed(path.clone()),
            _ => failed("write", &self.full(path), error),
        })
    }

    fn full(&self, path: &TreePath) -> PathBuf {
        self.place.root.join(path.as_str())
    }

    /// Where a file is, which must be the one that the plan saw, or gone; `None` if its directory is gone too.
    fn unchanged(&self, path: &TreePath, was: Option<&Stamp>) -> Result<Option<Spot>, ApplyError> {
        let spot = self.spot(path)?;
        let now = spot.as_ref().and_then(|spot| spot.stat.as_ref()).map(Stamp::of);
        match (now, was) {
            (Some(now), Some(was)) if now == *was => Ok(spot),
            (Some(_), _) => Err(ApplyError::Changed(path.clone())),
            (None, _) => Ok(spot),
        }
    }

    /// Opens the directory of a path and looks at what the path has; `None` if the directory is gone.
    fn spot(&self, path: &TreePath) -> Result<Option<Spot>, ApplyError> {
        let (above, name) = look::split(path.as_str());
        let directory = match look::open_dir(self.root.as_fd(), above) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                self.guard(path)?;
                return Err(failed("open", &self.place.root.join(above), error));
            }
        };
        let stat = match look::stat_at(&directory, name) {
            Ok(stat) => Some(stat),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed("look at", &self.full(path), error)),
        };
        let within = self.place.disk.held(directory.as_fd(), &self.place.root.join(above));
        Ok(Some(Spot { target: within.join(name), stat, _directory: directory }))
    }

    /// Says which directory above a path is none, or a symbolic link.
    fn guard(&self, path: &TreePath) -> Result<(), ApplyError> {
        for (at, _) in path.as_str().match_indices('/') {
            let above = self.place.root.join(&path.as_str()[..at]);
            match look::stat(&above) {
                Ok(stat) if stat.kind == FileKind::Directory => {}
                Ok(_) => return Err(ApplyError::NotADirectory { path: path.clone(), link: above }),
                // What is below it is gone as well.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(failed("look at", &above, error)),
            }
        }
        Ok(())
    }
}

/// A directory that is gone, that holds what is not ours, or on which something is mounted.
fn is_kept(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotFound, ResourceBusy};
    matches!(error.kind(), NotFound | DirectoryNotEmpty | AlreadyExists | ResourceBusy)
}
