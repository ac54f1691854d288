//! What a scan learns: chunks go to a temporary file as they come; the new cache replaces the old one at the end.
//!
//! A cache is a convenience: where it cannot be written, the scan goes on and nothing is kept.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::disk::{self, Disk, NewFile};
use crate::worktree::cache::format::{self, Block, Chunk};
use crate::worktree::cache::{ScannedChunk, lock};

pub(super) struct Fresh<'a> {
    disk: &'a dyn Disk,
    mdl: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Keys that were scanned with everything below them.
    scanned: Vec<Box<str>>,
    directories: HashMap<Box<str>, Directory>,
    changed: bool,
    draft: Option<Draft>,
    failed: Option<io::Error>,
}

enum Directory {
    Kept,
    New(Block, Vec<ScannedChunk>),
}

struct Draft {
    path: PathBuf,
    file: Box<dyn NewFile>,
    end: u64,
}

impl<'a> Fresh<'a> {
    pub fn new(mdl: &Path, disk: &'a dyn Disk) -> Self {
        Self { disk, mdl: mdl.to_owned(), state: Mutex::default() }
    }

    pub fn begin(&self, key: &str) {
        lock(&self.state).scanned.push(key.into());
    }

    pub fn keep(&self, key: &str) {
        lock(&self.state).directories.insert(key.into(), Directory::Kept);
    }

    pub fn put(&self, key: &str, block: Block, chunks: Vec<ScannedChunk>) {
        let mut state = lock(&self.state);
        state.changed = true;
        state.directories.insert(key.into(), Directory::New(block, chunks));
    }

    /// Writes a chunk to the draft. What is wrong is told at the end.
    pub fn write(&self, first: &str, bytes: &[u8]) -> Chunk {
        let sum = format::sum(bytes);
        let mut state = lock(&self.state);
        let offset = match self.append(&mut state, bytes) {
            Ok(offset) => offset,
            Err(error) => {
                state.failed.get_or_insert(error);
                0
            }
        };
        Chunk { first: first.into(), offset, len: bytes.len() as u32, sum }
    }

    fn append(&self, state: &mut State, bytes: &[u8]) -> io::Result<u64> {
        if state.failed.is_some() {
            return Ok(0);
        }
        if state.draft.is_none() {
            state.draft = Some(self.draft()?);
        }
        let Some(draft) = &mut state.draft else { return Ok(0) };
        let offset = draft.end;
        draft.file.write_at(offset, bytes)?;
        draft.end += bytes.len() as u64;
        Ok(offset)
    }

    fn draft(&self) -> io::Result<Draft> {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let tmp = self.mdl.join("tmp");
        disk::sweep(self.disk, &tmp);
        let path = tmp.join(format!("stat-{:016x}", u64::from_le_bytes(nonce)));
        let file = match self.disk.create(&path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_dir("tmp")?;
                self.disk.create(&path, false)?
            }
            created => created?,
        };
        let end = format::MAGIC.len() as u64;
        file.write_at(0, format::MAGIC)?;
        Ok(Draft { path, file, end })
    }

    fn make_dir(&self, name: &str) -> io::Result<()> {
        match self.disk.create_dir(&self.mdl.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            created => created,
        }
    }

    /// Puts the new cache in the place of the old one, if they differ.
    pub fn save(
        self,
        old: Option<&File>,
        blocks: HashMap<Box<str>, Block>,
        generation: u64,
    ) -> io::Result<()> {
        let mut state = std::mem::take(&mut *lock(&self.state));
        if let Some(error) = state.failed.take() {
            self.discard(&mut state);
            return Err(error);
        }
        let gone = |key: &str| {
            !state.directories.contains_key(key) && state.scanned.iter().any(|root| is_below(key, root))
        };
        if !state.changed && !blocks.keys().any(|key| gone(key)) {
            return Ok(());
        }
        let kept: Vec<_> = blocks.into_iter().filter(|(key, _)| !gone(key)).collect();
        let written = self.write_all(&mut state, old, kept, generation);
        if written.is_err() {
            self.discard(&mut state);
        }
        written
    }

    fn write_all(
        &self,
        state: &mut State,
        old: Option<&File>,
        kept: Vec<(Box<str>, Block)>,
        generation: u64,
    ) -> io::Result<()> {
        let mut index = Vec::new();
        let mut directories = std::mem::take(&mut state.directories);
        for (key, block) in kept {
            if !matches!(directories.get(&key), Some(Directory::New(..))) {
                let chunks = block.chunks.iter().cloned().map(ScannedChunk::Old).collect();
                self.finish_block(state, old, (&key, block, chunks), &mut index)?;
            }
        }
        for (key, directory) in directories.drain() {
            if let Directory::New(block, chunks) = directory {
                self.finish_block(state, old, (&key, block, chunks), &mut index)?;
            }
        }
        let offset = self.append(state, &index)?;
        self.append(state, &format::trailer(&index, offset, generation))?;
        self.publish(state)
    }

    /// Brings the chunks of a directory into the draft and the directory into the index.
    fn finish_block(
        &self,
        state: &mut State,
        old: Option<&File>,
        (key, mut block, chunks): (&str, Block, Vec<ScannedChunk>),
        index: &mut Vec<u8>,
    ) -> io::Result<()> {
        block.chunks.clear();
        for chunk in chunks {
            block.chunks.push(match chunk {
                ScannedChunk::New(chunk) => chunk,
                ScannedChunk::Old(mut chunk) => {
                    let mut bytes = vec![0; chunk.len as usize];
                    let file = old.ok_or_else(|| io::Error::other("the old cache is gone"))?;
                    file.read_exact_at(&mut bytes, chunk.offset)?;
                    chunk.offset = self.append(state, &bytes)?;
                    chunk
                }
            });
        }
        format::push_block(index, key, &block);
        Ok(())
    }

    fn publish(&self, state: &mut State) -> io::Result<()> {
        let Some(draft) = &state.draft else { return Ok(()) };
        let place = self.mdl.join("cache/stat");
        // ext4 flushes a file that is renamed over another, which takes milliseconds. A cache may be missing for a moment.
        let _ = self.disk.remove_file(&place);
        match self.disk.rename(&draft.path, &place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_dir("cache")?;
                self.disk.rename(&draft.path, &place)?;
            }
            renamed => renamed?,
        }
        state.draft = None;
        Ok(())
    }

    fn discard(&self, state: &mut State) {
        if let Some(draft) = state.draft.take() {
            drop(draft.file);
            // What cannot be removed lies in `tmp/`, which is swept.
            let _ = self.disk.remove_file(&draft.path);
        }
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        let mut state = std::mem::take(&mut *lock(&self.state));
        self.discard(&mut state);
    }
}

/// Whether a key is another one or below it.
fn is_below(key: &str, root: &str) -> bool {
    key.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || root.ends_with(':'))
}
