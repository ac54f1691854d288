//! Comparing states: the work tree, commits.

use crate::diff::{self, Diff, Selector, State};
use crate::graph;
use crate::name::RefName;
use crate::object::{Find, FindContent};
use crate::progress::Progress;
use crate::refs::{self, Family, Ref};
use crate::repo::checkout::parts;
use crate::repo::snapshot::{Snapshooter, Snapshot, Subject, Surroundings};
use crate::repo::{Head, RepoError, Repository, Resolved, Unfinished, Warning};
use crate::worktree::scan::HashOnly;

/// One side of a comparison.
#[derive(Clone, Debug)]
pub enum Side {
    /// The work tree as it is now.
    WorkTree,
    /// A recorded state.
    Revision(Resolved),
    /// No state at all: before the first commit.
    Nothing,
}

/// Two states, compared.
pub struct Comparison {
    /// What differs.
    pub diff: Diff,
    /// What could not be seen of the work tree.
    pub warnings: Vec<Warning>,
}

/// The work tree beside HEAD.
pub struct Status {
    /// What is checked out.
    pub head: Head,
    /// What differs from it. The environment is not looked at: it is compared by `diff` and `commit`.
    pub diff: Diff,
    /// What the manifest names and is not there, and other things worth saying.
    pub warnings: Vec<Warning>,
    /// Whether the manifest names anything at all.
    pub tracks_anything: bool,
    /// Where the branch stands beside the one that it follows.
    pub upstream: Option<Ahead>,
    /// How many contents of HEAD are not here, and how many bytes they have. Looked at only where there is a remote
    /// and something differs: what lies in the work tree as HEAD says is here.
    pub absent: (u64, u64),
    /// Checkouts that were begun from here and not finished: what differs may be theirs.
    pub unfinished: Option<Unfinished>,
}

/// A branch beside the one that it follows, as that was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The branch that it follows, such as `origin/main`.
    pub upstream: String,
    /// Commits that only the branch has.
    pub ahead: usize,
    /// Commits that only the other has.
    pub behind: usize,
}

impl Repository {
    /// The work tree beside HEAD.
    pub fn status(&self, progress: &dyn Progress) -> Result<Status, RepoError> {
        let head = self.head()?;
        let before = head.commit().map(|id| State::of_commit(&self.store, id)).transpose()?;
        let overlay = HashOnly::new(&self.root, &self.store);
        let assumed = before.as_ref().and_then(|state| state.definition.as_ref()).map(|d| d.environment);
        let surroundings = assumed.map_or(Surroundings::Observed, Surroundings::Assumed);
        let (snapshot, tracks_anything) = self.look(before.as_ref(), surroundings, &overlay, progress)?;
        let options = diff::Options { lines: false, ..diff::Options::default() };
        let diff = diff::states(&overlay, &overlay, &before.unwrap_or_default(), &snapshot.state, &options)?;
        let upstream = self.ahead(&head)?;
        let absent = if diff.is_empty() { (0, 0) } else { self.absent_from(&head)? };
        let (warnings, unfinished) = (snapshot.warnings, self.unfinished()?);
        Ok(Status { head, diff, warnings, tracks_anything, upstream, absent, unfinished })
    }

    /// Where a branch stands beside the one that it follows.
    fn ahead(&self, head: &Head) -> Result<Option<Ahead>, RepoError> {
        let Head::Branch(branch, Some(ours)) = head else { return Ok(None) };
        let Some(upstream) = self.config.upstream(branch) else { return Ok(None) };
        let upstream = format!("{}/{}", upstream.remote, upstream.branch);
        let Ok(name) = RefName::new(&upstream) else { return Ok(None) };
        let value = refs::read(&*self.storage, &Ref { family: Family::Remotes, name })?;
        let Some(theirs) = value.and_then(|(_, entry)| entry.target.commit()) else { return Ok(None) };
        let only = |a, b| Ok::<_, RepoError>(graph::between(&self.store, &[a], &[b])?.len());
        Ok(Some(Ahead { ahead: only(*ours, theirs)?, behind: only(theirs, *ours)?, upstream }))
    }

    fn absent_from(&self, head: &Head) -> Result<(u64, u64), RepoError> {
        let Some(commit) = head.commit().filter(|_| !self.config.remotes().is_empty()) else {
            return Ok((0, 0));
        };
        let sizes = self.contents_of(&parts(&self.store, &State::of_commit(&self.store, commit)?)?)?;
        let lacking = self.store.lacking(sizes.keys().copied())?;
        let bytes = lacking.iter().filter_map(|id| sizes.get(id)).sum();
        Ok((lacking.len() as u64, bytes))
    }

    /// What differs between two states, in the parts that are selected (all, if none is).
    pub fn compare(
        &self,
        before: &Side,
        after: &Side,
        parts: &[Selector],
        progress: &dyn Progress,
    ) -> Result<Comparison, RepoError> {
        let overlay = HashOnly::new(&self.root, &self.store);
        let mut warnings = Vec::new();
        let mut state = |side: &Side| -> Result<State, RepoError> {
            match side {
                Side::Nothing => Ok(State::default()),
                Side::Revision(revision) => Ok(State::of_commit(&self.store, revision.commit)?),
                Side::WorkTree => {
                    let known =
                        self.head()?.commit().map(|id| State::of_commit(&self.store, id)).transpose()?;
                    let (snapshot, _) =
                        self.look(known.as_ref(), Surroundings::Observed, &overlay, progress)?;
                    warnings.extend(snapshot.warnings);
                    Ok(snapshot.state)
                }
            }
        };
        let (a, b) = (state(before)?, state(after)?);
        let options = diff::Options { only: parts.to_vec(), ..diff::Options::default() };
        let diff = diff::states(&overlay, &overlay, &a, &b, &options)?;
        Ok(Comparison { diff, warnings })
    }

    /// Looks at the work tree and commits nothing. Says as well whether the manifest names anything.
    fn look<F: Find + FindContent>(
        &self,
        before: Option<&State>,
        surroundings: Surroundings,
        overlay: &HashOnly<'_, F>,
        progress: &dyn Progress,
    ) -> Result<(Snapshot, bool), RepoError> {
        let (manifest, cache) = (self.manifest()?, self.stat_cache());
        let snapshooter = Snapshooter {
            repository: self,
            manifest: &manifest,
            before,
            cache: &cache,
            sink: overlay,
            progress,
            phase: ("Scanning", None),
            subject: Subject::WorkTree,
        };
        let snapshot = snapshooter.take(surroundings)?;
        // A read-only file system is no reason to say nothing.
        let _ = cache.save();
        Ok((snapshot, !manifest.paths().is_empty()))
    }
}
