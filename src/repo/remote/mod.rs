//! Remotes: repositories elsewhere that this one exchanges commits, runs and data with.

mod clone;
mod contents;
mod fetch;
mod place;
mod pull;

mod push;

pub use clone::{CloneOptions, Cloned};
pub(in crate::repo) use contents::{Contents, WRITING};
pub use fetch::{FetchDone, FetchOptions};

pub use place::Place;
pub use pull::Pulled;
pub use push::{PushDone, PushOptions};

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::capture;
use crate::name::{RefName, RemoteName};
use crate::refs::{self, Family, Survey, Target};
use crate::repo::{Config, RepoError, Repository};
use crate::storage::{Location, ProbeError, Storage, probe};
use crate::sync::{self, Local, Remote, RemoteCache};

/// A remote, by its name and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteInfo {
    /// Its name.
    pub name: RemoteName,
    /// Where it is.
    pub url: String,
}

/// A remote that was added, or whose location was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteAdded {
    /// The remote.
    pub remote: RemoteInfo,
    /// Whether it can be read and not written to. `None` if it was not tried.
    pub read_only: Option<bool>,
}

impl Repository {
    /// The remotes, by name.
    pub fn remotes(&self) -> Vec<RemoteInfo> {
        let info = |(name, url): (&RemoteName, &String)| RemoteInfo { name: name.clone(), url: shown(url) };
        self.config.remotes().iter().map(info).collect()
    }

    /// The remote of a name.
    pub fn remote_info(&self, name: &RemoteName) -> Result<RemoteInfo, RepoError> {
        let url = self.config.remotes().get(name).ok_or_else(|| RepoError::NoSuchRemote(name.to_string()))?;
        Ok(RemoteInfo { name: name.clone(), url: shown(url) })
    }

    /// Adds a remote, after a try whether two who write there at once are kept apart. Paths are seen from `base`.
    pub fn add_remote(
        &mut self,
        name: &RemoteName,
        url: &str,
        base: &Path,
        check: bool,
    ) -> Result<RemoteAdded, RepoError> {
        if self.config.remotes().contains_key(name) {
            return Err(RepoError::Exists(name.to_string()));
        }
        // Its remembered branches begin with this name.
        let reason = |source| RepoError::Name { what: name.to_string(), reason: source };
        RefName::new(name.as_str()).and_then(|name| name.check_new()).map_err(reason)?;
        self.set_location(name, url, base, check)
    }

    /// Changes where a remote is.
    pub fn set_remote_url(
        &mut self,
        name: &RemoteName,
        url: &str,
        base: &Path,
        check: bool,
    ) -> Result<RemoteAdded, RepoError> {
        self.remote_info(name)?;
        self.set_location(name, url, base, check)
    }

    fn set_location(
        &mut self,
        name: &RemoteName,
        url: &str,
        base: &Path,
        check: bool,
    ) -> Result<RemoteAdded, RepoError> {
        let location = location(url, base)?;
        let url = location.to_string();
        let read_only = match check {
            true => Some(is_read_only(&*self.open_location(&location)?, &url)?),
            false => None,
        };
        self.set_remote(name, Some(url.clone()))?;
        Ok(RemoteAdded { remote: RemoteInfo { name: name.clone(), url }, read_only })
    }

    /// Forgets a remote, its branches as they were last seen, and that branches followed them.
    pub fn remove_remote(&mut self, name: &RemoteName) -> Result<RemoteInfo, RepoError> {
        let info = self.remote_info(name)?;
        for (branch, entry) in refs::list(&*self.storage, Family::Remotes)? {
            if branch.as_str().split('/').next() == Some(name.as_str()) {
                self.forget_remote_branch(&branch, entry.target)?;
            }
        }
        for branch in self.branches()? {
            if self.config.upstream(&branch.name).is_some_and(|upstream| upstream.remote == *name) {
                self.set_upstream(&branch.name, None)?;
            }
        }
        self.set_remote(name, None)?;
        Ok(info)
    }

    fn forget_remote_branch(&self, name: &RefName, at: Target) -> Result<(), RepoError> {
        let name = refs::Ref { family: Family::Remotes, name: name.clone() };
        self.advance_ref(&name, Some(at), Target::Deleted, "remote: removed", &self.store, &mut |_| Ok(()))
    }

    /// Forgets branches of a remote that are gone there, and says which those are. A dry run forgets nothing.
    pub fn prune_remote(&self, name: &RemoteName, dry_run: bool) -> Result<Vec<RefName>, RepoError> {
        let there = self.remote(name)?.survey().map_err(|error| self.of_remote(name, error))?;
        let mut gone = Vec::new();
        for (branch, entry) in refs::list(&*self.storage, Family::Remotes)? {
            let Some(short) = short_name(name, &branch) else { continue };
            let head = refs::Ref { family: Family::Heads, name: short };
            if there.get(&head).is_some_and(|(_, entry)| entry.target.exists()) {
                continue;
            }
            if !dry_run {
                self.forget_remote_branch(&branch, entry.target)?;
            }
            gone.push(branch);
        }
        Ok(gone)
    }

    /// The refs of a remote, or of what is at a location.
    pub fn ls_remote(&self, name: &RemoteName) -> Result<Survey, RepoError> {
        self.remote(name)?.survey().map_err(|error| self.of_remote(name, error))
    }

    /// The remote that is meant where none is named: that of the branch, the only one, or `origin`.
    pub(in crate::repo) fn default_remote(
        &self,
        named: Option<&RemoteName>,
    ) -> Result<RemoteName, RepoError> {
        if let Some(name) = named {
            return Ok(self.remote_info(name)?.name);
        }
        let followed = match self.head()? {
            crate::repo::Head::Branch(branch, _) => self.config.upstream(&branch).map(|it| it.remote.clone()),
            crate::repo::Head::Detached(_) => None,
        };
        let remotes = self.config.remotes();
        let only = || remotes.keys().next().filter(|_| remotes.len() == 1).cloned();
        let origin = || remotes.keys().find(|name| name.as_str() == "origin").cloned();
        let found = followed.filter(|name| remotes.contains_key(name)).or_else(only).or_else(origin);
        found.ok_or_else(|| RepoError::NoRemote { known: remotes.keys().map(ToString::to_string).collect() })
    }

    /// Opens a remote.
    pub(in crate::repo) fn remote(&self, name: &RemoteName) -> Result<Remote, RepoError> {
        let opened = Remote::open(self.remote_storage(name)?, Some(self.remote_cache(name)));
        opened.map_err(|error| self.of_remote(name, error))
    }

    /// Opens a remote, and makes a repository there if there is nothing.
    pub(in crate::repo) fn remote_to_push(&self, name: &RemoteName) -> Result<Remote, RepoError> {
        let opened = Remote::open_or_create(self.remote_storage(name)?, Some(self.remote_cache(name)));
        opened.map_err(|error| self.of_remote(name, error))
    }

    fn remote_storage(&self, name: &RemoteName) -> Result<Arc<dyn Storage>, RepoError> {
        let url = self.config.remotes().get(name).ok_or_else(|| RepoError::NoSuchRemote(name.to_string()))?;
        self.open_location(&location(url, &self.root)?)
    }

    fn remote_cache(&self, name: &RemoteName) -> RemoteCache {
        RemoteCache {
            disk: self.disk.clone(),
            folder: self.directory.join("cache").join("remotes").join(name.as_str()),
            tmp_dir: self.directory.join("tmp"),
        }
    }

    fn open_location(&self, location: &Location) -> Result<Arc<dyn Storage>, RepoError> {
        let opened = location.open(self.disk.clone());
        opened.map_err(|error| RepoError::Remote {
            place: location.to_string(),
            source: Box::new(error.into()),
        })
    }

    /// What went wrong with a remote, with where that is.
    pub(in crate::repo) fn of_remote(&self, name: &RemoteName, error: sync::SyncError) -> RepoError {
        let url = self.config.remotes().get(name).map(|url| shown(url)).unwrap_or_default();
        RepoError::Remote { place: format!("{name} ({url})"), source: Box::new(error) }
    }

    pub(in crate::repo) fn local(&self) -> Local<'_> {
        Local { storage: &*self.storage, store: &self.store }
    }
}

impl Config {
    /// The remotes in the order in which data is asked for: `origin` first.
    pub(in crate::repo) fn remotes_in_order(&self) -> Vec<RemoteName> {
        let mut names: Vec<RemoteName> = self.remotes().keys().cloned().collect();
        names.sort_by_key(|name| name.as_str() != "origin");
        names
    }
}

/// The name that a remembered branch has at its remote.
pub(in crate::repo) fn short_name(remote: &RemoteName, branch: &RefName) -> Option<RefName> {
    RefName::new(branch.as_str().strip_prefix(remote.as_str())?.strip_prefix('/')?).ok()
}

/// The location of a remote as it is shown. Somebody may have written a password into the configuration by hand,
/// which no command accepts.
fn shown(url: &str) -> String {
    let redacted = |text: &str| capture::redact_text(text).into_owned();
    // The query of a bucket says where it is. A web address may have a signature or a token there.
    let is_place =
        |pair: &str| pair.split_once('=').is_some_and(|(key, _)| matches!(key, "endpoint" | "region"));
    match url.split_once('?') {
        Some((bucket, query)) if query.split('&').all(is_place) => {
            let places = query.split('&').filter_map(|pair| pair.split_once('='));
            let places: Vec<String> =
                places.map(|(key, place)| format!("{key}={}", redacted(place))).collect();
            format!("{}?{}", redacted(bucket), places.join("&"))
        }
        _ => redacted(url),
    }
}

pub(in crate::repo) fn location(url: &str, base: &Path) -> Result<Location, RepoError> {
    match Location::parse(url, base).map_err(RepoError::Location)? {
        Location::Folder(path) => Ok(Location::Folder(tidy_path(&path))),
        elsewhere => Ok(elsewhere),
    }
}

/// A path without `.` and `..`, so that people see where it leads.
pub fn tidy_path(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(tidied.pop()),
            other => tidied.push(other),
        }
    }
    tidied
}

/// Whether a storage can only be read; an error, if it is not safe to write to.
fn is_read_only(storage: &dyn Storage, url: &str) -> Result<bool, RepoError> {
    match probe(storage) {
        Ok(()) => Ok(false),
        Err(ProbeError::ReadOnly(_)) => Ok(true),
        Err(source) => Err(RepoError::Probe { url: url.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_bucket_is_stays_and_what_may_be_a_secret_goes() {
        let place = "s3://mdl/x?endpoint=http://127.0.0.1:9000&region=eu";
        assert_eq!(shown(place), place);
        for secret in [
            "s3://mdl/x?endpoint=http://u:SECRET@host",
            "s3://u:SECRET@mdl/x?region=eu",
            "s3://mdl/x?region=eu&X-Amz-Signature=SECRET",
            "https://host/x?SECRET",
            "https://host/x?region=eu&sig=SECRET",
        ] {
            assert!(!shown(secret).contains("SECRET"), "{}", shown(secret));
        }
    }
}
