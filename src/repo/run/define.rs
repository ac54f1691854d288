//! What goes into a run: the command, and the work tree as it is now.

use std::ffi::OsString;
use std::path::Path;

use crate::capture::Secrets;
use crate::diff::State;
use crate::launch;
use crate::name::TreePath;
use crate::object::{Definition, GitState};
use crate::progress::{Only, Progress};
use crate::repo::snapshot::{Snapshooter, Subject, Surroundings};
use crate::repo::{RepoError, Repository, Warning};
use crate::store::Writer;
use crate::worktree::cache::StatCache;
use crate::worktree::manifest::Manifest;

/// A command as it is run and as it is recorded.
#[derive(Default)]
pub(in crate::repo) struct Command {
    pub words: Vec<OsString>,
    /// Without what looks like a secret.
    pub recorded: Vec<String>,
    /// What was taken out.
    pub redacted: Vec<String>,
    /// What is never to be recorded of what it prints: the secrets of the command and of the environment.
    pub secrets: Secrets,
    /// Where the program is, if it is given by its path from where the command runs.
    pub program: Option<OsString>,
}

impl Command {
    /// A command that was given, or that of the manifest.
    pub fn new(given: &[OsString], manifest: &Manifest) -> Result<Self, RepoError> {
        let words: Vec<OsString> = match given {
            [] => manifest.run.command.iter().map(OsString::from).collect(),
            given => given.to_vec(),
        };
        if words.is_empty() {
            return Err(RepoError::NoCommand);
        }
        let plain: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut secrets = Secrets::of_variables();
        let (recorded, redacted) = secrets.command(&plain);
        plain.iter().zip(&recorded).for_each(|(word, clean)| secrets.add(word, clean));
        Ok(Self { words, recorded, redacted, secrets, program: None })
    }

    /// The same command for a folder elsewhere: a program that is given by its path from here is still found.
    pub fn from(mut self, directory: &Path) -> Result<Self, RepoError> {
        let found = launch::find(&self.words, directory, &[])?;
        let is_path = Path::new(&self.words[0]).components().count() > 1;
        self.program = std::path::absolute(found).ok().filter(|_| is_path).map(Into::into);
        Ok(self)
    }

    /// What to execute in a folder elsewhere: its own program, if it has that one, so that what a script does
    /// beside itself stays there.
    pub fn words_in(&self, directory: &Path) -> Vec<OsString> {
        let mut words = self.words.clone();
        if let Some(program) = &self.program
            && launch::find(&words, directory, &[]).is_err()
        {
            words[0].clone_from(program);
        }
        words
    }

    /// What a run of it is for, where nobody says it.
    pub fn message(&self) -> String {
        format!("run: {}", self.recorded.join(" "))
    }
}

/// What is looked at to define a run.
pub(in crate::repo) struct Defining<'a> {
    /// Where the command runs.
    pub directory: &'a Path,
    pub command: &'a Command,
    pub manifest: &'a Manifest,
    pub cache: &'a StatCache<'a>,
    pub progress: &'a dyn Progress,
}

impl Repository {
    /// What goes into a run of a command in the work tree as it is now.
    pub(in crate::repo) fn define(
        &self,
        defining: &Defining<'_>,
        writer: &Writer<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<(Definition, Option<GitState>), RepoError> {
        let Defining { directory, command, manifest, cache, progress } = *defining;
        let before = self.head()?.commit().map(|id| State::of_commit(&self.store, id)).transpose()?;
        let items = Only::items(progress);
        let snapshooter = Snapshooter {
            repository: self,
            manifest,
            before: before.as_ref(),
            cache,
            sink: writer,
            progress: &items,
            phase: ("Recording", None),
            subject: Subject::Command(command, directory),
        };
        let snapshot = snapshooter.take(Surroundings::Observed)?;
        warnings.extend(snapshot.warnings);
        let definition = snapshot.state.definition.ok_or(RepoError::NoCommits)?;
        Ok((Definition { directory: self.inside(directory)?, ..definition }, snapshot.git))
    }

    /// A directory of the work tree, seen from its root; `None` for the root itself.
    fn inside(&self, directory: &Path) -> Result<Option<TreePath>, RepoError> {
        let outside = || RepoError::Invalid {
            what: directory.display().to_string(),
            problem: format!("it is not in the work tree {}", self.root.display()),
        };
        let full = directory.canonicalize().map_err(|_| outside())?;
        let inside = full.strip_prefix(&self.root).map_err(|_| outside())?;
        match inside.to_str().ok_or_else(outside)? {
            "" => Ok(None),
            path => Ok(Some(TreePath::new(path).map_err(|_| outside())?)),
        }
    }
}
