//! Where two histories part.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::id::CommitId;
use crate::object::{Commit, Find, ObjectError, get};

const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const BOTH: u8 = LEFT | RIGHT;

/// Commits on their way down from two tips, with the sides that reach them.
struct Paint<'a> {
    find: &'a dyn Find,
    sides: HashMap<CommitId, u8>,
    queue: BinaryHeap<(i64, CommitId)>,
    queued: HashSet<CommitId>,
    /// Queued commits that only one side reaches so far: while there are any, a better base may turn up.
    open: usize,
}

impl Paint<'_> {
    /// Lets a side reach a commit; one that is reached anew is looked at (again).
    fn reach(&mut self, id: CommitId, sides: u8, time: i64) {
        let entry = self.sides.entry(id).or_default();
        let before = *entry;
        *entry |= sides;
        if *entry == before {
            return;
        }
        let was_open = before != 0 && before != BOTH && self.queued.contains(&id);
        let is_open = *entry != BOTH;
        if self.queued.insert(id) {
            self.queue.push((time, id));
        }
        match (was_open, is_open) {
            (false, true) => self.open += 1,
            (true, false) => self.open -= 1,
            _ => {}
        }
    }

    fn step(&mut self, id: CommitId) -> Result<(), ObjectError> {
        self.queued.remove(&id);
        let sides = self.sides[&id];
        if sides != BOTH {
            self.open -= 1;
        }
        let commit: Commit = get(self.find, id)?;
        for parent in commit.parents {
            self.reach(parent, sides, commit.time.millis);
        }
        Ok(())
    }
}

/// The newest commit that both come after or are, and that comes before no other such commit; `None` if
/// their histories have nothing in common. Does not depend on the order of `a` and `b`.
pub fn merge_base(find: &dyn Find, a: CommitId, b: CommitId) -> Result<Option<CommitId>, ObjectError> {
    let mut paint =
        Paint { find, sides: HashMap::new(), queue: BinaryHeap::new(), queued: HashSet::new(), open: 0 };
    paint.reach(a, LEFT, i64::MAX);
    paint.reach(b, RIGHT, i64::MAX);
    while paint.open > 0 {
        let Some((_, id)) = paint.queue.pop() else { break };
        paint.step(id)?;
    }
    // Every path from a tip to a commit that both reach enters the common ones here or above.
    let common: Vec<CommitId> =
        paint.sides.iter().filter(|(_, sides)| **sides == BOTH).map(|(id, _)| *id).collect();
    best(find, common)
}

/// Of commits, the newest that is not an ancestor of another. All of them are read on the way down where
/// there is more than one candidate.
fn best(find: &dyn Find, common: Vec<CommitId>) -> Result<Option<CommitId>, ObjectError> {
    let mut heads: HashSet<CommitId> = common.iter().copied().collect();
    let mut seen = HashSet::new();
    let mut stack = common;
    while let Some(id) = stack.pop() {
        if heads.len() == 1 {
            break;
        }
        if seen.insert(id) {
            for parent in get::<Commit>(find, id)?.parents {
                heads.remove(&parent);
                stack.push(parent);
            }
        }
    }
    let mut newest = None;
    for id in heads {
        let time = get::<Commit>(find, id)?.time.millis;
        newest = newest.max(Some((time, Reverse(id))));
    }
    Ok(newest.map(|(_, Reverse(id))| id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::fixture::{chain, commit};
    use crate::object::Memory;

    fn base(memory: &Memory, a: CommitId, b: CommitId) -> Option<CommitId> {
        let found = merge_base(memory, a, b).unwrap();
        assert_eq!(found, merge_base(memory, b, a).unwrap());
        found
    }

    #[test]
    fn forks_meet_where_they_part() {
        let memory = Memory::default();
        let root = commit(&memory, 1, &[]);
        let fork = commit(&memory, 2, &[root]);
        let left = commit(&memory, 3, &[fork]);
        let right = commit(&memory, 4, &[fork]);
        assert_eq!(base(&memory, left, right), Some(fork));
        assert_eq!(base(&memory, left, left), Some(left));
        assert_eq!(base(&memory, left, root), Some(root));
        assert_eq!(base(&memory, left, commit(&memory, 9, &[])), None);
    }

    #[test]
    fn wrong_clocks_do_not_mislead() {
        let memory = Memory::default();
        let root = commit(&memory, 1_000, &[]);
        let fork = commit(&memory, 1, &[root]);
        let left = commit(&memory, 2_000, &[fork, root]);
        let right = commit(&memory, 5, &[root, fork]);
        assert_eq!(base(&memory, left, right), Some(fork));
    }

    #[test]
    fn of_several_bases_the_newest_is_taken() {
        let memory = Memory::default();
        let root = commit(&memory, 1, &[]);
        let (x, y) = (commit(&memory, 2, &[root]), commit(&memory, 3, &[root]));
        let (left, right) = (commit(&memory, 4, &[x, y]), commit(&memory, 5, &[y, x]));
        assert_eq!(base(&memory, left, right), Some(y));
    }

    #[test]
    fn long_histories_are_walked() {
        let memory = Memory::default();
        let ids = chain(&memory, 5_000);
        let side = commit(&memory, 99_999_999, &[ids[100]]);
        assert_eq!(base(&memory, ids[4_999], side), Some(ids[100]));
    }
}
