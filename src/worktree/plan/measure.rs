//! A bound for what recorded trees come to, so that a few kilobytes cannot stand for a thousand million files.
//!
//! Trees share what is equal, so that ten directories that each name one other ten times, ten levels deep, come to
//! 10¹⁰ files. What people record repeats itself too, but never so often.

use std::collections::HashSet;

use crate::id::TreeId;
use crate::worktree::plan::PlanError;

/// So many names are always allowed.
const NAMES: u64 = 1 << 17;
/// And so many for each name that the trees hold.
const REPEATED: u64 = 256;

/// Counts the names of a state, directory by directory.
#[derive(Default)]
pub struct Measure {
    seen: HashSet<TreeId>,
    /// Names in distinct trees.
    held: u64,
    /// Names that they make, as often as they come.
    made: u64,
}

impl Measure {
    /// Counts a directory that is made of these trees. Refuses what repeats itself beyond measure.
    pub fn count(&mut self, trees: impl Iterator<Item = TreeId>, names: u64) -> Result<(), PlanError> {
        let mut is_new = false;
        trees.for_each(|tree| is_new |= self.seen.insert(tree));
        self.held += if is_new { names } else { 0 };
        self.made += names;
        let most = NAMES.saturating_add(self.held.saturating_mul(REPEATED));
        if self.made > most { Err(PlanError::TooMany(self.made)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Digest, Kind};

    fn tree(number: u64) -> std::iter::Once<TreeId> {
        let id: Digest = Kind::Tree.digest(&number.to_be_bytes());
        std::iter::once(id.into())
    }

    #[test]
    fn what_differs_may_be_as_large_as_it_is() {
        let mut measure = Measure::default();
        (0..20_000).for_each(|number| measure.count(tree(number), 1_000).unwrap());
    }

    #[test]
    fn what_repeats_itself_may_do_so_within_measure() {
        let mut measure = Measure::default();
        let counted = (0..2_000).map(|_| measure.count(tree(7), 1_000)).take_while(Result::is_ok).count();
        assert!((300..2_000).contains(&counted), "{counted}");
    }
}
