//! Commits and everything that they come after: children before parents, and newest first where that leaves a choice.
//!
//! A history without forks is read one commit a step. At the first fork the rest is read once to count
//! children, so that the order holds whatever the clocks said.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::id::CommitId;
use crate::object::{Commit, Find, ObjectError, get};

/// Commits in topological order, see [`ancestors`].
pub struct Ancestors<'a> {
    find: &'a dyn Find,
    /// Commits that may come next, the newest on top; of equal times, the smallest id.
    ready: BinaryHeap<(i64, Reverse<CommitId>)>,
    /// How many children of a commit are still to come, once there was a fork.
    children: Option<HashMap<CommitId, usize>>,
    failed: Option<ObjectError>,
}

/// The tips and everything that they come after. Each commit comes once, before its parents.
pub fn ancestors<'a>(find: &'a dyn Find, tips: &[CommitId]) -> Result<Ancestors<'a>, ObjectError> {
    let tips: HashSet<CommitId> = tips.iter().copied().collect();
    let mut this = Ancestors { find, ready: BinaryHeap::new(), children: None, failed: None };
    match tips.len() {
        0 | 1 => this.offer(tips)?,
        _ => this.count_children(tips)?,
    }
    Ok(this)
}

impl Ancestors<'_> {
    fn offer(&mut self, ids: impl IntoIterator<Item = CommitId>) -> Result<(), ObjectError> {
        for id in ids {
            let commit: Commit = get(self.find, id)?;
            self.ready.push((commit.time.millis, Reverse(id)));
        }
        Ok(())
    }

    /// Reads everything that is reachable, counts the children of each, and offers those without any.
    fn count_children(&mut self, tips: HashSet<CommitId>) -> Result<(), ObjectError> {
        let mut children: HashMap<CommitId, usize> = tips.iter().map(|id| (*id, 0)).collect();
        let mut stack: Vec<CommitId> = tips.iter().copied().collect();
        while let Some(id) = stack.pop() {
            for parent in distinct_parents(&get(self.find, id)?) {
                *children.entry(parent).or_insert_with(|| {
                    stack.push(parent);
                    0
                }) += 1;
            }
        }
        self.offer(tips.into_iter().filter(|tip| children[tip] == 0))?;
        self.children = Some(children);
        Ok(())
    }

    fn step(&mut self, id: CommitId) -> Result<Commit, ObjectError> {
        let commit: Commit = get(self.find, id)?;
        let parents = distinct_parents(&commit);
        match &mut self.children {
            // Nothing else is ready and there never was a fork: a single parent has no other children to wait for.
            None if parents.len() <= 1 => self.offer(parents)?,
            None => self.count_children(parents.into_iter().collect())?,
            Some(children) => {
                let mut free = Vec::new();
                for parent in parents {
                    // Every reachable commit was counted, so the entry is there and at least 1.
                    let left = children.entry(parent).or_insert(1);
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        free.push(parent);
                    }
                }
                self.offer(free)?;
            }
        }
        Ok(commit)
    }
}

impl Iterator for Ancestors<'_> {
    type Item = Result<(CommitId, Commit), ObjectError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            self.ready.clear();
            return Some(Err(error));
        }
        let (_, Reverse(id)) = self.ready.pop()?;
        match self.step(id) {
            Ok(commit) => Some(Ok((id, commit))),
            // The commit itself may be fine and a parent missing: it is still shown, then the error.
            Err(error) => match get(self.find, id) {
                Ok(commit) => {
                    self.failed = Some(error);
                    Some(Ok((id, commit)))
                }
                Err(error) => {
                    self.ready.clear();
                    Some(Err(error))
                }
            },
        }
    }
}

/// The parents without repetitions, in order.
pub(super) fn distinct_parents(commit: &Commit) -> Vec<CommitId> {
    let mut seen = HashSet::new();
    commit.parents.iter().copied().filter(|parent| seen.insert(*parent)).collect()
}

/// Whether commit `a` is `b` or comes before it. Newer commits are looked at first.
pub fn is_ancestor(find: &dyn Find, a: CommitId, b: CommitId) -> Result<bool, ObjectError> {
    if a == b {
        return Ok(true);
    }
    let mut seen = HashSet::from([b]);
    let mut queue = BinaryHeap::from([(i64::MAX, b)]);
    while let Some((_, id)) = queue.pop() {
        let commit: Commit = get(find, id)?;
        if commit.parents.contains(&a) {
            return Ok(true);
        }
        // A parent is queued by its child's time: right unless clocks jumped, and saves reading it now.
        for parent in commit.parents {
            if seen.insert(parent) {
                queue.push((commit.time.millis, parent));
            }
        }
    }
    Ok(false)
}

/// Those of some commits that are among the tips or come before one. All tips are walked at once, newest first, and no
/// further than to the last of the commits.
pub fn reachable(
    find: &dyn Find,
    wanted: &[CommitId],
    tips: &[CommitId],
) -> Result<HashSet<CommitId>, ObjectError> {
    let mut missing: HashSet<CommitId> = wanted.iter().copied().collect();
    let (mut seen, mut found, mut queue) = (HashSet::new(), HashSet::new(), BinaryHeap::new());
    let mut reach =
        |id: CommitId, millis: i64, queue: &mut BinaryHeap<_>, missing: &mut HashSet<CommitId>| {
            if seen.insert(id) {
                found.extend(missing.take(&id));
                queue.push((millis, id));
            }
        };
    // What a tip is need not be read.
    tips.iter().for_each(|tip| reach(*tip, i64::MAX, &mut queue, &mut missing));
    while let Some((_, id)) = queue.pop().filter(|_| !missing.is_empty()) {
        let commit: Commit = get(find, id)?;
        for parent in commit.parents {
            reach(parent, commit.time.millis, &mut queue, &mut missing);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::fixture::{chain, commit};
    use crate::id::{Digest, Kind};
    use crate::object::Memory;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts what is read.
    struct Counting<'a> {
        memory: &'a Memory,
        reads: AtomicUsize,
    }

    impl Find for Counting<'_> {
        fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.memory.find(kind, id)
        }
    }

    fn order(memory: &Memory, tips: &[CommitId]) -> Vec<CommitId> {
        ancestors(memory, tips).unwrap().map(|step| step.unwrap().0).collect()
    }

    #[test]
    fn children_come_first_whatever_the_clocks_say() {
        let memory = Memory::default();
        let base = commit(&memory, 900, &[]);
        let left = commit(&memory, 10, &[base]);
        let right = commit(&memory, 500, &[base]);
        let merge = commit(&memory, 1, &[left, right]);
        assert_eq!(order(&memory, &[merge]), [merge, right, left, base]);
        assert_eq!(order(&memory, &[base, right, left]), [right, left, base]);
        assert_eq!(order(&memory, &[left, left]), [left, base]);
        assert_eq!(order(&memory, &[]), []);
    }

    #[test]
    fn a_missing_parent_is_an_error_after_its_child() {
        let memory = Memory::default();
        let gone = commit(&Memory::default(), 1, &[]);
        let child = commit(&memory, 2, &[gone]);
        let steps: Vec<_> = ancestors(&memory, &[child]).unwrap().collect();
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0].as_ref().unwrap().0, child);
        assert!(matches!(steps[1], Err(ObjectError::Missing { .. })));
    }

    #[test]
    fn long_chains_need_no_stack() {
        let memory = Memory::default();
        let ids = chain(&memory, 10_000);
        assert_eq!(ancestors(&memory, &[ids[9_999]]).unwrap().count(), 10_000);
        assert!(is_ancestor(&memory, ids[0], ids[9_999]).unwrap());
        assert!(!is_ancestor(&memory, ids[9_999], ids[0]).unwrap());
    }

    #[test]
    fn what_many_tips_have_is_found_in_one_walk() {
        let memory = Memory::default();
        let ids = chain(&memory, 100);
        let side = commit(&memory, 1_000, &[ids[10]]);
        let alone = commit(&memory, 1_000, &[]);
        let found = reachable(&memory, &[ids[3], side, alone, ids[60]], &[side, ids[50]]).unwrap();
        assert_eq!(found, HashSet::from([ids[3], side]));
        assert_eq!(reachable(&memory, &[], &[side]).unwrap(), HashSet::new());
        assert_eq!(reachable(&memory, &[side], &[]).unwrap(), HashSet::new());
    }

    #[test]
    fn of_a_history_no_more_is_read_than_it_takes() {
        let memory = Memory::default();
        let ids = chain(&memory, 1_000);
        let counting = Counting { memory: &memory, reads: AtomicUsize::default() };
        let tips: Vec<CommitId> = ids.iter().rev().take(300).copied().collect();
        assert_eq!(reachable(&counting, &ids[700..701], &tips).unwrap().len(), 1);
        assert_eq!(counting.reads.load(Ordering::Relaxed), 0, "a tip is none of its ancestors");
        assert_eq!(reachable(&counting, &ids[500..501], &tips).unwrap().len(), 1);
        assert!(counting.reads.load(Ordering::Relaxed) <= 500);
        let elsewhere = commit(&memory, 1, &[]);
        assert!(reachable(&counting, &[elsewhere], &tips).unwrap().is_empty());
        assert!(
            counting.reads.load(Ordering::Relaxed) <= 1_500,
            "each commit once, whatever the number of tips"
        );
    }

    #[test]
    fn ancestry_includes_the_commit_itself() {
        let memory = Memory::default();
        let base = commit(&memory, 1, &[]);
        let left = commit(&memory, 2, &[base]);
        let right = commit(&memory, 3, &[base]);
        assert!(is_ancestor(&memory, left, left).unwrap());
        assert!(is_ancestor(&memory, base, right).unwrap());
        assert!(!is_ancestor(&memory, left, right).unwrap());
    }
}
