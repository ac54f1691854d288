//! Everything that can end a command early, as facts. `explain` says what to do about it.

use std::io;
use std::path::PathBuf;

use crate::name::NameError;
use crate::object::ObjectError;
use crate::repo::RepoError;

/// Why a command could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum CliError {
    #[error("{problem}")]
    Usage { problem: String, hint: Option<String> },
    #[error("{what:?} is not a name: {reason}")]
    Name { what: String, reason: NameError },
    #[error("cannot work in {}", path.display())]
    Directory {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write the result")]
    Output(#[source] io::Error),
    #[error("cannot run the editor {editor:?}")]
    Editor {
        editor: String,
        #[source]
        source: io::Error,
    },
    #[error("the editor {editor:?} failed")]
    EditorFailed { editor: String },
    #[error("the message is empty")]
    EmptyMessage,
    #[error("cannot {action} {}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{what:?} is not a branch, and neither is there a tag or commit of that name")]
    NotABranch { what: String },
    #[error("{key} is not set")]
    NotSet { key: &'static str },
    #[error("no run belongs to a sweep that is called {0:?}")]
    NoSweep(String),
    #[error("the client was not served to the end")]
    Serve(#[source] io::Error),
    #[error("cannot hold signals back")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Object(#[from] ObjectError),
}

impl CliError {
    /// A command line that makes no sense, and what to write instead.
    pub fn usage(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { problem: problem.into(), hint: Some(hint.into()) }
    }
}
