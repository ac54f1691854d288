//! Names that exist in a repository, for those who mistype one.

use std::path::PathBuf;

use crate::cli::explain::Names;
use crate::repo::{Repository, Shown};
use crate::value::Value;

/// The names of the repository that a folder is in. It is opened anew, since this is rare.
pub struct Recorded {
    directory: PathBuf,
}

impl Recorded {
    /// The names of the repository that this folder is in, if it is in one.
    pub fn new(directory: &std::path::Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    fn repository(&self) -> Option<Repository> {
        Repository::open(&self.directory).ok()
    }
}

impl Names for Recorded {
    fn branches(&self) -> Vec<String> {
        let branches =
            self.repository().and_then(|repository| repository.branches().ok()).unwrap_or_default();
        branches.into_iter().map(|branch| branch.name.to_string()).collect()
    }

    fn tags(&self) -> Vec<String> {
        let tags = self.repository().and_then(|repository| repository.tags().ok()).unwrap_or_default();
        tags.into_iter().map(|tag| tag.name.to_string()).collect()
    }

    fn remotes(&self) -> Vec<String> {
        let remotes = self.repository().map(|repository| repository.remotes()).unwrap_or_default();
        remotes.into_iter().map(|remote| remote.name.to_string()).collect()
    }

    fn parts(&self) -> Vec<String> {
        let shown = self.repository().and_then(|repository| repository.show("HEAD").ok());
        let Some(Shown::Commit { snapshot, .. }) = shown else { return Vec::new() };
        let mut parts: Vec<String> =
            crate::diff::Part::ALL.iter().map(|part| part.name().to_owned()).collect();
        parts.extend(snapshot.datasets.keys().map(|name| format!("datasets/{name}")));
        parts.extend(snapshot.features.keys().map(|name| format!("features/{name}")));
        let params = snapshot.params.map(|params| Value::Map(params.values)).unwrap_or(Value::empty_map());
        parts.extend(params.leaves().into_iter().map(|(path, _)| format!("params.{path}")));
        let outputs = snapshot.state.outcome.map(|outcome| outcome.outputs).unwrap_or_default();
        parts.extend(outputs.keys().map(|name| format!("outputs/{name}")));
        parts
    }
}

/// Where there is no repository to look into.
pub struct Nothing;

impl Names for Nothing {
    fn branches(&self) -> Vec<String> {
        Vec::new()
    }

    fn tags(&self) -> Vec<String> {
        Vec::new()
    }

    fn remotes(&self) -> Vec<String> {
        Vec::new()
    }

    fn parts(&self) -> Vec<String> {
        Vec::new()
    }
}
