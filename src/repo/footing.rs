//! Writing beside collections of garbage: what is relied on is what the footing of a ref allows.
//!
//! A writer takes a footing first, and sees no pack that is doomed. If a collection fences the ref before it moves,
//! what was found in the store may be gone, and everything is done again. What another ref points to may be relied on
//! where no doomed pack is listed; else it is looked through, and what only doomed packs have is written again.

use std::collections::HashSet;

use crate::graph::{self, Closure};
use crate::id::{CommitId, ContentId, Digest, Kind};
use crate::object::{self, Commit, Find, Insert, InsertContent, Link, ObjectError, Tag};
use crate::progress::{Progress, Silent};
use crate::refs::{self, Doomed, Family, Footing, Move, Ref, RefError, Target};
use crate::repo::{RepoError, Repository};
use crate::store::{PackName, Writer};

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
    doomed.keys().filter_map(PackName::parse).collect()
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

    /// Makes sure that everything that can be reached is there to stay: what only doomed packs have is written again.
    pub(super) fn secure_closure(
        &self,
        tips: impl IntoIterator<Item = Link>,
        doomed: &Doomed,
        may_lack: bool,
    ) -> Result<(), RefError> {
        let (writer, mut failed) = (self.writer(doomed, &Silent), None);
        Closure::new(&self.store).walk(tips, &mut |link| {
            let kept = match link {
                Link::Object(kind, id) => self.keep_object(&writer, kind, id),
                Link::Content(id, size) => self.keep_content(&writer, id, size, may_lack),
                Link::Unstored(_) => Ok(()),
            };
            failed = failed.take().or(kept.err());
            failed.is_none()
        })?;
        match failed {
            Some(error) => Err(error.into()),
            None => writer.finish().map(drop).map_err(|error| RefError::Upload(error.into())),
        }
    }

    fn keep_object(&self, writer: &Writer<'_>, kind: Kind, id: Digest) -> Result<(), ObjectError> {
        if !writer.has_object(kind, id)? {
            writer.insert(kind, self.store.find(kind, id)?.ok_or(ObjectError::Missing { kind, id })?)?;
        }
        Ok(())
    }

    fn keep_content(
        &self,
        writer: &Writer<'_>,
        id: ContentId,
        size: u64,
        may_lack: bool,
    ) -> Result<(), ObjectError> {
        if writer.has_content(id)? {
            return Ok(());
        }
        if !self.store.has_content(id)? {
            return if may_lack { Ok(()) } else { Err(ObjectError::MissingContent(id)) };
        }
        let io = |error: std::io::Error| ObjectError::Storage(error.into());
        let (mut reader, mut pipe) = std::io::pipe().map_err(io)?;
        std::thread::scope(|scope| {
            // The pipe is closed at the end, and the reader then sees that nothing more comes.
            let written = scope.spawn(move || self.store.write_content(id, &mut pipe));
            let inserted = writer.insert_content(&mut reader, size);
            drop(reader);
            let written = written.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            inserted.and(written)
        })
    }

    /// Whether a ref keeps a commit: then nothing that it refers to was ever garbage.
    fn is_held(&self, commit: CommitId) -> Result<bool, RepoError> {
        let recorded: Commit = object::get(&self.store, commit)?;
        if let Some(run) = &recorded.run
            && self.last_commit_of(&run.id)? == Some(commit)
        {
            return Ok(true);
        }
        for family in [Family::Heads, Family::Remotes, Family::Detached, Family::Tags] {
            for (_, entry) in refs::list(&*self.storage, family)? {
                let tip = match entry.target {
                    Target::Commit(tip) => tip,
                    Target::Tag(tag) => object::get::<Tag>(&self.store, tag)?.commit,
                    _ => continue,
                };
                if graph::is_ancestor(&self.store, commit, tip)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
