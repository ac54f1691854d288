//! The state of a work tree that is compared and not committed: hashes files and keeps trees in memory.

use std::collections::HashMap;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::id::{ContentId, Digest, Kind, TreeId};
use crate::object::{Find, FindContent, Insert, InsertContent, Memory, ObjectError};
use crate::store::Writer;
use crate::worktree::look;
use crate::worktree::scan::{Sink, lock};

/// So many paths are remembered, so that memory is bounded; contents of further files are not found.
const MAX_PATHS: usize = 1 << 16;

impl Sink for Writer<'_> {
    fn commits(&self) -> bool {
        true
    }

    fn has_tree(&self, _: TreeId) -> Result<bool, ObjectError> {
        Ok(true)
    }

    fn seen(&self, _: &str, _: ContentId, _: bool) {}
}

/// A sink that keeps no contents. Finds trees that were scanned, and contents by reading the work tree again;
/// everything else it finds where the repository keeps it.
pub struct HashOnly<'a, F> {
    root: PathBuf,
    fallback: &'a F,
    trees: Memory,
    paths: Mutex<HashMap<ContentId, (Box<str>, bool)>>,
}

impl<'a, F: Find + FindContent> HashOnly<'a, F> {
    /// Nothing is scanned yet.
    pub fn new(root: impl Into<PathBuf>, fallback: &'a F) -> Self {
        Self { root: root.into(), fallback, trees: Memory::default(), paths: Mutex::default() }
    }

    /// Reads a file or link again, and says its size; no bytes if it is too long.
    fn read(&self, path: &str, symlink: bool, limit: u64) -> std::io::Result<(Vec<u8>, u64)> {
        let (directory, name) = look::split(path);
        let directory = look::open_dir(look::open_root(&self.root)?.as_fd(), directory)?;
        let mut bytes = Vec::new();
        if symlink {
            bytes = look::read_link(&directory, name)?;
        } else {
            let file = look::open_file(&directory, name)?;
            let size = look::stat_open(&file)?.size;
            if size > limit {
                return Ok((bytes, size));
            }
            file.take(limit).read_to_end(&mut bytes)?;
        }
        let size = bytes.len() as u64;
        Ok((bytes, size))
    }
}

impl<F: Find + FindContent> Sink for HashOnly<'_, F> {
    fn commits(&self) -> bool {
        false
    }

    fn has_tree(&self, id: TreeId) -> Result<bool, ObjectError> {
        self.fallback.has(Kind::Tree, id.digest())
    }

    fn seen(&self, path: &str, content: ContentId, symlink: bool) {
        let mut paths = lock(&self.paths);
        if paths.len() < MAX_PATHS {
            paths.insert(content, (path.into(), symlink));
        }
    }
}

impl<F: Find + FindContent> Insert for HashOnly<'_, F> {
    fn insert(&self, kind: Kind, bytes: Vec<u8>) -> Result<Digest, ObjectError> {
        let id = kind.digest(&bytes);
        if self.fallback.has(kind, id)? { Ok(id) } else { self.trees.insert(kind, bytes) }
    }
}

impl<F: Find + FindContent> InsertContent for HashOnly<'_, F> {
    fn insert_content(&self, bytes: &mut dyn Read, _: u64) -> Result<(ContentId, u64), ObjectError> {
        super::hash(bytes).map_err(|error| ObjectError::Storage(Box::new(error)))
    }

    fn has_content(&self, _: ContentId) -> Result<bool, ObjectError> {
        Ok(false)
    }
}

impl<F: Find + FindContent> Find for HashOnly<'_, F> {
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
        match self.trees.find(kind, id)? {
            Some(bytes) => Ok(Some(bytes)),
            None => self.fallback.find(kind, id),
        }
    }
}

impl<F: Find + FindContent> FindContent for HashOnly<'_, F> {
    fn content(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, ObjectError> {
        let known = lock(&self.paths).get(&id).cloned();
        match known.and_then(|(path, symlink)| self.read(&path, symlink, limit).ok()) {
            Some((_, size)) if size > limit => Err(ObjectError::TooLarge { id, size, limit }),
            Some((bytes, _)) if ContentId::of(&bytes) == id => Ok(bytes),
            _ => self.fallback.content(id, limit),
        }
    }
}
