//! New files on their way: written under names of their own, verified, and only then given their place.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::disk::{self, Disk, Durability, NewFile};
use crate::id::ContentId;
use crate::object::{ContentSink, ObjectError, ReadContents};
use crate::progress::{Amount, Progress};
use crate::worktree::apply::{ApplyError, Place, failed};
use crate::worktree::look;
use crate::worktree::plan::Action;
use crate::worktree::scan::STAGE;

/// So many files at most share a folder.
const FOLDER: usize = 1024;
/// So many contents are asked for at once.
const SLICE: usize = 1 << 16;
/// What the name of a stage starts with.
const PREFIX: &str = "checkout-";

/// Folders of new files, one on each file system that is written to.
pub(super) struct Stage<'a> {
    disk: &'a dyn Disk,
    /// By device.
    folders: HashMap<u64, PathBuf>,
    /// Which device each new file is on, by its number.
    devices: Vec<u64>,
}

impl<'a> Stage<'a> {
    /// Makes the folders for new files of these paths. Its number is a file's place among them.
    pub fn new<'p>(place: &Place<'a>, paths: impl Iterator<Item = &'p str>) -> Result<Self, ApplyError> {
        let mut this = Self { disk: place.disk, folders: HashMap::new(), devices: Vec::new() };
        let mut known: HashMap<String, (u64, PathBuf)> = HashMap::new();
        let (device, root) = existing(place.root, "")?;
        // Also where there is nothing to stage: see `is_begun`.
        this.folders.insert(device, this.folder(place, device, &root)?);
        for path in paths {
            let (directory, _) = look::split(path);
            let (device, above) = match known.get(directory) {
                Some(found) => found.clone(),
                None => {
                    let found = existing(place.root, directory)?;
                    known.insert(directory.to_owned(), found.clone());
                    found
                }
            };
            this.devices.push(device);
            if !this.folders.contains_key(&device) {
                let folder = this.folder(place, device, &above)?;
                this.folders.insert(device, folder);
            }
        }
        for index in (0..this.devices.len()).step_by(FOLDER) {
            for folder in this.folders.values() {
                let folder = folder.join(format!("{}", index / FOLDER));
                this.disk.create_dir(&folder).map_err(|e| failed("create", &folder, e))?;
            }
        }
        Ok(this)
    }

    /// Makes the folder for a device: in the staging folder if that is on it, else beside what is written.
    fn folder(&self, place: &Place<'_>, device: u64, above: &Path) -> Result<PathBuf, ApplyError> {
        let name = disk::temporary_name().map_err(|e| failed("name", above, e))?;
        // Without it, files are staged beside their places.
        let _ = self.disk.create_dir(place.staging);
        let staging = look::stat(place.staging).is_ok_and(|stat| stat.device == device);
        let folder = if staging {
            sweep(self.disk, place.staging);
            place.staging.join(format!("{PREFIX}{name}"))
        } else {
            // No entry of a tree can have such a name, and no scan sees it.
            above.join(format!("{STAGE}{name}"))
        };
        self.disk.create_dir(&folder).map_err(|e| failed("create", &folder, e))?;
        Ok(folder)
    }

    /// Where a new file is.
    pub fn path(&self, number: usize) -> PathBuf {
        let folder = &self.folders[&self.devices[number]];
        folder.join(format!("{}/{number}", number / FOLDER))
    }

    /// Reads contents into files.
    pub fn fill(
        &self,
        files: &[Staged],
        contents: &impl ReadContents,
        place: &Place<'_>,
        durable: bool,
    ) -> Result<(), ApplyError> {
        let durability = if durable { Durability::Durable } else { Durability::Cache };
        let path = |number| self.path(number);
        let target = Target { path: &path, disk: self.disk, progress: place.progress, durability };
        write(files, contents, &target)
    }

    /// Makes everything in it durable.
    pub fn sync(&self) -> Result<(), ApplyError> {
        for folder in self.folders.values() {
            self.disk.sync_file_system(folder).map_err(|e| failed("sync", folder, e))?;
        }
        Ok(())
    }

    /// Removes what is left. What cannot be removed harms nobody.
    pub fn remove(&self) {
        self.folders.values().for_each(|folder| remove(self.disk, folder));
    }
}

/// Where and how contents are written.
pub(in crate::worktree) struct Target<'a> {
    /// The place of a file, by its number.
    pub path: &'a (dyn Fn(usize) -> PathBuf + Sync),
    pub disk: &'a dyn Disk,
    pub progress: &'a dyn Progress,
    /// Whether each file is durable at the end.
    pub durability: Durability,
}

/// Reads contents into new files, verified.
pub(in crate::worktree) fn write(
    files: &[Staged],
    contents: &impl ReadContents,
    target: &Target<'_>,
) -> Result<(), ApplyError> {
    for files in files.chunks(SLICE) {
        let wanted: Vec<(ContentId, u64)> = files.iter().map(|file| (file.content, file.size)).collect();
        contents.read_contents(&wanted, &Sink { target, files, open: Mutex::default() })?;
    }
    Ok(())
}

/// A file to write.
pub(in crate::worktree) struct Staged {
    /// Its number in the stage.
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

struct Sink<'a, 'p> {
    target: &'a Target<'p>,
    files: &'a [Staged],
    /// Files that are begun and not complete.
    open: Mutex<HashMap<usize, Arc<dyn NewFile>>>,
}

impl Sink<'_, '_> {
    fn open(&self) -> MutexGuard<'_, HashMap<usize, Arc<dyn NewFile>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, file: &Staged) -> Result<Arc<dyn NewFile>, ObjectError> {
        let path = (self.target.path)(file.number);
        Ok(self.target.disk.create(&path, file.executable).map_err(storage)?.into())
    }

    fn is_durable(&self) -> bool {
        self.target.durability == Durability::Durable
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
        if len == wanted.size {
            // The whole file at once: nobody else asks for it before it is verified.
            let file = self.create(wanted)?;
            file.write_at(0, bytes).map_err(storage)?;
            if self.is_durable() {
                file.sync().map_err(storage)?;
            }
            return Ok(());
        }
        self.file(index)?.write_at(offset, bytes).map_err(storage)
    }

    fn verified(&self, index: usize) -> Result<(), ObjectError> {
        let wanted = &self.files[index];
        let file = self.open().remove(&index);
        let file = if wanted.size == 0 && file.is_none() { Some(self.create(wanted)?) } else { file };
        if let Some(file) = file.filter(|_| self.is_durable()) {
            file.sync().map_err(storage)?;
        }
        self.target.progress.advance(Amount { items: 1, bytes: wanted.size });
        Ok(())
    }
}

fn storage(error: io::Error) -> ObjectError {
    ObjectError::Storage(Box::new(error))
}

/// The nearest directory that is there and is not reached through a link, and its device.
fn existing(root: &Path, directory: &str) -> Result<(u64, PathBuf), ApplyError> {
    let top = look::open_root(root).map_err(|e| failed("open", root, e))?;
    let mut directory = directory;
    loop {
        let path = root.join(directory);
        let opened = look::open_dir(top.as_fd(), directory);
        match opened.and_then(|opened| look::stat_at(&opened, ".")) {
            Ok(stat) => return Ok((stat.device, if directory.is_empty() { root.to_owned() } else { path })),
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
    let Ok(entries) = std::fs::read_dir(staging) else { return };
    for entry in entries.flatten() {
        let age = || SystemTime::now().duration_since(entry.metadata().ok()?.modified().ok()?).ok();
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if ours && age().is_some_and(|age| age > disk::ABANDONED) {
            remove(disk, &entry.path());
        }
    }
}

/// Removes a stage: folders of files, two levels deep.
fn remove(disk: &dyn Disk, stage: &Path) {
    for folder in std::fs::read_dir(stage).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let _ = disk.remove_file(&file.path());
        }
        let _ = disk.remove_dir(&folder.path());
    }
    let _ = disk.remove_dir(stage);
}
