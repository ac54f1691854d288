//! Changes of outputs: files and directories that the run wrote.

use crate::diff::files::FilesDiff;
use crate::name::PartName;
use crate::object::Placed;

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
