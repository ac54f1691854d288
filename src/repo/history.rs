//! What was committed, and how branches came to where they are.

use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::diff::{self, Diff, Selector, State};
use crate::graph;
use crate::id::CommitId;
use crate::object::{self, Commit};
use crate::refs::{self, Entry, Family, Ref, Target};
use crate::repo::{Head, RepoError, Repository};

/// Which commits to log.
#[derive(Clone, Debug, Default)]
pub struct Logged {
    /// Where to start; HEAD, if there is nothing.
    pub from: Vec<CommitId>,
    /// Only commits that change one of these parts; all, if there are none.
    pub parts: Vec<Selector>,
}

/// A commit in a log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Its id.
    pub id: CommitId,
    /// The commit.
    pub commit: Commit,
    /// Names of what points to it: `HEAD -> main`, `tag: v1`.
    pub names: Vec<String>,
}

/// What a commit changed.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The difference from its first parent, without lines; from nothing at all for a first commit.
    pub diff: Diff,
    /// Whether it has no parent.
    pub first: bool,
}

/// A branch that was stepped back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it was.
    pub from: CommitId,
    /// Where it is now.
    pub to: CommitId,
}

impl Repository {
    /// Commits, children before their parents and newest first, until `see` breaks off.
    pub fn log(
        &self,
        what: &Logged,
        see: &mut dyn FnMut(LogEntry) -> ControlFlow<()>,
    ) -> Result<(), RepoError> {
        let mut from = what.from.clone();
        if from.is_empty() {
            from.push(self.head()?.commit().ok_or(RepoError::NoCommits)?);
        }
        let mut names = self.names()?;
        for found in graph::ancestors(&self.store, &from)? {
            let (id, commit) = found?;
            if !what.parts.is_empty() && !self.is_about(&commit, &what.parts)? {
                continue;
            }
            let names = names.remove(&id).unwrap_or_default();
            if see(LogEntry { id, commit, names }).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Whether a commit changes one of these parts; the first commit does if it has one of them.
    fn is_about(&self, commit: &Commit, parts: &[Selector]) -> Result<bool, RepoError> {
        let (before, after) = self.before_and_after(commit)?;
        for part in parts {
            if diff::part::changed(&self.store, &before, &after, part)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a commit changed. Costs what the change costs: parts with equal ids are not read.
    pub fn changes_of(&self, commit: &Commit) -> Result<Changes, RepoError> {
        let (before, after) = self.before_and_after(commit)?;
        let options = diff::Options { lines: false, ..diff::Options::default() };
        let diff = diff::states(&self.store, &self.store, &before, &after, &options)?;
        Ok(Changes { diff, first: commit.parents.is_empty() })
    }

    fn before_and_after(&self, commit: &Commit) -> Result<(State, State), RepoError> {
        let before = match commit.parents.first() {
            Some(parent) => State::of_commit(&self.store, *parent)?,
            None => State::default(),
        };
        Ok((before, State::of(&self.store, commit)?))
    }

    /// What points to a commit: `HEAD -> main`, `tag: v1`.
    pub fn names_of(&self, commit: CommitId) -> Result<Vec<String>, RepoError> {
        Ok(self.names()?.remove(&commit).unwrap_or_default())
    }

    /// What points to each commit.
    fn names(&self) -> Result<HashMap<CommitId, Vec<String>>, RepoError> {
        let mut names: HashMap<CommitId, Vec<String>> = HashMap::new();
        let head = self.head()?;
        match &head {
            Head::Branch(name, Some(commit)) => {
                names.entry(*commit).or_default().push(format!("HEAD -> {name}"))
            }
            Head::Branch(_, None) => {}
            Head::Detached(commit) => names.entry(*commit).or_default().push("HEAD".to_owned()),
        }
        for tagged in self.tags()? {
            names.entry(tagged.tag.commit).or_default().push(format!("tag: {}", tagged.name));
        }
        for branch in self.branches()?.into_iter().filter(|branch| !branch.current) {
            names.entry(branch.commit).or_default().push(branch.name.to_string());
        }
        for (name, entry) in refs::list(&*self.storage, Family::Remotes)? {
            if let Some(commit) = entry.target.commit() {
                names.entry(commit).or_default().push(name.to_string());
            }
        }
        Ok(names)
    }

    /// The values that a ref has had, newest first, with their numbers; without the fences of collections.
    pub fn ref_history(&self, name: &Ref) -> Result<Vec<(u64, Entry)>, RepoError> {
        let mut entries = refs::history(&*self.storage, name)?;
        entries.retain(|(_, entry)| !entry.is_fence());
        Ok(entries)
    }

    /// Steps the current branch back to its commit's parent. The work tree stays as it is, and so do the
    /// commits: it is one more entry of the branch's history.
    pub fn undo(&self) -> Result<Step, RepoError> {
        let Head::Branch(name, tip) = self.head()? else { return Err(RepoError::Detached) };
        let from = tip.ok_or(RepoError::NoCommits)?;
        let commit: Commit = object::get(&self.store, from)?;
        let to = *commit.parents.first().ok_or(RepoError::NoParent(from))?;
        self.advance(&name, tip, Target::Commit(to), "undo", &mut |_| Ok(()))?;
        Ok(Step { from, to })
    }
}
