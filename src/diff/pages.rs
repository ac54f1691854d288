//! Walks two trees side by side and reads only the directories and pages that differ.

use crate::diff::files::FileChange;
use crate::object::{Find, Node, ObjectError};

/// Changes, up to a bound.
pub(super) struct Changes {
    list: Vec<FileChange>,
    max: usize,
    truncated: bool,
}

impl Changes {
    pub(super) fn new(max: usize) -> Self {
        Self { list: Vec::new(), max, truncated: false }
    }

    pub(super) fn finish(self) -> (Vec<FileChange>, bool) {
        (self.list, self.truncated)
    }
}

pub(super) fn walk(
    _: &dyn Find,
    _: Option<Node>,
    _: Option<Node>,
    _: &mut Changes,
) -> Result<(), ObjectError> {
    todo!()
}
