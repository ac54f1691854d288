//! What differs, in a line.

use std::fmt;

use crate::diff::Diff;

/// What differs, counted. Prints as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What of the definition differs, in the order in which parts are shown.
    pub definition: Vec<Difference>,
    /// What of the outcome differs.
    pub outcome: Vec<Difference>,
    /// What was compared as a whole and is identical: `data`, `features`, …, `environment`, `outcome`.
    pub identical: Vec<&'static str>,
}

/// A part that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub part: &'static str,
    /// How much, in words: `2`, `1 file`.
    pub how: String,
}

impl fmt::Display for Verdict {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

pub(super) fn of(_: &Diff) -> Verdict {
    todo!()
}
