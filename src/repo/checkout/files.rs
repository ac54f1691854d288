//! Which files a state places in the work tree.

use std::collections::BTreeSet;

use crate::diff::State;
use crate::name::{NameError, TreePath};
use crate::object::{self, Code, Dataset, Find, Node, ObjectError, TreeEntries};
use crate::repo::RepoError;
use crate::worktree::plan::{Measure, Part};

/// Everything of a state that lies in the work tree.
pub(in crate::repo) fn parts(find: &dyn Find, state: &State) -> Result<Vec<Part>, ObjectError> {
    let mut parts = Vec::new();
    let mut add =
        |path: &TreePath, node: Node, stored| parts.push(Part { path: Some(path.clone()), node, stored });
    if let Some(definition) = &state.definition {
        for placed in definition.datasets.values() {
            let dataset: Dataset = object::get(find, placed.dataset)?;
            add(&placed.path, dataset.root, dataset.stored);
        }
        definition.features.values().for_each(|placed| add(&placed.file.path, placed.file.node, true));
        let params = definition.params.iter().flat_map(|params| &params.files);
        params.for_each(|file| add(&file.path, file.node, true));
    }
    if let Some(outcome) = &state.outcome {
        let metrics = outcome.metrics.iter().flat_map(|metrics| &metrics.files);
        metrics.for_each(|file| add(&file.path, file.node, true));
        outcome.outputs.values().for_each(|output| add(&output.path, output.node, true));
    }
    if let Some(code) = state.definition.as_ref().and_then(|definition| definition.code) {
        let code: Code = object::get(find, code)?;
        parts.push(Part { path: None, node: code.root, stored: true });
    }
    Ok(parts)
}

/// Whether one of the parts is or has this name at the root.
pub(super) fn is_in(find: &dyn Find, parts: &[Part], name: &str) -> Result<bool, ObjectError> {
    for part in parts {
        let found = match (&part.path, part.node) {
            (Some(path), _) => path.names().next() == Some(name),
            (None, Node::Directory { tree, .. }) => object::lookup(find, tree, name)?.is_some(),
            (None, _) => false,
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The paths of all files below the root.
pub(super) fn collect_files(
    find: &dyn Find,
    root: Node,
    files: &mut BTreeSet<TreePath>,
) -> Result<(), RepoError> {
    let mut pending: Vec<(Option<TreePath>, Node)> = vec![(None, root)];
    let mut measure = Measure::default();
    while let Some((path, node)) = pending.pop() {
        let Node::Directory { tree, .. } = node else {
            files.extend(path);
            continue;
        };
        let waiting = pending.len();
        for entry in TreeEntries::new(find, tree)? {
            let entry = entry?;
            let below = match &path {
                Some(path) => path.join(&entry.name),
                None => TreePath::new(entry.name.as_str())
                    .map_err(|reason| RepoError::Name { what: entry.name.to_string(), reason })?,
            };
            if below.as_str().len() > TreePath::MAX_LEN {
                let reason = NameError::TooLong(TreePath::MAX_LEN);
                return Err(RepoError::Name { what: below.to_string(), reason });
            }
            pending.push((Some(below), entry.node));
        }
        measure.count(std::iter::once(tree), (pending.len() - waiting) as u64)?;
    }
    Ok(())
}
