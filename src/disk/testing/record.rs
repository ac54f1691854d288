//! A disk that remembers every operation that succeeded, in one order.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, NewFile};

/// Tells the files apart that a trace creates, in the order of their creation.
pub type FileNumber = usize;

/// An operation that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Create { file: FileNumber, path: PathBuf, executable: bool },
    Write { file: FileNumber, offset: u64, bytes: Arc<[u8]> },
    Sync { file: FileNumber },
    Link { from: PathBuf, to: PathBuf },
    Rename { from: PathBuf, to: PathBuf },
    Symlink { target: String, path: PathBuf },
    CreateDir { path: PathBuf },
    RemoveFile { path: PathBuf },
    RemoveDir { path: PathBuf },
    SetExecutable { path: PathBuf, executable: bool },
    SyncDir { path: PathBuf },
    SyncFileSystem { path: PathBuf },
}

impl Op {
    /// Whether it only makes earlier operations durable.
    pub fn is_sync(&self) -> bool {
        matches!(self, Op::Sync { .. } | Op::SyncDir { .. } | Op::SyncFileSystem { .. })
    }
}

/// The positions of the syncs in a trace.
pub fn syncs(trace: &[Op]) -> Vec<usize> {
    (0..trace.len()).filter(|&at| trace[at].is_sync()).collect()
}

/// A trace as it would be, had the operation at this position been left out of the program.
pub fn without(trace: &[Op], at: usize) -> Vec<Op> {
    trace[..at].iter().chain(&trace[at + 1..]).cloned().collect()
}

#[derive(Default)]
struct Trace {
    ops: Vec<Op>,
    files: FileNumber,
}

/// A disk that remembers what was done to another. Its clones share their memory.
///
/// One operation happens at a time, so that the trace is the order in which they happened.
#[derive(Clone)]
pub struct RecordingDisk {
    inner: Arc<dyn Disk>,
    trace: Arc<Mutex<Trace>>,
}

impl RecordingDisk {
    /// Remembers what is done to this disk from now on.
    pub fn new(inner: Arc<dyn Disk>) -> Self {
        Self { inner, trace: Arc::default() }
    }

    /// What was done so far. Its length tells where in the trace an acknowledgement falls.
    pub fn trace(&self) -> Vec<Op> {
        self.lock().ops.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, act: impl FnOnce(&dyn Disk) -> io::Result<()>, op: Op) -> io::Result<()> {
        let mut trace = self.lock();
        act(&*self.inner)?;
        trace.ops.push(op);
        Ok(())
    }
}

impl Disk for RecordingDisk {
    fn create(&self, path: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        let mut trace = self.lock();
        let inner = self.inner.create(path, executable)?;
        let file = trace.files;
        trace.files += 1;
        trace.ops.push(Op::Create { file, path: path.into(), executable });
        Ok(Box::new(RecordedFile { inner, file, disk: self.clone() }))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.record(|disk| disk.link(from, to), Op::Link { from: from.into(), to: to.into() })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.record(|disk| disk.rename(from, to), Op::Rename { from: from.into(), to: to.into() })
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.record(|disk| disk.rename_new(from, to), Op::Rename { from: from.into(), to: to.into() })
    }

    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        let op = Op::Symlink { target: target.to_owned(), path: path.into() };
        self.record(|disk| disk.symlink(target, path), op)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.record(|disk| disk.create_dir(path), Op::CreateDir { path: path.into() })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.record(|disk| disk.remove_file(path), Op::RemoveFile { path: path.into() })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.record(|disk| disk.remove_dir(path), Op::RemoveDir { path: path.into() })
    }

    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        let op = Op::SetExecutable { path: path.into(), executable };
        self.record(|disk| disk.set_executable(path, executable), op)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.record(|disk| disk.sync_dir(path), Op::SyncDir { path: path.into() })
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        self.record(|disk| disk.sync_file_system(path), Op::SyncFileSystem { path: path.into() })
    }
}

struct RecordedFile {
    inner: Box<dyn NewFile>,
    file: FileNumber,
    disk: RecordingDisk,
}

impl NewFile for RecordedFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let op = Op::Write { file: self.file, offset, bytes: bytes.into() };
        self.disk.record(|_| self.inner.write_at(offset, bytes), op)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.inner.read_at(offset, buffer)
    }

    fn start_writing(&self, offset: u64, len: u64) {
        self.inner.start_writing(offset, len);
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.record(|_| self.inner.sync(), Op::Sync { file: self.file })
    }
}
