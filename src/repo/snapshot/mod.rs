//! The work tree as objects: what the manifest names, the code around it, and the environment.
//!
//! The same steps serve a commit, whose sink is the store's writer, and a comparison, whose sink keeps
//! nothing but hashes. What cannot be seen is a warning and not a failure, unless it would lose data.

pub(super) mod files;
pub(super) mod results;
pub(super) mod secrets;
pub(super) mod seeds;

use std::collections::BTreeMap;
use std::path::Path;

use crate::capture::{self, CodeFiles, Secrets};
use crate::diff::State;
use crate::format::{self, Syntax};
use crate::id::EnvironmentId;
use crate::name::{PartName, TreePath};
use crate::object::{
    self, Code, Dataset, Definition, Environment, Features, GitState, Node, Outcome, Params, Placed,
    PlacedDataset, PlacedFeatures, PlacedParams,
};
use crate::progress::{Amount, Progress};
use crate::repo::run::Command;
use crate::repo::{RepoError, Repository, profile};
use crate::value::Value;
use crate::worktree::cache::StatCache;
use crate::worktree::manifest::{DatasetSpec, Manifest};
use crate::worktree::scan::{ScanError, ScanOptions, Sink, scan_files};
use files::{Files, merge, unreadable};
use results::{Wanted, results};

/// Something worth saying that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A path that the manifest names and that is not there.
    Missing {
        /// What it is: `dataset train`.
        part: String,
        /// Where it should be.
        path: String,
    },
    /// A file of the code that cannot be recorded.
    Refused {
        /// Where it is.
        path: String,
        /// Why.
        reason: String,
    },
    /// Something that the manifest names is not in the file that should have it.
    Absent {
        /// What: `seed train.seed`.
        what: String,
    },
    /// Something that lies where a result belongs, and that the run did not write.
    NotWritten {
        /// Where it is.
        path: String,
    },
    /// A secret that is recorded, since it stands in a file that is recorded as it is.
    Secret {
        /// Where: `hub.api_key in params.yaml`.
        what: String,
    },
    /// Something of the environment or of a data file that could not be seen.
    Gap {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
}

/// The work tree as it was when it was looked at.
pub(super) struct Snapshot {
    pub state: State,
    pub git: Option<GitState>,
    pub warnings: Vec<Warning>,
}

/// Where the environment of a snapshot comes from.
pub(super) enum Surroundings {
    /// It is looked at.
    Observed,
    /// It is taken for what it was: for a look at the files alone.
    Assumed(EnvironmentId),
}

/// Hyperparameters as the definition has them, and their values.
type ReadParams = (PlacedParams, BTreeMap<String, Value>);

/// Takes one snapshot.
pub(super) struct Snapshooter<'a, S> {
    pub repository: &'a Repository,
    pub manifest: &'a Manifest,
    /// The state to compare with later: what did not change since is not profiled again.
    pub before: Option<&'a State>,
    pub cache: &'a StatCache<'a>,
    pub sink: &'a S,
    pub progress: &'a dyn Progress,
    /// What the work is called, and how much of it there is, if that is known.
    pub phase: (&'static str, Option<Amount>),
    /// What is looked at.
    pub subject: Subject<'a>,
}

/// What a snapshot is of.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    /// The work tree: what goes into a run and what came out of the last one.
    WorkTree,
    /// What goes into a run of this command, before there is any result.
    /// It is started in this directory.
    Command(&'a Command, &'a Path),
}

impl<S: Sink> Snapshooter<'_, S> {
    /// Looks at everything: the environment and the list of source files while the data is read.
    pub fn take(&self, surroundings: Surroundings) -> Result<Snapshot, RepoError> {
        let observed = matches!(surroundings, Surroundings::Observed);
        std::thread::scope(|scope| {
            let code = scope.spawn(move || self.list_code(observed));
            let environment = scope.spawn(move || match surroundings {
                Surroundings::Assumed(id) => Ok((id, Vec::new())),
                Surroundings::Observed => self.environment(),
            });
            let files = self.files(observed);
            // A probe that panics is a bug and not to be hidden.
            let code = code.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let environment = environment.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let (mut snapshot, code, (environment, gaps)) = (files?, code?, environment?);
            snapshot.warnings.extend(gaps);
            self.add_code(&mut snapshot, code)?;
            if let Some(definition) = &mut snapshot.state.definition {
                definition.environment = environment;
            }
            self.keep_what_was_observed(&mut snapshot.state);
            Ok(snapshot)
        })
    }

    /// Where nothing that went in and nothing that came out has changed since a run, all that the run
    /// observed is still true of it: its curves, log and utilisation are not in files.
    fn keep_what_was_observed(&self, state: &mut State) {
        let Some(State { definition, outcome: Some(before) }) = self.before else { return };
        let same_files = |now: &Outcome| {
            let files = |outcome: &Outcome| outcome.metrics.as_ref().map(|metrics| metrics.files.clone());
            now.outputs == before.outputs
                && files(now).unwrap_or_default() == files(before).unwrap_or_default()
        };
        let now = state.outcome.clone().unwrap_or_default();
        if state.definition == *definition && matches!(self.subject, Subject::WorkTree) && same_files(&now) {
            state.outcome = Some(before.clone());
        }
    }

    fn list_code(&self, with_git: bool) -> Result<CodeFiles, RepoError> {
        let parts: Vec<TreePath> = self.manifest.paths().into_iter().map(|(_, path)| path.clone()).collect();
        let root = self.repository.root();
        Ok(if with_git { capture::code(root, &parts)? } else { capture::code_paths(root, &parts)? })
    }

    fn add_code(&self, snapshot: &mut Snapshot, files: CodeFiles) -> Result<(), RepoError> {
        let CodeFiles { mut paths, git, refused } = files;
        let mut refuse = |path, reason| snapshot.warnings.push(Warning::Refused { path, reason });
        refused.into_iter().for_each(|(path, reason)| refuse(path, reason.to_string()));
        // A link out of the project is the project's own business, and no reason not to record the rest.
        let root = loop {
            match scan_files(self.repository.root(), &paths, self.cache, self.sink, self.folder().options()) {
                Err(ScanError::LinkOutside { path, target }) => {
                    let inside = path.strip_prefix(self.repository.root()).unwrap_or(&path);
                    let link = inside.to_string_lossy();
                    let Some(at) = paths.iter().position(|path| path.as_str() == link) else {
                        return Err(ScanError::LinkOutside { path, target }.into());
                    };
                    paths.remove(at);
                    refuse(link.into_owned(), format!("it is a link to {target}, which leaves the project"));
                }
                scanned => break scanned?,
            }
        };
        snapshot.git = git;
        if let Some(definition) = &mut snapshot.state.definition {
            definition.code = Some(object::put(self.sink, &Code { root })?);
        }
        Ok(())
    }

    fn environment(&self) -> Result<(EnvironmentId, Vec<Warning>), RepoError> {
        let (directory, words): (&Path, Vec<String>) = match self.subject {
            Subject::WorkTree => (self.repository.root(), self.manifest.run.command.clone()),
            Subject::Command(command, directory) => {
                let words = command.words.iter().map(|word| word.to_string_lossy().into_owned());
                (directory, words.collect())
            }
        };
        let command = Some(&words[..]).filter(|words| !words.is_empty());
        let capture::Surroundings { mut packages, system, accelerators } =
            capture::surroundings(directory, command, &|name| std::env::var_os(name));
        let gap = accelerators.gap.clone().map(|reason| Warning::Gap { what: "accelerators".into(), reason });
        let mut gaps: Vec<Warning> = gap.into_iter().collect();
        packages.locks = self.locks(&mut gaps)?;
        let environment = Environment {
            packages: object::put(self.sink, &packages)?,
            system: object::put(self.sink, &system)?,
            accelerators: object::put(self.sink, &accelerators)?,
            variables: capture::variables(&self.manifest.run.variables, std::env::vars_os()).defining,
        };
        Ok((object::put(self.sink, &environment)?, gaps))
    }

    /// The lock files; `None` where there are none. One that cannot be read is a gap.
    fn locks(&self, gaps: &mut Vec<Warning>) -> Result<Option<Vec<Placed>>, RepoError> {
        let mut locks = Vec::new();
        let files = self.folder();
        for path in capture::lock_files(self.repository.root()) {
            match files.node(|| format!("lock file {path}"), &path, files.options(), gaps) {
                Ok(node) => locks.extend(node.map(|node| Placed { path, node })),
                Err(RepoError::Scan(ScanError::Io { source, .. })) => {
                    gaps.push(Warning::Gap { what: format!("lock file {path}"), reason: source.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        Ok((!locks.is_empty()).then_some(locks))
    }

    /// The work tree's folder.
    fn folder(&self) -> Files<'_, S> {
        let (root, progress) = (self.repository.root(), self.progress);
        Files { root, cache: self.cache, sink: self.sink, progress }
    }

    /// Whether the manifest leaves it to `mdl run` to say what is run. Then the last run's command stays.
    fn is_command_kept(&self) -> bool {
        matches!(self.subject, Subject::WorkTree) && self.manifest.run.command.is_empty()
    }

    /// What was recorded before of what goes in.
    fn before(&self) -> Option<&Definition> {
        self.before.and_then(|state| state.definition.as_ref())
    }

    /// The command that is run, without what looks like a secret.
    fn command(&self) -> Vec<String> {
        match self.subject {
            Subject::WorkTree if self.is_command_kept() => {
                self.before().and_then(|before| before.command.clone()).unwrap_or_default()
            }
            Subject::WorkTree => Secrets::of_variables().command(&self.manifest.run.command).0,
            Subject::Command(command, _) => command.recorded.clone(),
        }
    }

    /// The seeds. Where the environment is not looked at, its variables are taken for what they were.
    fn seeds(
        &self,
        observed: bool,
        params: Option<&BTreeMap<String, Value>>,
        command: &[String],
        warnings: &mut Vec<Warning>,
    ) -> BTreeMap<String, Value> {
        let before = self.before.and_then(|state| state.definition.as_ref()).map(|it| &it.seeds);
        let variable = |name: &str| match observed {
            true => seeds::variable(name),
            false => before?.get(name).cloned(),
        };
        let named = &self.manifest.run.seeds;
        seeds::seeds(&seeds::Places { named, params, command, variable: &variable }, warnings)
    }

    /// Everything but the code and the environment, which are still to be filled in.
    fn files(&self, observed: bool) -> Result<Snapshot, RepoError> {
        let mut warnings = Vec::new();
        self.progress.begin(self.phase.0, self.phase.1);
        let datasets = self.datasets(&mut warnings)?;
        let features = self.features(&mut warnings)?;
        let params = self.params(&mut warnings)?;
        let outcome = match self.subject {
            Subject::WorkTree => results(self.manifest, &self.folder(), Wanted::ALL, &mut warnings)?,
            Subject::Command(..) => None,
        };
        let (command, values) = (self.command(), params.as_ref().map(|(_, values)| values));
        let definition = Definition {
            datasets,
            features,
            seeds: self.seeds(observed, values, &command, &mut warnings),
            params: params.map(|(placed, _)| placed),
            code: None,
            command: Some(command).filter(|command| !command.is_empty()),
            directory: self.before().filter(|_| self.is_command_kept()).and_then(|it| it.directory.clone()),
            environment: crate::id::Digest::new([0; 32]).into(),
        };
        Ok(Snapshot { state: State { definition: Some(definition), outcome }, git: None, warnings })
    }

    fn datasets(&self, warnings: &mut Vec<Warning>) -> Result<BTreeMap<PartName, PlacedDataset>, RepoError> {
        let (files, mut datasets) = (self.folder(), BTreeMap::new());
        for (name, spec) in &self.manifest.datasets {
            let options = ScanOptions { reference: spec.reference, traced: false, ..files.options() };
            let Some(root) = files.node(|| format!("dataset {name}"), &spec.path, options, warnings)? else {
                continue;
            };
            let dataset = self.dataset(name, spec, root, warnings)?;
            let dataset = object::put(self.sink, &dataset)?;
            datasets.insert(name.clone(), PlacedDataset { path: spec.path.clone(), dataset });
        }
        Ok(datasets)
    }

    fn dataset(
        &self,
        name: &PartName,
        spec: &DatasetSpec,
        root: Node,
        warnings: &mut Vec<Warning>,
    ) -> Result<Dataset, RepoError> {
        let (format, profile) = match self.known(name, &spec.path, root)? {
            Some(dataset) => (dataset.format, dataset.profile),
            None => match profile::of(self.repository.root(), &spec.path, root) {
                Some((format, profile)) => {
                    let gap = profile.gap.clone();
                    warnings
                        .extend(gap.map(|reason| Warning::Gap { what: format!("dataset {name}"), reason }));
                    (Some(format.to_owned()), Some(object::put(self.sink, &profile)?))
                }
                None => (None, None),
            },
        };
        let secrets = Secrets::of_variables();
        let source = spec.source.as_ref().map(|source| secrets.text(source));
        if source != spec.source {
            warnings.push(Warning::Secret { what: format!("the source of {name} in mdl.toml") });
        }
        let licence = spec.licence.clone();
        Ok(Dataset { root, stored: !spec.reference, format, source, licence, profile })
    }

    /// The dataset as it was before, if its data is still the same.
    fn known(&self, name: &PartName, path: &TreePath, root: Node) -> Result<Option<Dataset>, RepoError> {
        let definition = self.before();
        let Some(placed) = definition.and_then(|definition| definition.datasets.get(name)) else {
            return Ok(None);
        };
        let dataset: Dataset = object::get(self.repository.store(), placed.dataset)?;
        Ok(Some(dataset).filter(|dataset| dataset.root == root && placed.path == *path))
    }

    fn features(&self, warnings: &mut Vec<Warning>) -> Result<BTreeMap<PartName, PlacedFeatures>, RepoError> {
        let mut features = BTreeMap::new();
        for (name, spec) in &self.manifest.features {
            let part = || format!("features {name}");
            let Some((file, bytes)) = self.folder().file(part, &spec.path, warnings)? else { continue };
            let list =
                format::features(spec.path.file_name(), &bytes).map_err(|e| unreadable(&spec.path, e))?;
            let set = Features { features: list, datasets: spec.datasets.clone(), profile: None };
            features.insert(name.clone(), PlacedFeatures { file, features: object::put(self.sink, &set)? });
        }
        Ok(features)
    }

    fn params(&self, warnings: &mut Vec<Warning>) -> Result<Option<ReadParams>, RepoError> {
        let (mut files, mut values) = (Vec::new(), BTreeMap::new());
        for path in &self.manifest.params {
            let Some((file, bytes)) = self.folder().file(|| "params".to_owned(), path, warnings)? else {
                continue;
            };
            let syntax = Syntax::of(path.file_name()).ok_or_else(|| RepoError::Invalid {
                what: path.to_string(),
                problem: "parameters are read from .yaml, .json and .toml files".to_owned(),
            })?;
            let read = format::values(syntax, &bytes).map_err(|error| unreadable(path, error))?;
            let secrets = Secrets::of_variables();
            for key in secrets::in_values(&read, &secrets) {
                warnings.push(Warning::Secret { what: format!("{key} in {path}") });
            }
            merge(&mut values, read).map_err(|key| RepoError::Invalid {
                what: path.to_string(),
                problem: format!("{key} is in another file of params as well"),
            })?;
            files.push(file);
        }
        if files.is_empty() {
            return Ok(None);
        }
        let params = object::put(self.sink, &Params { values: values.clone() })?;
        Ok(Some((PlacedParams { files, params }, values)))
    }
}
