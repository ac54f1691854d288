//! What a command does to a disk, and what it was for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use mdl::disk::Disk;
use mdl::disk::testing::{Fault, FaultyDisk, Op, RecordingDisk, Snapshot, UnsyncedDisk};
use mdl::id::ContentId;
use mdl::repo::RepoError;

use crate::project::Project;
use crate::values::{Values, held, meaning, values};

/// Runs a command in a project, on a disk.
pub type Command = fn(&Project, Arc<dyn Disk>) -> Result<(), RepoError>;

/// When a command may be run again.
#[derive(Clone, Copy, PartialEq)]
pub enum Again {
    /// Once it is done, it finds nothing to do.
    Always,
    /// Once it is done, it refuses, or does more.
    UntilRefsMoved,
}

impl Again {
    /// Whether a command that was cut off is to be run again in this project, where refs were like this before.
    pub fn applies(self, project: &Project, before: &Values) -> bool {
        self == Self::Always || values(project).unwrap() == *before
    }
}

/// A command in a situation.
pub struct Scenario {
    pub name: &'static str,
    /// What was done before.
    pub before: fn(&Project),
    pub command: Command,
    pub again: Again,
    /// Whether it moves several refs, of which some may have moved when it fails.
    pub steps: bool,
    /// Syncs without which no state of this scenario breaks a promise, and why they are there all the same.
    pub redundant: &'static [(&'static str, &'static str)],
}

/// What came of a command that was stopped.
pub enum Stopped {
    /// Another process finished it.
    Finished(Box<Recorded>),
    /// It had done all that can be seen; nobody said so.
    Visible,
    /// It came to its end before.
    Never,
}

/// What a command did.
#[derive(Clone)]
pub struct Recorded {
    pub start: Snapshot,
    pub end: Snapshot,
    pub trace: Vec<Op>,
    /// What refs were before.
    pub old: Values,
    pub new: Values,
    /// What refs meant before.
    pub old_meaning: Values,
    /// What refs mean afterwards.
    pub meaning: Values,
    /// The data that the repository had before, and afterwards.
    pub held: [BTreeSet<ContentId>; 2],
}

impl Recorded {
    /// Records a command in a project as it is.
    pub fn of(command: Command, project: &Project) -> Result<Self, RepoError> {
        let disk = RecordingDisk::new(Arc::new(UnsyncedDisk));
        let before = Before::of(project);
        command(project, Arc::new(disk.clone()))?;
        before.end(project, &disk)
    }

    /// A command that is stopped before its operation `at`, and run again by another process.
    pub fn stopped(scenario: &Scenario, start: &Snapshot, at: usize) -> Result<Stopped, RepoError> {
        let project = Project::copy(start);
        let disk = RecordingDisk::new(Arc::new(UnsyncedDisk));
        let before = Before::of(&project);
        let fault = Fault { at, errno: 5, for_ever: true };
        let dying = FaultyDisk::new(Arc::new(disk.clone()), Some(fault));
        // It stops by failing at everything: what it says of that is of no interest here.
        let _ = (scenario.command)(&project, Arc::new(dying.clone()));
        if dying.operations() <= at {
            return Ok(Stopped::Never);
        }
        if !scenario.again.applies(&project, &before.values) {
            return Ok(Stopped::Visible);
        }
        (scenario.command)(&project, Arc::new(disk.clone()))?;
        before.end(&project, &disk).map(|recorded| Stopped::Finished(Box::new(recorded)))
    }

    /// Whether it removes something at this path.
    pub fn removes(&self, path: &Path) -> bool {
        let gone = self.start.root().join(path);
        let is_removal = |op: &Op| match op {
            Op::RemoveFile { path } | Op::RemoveDir { path } => *path == gone,
            _ => false,
        };
        self.trace.iter().any(is_removal)
    }

    /// The same without one of its operations.
    pub fn with_trace(&self, trace: Vec<Op>) -> Self {
        Self { trace, ..self.clone() }
    }

    /// What a sync makes durable, in words that are the same in each run: which of several alike, too.
    pub fn label(&self, at: usize) -> String {
        let plain = self.plain_label(at);
        let before = (0..at).filter(|&other| self.trace[other].is_sync() && self.plain_label(other) == plain);
        match before.count() {
            0 => plain,
            count => format!("{plain} #{}", count + 1),
        }
    }

    fn plain_label(&self, at: usize) -> String {
        let root = self.start.root();
        match &self.trace[at] {
            Op::Sync { file } => format!("bytes of {}", stable(root, &self.name_of(*file))),
            Op::SyncDir { path } => format!("names in {}", stable(root, path)),
            Op::SyncFileSystem { path } => format!("everything below {}", stable(root, path)),
            other => format!("{other:?}"),
        }
    }

    /// The name that a file has in the end.
    fn name_of(&self, number: usize) -> std::path::PathBuf {
        let created = self.trace.iter().find_map(|op| match op {
            Op::Create { file, path, .. } if *file == number => Some(path.clone()),
            _ => None,
        });
        let created = created.expect("a file that was created");
        let named = self.trace.iter().find_map(|op| match op {
            Op::Link { from, to } | Op::Rename { from, to } if *from == created => Some(to.clone()),
            _ => None,
        });
        named.unwrap_or(created)
    }
}

struct Before {
    start: Snapshot,
    values: Values,
    meaning: Values,
    held: BTreeSet<ContentId>,
}

impl Before {
    fn of(project: &Project) -> Self {
        Self {
            start: Snapshot::of(project.root()).unwrap(),
            values: values(project).unwrap(),
            meaning: meaning(project).unwrap(),
            held: held(project).unwrap(),
        }
    }

    fn end(self, project: &Project, disk: &RecordingDisk) -> Result<Recorded, RepoError> {
        Ok(Recorded {
            start: self.start,
            end: Snapshot::of(project.root()).unwrap(),
            trace: disk.trace(),
            old: self.values,
            old_meaning: self.meaning,
            held: [self.held, held(project)?],
            new: values(project)?,
            meaning: meaning(project)?,
        })
    }
}

/// A path below the root, without what is drawn by lot.
fn stable(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let hex = |name: &str| {
        let last = name.rsplit('-').next().unwrap_or_default();
        last.len() >= 32 && last.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let names: Vec<&str> = below.iter().map(|name| name.to_str().unwrap()).collect();
    let run = |name: &str| name.len() == 26 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let lot = |name: &str| hex(name) || run(name);
    let names: Vec<&str> = names.iter().map(|name| if lot(name) { "*" } else { name }).collect();
    names.join("/")
}

/// How many times each label is there.
pub fn counted<T: Ord>(labels: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    labels.into_iter().for_each(|label| *counts.entry(label).or_default() += 1);
    counts
}
