//! Changes of datasets: of their files, of what is said of them, and of what they look like.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::fields::{Field, FieldChange, FieldList, changes};
use crate::diff::files::{FileChange, FilesDiff, nodes};
use crate::diff::profile::{self, ProfileDiff};
use crate::diff::selector::{Filter, Part};
use crate::id::ProfileId;
use crate::name::{PartName, TreePath};
use crate::object::{Dataset, Find, Node, ObjectError, PlacedDataset, Profile, get};

/// A dataset that was added, removed or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetDiff {
    /// Its name.
    pub name: PartName,
    /// Where it was and what was there; `None` if it was added.
    pub old: Option<PlacedTree>,
    /// Where it is and what is there; `None` if it was removed.
    pub new: Option<PlacedTree>,
    /// What is said of it: path, format, licence, source, storage.
    pub fields: Vec<FieldChange>,
    /// Its files; not listed where it was added or removed as a whole.
    pub files: FilesDiff,
    /// What it looks like, if both sides have a profile.
    pub profile: Option<ProfileDiff>,
}

/// Data, and where it lies.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedTree {
    /// From the root of the work tree.
    pub path: TreePath,
    /// The data.
    pub node: Node,
}

/// The datasets that differ, limited to what is wanted.
pub(super) fn diff(
    find: &dyn Find,
    old: &BTreeMap<PartName, PlacedDataset>,
    new: &BTreeMap<PartName, PlacedDataset>,
    filter: &Filter<'_>,
    max_files: usize,
) -> Result<Vec<DatasetDiff>, ObjectError> {
    let names: BTreeSet<&PartName> = old.keys().chain(new.keys()).collect();
    let mut out = Vec::new();
    for name in names.into_iter().filter(|name| filter.name(Part::Datasets, name)) {
        let (old, new) = (old.get(name), new.get(name));
        if old == new {
            continue;
        }
        let diff = one(find, name, old, new, filter, max_files)?;
        if filter.whole(Part::Datasets, name) || !diff.files.is_empty() {
            out.push(diff);
        }
    }
    Ok(out)
}

fn one(
    find: &dyn Find,
    name: &PartName,
    old: Option<&PlacedDataset>,
    new: Option<&PlacedDataset>,
    filter: &Filter<'_>,
    max_files: usize,
) -> Result<DatasetDiff, ObjectError> {
    let read = |placed: &PlacedDataset| get::<Dataset>(find, placed.dataset);
    let (before, after) = (old.map(read).transpose()?, new.map(read).transpose()?);
    let tree = |placed: Option<&PlacedDataset>, dataset: &Option<Dataset>| {
        let (path, node) = (placed?.path.clone(), dataset.as_ref()?.root);
        Some(PlacedTree { path, node })
    };
    let mut out = DatasetDiff {
        name: name.clone(),
        old: tree(old, &before),
        new: tree(new, &after),
        fields: Vec::new(),
        files: FilesDiff::default(),
        profile: None,
    };
    let whole = filter.whole(Part::Datasets, name);
    if let (Some(old), Some(new), Some(a), Some(b)) = (old, new, &before, &after) {
        out.files = nodes(find, Some(a.root), Some(b.root), max_files)?;
        out.files.changes.retain(|change| filter.path(Part::Datasets, Some(name), &change.path));
        if whole {
            out.fields = changes(&fields(old, a), &fields(new, b));
            out.profile = profile_diff(find, a.profile, b.profile)?;
        }
    } else if !whole {
        let root = |tree: &Option<PlacedTree>| tree.as_ref().map(|tree| tree.node);
        out.files.changes.push(FileChange::new(String::new(), root(&out.old), root(&out.new)));
    }
    Ok(out)
}

/// What is said of a dataset, field by field.
fn fields(placed: &PlacedDataset, dataset: &Dataset) -> Vec<Field> {
    let mut out = FieldList::default();
    out.text("path", placed.path.as_str().to_owned());
    out.text("format", dataset.format.clone());
    out.text("source", dataset.source.clone());
    out.text("licence", dataset.licence.clone());
    out.text("storage", if dataset.stored { "stored" } else { "reference" }.to_owned());
    out.finish()
}

fn profile_diff(
    find: &dyn Find,
    old: Option<ProfileId>,
    new: Option<ProfileId>,
) -> Result<Option<ProfileDiff>, ObjectError> {
    match (old, new) {
        (Some(old), Some(new)) if old != new => {
            Ok(Some(profile::diff(&get::<Profile>(find, old)?, &get::<Profile>(find, new)?)))
        }
        _ => Ok(None),
    }
}
