//! A repository elsewhere that need not be a remote of this one: a location will do.

use std::path::Path;
use std::sync::Arc;

use crate::disk::OsDisk;
use crate::name::RemoteName;
use crate::refs::Survey;
use crate::repo::{RepoError, Repository, remote};
use crate::storage::{Listed, Storage};
use crate::sync::{Remote, SyncError};

/// A repository elsewhere.
pub struct Place {
    name: String,
    storage: Arc<dyn Storage>,
    remote: Remote,
}

impl Place {
    /// The remote of a repository by its name, or what is at a location that is seen from `base`; the remote that is
    /// meant by default, if nothing is given.
    pub fn new(repository: Option<&Repository>, given: Option<&str>, base: &Path) -> Result<Self, RepoError> {
        let named = given.and_then(|given| RemoteName::new(given).ok());
        let is_known =
            |name: &RemoteName| repository.is_some_and(|it| it.config().remotes().contains_key(name));
        match (repository, given, named.filter(is_known)) {
            (Some(repository), _, Some(name)) => Self::of(repository, &name),
            (Some(repository), None, _) => Self::of(repository, &repository.default_remote(None)?),
            (None, None, _) => Err(RepoError::NoRemote { known: Vec::new() }),
            (_, Some(given), _) => {
                let location = remote::location(given, base)?;
                let failed = |error: SyncError| RepoError::Remote {
                    place: location.to_string(),
                    source: Box::new(error),
                };
                let storage = location.open(Arc::new(OsDisk)).map_err(|error| failed(error.into()))?;
                let remote = Remote::open(storage.clone(), None).map_err(failed)?;
                Ok(Self { name: location.to_string(), storage, remote })
            }
        }
    }

    fn of(repository: &Repository, name: &RemoteName) -> Result<Self, RepoError> {
        let remote = repository.remote(name)?;
        Ok(Self { name: name.to_string(), storage: remote.storage().clone(), remote })
    }

    fn failed(&self, error: SyncError) -> RepoError {
        RepoError::Remote { place: self.name.clone(), source: Box::new(error) }
    }

    /// Its refs.
    pub fn refs(&self) -> Result<Survey, RepoError> {
        self.remote.survey().map_err(|error| self.failed(error))
    }

    /// Its keys: what belongs to a work tree alone is left out.
    pub fn keys(&self) -> Result<Vec<Listed>, RepoError> {
        let mut keys = Vec::new();
        for prefix in ["gc", "packs", "refs"] {
            keys.extend(self.storage.list(prefix).map_err(|error| self.failed(error.into()))?);
        }
        Ok(keys)
    }

    /// Its objects and contents, and its keys.
    pub(in crate::repo) fn remote(&self) -> &Remote {
        &self.remote
    }
}
