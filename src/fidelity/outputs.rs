//! Outputs beside each other: files and directories by their nodes, so to the byte and the executable bit.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::PartName;
use crate::object::Placed;

/// How an output came out.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputFidelity {
    /// Its name.
    pub name: PartName,
    /// How it compares.
    pub state: OutputState,
}

/// How an output compares with the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputState {
    /// Every byte is the same, and so is what may be executed.
    Same,
    /// It is there and differs.
    Differs,
    /// It was recorded and did not come out.
    Missing,
    /// It came out and was not recorded.
    Additional,
}

/// All outputs of either side. Where they lie does not matter.
pub(super) fn compare(
    recorded: &BTreeMap<PartName, Placed>,
    found: &BTreeMap<PartName, Placed>,
) -> Vec<OutputFidelity> {
    let names: BTreeSet<&PartName> = recorded.keys().chain(found.keys()).collect();
    let one = |name: &PartName| match (recorded.get(name), found.get(name)) {
        (Some(was), Some(is)) if was.node == is.node => OutputState::Same,
        (Some(_), Some(_)) => OutputState::Differs,
        (_, None) => OutputState::Missing,
        (None, _) => OutputState::Additional,
    };
    names.into_iter().map(|name| OutputFidelity { name: name.clone(), state: one(name) }).collect()
}
