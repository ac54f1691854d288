//! What a run left in its work tree: metrics and outputs.

use std::collections::BTreeMap;

use crate::format;
use crate::name::TreePath;
use crate::object::{Direction, Metrics, Outcome, Placed};
use crate::repo::snapshot::files::{Files, merge, unreadable};
use crate::repo::{RepoError, Warning};
use crate::value::Value;
use crate::worktree::manifest::Manifest;
use crate::worktree::scan::{ScanOptions, Sink};

/// Whether what lies at a path counts as a result.
pub(in crate::repo) type Counts<'a> = &'a dyn Fn(&TreePath) -> bool;

/// Metrics and outputs that the manifest names, as far as they are there and count; `None` if there are none.
pub(in crate::repo) fn results<S: Sink>(
    manifest: &Manifest,
    files: &Files<'_, S>,
    counts: Counts<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Outcome>, RepoError> {
    let metrics = metrics(manifest, files, counts, warnings)?;
    let mut outputs = BTreeMap::new();
    for (name, path) in manifest.outputs.iter().filter(|(_, path)| counts(path)) {
        let options = ScanOptions { traced: false, ..files.options() };
        if let Some(node) = files.node(|| format!("output {name}"), path, options, warnings)? {
            outputs.insert(name.clone(), Placed { path: path.clone(), node });
        }
    }
    if metrics.is_none() && outputs.is_empty() {
        return Ok(None);
    }
    Ok(Some(Outcome { metrics, outputs, ..Outcome::default() }))
}

fn metrics<S: Sink>(
    manifest: &Manifest,
    files: &Files<'_, S>,
    counts: Counts<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Metrics>, RepoError> {
    let (mut placed, mut values) = (Vec::new(), BTreeMap::new());
    for path in manifest.metrics.iter().filter(|path| counts(path)) {
        let Some((file, bytes)) = files.file(|| "metrics".to_owned(), path, warnings)? else { continue };
        let read = format::metrics(path.file_name(), &bytes).map_err(|error| unreadable(path, error))?;
        merge(&mut values, read).map_err(|key| RepoError::Invalid {
            what: path.to_string(),
            problem: format!("{key} is in another file of metrics as well"),
        })?;
        placed.push(file);
    }
    if placed.is_empty() {
        return Ok(None);
    }
    let better = directions(manifest, &values);
    Ok(Some(Metrics { values, files: placed, better }))
}

/// Which direction is better, of those metrics of which the manifest says it.
pub(in crate::repo) fn directions(
    manifest: &Manifest,
    values: &BTreeMap<String, Value>,
) -> BTreeMap<String, Direction> {
    let values = Value::Map(values.clone());
    let leaves = values.leaves().into_iter();
    leaves.filter_map(|(path, _)| Some((path.to_string(), manifest.direction(&path)?))).collect()
}
