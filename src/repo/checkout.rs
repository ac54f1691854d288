//! Putting a recorded state back: in place, in part, or into a fresh folder.
//!
//! HEAD moves last: a checkout that was interrupted is continued by running it again, since a file that is
//! already as it should be is no obstacle. What is not committed is never overwritten unless forced.

use std::collections::BTreeSet;
use std::path::Path;

use crate::diff::{self, Selector, State};
use crate::id::CommitId;
use crate::name::{RefName, TreePath};
use crate::object::{Find, FindContent};
use crate::progress::Progress;
use crate::repo::remote::WRITING;
use crate::repo::{Head, RepoError, Repository, Resolved};
use crate::worktree::apply::{self, ApplyError, Place};
use crate::worktree::cache::StatCache;
use crate::worktree::plan::{Action, LocalChanges, Part, Plan, States, plan};
use crate::worktree::scan::{HashOnly, ScanError, ScanOptions, scan, scan_files};

mod files;
mod unfinished;

pub use unfinished::Unfinished;

pub(in crate::repo) use files::parts;
use files::{collect_files, is_in};

/// How to check out.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckoutOptions {
    /// Whether uncommitted changes may be overwritten.
    pub force: bool,
    /// Whether to say what would be done, and do nothing.
    pub dry_run: bool,
}

/// What a checkout did, or would do.
#[derive(Clone, Debug, Default)]
pub struct CheckedOut {
    /// The commit that was put back.
    pub commit: Option<CommitId>,
    /// Where HEAD is now, if it moved.
    pub head: Option<Head>,
    /// Paths that were created or replaced, with whether they existed.
    pub written: Vec<(String, bool)>,
    /// Paths that were removed.
    pub removed: Vec<String>,
    /// Datasets by reference that are not there or differ: they are never written.
    pub references: Vec<String>,
    /// Bytes of the files that were written.
    pub bytes: u64,
    /// Bytes that a remote sent for them.
    pub received: u64,
}

impl Repository {
    /// Checks a revision out: a branch's name attaches HEAD to it, anything else detaches it.
    pub fn checkout(
        &self,
        revision: &str,
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        if let Ok(name) = RefName::new(revision)
            && let Some(tip) = self.tip(&name)?
        {
            return self.move_to(Head::Branch(name, Some(tip)), options, progress);
        }
        let resolved = self.resolve(revision)?;
        if let Some(part) = resolved.part {
            return Err(RepoError::NotAState { part: part.to_string() });
        }
        self.move_to(Head::Detached(resolved.commit), options, progress)
    }

    /// Switches to a branch.
    pub fn switch(
        &self,
        branch: &RefName,
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let tip = self.tip(branch)?.ok_or_else(|| RepoError::NoSuchBranch(branch.to_string()))?;
        self.move_to(Head::Branch(branch.clone(), Some(tip)), options, progress)
    }

    /// Makes a branch at `start` (HEAD, where absent) and switches to it.
    pub fn switch_to_new(
        &self,
        branch: &RefName,
        start: Option<&str>,
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let at = match start {
            Some(start) => Some(self.resolve(start)?.commit),
            None => self.head()?.commit(),
        };
        let head = Head::Branch(branch.clone(), at);
        let Some(at) = at else {
            // Before the first commit there is nothing to point to: the next commit begins the branch.
            self.set_head(&head)?;
            return Ok(CheckedOut { head: Some(head), ..CheckedOut::default() });
        };
        if !options.dry_run {
            self.create_branch(branch, at)?;
        }
        self.move_to(head, options, progress)
    }

    fn move_to(
        &self,
        head: Head,
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let mut done = self.move_files(self.head()?.commit(), head.commit(), options, progress)?;
        if !options.dry_run {
            self.move_head(&head, "checkout")?;
            self.finish_files();
        }
        done.head = Some(head);
        Ok(done)
    }

    /// Makes the work tree, which is that of one commit, that of another, and carries local changes along.
    pub(super) fn move_files(
        &self,
        from: Option<CommitId>,
        to: Option<CommitId>,
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let state = |commit: Option<CommitId>| match commit {
            Some(id) => State::of_commit(&self.store, id),
            None => Ok(State::default()),
        };
        let (before, after) = (state(from)?, state(to)?);
        let mut done = self.move_between(&self.store, [&before, &after], to, options, progress)?;
        done.commit = to;
        Ok(done)
    }

    /// Makes the work tree, which is in one state, that of another, and carries local changes along. What a dry run is
    /// asked about need not be in the store; otherwise it is that of a commit. Whoever has moved HEAD after it calls
    /// [`Repository::finish_files`].
    pub(super) fn move_between<F: Find + FindContent>(
        &self,
        find: &F,
        [from, to]: [&State; 2],
        commit: Option<CommitId>,
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let (before, target) = (parts(find, from)?, parts(find, to)?);
        let changes = if options.force { LocalChanges::Overwrite } else { LocalChanges::Carry };
        let work = Work { find, before: &before, target: &target, commit, changes };
        self.put_back(&work, options.dry_run, progress)
    }

    /// Puts some parts of a state back and leaves HEAD where it is. No part means all of them.
    pub fn restore(
        &self,
        from: &Resolved,
        selected: &[Selector],
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let head = self.head()?.commit().map(|id| State::of_commit(&self.store, id)).transpose()?;
        let head = head.unwrap_or_default();
        let state = State::of_commit(&self.store, from.commit)?;
        let (before, target) = if selected.is_empty() {
            (parts(&self.store, &head)?, parts(&self.store, &state)?)
        } else {
            (self.selected(&head, selected)?.0, self.wanted(from.commit, &state, selected)?)
        };
        let changes = if options.force { LocalChanges::Overwrite } else { LocalChanges::Refuse };
        let commit = Some(from.commit);
        let work = Work { find: &self.store, before: &before, target: &target, commit, changes };
        let begun = self.unfinished()?;
        let done = self.put_back(&work, options.dry_run, progress)?;
        if !options.dry_run {
            // HEAD stays, and what an earlier checkout left elsewhere is still to be told apart.
            self.forget_files(begun.as_ref().filter(|_| !selected.is_empty()));
        }
        Ok(CheckedOut { commit, ..done })
    }

    /// The selected parts of the state that is wanted, each of which must be there.
    pub(super) fn wanted(
        &self,
        commit: CommitId,
        state: &State,
        selected: &[Selector],
    ) -> Result<Vec<Part>, RepoError> {
        match self.selected(state, selected)? {
            (parts, None) => Ok(parts),
            (_, Some(part)) => Err(RepoError::NoSuchPart { commit: commit.to_string(), part }),
        }
    }

    /// The selected parts of a state, and the first selector that means no file of it.
    fn selected(
        &self,
        state: &State,
        selected: &[Selector],
    ) -> Result<(Vec<Part>, Option<String>), RepoError> {
        let (mut found, mut missing) = (Vec::new(), None);
        let unstored: Vec<TreePath> = parts(&self.store, state)?
            .into_iter()
            .filter_map(|part| part.path.filter(|_| !part.stored))
            .collect();
        for selector in selected {
            let files = diff::part::files(&self.store, state, selector)?;
            if files.is_empty() {
                missing.get_or_insert(selector.to_string());
            }
            found.extend(files.into_iter().map(|placed| Part {
                stored: !unstored.iter().any(|path| placed.path.is_within(path)),
                path: Some(placed.path),
                node: placed.node,
            }));
        }
        Ok((found, missing))
    }

    /// Writes everything of a commit into a directory that is new or empty, ready to run. One that an interrupted
    /// checkout of this commit began is continued; what is in it and differs is never overwritten.
    pub fn checkout_to(
        &self,
        commit: CommitId,
        to: &Path,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let target = parts(&self.store, &State::of_commit(&self.store, commit)?)?;
        let states = States { head: &[], current: &[], target: &target, others: &[] };
        let plan = plan(to, &self.store, states, LocalChanges::Refuse)?;
        if !plan.conflicts.is_empty() {
            return Err(ApplyError::NotEmpty(to.to_owned()).into());
        }
        apply::prepare(to, &*self.disk, |name| is_in(&self.store, &target, name))?;
        let mut done = self.perform(plan, to, &StatCache::none(), progress)?;
        done.commit = Some(commit);
        Ok(done)
    }

    /// Puts files back. Where that fails midway, what was changed is taken back at once if it can be; what cannot is
    /// remembered, so that it is known for no change of the user's.
    fn put_back<F: Find + FindContent>(
        &self,
        work: &Work<'_, F>,
        dry_run: bool,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let begun = self.unfinished()?;
        let failed = match self.put_back_from(work, begun.as_ref(), dry_run, progress) {
            Err(error) if !dry_run => error,
            done => return done,
        };
        // Nothing was changed, if nothing is remembered of this one.
        let Some(now) = self.unfinished()?.filter(|now| begun.as_ref() != Some(now)) else {
            return Err(failed);
        };
        let back = Work { target: work.before, changes: LocalChanges::Carry, commit: None, ..*work };
        match self.put_back_from(&back, Some(&now), false, progress) {
            Ok(_) => {
                self.forget_files(begun.as_ref());
                Err(failed)
            }
            Err(_) => Err(RepoError::HalfDone { back: self.back(), source: Box::new(failed) }),
        }
    }

    /// What goes back to where HEAD is, as it is written in a command.
    fn back(&self) -> String {
        match self.head() {
            Ok(Head::Branch(name, _)) => name.to_string(),
            _ => "HEAD".to_owned(),
        }
    }

    fn put_back_from<F: Find + FindContent>(
        &self,
        work: &Work<'_, F>,
        begun: Option<&Unfinished>,
        dry_run: bool,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let Work { find, before, target, changes, .. } = *work;
        let others = begun.map(|begun| self.states_of(begun)).transpose()?.unwrap_or_default();
        // A part that is to stay as it was keeps its local changes: it need not even be looked at.
        let stays = |part: &Part, in_both: &[Part]| {
            changes == LocalChanges::Carry && others.is_empty() && in_both.contains(part)
        };
        let head: Vec<Part> = before.iter().filter(|part| !stays(part, target)).cloned().collect();
        let wanted: Vec<Part> = target.iter().filter(|part| !stays(part, before)).cloned().collect();
        let (overlay, cache) = (HashOnly::new(&self.root, find), self.stat_cache());
        progress.begin("Scanning", None);
        let known: Vec<Part> = head.iter().chain(others.iter().flatten()).cloned().collect();
        let current = self.current(&known, &wanted, &overlay, &cache, progress)?;
        let states = States { head: &head, current: &current, target: &wanted, others: &others };
        let plan = plan(&self.root, &overlay, states, changes)?;
        if dry_run {
            return if plan.conflicts.is_empty() {
                Ok(CheckedOut::of(&plan))
            } else {
                Err(ApplyError::Conflicts(plan.conflicts).into())
            };
        }
        apply::check(&plan, &self.root)?;
        if let Some(commit) = work.commit.filter(|_| !plan.actions.is_empty()) {
            self.remember_files(begun, commit)?;
        }
        let done = self.perform(plan, &self.root, &cache, progress)?;
        // Looked at once more, what was written need not be read by the next status. It is a cache: that it
        // cannot be kept is no failure.
        if self.current(&[], &wanted, &overlay, &cache, progress).is_ok() {
            let _ = cache.save();
        }
        Ok(done)
    }

    fn perform(
        &self,
        plan: Plan,
        root: &Path,
        cache: &StatCache<'_>,
        progress: &dyn Progress,
    ) -> Result<CheckedOut, RepoError> {
        let staging = self.directory.join("tmp");
        let place = Place { root, staging: &staging, disk: &*self.disk, cache };
        progress.begin(WRITING, None);
        let contents = self.contents(progress);
        let applied = apply::apply(&plan, &place, &contents)?;
        let received = contents.received();
        Ok(CheckedOut { bytes: applied.bytes, received, ..CheckedOut::of(&plan) })
    }

    /// What is there now, of everything that either state has.
    pub(super) fn current<F: Find + FindContent>(
        &self,
        head: &[Part],
        target: &[Part],
        overlay: &HashOnly<'_, F>,
        cache: &StatCache<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<Part>, RepoError> {
        let both = || head.iter().chain(target);
        let mut current = Vec::new();
        let mut last: Option<&TreePath> = None;
        let paths: BTreeSet<&TreePath> = both().filter_map(|part| part.path.as_ref()).collect();
        for path in paths {
            if last.is_some_and(|last| path.is_within(last)) {
                continue;
            }
            last = Some(path);
            let options = ScanOptions { reference: false, traced: false, progress };
            match scan(&self.root, path, cache, overlay, options) {
                Ok(node) => current.push(Part { path: Some(path.clone()), node, stored: true }),
                Err(ScanError::Missing { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut files = BTreeSet::new();
        for part in both().filter(|part| part.path.is_none()) {
            collect_files(overlay, part.node, &mut files)?;
        }
        if both().any(|part| part.path.is_none()) {
            let files: Vec<TreePath> = files.into_iter().collect();
            let options = ScanOptions { reference: false, traced: false, progress };
            let node = scan_files(&self.root, &files, cache, overlay, options)?;
            current.push(Part { path: None, node, stored: true });
        }
        Ok(current)
    }
}

/// What is to be put back.
struct Work<'a, F> {
    find: &'a F,
    before: &'a [Part],
    target: &'a [Part],
    /// The commit that all of the target is of.
    commit: Option<CommitId>,
    changes: LocalChanges,
}

impl CheckedOut {
    fn of(plan: &Plan) -> Self {
        let mut done = Self::default();
        for action in &plan.actions {
            match action {
                Action::Write { path, size, was, .. } | Action::Link { path, size, was, .. } => {
                    done.written.push((path.to_string(), was.is_some()));
                    done.bytes = done.bytes.saturating_add(*size);
                }
                Action::SetMode { path, .. } => done.written.push((path.to_string(), true)),
                Action::Remove { path, .. } => done.removed.push(path.to_string()),
                Action::RemoveDir { .. } | Action::MakeDir { .. } => {}
            }
        }
        done.references = plan.references.iter().map(|problem| problem.path.to_string()).collect();
        done
    }
}
