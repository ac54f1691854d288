//! The work tree as a source of files: given only where no write to what is given reaches the user's file.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::disk::Disk;
use crate::id::ContentId;
use crate::object::{Find, Node, TreeEntries};
use crate::worktree::cache::StatCache;
use crate::worktree::look::{self, FileKind};
use crate::worktree::plan::{Action, Measure, Part, PlanError};

/// A work tree whose files are known from a scan.
pub struct Source<'a> {
    root: PathBuf,
    directory: OwnedFd,
    cache: &'a StatCache<'a>,
    known: HashMap<String, ContentId>,
    /// Whether clones are to be tried: not after one that failed.
    clones: AtomicBool,
}

/// How a file was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Had {
    Cloned,
    Not,
}

impl<'a> Source<'a> {
    /// The work tree at `root`, whose parts were scanned with this cache. Files that changed after the cache was
    /// opened are not taken.
    pub fn new(
        root: &Path,
        cache: &'a StatCache<'a>,
        find: &impl Find,
        scanned: &[Part],
    ) -> Result<Self, PlanError> {
        let io = |source| PlanError::Io { path: root.to_owned(), source };
        let mut known = HashMap::new();
        for part in scanned {
            let path = part.path.as_ref().map_or("", |path| path.as_str());
            files(find, path, part.node, &mut known)?;
        }
        Ok(Self {
            directory: look::open_root(root).map_err(io)?,
            root: std::fs::canonicalize(root).map_err(io)?,
            cache,
            known,
            clones: AtomicBool::new(true),
        })
    }

    /// The root, as a path that depends on no working directory.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Puts a file of the work tree at a place, if it is there, is what is wanted, and can be given.
    pub(super) fn give(&self, wanted: &Action, to: &Path, disk: &dyn Disk) -> Had {
        self.try_give(wanted, to, disk).unwrap_or(Had::Not)
    }

    fn try_give(&self, wanted: &Action, to: &Path, disk: &dyn Disk) -> Option<Had> {
        let Action::Write { path, content, size, executable, .. } = wanted else { return None };
        if !self.clones.load(Ordering::Relaxed) {
            return None;
        }
        let path = path.as_str();
        self.known.get(path).filter(|known| *known == content)?;
        let (above, name) = look::split(path);
        let directory = look::open_dir(self.directory.as_fd(), above).ok()?;
        let file = look::open_file(&directory, name).ok()?;
        let before = look::stat_open(&file).ok()?;
        if before.kind != FileKind::File || before.size != *size || !self.cache.is_settled(&before) {
            return None;
        }
        match disk.clone_file(&file, to, *executable) {
            Ok(_) if look::stat_open(&file).is_ok_and(|after| after == before) => Some(Had::Cloned),
            Ok(_) => {
                disk.remove_file(to).ok()?;
                None
            }
            Err(_) => {
                self.clones.store(false, Ordering::Relaxed);
                None
            }
        }
    }
}

/// The contents of all files below a node.
fn files(
    find: &impl Find,
    path: &str,
    node: Node,
    known: &mut HashMap<String, ContentId>,
) -> Result<(), PlanError> {
    let mut pending = vec![(path.to_owned(), node)];
    let mut measure = Measure::default();
    while let Some((path, node)) = pending.pop() {
        match node {
            Node::File { content, .. } => drop(known.insert(path, content)),
            Node::Symlink { .. } => {}
            Node::Directory { tree, .. } => {
                let waiting = pending.len();
                for entry in TreeEntries::new(find, tree)? {
                    let entry = entry?;
                    pending.push((look::join(&path, entry.name.as_str()), entry.node));
                }
                measure.count(std::iter::once(tree), (pending.len() - waiting) as u64)?;
            }
        }
    }
    Ok(())
}
