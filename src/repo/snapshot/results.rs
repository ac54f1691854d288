//! What a run left in its work tree: metrics and outputs.

use std::collections::BTreeMap;

use crate::format::{self, Measured};
use crate::id::SeriesId;
use crate::name::TreePath;
use crate::object::{self, Direction, Metrics, Outcome, Placed};
use crate::repo::snapshot::files::{Files, merge, unreadable};
use crate::repo::{RepoError, Warning};
use crate::value::{KeyPath, Value};
use crate::worktree::manifest::{Manifest, usual_direction};
use crate::worktree::scan::{ScanOptions, Sink};

/// Which results are wanted, and what becomes of those that cannot be read.
#[derive(Clone, Copy)]
pub(in crate::repo) struct Wanted<'a> {
    /// Whether what lies at a path is a result.
    pub counts: &'a dyn Fn(&TreePath) -> bool,
    /// Whether one that cannot be read is a warning: after a run, the others are not to be lost with it.
    pub lenient: bool,
}

impl Wanted<'_> {
    /// All that there are, or an error.
    pub const ALL: Wanted<'static> = Wanted { counts: &|_| true, lenient: false };

    fn tolerate<T>(
        self,
        path: &TreePath,
        read: Result<Option<T>, RepoError>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<T>, RepoError> {
        match read {
            Err(error) if self.lenient => {
                warnings.push(Warning::Gap { what: path.to_string(), reason: error.to_string() });
                Ok(None)
            }
            read => read,
        }
    }
}

/// Metrics and outputs that the manifest names, as far as they are there and wanted; `None` if there are none.
pub(in crate::repo) fn results<S: Sink>(
    manifest: &Manifest,
    files: &Files<'_, S>,
    wanted: Wanted<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Outcome>, RepoError> {
    let mut gaps = Vec::new();
    let (metrics, series) = metrics(manifest, files, wanted, &mut gaps, warnings)?;
    let mut outputs = BTreeMap::new();
    for (name, path) in manifest.outputs.iter().filter(|(_, path)| (wanted.counts)(path)) {
        let options = ScanOptions { traced: false, ..files.options() };
        let node = files.node(|| format!("output {name}"), path, options, warnings);
        if let Some(node) = wanted.tolerate(path, node, warnings)? {
            outputs.insert(name.clone(), Placed { path: path.clone(), node });
        }
    }
    if metrics.is_none() && outputs.is_empty() {
        return Ok(None);
    }
    let mut outcome = Outcome { metrics, series, outputs, ..Outcome::default() };
    gaps.into_iter().for_each(|gap| outcome.note(gap));
    Ok(Some(outcome))
}

/// The curves of metrics, by their dotted paths.
type Curves = BTreeMap<String, SeriesId>;

fn metrics<S: Sink>(
    manifest: &Manifest,
    files: &Files<'_, S>,
    wanted: Wanted<'_>,
    gaps: &mut Vec<String>,
    warnings: &mut Vec<Warning>,
) -> Result<(Option<Metrics>, Curves), RepoError> {
    let (mut placed, mut values, mut curves) = (Vec::new(), BTreeMap::new(), Curves::new());
    for path in manifest.metrics.iter().filter(|path| (wanted.counts)(path)) {
        let read = read_metrics(path, files, warnings);
        let Some((file, read)) = wanted.tolerate(path, read, warnings)? else { continue };
        let merged = merge(&mut values, read.values).map(|()| Some(file)).map_err(|key| RepoError::Invalid {
            what: path.to_string(),
            problem: format!("{key} is in another file of metrics as well"),
        });
        placed.extend(wanted.tolerate(path, merged, warnings)?);
        for (name, mut series) in read.series {
            let (all, left_out) = (series.values.len(), series.thin());
            if left_out > 0 {
                gaps.push(format!("{name}: {left_out} of its {all} points are left out of its curve"));
            }
            curves.insert(name, object::put(files.sink, &series)?);
        }
    }
    if placed.is_empty() {
        return Ok((None, curves));
    }
    let better = directions(manifest, &values);
    Ok((Some(Metrics { values, files: placed, better }), curves))
}

fn read_metrics<S: Sink>(
    path: &TreePath,
    files: &Files<'_, S>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<(Placed, Measured)>, RepoError> {
    let Some((file, bytes)) = files.file(|| "metrics".to_owned(), path, warnings)? else { return Ok(None) };
    let read = format::metrics(path.file_name(), &bytes).map_err(|error| unreadable(path, error))?;
    Ok(Some((file, read)))
}

/// As [`directions`], and where the manifest says nothing, the direction that everybody would say: nobody is asked
/// about a metric that a run is the first to report.
pub(in crate::repo) fn usual_directions(
    manifest: &Manifest,
    values: &BTreeMap<String, Value>,
) -> BTreeMap<String, Direction> {
    let values = Value::Map(values.clone());
    let direction =
        |path: &KeyPath| manifest.direction(path).or_else(|| usual_direction(path.keys().last()?));
    let leaves = values.leaves().into_iter();
    leaves.filter_map(|(path, _)| Some((path.to_string(), direction(&path)?))).collect()
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
