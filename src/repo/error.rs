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
    #[error("{commit} has no part {part:?}")]
    NoSuchPart { commit: String, part: String },
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
    #[error("{0} has no parent")]
    NoParent(CommitId),
    #[error("{what:?} is not a name: {reason}")]
    Name { what: String, reason: crate::name::NameError },
    #[error("{ref_name} was moved by somebody else meanwhile")]
    Conflict { ref_name: String },
    #[error("{} has changes that are not committed", list(paths))]
    Uncommitted { paths: Vec<String> },
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
    Capture(#[from] CaptureError),
}

fn list(paths: &[String]) -> String {
    match paths {
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, rest @ ..] => format!("{one} and {} more", rest.len()),
        [] => "nothing".to_owned(),
    }
}
