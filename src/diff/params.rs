//! Changes of hyperparameters: values by dotted path, and the files that they were read from.

use crate::diff::files::{FileChange, placed};
use crate::diff::selector::{Filter, Part};
use crate::diff::values::{ValueChange, values};
use crate::object::{Find, ObjectError, Params, PlacedParams, get};

/// How hyperparameters differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParamsDiff {
    /// Values by dotted path.
    pub values: Vec<ValueChange>,
    /// The files; where no value differs, they were only written in another way.
    pub files: Vec<FileChange>,
}

impl ParamsDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.files.is_empty()
    }
}

pub(super) fn diff(
    find: &dyn Find,
    old: Option<&PlacedParams>,
    new: Option<&PlacedParams>,
    filter: &Filter<'_>,
) -> Result<ParamsDiff, ObjectError> {
    let mut out = ParamsDiff::default();
    let (old_id, new_id) = (old.map(|placed| placed.params), new.map(|placed| placed.params));
    if old_id != new_id {
        let read = |id| Ok::<_, ObjectError>(get::<Params>(find, id)?.values);
        let old = old_id.map(read).transpose()?.unwrap_or_default();
        let new = new_id.map(read).transpose()?.unwrap_or_default();
        out.values = values(&old, &new);
        out.values.retain(|change| filter.key(Part::Params, &change.path));
    }
    if filter.covers(Part::Params) {
        let files = |params: Option<&PlacedParams>| params.map(|p| p.files.clone()).unwrap_or_default();
        out.files = placed(&files(old), &files(new));
    }
    Ok(out)
}
