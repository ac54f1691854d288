//! The environment that a command is run in again: this machine's, with the recorded variables, and with the recorded
//! packages where they were made again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::capture::{self, Secrets, recreate};
use crate::disk::{Durability, create_scratch_dir, replace};
use crate::id::EnvironmentId;
use crate::launch::{self, Launch, Signals};
use crate::object::{self, Definition, Environment, Packages};
use crate::repo::reproduce::{Original, Proposal};
use crate::repo::run::{Command, Execution, Place};
use crate::repo::{RepoError, Repository, Witness};
use crate::worktree::scan::Sink;

/// What surrounds a command.
pub(super) struct Surroundings {
    /// Variables that are set for it, beside those that are there.
    set: Vec<(OsString, OsString)>,
    /// The interpreter that was made for it.
    interpreter: Option<PathBuf>,
    /// Packages that could not be made again.
    pub left_out: Vec<String>,
}

impl Surroundings {
    /// This machine's, with those of the recorded variables that are taken over.
    pub fn of(proposal: &Proposal) -> Self {
        let set = proposal.set.iter().map(|(name, value)| (name.into(), value.into()));
        Self { set: set.collect(), interpreter: None, left_out: Vec::new() }
    }

    /// The variables that are set for the command.
    pub fn set(&self) -> &[(OsString, OsString)] {
        &self.set
    }

    /// Whether a variable is set as it was recorded.
    pub fn sets(&self, name: &str) -> bool {
        self.set.iter().any(|(set, _)| set == name)
    }

    /// Whether a program is an interpreter that was made again.
    pub fn replaces(&self, program: &str) -> bool {
        let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        self.interpreter.is_some() && name.starts_with("python")
    }

    /// Puts what there is into a sink.
    pub fn observe<S: Sink>(
        &self,
        repository: &Repository,
        original: &Original,
        sink: &S,
    ) -> Result<EnvironmentId, RepoError> {
        let variable = |name: &str| {
            let set = self.set.iter().rev().find(|(set, _)| set == name).map(|(_, value)| value.clone());
            set.or_else(|| std::env::var_os(name))
        };
        let mut words = original.command().unwrap_or_default();
        if let (Some(interpreter), Some(first)) = (&self.interpreter, words.first_mut())
            && self.replaces(first)
        {
            *first = interpreter.to_string_lossy().into_owned();
        }
        let command = Some(&words[..]).filter(|words| !words.is_empty());
        let found = capture::surroundings(&repository.root, command, &variable);
        let all = std::env::vars_os().chain(self.set.iter().cloned());
        let all: BTreeMap<OsString, OsString> = all.collect();
        // Lock files are inputs of an installation that is not made here.
        let environment: Environment = object::get(&repository.store, original.definition.environment)?;
        let recorded: Packages = object::get(&repository.store, environment.packages)?;
        let packages = Packages { locks: recorded.locks, ..found.packages };
        let environment = Environment {
            packages: object::put(sink, &packages)?,
            system: object::put(sink, &found.system)?,
            accelerators: object::put(sink, &found.accelerators)?,
            variables: capture::variables(&original.manifest.run.variables, all).defining,
        };
        Ok(object::put(sink, &environment)?)
    }

    /// Makes the Python environment again from the packages that were recorded, in the run's folder.
    pub fn recreate(
        &mut self,
        repository: &Repository,
        definition: &Definition,
        place: &Place,
        signals: &Signals,
        witness: &mut dyn Witness,
    ) -> Result<(), RepoError> {
        let environment: Environment = object::get(&repository.store, definition.environment)?;
        let packages: Packages = object::get(&repository.store, environment.packages)?;
        let uv = launch::find(&["uv".into()], &repository.root, &[]).ok();
        let folder = place.environment();
        let plan = recreate::plan(&packages, &folder, uv.as_deref())
            .ok_or_else(|| RepoError::NotRecreated { problem: "no Python was recorded".to_owned() })?;
        let write = |path: &Path, text: &str| {
            let tmp = repository.directory.join("tmp");
            create_scratch_dir(&*repository.disk, place.folder())
                .and_then(|()| replace(&*repository.disk, &tmp, path, text.as_bytes(), Durability::Cache))
                .map_err(|source| RepoError::Io { action: "write", path: path.to_owned(), source })
        };
        write(&plan.requirements.0, &plan.requirements.1)?;
        let mut made = false;
        for (command, _) in &plan.create {
            made = perform(command, repository, signals, witness)?;
            if made {
                break;
            }
        }
        if !made {
            let problem = "no interpreter like the one that was recorded could be made".to_owned();
            return Err(RepoError::NotRecreated { problem });
        }
        if let Some(install) = &plan.install
            && !perform(install, repository, signals, witness)?
        {
            let problem = "its packages could not be installed".to_owned();
            return Err(RepoError::NotRecreated { problem });
        }
        self.left_out = plan.left_out.iter().map(|left| left.package.name.clone()).collect();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(plan.programs.clone()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(paths).unwrap_or(path);
        self.set.push(("PATH".into(), path));
        self.set.push(("VIRTUAL_ENV".into(), folder.into()));
        self.interpreter = Some(plan.interpreter);
        Ok(())
    }

    /// The command as it is run in a folder: with the interpreter that was made for it, and with a program of the
    /// work tree that is not recorded, such as one of its `.venv`.
    pub fn command(
        &self,
        recorded: &[String],
        folder: &Path,
        definition: &Definition,
        repository: &Repository,
    ) -> Result<Command, RepoError> {
        let mut words: Vec<OsString> = recorded.iter().map(OsString::from).collect();
        let inside = |root: &Path| match &definition.directory {
            Some(at) => root.join(at.as_str()),
            None => root.to_owned(),
        };
        if let Some(interpreter) = self.interpreter.as_ref().filter(|_| self.replaces(&recorded[0])) {
            words[0] = interpreter.into();
        } else if launch::find(&words, &inside(folder), &self.set).is_err() {
            let found = launch::find(&words, &inside(&repository.root), &self.set)?;
            words[0] = found.into();
        }
        let secrets = Secrets::of_variables();
        Ok(Command { words, recorded: recorded.to_vec(), secrets, ..Command::default() })
    }
}

/// Runs a command that prepares the environment; whether it ended well.
fn perform(
    command: &recreate::Command,
    repository: &Repository,
    signals: &Signals,
    witness: &mut dyn Witness,
) -> Result<bool, RepoError> {
    let arguments = command.arguments.iter().map(OsString::from);
    let words: Vec<OsString> = std::iter::once(command.program.clone().into()).chain(arguments).collect();
    let execution = Execution::default();
    let launch = Launch {
        command: &words,
        directory: &repository.root,
        environment: &[],
        input: launch::Input::Nothing,
        timeout: None,
        keep: execution.log,
        spool: None,
        forward: None,
    };
    match launch::launch(&launch, witness.preparing(), signals, &mut |_| {}) {
        Ok(ended) => Ok(ended.exit.is_success()),
        // One that is not installed is no better than one that fails.
        Err(launch::LaunchError::NotFound(_) | launch::LaunchError::NotExecutable(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
