//! Changes of datasets: of their files, of what is said of them, and of what they look like.

use crate::diff::fields::FieldChange;
use crate::diff::files::FilesDiff;
use crate::diff::profile::ProfileDiff;
use crate::name::{PartName, TreePath};
use crate::object::Node;

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
