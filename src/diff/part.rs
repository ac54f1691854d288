//! What a selector means in one state: for `show HEAD:params.lr`, path-limited logs, and `restore`.

use crate::diff::selector::Selector;
use crate::diff::state::State;
use crate::id::Digest;
use crate::id::Kind;
use crate::object::{Feature, Find, Node, ObjectError, Package, Placed};
use crate::value::Value;

/// What a selector means.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    /// A value, or a tree of them: of params, seeds, metrics, variables, the command, the exit status, and
    /// fields of the system and accelerators.
    Value(Value),
    /// An object: a dataset, feature set, params, code, packages, system or accelerators.
    Object(Kind, Digest),
    /// A file or directory, of a dataset, the code or an output. The path is from the work tree's root.
    Node(Placed),
    /// A feature.
    Feature(Feature),
    /// A package.
    Package(Package),
    /// Several things, each with the selector's text that means it alone.
    Many(Vec<(String, Resolved)>),
}

/// What a selector means in a state; `None` if there is nothing like it.
pub fn get(find: &dyn Find, state: &State, selector: &Selector) -> Result<Option<Resolved>, ObjectError> {
    let _ = (find, state, selector);
    todo!()
}

/// Whether what a selector means differs. Reads as little as tells it.
pub fn changed(find: &dyn Find, a: &State, b: &State, selector: &Selector) -> Result<bool, ObjectError> {
    let _ = (find, a, b, selector);
    todo!()
}

/// The files of the work tree that a selector means: datasets, the files of feature sets, params and metrics,
/// source files, outputs. Empty for what has no files. A value within a file means the whole file.
pub fn files(find: &dyn Find, state: &State, selector: &Selector) -> Result<Vec<Placed>, ObjectError> {
    let _ = (find, state, selector, None::<Node>);
    todo!()
}
