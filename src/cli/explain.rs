//! Errors explained: what happened, what caused it, what to do next, and the exit code.
//!
//! The only place that words advice. Every error of every floor below is matched exhaustively, so that
//! a new one does not compile before it is explained.

mod lower;
mod remote;
mod repo;
mod usage;

pub use usage::usage;

use std::error::Error;

use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::terminal::Terminal;
use crate::render::{escape, escape_json};
use crate::suggest::nearest;

/// Names that exist, for those who mistype one. Asked only when something was not found.
pub trait Names {
    /// The branches.
    fn branches(&self) -> Vec<String>;

    /// The tags.
    fn tags(&self) -> Vec<String>;

    /// The remotes.
    fn remotes(&self) -> Vec<String>;

    /// The parts of what is checked out, as they are written after a colon.
    fn parts(&self) -> Vec<String>;
}

/// An error, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What went wrong.
    pub message: String,
    /// What caused it, a line each, the nearest cause first.
    pub causes: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// How the command ends.
    pub exit: Exit,
}

/// What to do about an error, and how the command ends.
pub(super) struct Advice {
    exit: Exit,
    hint: Option<String>,
}

impl Advice {
    fn new(exit: Exit, hint: impl Into<String>) -> Self {
        Self { exit, hint: Some(hint.into()) }
    }

    fn none(exit: Exit) -> Self {
        Self { exit, hint: None }
    }
}

/// Explains an error.
pub fn explain(error: &CliError, names: &dyn Names) -> Explained {
    let Advice { exit, hint } = advice(error, names);
    let mut causes: Vec<String> = Vec::new();
    let message = line(&error.to_string());
    causes.extend(repo::details(error));
    let mut next = error.source();
    while let Some(cause) = next {
        let text = line(&cause.to_string());
        // Some errors say their cause themselves.
        if !causes.last().unwrap_or(&message).ends_with(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    Explained { message, causes, hint, exit }
}

fn advice(error: &CliError, names: &dyn Names) -> Advice {
    match error {
        CliError::Usage { hint, .. } => Advice { exit: Exit::Usage, hint: hint.clone() },
        CliError::Name { .. } => lower::bad_name(),
        CliError::Directory { source, .. }
        | CliError::File { source, .. }
        | CliError::Signals(source)
        | CliError::Serve(source) => lower::io(source),
        CliError::Output(source) => lower::output(source),
        CliError::Editor { .. } => Advice::new(
            Exit::Usage,
            "set MDL_EDITOR, VISUAL or EDITOR to an editor that is installed, or give the message with -m",
        ),
        CliError::EditorFailed { .. } => Advice::new(
            Exit::Usage,
            "nothing was committed; what you wrote is in .mdl/COMMIT_MESSAGE. Or give the message with -m",
        ),
        CliError::EmptyMessage => Advice::new(
            Exit::Usage,
            "nothing was committed; say in a few words why this state is worth keeping: `mdl commit -m MESSAGE`",
        ),
        CliError::NotABranch { what } => {
            let hint = meant(what, &names.branches());
            Advice::new(
                Exit::NotFound,
                hint.unwrap_or_else(|| format!("make it with `mdl switch -c {}`", line(what))),
            )
        }
        CliError::NoSweep(_) => Advice::new(Exit::NotFound, "`mdl runs --sweep` lists the sweeps"),
        CliError::NotSet { key } => {
            Advice::new(Exit::NotFound, format!("set it with `mdl config {key} VALUE`"))
        }
        CliError::Repo(error) => repo::advice(error, names),
        CliError::Object(error) => lower::object(error),
    }
}

/// `did you mean …?`, if something is near.
fn meant(written: &str, candidates: &[String]) -> Option<String> {
    let found = nearest(written, candidates.iter().map(String::as_str))?;
    // What was written exists, and something else of it does not.
    if found == written {
        return None;
    }
    Some(format!("did you mean {}?", line(found)))
}

/// Text that may come from anywhere, as one harmless line.
fn line(text: &str) -> String {
    escape(&text.replace('\n', " ")).into_owned()
}

impl Explained {
    /// Tells a person, or a program that asked for JSON. A closed pipe is nobody's business.
    pub fn tell(&self, terminal: &Terminal) {
        if self.exit == Exit::ClosedPipe {
            return;
        }
        if !terminal.is_json() {
            return terminal.error(&self.message, &self.causes, self.hint.as_deref());
        }
        let object = json!({
            "schema": "mdl.error/1",
            "error": self.message,
            "causes": self.causes,
            "hint": self.hint,
            "code": self.exit.code(),
        });
        terminal.complain(&(escape_json(&object) + "\n"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::repo::RepoError;
    use crate::storage::StorageError;

    struct Some3;

    impl Names for Some3 {
        fn branches(&self) -> Vec<String> {
            vec!["main".to_owned(), "wider".to_owned()]
        }

        fn tags(&self) -> Vec<String> {
            vec!["v1".to_owned()]
        }

        fn remotes(&self) -> Vec<String> {
            vec!["origin".to_owned()]
        }

        fn parts(&self) -> Vec<String> {
            vec!["datasets/train".to_owned()]
        }
    }

    fn explained(error: impl Into<CliError>) -> Explained {
        explain(&error.into(), &Some3)
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        let hint = |error: RepoError| explained(error).hint.unwrap();
        assert_eq!(hint(RepoError::UnknownRevision("mian~2".to_owned())), "did you mean main?");
        assert_eq!(hint(RepoError::NoSuchBranch("widr".to_owned())), "did you mean wider?");
        assert_eq!(hint(RepoError::NoSuchTag("v2".to_owned())), "did you mean v1?");
        let part = RepoError::NoSuchPart { commit: "x".to_owned(), part: "datasets/trian".to_owned() };
        assert_eq!(hint(part), "did you mean datasets/train?");
        let parameter = RepoError::NotAPart {
            part: "parms.lr".to_owned(),
            reason: "x".parse::<crate::diff::Selector>().unwrap_err(),
        };
        assert_eq!(explained(parameter).hint.unwrap(), "did you mean params?");
    }

    #[test]
    fn causes_are_told_once_and_decide_how_it_ends() {
        let source = io::Error::from(io::ErrorKind::StorageFull);
        let full = StorageError { action: "create", place: "packs/x".to_owned(), source };
        let told = explained(RepoError::from(crate::store::StoreError::from(full)));
        assert_eq!(told.message, "cannot create packs/x");
        assert_eq!(told.causes.len(), 1);
        assert_eq!(told.exit, Exit::Io);
    }

    #[test]
    fn who_cannot_read_is_not_told_to_look_whether_one_may_write() {
        use crate::worktree::plan::PlanError;
        use crate::worktree::scan::ScanError;
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let path = || std::path::PathBuf::from("data/a");
        let storage = |action| StorageError { action, place: "packs/x".to_owned(), source: denied() };
        let reads = [
            RepoError::Io { action: "read", path: path(), source: denied() },
            RepoError::Io { action: "open", path: path(), source: denied() },
            ScanError::Io { path: path(), source: denied() }.into(),
            PlanError::Io { path: path(), source: denied() }.into(),
            storage("list").into(),
            storage("open").into(),
        ];
        for error in reads {
            let hint = explained(error).hint.unwrap();
            assert!(hint.contains("may read") && !hint.contains("write"), "{hint}");
        }
        let writes =
            [RepoError::Io { action: "write", path: path(), source: denied() }, storage("create").into()];
        for error in writes {
            let hint = explained(error).hint.unwrap();
            assert!(hint.contains("may write"), "{hint}");
        }
        let broken = io::Error::from_raw_os_error(5);
        let hint = explained(RepoError::from(ScanError::Io { path: path(), source: broken })).hint;
        assert!(hint.is_some_and(|hint| hint.contains("disk")));
    }

    #[test]
    fn text_from_elsewhere_is_harmless() {
        let told = explained(RepoError::Exists("a\u{1b}[2J\nb".to_owned()));
        let all = format!("{}{}", told.message, told.hint.unwrap());
        assert!(!all.contains(['\u{1b}', '\n']), "{all:?}");
    }

    #[test]
    fn a_closed_pipe_is_not_explained() {
        let told = explained(CliError::Output(io::ErrorKind::BrokenPipe.into()));
        assert_eq!(told.exit, Exit::ClosedPipe);
    }
}
