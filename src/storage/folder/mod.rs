//! Keys as the files of a folder: a key's components are its path.
//!
//! A body is written to `tmp/`, made durable, and only then linked to its key; so a key is whole or absent,
//! whatever stops us. Nothing is followed that is a symbolic link or other than a plain file or directory:
//! the folder may have come from a stranger. Reading writes nothing.

mod many;
mod place;
mod read;
mod write;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::disk::{self, Disk};
use crate::storage::{Body, Created, Draft, Key, Listed, Sharing, Storage, StorageError};

/// The name, in the root, of the folder of what is being written. No key starts with it.
const TMP: &str = "tmp";

/// More directories than this are made durable with the whole file system at once, such as the logs of many runs.
const MOST_SYNCS: usize = 32;

/// A storage in a folder.
#[derive(Clone)]
pub struct Folder {
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    /// Directories that were found to be no links.
    checked: Mutex<HashSet<PathBuf>>,
    /// Directories that were found or made durable.
    durable: Mutex<HashSet<PathBuf>>,
    /// Directories whose names were listed and not synced since.
    unsettled: Mutex<HashSet<PathBuf>>,
    /// Why a directory could not be synced: the kernel may have dropped the names it failed to write, and say
    /// that all is well when it is asked again.
    broken: OnceLock<String>,
}

impl Folder {
    /// The storage in this folder, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>, disk: Arc<dyn Disk>) -> Self {
        let root = root.into();
        let shared = Shared {
            disk: disk::confined(&root, disk),
            root,
            checked: Mutex::default(),
            durable: Mutex::default(),
            unsettled: Mutex::default(),
            broken: OnceLock::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The storage at a path that somebody named: that of a work tree (`.mdl`), or of the folder itself. It need not
    /// exist yet, if the folder around it does; one that is full of something else is refused.
    pub fn around(path: &Path, disk: Arc<dyn Disk>) -> Result<Self, StorageError> {
        let found = place::find(path).map_err(|source| failed("open", &path.display(), source))?;
        Ok(Self::new(found, disk))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// Removes what interrupted writers left behind, and says how many files that were. Nobody may be writing.
    pub fn sweep_tmp(&self) -> Result<u64, StorageError> {
        let tmp = self.shared.root.join(TMP);
        self.shared.sweep(&tmp).map_err(|source| failed("clean", &tmp.display(), source))
    }
}

/// The sets of directories are only added to and removed from, so a panic elsewhere leaves them whole.
fn locked(dirs: &Mutex<HashSet<PathBuf>>) -> MutexGuard<'_, HashSet<PathBuf>> {
    dirs.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(action: &'static str, place: &dyn std::fmt::Display, source: io::Error) -> StorageError {
    StorageError { action, place: place.to_string(), source }
}

impl Shared {
    fn path(&self, key: &Key) -> io::Result<PathBuf> {
        match key.as_str().split('/').next() {
            Some(TMP) => Err(io::Error::new(io::ErrorKind::InvalidInput, "keys below tmp are reserved")),
            _ => Ok(self.root.join(key.as_str())),
        }
    }

    /// Makes the directory of a key durable, once in the life of this storage.
    fn prepare(&self, dir: &Path) -> io::Result<()> {
        if locked(&self.durable).contains(dir) {
            return Ok(());
        }
        self.check(dir)?;
        disk::create_dirs(&*self.disk, dir)?;
        locked(&self.durable).insert(dir.to_owned());
        Ok(())
    }

    /// Checks a directory that is to be written to, once in the life of this storage.
    fn check(&self, dir: &Path) -> io::Result<()> {
        if !locked(&self.checked).contains(dir) {
            self.require_plain_directories(dir)?;
            locked(&self.checked).insert(dir.to_owned());
        }
        Ok(())
    }

    /// Refuses a path on which anything below the root is not a directory, such as a planted symbolic link.
    fn require_plain_directories(&self, dir: &Path) -> io::Result<()> {
        for above in dir.ancestors().take_while(|above| *above != self.root) {
            match std::fs::symlink_metadata(above) {
                Ok(found) if !found.is_dir() => return Err(read::not_plain()),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.sync_once(&[dir.to_owned()], &|| self.disk.sync_dir(dir))
    }

    /// Syncs the directories below a prefix that were listed and not synced since.
    fn settle(&self, prefix: &str) -> io::Result<()> {
        let below = self.root.join(prefix);
        let dirs: Vec<_> =
            locked(&self.unsettled).iter().filter(|dir| dir.starts_with(&below)).cloned().collect();
        if dirs.len() <= MOST_SYNCS {
            let settle = |dir: &PathBuf| self.sync_once(from_ref(dir), &|| self.sync_listed(dir));
            return dirs.iter().try_for_each(settle);
        }
        self.sync_once(&dirs, &|| self.disk.sync_file_system(&self.root))
    }

    /// Syncs a directory that was listed. Of the log of a run that a collection has removed since, nothing is left
    /// that somebody could rely on.
    fn sync_listed(&self, dir: &Path) -> io::Result<()> {
        match self.disk.sync_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced,
        }
    }

    /// Syncs directories together, after which they count as settled.
    fn sync_once(&self, dirs: &[PathBuf], sync: &dyn Fn() -> io::Result<()>) -> io::Result<()> {
        if let Some(why) = self.broken.get() {
            return Err(io::Error::other(format!("a folder could not be made durable before: {why}")));
        }
        // Before the sync: what is listed during it is not known to be part of it.
        for dir in dirs {
            locked(&self.unsettled).remove(dir);
        }
        // Not as the disk's own kind of error: by now the key is there, which a refusal would deny.
        sync().map_err(|error| {
            self.broken.get_or_init(|| error.to_string());
            io::Error::other(error)
        })
    }

    fn sweep(&self, tmp: &Path) -> io::Result<u64> {
        self.require_plain_directories(tmp)?;
        let entries = match std::fs::read_dir(tmp) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut removed = 0;
        for entry in entries {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                self.disk.remove_file(&entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl Storage for Folder {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        let create = || {
            if let Some(exists) = self.shared.existing(key)? {
                return Ok(exists);
            }
            let mut temporary = write::Temporary::new(&self.shared)?;
            temporary.write(bytes)?;
            temporary.publish(key)
        };
        create().map_err(|source| failed("create", key, source))
    }

    fn create_many(&self, keys: &[(Key, Vec<u8>)]) -> Vec<Result<Created, StorageError>> {
        match keys.len() <= MOST_SYNCS {
            true => keys.iter().map(|(key, bytes)| self.create(key, bytes)).collect(),
            false => many::create(&self.shared, keys),
        }
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        let tmp = self.shared.root.join(TMP);
        let new = write::Temporary::new(&self.shared);
        Ok(Box::new(new.map_err(|source| failed("write below", &tmp.display(), source))?))
    }

    fn draft_sharing(&self, body: &dyn Body, len: u64) -> Result<Option<Sharing>, StorageError> {
        let Some(file) = body.file().filter(|_| len <= body.size()) else { return Ok(None) };
        // Of the many ways in which file systems say that they cannot, none is an error here.
        let shared = write::Temporary::sharing(&self.shared, file, len).ok();
        Ok(shared.map(|(draft, begun)| Sharing { draft: Box::new(draft), begun: Box::new(begun) }))
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        read::open(&self.shared, key).map_err(|source| failed("open", key, source))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        let place = self.shared.root.join(prefix);
        let list = read::list(&self.shared.root, prefix);
        let list = list.map_err(|source| failed("list", &place.display(), source))?;
        locked(&self.shared.unsettled).extend(list.dirs);
        Ok(list.keys)
    }

    fn settle(&self, prefix: &str) -> Result<(), StorageError> {
        let place = self.shared.root.join(prefix);
        self.shared.settle(prefix).map_err(|source| failed("sync", &place.display(), source))
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        self.shared.remove(key).map_err(|source| failed("remove", key, source))
    }
}
