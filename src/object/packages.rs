//! Installed packages, as the interpreter that runs the model sees them.

use crate::encoding::record;
use crate::object::{Placed, object};

record! {
    /// The packages of an environment.
    pub struct Packages {
        /// The interpreter, if there is one.
        pub interpreter: Option<Interpreter>,
        /// The packages, sorted by ecosystem and name.
        pub packages: Vec<Package>,
        /// Lock files of package managers as they are, if there are any.
        pub locks: Option<Vec<Placed>>,
    }
}

record! {
    /// The interpreter that packages are installed for.
    pub struct Interpreter {
        /// `cpython`, `pypy`, …
        pub implementation: String,
        /// Its full version.
        pub version: String,
    }
}

record! {
    /// An installed package.
    pub struct Package {
        /// Whose names these are: `pypi`, `conda`, …
        pub ecosystem: String,
        /// Its name, normalised as the ecosystem does.
        pub name: String,
        /// Its version.
        pub version: String,
        /// Where it was installed from, if not from the ecosystem's index. Without secrets.
        pub origin: Option<String>,
    }
}

object!(Packages, PackagesId, |packages, see| {
    packages.locks.iter().flatten().for_each(|lock| see(lock.node.link()));
});
