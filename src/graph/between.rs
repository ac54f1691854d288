//! What one history has and another has not.

use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::graph::Closure;
use crate::id::{CommitId, TypedId};
use crate::object::{Commit, Find, Link, ObjectError, get, link};

/// Commits of which it is asked whether others have them, with whether these have.
struct Walk<'a> {
    find: &'a dyn Find,
    /// Whether a commit is one of the others or comes before one.
    old: HashMap<CommitId, bool>,
    queue: BinaryHeap<(i64, CommitId)>,
    /// Queued commits that the others are not known to have: while there are any, more may turn up.
    open: HashSet<CommitId>,
}

impl Walk<'_> {
    fn reach(&mut self, id: CommitId, old: bool) -> Result<(), ObjectError> {
        let known = self.old.get(&id).copied();
        if known == Some(true) || known == Some(old) {
            return Ok(());
        }
        if old {
            self.open.remove(&id);
        } else {
            self.open.insert(id);
        }
        self.old.insert(id, old);
        self.queue.push((get::<Commit>(self.find, id)?.time.millis, id));
        Ok(())
    }
}

/// The commits that the tips are or come after, and `others` are not and do not come after. Others that are not
/// here are left out. Where clocks were wrong it may be told of some that the others have as well.
pub fn between(
    find: &dyn Find,
    tips: &[CommitId],
    others: &[CommitId],
) -> Result<Vec<(CommitId, Commit)>, ObjectError> {
    let mut walk = Walk { find, old: HashMap::new(), queue: BinaryHeap::new(), open: HashSet::new() };
    for other in others {
        if find.has(CommitId::KIND, other.digest())? {
            walk.reach(*other, true)?;
        }
    }
    tips.iter().try_for_each(|tip| walk.reach(*tip, false))?;
    let mut found = Vec::new();
    while !walk.open.is_empty() {
        let Some((_, id)) = walk.queue.pop() else { break };
        walk.open.remove(&id);
        let (commit, old): (Commit, bool) = (get(find, id)?, walk.old[&id]);
        before(&commit).try_for_each(|earlier| walk.reach(earlier, old))?;
        if !old {
            found.push((id, commit));
        }
    }
    found.retain(|(id, _)| !walk.old[id]);
    Ok(found)
}

/// Calls `see` with what can be reached from the tips, and is no part of `others` or of what they come after.
/// Costs what is new, and one reading of the states that it was made from.
pub fn new_since(
    find: &dyn Find,
    tips: &[Link],
    others: &[CommitId],
    see: &mut dyn FnMut(Link),
) -> Result<(), ObjectError> {
    let mut commits = Vec::new();
    let mut first = Closure::new(find);
    // Tags and lists of runs lie above the commits.
    first.walk(tips.iter().copied(), &mut |found| match found {
        Link::Object(kind, id) if kind == CommitId::KIND => {
            commits.push(id.into());
            false
        }
        found => {
            see(found);
            true
        }
    })?;
    let new = between(find, &commits, others)?;
    let is_new: HashSet<CommitId> = new.iter().map(|(id, _)| *id).collect();
    let earlier = new.iter().flat_map(|(_, commit)| before(commit));
    let edge: HashSet<CommitId> = earlier.filter(|id| !is_new.contains(id)).collect();
    let mut closure = Closure::new(find);
    for id in &edge {
        let state = state(&get(find, *id)?);
        closure.walk(state, &mut |_| true)?;
    }
    for (id, commit) in new.iter().rev() {
        see(link(*id));
        closure.walk(state(commit), &mut |found| {
            see(found);
            true
        })?;
    }
    Ok(())
}

/// The commits that a commit refers to: its parents, and the one that it reproduces.
fn before(commit: &Commit) -> impl Iterator<Item = CommitId> + '_ {
    commit.parents.iter().copied().chain(commit.run.as_ref().and_then(|run| run.reproduces))
}

/// What a commit refers to, without other commits.
fn state(commit: &Commit) -> impl Iterator<Item = Link> + use<> {
    std::iter::once(link(commit.definition)).chain(commit.outcome.map(link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::fixture::{chain, commit};
    use crate::id::Kind;
    use crate::object::Memory;

    fn new(memory: &Memory, tips: &[CommitId], others: &[CommitId]) -> Vec<CommitId> {
        let mut found: Vec<_> =
            between(memory, tips, others).unwrap().into_iter().map(|(id, _)| id).collect();
        found.sort();
        found
    }

    #[test]
    fn what_the_others_have_is_left_out() {
        let memory = Memory::default();
        let ids = chain(&memory, 100);
        assert_eq!(new(&memory, &[ids[99]], &[ids[99]]), []);
        assert_eq!(new(&memory, &[ids[97]], &[ids[99]]), []);
        assert_eq!(new(&memory, &[ids[99]], &[ids[98]]), [ids[99]]);
        assert_eq!(new(&memory, &[ids[99]], &[]).len(), 100);
        let side = commit(&memory, 1_000, &[ids[10]]);
        assert_eq!(new(&memory, &[side], &[ids[99]]), [side]);
        let unknown = Kind::Commit.digest(b"?").into();
        assert_eq!(new(&memory, &[side], &[ids[10], unknown]), [side]);
    }

    #[test]
    fn only_the_state_of_new_commits_is_told_of() {
        let memory = Memory::default();
        let ids = chain(&memory, 10);
        let mut seen = Vec::new();
        new_since(&memory, &[link(ids[9])], &[ids[7]], &mut |link| seen.push(link)).unwrap();
        // They share their definition with the ones before.
        assert_eq!(seen, [link(ids[8]), link(ids[9])]);
        let mut all = Vec::new();
        new_since(&memory, &[link(ids[9])], &[], &mut |link| all.push(link)).unwrap();
        let mut closure = Vec::new();
        crate::graph::walk(&memory, [link(ids[9])], &mut |link| closure.push(link)).unwrap();
        all.sort();
        closure.sort();
        assert_eq!(all, closure);
    }
}
