//! What would stop a plan midway, looked for before its first change.
//!
//! Most of what keeps a name from being changed is known before: a mount point, a read-only file system, a folder that
//! we may not write to, a mark on a file that forbids it. What is not, such as a full disk, is told when it happens.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{Access, AtFlags};

use crate::worktree::apply::{ApplyError, failed};
use crate::worktree::look;
use crate::worktree::plan::{Action, Plan};

/// Checks that every name of a plan can be changed, as far as that is known.
pub fn check(plan: &Plan, root: &Path) -> Result<(), ApplyError> {
    let opened = look::open_root(root).map_err(|e| failed("open", root, e))?;
    let is_file = |action: &&Action| matches!(action, Action::Write { .. } | Action::Link { .. });
    let files: HashSet<&str> =
        plan.actions.iter().filter(is_file).map(|action| action.path().as_str()).collect();
    let mut by_directory: BTreeMap<&str, Vec<&Action>> = BTreeMap::new();
    for action in &plan.actions {
        by_directory.entry(look::split(action.path().as_str()).0).or_default().push(action);
    }
    let one = |(directory, actions): (&&str, &Vec<&Action>)| {
        // One that is not there yet comes with its parent, which is looked at for itself.
        let Some(handle) = open(&opened, root, directory)? else { return Ok(()) };
        let path = if directory.is_empty() { root.to_owned() } else { root.join(directory) };
        let folder = Folder::new(handle, path)?;
        actions.iter().try_for_each(|action| folder.allows(action, &files))
    };
    by_directory.par_iter().try_for_each(one)
}

fn open(root: &OwnedFd, at: &Path, directory: &str) -> Result<Option<OwnedFd>, ApplyError> {
    match look::open_dir(root.as_fd(), directory) {
        Ok(opened) => Ok(Some(opened)),
        // A file or a link is in its place, or something in the place of what is above it: the plan has that as a step,
        // or notices it when it comes there.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) if is_loop(&error) => Ok(None),
        Err(error) => Err(failed("open", &at.join(directory), error)),
    }
}

fn is_loop(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP)
}

/// A directory in which names are to be changed.
struct Folder {
    handle: OwnedFd,
    path: PathBuf,
    /// Whether only the owner of a file, or of the directory, may remove it.
    is_sticky: bool,
    marks: Marks,
}

/// What a file system says of a name beside its kind and times.
#[derive(Clone, Copy, Default)]
struct Marks {
    owner: u32,
    mode: u32,
    is_mount: bool,
    is_immutable: bool,
    is_append_only: bool,
}

impl Folder {
    fn new(handle: OwnedFd, path: PathBuf) -> Result<Self, ApplyError> {
        let access = Access::WRITE_OK | Access::EXEC_OK;
        match rustix::fs::accessat(&handle, ".", access, AtFlags::EACCESS) {
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL) => {}
            may => may.map_err(|errno| failed("write in", &path, errno.into()))?,
        }
        let marks = marks(&handle, ".").map_err(|e| failed("look at", &path, e))?.unwrap_or_default();
        let is_sticky = marks.mode & 0o1000 != 0 && !is_root() && marks.owner != us();
        Ok(Self { handle, path, is_sticky, marks })
    }

    fn allows(&self, action: &Action, files: &HashSet<&str>) -> Result<(), ApplyError> {
        let path = action.path().as_str();
        let (_, name) = look::split(path);
        let replaced = match action {
            Action::Remove { .. } | Action::SetMode { .. } => true,
            Action::Write { was, .. } | Action::Link { was, .. } => was.is_some(),
            // A mount point that is left empty stays; only where a file takes its place it has to go.
            Action::RemoveDir { .. } => files.contains(path),
            Action::MakeDir { .. } => false,
        };
        let full = || self.path.join(name);
        let refuse = |why| Err(ApplyError::Blocked { path: full(), why });
        if !replaced {
            return Ok(());
        }
        let Some(found) = marks(&self.handle, name).map_err(|e| failed("look at", &full(), e))? else {
            return Ok(());
        };
        let is_foreign = found.owner != us() && !is_root();
        match action {
            _ if found.is_mount => refuse("it is a mount point"),
            _ if found.is_immutable => refuse("it is marked as one that nobody may change"),
            _ if found.is_append_only => refuse("it is marked as one that is only added to"),
            Action::SetMode { .. } if is_foreign => refuse("it belongs to another user"),
            Action::SetMode { .. } => Ok(()),
            _ if self.marks.is_append_only => refuse("its folder is marked as one that is only added to"),
            _ if self.is_sticky && is_foreign => refuse("it belongs to another user, in a sticky folder"),
            _ => Ok(()),
        }
    }
}

fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Looks at a name in a directory; `None` if it is gone.
#[cfg(target_os = "linux")]
fn marks(directory: &OwnedFd, name: &str) -> io::Result<Option<Marks>> {
    use rustix::fs::{StatxAttributes, StatxFlags, statx};
    use rustix::io::Errno;
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let found = match statx(directory, name, flags, StatxFlags::BASIC_STATS) {
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::NOSYS) => return plain_marks(directory, name),
        found => found?,
    };
    let has = |attribute| found.stx_attributes.contains(attribute);
    Ok(Some(Marks {
        owner: found.stx_uid,
        mode: found.stx_mode.into(),
        is_mount: has(StatxAttributes::MOUNT_ROOT),
        is_immutable: has(StatxAttributes::IMMUTABLE),
        is_append_only: has(StatxAttributes::APPEND),
    }))
}

#[cfg(not(target_os = "linux"))]
use plain_marks as marks;

/// The same without marks: what is on another device than its directory is a mount.
#[allow(clippy::unnecessary_cast)] // The fields' types differ between systems.
fn plain_marks(directory: &OwnedFd, name: &str) -> io::Result<Option<Marks>> {
    let found = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        found => found?,
    };
    let is_mount = found.st_dev != rustix::fs::fstat(directory)?.st_dev;
    Ok(Some(Marks { owner: found.st_uid, mode: found.st_mode as u32, is_mount, ..Marks::default() }))
}
