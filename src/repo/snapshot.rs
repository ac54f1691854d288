//! The work tree as objects: what the manifest names, the code around it, and the environment.
//!
//! The same steps serve a commit, whose sink is the store's writer, and a comparison, whose sink keeps
//! nothing but hashes. What cannot be seen is a warning and not a failure, unless it would lose data.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use crate::capture::{self, CodeFiles};
use crate::diff::State;
use crate::format::{self, FormatError, Syntax};
use crate::id::{ContentId, EnvironmentId};
use crate::name::{PartName, TreePath};
use crate::object::{
    self, Code, Dataset, Definition, Direction, Environment, Features, GitState, Metrics, Node, Outcome,
    Params, Placed, PlacedDataset, PlacedFeatures, PlacedParams,
};
use crate::progress::{Amount, Progress};
use crate::repo::{RepoError, Repository, profile};
use crate::value::Value;
use crate::worktree::cache::StatCache;
use crate::worktree::manifest::{DatasetSpec, Manifest};
use crate::worktree::scan::{ScanError, ScanOptions, Sink, scan, scan_files};

/// Parameters, feature lists and metrics are read whole up to this many bytes.
const MAX_PARSED: u64 = 16 << 20;

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
}

impl<S: Sink> Snapshooter<'_, S> {
    /// Looks at everything: the environment and the list of source files while the data is read.
    pub fn take(&self, surroundings: Surroundings) -> Result<Snapshot, RepoError> {
        let with_git = matches!(surroundings, Surroundings::Observed);
        std::thread::scope(|scope| {
            let code = scope.spawn(move || self.list_code(with_git));
            let environment = scope.spawn(move || match surroundings {
                Surroundings::Assumed(id) => Ok((id, Vec::new())),
                Surroundings::Observed => self.environment(),
            });
            let files = self.files();
            // A probe that panics is a bug and not to be hidden.
            let code = code.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let environment = environment.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let (mut snapshot, code, (environment, gaps)) = (files?, code?, environment?);
            snapshot.warnings.extend(gaps);
            self.add_code(&mut snapshot, code)?;
            if let Some(definition) = &mut snapshot.state.definition {
                definition.environment = environment;
            }
            Ok(snapshot)
        })
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
            match scan_files(self.repository.root(), &paths, self.cache, self.sink, self.options()) {
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
        let capture::Surroundings { mut packages, system, accelerators } =
            capture::surroundings(self.repository.root(), None, &|name| std::env::var_os(name));
        let gap = accelerators.gap.clone().map(|reason| Warning::Gap { what: "accelerators".into(), reason });
        let mut gaps: Vec<Warning> = gap.into_iter().collect();
        packages.locks = self.locks(&mut gaps)?;
        let environment = Environment {
            packages: object::put(self.sink, &packages)?,
            system: object::put(self.sink, &system)?,
            accelerators: object::put(self.sink, &accelerators)?,
            variables: BTreeMap::new(),
        };
        Ok((object::put(self.sink, &environment)?, gaps))
    }

    /// The lock files; `None` where there are none. One that cannot be read is a gap.
    fn locks(&self, gaps: &mut Vec<Warning>) -> Result<Option<Vec<Placed>>, RepoError> {
        let mut locks = Vec::new();
        for path in capture::lock_files(self.repository.root()) {
            match scan(self.repository.root(), &path, self.cache, self.sink, self.options()) {
                Ok(node) => locks.push(Placed { path, node }),
                // It was there a moment ago, and is gone.
                Err(ScanError::Missing { .. }) => {}
                Err(ScanError::Io { source, .. }) => {
                    gaps.push(Warning::Gap { what: format!("lock file {path}"), reason: source.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok((!locks.is_empty()).then_some(locks))
    }

    /// Everything but the code and the environment, which are still to be filled in.
    fn files(&self) -> Result<Snapshot, RepoError> {
        let mut warnings = Vec::new();
        self.progress.begin(self.phase.0, self.phase.1);
        let datasets = self.datasets(&mut warnings)?;
        let features = self.features(&mut warnings)?;
        let params = self.params(&mut warnings)?;
        let outcome = self.outcome(&mut warnings)?;
        let definition = Definition {
            datasets,
            features,
            seeds: self.seeds(params.as_ref().map(|(_, values)| values), &mut warnings),
            params: params.map(|(placed, _)| placed),
            code: None,
            command: Some(self.manifest.run.command.clone()).filter(|command| !command.is_empty()),
            environment: crate::id::Digest::new([0; 32]).into(),
        };
        Ok(Snapshot { state: State { definition: Some(definition), outcome }, git: None, warnings })
    }

    fn options(&self) -> ScanOptions<'_> {
        ScanOptions { reference: false, traced: true, progress: self.progress }
    }

    /// What is at a path; a warning if nothing is.
    fn node(
        &self,
        part: impl Fn() -> String,
        path: &TreePath,
        options: ScanOptions<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Node>, RepoError> {
        match scan(self.repository.root(), path, self.cache, self.sink, options) {
            Ok(node) => Ok(Some(node)),
            Err(ScanError::Missing { .. }) => {
                warnings.push(Warning::Missing { part: part(), path: path.to_string() });
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn datasets(&self, warnings: &mut Vec<Warning>) -> Result<BTreeMap<PartName, PlacedDataset>, RepoError> {
        let mut datasets = BTreeMap::new();
        for (name, spec) in &self.manifest.datasets {
            let options = ScanOptions { reference: spec.reference, traced: false, ..self.options() };
            let Some(root) = self.node(|| format!("dataset {name}"), &spec.path, options, warnings)? else {
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
        let (source, licence) = (spec.source.clone(), spec.licence.clone());
        Ok(Dataset { root, stored: !spec.reference, format, source, licence, profile })
    }

    /// The dataset as it was before, if its data is still the same.
    fn known(&self, name: &PartName, path: &TreePath, root: Node) -> Result<Option<Dataset>, RepoError> {
        let definition = self.before.and_then(|state| state.definition.as_ref());
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
            let Some((file, bytes)) = self.file(part, &spec.path, warnings)? else { continue };
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
            let Some((file, bytes)) = self.file(|| "params".to_owned(), path, warnings)? else { continue };
            let syntax = Syntax::of(path.file_name()).ok_or_else(|| RepoError::Invalid {
                what: path.to_string(),
                problem: "parameters are read from .yaml, .json and .toml files".to_owned(),
            })?;
            let read = format::values(syntax, &bytes).map_err(|error| unreadable(path, error))?;
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

    fn seeds(
        &self,
        values: Option<&BTreeMap<String, Value>>,
        warnings: &mut Vec<Warning>,
    ) -> BTreeMap<String, Value> {
        let values = Value::Map(values.cloned().unwrap_or_default());
        let mut seeds = BTreeMap::new();
        for seed in &self.manifest.run.seeds {
            let Ok(path) = seed.parse();
            match values.get(&path) {
                Some(value) => drop(seeds.insert(seed.clone(), value.clone())),
                None => warnings.push(Warning::Absent { what: format!("seed {seed}") }),
            }
        }
        seeds
    }

    fn outcome(&self, warnings: &mut Vec<Warning>) -> Result<Option<Outcome>, RepoError> {
        let (mut files, mut values) = (Vec::new(), BTreeMap::new());
        for path in &self.manifest.metrics {
            let Some((file, bytes)) = self.file(|| "metrics".to_owned(), path, warnings)? else { continue };
            let read = format::metrics(path.file_name(), &bytes).map_err(|error| unreadable(path, error))?;
            merge(&mut values, read).map_err(|key| RepoError::Invalid {
                what: path.to_string(),
                problem: format!("{key} is in another file of metrics as well"),
            })?;
            files.push(file);
        }
        let mut outputs = BTreeMap::new();
        for (name, path) in &self.manifest.outputs {
            let options = ScanOptions { traced: false, ..self.options() };
            if let Some(node) = self.node(|| format!("output {name}"), path, options, warnings)? {
                outputs.insert(name.clone(), Placed { path: path.clone(), node });
            }
        }
        if files.is_empty() && outputs.is_empty() {
            return Ok(None);
        }
        let better = self.directions(&values);
        let metrics = if files.is_empty() { None } else { Some(Metrics { values, files, better }) };
        Ok(Some(Outcome { metrics, outputs, ..Outcome::default() }))
    }

    /// Which direction is better, of those metrics of which the manifest says it.
    fn directions(&self, values: &BTreeMap<String, Value>) -> BTreeMap<String, Direction> {
        let values = Value::Map(values.clone());
        let leaves = values.leaves().into_iter();
        leaves.filter_map(|(path, _)| Some((path.to_string(), self.manifest.direction(&path)?))).collect()
    }

    /// A file that is parsed, with the bytes that were recorded of it.
    fn file(
        &self,
        part: impl Fn() -> String,
        path: &TreePath,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<(Placed, Vec<u8>)>, RepoError> {
        let Some(node) = self.node(&part, path, self.options(), warnings)? else { return Ok(None) };
        let invalid =
            |problem: &str| RepoError::Invalid { what: path.to_string(), problem: problem.to_owned() };
        let full = self.repository.root().join(path.as_str());
        let io = |source| RepoError::Io { action: "read", path: full.clone(), source };
        let mut bytes = Vec::new();
        File::open(&full).map_err(io)?.take(MAX_PARSED + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > MAX_PARSED {
            return Err(invalid("it is too long to be read as parameters, features or metrics"));
        }
        match node {
            Node::File { content, .. } if content != ContentId::of(&bytes) => {
                Err(invalid("it changed while it was read"))
            }
            Node::Directory { .. } => Err(invalid("it is a directory, and should be a file")),
            _ => Ok(Some((Placed { path: path.clone(), node }, bytes))),
        }
    }
}

fn unreadable(path: &TreePath, error: FormatError) -> RepoError {
    RepoError::Invalid { what: path.to_string(), problem: error.to_string() }
}

/// Adds a tree of values to another, and says the first leaf that both have.
fn merge(into: &mut BTreeMap<String, Value>, from: BTreeMap<String, Value>) -> Result<(), String> {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (None, value) => drop(into.insert(key, value)),
            (Some(Value::Map(ours)), Value::Map(theirs)) => {
                merge(ours, theirs).map_err(|below| format!("{key}.{below}"))?;
            }
            (Some(_), _) => return Err(key),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_parameters_merge_unless_they_say_the_same_thing_twice() {
        let map = |text: &str| format::values(Syntax::Json, text.as_bytes()).unwrap();
        let mut values = map(r#"{"train": {"lr": 0.1}}"#);
        merge(&mut values, map(r#"{"train": {"epochs": 3}, "seed": 1}"#)).unwrap();
        assert_eq!(values, map(r#"{"train": {"lr": 0.1, "epochs": 3}, "seed": 1}"#));
        assert_eq!(merge(&mut values, map(r#"{"train": {"lr": 0.1}}"#)), Err("train.lr".to_owned()));
    }
}
