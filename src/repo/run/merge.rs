//! Moving the branch to a run that came out well.

use crate::graph;
use crate::id::CommitId;
use crate::name::RefName;
use crate::object::{self, Commit};
use crate::progress::Progress;
use crate::refs::{Footing, Target};
use crate::repo::{CheckedOut, CheckoutOptions, Head, RepoError, Repository};

/// What a merge did.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The branch that moved; `None` on a detached HEAD, which moved itself.
    pub branch: Option<RefName>,
    /// Where it was.
    pub from: Option<CommitId>,
    /// Where it is now.
    pub to: CommitId,
    /// Whether it was there already.
    pub already: bool,
    /// What changed in the work tree.
    pub files: CheckedOut,
}

impl Repository {
    /// Moves HEAD's branch to a commit that comes right after it, such as that of a run that started from it, and
    /// the work tree with it. Local changes are carried along, or the merge is refused, as a checkout does.
    pub fn merge(
        &self,
        revision: &str,
        options: CheckoutOptions,
        progress: &dyn Progress,
    ) -> Result<Merged, RepoError> {
        let resolved = self.resolve(revision)?;
        if let Some(part) = resolved.part {
            return Err(RepoError::NotAState { part: part.to_string() });
        }
        let (to, head) = (resolved.commit, self.head()?);
        self.check_mergeable(revision, to)?;
        let from = head.commit();
        let branch = match &head {
            Head::Branch(name, _) => Some(name.clone()),
            Head::Detached(_) => None,
        };
        let mut merged = Merged { branch, from, to, already: false, files: CheckedOut::default() };
        if let Some(from) = from {
            if graph::is_ancestor(&self.store, to, from)? {
                return Ok(Merged { to: from, already: true, ..merged });
            }
            if !graph::is_ancestor(&self.store, from, to)? {
                return Err(RepoError::Apart { ours: from, theirs: to });
            }
        }
        merged.files = self.move_files(from, Some(to), options, progress)?;
        if !options.dry_run {
            self.forward(&head, to, &format!("merge: {revision}"))?;
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

    /// Moves HEAD's branch, or HEAD itself, to a commit that comes after it.
    pub(super) fn forward(&self, head: &Head, to: CommitId, why: &str) -> Result<(), RepoError> {
        match head {
            Head::Branch(name, base) => {
                let mut upload = |footing: &Footing| self.secure(to, footing);
                self.advance(name, *base, Target::Commit(to), why, &mut upload)
            }
            Head::Detached(_) if self.head()? != *head => {
                Err(RepoError::Conflict { ref_name: "HEAD".to_owned() })
            }
            Head::Detached(_) => self.move_head(&Head::Detached(to), why),
        }
    }
}
