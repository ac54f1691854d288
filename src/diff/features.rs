//! Changes of feature sets: features added, removed, redefined or in another order.

use crate::diff::files::FileChange;
use crate::name::PartName;
use crate::object::Feature;

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
