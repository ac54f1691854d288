//! The manifest `mdl.toml`: what makes up the model.
//!
//! Parsing is pure, bounded and strict: an unknown key is refused with its line and the nearest known one.

use std::collections::BTreeMap;

use crate::name::{PartName, TreePath};
use crate::object::Direction;

mod better;
mod edit;
mod parse;
mod words;

pub use better::usual as usual_direction;
pub use edit::Editor;

/// The name of the file at the root of the work tree.
pub const FILE_NAME: &str = "mdl.toml";
/// A longer manifest is refused, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// What makes up the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Datasets by name.
    pub datasets: BTreeMap<PartName, DatasetSpec>,
    /// Feature sets by name.
    pub features: BTreeMap<PartName, FeaturesSpec>,
    /// Files of hyperparameters, in the order in which they are merged.
    pub params: Vec<TreePath>,
    /// Files of metrics.
    pub metrics: Vec<TreePath>,
    /// Which direction of a metric is better, by its dotted path or its last key: see [`Manifest::direction`].
    pub better: BTreeMap<String, Direction>,
    /// Files and directories that a run writes, by name.
    pub outputs: BTreeMap<PartName, TreePath>,
    /// How the model is trained.
    pub run: RunSpec,
}

/// A dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetSpec {
    /// The file or directory.
    pub path: TreePath,
    /// Whether it is hashed and not stored.
    pub reference: bool,
    /// Where it was had from: a path or URL.
    pub source: Option<String>,
    /// The licence it is under.
    pub licence: Option<String>,
}

/// A feature set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeaturesSpec {
    /// The file that lists the features.
    pub path: TreePath,
    /// The datasets that they are built from.
    pub datasets: Vec<PartName>,
}

/// How the model is trained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSpec {
    /// The command and its arguments; empty if there is none.
    pub command: Vec<String>,
    /// What is a seed: parameters by their dotted paths, `env:NAME` for an environment variable, `arg:--seed` for an
    /// argument of the command.
    pub seeds: Vec<String>,
    /// Names of environment variables to record, where `*` stands for any text.
    pub variables: Vec<String>,
}

/// A manifest that cannot be read or edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct ManifestError {
    /// The line, from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: ManifestProblem,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum ManifestProblem {
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLong,
    #[error("{0}")]
    Syntax(String),
    #[error("unknown key {key:?} in {table}{}", nearest.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default())]
    UnknownKey { table: String, key: String, nearest: Option<&'static str> },
    #[error("{key} must be {expected}")]
    Type { key: String, expected: &'static str },
    #[error("{key} is missing")]
    Missing { key: String },
    #[error("{key}: {text:?} cannot be used: {problem}")]
    Name { key: String, text: String, problem: crate::name::NameError },
    #[error("{first} and {second} overlap")]
    Overlap { first: String, second: String },
    #[error("{key}: there is no dataset {name}")]
    NoDataset { key: String, name: PartName },
    #[error("{0} is the manifest's own name")]
    Itself(TreePath),
    #[error("{key}: a quotation mark is not closed")]
    Quote { key: String },
    #[error("there is already {kind} {name:?}, at {path}")]
    Taken { kind: &'static str, name: PartName, path: TreePath },
}

impl Manifest {
    /// A manifest that names nothing.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads a manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        parse::parse(text)
    }

    /// Every path that the manifest names, with what it is there (`dataset train`), in the manifest's order of kinds.
    pub fn paths(&self) -> Vec<(String, &TreePath)> {
        let datasets = self.datasets.iter().map(|(name, spec)| (format!("dataset {name}"), &spec.path));
        let features = self.features.iter().map(|(name, spec)| (format!("features {name}"), &spec.path));
        let params = self.params.iter().map(|path| ("params".to_owned(), path));
        let metrics = self.metrics.iter().map(|path| ("metrics".to_owned(), path));
        let outputs = self.outputs.iter().map(|(name, path)| (format!("output {name}"), path));
        datasets.chain(features).chain(params).chain(metrics).chain(outputs).collect()
    }
}

#[cfg(test)]
mod tests;
