//! How a key comes into a folder, and goes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::read::{self, FileBody};
use super::{Shared, TMP, failed};
use crate::disk::{self, NewFile};
use crate::storage::{Created, Draft, Key, StorageError};

/// The disk is set to work each time that this many bytes have come, so that the last sync has little to wait for.
const WRITE_BACK: u64 = 8 << 20;

/// A file in `tmp/`, removed when it is dropped.
pub(super) struct Temporary {
    folder: Arc<Shared>,
    path: PathBuf,
    file: Box<dyn NewFile>,
    len: u64,
    /// How much of it the disk was told to write.
    started: u64,
    /// Whether the name is there to be removed.
    named: bool,
}

impl Temporary {
    pub(super) fn new(folder: &Arc<Shared>) -> io::Result<Self> {
        Self::made(folder, &|path| folder.disk.create(path, false))
    }

    /// One that begins with bytes of another file, which are not copied, and these bytes.
    pub(super) fn sharing(folder: &Arc<Shared>, from: &File, len: u64) -> io::Result<(Self, FileBody)> {
        let mut this = Self::made(folder, &|path| folder.disk.clone_file(from, path, false))?;
        this.file.truncate(len)?;
        (this.len, this.started) = (len, len);
        let (place, file) = (this.path.display().to_string(), disk::open_regular(&this.path)?);
        Ok((this, FileBody { place, file, size: len }))
    }

    fn made(folder: &Arc<Shared>, make: &dyn Fn(&Path) -> io::Result<Box<dyn NewFile>>) -> io::Result<Self> {
        let tmp = folder.root.join(TMP);
        folder.check(&tmp)?;
        let path = tmp.join(disk::temporary_name()?);
        let file = match make(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                disk::create_scratch_dir(&*folder.disk, &tmp)?;
                make(&path)?
            }
            made => made?,
        };
        Ok(Self { folder: folder.clone(), path, file, len: 0, started: 0, named: true })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(self.len, bytes)?;
        self.len += bytes.len() as u64;
        if self.len - self.started >= WRITE_BACK {
            self.file.start_writing(self.started, self.len - self.started);
            self.started = self.len;
        }
        Ok(())
    }

    pub(super) fn publish(mut self, key: &Key) -> io::Result<Created> {
        let folder = self.folder.clone();
        if let Some(exists) = folder.existing(key)? {
            return Ok(exists);
        }
        let target = folder.path(key)?;
        let dir = target.parent().unwrap_or(&folder.root);
        self.file.sync()?;
        folder.prepare(dir)?;
        let mut named = self.name(&target);
        if matches!(&named, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            // The folder was empty, and whoever emptied it has removed it.
            folder.forget(dir);
            folder.prepare(dir)?;
            named = self.name(&target);
        }
        let created = created(named, &target)?;
        self.remove();
        // Also for a key that exists: whoever made it may not have come so far.
        folder.sync_dir(dir)?;
        Ok(created)
    }

    /// Gives the file its final name, by a link or, where there are none, by a rename that replaces nothing.
    pub(super) fn name(&mut self, target: &Path) -> io::Result<()> {
        match self.folder.disk.link(&self.path, target) {
            Err(error) if may_lack_links(&error) => {
                self.folder.disk.rename_new(&self.path, target)?;
                self.named = false;
                Ok(())
            }
            linked => linked,
        }
    }

    fn remove(&mut self) {
        if std::mem::take(&mut self.named) {
            // What stays in `tmp/` harms nobody, and can be swept.
            let _ = self.folder.disk.remove_file(&self.path);
        }
    }
}

/// Whether a key came to be, from how giving a file its name ended.
pub(super) fn created(named: io::Result<()>, target: &Path) -> io::Result<Created> {
    match named {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read::require_plain(target)?;
            Ok(Created::Exists)
        }
        named => named.map(|()| Created::Created),
    }
}

/// Whether a link failed in a way that file systems without hard links have.
fn may_lack_links(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), Unsupported | PermissionDenied | TooManyLinks)
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Draft for Temporary {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        Temporary::write(self, bytes).map_err(|source| failed("write", &self.path.display(), source))
    }

    fn publish(self: Box<Self>, key: &Key) -> Result<Created, StorageError> {
        Temporary::publish(*self, key).map_err(|source| failed("create", key, source))
    }
}

impl Shared {
    /// `Exists`, durably, if the key does.
    pub(super) fn existing(&self, key: &Key) -> io::Result<Option<Created>> {
        let path = self.path(key)?;
        match read::require_plain(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(()) => {
                let dir = path.parent().unwrap_or(&self.root);
                self.prepare(dir)?;
                self.sync_dir(dir)?;
                Ok(Some(Created::Exists))
            }
        }
    }

    pub(super) fn remove(&self, key: &Key) -> io::Result<()> {
        let path = self.path(key)?;
        self.require_plain_directories(path.parent().unwrap_or(&self.root))?;
        match self.disk.remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
        if let Some(dir) = path.parent().filter(|dir| is_log(&self.root, dir)) {
            // Only if it is empty: else the system refuses.
            let _ = self.disk.remove_dir(dir);
        }
        Ok(())
    }

    /// Looks at a directory again before something is written there.
    fn forget(&self, dir: &Path) {
        super::locked(&self.durable).remove(dir);
    }
}

/// Whether a directory holds the log of one ref: of a hundred thousand runs that were folded, none should stay.
fn is_log(root: &Path, dir: &Path) -> bool {
    dir.strip_prefix(root).is_ok_and(|below| below.starts_with("refs") && below.components().count() == 3)
}
