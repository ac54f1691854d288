//! A disk that follows nothing below one folder, for folders that may have come from a stranger.
//!
//! Whatever lies below the folder is reached from a handle of it, through no symbolic link and no mount. So an
//! unpacked archive cannot lead what we write, replace or remove to anywhere else.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::disk::{Disk, NewFile};

/// A disk that is the same as another outside of a folder, and follows nothing below it.
pub struct ConfinedDisk {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    /// The folder, once it was found.
    handle: Mutex<Option<Arc<OwnedFd>>>,
}

/// A path under which nobody can put another folder, as long as the spot is held.
struct Spot {
    path: PathBuf,
    _directory: Option<OwnedFd>,
}

impl ConfinedDisk {
    /// Confines a disk to what really lies below this folder, which need not be there yet.
    pub fn new(root: &Path, disk: Arc<dyn Disk>) -> Self {
        Self { root: root.to_owned(), disk, handle: Mutex::default() }
    }

    /// Where the operating system finds a path.
    fn spot(&self, path: &Path) -> io::Result<Spot> {
        let below = path.strip_prefix(&self.root).ok();
        let Some((above, name)) = below.and_then(|below| Some((below.parent()?, below.file_name()?))) else {
            return Ok(Spot { path: path.to_owned(), _directory: None });
        };
        let directory = self.directory(above)?;
        let held = self.disk.held(directory.as_fd(), &self.root.join(above));
        Ok(Spot { path: held.join(name), _directory: Some(directory) })
    }

    /// Where the operating system finds a directory itself. What is no directory is found like any other name.
    fn directory_spot(&self, path: &Path) -> io::Result<Spot> {
        let Ok(below) = path.strip_prefix(&self.root) else {
            return Ok(Spot { path: path.to_owned(), _directory: None });
        };
        let directory = self.directory(below)?;
        let path = self.disk.held(directory.as_fd(), path);
        Ok(Spot { path, _directory: Some(directory) })
    }

    /// Opens a directory by its path from the folder.
    fn directory(&self, below: &Path) -> io::Result<OwnedFd> {
        match open_below(self.root(false)?.as_fd(), below) {
            // The folder itself may be another one by now, where it was removed and made again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                open_below(self.root(true)?.as_fd(), below)
            }
            opened => opened,
        }
    }

    fn root(&self, anew: bool) -> io::Result<Arc<OwnedFd>> {
        let mut handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        match &*handle {
            Some(known) if !anew => Ok(known.clone()),
            _ => {
                let opened = rustix::fs::openat(CWD, &self.root, DIRECTORY, Mode::empty())?;
                Ok(handle.insert(Arc::new(opened)).clone())
            }
        }
    }
}

#[cfg(target_os = "linux")]
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens a directory below another, which is given by names alone, through no symbolic link and on the same mount.
#[cfg(target_os = "linux")]
fn open_below(root: BorrowedFd<'_>, below: &Path) -> io::Result<OwnedFd> {
    use rustix::fs::ResolveFlags;
    let path = if below.as_os_str().is_empty() { Path::new(".") } else { below };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    match rustix::fs::openat2(root, path, DIRECTORY, Mode::empty(), resolve) {
        // Old kernels lack the call, and some sandboxes forbid what they do not know.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => open_names(root, below),
        opened => opened.map_err(refusal),
    }
}

#[cfg(not(target_os = "linux"))]
use open_names as open_below;

/// The same, name by name.
fn open_names(root: BorrowedFd<'_>, below: &Path) -> io::Result<OwnedFd> {
    let flags = DIRECTORY | OFlags::NOFOLLOW;
    let mut directory = rustix::fs::openat(root, ".", flags, Mode::empty())?;
    let device = rustix::fs::fstat(&directory)?.st_dev;
    for name in below.iter() {
        if name == ".." {
            return Err(refusal(Errno::XDEV));
        }
        directory = rustix::fs::openat(&directory, name, flags, Mode::empty()).map_err(|errno| {
            let is_link = || {
                let found = rustix::fs::statat(&directory, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
                found.is_ok_and(|found| rustix::fs::FileType::from_raw_mode(found.st_mode).is_symlink())
            };
            refusal(if errno == Errno::NOTDIR && is_link() { Errno::LOOP } else { errno })
        })?;
    }
    match rustix::fs::fstat(&directory)?.st_dev == device {
        true => Ok(directory),
        false => Err(refusal(Errno::XDEV)),
    }
}

/// What is said of a directory that is not reached.
fn refusal(errno: Errno) -> io::Error {
    let kind = io::ErrorKind::InvalidData;
    match errno {
        Errno::LOOP => io::Error::new(kind, "a folder on its path is a symbolic link, and is not followed"),
        Errno::XDEV => {
            io::Error::new(kind, "a folder on its path is a mount of something else, and is not used")
        }
        errno => errno.into(),
    }
}

impl Disk for ConfinedDisk {
    fn create(&self, path: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        self.disk.create(&self.spot(path)?.path, executable)
    }

    fn clone_file(&self, from: &File, to: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        self.disk.clone_file(from, &self.spot(to)?.path, executable)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.spot(from)?, self.spot(to)?);
        self.disk.link(&from.path, &to.path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.spot(from)?, self.spot(to)?);
        self.disk.rename(&from.path, &to.path)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.spot(from)?, self.spot(to)?);
        self.disk.rename_new(&from.path, &to.path)
    }

    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        self.disk.symlink(target, &self.spot(path)?.path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(&self.spot(path)?.path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(&self.spot(path)?.path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir(&self.spot(path)?.path)
    }

    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        self.disk.set_executable(&self.spot(path)?.path, executable)
    }

    fn held(&self, directory: BorrowedFd<'_>, path: &Path) -> PathBuf {
        self.disk.held(directory, path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(&self.directory_spot(path)?.path)
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_file_system(&self.directory_spot(path)?.path)
    }

    fn sync_ahead(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_ahead(&self.directory_spot(path)?.path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::disk::OsDisk;

    /// Every way to change something below a folder, each of which must leave what is outside alone.
    type Act = fn(&dyn Disk, &Path, &Path) -> io::Result<()>;
    const ACTS: [(&str, Act); 10] = [
        ("create", |disk, below, _| disk.create(&below.join("new"), false).map(drop)),
        ("link from", |disk, below, root| disk.link(&below.join("old"), &root.join("l"))),
        ("link to", |disk, below, root| disk.link(&root.join("mine"), &below.join("l"))),
        ("rename from", |disk, below, root| disk.rename(&below.join("old"), &root.join("r"))),
        ("rename over", |disk, below, root| disk.rename(&root.join("mine"), &below.join("old"))),
        ("rename to", |disk, below, root| disk.rename_new(&root.join("mine"), &below.join("r"))),
        ("symlink", |disk, below, _| disk.symlink("x", &below.join("s"))),
        ("create_dir", |disk, below, _| disk.create_dir(&below.join("d"))),
        ("remove_file", |disk, below, _| disk.remove_file(&below.join("old"))),
        ("set_executable", |disk, below, _| disk.set_executable(&below.join("old"), true)),
    ];

    fn outside(folder: &Path) -> Vec<(String, String)> {
        let entry = |entry: fs::DirEntry| {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            (entry.file_name().to_string_lossy().into_owned(), text)
        };
        let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|found| entry(found.unwrap())).collect();
        all.sort();
        all
    }

    #[test]
    fn nothing_is_changed_behind_a_link_or_above_the_folder() {
        for (name, act) in ACTS {
            for way in ["link", "sub/link", "sub/link/deep", "sub/../../away"] {
                let dir = tempfile::tempdir().unwrap();
                let (root, away) = (dir.path().join("root"), dir.path().join("away"));
                fs::create_dir_all(root.join("sub")).unwrap();
                fs::create_dir_all(away.join("deep")).unwrap();
                for file in [away.join("old"), away.join("deep/old"), root.join("mine")] {
                    fs::write(file, "kept").unwrap();
                }
                symlink(&away, root.join("link")).unwrap();
                symlink("../../away", root.join("sub/link")).unwrap();
                let disk = ConfinedDisk::new(&root, Arc::new(OsDisk));
                let (before, deep) = (outside(&away), outside(&away.join("deep")));
                assert!(act(&disk, &root.join(way), &root).is_err(), "{name} behind {way}");
                assert_eq!((outside(&away), outside(&away.join("deep"))), (before, deep), "{name}, {way}");
                assert_eq!(fs::read_to_string(root.join("mine")).unwrap(), "kept", "{name}, {way}");
            }
        }
    }

    #[test]
    fn what_is_below_and_what_is_elsewhere_is_as_it_was() {
        for (name, act) in ACTS {
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path().join("root");
            let disk = ConfinedDisk::new(&root, Arc::new(OsDisk));
            assert!(act(&disk, &root.join("sub"), &root).is_err(), "{name}: nothing is there yet");
            for below in [root.join("sub/deep"), dir.path().join("away")] {
                fs::create_dir_all(&below).unwrap();
                fs::write(below.join("old"), "").unwrap();
                fs::write(root.join("mine"), "").unwrap();
                for target in ["l", "r"] {
                    let _ = fs::remove_file(root.join(target));
                }
                act(&disk, &below, &root).unwrap_or_else(|error| panic!("{name} in {below:?}: {error}"));
                disk.sync_dir(&below).unwrap();
                disk.sync_file_system(&below).unwrap();
            }
            // Removed and made again, it is another folder.
            fs::remove_dir_all(&root).unwrap();
            fs::create_dir_all(root.join("sub")).unwrap();
            disk.create(&root.join("sub/new"), false).unwrap();
            assert!(root.join("sub/new").exists());
        }
    }

    #[test]
    fn a_link_is_told_and_so_it_is_without_the_newest_calls() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        symlink("a", dir.path().join("link")).unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let root = rustix::fs::openat(CWD, dir.path(), DIRECTORY, Mode::empty()).unwrap();
        for open in [open_below, open_names] {
            assert!(open(root.as_fd(), Path::new("")).is_ok());
            assert!(open(root.as_fd(), Path::new("a/b")).is_ok());
            for linked in ["link", "link/b"] {
                let told = open(root.as_fd(), Path::new(linked)).unwrap_err().to_string();
                assert!(told.contains("symbolic link"), "{linked}: {told}");
            }
            assert!(open(root.as_fd(), Path::new("..")).is_err());
            assert!(open(root.as_fd(), Path::new("a/../..")).is_err());
            let none = open(root.as_fd(), Path::new("none")).unwrap_err();
            assert_eq!(none.kind(), io::ErrorKind::NotFound);
            let file = open(root.as_fd(), Path::new("file")).unwrap_err();
            assert_eq!(file.kind(), io::ErrorKind::NotADirectory);
        }
    }
}
