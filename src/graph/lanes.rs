//! Lanes for drawing history: which column each commit is in, and how lines run to the row below.
//!
//! A pure function of commits in an order where children come first. Drawing is done elsewhere.

use crate::id::CommitId;

/// Assigns lanes to commits, one row at a time.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    /// For each lane, the commit that it leads to. No commit is in two lanes.
    lanes: Vec<CommitId>,
}

/// A line from a lane of one row to a lane of the row below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// Lane in this row.
    pub from: usize,
    /// Lane in the row below.
    pub to: usize,
}

/// A commit's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The lane that the commit is in.
    pub lane: usize,
    /// How many lanes there are in this row, the commit's own included.
    pub width: usize,
    /// Lines to the row below, sorted. Lines that join end in one lane.
    pub edges: Vec<Edge>,
}

impl Lanes {
    /// The row of the next commit, given with its parents.
    pub fn next(&mut self, id: CommitId, parents: &[CommitId]) -> Row {
        let lane = self.lanes.iter().position(|next| *next == id).unwrap_or_else(|| {
            self.lanes.push(id);
            self.lanes.len() - 1
        });
        let before = self.lanes.clone();
        self.replace(lane, parents);
        let mut edges: Vec<Edge> = Vec::new();
        for (from, next) in before.iter().enumerate() {
            let targets = if from == lane { parents } else { std::slice::from_ref(next) };
            edges.extend(targets.iter().filter_map(|target| {
                self.lanes.iter().position(|lane| lane == target).map(|to| Edge { from, to })
            }));
        }
        edges.sort();
        edges.dedup();
        Row { lane, width: before.len(), edges }
    }

    /// Puts the parents where the commit was, without those that another lane leads to already.
    fn replace(&mut self, lane: usize, parents: &[CommitId]) {
        let mut new: Vec<CommitId> = Vec::new();
        for parent in parents {
            if !new.contains(parent) && !self.lanes.contains(parent) {
                new.push(*parent);
            }
        }
        self.lanes.splice(lane..=lane, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Kind;

    fn id(name: &str) -> CommitId {
        Kind::Commit.digest(name.as_bytes()).into()
    }

    fn edges(row: &Row) -> Vec<(usize, usize)> {
        row.edges.iter().map(|edge| (edge.from, edge.to)).collect()
    }

    #[test]
    fn a_merge_opens_a_lane_and_the_base_closes_it() {
        let mut lanes = Lanes::default();
        let merge = lanes.next(id("m"), &[id("a"), id("b")]);
        assert_eq!((merge.lane, merge.width, edges(&merge)), (0, 1, vec![(0, 0), (0, 1)]));
        let right = lanes.next(id("b"), &[id("base")]);
        assert_eq!((right.lane, right.width, edges(&right)), (1, 2, vec![(0, 0), (1, 1)]));
        let left = lanes.next(id("a"), &[id("base")]);
        assert_eq!((left.lane, left.width, edges(&left)), (0, 2, vec![(0, 0), (1, 0)]));
        let base = lanes.next(id("base"), &[]);
        assert_eq!((base.lane, base.width, edges(&base)), (0, 1, vec![]));
    }

    #[test]
    fn unrelated_tips_have_lanes_of_their_own() {
        let mut lanes = Lanes::default();
        lanes.next(id("a"), &[id("a1")]);
        let other = lanes.next(id("b"), &[]);
        assert_eq!((other.lane, other.width, edges(&other)), (1, 2, vec![(0, 0)]));
        let parent = lanes.next(id("a1"), &[id("a0"), id("a0")]);
        assert_eq!((parent.lane, edges(&parent)), (0, vec![(0, 0)]));
    }
}
