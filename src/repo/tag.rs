//! Tags: names for commits, with a message.

use crate::id::{CommitId, TagId};
use crate::name::RefName;
use crate::object::{self, Tag};
use crate::progress::Silent;
use crate::refs::{self, Entry, Family, Ref, Target};
use crate::repo::branch::check_new;
use crate::repo::footing::until_it_stands;
use crate::repo::{RepoError, Repository, without_secrets};

/// A tag and its id.
#[derive(Clone, Debug)]
pub struct Tagged {
    /// Its name.
    pub name: RefName,
    /// Its id.
    pub id: TagId,
    /// What it holds.
    pub tag: Tag,
}

impl Repository {
    /// Every tag, by name.
    pub fn tags(&self) -> Result<Vec<Tagged>, RepoError> {
        let refs = refs::list(&*self.storage, Family::Tags)?;
        let tags = refs.into_iter().filter_map(|(name, entry)| Some((name, tag_of(&entry)?)));
        tags.map(|(name, id)| Ok(Tagged { name, id, tag: object::get(&self.store, id)? })).collect()
    }

    /// The tag of this name, if it exists.
    pub(super) fn tag_id(&self, name: &RefName) -> Result<Option<TagId>, RepoError> {
        Ok(refs::read(&*self.storage, &tags(name))?.and_then(|(_, entry)| tag_of(&entry)))
    }

    /// Makes a tag; an existing one is refused unless `moved`, which is one more entry of its history.
    pub fn create_tag(
        &self,
        name: &RefName,
        at: CommitId,
        message: &str,
        moved: bool,
    ) -> Result<Tagged, RepoError> {
        check_new(name)?;
        until_it_stands(&mut || self.try_tag(name, at, message, moved))
    }

    fn try_tag(&self, name: &RefName, at: CommitId, message: &str, moved: bool) -> Result<Tagged, RepoError> {
        let tags = tags(name);
        let footing = self.stand(&tags)?;
        let before = tag_of(&footing.entry);
        if before.is_some() && !moved {
            return Err(RepoError::Exists(name.to_string()));
        }
        self.secure(at, &footing)?;
        let tag = Tag {
            name: name.to_string(),
            commit: at,
            author: self.identity(),
            time: self.now(),
            message: without_secrets(message),
        };
        let writer = self.writer(&footing.doomed, &Silent);
        let id = object::put(&writer, &tag)?;
        let why = if before.is_some() { "tag: moved" } else { "tag: created" };
        let (base, target) = (before.map(Target::Tag), Target::Tag(id));
        self.advance_with((&tags, &footing), base, target, why, &self.store, writer)?;
        Ok(Tagged { name: name.clone(), id, tag })
    }

    /// Deletes a tag, and says what it pointed to. Its history stays.
    pub fn delete_tag(&self, name: &RefName) -> Result<CommitId, RepoError> {
        let id = self.tag_id(name)?.ok_or_else(|| RepoError::NoSuchTag(name.to_string()))?;
        let tag: Tag = object::get(&self.store, id)?;
        self.advance_ref(
            &tags(name),
            Some(Target::Tag(id)),
            Target::Deleted,
            "tag: deleted",
            &self.store,
            &mut |_| Ok(()),
        )?;
        Ok(tag.commit)
    }
}

fn tags(name: &RefName) -> Ref {
    Ref { family: Family::Tags, name: name.clone() }
}

fn tag_of(entry: &Entry) -> Option<TagId> {
    match entry.target {
        Target::Tag(tag) => Some(tag),
        _ => None,
    }
}
