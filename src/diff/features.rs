//! Changes of feature sets: features added, removed, redefined or in another order.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::files::{FileChange, placed};
use crate::diff::selector::{Filter, Part};
use crate::name::PartName;
use crate::object::{Feature, Features, Find, ObjectError, PlacedFeatures, get};

/// A feature set that was added, removed or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct FeaturesDiff {
    /// Its name.
    pub name: PartName,
    /// Features before; `None` if the set was added.
    pub old_len: Option<usize>,
    /// Features now; `None` if the set was removed.
    pub new_len: Option<usize>,
    /// Features that differ: those of the new set in its order, then those that are gone.
    pub features: Vec<FeatureChange>,
    /// Whether the features that are on both sides come in another order.
    pub reordered: bool,
    /// Datasets that it is built from now and was not before.
    pub datasets_added: Vec<PartName>,
    /// Datasets that it was built from and is not any more.
    pub datasets_removed: Vec<PartName>,
    /// The file; where nothing else differs, it was only written in another way.
    pub files: Vec<FileChange>,
}

/// A feature that was added, removed or redefined.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureChange {
    /// What it was.
    pub old: Option<Feature>,
    /// What it is.
    pub new: Option<Feature>,
}

/// A field of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FeatureField {
    Type,
    Columns,
    Transform,
    Description,
}

impl FeatureChange {
    /// The feature's name.
    pub fn name(&self) -> &str {
        self.new.as_ref().or(self.old.as_ref()).map_or("", |feature| &feature.name)
    }

    /// Which fields differ, for a feature that is on both sides.
    pub fn fields(&self) -> Vec<FeatureField> {
        let (Some(old), Some(new)) = (&self.old, &self.new) else { return Vec::new() };
        let differs = [
            (FeatureField::Type, old.dtype != new.dtype),
            (FeatureField::Columns, old.columns != new.columns),
            (FeatureField::Transform, old.transform != new.transform),
            (FeatureField::Description, old.description != new.description),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
    }
}

impl FeatureField {
    /// The field in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            FeatureField::Type => "type",
            FeatureField::Columns => "columns",
            FeatureField::Transform => "transform",
            FeatureField::Description => "description",
        }
    }
}

impl FeaturesDiff {
    /// Features and datasets that differ, and 1 for another order.
    pub fn count(&self) -> usize {
        self.features.len()
            + self.datasets_added.len()
            + self.datasets_removed.len()
            + usize::from(self.reordered)
    }

    fn is_empty(&self) -> bool {
        self.count() == 0 && self.files.is_empty() && self.old_len.is_some() == self.new_len.is_some()
    }
}

/// The feature sets that differ, limited to what is wanted.
pub(super) fn diff(
    find: &dyn Find,
    old: &BTreeMap<PartName, PlacedFeatures>,
    new: &BTreeMap<PartName, PlacedFeatures>,
    filter: &Filter<'_>,
) -> Result<Vec<FeaturesDiff>, ObjectError> {
    let names: BTreeSet<&PartName> = old.keys().chain(new.keys()).collect();
    let mut out = Vec::new();
    for name in names.into_iter().filter(|name| filter.name(Part::Features, name)) {
        let (old, new) = (old.get(name), new.get(name));
        if old != new {
            out.extend(Some(one(find, name, old, new, filter)?).filter(|diff| !diff.is_empty()));
        }
    }
    Ok(out)
}

fn one(
    find: &dyn Find,
    name: &PartName,
    old: Option<&PlacedFeatures>,
    new: Option<&PlacedFeatures>,
    filter: &Filter<'_>,
) -> Result<FeaturesDiff, ObjectError> {
    let whole = filter.whole(Part::Features, name);
    let files =
        |placed: Option<&PlacedFeatures>| placed.map(|p| p.file.clone()).into_iter().collect::<Vec<_>>();
    let files = if whole { placed(&files(old), &files(new)) } else { Vec::new() };
    let read = |placed: &PlacedFeatures| get::<Features>(find, placed.features);
    let (old, new) = (old.map(read).transpose()?, new.map(read).transpose()?);
    let (before, after) = (features_of(old.as_ref()), features_of(new.as_ref()));
    let mut features = changes(before, after);
    features.retain(|change| filter.path(Part::Features, Some(name), change.name()));
    let datasets = |set: &Option<Features>| set.as_ref().map(|set| set.datasets.clone()).unwrap_or_default();
    let (old_sets, new_sets) = (datasets(&old), datasets(&new));
    let only = |a: &[PartName], b: &[PartName]| -> Vec<PartName> {
        a.iter().filter(|name| whole && !b.contains(name)).cloned().collect()
    };
    Ok(FeaturesDiff {
        name: name.clone(),
        old_len: old.as_ref().map(|set| set.features.len()),
        new_len: new.as_ref().map(|set| set.features.len()),
        features,
        reordered: whole && is_reordered(before, after),
        datasets_added: only(&new_sets, &old_sets),
        datasets_removed: only(&old_sets, &new_sets),
        files,
    })
}

fn features_of(set: Option<&Features>) -> &[Feature] {
    set.map_or(&[], |set| &set.features)
}

fn changes(old: &[Feature], new: &[Feature]) -> Vec<FeatureChange> {
    let mut before: BTreeMap<&str, &Feature> = old.iter().map(|f| (f.name.as_str(), f)).collect();
    let mut out = Vec::new();
    for feature in new {
        let was = before.remove(feature.name.as_str());
        if was != Some(feature) {
            out.push(FeatureChange { old: was.cloned(), new: Some(feature.clone()) });
        }
    }
    let gone = old.iter().filter(|feature| before.contains_key(feature.name.as_str()));
    out.extend(gone.map(|feature| FeatureChange { old: Some(feature.clone()), new: None }));
    out
}

/// Whether the features that are in both lists come in another order.
fn is_reordered(old: &[Feature], new: &[Feature]) -> bool {
    let names = |list: &[Feature]| -> BTreeSet<String> { list.iter().map(|f| f.name.clone()).collect() };
    let common: BTreeSet<String> = names(old).intersection(&names(new)).cloned().collect();
    let order = |list: &'_ [Feature]| -> Vec<String> {
        list.iter().map(|f| f.name.clone()).filter(|name| common.contains(name)).collect()
    };
    order(old) != order(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(name: &str, transform: Option<&str>) -> Feature {
        let (dtype, description) = (None, None);
        let transform = transform.map(str::to_owned);
        Feature { name: name.into(), dtype, columns: Vec::new(), transform, description }
    }

    #[test]
    fn features_are_compared_by_name_and_order() {
        let old = [feature("a", None), feature("b", None), feature("c", None)];
        let new = [feature("d", None), feature("b", Some("log")), feature("a", None)];
        let found = changes(&old, &new);
        let names: Vec<&str> = found.iter().map(FeatureChange::name).collect();
        assert_eq!(names, ["d", "b", "c"]);
        assert_eq!(found[1].fields(), [FeatureField::Transform]);
        assert!(is_reordered(&old, &new));
        assert!(!is_reordered(&old, &old[1..]));
    }
}
