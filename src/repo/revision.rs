//! Revisions, as a person writes them: `HEAD~2`, `main`, `v1.0`, `3f2a9c1`, and a part of one after a colon.
//!
//! A name is looked up as a branch, then as a tag, then as a branch of a remote, then as an id or the beginning of
//! one, as in git.

use crate::diff::{Selector, State};
use crate::id::{CommitId, Digest, Kind, Prefix};
use crate::name::RefName;
use crate::object::{self, Commit, Find, Tag};
use crate::refs::{self, Family, Ref};
use crate::repo::head::heads;
use crate::repo::{Head, RepoError, Repository};
use crate::store::Found;

/// A revision that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub commit: CommitId,
    /// The part, if one was named.
    pub part: Option<Selector>,
}

/// A step from one commit to another: `~n`, `^n` or `@{n}`.
enum Hop {
    /// So many first parents back.
    Back(usize),
    /// To this parent, from 1; 0 is the commit itself.
    Parent(usize),
    /// To the value that the branch had so many moves ago.
    Before(usize),
}

impl Repository {
    /// Looks a revision up: `HEAD`, `@`, a branch, a tag, an id or its prefix, each with `~n`, `^n` or
    /// `@{n}` behind it, and after a colon a part, or the path of a
    /// file of one.
    pub fn resolve(&self, revision: &str) -> Result<Resolved, RepoError> {
        let (commit, part) = match revision.split_once(':') {
            Some((commit, part)) => (commit, Some(part)),
            None => (revision, None),
        };
        // Nothing at all is rather a variable that a script forgot to set.
        let commit = match (commit, part) {
            ("", None) => return Err(RepoError::UnknownRevision(String::new())),
            ("", Some(_)) => self.resolve_commit("HEAD")?,
            (commit, _) => self.resolve_commit(commit)?,
        };
        let part = match part {
            Some(part) => Some(self.selector(part, &State::of_commit(&self.store, commit)?)?),
            None => None,
        };
        Ok(Resolved { commit, part })
    }

    fn resolve_commit(&self, text: &str) -> Result<CommitId, RepoError> {
        let unknown = || RepoError::UnknownRevision(text.to_owned());
        let end = text
            .char_indices()
            .skip(1)
            .find(|(_, c)| matches!(c, '~' | '^' | '@'))
            .map_or(text.len(), |(at, _)| at);
        // `~1`, `^` and `@{1}` alone are HEAD's.
        let end = if text.starts_with(['~', '^']) || text.starts_with("@{") { 0 } else { end };
        let (base, rest) = text.split_at(end);
        let base = if matches!(base, "" | "@") { "HEAD" } else { base };
        let hops = hops(rest).ok_or_else(unknown)?;
        let mut commit = match hops.first() {
            Some(Hop::Before(n)) => self.earlier(base, *n)?.ok_or_else(unknown)?,
            _ => self.base(base)?,
        };
        for (i, hop) in hops.iter().enumerate() {
            commit = match hop {
                Hop::Back(n) => (0..*n).try_fold(commit, |commit, _| self.parent(commit, 1))?,
                Hop::Parent(0) => commit,
                Hop::Parent(n) => self.parent(commit, *n)?,
                Hop::Before(_) if i == 0 => commit,
                Hop::Before(_) => return Err(unknown()),
            };
        }
        Ok(commit)
    }

    fn base(&self, name: &str) -> Result<CommitId, RepoError> {
        if name == "HEAD" {
            return self.head()?.commit().ok_or(RepoError::NoCommits);
        }
        if let Ok(name) = RefName::new(name) {
            if let Some(commit) = self.tip(&name)? {
                return Ok(commit);
            }
            if let Some(tag) = self.tag_id(&name)? {
                return Ok(object::get::<Tag>(&self.store, tag)?.commit);
            }
            let remembered = refs::read(&*self.storage, &Ref { family: Family::Remotes, name })?;
            if let Some(commit) = remembered.and_then(|(_, entry)| entry.target.commit()) {
                return Ok(commit);
            }
        }
        match self.by_id(name) {
            Err(RepoError::UnknownRevision(_)) => self.by_run(name),
            found => found,
        }
    }

    /// The last commit of a run.
    fn by_run(&self, name: &str) -> Result<CommitId, RepoError> {
        let unknown = || RepoError::UnknownRevision(name.to_owned());
        let run = self.find_run(name)?.ok_or_else(unknown)?;
        Ok(run.commit.ok_or_else(unknown)?.0)
    }

    fn by_id(&self, text: &str) -> Result<CommitId, RepoError> {
        let unknown = || RepoError::UnknownRevision(text.to_owned());
        if let Ok(id) = text.parse::<Digest>() {
            return if self.store.has(Kind::Commit, id)? { Ok(id.into()) } else { Err(unknown()) };
        }
        let prefix: Prefix = text.parse().map_err(|_| unknown())?;
        let found = self.store.with_prefix(&prefix)?;
        let commits: Vec<CommitId> = found
            .iter()
            .filter_map(|found| match found {
                Found::Object(Kind::Commit, id) => Some((*id).into()),
                _ => None,
            })
            .collect();
        match commits[..] {
            [commit] => Ok(commit),
            [] => Err(unknown()),
            _ => Err(RepoError::Ambiguous { prefix: text.to_owned(), count: commits.len() }),
        }
    }

    fn parent(&self, id: CommitId, n: usize) -> Result<CommitId, RepoError> {
        let commit: Commit = object::get(&self.store, id)?;
        commit.parents.get(n - 1).copied().ok_or(RepoError::NoParent(id))
    }

    /// The value that a branch had some moves ago.
    fn earlier(&self, base: &str, moves: usize) -> Result<Option<CommitId>, RepoError> {
        let name = match (base, self.head()?) {
            ("HEAD", Head::Branch(name, _)) => name,
            ("HEAD", Head::Detached(_)) => return Err(RepoError::Detached),
            (name, _) => RefName::new(name).map_err(|_| RepoError::UnknownRevision(base.to_owned()))?,
        };
        let history = self.ref_history(&heads(&name))?;
        Ok(history.iter().filter_map(|(_, entry)| entry.target.commit()).nth(moves))
    }
}

fn hops(text: &str) -> Option<Vec<Hop>> {
    let (mut rest, mut hops) = (text, Vec::new());
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        if first == '@' {
            let (number, after) = rest.strip_prefix('{')?.split_once('}')?;
            hops.push(Hop::Before(number.parse().ok()?));
            rest = after;
            continue;
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = if digits == 0 { 1 } else { rest[..digits].parse().ok()? };
        rest = &rest[digits..];
        hops.push(match first {
            '~' => Hop::Back(number),
            '^' => Hop::Parent(number),
            _ => return None,
        });
    }
    Some(hops)
}
