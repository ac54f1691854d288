//! What was committed, and how branches came to where they are.

use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::diff::{self, Selector, State};
use crate::graph;
use crate::id::CommitId;
use crate::object::{self, Commit};
use crate::refs::{self, Entry, Ref, Target};
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
            if !what.parts.is_empty() && !self.changes(&commit, &what.parts)? {
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
    fn changes(&self, commit: &Commit, parts: &[Selector]) -> Result<bool, RepoError> {
        let after = State::of(&self.store, commit)?;
        let before = match commit.parents.first() {
            Some(parent) => State::of_commit(&self.store, *parent)?,
            None => State::default(),
        };
        for part in parts {
            if diff::part::changed(&self.store, &before, &after, part)? {
                return Ok(true);
            }
        }
        Ok(false)
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
        Ok(names)
    }

    /// The values that a ref has had, newest first, with their numbers.
    pub fn ref_history(&self, name: &Ref) -> Result<Vec<(u64, Entry)>, RepoError> {
        Ok(refs::history(&*self.storage, name)?)
    }

    /// Steps the current branch back to its commit's parent. The work tree stays as it is, and so do the
    /// commits: it is one more entry of the branch's history.
    pub fn undo(&self) -> Result<Step, RepoError> {
        let Head::Branch(name, tip) = self.head()? else { return Err(RepoError::Detached) };
        let from = tip.ok_or(RepoError::NoCommits)?;
        let commit: Commit = object::get(&self.store, from)?;
        let to = *commit.parents.first().ok_or(RepoError::NoParent(from))?;
        self.advance(&name, tip, Target::Commit(to), "undo", &mut || Ok(()))?;
        Ok(Step { from, to })
    }
}
