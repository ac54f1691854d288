//! Edits of the manifest's text: comments, order and style of what is not touched survive.
//!
//! Adding what is there already changes nothing. What an edit leaves is always a valid manifest.

use crate::name::{PartName, TreePath};
use crate::worktree::manifest::{DatasetSpec, FeaturesSpec, Manifest, ManifestError};

/// A manifest's text that is being edited.
#[derive(Clone, Debug)]
pub struct Editor {
    _document: toml_edit::DocumentMut,
}

impl Editor {
    /// Starts from a text, which must be a valid manifest.
    pub fn new(text: &str) -> Result<Self, ManifestError> {
        let _ = text;
        todo!()
    }

    /// The text as it is now.
    pub fn text(&self) -> String {
        todo!()
    }

    /// The manifest as it is now.
    pub fn manifest(&self) -> Result<Manifest, ManifestError> {
        Manifest::parse(&self.text())
    }

    /// Adds a dataset; one of the same name and path gets the given properties. Says whether anything changed.
    pub fn add_dataset(&mut self, name: &PartName, spec: &DatasetSpec) -> Result<bool, ManifestError> {
        let _ = (name, spec);
        todo!()
    }

    /// Adds a feature set.
    pub fn add_features(&mut self, name: &PartName, spec: &FeaturesSpec) -> Result<bool, ManifestError> {
        let _ = (name, spec);
        todo!()
    }

    /// Adds an output.
    pub fn add_output(&mut self, name: &PartName, path: &TreePath) -> Result<bool, ManifestError> {
        let _ = (name, path);
        todo!()
    }

    /// Adds a file of hyperparameters.
    pub fn add_params(&mut self, path: &TreePath) -> Result<bool, ManifestError> {
        let _ = path;
        todo!()
    }

    /// Adds a file of metrics.
    pub fn add_metrics(&mut self, path: &TreePath) -> Result<bool, ManifestError> {
        let _ = path;
        todo!()
    }

    /// Removes a dataset, by name.
    pub fn remove_dataset(&mut self, name: &PartName) -> Result<bool, ManifestError> {
        let _ = name;
        todo!()
    }

    /// Removes a feature set, by name.
    pub fn remove_features(&mut self, name: &PartName) -> Result<bool, ManifestError> {
        let _ = name;
        todo!()
    }

    /// Removes an output, by name.
    pub fn remove_output(&mut self, name: &PartName) -> Result<bool, ManifestError> {
        let _ = name;
        todo!()
    }

    /// Removes a file of hyperparameters.
    pub fn remove_params(&mut self, path: &TreePath) -> Result<bool, ManifestError> {
        let _ = path;
        todo!()
    }

    /// Removes a file of metrics.
    pub fn remove_metrics(&mut self, path: &TreePath) -> Result<bool, ManifestError> {
        let _ = path;
        todo!()
    }
}
