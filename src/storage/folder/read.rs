//! How keys are found and read in a folder, without following anything out of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{Shared, TMP, failed};
use crate::disk;
use crate::storage::{Body, Key, Listed, StorageError, too_short};

/// Deeper than any key goes.
const MAX_DEPTH: usize = 16;

pub(super) fn not_plain() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is a link or special file, where a plain one belongs")
}

/// Requires that this is a file, and not a link to one.
pub(super) fn require_plain(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_file() { Ok(()) } else { Err(not_plain()) }
}

pub(super) fn open(folder: &Shared, key: &Key) -> io::Result<Option<Box<dyn Body>>> {
    folder.path(key)?;
    let file = match open_below(&folder.root, key) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Ok(None);
    }
    if !metadata.is_file() {
        return Err(not_plain());
    }
    Ok(Some(Box::new(FileBody { place: key.to_string(), file, size: metadata.len() })))
}

/// Opens a key through no link, in one call where the system has it: thousands of refs are read one after the other.
#[cfg(target_os = "linux")]
fn open_below(root: &Path, key: &Key) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
    use rustix::io::Errno;
    let at = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    // Not to wait for the other end of a pipe.
    let file = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    match openat2(&at, key.as_str(), file, Mode::empty(), resolve) {
        Ok(opened) => Ok(opened.into()),
        Err(Errno::LOOP | Errno::NOTDIR) => Err(not_plain()),
        // Old kernels lack the call, and some sandboxes forbid what they do not know.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => open_names(root, key),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
use open_names as open_below;

/// Opens each component in the directory before it, so that none can be exchanged for a link meanwhile.
#[cfg(unix)]
fn open_names(root: &Path, key: &Key) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open, openat};
    use rustix::io::Errno;
    let dir = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let (above, name) = key.as_str().rsplit_once('/').unwrap_or(("", key.as_str()));
    let mut at = open(root, dir, Mode::empty())?;
    for component in above.split('/').filter(|component| !component.is_empty()) {
        at = openat(&at, component, dir | OFlags::NOFOLLOW, Mode::empty()).map_err(|errno| match errno {
            Errno::LOOP | Errno::NOTDIR => not_plain(),
            errno => errno.into(),
        })?;
    }
    // Not to wait for the other end of a pipe.
    let file = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(&at, name, file, Mode::empty());
    opened.map(File::from).map_err(|errno| if errno == Errno::LOOP { not_plain() } else { errno.into() })
}

#[cfg(not(unix))]
fn open_below(root: &Path, key: &Key) -> io::Result<File> {
    let mut path = root.to_owned();
    for component in key.as_str().split('/') {
        path.push(component);
        if fs::symlink_metadata(&path)?.is_symlink() {
            return Err(not_plain());
        }
    }
    File::open(path)
}

/// Logs below these prefixes are removed by collections, which rely on that they are gone.
const COLLECTED: [&str; 2] = ["refs/runs", "refs/packed"];

/// What a listing found.
#[derive(Default)]
pub(super) struct Listing {
    /// The keys, sorted.
    pub keys: Vec<Listed>,
    /// The directories that hold them, and those of which it is told that logs are gone.
    pub dirs: Vec<PathBuf>,
}

pub(super) fn list(root: &Path, prefix: &str) -> io::Result<Listing> {
    let mut found = Listing::default();
    let mut path = root.to_owned();
    for component in prefix.split('/').filter(|component| !component.is_empty()) {
        path.push(component);
        match unless_gone(fs::symlink_metadata(&path))? {
            Some(metadata) if metadata.is_dir() => {}
            Some(metadata) if !metadata.is_file() => return Err(not_plain()),
            _ => return Ok(found),
        }
    }
    list_into(&path, prefix, MAX_DEPTH, &mut found)?;
    found.keys.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}

fn list_into(dir: &Path, prefix: &str, depth: usize, found: &mut Listing) -> io::Result<()> {
    if depth == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "folders are nested too deep"));
    }
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let mut tells = COLLECTED.iter().any(|family| prefix.starts_with(family));
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        // What no key can be called is not ours: a file manager's, or a file system's own.
        let Some(key) = name.to_str().and_then(|name| child(prefix, name)) else { continue };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list_into(&entry.path(), key.as_str(), depth - 1, found)?;
        } else if !kind.is_file() {
            return Err(not_plain());
        } else if let Some(metadata) = unless_gone(entry.metadata())? {
            found.keys.push(Listed { key, size: metadata.len() });
            tells = true;
        }
    }
    if tells {
        found.dirs.push(dir.to_owned());
    }
    Ok(())
}

/// The key of a name in a directory; `None` if it cannot be one.
fn child(prefix: &str, name: &str) -> Option<Key> {
    match prefix {
        "" if name == TMP => None,
        "" => Key::new(name),
        _ => Key::new(&format!("{prefix}/{name}")),
    }
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// A file as a body.
pub(super) struct FileBody {
    /// What errors call it.
    pub place: String,
    pub file: File,
    pub size: u64,
}

impl Body for FileBody {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        match disk::read_exact_at(&self.file, offset, buffer) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(too_short(&self.place)),
            result => result.map_err(|source| failed("read", &self.place, source)),
        }
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_is_followed_and_so_it_is_without_the_newest_calls() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("a/b/file"), "").unwrap();
        symlink("a", dir.path().join("link")).unwrap();
        symlink("file", dir.path().join("a/b/other")).unwrap();
        for open in [open_below, open_names] {
            let kind = |key: &str| open(dir.path(), &Key::new(key).unwrap()).map(drop).map_err(|e| e.kind());
            assert_eq!(kind("a/b/file"), Ok(()));
            assert_eq!(kind("a/b/none"), Err(io::ErrorKind::NotFound));
            assert_eq!(kind("none/file"), Err(io::ErrorKind::NotFound));
            for refused in ["link/b/file", "a/b/other", "a/b/file/below"] {
                assert_eq!(kind(refused), Err(io::ErrorKind::InvalidData), "{refused}");
            }
        }
    }
}
