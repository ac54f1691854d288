//! A disk that fails at an operation of one's choice.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::disk::{Disk, NewFile};

/// Where a disk fails, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The first operation that fails; the first of all is 0.
    pub at: usize,
    /// The operating system's number of the error, such as `ENOSPC`.
    pub errno: i32,
    /// Whether every later operation fails too.
    pub for_ever: bool,
}

/// A disk that fails. A write that fails has written half of its bytes; nothing else that fails has any effect.
#[derive(Clone)]
pub struct FaultyDisk {
    inner: Arc<dyn Disk>,
    counter: Arc<Counter>,
}

struct Counter {
    /// What lies elsewhere neither counts nor fails.
    folder: PathBuf,
    fault: Option<Fault>,
    operations: AtomicUsize,
}

impl Counter {
    fn next(&self, path: &Path) -> io::Result<()> {
        if !path.starts_with(&self.folder) {
            return Ok(());
        }
        let operation = self.operations.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            Some(fault) if operation == fault.at || fault.for_ever && operation > fault.at => {
                Err(io::Error::from_raw_os_error(fault.errno))
            }
            _ => Ok(()),
        }
    }
}

impl FaultyDisk {
    /// Fails as told; without a fault, it only counts.
    pub fn new(inner: Arc<dyn Disk>, fault: Option<Fault>) -> Self {
        Self::below(inner, Path::new(""), fault)
    }

    /// Fails as told below a folder, as a file system that is mounted there.
    pub fn below(inner: Arc<dyn Disk>, folder: &Path, fault: Option<Fault>) -> Self {
        let (folder, operations) = (folder.to_owned(), AtomicUsize::new(0));
        Self { inner, counter: Arc::new(Counter { folder, fault, operations }) }
    }

    /// How many operations there were so far.
    pub fn operations(&self) -> usize {
        self.counter.operations.load(Ordering::SeqCst)
    }

    fn next(&self, path: &Path) -> io::Result<&dyn Disk> {
        self.counter.next(path).map(|()| &*self.inner)
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        let inner = self.next(path)?.create(path, executable)?;
        Ok(Box::new(FaultyFile { inner, path: path.to_owned(), counter: self.counter.clone() }))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.next(to)?.link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.next(to)?.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.next(to)?.rename_new(from, to)
    }

    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        self.next(path)?.symlink(target, path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.next(path)?.create_dir(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.next(path)?.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.next(path)?.remove_dir(path)
    }

    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        self.next(path)?.set_executable(path, executable)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.next(path)?.sync_dir(path)
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        self.next(path)?.sync_file_system(path)
    }

    fn sync_ahead(&self, path: &Path) -> io::Result<()> {
        self.next(path)?.sync_ahead(path)
    }
}

struct FaultyFile {
    inner: Box<dyn NewFile>,
    path: PathBuf,
    counter: Arc<Counter>,
}

impl NewFile for FaultyFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.counter.next(&self.path) {
            self.inner.write_at(offset, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.inner.write_at(offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.inner.read_at(offset, buffer)
    }

    fn start_writing(&self, offset: u64, len: u64) {
        self.inner.start_writing(offset, len);
    }

    fn sync(&self) -> io::Result<()> {
        self.counter.next(&self.path)?;
        self.inner.sync()
    }
}
