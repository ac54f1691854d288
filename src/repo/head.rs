//! `HEAD`: what is checked out. This work tree's alone, and rewritten.

use std::path::Path;

use crate::disk::{Disk, Durability, replace};
use crate::id::{CommitId, Digest};
use crate::name::RefName;
use crate::refs::{self, Family, Footing, Ref, RefError, Target};
use crate::repo::{RepoError, Repository, plain};
use crate::storage::StorageError;

/// The file below `.mdl/`: `ref: <branch>` or the id of a commit, and a newline.
const FILE: &str = "HEAD";
/// No name of a branch makes it longer.
const MAX_BYTES: u64 = 1024;

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A branch, and its commit if it has one.
    Branch(RefName, Option<CommitId>),
    /// A commit that is not on a branch's tip.
    Detached(CommitId),
}

impl Head {
    /// The commit that is checked out, if there is one.
    pub fn commit(&self) -> Option<CommitId> {
        match self {
            Head::Branch(_, commit) => *commit,
            Head::Detached(commit) => Some(*commit),
        }
    }

    pub(super) fn write(&self, disk: &dyn Disk, directory: &Path) -> Result<(), RepoError> {
        let text = match self {
            Head::Branch(name, _) => format!("ref: {name}\n"),
            Head::Detached(commit) => format!("{commit}\n"),
        };
        let path = directory.join(FILE);
        replace(disk, &directory.join("tmp"), &path, text.as_bytes(), Durability::Durable)
            .map_err(|source| RepoError::Io { action: "write", path, source })
    }
}

/// HEAD, the ref that moves with it, and where that stands.
pub(super) struct Standing {
    pub head: Head,
    pub name: Ref,
    pub footing: Footing,
}

impl Repository {
    /// What is checked out.
    pub fn head(&self) -> Result<Head, RepoError> {
        Ok(match self.head_file()? {
            Head::Branch(name, _) => {
                let commit = self.tip(&name)?;
                Head::Branch(name, commit)
            }
            detached => detached,
        })
    }

    /// Where HEAD stands, for who is going to move it. A commit that is checked out without a branch has a ref
    /// too, so that a collection can fence it.
    pub(super) fn stand_on_head(&self) -> Result<Standing, RepoError> {
        let file = self.head_file()?;
        let name = match &file {
            Head::Branch(name, _) => heads(name),
            Head::Detached(_) => detached(),
        };
        let footing = self.stand(&name)?;
        let head = match file {
            Head::Branch(name, _) => Head::Branch(name, footing.entry.target.commit()),
            Head::Detached(commit) => {
                if footing.entry.target != Target::Commit(commit) {
                    self.secure(commit, &footing)?;
                }
                Head::Detached(commit)
            }
        };
        Ok(Standing { head, name, footing })
    }

    /// What the file says: of a branch, without its commit.
    fn head_file(&self) -> Result<Head, RepoError> {
        let path = self.directory.join(FILE);
        let text = plain::read_to_string(&path, MAX_BYTES)?
            .ok_or_else(|| RepoError::Invalid { what: FILE.into(), problem: "it is missing".into() })?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        if let Some(name) = line.strip_prefix("ref: ") {
            let name = RefName::new(name)
                .map_err(|reason| RepoError::Invalid { what: FILE.into(), problem: reason.to_string() })?;
            return Ok(Head::Branch(name, None));
        }
        let id: Digest = line
            .parse()
            .map_err(|_| RepoError::Invalid { what: FILE.into(), problem: "not a commit".into() })?;
        Ok(Head::Detached(id.into()))
    }

    /// Writes HEAD, after the ref that moves with it. Where it has moved and may not be durable, that is told as unknown.
    pub(super) fn set_head(&self, head: &Head) -> Result<(), RepoError> {
        let before = self.head();
        head.write(&*self.disk, &self.directory).map_err(|error| match (error, self.head()) {
            (RepoError::Io { action, path, source }, Ok(now))
                if now == *head && before.is_ok_and(|before| before != now) =>
            {
                let source = StorageError { action, place: path.display().to_string(), source };
                RefError::Unknown { name: FILE.to_owned(), source }.into()
            }
            (error, _) => error,
        })
    }

    /// Points HEAD elsewhere, at a commit that is there already.
    pub(super) fn move_head(&self, head: &Head, why: &str) -> Result<(), RepoError> {
        if let Head::Detached(commit) = head {
            let (name, commit) = (detached(), *commit);
            let base = refs::read(&*self.storage, &name)?.map(|(_, entry)| entry.target);
            let mut upload = |footing: &Footing| self.secure(commit, footing);
            self.advance_ref(&name, base, Target::Commit(commit), why, &self.store, &mut upload)?;
        }
        self.set_head(head)
    }

    /// The commit that a branch points to, if it exists.
    pub(super) fn tip(&self, branch: &RefName) -> Result<Option<CommitId>, RepoError> {
        let entry = refs::read(&*self.storage, &heads(branch))?;
        Ok(entry.and_then(|(_, entry)| entry.target.commit()))
    }
}

/// The ref of a branch.
pub(super) fn heads(name: &RefName) -> Ref {
    Ref { family: Family::Heads, name: name.clone() }
}

/// The ref of what is checked out without a branch.
fn detached() -> Ref {
    // A name of letters is always one.
    Ref { family: Family::Detached, name: RefName::new("head").unwrap_or_else(|_| unreachable!()) }
}
