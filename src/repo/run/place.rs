//! The folder of a run below `.mdl/runs/`: this machine's alone, and no part of the repository.
//!
//! It has the file that metrics are appended to, the log as it comes, and who records the run. What is in it is
//! there as soon as it is written, so that it survives the run, and whoever records it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::capture;
use crate::disk::{Disk, Durability, replace};
use crate::name::RunId;
use crate::repo::{RepoError, Repository, plain};
use crate::worktree::fresh;

/// The folder of all of them, below `.mdl/`.
const FOLDER: &str = "runs";
/// Who records the run, for others to tell whether it is still going on.
const RECORDER: &str = "recorder.json";
/// No file that says so is longer.
const MAX_RECORDER: u64 = 4096;
/// How often a recorder shows itself, or more seldom where samples are. On another machine, one that did not for
/// three times as long is taken for dead.
const SHOWN: Duration = Duration::from_secs(30);

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct Place {
    folder: PathBuf,
}

impl Repository {
    /// Where a run keeps what is not recorded yet.
    pub(in crate::repo) fn run_place(&self, id: &RunId) -> Place {
        Place { folder: self.directory.join(FOLDER).join(id.as_str()) }
    }

    /// Makes the folder of a run, and says that we record it.
    pub(in crate::repo) fn make_run_place(&self, id: &RunId) -> Result<(Place, Recorder), RepoError> {
        let place = self.run_place(id);
        let io = |action, path: &Path, source| RepoError::Io { action, path: path.to_owned(), source };
        for folder in [&self.directory.join(FOLDER), &place.folder, &place.files(), &place.log()] {
            // A link in its place would lead out of the repository.
            match self.disk.create_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(folder) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(io("make", folder, io::ErrorKind::NotADirectory.into()));
                }
                made => made.map_err(|source| io("make", folder, source))?,
            }
        }
        let (path, tmp) = (place.folder.join(RECORDER), self.directory.join("tmp"));
        let recorder = Recorder { disk: self.disk.clone(), path, tmp, every: SHOWN };
        recorder.show().map_err(|source| io("write", recorder.path(), source))?;
        Ok((place, recorder))
    }

    /// Removes what is recorded by now. What else a program put there is its own.
    pub(in crate::repo) fn clear_run_place(&self, place: &Place) {
        let disk = &*self.disk;
        // Files that stay cost some space, and nothing else. A link that a program put there is not followed.
        if let Ok(log) = place.log().strip_prefix(&self.directory) {
            let _ = fresh::remove(&self.directory, log, disk);
        }
        let _ = disk.remove_file(&place.metrics());
        let _ = disk.remove_file(&place.folder.join(RECORDER));
        let _ = disk.remove_dir(&place.files());
        let _ = disk.remove_dir(&place.folder);
    }
}

impl Repository {
    /// Removes the work trees of runs of this machine that were killed: nothing in them is recorded anywhere, and
    /// nobody works in them. What the runs reported and printed stays.
    pub(in crate::repo) fn clear_killed_work(&self) {
        let folders = std::fs::read_dir(self.directory.join(FOLDER)).into_iter().flatten().flatten();
        for id in folders.filter_map(|folder| RunId::new(folder.file_name().to_str()?).ok()) {
            let place = self.run_place(&id);
            if is_folder(&place.work())
                && place.is_dead()
                && let Ok(work) = place.work().strip_prefix(&self.directory)
            {
                let _ = fresh::remove(&self.directory, work, &*self.disk);
            }
        }
    }
}

/// Whether something is a folder itself, and no link to one.
fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// Whether a recorder of this machine still runs; `None` if it is one of another.
fn is_here(recorder: &serde_json::Value) -> Option<bool> {
    let host = capture::host();
    let is_ours = recorder["boot"].as_str().is_some()
        && recorder["boot"].as_str() == host.boot.as_deref()
        && recorder["processes"].as_str() == host.processes.as_deref();
    let pid = recorder["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let start = pid.and_then(capture::process_start);
    is_ours.then(|| start.is_some() && start == recorder["process_start"].as_u64())
}

/// Who records a run: this process.
#[derive(Clone)]
pub(in crate::repo) struct Recorder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    tmp: PathBuf,
    every: Duration,
}

impl Recorder {
    /// The file that says so.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same, which shows itself no more often than this.
    pub fn every(self, interval: Duration) -> Self {
        Self { every: interval.max(SHOWN), ..self }
    }

    /// How often it shows itself.
    pub fn interval(&self) -> Duration {
        self.every
    }

    /// Says that it is there: at the start, and from time to time.
    pub fn show(&self) -> io::Result<()> {
        let (pid, host) = (std::process::id(), capture::host());
        let text = json!({
            "pid": pid,
            "process_start": capture::process_start(pid),
            "host": host.name,
            "boot": host.boot,
            "processes": host.processes,
            "every": self.every.as_secs(),
        });
        replace(&*self.disk, &self.tmp, &self.path, text.to_string().as_bytes(), Durability::Cache)
    }
}

impl Place {
    fn recorder(&self) -> Option<serde_json::Value> {
        let text = plain::read_to_string(&self.folder.join(RECORDER), MAX_RECORDER).ok()??;
        serde_json::from_str(&text).ok()
    }

    /// Whether who recorded the run is gone for certain: a process of this machine, since it was last started.
    fn is_dead(&self) -> bool {
        self.recorder().is_some_and(|recorder| is_here(&recorder) == Some(false))
    }

    /// Whether there are folders, and not links to ones elsewhere.
    pub(super) fn is_own(&self) -> bool {
        is_folder(&self.folder) && is_folder(&self.log())
    }

    /// What `MDL_RUN_DIR` names: for files of the program's own.
    pub fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// What `MDL_METRICS` names.
    pub fn metrics(&self) -> PathBuf {
        self.folder.join("metrics.jsonl")
    }

    /// Where the log is kept while the command runs.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A Python environment of the run's own.
    pub fn environment(&self) -> PathBuf {
        self.folder.join("environment")
    }

    /// What is installed in it.
    pub fn requirements(&self) -> PathBuf {
        self.folder.join("environment.requirements.txt")
    }

    /// A work tree of the run's own.
    pub fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Whether who records the run is still there. Of another machine that is told by when it last showed
    /// itself: a clock, and only shown to people.
    pub(in crate::repo) fn is_alive(&self) -> bool {
        let path = self.folder.join(RECORDER);
        let Some(recorder) = self.recorder() else { return false };
        if let Some(alive) = is_here(&recorder) {
            return alive;
        }
        let shown = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
        let silent = shown.ok().map(|shown| SystemTime::now().duration_since(shown).unwrap_or_default());
        let every = Duration::from_secs(recorder["every"].as_u64().unwrap_or_default()).max(SHOWN);
        silent.is_some_and(|silent| silent < every.saturating_mul(3))
    }
}
