//! A disk that clones by copying, as a file system with clones looks from outside.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::disk::{Disk, NewFile, OsDisk};

/// The system's disk with clones and without syncs, both of which it counts.
#[derive(Clone, Default)]
pub struct CloningDisk {
    clones: Arc<AtomicUsize>,
    syncs: Arc<AtomicUsize>,
    meddler: Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>,
}

impl CloningDisk {
    /// How many files were cloned.
    pub fn clones(&self) -> usize {
        self.clones.load(Ordering::Relaxed)
    }

    /// How often something was to be made durable.
    pub fn syncs(&self) -> usize {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Lets somebody do something right before each clone, and right after it.
    pub fn meddle(&self, meddler: impl Fn() + Send + Sync + 'static) {
        let _ = self.meddler.set(Box::new(meddler));
    }

    fn count_sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Disk for CloningDisk {
    fn create(&self, path: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        let file = File::options().read(true).write(true).create_new(true).open(path)?;
        OsDisk.set_executable(path, executable)?;
        Ok(Box::new(CloningFile { file, disk: self.clone() }))
    }

    fn clone_file(&self, mut from: &File, to: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        let mut bytes = Vec::new();
        io::Seek::rewind(&mut from)?;
        self.meddler.get().inspect(|meddle| meddle());
        io::Read::read_to_end(&mut from, &mut bytes)?;
        self.meddler.get().inspect(|meddle| meddle());
        let file = self.create(to, executable)?;
        file.write_at(0, &bytes)?;
        self.clones.fetch_add(1, Ordering::Relaxed);
        Ok(file)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename_new(from, to)
    }

    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        OsDisk.symlink(target, path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_dir(path)
    }

    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        OsDisk.set_executable(path, executable)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.count_sync()
    }

    fn sync_file_system(&self, _: &Path) -> io::Result<()> {
        self.count_sync()
    }
}

struct CloningFile {
    file: File,
    disk: CloningDisk,
}

impl NewFile for CloningFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, offset)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        crate::disk::read_exact_at(&self.file, offset, buffer)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.count_sync()
    }
}
