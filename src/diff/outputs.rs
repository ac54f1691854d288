//! Changes of outputs: files and directories that the run wrote.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::files::{FilesDiff, nodes};
use crate::diff::selector::{Filter, Part};
use crate::name::PartName;
use crate::object::{Find, ObjectError, Placed};

/// An output that was added, removed or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputDiff {
    /// Its name.
    pub name: PartName,
    /// What it was; `None` if it was added.
    pub old: Option<Placed>,
    /// What it is; `None` if it was removed.
    pub new: Option<Placed>,
    /// Its files; not listed where it was added or removed as a whole.
    pub files: FilesDiff,
}

/// The outputs that differ, limited to what is wanted.
pub(super) fn diff(
    find: &dyn Find,
    old: &BTreeMap<PartName, Placed>,
    new: &BTreeMap<PartName, Placed>,
    filter: &Filter<'_>,
    max_files: usize,
) -> Result<Vec<OutputDiff>, ObjectError> {
    let names: BTreeSet<&PartName> = old.keys().chain(new.keys()).collect();
    let mut out = Vec::new();
    for name in names.into_iter().filter(|name| filter.name(Part::Outputs, name)) {
        let (old, new) = (old.get(name).cloned(), new.get(name).cloned());
        if old == new {
            continue;
        }
        let mut files = FilesDiff::default();
        if let (Some(old), Some(new)) = (&old, &new) {
            files = nodes(find, Some(old.node), Some(new.node), max_files)?;
            files.changes.retain(|change| filter.path(Part::Outputs, Some(name), &change.path));
        }
        if filter.whole(Part::Outputs, name) || !files.is_empty() {
            out.push(OutputDiff { name: name.clone(), old, new, files });
        }
    }
    Ok(out)
}
