//! Contents on their way into new files: several at a time, each verified before it counts as written.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Sender, TrySendError, bounded};
use rayon::prelude::*;

use crate::disk::{Disk, NewFile};
use crate::id::ContentId;
use crate::object::{ContentSink, ObjectError, ReadContents};
use crate::worktree::plan::Action;

/// So many contents are asked for at once.
const SLICE: usize = 1 << 16;
/// The disk begins with pieces of so many bytes as they come; smaller ones are better written together.
const PIECE: u64 = 1 << 18;
/// So many bytes of smaller ones are worth a start, before all are there.
const AHEAD: u64 = 64 << 20;

/// When new files become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worktree) enum Syncing {
    /// Not at all.
    Never,
    /// At the end, one by one. All of them are open until then.
    Each,
    /// Later, all at once: whoever asked for them sees to it.
    Later,
}

/// Where and how contents are written.
pub(in crate::worktree) struct Target<'a> {
    /// The place of a file, by its number.
    pub path: &'a (dyn Fn(usize) -> PathBuf + Sync),
    pub disk: &'a dyn Disk,
    pub syncing: Syncing,
}

/// A file to write.
pub(in crate::worktree) struct Staged {
    /// Its number among all that are new.
    pub number: usize,
    pub content: ContentId,
    pub size: u64,
    pub executable: bool,
}

impl Staged {
    /// The files that a plan writes, with the places of their actions as numbers.
    pub(in crate::worktree) fn of(actions: &[&Action]) -> Vec<Self> {
        let file = |(number, action): (usize, &&Action)| match **action {
            Action::Write { content, size, executable, .. } => {
                Some(Self { number, content, size, executable })
            }
            _ => None,
        };
        actions.iter().enumerate().filter_map(file).collect()
    }
}

/// Reads contents into new files, verified.
pub(in crate::worktree) fn write(
    files: &[Staged],
    contents: &impl ReadContents,
    target: &Target<'_>,
) -> Result<(), ObjectError> {
    let (wake, woken) = bounded(1);
    std::thread::scope(|scope| {
        // The disk works beside the processor, and less is left to be waited for in the end.
        let ahead = scope.spawn(move || woken.iter().try_for_each(|number| sync_ahead(target, number)));
        let written = files.chunks(SLICE).try_for_each(|files| write_slice(files, contents, target, &wake));
        drop(wake);
        let ahead = ahead.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ahead.map_err(storage).and(written)
    })
}

/// Sets the disk to work on the file system of a new file. What it says of bytes that it could not write, it may say no
/// second time.
fn sync_ahead(target: &Target<'_>, number: usize) -> io::Result<()> {
    let path = (target.path)(number);
    target.disk.sync_ahead(path.parent().unwrap_or(&path))
}

fn write_slice(
    files: &[Staged],
    contents: &impl ReadContents,
    target: &Target<'_>,
    wake: &Sender<usize>,
) -> Result<(), ObjectError> {
    let wanted: Vec<(ContentId, u64)> = files.iter().map(|file| (file.content, file.size)).collect();
    let (open, unsynced, small) = (Mutex::default(), Mutex::default(), AtomicU64::new(0));
    let sink = Sink { target, files, open, unsynced, small, wake };
    contents.read_contents(&wanted, &sink)?;
    let unsynced = sink.unsynced.into_inner().unwrap_or_else(PoisonError::into_inner);
    unsynced.par_iter().try_for_each(|file| file.sync()).map_err(storage)
}

struct Sink<'a, 'p> {
    target: &'a Target<'p>,
    files: &'a [Staged],
    /// Files that are begun and not complete.
    open: Mutex<HashMap<usize, Arc<dyn NewFile>>>,
    /// Complete ones that are to be synced.
    unsynced: Mutex<Vec<Arc<dyn NewFile>>>,
    /// Bytes that came in small pieces since the disk was last set to work.
    small: AtomicU64,
    /// Who does that, on the file system of the file of this number.
    wake: &'a Sender<usize>,
}

impl Sink<'_, '_> {
    fn open(&self) -> MutexGuard<'_, HashMap<usize, Arc<dyn NewFile>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, file: &Staged) -> Result<Arc<dyn NewFile>, ObjectError> {
        let path = (self.target.path)(file.number);
        Ok(self.target.disk.create(&path, file.executable).map_err(storage)?.into())
    }

    fn file(&self, index: usize) -> Result<Arc<dyn NewFile>, ObjectError> {
        // Two threads may bring the first bytes of one file: the lock is held while it is created.
        let mut open = self.open();
        if let Some(file) = open.get(&index) {
            return Ok(file.clone());
        }
        let file = self.create(&self.files[index])?;
        open.insert(index, file.clone());
        Ok(file)
    }

    /// Sets the disk to work on bytes that were written: now, or with others that come soon.
    fn start_writing(
        &self,
        wanted: &Staged,
        file: &dyn NewFile,
        offset: u64,
        len: u64,
    ) -> Result<(), ObjectError> {
        match self.target.syncing {
            Syncing::Never => {}
            _ if len >= PIECE => file.start_writing(offset, len),
            Syncing::Each => {}
            Syncing::Later => {
                if self.small.fetch_add(len, Ordering::Relaxed) + len < AHEAD {
                    return Ok(());
                }
                self.small.store(0, Ordering::Relaxed);
                // It may be at work still; or have failed, which it tells itself.
                if let Err(TrySendError::Disconnected(_)) = self.wake.try_send(wanted.number) {
                    return Err(storage(io::ErrorKind::BrokenPipe.into()));
                }
            }
        }
        Ok(())
    }

    fn complete(&self, file: Arc<dyn NewFile>) {
        if self.target.syncing == Syncing::Each {
            self.unsynced.lock().unwrap_or_else(PoisonError::into_inner).push(file);
        }
    }
}

impl ContentSink for Sink<'_, '_> {
    fn write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), ObjectError> {
        let wanted = &self.files[index];
        let len = bytes.len() as u64;
        if offset.checked_add(len).is_none_or(|end| end > wanted.size) {
            let (id, limit) = (wanted.content, wanted.size);
            return Err(ObjectError::TooLarge { id, size: offset.saturating_add(len), limit });
        }
        if len == 0 {
            return Ok(());
        }
        // The whole file at once: nobody else asks for it before it is verified. It may have been begun in pieces.
        let is_whole = len == wanted.size && !self.open().contains_key(&index);
        let file = if is_whole { self.create(wanted)? } else { self.file(index)? };
        file.write_at(offset, bytes).map_err(storage)?;
        self.start_writing(wanted, &*file, offset, len)?;
        if is_whole {
            self.complete(file);
        }
        Ok(())
    }

    fn read_back(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), ObjectError> {
        let file = self.open().get(&index).cloned();
        let file = file.ok_or_else(|| storage(io::ErrorKind::NotFound.into()))?;
        file.read_at(offset, buffer).map_err(storage)
    }

    fn verified(&self, index: usize) -> Result<(), ObjectError> {
        let wanted = &self.files[index];
        let file = self.open().remove(&index);
        let file = if wanted.size == 0 && file.is_none() { Some(self.create(wanted)?) } else { file };
        file.into_iter().for_each(|file| self.complete(file));
        Ok(())
    }
}

fn storage(error: io::Error) -> ObjectError {
    ObjectError::Storage(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::OsDisk;
    use crate::disk::testing::{Fault, FaultyDisk};
    use crate::object::FindContent;

    const FILES: usize = 512;
    const SIZE: u64 = AHEAD / FILES as u64;

    /// Has one content, of zeros.
    struct Zeros;

    impl FindContent for Zeros {
        fn content(&self, id: ContentId, _: u64) -> Result<Vec<u8>, ObjectError> {
            Err(ObjectError::MissingContent(id))
        }
    }

    impl ReadContents for Zeros {
        fn read_contents(
            &self,
            wanted: &[(ContentId, u64)],
            sink: &dyn ContentSink,
        ) -> Result<(), ObjectError> {
            let zeros = vec![0; SIZE as usize];
            (0..wanted.len()).try_for_each(|index| {
                sink.write(index, 0, &zeros)?;
                sink.verified(index)
            })
        }
    }

    /// Writes many small files, and says how many operations that took.
    fn write_many(syncing: Syncing, fault: Option<Fault>) -> (Result<(), ObjectError>, usize) {
        let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::new(Arc::new(OsDisk), fault));
        let content = ContentId::of(&[]);
        let file = |number| Staged { number, content, size: SIZE, executable: false };
        let files: Vec<Staged> = (0..FILES).map(file).collect();
        let path = |number: usize| folder.path().join(number.to_string());
        let written = write(&files, &Zeros, &Target { path: &path, disk: &disk, syncing });
        (written, disk.operations())
    }

    #[test]
    fn the_disk_is_set_to_work_before_all_is_there_and_its_errors_count() {
        let (written, operations) = write_many(Syncing::Never, None);
        written.unwrap();
        assert_eq!(operations, 2 * FILES);
        let (written, operations) = write_many(Syncing::Later, None);
        written.unwrap();
        assert_eq!(operations, 2 * FILES + 1);
        let fault = Fault { at: 2 * FILES, errno: 5, for_ever: false };
        assert!(write_many(Syncing::Later, Some(fault)).0.is_err());
    }
}
