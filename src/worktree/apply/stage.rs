//! New files on their way: written under names of their own, verified, and only then given their place.
//!
//! A directory that is new waits with everything in it, and gets its place as one. Other files wait alone.

use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::disk::{self, Disk};
use crate::name::TreePath;
use crate::worktree::apply::write::Syncing;
use crate::worktree::apply::{ApplyError, FEW, Place, failed};
use crate::worktree::look;
use crate::worktree::plan::{Action, Plan};
use crate::worktree::scan::STAGE;

/// So many files at most share a folder.
const FOLDER: usize = 1024;
/// What the name of a stage starts with.
const PREFIX: &str = "checkout-";

/// Folders of new files, one on each mount that is written to: from one to another nothing can be renamed, also where
/// both are of one file system.
pub(super) struct Stage<'a> {
    disk: &'a dyn Disk,
    /// By mount, see [`look::mount`].
    folders: HashMap<u64, Folder>,
    /// Directories that are new and whose parents are not.
    trees: Vec<Tree<'a>>,
    /// By the paths of `trees`.
    tree_at: HashMap<&'a str, usize>,
    /// Files and links, by their numbers.
    new: Vec<(&'a str, Berth)>,
}

/// A folder of new files, held open while they wait: so many names are soon found, and in no other folder.
struct Folder {
    path: PathBuf,
    /// Where the operating system finds it.
    held: PathBuf,
    _handle: OwnedFd,
}

/// A directory that is new, with everything in it.
struct Tree<'a> {
    path: &'a str,
    /// Where it waits.
    folder: PathBuf,
}

/// Where a new file waits.
#[derive(Clone, Copy)]
enum Berth {
    /// Alone, on this mount.
    Alone(u64),
    /// In the tree of this number.
    In(usize),
}

impl<'a> Stage<'a> {
    /// Makes room for all that a plan writes. The number of a file is its place among what is new.
    pub fn new(place: &Place<'a>, plan: &'a Plan, new: &[&'a Action]) -> Result<Self, ApplyError> {
        let mut this = Self {
            disk: place.disk,
            folders: HashMap::new(),
            trees: Vec::new(),
            tree_at: HashMap::new(),
            new: Vec::with_capacity(new.len()),
        };
        // Also where there is nothing to stage: see `is_begun`.
        this.mount(place, "")?;
        for action in &plan.actions {
            if let Action::MakeDir { path } = action {
                this.make_dir(place, path)?;
            }
        }
        let mut known: HashMap<&str, Berth> = HashMap::new();
        for action in new {
            let path = action.path().as_str();
            let (directory, _) = look::split(path);
            let berth = match known.get(directory) {
                Some(berth) => *berth,
                None => this.berth(place, directory)?,
            };
            known.insert(directory, berth);
            this.new.push((path, berth));
        }
        this.make_folders()?;
        Ok(this)
    }

    /// Where files of a directory wait.
    fn berth(&mut self, place: &Place<'_>, directory: &str) -> Result<Berth, ApplyError> {
        match self.tree_of(directory) {
            Some(tree) => Ok(Berth::In(tree)),
            None => self.mount(place, directory).map(Berth::Alone),
        }
    }

    /// The mount that a directory is on or would be, which has a folder from now on.
    fn mount(&mut self, place: &Place<'_>, directory: &str) -> Result<u64, ApplyError> {
        let (mount, nearest) = existing(place.root, directory)?;
        if !self.folders.contains_key(&mount) {
            let folder = self.folder(place, mount, &nearest)?;
            self.folders.insert(mount, folder);
        }
        Ok(mount)
    }

    /// Makes a new directory where it waits.
    fn make_dir(&mut self, place: &Place<'_>, path: &'a TreePath) -> Result<(), ApplyError> {
        let (path, above) = (path.as_str(), look::split(path.as_str()).0);
        let directory = match self.tree_of(above) {
            Some(tree) => self.trees[tree].within(path),
            None => {
                let mount = self.mount(place, above)?;
                let number = self.trees.len();
                let folder = self.folders[&mount].held.join(format!("tree-{number}"));
                self.trees.push(Tree { path, folder: folder.clone() });
                self.tree_at.insert(path, number);
                folder
            }
        };
        self.disk.create_dir(&directory).map_err(|e| failed("create", &place.root.join(path), e))
    }

    /// The tree that a directory is or is in.
    fn tree_of(&self, directory: &str) -> Option<usize> {
        let ends = directory.match_indices('/').map(|(at, _)| at).chain([directory.len()]);
        ends.filter(|_| !self.trees.is_empty()).find_map(|end| self.tree_at.get(&directory[..end]).copied())
    }

    /// Makes the folders of files that wait alone.
    fn make_folders(&self) -> Result<(), ApplyError> {
        let folder = |(number, (_, berth)): (usize, &(&str, Berth))| match berth {
            Berth::Alone(mount) => Some((*mount, number / FOLDER)),
            Berth::In(_) => None,
        };
        let folders: BTreeSet<(u64, usize)> = self.new.iter().enumerate().filter_map(folder).collect();
        folders.iter().try_for_each(|(mount, number)| {
            let Folder { held, path, .. } = &self.folders[mount];
            self.disk.create_dir(&held.join(number.to_string())).map_err(|e| failed("write below", path, e))
        })
    }

    /// Makes the folder for a mount: in the staging folder if that is on it, else beside what is written.
    fn folder(&self, place: &Place<'_>, mount: u64, above: &Path) -> Result<Folder, ApplyError> {
        let name = disk::temporary_name().map_err(|e| failed("name", above, e))?;
        // Without it, files are staged beside their places.
        let _ = self.disk.create_dir(place.staging);
        let staging = open_staging(place.staging).and_then(look::mount).is_ok_and(|its| its == mount);
        let path = if staging {
            sweep(self.disk, place.staging);
            place.staging.join(format!("{PREFIX}{name}"))
        } else {
            // No entry of a tree can have such a name, and no scan sees it.
            above.join(format!("{STAGE}{name}"))
        };
        self.disk.create_dir(&path).map_err(|e| failed("create", &path, e))?;
        let opened = look::open_root(path.parent().unwrap_or(above)).and_then(|above| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            look::open_dir(above.as_fd(), name)
        });
        let handle = opened.map_err(|e| failed("open", &path, e))?;
        Ok(Folder { held: self.disk.held(handle.as_fd(), &path), path, _handle: handle })
    }

    /// Where a new file is.
    pub fn path(&self, number: usize) -> PathBuf {
        let (path, berth) = self.new[number];
        match berth {
            Berth::Alone(mount) => self.folders[&mount].held.join(format!("{}/{number}", number / FOLDER)),
            Berth::In(tree) => self.trees[tree].within(path),
        }
    }

    /// Whether a new file gets its place with a directory.
    pub fn is_in_tree(&self, number: usize) -> bool {
        matches!(self.new[number].1, Berth::In(_))
    }

    /// Where a directory waits that gets its place as one.
    pub fn tree(&self, path: &str) -> Option<&Path> {
        self.tree_at.get(path).map(|tree| &*self.trees[*tree].folder)
    }

    /// Whether the names in a directory are durable when it gets its place.
    pub fn has_synced(&self, directory: &str) -> bool {
        self.syncing() == Syncing::Later && self.tree_of(directory).is_some()
    }

    /// When files become durable: few of them one by one.
    pub fn syncing(&self) -> Syncing {
        if self.new.len() <= FEW { Syncing::Each } else { Syncing::Later }
    }

    /// Makes everything in it durable that is not yet and cannot be so in its place.
    pub fn sync(&self) -> Result<(), ApplyError> {
        if self.syncing() != Syncing::Later {
            return Ok(());
        }
        let sync =
            |it: &Folder| self.disk.sync_file_system(&it.held).map_err(|e| failed("sync", &it.path, e));
        self.folders.values().try_for_each(sync)
    }

    /// Removes what is left. What cannot be removed harms nobody.
    pub fn remove(&self) {
        self.folders.values().for_each(|folder| remove(self.disk, &folder.path));
    }
}

impl Tree<'_> {
    /// Where something that is going to be at a path waits, if it is this directory or in it.
    fn within(&self, path: &str) -> PathBuf {
        let below = path.strip_prefix(self.path).unwrap_or_default().trim_start_matches('/');
        self.folder.join(below)
    }
}

/// Opens the staging folder, which is no link.
fn open_staging(staging: &Path) -> std::io::Result<OwnedFd> {
    let above = look::open_root(staging.parent().unwrap_or(staging))?;
    look::open_dir(above.as_fd(), staging.file_name().and_then(|name| name.to_str()).unwrap_or_default())
}

/// The nearest directory that is there and is not reached through a link, and its mount.
fn existing(root: &Path, directory: &str) -> Result<(u64, PathBuf), ApplyError> {
    let top = look::open_root(root).map_err(|e| failed("open", root, e))?;
    let mut directory = directory;
    loop {
        let path = root.join(directory);
        let opened = look::open_dir(top.as_fd(), directory);
        match opened.and_then(look::mount) {
            Ok(mount) => return Ok((mount, if directory.is_empty() { root.to_owned() } else { path })),
            Err(error) if directory.is_empty() => return Err(failed("open", &path, error)),
            Err(_) => directory = look::split(directory).0,
        }
    }
}

/// Whether there is a stage: of somebody who was stopped, or is at work.
pub(super) fn is_begun(staging: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(staging) else { return false };
    let mut names = entries.flatten().map(|entry| entry.file_name());
    names.any(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
}

/// Removes what processes left that died long ago.
fn sweep(disk: &dyn Disk, staging: &Path) {
    for entry in disk::abandoned(disk, staging, &|name| name.starts_with(PREFIX)) {
        remove(disk, &staging.join(entry.file_name()));
    }
}

/// Removes a folder and what is in it.
fn remove(disk: &dyn Disk, folder: &Path) {
    // A link leads to what is not ours.
    if !look::stat(folder).is_ok_and(|stat| stat.kind == look::FileKind::Directory) {
        return;
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => remove(disk, &entry.path()),
            _ => drop(disk.remove_file(&entry.path())),
        }
    }
    let _ = disk.remove_dir(folder);
}
