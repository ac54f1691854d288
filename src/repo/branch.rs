//! Branches: refs that move.

use crate::graph;
use crate::id::CommitId;
use crate::name::RefName;
use crate::object::Find;
use crate::refs::{self, Advanced, Family, RefError, Target};
use crate::repo::head::heads;
use crate::repo::{Head, RepoError, Repository};
use crate::store::{Writer, Written};

/// A branch.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Its name.
    pub name: RefName,
    /// Its tip.
    pub commit: CommitId,
    /// Whether it is checked out.
    pub current: bool,
}

/// Refuses a name that nothing new may have.
pub(super) fn check_new(name: &RefName) -> Result<(), RepoError> {
    name.check_new().map_err(|reason| RepoError::Name { what: name.to_string(), reason })
}

impl Repository {
    /// Every branch, by name.
    pub fn branches(&self) -> Result<Vec<Branch>, RepoError> {
        let head = self.head()?;
        let current = |name: &RefName| matches!(&head, Head::Branch(branch, _) if branch == name);
        let refs = refs::list(&*self.storage, Family::Heads)?;
        let branch = |(name, entry): (RefName, refs::Entry)| {
            entry.target.commit().map(|commit| Branch { current: current(&name), name, commit })
        };
        Ok(refs.into_iter().filter_map(branch).collect())
    }

    /// Makes a branch that starts at a commit.
    pub fn create_branch(&self, name: &RefName, at: CommitId) -> Result<(), RepoError> {
        check_new(name)?;
        if self.tip(name)?.is_some() {
            return Err(RepoError::Exists(name.to_string()));
        }
        let mut upload = |footing: &refs::Footing| self.secure(at, footing);
        self.advance(name, None, Target::Commit(at), "branch: created", &mut upload)
    }

    /// Deletes a branch that is not checked out, and says where it was. Its history stays.
    /// Unless forced, a branch whose commits no other branch or tag has is kept.
    pub fn delete_branch(&self, name: &RefName, force: bool) -> Result<CommitId, RepoError> {
        let tip = self.tip(name)?.ok_or_else(|| RepoError::NoSuchBranch(name.to_string()))?;
        if matches!(self.head()?, Head::Branch(current, _) if current == *name) {
            return Err(RepoError::CheckedOut(name.to_string()));
        }
        if !force && !self.is_reachable_without(name, tip)? {
            return Err(RepoError::Unmerged(name.to_string()));
        }
        self.advance(name, Some(tip), Target::Deleted, "branch: deleted", &mut |_| Ok(()))?;
        Ok(tip)
    }

    fn is_reachable_without(&self, name: &RefName, commit: CommitId) -> Result<bool, RepoError> {
        let branches = self.branches()?.into_iter().filter(|branch| branch.name != *name);
        let tags = self.tags()?.into_iter().map(|tagged| tagged.tag.commit);
        let mut others: Vec<CommitId> = branches.map(|branch| branch.commit).chain(tags).collect();
        others.extend(self.head()?.commit());
        Ok(graph::reachable(&self.store, &[commit], &others)?.contains(&commit))
    }

    /// Gives a branch another name. Interrupted in between, both names exist.
    pub fn rename_branch(&self, from: &RefName, to: &RefName) -> Result<(), RepoError> {
        let tip = self.tip(from)?.ok_or_else(|| RepoError::NoSuchBranch(from.to_string()))?;
        self.create_branch(to, tip)?;
        if matches!(self.head()?, Head::Branch(current, _) if current == *from) {
            self.set_head(&Head::Branch(to.clone(), Some(tip)))?;
        }
        self.advance(from, Some(tip), Target::Deleted, &format!("branch: renamed to {to}"), &mut |_| Ok(()))
    }

    /// Moves a branch, after `upload` has made durable what it will point to.
    pub(super) fn advance(
        &self,
        name: &RefName,
        base: Option<CommitId>,
        target: Target,
        why: &str,
        upload: refs::Upload<'_>,
    ) -> Result<(), RepoError> {
        self.advance_ref(&heads(name), base.map(Target::Commit), target, why, &self.store, upload)
    }

    /// Moves any ref. `find` finds commits, also the one that is not uploaded yet.
    pub(super) fn advance_ref(
        &self,
        name: &refs::Ref,
        base: Option<Target>,
        target: Target,
        why: &str,
        find: &dyn Find,
        upload: refs::Upload<'_>,
    ) -> Result<(), RepoError> {
        let by = self.mover(why);
        let is_ancestor = |a, b| Ok(graph::is_ancestor(find, a, b)?);
        let moved = refs::advance(&*self.storage, name, base, target, &by, upload, &is_ancestor)?;
        done(name, moved)
    }

    /// Moves a ref from a footing, to what a writer made on it, and says what was written.
    pub(super) fn advance_with(
        &self,
        (name, footing): (&refs::Ref, &refs::Footing),
        base: Option<Target>,
        target: Target,
        why: &str,
        find: &dyn Find,
        writer: Writer<'_>,
    ) -> Result<Written, RepoError> {
        let (by, mut waiting, mut written) = (self.mover(why), Some(writer), Written::default());
        let is_ancestor = |a, b| Ok(graph::is_ancestor(find, a, b)?);
        // The first attempt is on this footing. If there is another, a collection fenced the ref, and what was
        // found in the store may be gone.
        let mut upload = |_: &refs::Footing| match waiting.take() {
            Some(writer) => {
                written = writer.finish().map_err(|error| RefError::Upload(error.into()))?;
                Ok(())
            }
            None => Err(RefError::Collected { name: name.to_string() }),
        };
        let storage = &*self.storage;
        let moved = refs::advance_from(storage, name, footing, base, target, &by, &mut upload, &is_ancestor);
        let moved = refs::or_packed(storage, &self.store, (name, target), moved)?;
        done(name, moved).map(|()| written)
    }
}

pub(in crate::repo) fn done(name: &refs::Ref, moved: Advanced) -> Result<(), RepoError> {
    match moved {
        Advanced::Done => Ok(()),
        Advanced::Lost(_) => Err(RepoError::Conflict { ref_name: name.name.to_string() }),
    }
}
