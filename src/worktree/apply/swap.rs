//! The moment of change: staged files are renamed into place, others removed.
//!
//! Right before each step the directories above are looked at, so that none of them is a symbolic link, and the
//! file itself, so that it is still the one that the plan saw.

use std::io;
use std::path::PathBuf;

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
    pub place: &'a Place<'a>,
    pub stage: &'a Stage<'a>,
}

/// A file that has its place.
pub(super) struct Written<'p> {
    path: &'p TreePath,
    content: ContentId,
    /// As it was while it was staged.
    staged: Stat,
}

impl Written<'_> {
    /// Lets the stat cache know the file, unless it was changed since.
    pub fn learn(self, place: &Place<'_>) {
        if let Ok(stat) = look::stat(&place.root.join(self.path.as_str()))
            && !stat.differs(&self.staged)
        {
            place.cache.learn(self.path.as_str(), stat, self.content);
        }
    }
}

impl<'a> Swap<'a> {
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
                    applied.bytes += size;
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
            Action::Write { path, content, was, .. } | Action::Link { path, content, was, .. } => {
                (path, *content, was)
            }
            Action::SetMode { path, executable, was } => {
                let target = self.check(path, Some(was))?;
                let set = target.map(|target| self.place.disk.set_executable(&target, *executable));
                set.unwrap_or(Ok(())).map_err(|e| failed("set the mode of", &self.full(path), e))?;
                return Ok(None);
            }
            _ => return Ok(None),
        };
        let staged = self.stage.path(number);
        let stat = look::stat(&staged).map_err(|e| failed("look at", &staged, e))?;
        let target = self.full(path);
        let disk = self.place.disk;
        let renamed = match self.check(path, was.as_ref())? {
            Some(_) => disk.rename(&staged, &target),
            None => match disk.rename_new(&staged, &target) {
                // Nothing was there a moment ago.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => disk.rename(&staged, &target),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(ApplyError::Changed(path.clone()));
                }
                renamed => renamed,
            },
        };
        renamed.map_err(|e| failed("write", &target, e))?;
        Ok(Some(Written { path, content, staged: stat }))
    }

    /// Removes or creates a name.
    pub fn step(&self, action: &Action, applied: &mut Applied) -> Result<(), ApplyError> {
        let disk = self.place.disk;
        match action {
            Action::Remove { path, was } => {
                if let Some(target) = self.check(path, Some(was))? {
                    disk.remove_file(&target).map_err(|e| failed("remove", &target, e))?;
                    applied.removed += 1;
                }
                Ok(())
            }
            Action::RemoveDir { path } => {
                self.guard(path)?;
                let target = self.full(path);
                match disk.remove_dir(&target) {
                    Err(error) if is_kept(&error) => Ok(()),
                    removed => removed.map_err(|e| failed("remove", &target, e)),
                }
            }
            Action::MakeDir { path } => {
                self.guard(path)?;
                let target = self.full(path);
                match disk.create_dir(&target) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        self.is_directory(path, &target)
                    }
                    made => made.map_err(|e| failed("create", &target, e)),
                }
            }
            Action::Write { .. } | Action::Link { .. } | Action::SetMode { .. } => Ok(()),
        }
    }

    fn is_directory(&self, path: &TreePath, target: &std::path::Path) -> Result<(), ApplyError> {
        match look::stat(target).map_err(|e| failed("look at", target, e))?.kind {
            FileKind::Directory => Ok(()),
            _ => Err(ApplyError::Changed(path.clone())),
        }
    }

    fn full(&self, path: &TreePath) -> PathBuf {
        self.place.root.join(path.as_str())
    }

    /// The file's path if it is the one that the plan saw; `None` if nothing is there.
    fn check(&self, path: &TreePath, was: Option<&Stamp>) -> Result<Option<PathBuf>, ApplyError> {
        self.guard(path)?;
        let target = self.full(path);
        match (look::stat(&target), was) {
            (Ok(stat), Some(was)) if Stamp::of(&stat) == *was => Ok(Some(target)),
            (Ok(_), _) => Err(ApplyError::Changed(path.clone())),
            (Err(error), _) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            (Err(error), _) => Err(failed("look at", &target, error)),
        }
    }

    /// Every directory above a path is one, and no symbolic link.
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

/// A directory that is gone, or that holds what is not ours.
fn is_kept(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotFound};
    matches!(error.kind(), NotFound | DirectoryNotEmpty | AlreadyExists)
}
