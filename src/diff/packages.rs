//! Changes of packages, each with the class of change that its versions tell.

use crate::object::{Interpreter, Package};

/// How packages differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackagesDiff {
    /// The interpreter, if it differs.
    pub interpreter: Option<InterpreterChange>,
    /// Packages, by ecosystem and name.
    pub packages: Vec<PackageChange>,
}

impl PackagesDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.interpreter.is_none() && self.packages.is_empty()
    }
}

/// Another interpreter.
#[derive(Clone, Debug, PartialEq)]
pub struct InterpreterChange {
    /// What it was.
    pub old: Option<Interpreter>,
    /// What it is.
    pub new: Option<Interpreter>,
    /// What its versions tell.
    pub class: VersionChange,
}

/// A package that was added, removed or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct PackageChange {
    /// What it was.
    pub old: Option<Package>,
    /// What it is.
    pub new: Option<Package>,
    /// What its versions tell.
    pub class: VersionChange,
}

/// The class of a change from one version to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionChange {
    /// The first release number, or the epoch, went up.
    Major,
    /// The second release number went up.
    Minor,
    /// The third release number went up.
    Patch,
    /// It went back.
    Downgrade,
    /// Something else: a later release number, a pre- or post-release, a local version, a version that is not
    /// a number, or only the origin.
    Other,
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
}

impl VersionChange {
    /// The class in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            VersionChange::Major => "major",
            VersionChange::Minor => "minor",
            VersionChange::Patch => "patch",
            VersionChange::Downgrade => "downgrade",
            VersionChange::Other => "other",
            VersionChange::Added => "added",
            VersionChange::Removed => "removed",
        }
    }
}
