//! Contents that are here, and those that a remote has, when they are needed.

use std::io::Write;

use crate::id::{ContentId, Digest, Kind};
use crate::object::{ContentSink, Find, FindContent, ObjectError, ReadContents};
use crate::progress::Progress;
use crate::repo::{RepoError, Repository};

/// The objects and contents of a repository. What is not here is brought from a remote before it is read.
pub(in crate::repo) struct Contents<'a> {
    repository: &'a Repository,
    progress: &'a dyn Progress,
}

impl Repository {
    /// Its contents, also those that have to be brought first.
    pub(in crate::repo) fn contents<'a>(&'a self, progress: &'a dyn Progress) -> Contents<'a> {
        Contents { repository: self, progress }
    }
}

impl Contents<'_> {
    /// Makes sure that contents are here.
    fn require(&self, contents: impl IntoIterator<Item = ContentId>) -> Result<(), ObjectError> {
        // Without remotes there is nowhere to look: what is missing is damage, and is told by who reads it.
        if self.repository.config.remotes().is_empty() {
            return Ok(());
        }
        let require = || -> Result<(), RepoError> {
            let absent = self.repository.store.lacking(contents)?;
            if !absent.is_empty() {
                self.repository.bring(&absent, self.progress)?;
            }
            Ok(())
        };
        require().map_err(|error| ObjectError::Storage(Box::new(error)))
    }

    /// Writes a content, see [`crate::store::Store::write_content`].
    pub fn write(&self, id: ContentId, to: &mut dyn Write) -> Result<(), ObjectError> {
        self.require([id])?;
        self.repository.store.write_content(id, to)
    }
}

impl FindContent for Contents<'_> {
    fn content(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, ObjectError> {
        self.require([id])?;
        self.repository.store.content(id, limit)
    }
}

impl ReadContents for Contents<'_> {
    fn read_contents(&self, wanted: &[(ContentId, u64)], sink: &dyn ContentSink) -> Result<(), ObjectError> {
        self.require(wanted.iter().map(|(id, _)| *id))?;
        self.repository.store.read_contents(wanted, sink)
    }
}

impl Find for Contents<'_> {
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
        self.repository.store.find(kind, id)
    }

    fn has(&self, kind: Kind, id: Digest) -> Result<bool, ObjectError> {
        self.repository.store.has(kind, id)
    }
}
