//! Bringing another commit into what is checked out: a step forward, or a three-way merge with a commit of its own.
//!
//! A merge is made in memory and tried on the work tree first. So a conflict, or a change of one's own that would be
//! lost, leaves everything as it was. Then what is new is written, the files are moved, and HEAD moves last: a merge
//! that was interrupted is made again by the same command.

mod desk;

use crate::diff::State;
use crate::graph;
use crate::id::{CommitId, Kind};
use crate::merge::{self, Conflict, Side};
use crate::name::{RefName, TreePath};
use crate::object::{self, Code, Commit, Dataset, Definition, Find, FindContent, Memory, Node, ObjectError};
use crate::progress::Progress;
use crate::refs::{self, Footing, Target};
use crate::repo::head::heads;
use crate::repo::{
    CheckedOut, CheckoutOptions, CommitOptions, Head, MANIFEST, RepoError, Repository, Warning, profile,
    without_secrets,
};
use crate::worktree::manifest::{MAX_BYTES, Manifest};
use crate::worktree::plan::Part;
use crate::worktree::scan::HashOnly;
use desk::{Desk, Formats};

/// How to merge.
#[derive(Clone, Debug, Default)]
pub struct MergeOptions {
    /// Who is right where both sides made something else of a place; a conflict, where nobody is.
    pub favour: Option<Side>,
    /// Whether the work tree as it is now is what comes of it: the conflicts were decided by hand.
    pub as_is: bool,
    /// Whether nothing but a step forward is wanted.
    pub only_forward: bool,
    /// Whether the two may have no commit in common. Then everything is new on both sides.
    pub unrelated: bool,
    /// What the commit says; what was merged, where absent.
    pub message: Option<String>,
    /// Whether changes that are not committed may be overwritten.
    pub force: bool,
    /// Whether to say what would be done, and do nothing.
    pub dry_run: bool,
}

/// What became of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeKind {
    /// What is checked out has it already.
    Already,
    /// Nothing happened here meanwhile: HEAD moved to it.
    Forward,
    /// A commit was made that comes after both.
    Merged,
    /// The same, of the work tree as it is.
    AsIs,
    /// Both made something else of a place, and nothing was changed.
    Conflicts,
}

/// What a merge did, or would do.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The branch that moved; `None` on a detached HEAD, which moved itself.
    pub branch: Option<RefName>,
    /// Where it was.
    pub from: Option<CommitId>,
    /// What was merged into it.
    pub theirs: CommitId,
    /// The commit that both come from: of several, the newest.
    pub base: Option<CommitId>,
    /// Where it is now. A dry run makes no commit.
    pub to: Option<CommitId>,
    /// What became of it.
    pub kind: MergeKind,
    /// Where the two disagree; also where a favoured side has decided.
    pub conflicts: Vec<Conflict>,
    /// Whether both were recorded in environments of their own, so that one of them was taken.
    pub environments_differ: bool,
    /// `false` where a side has results that do not hold for what came out, which nobody has run yet.
    pub has_outcome: bool,
    /// What changed in the work tree.
    pub files: CheckedOut,
    /// What could not be recorded of the work tree as one would expect.
    pub warnings: Vec<Warning>,
}

impl Repository {
    /// Merges a revision, such as a run or another branch, into what is checked out. Local changes are carried along,
    /// or the merge is refused, as a checkout does.
    pub fn merge(
        &self,
        revision: &str,
        options: &MergeOptions,
        progress: &dyn Progress,
    ) -> Result<Merged, RepoError> {
        let resolved = self.resolve(revision)?;
        if let Some(part) = resolved.part {
            return Err(RepoError::NotAState { part: part.to_string() });
        }
        self.check_mergeable(revision, resolved.commit)?;
        self.merge_commit(resolved.commit, revision, options, progress)
    }

    /// Merges a commit, which is told by this name.
    pub fn merge_commit(
        &self,
        theirs: CommitId,
        name: &str,
        options: &MergeOptions,
        progress: &dyn Progress,
    ) -> Result<Merged, RepoError> {
        let head = self.head()?;
        let (branch, from) = match &head {
            Head::Branch(name, from) => (Some(name.clone()), *from),
            Head::Detached(from) => (None, Some(*from)),
        };
        let mut merged = Merged {
            branch,
            from,
            theirs,
            base: from,
            to: Some(theirs),
            kind: MergeKind::Forward,
            conflicts: Vec::new(),
            environments_differ: false,
            has_outcome: true,
            files: CheckedOut::default(),
            warnings: Vec::new(),
        };
        if let Some(ours) = from {
            if graph::is_ancestor(&self.store, theirs, ours)? {
                // Whoever merged it may have been stopped before that was durable.
                match &merged.branch {
                    Some(branch) => refs::settle(&*self.storage, &[heads(branch)])?,
                    None => self.storage.settle("refs")?,
                }
                return Ok(Merged { to: from, kind: MergeKind::Already, ..merged });
            }
            if !graph::is_ancestor(&self.store, ours, theirs)? {
                let base = graph::merge_base(&self.store, ours, theirs)?;
                if options.only_forward {
                    return Err(RepoError::Apart { ours, theirs });
                }
                if base.is_none() && !options.unrelated {
                    return Err(RepoError::Unrelated { ours, theirs });
                }
                merged = Merged { base, to: None, kind: MergeKind::Merged, ..merged };
                return self.merge_apart(&head, [ours, theirs], merged, name, options, progress);
            }
        }
        merged.files = self.move_files(from, Some(theirs), options.checkout(), progress)?;
        if !options.dry_run {
            self.forward(&head, theirs, &format!("merge: {name}"), None)?;
            self.finish_files();
        }
        Ok(merged)
    }

    /// A run that goes on has no outcome yet, and its last commit will not come after the one it has now.
    fn check_mergeable(&self, revision: &str, commit: CommitId) -> Result<(), RepoError> {
        let recorded: Commit = object::get(&self.store, commit)?;
        let Some(run) = recorded.run.filter(|_| recorded.outcome.is_none()) else { return Ok(()) };
        match self.run_place(&run.id).is_alive() {
            true => Err(RepoError::StillRunning(revision.to_owned())),
            false => Ok(()),
        }
    }

    /// Merges two commits neither of which comes after the other.
    fn merge_apart(
        &self,
        head: &Head,
        [ours, theirs]: [CommitId; 2],
        mut merged: Merged,
        name: &str,
        options: &MergeOptions,
        progress: &dyn Progress,
    ) -> Result<Merged, RepoError> {
        let message = options.message.clone().unwrap_or_else(|| format!("merge {name}"));
        if options.as_is {
            merged.kind = MergeKind::AsIs;
            if !options.dry_run {
                let options = CommitOptions { message, allow_empty: true };
                if let Some(made) = self.commit_after(Some(theirs), &options, &mut Vec::new(), progress)? {
                    (merged.to, merged.warnings) = (Some(made.id), made.warnings);
                }
            }
            return Ok(merged);
        }
        progress.begin("Merging", None);
        let (contents, new) = (self.contents(progress), Memory::default());
        let desk = Desk { store: &self.store, contents, new };
        let (commit, state) = match self.merge_states(&desk, [ours, theirs], &mut merged, options, message)? {
            Some(made) => made,
            None => return Ok(merged),
        };
        let before = State::of_commit(&self.store, ours)?;
        let dry = CheckoutOptions { dry_run: true, ..options.checkout() };
        merged.files = self.move_between(&desk, [&before, &state], None, dry, progress)?;
        if options.dry_run {
            return Ok(merged);
        }
        let standing = self.stand_on_head()?;
        if standing.head != *head {
            return Err(RepoError::Conflict { ref_name: "HEAD".to_owned() });
        }
        let mut to = object::put(&desk, &commit)?;
        self.record_merge(&desk, &standing.footing, progress)?;
        merged.files =
            self.move_between(&self.store, [&before, &state], Some(to), options.checkout(), progress)?;
        if let Some(definition) = self.profiled(&desk, &state, progress)? {
            to = object::put(&desk, &Commit { definition: object::put(&desk, &definition)?, ..commit })?;
            self.record_merge(&desk, &standing.footing, progress)?;
        }
        self.forward(head, to, &format!("merge: {name}"), Some(&standing.footing))?;
        self.finish_files();
        merged.to = Some(to);
        Ok(merged)
    }

    /// The commit that comes after both and its state, on the desk; `None` if the two disagree and nobody is favoured.
    fn merge_states(
        &self,
        desk: &Desk<'_>,
        [ours, theirs]: [CommitId; 2],
        merged: &mut Merged,
        options: &MergeOptions,
        message: String,
    ) -> Result<Option<(Commit, State)>, RepoError> {
        let commits = [object::get::<Commit>(desk, ours)?, object::get(desk, theirs)?];
        let definition = |id| object::get::<Definition>(desk, id);
        let sides = [definition(commits[0].definition)?, definition(commits[1].definition)?];
        let base = match merged.base {
            Some(base) => Some(definition(object::get::<Commit>(desk, base)?.definition)?),
            None => None,
        };
        let found = merge::definitions(desk, &Formats, base.as_ref(), sides.each_ref(), options.favour)?;
        (merged.conflicts, merged.environments_differ) = (found.conflicts, found.environments_differ);
        if !merged.conflicts.is_empty() && options.favour.is_none() {
            merged.kind = MergeKind::Conflicts;
            return Ok(None);
        }
        let definition = in_order(desk, found.definition)?;
        // What came out holds only for what went in. Both may have come to the same, and one may have run it.
        let same = commits.iter().zip(&sides).filter(|(_, side)| **side == definition);
        let outcome = same.filter_map(|(commit, _)| commit.outcome).next();
        merged.has_outcome = outcome.is_some() || commits.iter().all(|commit| commit.outcome.is_none());
        let commit = Commit {
            definition: object::put(desk, &definition)?,
            outcome,
            parents: vec![ours, theirs],
            author: self.identity(),
            time: self.now(),
            message: without_secrets(&message),
            git: None,
            run: None,
        };
        let state = State::of(desk, &commit)?;
        Ok(Some((commit, state)))
    }

    /// The definition with what the format tells of datasets that came out as nobody had them before, now that their
    /// files are here; `None` if there are none. Of one that has changes of one's own nothing is told.
    fn profiled(
        &self,
        desk: &Desk<'_>,
        state: &State,
        progress: &dyn Progress,
    ) -> Result<Option<Definition>, RepoError> {
        let Some(mut definition) = state.definition.clone() else { return Ok(None) };
        let (overlay, cache) = (HashOnly::new(&self.root, desk), self.stat_cache());
        let mut any = false;
        for placed in definition.datasets.values_mut() {
            let dataset: Dataset = object::get(desk, placed.dataset)?;
            if dataset.profile.is_some() || !desk.new.has(Kind::Dataset, placed.dataset.into())? {
                continue;
            }
            let part = Part { path: Some(placed.path.clone()), node: dataset.root, stored: true };
            let now = self.current(&[], std::slice::from_ref(&part), &overlay, &cache, progress)?;
            if now == [part]
                && let Some((format, profile)) = profile::of(&self.root, &placed.path, dataset.root)
            {
                let (format, profile) = (Some(format.to_owned()), Some(object::put(desk, &profile)?));
                placed.dataset = object::put(desk, &Dataset { format, profile, ..dataset })?;
                any = true;
            }
        }
        Ok(any.then_some(definition))
    }

    /// Makes what a merge made durable. Nothing refers to it yet.
    fn record_merge(
        &self,
        desk: &Desk<'_>,
        footing: &Footing,
        progress: &dyn Progress,
    ) -> Result<(), RepoError> {
        let writer = self.writer(&footing.doomed, progress);
        desk.new.copy_to(&writer)?;
        writer.finish()?;
        Ok(())
    }

    /// Moves HEAD's branch, or HEAD itself, to a commit that comes after it. It may have been written on a footing.
    pub(super) fn forward(
        &self,
        head: &Head,
        to: CommitId,
        why: &str,
        written_on: Option<&Footing>,
    ) -> Result<(), RepoError> {
        match head {
            Head::Branch(name, base) => {
                let mut upload = |footing: &Footing| match written_on {
                    Some(written_on) if footing.is_as(written_on) => Ok(()),
                    _ => self.secure(to, footing),
                };
                self.advance(name, *base, Target::Commit(to), why, &mut upload)
            }
            Head::Detached(_) if self.head()? != *head => {
                Err(RepoError::Conflict { ref_name: "HEAD".to_owned() })
            }
            Head::Detached(_) => self.move_head(&Head::Detached(to), why),
        }
    }
}

impl MergeOptions {
    fn checkout(&self) -> CheckoutOptions {
        CheckoutOptions { force: self.force, dry_run: self.dry_run }
    }
}

/// The definition with its files of parameters in the order in which the merged manifest names them, as the next
/// commit will have them.
fn in_order(desk: &Desk<'_>, mut definition: Definition) -> Result<Definition, ObjectError> {
    let (Some(params), Some(code)) = (&mut definition.params, definition.code) else { return Ok(definition) };
    let Node::Directory { tree, .. } = object::get::<Code>(desk, code)?.root else { return Ok(definition) };
    let Some(Node::File { content, .. }) = object::lookup(desk, tree, MANIFEST)? else {
        return Ok(definition);
    };
    // One that cannot be read is told by whatever reads it next.
    let Ok(bytes) = desk.content(content, MAX_BYTES as u64) else { return Ok(definition) };
    if let Ok(manifest) = Manifest::parse(&String::from_utf8_lossy(&bytes)) {
        let place = |path: &TreePath| manifest.params.iter().position(|named| named == path);
        params.files.sort_by_key(|file| place(&file.path).unwrap_or(usize::MAX));
    }
    Ok(definition)
}
