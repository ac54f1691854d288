//! The work tree as a source of files: given only where no write to what is given reaches the user's file.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::disk::Disk;
use crate::id::ContentId;
use crate::object::{Find, Node, TreeEntries};
use crate::worktree::cache::StatCache;
use crate::worktree::look::{self, FileKind, Stat};
use crate::worktree::plan::{Action, Measure, Part, PlanError};

/// A work tree whose files are known from a scan.
pub struct Source<'a> {
    root: PathBuf,
    directory: OwnedFd,
    cache: &'a StatCache<'a>,
    known: HashMap<String, ContentId>,
    /// Files that were given a second name, as they were then: that changed their times of change.
    linked: Mutex<HashMap<String, Stat>>,
    /// Whether clones are to be tried: not after one that failed.
    clones: AtomicBool,
}

/// How a file was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Had {
    Cloned,
    Linked,
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
            linked: Mutex::default(),
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
        let path = path.as_str();
        self.known.get(path).filter(|known| *known == content)?;
        let (above, name) = look::split(path);
        let directory = look::open_dir(self.directory.as_fd(), above).ok()?;
        let file = look::open_file(&directory, name).ok()?;
        let before = look::stat_open(&file).ok()?;
        let is_settled = self.cache.is_settled(&before) || self.is_linked(path, &before);
        if before.kind != FileKind::File || before.size != *size || !is_settled {
            return None;
        }
        if self.clones.load(Ordering::Relaxed) {
            match disk.clone_file(&file, to, *executable) {
                Ok(_) if look::stat_open(&file).is_ok_and(|after| after == before) => {
                    return Some(Had::Cloned);
                }
                Ok(_) => {
                    disk.remove_file(to).ok()?;
                    return None;
                }
                Err(_) => self.clones.store(false, Ordering::Relaxed),
            }
        }
        // Permissions do not bind root.
        let is_root = rustix::process::geteuid().is_root();
        let mode = file.metadata().ok()?.permissions().mode();
        if is_root || mode & 0o222 != 0 || before.executable != *executable {
            return None;
        }
        let from = disk.held(directory.as_fd(), &self.root.join(above)).join(name);
        disk.link(&from, to).ok()?;
        match look::stat(to) {
            Ok(after) if !after.differs(&before) && after.device == before.device => {
                self.linked.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), after);
                Some(Had::Linked)
            }
            _ => {
                disk.remove_file(to).ok()?;
                None
            }
        }
    }

    /// Whether a file is one that was given a second name and is otherwise as it was.
    fn is_linked(&self, path: &str, now: &Stat) -> bool {
        let linked = self.linked.lock().unwrap_or_else(PoisonError::into_inner);
        linked.get(path).is_some_and(|then| !now.differs(then) && now.device == then.device)
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
