//! Everything that can go wrong, as facts. What to do about it is said in `cli`.

use std::path::PathBuf;

use crate::capture::CaptureError;
use crate::id::CommitId;
use crate::object::ObjectError;
use crate::refs::RefError;
use crate::storage::StorageError;
use crate::store::StoreError;

/// Why a request could not be met.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum RepoError {
    #[error("no repository here or in any folder above {}", .0.display())]
    NotARepository(PathBuf),
    #[error("{} belongs to another user", .0.display())]
    ForeignOwner(PathBuf),
    #[error("{} is not as mdl makes it: {problem}", path.display())]
    NotOurs { path: PathBuf, problem: &'static str },
    #[error("{} was begun and not finished", .0.display())]
    Unfinished(PathBuf),
    #[error("this repository has the format {found:?}")]
    UnknownFormat { found: String },
    #[error("cannot {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("there is no commit yet")]
    NoCommits,
    #[error("no revision is called {0:?}")]
    UnknownRevision(String),
    #[error("{prefix:?} is the beginning of {count} ids")]
    Ambiguous { prefix: String, count: usize },
    #[error("{} has no part {part:?}", short(commit))]
    NoSuchPart { commit: String, part: String },
    #[error("{part:?} is neither a part nor a file of one")]
    NotAPart { part: String, reason: crate::diff::SelectorError },
    #[error("{0:?} is not the name of a branch")]
    NoSuchBranch(String),
    #[error("{0:?} is not the name of a tag")]
    NoSuchTag(String),
    #[error("{0:?} exists already")]
    Exists(String),
    #[error("{0:?} is checked out")]
    CheckedOut(String),
    #[error("only {0:?} has its commits")]
    Unmerged(String),
    #[error("HEAD is not on a branch")]
    Detached,
    #[error("{} has no such parent", short(&.0.to_string()))]
    NoParent(CommitId),
    #[error("{what:?} is not a name: {reason}")]
    Name { what: String, reason: crate::name::NameError },
    #[error("{ref_name} was moved by somebody else meanwhile")]
    Conflict { ref_name: String },
    #[error("{} does not come after {}, which is checked out", short(&theirs.to_string()), short(&ours.to_string()))]
    Apart { ours: CommitId, theirs: CommitId },
    #[error("no remote is called {0:?}")]
    NoSuchRemote(String),
    #[error("no remote is named, and none is the one that is meant")]
    NoRemote { known: Vec<String> },
    #[error("this is no location of a repository: {0}")]
    Location(#[source] crate::storage::LocationError),
    #[error("{url} cannot be a remote")]
    Probe {
        url: String,
        #[source]
        source: crate::storage::ProbeError,
    },
    #[error("remote {place}")]
    Remote {
        place: String,
        #[source]
        source: Box<crate::sync::SyncError>,
    },
    #[error("{} not here, and no remote has {}", counted(*count), if *count == 1 { "it" } else { "them" })]
    Nowhere { count: usize, first: crate::id::ContentId },
    #[error("{} and {} have no commit in common", short(&ours.to_string()), short(&theirs.to_string()))]
    Unrelated { ours: CommitId, theirs: CommitId },
    #[error("cloned into {}, and its files could not be written", root.display())]
    NotCheckedOut {
        root: PathBuf,
        branch: String,
        #[source]
        source: Box<RepoError>,
    },
    #[error("it stopped midway, and not all could be taken back")]
    HalfDone {
        /// What goes back, for `mdl checkout`.
        back: String,
        #[source]
        source: Box<RepoError>,
    },
    #[error("no command is given, and the manifest has none")]
    NoCommand,
    #[error(transparent)]
    Launch(#[from] crate::launch::LaunchError),
    #[error("{file}: {error}")]
    Set { file: String, error: crate::format::SetError },
    #[error(transparent)]
    Fresh(#[from] crate::worktree::fresh::FreshError),
    #[error("{} has no outcome that could be compared", short(&.0.to_string()))]
    NoOutcome(CommitId),
    #[error("it cannot be run here: {0}")]
    Obstacle(crate::repo::Obstacle),
    #[error("nothing was run: what {} defines was not made here by you, and was not approved", .0)]
    NotApproved(crate::id::CommitId),
    #[error("the recorded environment could not be made again: {problem}")]
    NotRecreated { problem: String },
    #[error("run {run} ended ({exit}), and its outcome could not be recorded")]
    NotRecorded {
        run: String,
        exit: crate::launch::Exit,
        /// Where its metrics and its log still are.
        folder: PathBuf,
        #[source]
        source: Box<RepoError>,
    },
    #[error("run {0:?} has not ended yet")]
    StillRunning(String),
    #[error("{part:?} is a part of a commit, and not a commit")]
    NotAState { part: String },
    #[error("{0:?} is not one file")]
    NotAFile(String),
    #[error("{0:?} is not a part that the manifest names")]
    NotTracked(String),
    #[error("mdl.toml: {0}")]
    Manifest(#[from] crate::worktree::manifest::ManifestError),
    #[error(transparent)]
    Scan(#[from] crate::worktree::scan::ScanError),
    #[error(transparent)]
    Plan(#[from] crate::worktree::plan::PlanError),
    #[error(transparent)]
    Apply(#[from] crate::worktree::apply::ApplyError),
    #[error("no device is called {name:?}")]
    NoSuchDevice { name: String, known: Vec<String> },
    #[error("{0:?} cards are none, or more than there are")]
    Cards(String),
    #[error("{0:?} was not recorded on a machine with an accelerator whose memory is known")]
    NoAccelerator(String),
    #[error("{what}, line {}: {}", error.line, error.problem)]
    DeviceTable { what: String, error: crate::fit::TableError },
    #[error("{what}: {problem}")]
    Invalid { what: String, problem: String },
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Ref(#[from] RefError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Collect(#[from] crate::sync::CollectError),
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

fn counted(count: usize) -> String {
    if count == 1 { "a content is".to_owned() } else { format!("{count} contents are") }
}

/// As much of an id as people read.
fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
