//! Naming the parts of a model in the manifest.

use crate::name::PartName;
use crate::repo::{RepoError, Repository};

/// What a path is to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Role {
    Dataset,
    Features,
    Params,
    Metrics,
    Output,
}

/// What to add.
#[derive(Clone, Debug, Default)]
pub struct AddOptions {
    /// What the path is; guessed from its name where absent.
    pub role: Option<Role>,
    /// The part's name; made from the path where absent.
    pub name: Option<PartName>,
    /// Whether the data is only referred to, not stored.
    pub reference: bool,
    /// Where a dataset was had from.
    pub source: Option<String>,
    /// The licence of a dataset.
    pub licence: Option<String>,
}

/// A part that was added or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub role: Role,
    /// Its name (for params and metrics: its path).
    pub name: String,
    /// Its path from the root.
    pub path: String,
    /// Whether the manifest was changed; otherwise it said so already.
    pub changed: bool,
}

impl Repository {
    /// Adds a path to the manifest, keeping its comments. The path is relative to the root or absolute.
    pub fn add(&self, path: &str, options: &AddOptions) -> Result<Part, RepoError> {
        let _ = (path, options);
        todo!()
    }

    /// Takes a part out of the manifest, by its name or path. The file stays.
    pub fn remove(&self, name_or_path: &str) -> Result<Part, RepoError> {
        let _ = name_or_path;
        todo!()
    }
}
