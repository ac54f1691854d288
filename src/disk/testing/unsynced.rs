//! The system's disk without its syncs: for tests that run much and cut no power.

use std::io;
use std::path::Path;

use crate::disk::{Disk, NewFile, OsDisk};

/// The system's disk, on which nothing is made durable.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnsyncedDisk;

impl Disk for UnsyncedDisk {
    fn create(&self, path: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(UnsyncedFile(OsDisk.create(path, executable)?)))
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

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        path.metadata().map(drop)
    }

    fn sync_file_system(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

struct UnsyncedFile(Box<dyn NewFile>);

impl NewFile for UnsyncedFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
