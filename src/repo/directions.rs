//! Which direction of the metrics in a file is better, where everybody would say so and the manifest does not.

use std::fs::File;
use std::io::Read;

use crate::format;
use crate::name::TreePath;
use crate::object::Direction;
use crate::repo::{RepoError, Repository};
use crate::value::Value;
use crate::worktree::manifest::{Editor, usual_direction};

/// A longer file is not looked into.
const MAX_LOOKED_INTO: u64 = 16 << 20;

impl Repository {
    /// Declares the usual directions of the metrics in a file, by their last keys. Says which ones. A file that
    /// cannot be read declares nothing: the commit that records it says why.
    pub(super) fn declare_directions(
        &self,
        editor: &mut Editor,
        path: &TreePath,
    ) -> Result<Vec<(String, Direction)>, RepoError> {
        let manifest = editor.manifest()?;
        let metrics = Value::Map(self.peek_at_metrics(path).unwrap_or_default());
        let mut declared = Vec::new();
        for (path, value) in metrics.leaves() {
            let is_open = value.as_f64().is_some() && manifest.direction(&path).is_none();
            let Some(key) = path.keys().last().filter(|_| is_open) else { continue };
            if let Some(direction) = usual_direction(key)
                && editor.declare_better(key, direction)?
            {
                declared.push((key.clone(), direction));
            }
        }
        Ok(declared)
    }

    /// The same for all files that the manifest names.
    pub(super) fn declare_all_directions(&self) -> Result<Vec<(String, Direction)>, RepoError> {
        let mut editor = Editor::new(&self.manifest_text()?)?;
        let mut declared = Vec::new();
        for path in editor.manifest()?.metrics {
            declared.extend(self.declare_directions(&mut editor, &path)?);
        }
        if !declared.is_empty() {
            self.write_manifest(&editor.text())?;
        }
        Ok(declared)
    }

    fn peek_at_metrics(&self, path: &TreePath) -> Option<std::collections::BTreeMap<String, Value>> {
        let file = File::open(self.root.join(path.as_str())).ok()?;
        let mut bytes = Vec::new();
        file.take(MAX_LOOKED_INTO + 1).read_to_end(&mut bytes).ok()?;
        if bytes.len() as u64 > MAX_LOOKED_INTO {
            return None;
        }
        Some(format::metrics(path.file_name(), &bytes).ok()?.values)
    }
}
