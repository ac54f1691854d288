//! Changes of packages, each with the class of change that its versions tell.

use std::collections::BTreeMap;

use crate::diff::files::{FileChange, placed};
use crate::diff::selector::{Filter, Part};
use crate::diff::version::classify;
use crate::object::{Interpreter, Package, Packages};

/// How packages differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackagesDiff {
    /// The interpreter, if it differs.
    pub interpreter: Option<InterpreterChange>,
    /// Packages, by ecosystem and name.
    pub packages: Vec<PackageChange>,
    /// Lock files, by path.
    pub locks: Vec<FileChange>,
}

impl PackagesDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many things differ.
    pub fn count(&self) -> usize {
        self.packages.len() + usize::from(self.interpreter.is_some()) + self.locks.len()
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

/// The packages that differ, limited to those that are wanted. Of several with one name the last counts.
pub(super) fn diff(old: &Packages, new: &Packages, filter: &Filter<'_>) -> PackagesDiff {
    let index = |packages: &'_ Packages| -> BTreeMap<(String, String), Package> {
        let key = |package: &Package| (package.ecosystem.clone(), package.name.clone());
        packages.packages.iter().map(|package| (key(package), package.clone())).collect()
    };
    let (mut before, after) = (index(old), index(new));
    let mut packages: Vec<PackageChange> = Vec::new();
    for (key, new) in after {
        match before.remove(&key) {
            Some(old) if old == new => {}
            old => packages.push(PackageChange::new(old, Some(new))),
        }
    }
    packages.extend(before.into_values().map(|old| PackageChange::new(Some(old), None)));
    packages.retain(|change| filter.label(Part::Packages, change.name()));
    packages.sort_by(|a, b| a.key().cmp(&b.key()));
    let interpreter = interpreter(old.interpreter.as_ref(), new.interpreter.as_ref());
    let locks = |side: &Packages| side.locks.clone().unwrap_or_default();
    let mut locks = placed(&locks(old), &locks(new));
    locks.retain(|change| filter.label(Part::Packages, &change.path));
    PackagesDiff { interpreter: interpreter.filter(|_| filter.covers(Part::Packages)), packages, locks }
}

impl PackageChange {
    fn new(old: Option<Package>, new: Option<Package>) -> Self {
        let class = class(old.as_ref().map(|p| p.version.as_str()), new.as_ref().map(|p| p.version.as_str()));
        Self { old, new, class }
    }

    fn key(&self) -> (&str, &str) {
        self.new.as_ref().or(self.old.as_ref()).map_or(("", ""), |p| (p.ecosystem.as_str(), p.name.as_str()))
    }

    /// Whose name it is.
    pub fn ecosystem(&self) -> &str {
        self.key().0
    }

    /// The package's name.
    pub fn name(&self) -> &str {
        self.key().1
    }

    /// Whether it was installed from somewhere else, on both sides.
    pub fn is_from_elsewhere(&self) -> bool {
        matches!((&self.old, &self.new), (Some(old), Some(new)) if old.origin != new.origin)
    }
}

fn interpreter(old: Option<&Interpreter>, new: Option<&Interpreter>) -> Option<InterpreterChange> {
    if old == new {
        return None;
    }
    let class = match (old, new) {
        (Some(old), Some(new)) if old.implementation != new.implementation => VersionChange::Other,
        _ => class(old.map(|i| i.version.as_str()), new.map(|i| i.version.as_str())),
    };
    Some(InterpreterChange { old: old.cloned(), new: new.cloned(), class })
}

fn class(old: Option<&str>, new: Option<&str>) -> VersionChange {
    match (old, new) {
        (None, _) => VersionChange::Added,
        (_, None) => VersionChange::Removed,
        (Some(old), Some(new)) if old == new => VersionChange::Other,
        (Some(old), Some(new)) => classify(old, new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, origin: Option<&str>) -> Package {
        let (ecosystem, origin) = ("pypi".into(), origin.map(str::to_owned));
        Package { ecosystem, name: name.into(), version: version.into(), origin }
    }

    #[test]
    fn packages_are_joined_by_name() {
        let python =
            |version: &str| Some(Interpreter { implementation: "cpython".into(), version: version.into() });
        let old = Packages {
            interpreter: python("3.11.4"),
            packages: vec![
                package("gone", "1.0", None),
                package("numpy", "1.26.0", None),
                package("same", "1", None),
                package("torch", "2.1", None),
            ],
            locks: None,
        };
        let new = Packages {
            interpreter: python("3.12.0"),
            packages: vec![
                package("fresh", "0.1", None),
                package("numpy", "2.0.0", None),
                package("same", "1", None),
                package("torch", "2.1", Some("https://example.org/torch.whl")),
            ],
            locks: None,
        };
        let diff = diff(&old, &new, &Filter::new(&[]));
        let shown: Vec<(&str, VersionChange)> = diff.packages.iter().map(|p| (p.name(), p.class)).collect();
        use VersionChange::*;
        assert_eq!(shown, [("fresh", Added), ("gone", Removed), ("numpy", Major), ("torch", Other)]);
        assert!(diff.packages[3].is_from_elsewhere());
        assert_eq!(diff.interpreter.unwrap().class, Minor);
    }

    #[test]
    fn another_lock_file_is_a_change() {
        use crate::id::ContentId;
        use crate::name::TreePath;
        use crate::object::{Node, Placed};
        let with = |text: &str| {
            let content = ContentId::of(text.as_bytes());
            let node = Node::File { content, executable: false, size: text.len() as u64 };
            let lock = Placed { path: TreePath::new("uv.lock").unwrap(), node };
            Packages { interpreter: None, packages: Vec::new(), locks: Some(vec![lock]) }
        };
        let none = Packages { interpreter: None, packages: Vec::new(), locks: None };
        let all = Filter::new(&[]);
        assert!(diff(&with("a"), &with("a"), &all).is_empty());
        let changed = diff(&with("a"), &with("b"), &all);
        assert_eq!((changed.count(), changed.locks[0].path.as_str()), (1, "uv.lock"));
        assert_eq!(diff(&none, &with("a"), &all).locks[0].old, None);
    }
}
