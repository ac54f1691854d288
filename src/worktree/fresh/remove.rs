//! Removing a folder that a run wrote to, whatever is in it. No symbolic link is followed.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use crate::disk::Disk;
use crate::worktree::look;

/// Removes a folder below `.mdl`, given by its path from there. One that is gone is no error.
pub fn remove(mdl: &Path, relative: &Path, disk: &dyn Disk) -> io::Result<()> {
    let is_name = |component: Component<'_>| matches!(component, Component::Normal(_));
    if relative.as_os_str().is_empty() || !relative.components().all(is_name) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let root = look::open_root(mdl)?;
    let remover = Remover { root: root.as_fd(), mdl, disk };
    match remover.open(relative) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => drop(opened?),
    }
    let (mut found, mut done) = (vec![relative.to_owned()], 0);
    while done < found.len() {
        let below: Vec<Vec<PathBuf>> =
            found[done..].par_iter().map(|path| remover.clear(path)).collect::<io::Result<_>>()?;
        done = found.len();
        found.extend(below.into_iter().flatten());
    }
    // What is below comes after what is above.
    found.iter().rev().try_for_each(|path| remover.remove_dir(path))
}

struct Remover<'a> {
    root: BorrowedFd<'a>,
    mdl: &'a Path,
    disk: &'a dyn Disk,
}

impl Remover<'_> {
    /// Opens a directory name by name, through no symbolic link.
    fn open(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut directory = rustix::fs::openat(self.root, ".", flags, Mode::empty())?;
        for name in path.iter() {
            directory = rustix::fs::openat(&directory, name, flags, Mode::empty())?;
        }
        Ok(directory)
    }

    /// Removes all files of a directory and says which directories are in it.
    fn clear(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let directory = self.open(path)?;
        let held = self.disk.held(directory.as_fd(), &self.mdl.join(path));
        let entries: Vec<_> = Dir::read_from(&directory)?.collect::<Result<_, _>>()?;
        let mut below = Vec::new();
        for entry in entries {
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            if kind == FileType::Directory {
                below.push(path.join(name));
            } else {
                self.disk.remove_file(&held.join(name))?;
            }
        }
        Ok(below)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let (above, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
        let directory = self.open(above)?;
        self.disk.remove_dir(&self.disk.held(directory.as_fd(), &self.mdl.join(above)).join(name))
    }
}
