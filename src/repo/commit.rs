//! Recording the work tree as it is now.
//!
//! A commit costs one data pack if there is new data, one metadata pack and one entry of the branch. It
//! is acknowledged when the entry is durable; before that, nothing refers to what was written.

use std::fs;
use std::path::PathBuf;

use crate::diff::{self, Diff, State};
use crate::id::{CommitId, DefinitionId};
use crate::name::RefName;
use crate::object::{self, Commit, GitState, Memory, Overlay};
use crate::progress::{Amount, Only, Progress};
use crate::refs::Target;
use crate::repo::footing::until_it_stands;
use crate::repo::head::Standing;
use crate::repo::snapshot::{Snapshooter, Subject, Surroundings};
use crate::repo::{Head, RepoError, Repository, Warning, without_secrets};
use crate::store::{Writer, Written};
use crate::worktree::manifest::Manifest;

/// Characters of a message's first line that a branch's history repeats.
const MAX_SUMMARY: usize = 200;

/// Files whose sizes are added up before they are read, for a bar that knows its end.
const MAX_SIZED: usize = 10_000;

/// How to commit.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// Why, in words.
    pub message: String,
    /// Whether to commit although nothing differs from HEAD.
    pub allow_empty: bool,
}

/// A commit that was made.
#[derive(Debug)]
pub struct Committed {
    /// Its id.
    pub id: CommitId,
    /// The branch that moved to it; `None` on a detached HEAD, which moved itself.
    pub branch: Option<RefName>,
    /// Whether it is the first one.
    pub first: bool,
    /// What differs from its parent, without lines of code; everything, if it has none.
    pub diff: Diff,
    /// What was written.
    pub written: Written,
    /// What could not be recorded as one would expect.
    pub warnings: Vec<Warning>,
}

impl Repository {
    /// Commits what the manifest names, as it is now; `None` if nothing differs from HEAD.
    pub fn commit(
        &self,
        options: &CommitOptions,
        progress: &dyn Progress,
    ) -> Result<Option<Committed>, RepoError> {
        self.commit_after(None, options, &mut Vec::new(), progress)
    }

    /// The same. Where nothing differs, `unseen` is what could not be recorded: that may be what somebody meant.
    pub fn commit_telling(
        &self,
        options: &CommitOptions,
        unseen: &mut Vec<Warning>,
        progress: &dyn Progress,
    ) -> Result<Option<Committed>, RepoError> {
        self.commit_after(None, options, unseen, progress)
    }

    /// Commits the work tree as it is now, after HEAD and after a commit that it was merged with.
    pub(super) fn commit_after(
        &self,
        merged: Option<CommitId>,
        options: &CommitOptions,
        unseen: &mut Vec<Warning>,
        progress: &dyn Progress,
    ) -> Result<Option<Committed>, RepoError> {
        let committed = until_it_stands(&mut || self.commit_once(merged, options, unseen, progress))?;
        self.compact_along();
        Ok(committed)
    }

    fn commit_once(
        &self,
        merged: Option<CommitId>,
        options: &CommitOptions,
        unseen: &mut Vec<Warning>,
        progress: &dyn Progress,
    ) -> Result<Option<Committed>, RepoError> {
        let manifest = self.manifest()?;
        let standing = self.stand_on_head()?;
        let Standing { head, footing, .. } = &standing;
        let parent = head.commit();
        let before = parent.map(|id| State::of_commit(&self.store, id)).transpose()?;
        let cache = self.stat_cache_of(footing.epoch);
        // The writer counts bytes as they flow, and the scanner files as they are done.
        let (items, bytes) = (Only::items(progress), Only::bytes(progress));
        let writer = self.writer(&footing.doomed, &bytes);
        // Of a later commit, most is known from the cache and not read.
        let total = if parent.is_none() { self.size_of_data(&manifest) } else { None };
        let snapshooter = Snapshooter {
            repository: self,
            manifest: &manifest,
            before: before.as_ref(),
            cache: &cache,
            sink: &writer,
            progress: &items,
            phase: ("Recording", total),
            subject: Subject::WorkTree,
        };
        let snapshot = snapshooter.take(Surroundings::Observed)?;
        let is_new = merged.is_some() || options.allow_empty || before.as_ref() != Some(&snapshot.state);
        if !is_new {
            // What HEAD points to may be of somebody who was stopped before it was durable.
            self.storage.settle("refs")?;
            *unseen = snapshot.warnings;
            return Ok(None);
        }
        let parents: Vec<CommitId> = parent.into_iter().chain(merged).collect();
        let commit = self.describe(&snapshot.state, parents, snapshot.git, &options.message, &writer)?;
        let id = object::put(&writer, &commit)?;
        let written = self.record(&standing, id, &commit, writer)?;
        // Only now is what the cache says of the store true. It is a cache: that it cannot be kept is no failure.
        let _ = cache.save();
        self.remember_committed(parent, merged, commit.definition);
        let before = before.unwrap_or_default();
        let diff_options = diff::Options { lines: false, ..diff::Options::default() };
        // The commit is made: that it cannot be described is no failure.
        let diff = diff::states(&self.store, &self.store, &before, &snapshot.state, &diff_options);
        let diff = diff.unwrap_or_default();
        let branch = match standing.head {
            Head::Branch(name, _) => Some(name),
            Head::Detached(_) => None,
        };
        Ok(Some(Committed {
            id,
            branch,
            first: parent.is_none(),
            diff,
            written,
            warnings: snapshot.warnings,
        }))
    }

    /// Remembers a definition that was committed on top of nothing, or of what is remembered. The command of a commit
    /// may be that of the one before it, which another person wrote.
    fn remember_committed(
        &self,
        parent: Option<CommitId>,
        merged: Option<CommitId>,
        definition: DefinitionId,
    ) {
        let is_known = |id| {
            let parent: Result<Commit, _> = object::get(&self.store, id);
            parent.is_ok_and(|parent| self.is_executed(parent.definition))
        };
        if merged.is_none() && parent.is_none_or(is_known) {
            self.remember_executed(definition);
        }
    }

    /// How much data the manifest names, unless that takes long to find out.
    fn size_of_data(&self, manifest: &Manifest) -> Option<Amount> {
        let mut amount = Amount::default();
        let stored = manifest.datasets.values().filter(|dataset| !dataset.reference).map(|it| &it.path);
        let mut paths: Vec<PathBuf> =
            stored.chain(manifest.outputs.values()).map(|path| self.root.join(path.as_str())).collect();
        let mut looked_at = 0;
        while let Some(path) = paths.pop() {
            looked_at += 1;
            if looked_at > MAX_SIZED {
                return None;
            }
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_dir() {
                paths.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            } else {
                amount.items += 1;
                amount.bytes += metadata.len();
            }
        }
        (amount.bytes > 0).then_some(amount)
    }

    fn describe(
        &self,
        state: &State,
        parents: Vec<CommitId>,
        git: Option<GitState>,
        message: &str,
        writer: &Writer<'_>,
    ) -> Result<Commit, RepoError> {
        let definition = state.definition.as_ref().ok_or(RepoError::NoCommits)?;
        Ok(Commit {
            definition: object::put(writer, definition)?,
            outcome: state.outcome.as_ref().map(|outcome| object::put(writer, outcome)).transpose()?,
            parents,
            author: self.identity(),
            time: self.now(),
            message: without_secrets(message),
            git,
            run: None,
        })
    }

    /// Makes everything durable, then moves HEAD's branch, or HEAD itself.
    fn record(
        &self,
        standing: &Standing,
        id: CommitId,
        commit: &Commit,
        writer: Writer<'_>,
    ) -> Result<Written, RepoError> {
        let Standing { head, name, footing } = standing;
        // An entry of a ref is short: it says what it was for, not all of why.
        let summary: String =
            commit.message.lines().next().unwrap_or_default().chars().take(MAX_SUMMARY).collect();
        let (why, target) = (format!("commit: {summary}"), Target::Commit(id));
        // A ref asks what comes before what before it uploads.
        let new = Memory::default();
        object::put(&new, commit)?;
        let find = Overlay(&new, &self.store);
        let base = Some(footing.entry.target);
        let written = self.advance_with((name, footing), base, target, &why, &find, writer)?;
        if let Head::Detached(_) = head {
            self.set_head(&Head::Detached(id))?;
        }
        Ok(written)
    }
}
