//! Making a repository out of another one.
//!
//! The key `format` is created last: a clone that was interrupted is no repository yet, and is continued by the same
//! command with what it had got.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, OsDisk, create_dirs};
use crate::name::{RefName, RemoteName};
use crate::progress::Progress;
use crate::refs::{self, Family};
use crate::repo::head::heads;
use crate::repo::{
    CheckedOut, CheckoutOptions, DIRECTORY, Head, RemoteInfo, RepoError, Repository, Upstream, remote,
};
use crate::storage::{Key, Storage};
use crate::store::version;
use crate::sync::{self, DataPolicy, FetchRequest, Fetched, Remote};
use crate::worktree::apply::ApplyError;

/// How to clone.
#[derive(Clone, Debug, Default)]
pub struct CloneOptions {
    /// Whether all data comes, of all commits and runs; else what the checkout needs.
    pub data: bool,
    /// The branch to check out; that of the remote, if it is not said.
    pub branch: Option<RefName>,
    /// Whether nothing is checked out.
    pub no_checkout: bool,
}

/// What a clone did.
pub struct Cloned {
    /// The repository.
    pub repository: Repository,
    /// Where it came from.
    pub remote: RemoteInfo,
    /// What came.
    pub fetched: Fetched,
    /// The branch that is checked out; `None` if there was none.
    pub branch: Option<RefName>,
    /// What was written into the work tree.
    pub files: CheckedOut,
}

impl Repository {
    /// Clones what is at a location into a folder that is new or empty. Paths are seen from `base`.
    pub fn clone_from(
        url: &str,
        base: &Path,
        to: &Path,
        options: &CloneOptions,
        progress: &dyn Progress,
    ) -> Result<Cloned, RepoError> {
        Self::clone_on(url, base, to, options, progress, Arc::new(OsDisk))
    }

    /// [`Repository::clone_from`] on a given disk, for tests.
    pub fn clone_on(
        url: &str,
        base: &Path,
        to: &Path,
        options: &CloneOptions,
        progress: &dyn Progress,
        disk: Arc<dyn Disk>,
    ) -> Result<Cloned, RepoError> {
        let location = remote::location(url, base)?;
        let failed = |error: sync::SyncError| RepoError::Remote {
            place: location.to_string(),
            source: Box::new(error),
        };
        let storage = location.open(disk.clone()).map_err(|error| failed(error.into()))?;
        // Before anything is made here.
        Remote::open(storage.clone(), None).map_err(failed)?;
        require_new(to)?;
        let io = |source| RepoError::Io { action: "write", path: to.to_owned(), source };
        create_dirs(&*disk, to).map_err(io)?;
        let root = to.canonicalize().map_err(io)?;
        let mut repository = Self::skeleton(&root, disk)?;
        let name = RemoteName::new("origin").map_err(|_| RepoError::NoRemote { known: Vec::new() })?;
        repository.set_remote(&name, Some(location.to_string()))?;
        let fetched = repository.fetch_everything(&name, storage.clone(), options.data, progress)?;
        let branch = repository.first_branch(&name, &*storage, options.branch.as_ref())?;
        if let Some(branch) = &branch {
            repository.start_branch(&name, branch)?;
        }
        version::stamp(&*repository.storage)?;
        let mut files = CheckedOut::default();
        if !options.no_checkout
            && let Some(tip) = repository.head()?.commit()
        {
            let checked_out = repository.move_files(None, Some(tip), CheckoutOptions::default(), progress);
            files = checked_out.map_err(|source| RepoError::NotCheckedOut {
                root: repository.root.clone(),
                branch: branch.as_ref().map(ToString::to_string).unwrap_or_default(),
                source: Box::new(source),
            })?;
        }
        let remote = repository.remote_info(&name)?;
        Ok(Cloned { repository, remote, fetched, branch, files })
    }

    fn fetch_everything(
        &self,
        name: &RemoteName,
        storage: Arc<dyn Storage>,
        data: bool,
        progress: &dyn Progress,
    ) -> Result<Fetched, RepoError> {
        let fetch = || {
            let remote = Remote::open(storage, Some(self.remote_cache(name)))?;
            let data = if data { DataPolicy::All } else { DataPolicy::Nothing };
            let request = FetchRequest { remote: name.clone(), heads: None, data, prune: false };
            sync::fetch(self.local(), &remote, &request, &self.mover("clone"), progress)
        };
        fetch().map_err(|error| self.of_remote(name, error))
    }

    /// The branch to begin with: the one that was asked for, the one that is checked out there, `main`, or the first.
    fn first_branch(
        &self,
        remote: &RemoteName,
        storage: &dyn Storage,
        wanted: Option<&RefName>,
    ) -> Result<Option<RefName>, RepoError> {
        let there: Vec<RefName> = refs::list(&*self.storage, Family::Remotes)?
            .into_iter()
            .filter_map(|(name, _)| super::short_name(remote, &name))
            .collect();
        if let Some(wanted) = wanted {
            let found = there.contains(wanted).then(|| wanted.clone());
            return found.map(Some).ok_or_else(|| RepoError::NoSuchBranch(wanted.to_string()));
        }
        // Not every remote has a work tree; that it cannot be asked is no failure.
        let head = Key::new("HEAD").and_then(|key| storage.read(&key, 1 << 10).ok().flatten());
        let head = head.and_then(|head| String::from_utf8(head).ok());
        let head = head.as_deref().and_then(|head| head.strip_prefix("ref: ")).map(str::trim_end);
        let named = |name: &str| there.iter().find(|there| there.as_str() == name).cloned();
        Ok(head.and_then(named).or_else(|| named("main")).or_else(|| there.first().cloned()))
    }

    /// Makes a branch out of that of the remote, which it follows, and lets HEAD be on it.
    fn start_branch(&mut self, remote: &RemoteName, branch: &RefName) -> Result<(), RepoError> {
        let commit = self.tracked(remote, branch)?;
        if self.tip(branch)? != Some(commit) {
            self.point(&heads(branch), None, commit, &format!("clone: from {remote}"))?;
        }
        self.set_upstream(branch, Some(&Upstream { remote: remote.clone(), branch: branch.clone() }))?;
        self.set_head(&Head::Branch(branch.clone(), Some(commit)))
    }
}

/// Refuses a folder that has something in it, but for what an interrupted clone left.
fn require_new(to: &Path) -> Result<(), RepoError> {
    let entries = match fs::read_dir(to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|source| RepoError::Io { action: "read", path: to.to_owned(), source })?,
    };
    let is_unfinished = !to.join(DIRECTORY).join("format").exists();
    let mut names = entries.flatten().map(|entry| entry.file_name());
    match names.all(|name| name == DIRECTORY && is_unfinished) {
        true => Ok(()),
        false => Err(ApplyError::NotEmpty(to.to_owned()).into()),
    }
}
