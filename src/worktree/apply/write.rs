//! Contents on their way into new files: several at a time, each verified before it counts as written.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::disk::{Disk, NewFile};
use crate::id::ContentId;
use crate::object::{ContentSink, ObjectError, ReadContents};
use crate::worktree::plan::Action;

/// So many contents are asked for at once.
const SLICE: usize = 1 << 16;
/// The disk begins with pieces of so many bytes as they come; smaller ones are better written together.
const PIECE: usize = 1 << 18;

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
    for files in files.chunks(SLICE) {
        let wanted: Vec<(ContentId, u64)> = files.iter().map(|file| (file.content, file.size)).collect();
        let sink = Sink { target, files, open: Mutex::default(), unsynced: Mutex::default() };
        contents.read_contents(&wanted, &sink)?;
        let unsynced = sink.unsynced.into_inner().unwrap_or_else(PoisonError::into_inner);
        unsynced.par_iter().try_for_each(|file| file.sync()).map_err(storage)?;
    }
    Ok(())
}

struct Sink<'a, 'p> {
    target: &'a Target<'p>,
    files: &'a [Staged],
    /// Files that are begun and not complete.
    open: Mutex<HashMap<usize, Arc<dyn NewFile>>>,
    /// Complete ones that are to be synced.
    unsynced: Mutex<Vec<Arc<dyn NewFile>>>,
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
        if self.target.syncing != Syncing::Never && bytes.len() >= PIECE {
            file.start_writing(offset, len);
        }
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
