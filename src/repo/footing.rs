//! Writing beside collections of garbage: what is relied on is what the footing of a ref allows.
//!
//! A writer takes a footing first, and sees no pack that is doomed. If a collection fences the ref before it moves,
//! what was found in the store may be gone, and everything is done again. What another ref points to may be relied on
//! where no doomed pack is listed; else it is looked through, and what only doomed packs have is written again.

use std::collections::HashSet;

use crate::graph::{self, Closure};
use crate::id::{CommitId, Kind};
use crate::object::{self, Commit, Link, ObjectError, Tag};
use crate::progress::{Progress, Silent};
use crate::refs::{self, Doomed, Family, Footing, Move, Ref, RefError, Target};
use crate::repo::{RepoError, Repository};
use crate::store::{PackName, StoreError, Transfer, Trust, Wanted, Writer};

/// So often in a row no collection gets in the way.
const ATTEMPTS: usize = 5;

/// Does something again as long as a collection takes away what it stood on.
pub(super) fn until_it_stands<T>(attempt: &mut dyn FnMut() -> Result<T, RepoError>) -> Result<T, RepoError> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(RepoError::Ref(RefError::Collected { .. })) => {}
            done => return done,
        }
    }
    attempt()
}

fn packs(doomed: &Doomed) -> HashSet<PackName> {
    PackName::of_keys(doomed.keys())
}

impl Repository {
    /// Who moves a ref now.
    pub(super) fn mover(&self, why: &str) -> Move {
        Move { who: self.identity(), when: self.now(), why: why.to_owned() }
    }

    /// Where a ref stands. Nothing is looked for in the store before.
    pub(super) fn stand(&self, name: &Ref) -> Result<Footing, RepoError> {
        Ok(refs::stand(&*self.storage, name, &self.mover(""))?)
    }

    /// A writer that sees no doomed pack.
    pub(super) fn writer<'a>(&'a self, doomed: &Doomed, progress: &'a dyn Progress) -> Writer<'a> {
        self.store.writer_without(packs(doomed), progress)
    }

    /// Makes sure that everything a commit refers to is there to stay, for who points a ref to it from this footing.
    pub(super) fn secure(&self, commit: CommitId, footing: &Footing) -> Result<(), RefError> {
        let is_held = self.is_held(commit).map_err(|error| RefError::Upload(error.into()))?;
        self.secure_as(commit, is_held, footing)
    }

    /// The same of a commit that a ref points to.
    pub(super) fn secure_held(&self, commit: CommitId, footing: &Footing) -> Result<(), RefError> {
        self.secure_as(commit, true, footing)
    }

    fn secure_as(&self, commit: CommitId, is_held: bool, footing: &Footing) -> Result<(), RefError> {
        let doomed = &footing.doomed;
        let is_listed = !doomed.is_empty()
            && self.storage.list("packs")?.iter().any(|listed| doomed.contains(&listed.key));
        if is_held && !is_listed {
            return Ok(());
        }
        // Of what a ref keeps, a content may be elsewhere: a clone need not have all data.
        self.secure_closure([Link::Object(Kind::Commit, commit.digest())], doomed, is_held)
    }

    /// Makes sure that everything that can be reached is there to stay: what only doomed packs have is copied.
    pub(super) fn secure_closure(
        &self,
        tips: impl IntoIterator<Item = Link>,
        doomed: &Doomed,
        may_lack: bool,
    ) -> Result<(), RefError> {
        let upload = |error: StoreError| RefError::Upload(error.into());
        let (doomed, mut failed) = (packs(doomed), None);
        let mut transfer =
            Transfer::new(&self.store, &self.store, &doomed, Trust::Own, &Silent).map_err(upload)?;
        Closure::new(&self.store).walk(tips, &mut |link| {
            failed = failed.take().or(keep(&mut transfer, link, may_lack).err());
            failed.is_none()
        })?;
        match failed {
            Some(error) => Err(error.into()),
            None => transfer.send().map(drop).map_err(upload),
        }
    }

    /// Whether a ref keeps a commit: then nothing that it refers to was ever garbage.
    fn is_held(&self, commit: CommitId) -> Result<bool, RepoError> {
        let recorded: Commit = object::get(&self.store, commit)?;
        if let Some(run) = &recorded.run
            && self.last_commit_of(&run.id)? == Some(commit)
        {
            return Ok(true);
        }
        Ok(graph::reachable(&self.store, &[commit], &self.kept_tips()?)?.contains(&commit))
    }

    /// The commits that branches, remembered branches, a HEAD without a branch and tags point to.
    pub(super) fn kept_tips(&self) -> Result<Vec<CommitId>, RepoError> {
        let mut tips = Vec::new();
        for family in [Family::Heads, Family::Remotes, Family::Detached, Family::Tags] {
            for (_, entry) in refs::list(&*self.storage, family)? {
                match entry.target {
                    Target::Commit(tip) => tips.push(tip),
                    Target::Tag(tag) => tips.push(object::get::<Tag>(&self.store, tag)?.commit),
                    _ => {}
                }
            }
        }
        Ok(tips)
    }
}

/// Copies something out of doomed packs, unless it lies elsewhere too.
fn keep(transfer: &mut Transfer<'_>, link: Link, may_lack: bool) -> Result<(), ObjectError> {
    match link {
        Link::Object(kind, id) => match transfer.object(kind, id)? {
            Wanted::Nowhere => Err(ObjectError::Missing { kind, id }),
            Wanted::Here | Wanted::Taken => Ok(()),
        },
        Link::Content(id, _) => match transfer.content(id)? {
            Wanted::Nowhere if !may_lack => Err(ObjectError::MissingContent(id)),
            Wanted::Nowhere | Wanted::Here | Wanted::Taken => Ok(()),
        },
        Link::Unstored(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
