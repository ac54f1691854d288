//! Structural changes between two states of an experiment, as plain values. Walks only what differs.

/// What differs.
#[derive(Debug)]
pub struct Diff;

/// A part, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector;
