//! Fetching, and merging what was fetched into the branch that is checked out.

use crate::name::{RefName, RemoteName};
use crate::progress::Progress;
use crate::repo::{FetchDone, FetchOptions, Head, MergeOptions, Merged, RepoError, Repository, Upstream};

/// What a pull did.
#[derive(Debug)]
pub struct Pulled {
    /// What was fetched.
    pub fetch: FetchDone,
    /// The branch that was merged.
    pub from: Upstream,
    /// What became of that.
    pub merged: Merged,
}

impl Repository {
    /// Fetches, and merges the branch that this one follows, or the one that is named.
    pub fn pull(
        &self,
        remote: Option<&RemoteName>,
        branch: Option<&RefName>,
        options: &MergeOptions,
        progress: &dyn Progress,
    ) -> Result<Pulled, RepoError> {
        let from = self.pull_from(remote, branch)?;
        let fetch = FetchOptions { remote: Some(from.remote.clone()), ..FetchOptions::default() };
        let fetch = self.fetch(&fetch, progress)?;
        let commit = self.tracked(&from.remote, &from.branch)?;
        let name = format!("{}/{}", from.remote, from.branch);
        let merged = self.merge_commit(commit, &name, options, progress)?;
        Ok(Pulled { fetch, from, merged })
    }

    fn pull_from(
        &self,
        remote: Option<&RemoteName>,
        branch: Option<&RefName>,
    ) -> Result<Upstream, RepoError> {
        let here = match self.head()? {
            Head::Branch(name, _) => Some(name),
            Head::Detached(_) => None,
        };
        let followed = here.as_ref().and_then(|here| self.config.upstream(here));
        let followed = followed.filter(|followed| remote.is_none_or(|remote| followed.remote == *remote));
        match (followed, branch, here) {
            (Some(followed), None, _) => Ok(followed.clone()),
            (_, Some(branch), _) => {
                Ok(Upstream { remote: self.default_remote(remote)?, branch: branch.clone() })
            }
            (None, None, Some(here)) => Ok(Upstream { remote: self.default_remote(remote)?, branch: here }),
            (None, None, None) => Err(RepoError::Detached),
        }
    }
}
