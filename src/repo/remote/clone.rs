//! Making a repository out of another one.
//!
//! The key `format` is created last, after the files and the data: a clone that was interrupted is no repository yet,
//! and is continued by the same command with what it had got. Data that the checkout needs is written into its files
//! as it comes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, OsDisk, create_dirs};
use crate::name::{RefName, RemoteName};
use crate::progress::Progress;
use crate::refs::{self, Family};
use crate::repo::head::heads;
use crate::repo::{
    CheckedOut, CheckoutOptions, Config, DIRECTORY, Head, RemoteInfo, RepoError, Repository, Upstream, remote,
};
use crate::store::version;
use crate::sync::{self, DataPolicy, FetchRequest, Fetched, Remote, SyncError};
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
    /// What came, with the data that was asked for or that the files needed.
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
        let failed =
            |error: SyncError| RepoError::Remote { place: location.to_string(), source: Box::new(error) };
        // Before anything is made here.
        let opened = location.open(disk.clone()).map_err(SyncError::from);
        let remote = opened.and_then(|storage| Remote::open(storage, None)).map_err(failed)?;
        require_new(to, &location.to_string())?;
        let io = |source| RepoError::Io { action: "write", path: to.to_owned(), source };
        create_dirs(&*disk, to).map_err(io)?;
        let root = to.canonicalize().map_err(io)?;
        let mut repository = Self::skeleton(&root, disk)?;
        let name = RemoteName::new("origin").map_err(|_| RepoError::NoRemote { known: Vec::new() })?;
        repository.set_remote(&name, Some(location.to_string()))?;
        let remote = remote.kept_in(repository.remote_cache(&name));
        let mut fetched = repository.fetch_metadata(&name, &remote, progress)?;
        let branch = repository.first_branch(&name, &remote, options.branch.as_ref())?;
        if let Some(branch) = &branch {
            repository.start_branch(&name, branch)?;
        }
        let (files, bytes) = repository.files_and_data(&name, &remote, options, progress)?;
        fetched.bytes += bytes;
        // A clone that was stopped may have left refs that can be seen and are not durable.
        repository.storage.settle("refs")?;
        // Whatever kept files from being written, the history is here.
        version::stamp(&*repository.storage)?;
        let (files, remote) = (files?, repository.remote_info(&name)?);
        Ok(Cloned { repository, remote, fetched, branch, files })
    }

    fn fetch_metadata(
        &self,
        name: &RemoteName,
        remote: &Remote,
        progress: &dyn Progress,
    ) -> Result<Fetched, RepoError> {
        let data = DataPolicy::Nothing;
        let request = FetchRequest { remote: name.clone(), heads: None, data, prune: false };
        let fetched = sync::fetch(self.local(), remote, &request, &self.mover("clone"), progress);
        fetched.map_err(|error| self.of_remote(name, error))
    }

    /// Writes the files and brings the data, as far as they are asked for, and says how many bytes came. That files could
    /// not be written is told apart.
    fn files_and_data(
        &self,
        name: &RemoteName,
        remote: &Remote,
        options: &CloneOptions,
        progress: &dyn Progress,
    ) -> Result<(Result<CheckedOut, RepoError>, u64), RepoError> {
        let files = match options.no_checkout {
            true => Ok(CheckedOut::default()),
            false => self.first_checkout(progress),
        };
        let bytes = files.as_ref().map_or(0, |files| files.received);
        if !options.data {
            return Ok((files, bytes));
        }
        match sync::bring_all(self.local(), remote, progress) {
            Ok(more) => Ok((files, bytes + more)),
            Err(error) if files.is_ok() => Err(self.of_remote(name, error)),
            // What kept the files from being written is the first problem.
            Err(_) => Ok((files, bytes)),
        }
    }

    /// Writes the files of what HEAD is on, if that has a commit.
    fn first_checkout(&self, progress: &dyn Progress) -> Result<CheckedOut, RepoError> {
        let Head::Branch(branch, Some(tip)) = self.head()? else { return Ok(CheckedOut::default()) };
        let checked_out = self.move_files(None, Some(tip), CheckoutOptions::default(), progress);
        if checked_out.is_ok() {
            self.finish_files();
        }
        checked_out.map_err(|source| RepoError::NotCheckedOut {
            root: self.root.clone(),
            branch: branch.to_string(),
            source: Box::new(source),
        })
    }

    /// The branch to begin with: the one that was asked for, the one that is checked out there, `main`, or the first.
    fn first_branch(
        &self,
        remote: &RemoteName,
        there: &Remote,
        wanted: Option<&RefName>,
    ) -> Result<Option<RefName>, RepoError> {
        let branches: Vec<RefName> = refs::list(&*self.storage, Family::Remotes)?
            .into_iter()
            .filter_map(|(name, _)| super::short_name(remote, &name))
            .collect();
        if let Some(wanted) = wanted {
            let found = branches.contains(wanted).then(|| wanted.clone());
            return found.map(Some).ok_or_else(|| RepoError::NoSuchBranch(wanted.to_string()));
        }
        // Not every remote has a work tree; that it cannot be asked is no failure.
        let checked_out = there.checked_out().ok().flatten();
        let main = RefName::new("main").ok();
        let preferred = checked_out.into_iter().chain(main).find(|name| branches.contains(name));
        Ok(preferred.or_else(|| branches.into_iter().next()))
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

/// Refuses a folder that has something in it, but for what an interrupted clone of the same place left.
fn require_new(to: &Path, location: &str) -> Result<(), RepoError> {
    let entries = match fs::read_dir(to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|source| RepoError::Io { action: "read", path: to.to_owned(), source })?,
    };
    let directory = to.join(DIRECTORY);
    let is_unfinished = !directory.join("format").exists();
    let mut names = entries.flatten().map(|entry| entry.file_name());
    if names.all(|name| name == DIRECTORY && is_unfinished) {
        return Ok(());
    }
    // It may have come as far as the files. Those that are there are looked at, and never overwritten if they differ.
    let begun = Config::load(&directory).ok().filter(|_| is_unfinished);
    match begun.is_some_and(|config| config.remotes().values().any(|url| url == location)) {
        true => Ok(()),
        false => Err(ApplyError::NotEmpty(to.to_owned()).into()),
    }
}
