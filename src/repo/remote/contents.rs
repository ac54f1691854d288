//! Contents that are here, and those that a remote has, when they are needed.

use std::collections::HashSet;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::id::{ContentId, Digest, Kind};
use crate::object::{ContentSink, Find, FindContent, ObjectError, ReadContents};
use crate::progress::{Amount, Progress};
use crate::repo::{RepoError, Repository};
use crate::store::StoreError;
use crate::sync::Outlet;

/// The phase of work in which contents go where they are wanted.
pub(in crate::repo) const WRITING: &str = "Writing";

/// The objects and contents of a repository. What is not here is brought from a remote before it is read.
pub(in crate::repo) struct Contents<'a> {
    repository: &'a Repository,
    progress: &'a dyn Progress,
    received: AtomicU64,
}

impl Repository {
    /// Its contents, also those that have to be brought first.
    pub(in crate::repo) fn contents<'a>(&'a self, progress: &'a dyn Progress) -> Contents<'a> {
        Contents { repository: self, progress, received: AtomicU64::new(0) }
    }
}

impl Contents<'_> {
    /// Makes sure that contents are here. Those that come on the way may go to an outlet at once.
    fn require(
        &self,
        contents: impl IntoIterator<Item = ContentId>,
        outlet: Option<Outlet<'_>>,
    ) -> Result<(), ObjectError> {
        // Without remotes there is nowhere to look: what is missing is damage, and is told by who reads it.
        if self.repository.config.remotes().is_empty() {
            return Ok(());
        }
        let require = || -> Result<(), RepoError> {
            let absent = self.repository.store.lacking(contents)?;
            if !absent.is_empty() {
                let bytes = self.repository.bring(&absent, outlet, self.progress)?;
                self.received.fetch_add(bytes, Ordering::Relaxed);
            }
            Ok(())
        };
        require().map_err(|error| ObjectError::Storage(Box::new(error)))
    }

    /// How many bytes have been brought.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Writes a content, see [`crate::store::Store::write_content`].
    pub fn write(&self, id: ContentId, to: &mut dyn Write) -> Result<(), ObjectError> {
        self.require([id], None)?;
        self.repository.store.write_content(id, to)
    }
}

impl FindContent for Contents<'_> {
    fn content(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, ObjectError> {
        self.require([id], None)?;
        self.repository.store.content(id, limit)
    }
}

impl ReadContents for Contents<'_> {
    fn read_contents(&self, wanted: &[(ContentId, u64)], sink: &dyn ContentSink) -> Result<(), ObjectError> {
        let before = self.received();
        let arriving = Arriving { sink, complete: Mutex::default(), failure: Mutex::default() };
        let outlet = Outlet { wanted, sink: &arriving };
        let required = self.require(wanted.iter().map(|(id, _)| *id), Some(outlet));
        let Arriving { complete, failure, .. } = arriving;
        // Not the remote's fault, nor another one's to mend.
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(required, Err)?;
        let complete = complete.into_inner().unwrap_or_else(PoisonError::into_inner);
        let indices: Vec<usize> = (0..wanted.len()).filter(|index| !complete.contains(index)).collect();
        let rest: Vec<(ContentId, u64)> = indices.iter().map(|index| wanted[*index]).collect();
        if self.received() > before {
            self.progress.begin(WRITING, None);
        }
        let sink = Rest { sink, indices, wanted: &rest, progress: self.progress };
        self.repository.store.read_contents(&rest, &sink)
    }
}

/// What a sink gets while contents arrive.
struct Arriving<'a> {
    sink: &'a dyn ContentSink,
    /// What it has.
    complete: Mutex<HashSet<usize>>,
    /// Why it could take no more.
    failure: Mutex<Option<ObjectError>>,
}

impl Arriving<'_> {
    /// Keeps what went wrong here apart from what goes wrong at a remote.
    fn keep(&self, result: Result<(), ObjectError>) -> Result<(), ObjectError> {
        result.map_err(|error| {
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            StoreError::Unfinished.into()
        })
    }
}

impl ContentSink for Arriving<'_> {
    fn write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), ObjectError> {
        self.keep(self.sink.write(index, offset, bytes))
    }

    fn read_back(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), ObjectError> {
        self.keep(self.sink.read_back(index, offset, buffer))
    }

    fn verified(&self, index: usize) -> Result<(), ObjectError> {
        self.keep(self.sink.verified(index))?;
        self.complete.lock().unwrap_or_else(PoisonError::into_inner).insert(index);
        Ok(())
    }
}

/// What a sink gets out of the store: contents that have other places among all that it wants.
struct Rest<'a> {
    sink: &'a dyn ContentSink,
    indices: Vec<usize>,
    wanted: &'a [(ContentId, u64)],
    progress: &'a dyn Progress,
}

impl ContentSink for Rest<'_> {
    fn write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), ObjectError> {
        self.sink.write(self.indices[index], offset, bytes)
    }

    fn read_back(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), ObjectError> {
        self.sink.read_back(self.indices[index], offset, buffer)
    }

    fn verified(&self, index: usize) -> Result<(), ObjectError> {
        self.sink.verified(self.indices[index])?;
        self.progress.advance(Amount { items: 1, bytes: self.wanted[index].1 });
        Ok(())
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
