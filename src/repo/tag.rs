//! Tags: names for commits, with a message.

use crate::id::{CommitId, TagId};
use crate::name::RefName;
use crate::object::Tag;
use crate::repo::{RepoError, Repository};

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
        todo!()
    }

    /// Makes a tag; an existing one is refused unless `moved`, which is one more entry of its history.
    pub fn create_tag(
        &self,
        name: &RefName,
        at: CommitId,
        message: &str,
        moved: bool,
    ) -> Result<Tagged, RepoError> {
        let _ = (name, at, message, moved);
        todo!()
    }

    /// Deletes a tag, and says what it pointed to. Its history stays.
    pub fn delete_tag(&self, name: &RefName) -> Result<CommitId, RepoError> {
        let _ = name;
        todo!()
    }
}
