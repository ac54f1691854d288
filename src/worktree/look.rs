//! Looking at files without being led astray: relative to an open directory, never through a symbolic link.
//!
//! Special files are told apart before they are opened, and a file is opened so that nothing can block.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};

use crate::name::EntryName;

/// The longest target of a symbolic link, in bytes.
pub(super) const MAX_TARGET: usize = 4096;

/// What lies under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    File,
    Directory,
    Symlink,
    Special(&'static str),
    /// The directory's listing did not say.
    Unknown,
}

impl From<FileType> for FileKind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Symlink,
            FileType::Fifo => Self::Special("a FIFO"),
            FileType::Socket => Self::Special("a socket"),
            FileType::CharacterDevice | FileType::BlockDevice => Self::Special("a device"),
            FileType::Unknown => Self::Unknown,
        }
    }
}

/// What is known of a file without reading it. Times are in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub kind: FileKind,
    pub size: u64,
    pub mtime: i64,
    pub ctime: i64,
    pub inode: u64,
    pub device: u64,
    pub executable: bool,
}

impl Stat {
    /// Whether the bytes may have changed between the two looks.
    pub fn differs(&self, other: &Self) -> bool {
        (self.kind, self.size, self.mtime, self.inode) != (other.kind, other.size, other.mtime, other.inode)
    }
}

#[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // The fields' types differ between systems.
impl From<rustix::fs::Stat> for Stat {
    fn from(stat: rustix::fs::Stat) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            kind: FileType::from_raw_mode(stat.st_mode as _).into(),
            size: stat.st_size as u64,
            mtime: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            inode: stat.st_ino as u64,
            device: stat.st_dev as u64,
            executable: stat.st_mode as u32 & 0o100 != 0,
        }
    }
}

/// Looks at a name in a directory; a symbolic link is not followed.
pub(super) fn stat_at(directory: impl AsFd, name: &str) -> io::Result<Stat> {
    Ok(rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?.into())
}

/// Looks at a path; a symbolic link at its end is not followed.
pub(super) fn stat(path: &Path) -> io::Result<Stat> {
    Ok(rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?.into())
}

/// Looks at an open file.
pub(super) fn stat_open(file: &File) -> io::Result<Stat> {
    Ok(rustix::fs::fstat(file)?.into())
}

/// What tells whether a name can be moved from one open directory to another: their mount, and where the system does
/// not say that, their device.
pub(super) fn mount(directory: impl AsFd) -> io::Result<u64> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{StatxFlags, statx};
        let found = statx(&directory, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID);
        if let Ok(found) = found
            && found.stx_mask & StatxFlags::MNT_ID.bits() != 0
        {
            return Ok(found.stx_mnt_id);
        }
    }
    Ok(Stat::from(rustix::fs::fstat(directory)?).device)
}

/// Opens the root of a work tree, which may be reached through symbolic links.
pub(super) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens a directory below another, given as names joined by `/` (empty: itself), none of them a symbolic link.
pub(super) fn open_dir(root: BorrowedFd<'_>, path: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut names = path.split('/');
    let first = names.next().filter(|name| !name.is_empty()).unwrap_or(".");
    let mut directory = rustix::fs::openat(root, first, flags, Mode::empty())?;
    for name in names {
        directory = rustix::fs::openat(&directory, name, flags, Mode::empty())?;
    }
    Ok(directory)
}

/// Opens a regular file for reading.
pub(super) fn open_file(directory: impl AsFd, name: &str) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, name, flags, Mode::empty())?.into())
}

/// The target of a symbolic link.
pub(super) fn read_link(directory: impl AsFd, name: &str) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlinkat(directory, name, Vec::new())?.into_bytes())
}

/// Splits a path into its directory (empty for the root) and its last name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// A path of names joined by `/`, below another that may be empty.
pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Whether a link in this directory (from the root) stays inside the work tree. `..` may only come first: after a
/// name it would depend on what that name is, which may be another link.
pub(super) fn stays_inside(directory: &str, target: &str) -> bool {
    if target.is_empty() || target.len() > MAX_TARGET || target.starts_with('/') {
        return false;
    }
    let mut depth = directory.split('/').filter(|name| !name.is_empty()).count();
    let mut descended = false;
    for name in target.strip_suffix('/').unwrap_or(target).split('/') {
        match name {
            "." => {}
            ".." if descended || depth == 0 => return false,
            ".." => depth -= 1,
            name if EntryName::new(name).is_err() => return false,
            _ => descended = true,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside() {
        for (directory, target) in
            [("", "a"), ("", "./a/b"), ("a", "../b"), ("a/b", "../../c/d"), ("a", ".."), ("", "a/")]
        {
            assert!(stays_inside(directory, target), "{directory}: {target}");
        }
        let hostile =
            [("", "/etc/passwd"), ("", ".."), ("a", "../../b"), ("a/b", "c/../d"), ("", ""), ("", "a//b")];
        for (directory, target) in hostile.into_iter().chain([("", ".git/config"), ("a", "../.mdl/HEAD")]) {
            assert!(!stays_inside(directory, target), "{directory}: {target}");
        }
    }

    #[test]
    fn directories_are_not_opened_through_links() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        let root = open_root(folder.path()).unwrap();
        assert!(open_dir(root.as_fd(), "").is_ok());
        assert!(open_dir(root.as_fd(), "a/b").is_ok());
        assert!(open_dir(root.as_fd(), "link").is_err());
        assert!(open_dir(root.as_fd(), "link/b").is_err());
        for (target, name) in [("b", "a/link"), (".", "a/b/link"), ("../..", "a/b/out")] {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        }
        for below in ["a/link", "a/b/link", "a/b/link/link", "a/b/out", "a/b/out/a"] {
            assert!(open_dir(root.as_fd(), below).is_err(), "{below}");
        }
    }

    #[test]
    fn files_are_opened_themselves_and_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        std::fs::create_dir(folder.path().join("d")).unwrap();
        for (target, name) in [("secret", "link"), ("../secret", "d/out"), ("d", "directory")] {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        }
        let made = std::process::Command::new("mkfifo").arg(folder.path().join("fifo")).status();
        assert!(made.is_ok_and(|made| made.success()));
        let root = open_root(folder.path()).unwrap();
        let below = open_dir(root.as_fd(), "d").unwrap();
        assert!(open_file(&root, "secret").is_ok());
        for (directory, name) in [(&root, "link"), (&root, "directory"), (&below, "out")] {
            assert!(open_file(directory, name).is_err(), "{name}");
        }
        // Opened, it is at its end at once; and what it is can be told.
        let fifo = stat_open(&open_file(&root, "fifo").unwrap()).unwrap();
        assert_eq!(fifo.kind, FileKind::Special("a FIFO"));
    }
}
