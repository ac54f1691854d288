//! Making a repository, and finding and opening one.
//!
//! `format` is created last: a directory without it is an `init` that was interrupted, and is finished
//! by the next one. Opening writes nothing, so that it works on a read-only file system.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, Durability, OsDisk, confined, create_scratch_dir, replace};
use crate::name::RefName;
use crate::object::Direction;
use crate::repo::{Config, DIRECTORY, Head, MANIFEST, RepoError, Repository, own};
use crate::storage::{Folder, Storage};
use crate::store::version::{self, Version};
use crate::store::{IndexCache, Store};
use crate::worktree::detect::{self, Detected};

/// The branch that a new repository is on.
const FIRST_BRANCH: &str = "main";

/// A repository that was made.
pub struct Initialised {
    /// The repository.
    pub repository: Repository,
    /// Whether it was there before; then nothing was changed.
    pub existed: bool,
    /// Whether a manifest was written; otherwise there was one.
    pub manifest_written: bool,
    /// What was found at the root; it is in the manifest, if that was written.
    pub detected: Detected,
    /// Which direction of metrics that were found is better, as it was written into the manifest.
    pub better: Vec<(String, Direction)>,
}

impl Repository {
    /// Makes a repository at the root of a project. One that is there already is left as it is.
    pub fn init(root: &Path) -> Result<Initialised, RepoError> {
        Self::init_on(root, Arc::new(OsDisk))
    }

    /// [`Repository::init`] on a given disk, for tests.
    pub fn init_on(root: &Path, disk: Arc<dyn Disk>) -> Result<Initialised, RepoError> {
        let directory = root.join(DIRECTORY);
        let disk = confined(&directory, disk);
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| RepoError::Io { action: "write", path, source }
        };
        if fs::symlink_metadata(&directory).is_ok_and(|found| !found.is_dir()) {
            let problem = "it is a link or a file, where a directory belongs".to_owned();
            return Err(RepoError::Invalid { what: directory.display().to_string(), problem });
        }
        if directory.is_dir() {
            own::check(&directory)?;
        }
        if is_finished(&directory) {
            // Whoever made it may have been stopped before it was durable.
            disk.sync_dir(&directory).map_err(io(&directory))?;
            let repository = Self::open_at(root.to_owned(), disk)?;
            return Ok(Initialised {
                repository,
                existed: true,
                manifest_written: false,
                detected: Detected::default(),
                better: Vec::new(),
            });
        }
        let tmp = directory.join("tmp");
        make_directory(&directory, &*disk)?;
        let manifest = root.join(MANIFEST);
        let listing = detect::list(root).map_err(|source| RepoError::Io {
            action: "read",
            path: root.to_owned(),
            source,
        })?;
        let detected = detect::detect(&listing);
        let manifest_written = fs::symlink_metadata(&manifest).is_err();
        if manifest_written {
            replace(&*disk, &tmp, &manifest, detected.text.as_bytes(), Durability::Durable)
                .map_err(io(&manifest))?;
        }
        if !manifest_written {
            // Ours, if an `init` was stopped right after it wrote it.
            disk.sync_dir(root).map_err(io(&manifest))?;
        }
        first_head(&directory, &*disk)?;
        version::stamp(&Folder::new(directory.clone(), disk.clone()))?;
        let repository = Self::open_at(root.to_owned(), disk)?;
        let better = if manifest_written { repository.declare_all_directions()? } else { Vec::new() };
        Ok(Initialised { repository, existed: false, manifest_written, detected, better })
    }

    /// Opens the repository whose work tree this path is in.
    pub fn open(start: &Path) -> Result<Repository, RepoError> {
        Self::open_on(start, Arc::new(OsDisk))
    }

    /// [`Repository::open`] on a given disk, for tests.
    pub fn open_on(start: &Path, disk: Arc<dyn Disk>) -> Result<Repository, RepoError> {
        let start = start.canonicalize().map_err(|source| RepoError::Io {
            action: "open",
            path: start.to_owned(),
            source,
        })?;
        let root = start.ancestors().find(|folder| is_adoptable(folder, &start));
        Self::open_at(root.ok_or(RepoError::NotARepository(start.clone()))?.to_owned(), disk)
    }

    fn open_at(root: PathBuf, disk: Arc<dyn Disk>) -> Result<Repository, RepoError> {
        let directory = root.join(DIRECTORY);
        own::check(&directory)?;
        let disk = confined(&directory, disk);
        let storage: Arc<dyn Storage> = Arc::new(Folder::new(directory.clone(), disk.clone()));
        match version::of(&*storage)? {
            Version::Known => {}
            Version::Absent => return Err(RepoError::Unfinished(directory)),
            Version::Unknown(found) => return Err(RepoError::UnknownFormat { found }),
        }
        Self::assemble(root, directory, disk, storage)
    }

    /// A repository that lacks nothing but the key `format`, which says that it is finished.
    pub(super) fn skeleton(root: &Path, disk: Arc<dyn Disk>) -> Result<Repository, RepoError> {
        let directory = root.join(DIRECTORY);
        let disk = confined(&directory, disk);
        make_directory(&directory, &*disk)?;
        own::check(&directory)?;
        if fs::symlink_metadata(directory.join("HEAD")).is_err() {
            first_head(&directory, &*disk)?;
        }
        let storage = Arc::new(Folder::new(directory.clone(), disk.clone()));
        Self::assemble(root.to_owned(), directory, disk, storage)
    }

    fn assemble(
        root: PathBuf,
        directory: PathBuf,
        disk: Arc<dyn Disk>,
        storage: Arc<dyn Storage>,
    ) -> Result<Repository, RepoError> {
        let index = IndexCache {
            disk: disk.clone(),
            file: directory.join("cache").join("index"),
            tmp_dir: directory.join("tmp"),
            intact: Some(directory.join("cache").join("intact")),
        };
        let store = Store::open(storage.clone(), Some(index));
        let config = Config::load(&directory)?;
        Ok(Repository { root, directory, disk, storage, store, config })
    }
}

/// Makes `.mdl`, and what is in it that is no key.
fn make_directory(directory: &Path, disk: &dyn Disk) -> Result<(), RepoError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| RepoError::Io { action: "write", path, source }
    };
    let tmp = directory.join("tmp");
    create_scratch_dir(disk, &tmp).map_err(io(&tmp))?;
    create_scratch_dir(disk, &directory.join("cache")).map_err(io(directory))?;
    // git then ignores the directory without anybody's .gitignore being touched.
    let ignore = directory.join(".gitignore");
    replace(disk, &tmp, &ignore, b"*\n", Durability::Durable).map_err(io(&ignore))
}

/// Lets HEAD be on the first branch, which has no commit yet.
fn first_head(directory: &Path, disk: &dyn Disk) -> Result<(), RepoError> {
    let branch =
        RefName::new(FIRST_BRANCH).map_err(|reason| RepoError::Name { what: FIRST_BRANCH.into(), reason })?;
    Head::Branch(branch, None).write(disk, directory)
}

fn is_finished(directory: &Path) -> bool {
    fs::symlink_metadata(directory.join("format")).is_ok_and(|format| format.is_file())
}

/// Whether a folder has a repository of its own that a command in `start` may take for its own: a symbolic
/// link is not followed, and what anybody could have put above us is not adopted.
fn is_adoptable(folder: &Path, start: &Path) -> bool {
    let is_directory = fs::symlink_metadata(folder.join(DIRECTORY)).is_ok_and(|found| found.is_dir());
    is_directory && (folder == start || !is_world_writable(folder))
}

#[cfg(unix)]
fn is_world_writable(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(folder).is_ok_and(|metadata| metadata.mode() & 0o002 != 0)
}

#[cfg(not(unix))]
fn is_world_writable(_: &Path) -> bool {
    false
}
