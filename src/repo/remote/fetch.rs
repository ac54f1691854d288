//! Fetching what a remote has, and the data of what is named.

use std::collections::BTreeMap;

use crate::diff::{Selector, State};
use crate::graph::Closure;
use crate::id::{CommitId, ContentId};
use crate::name::{RefName, RemoteName};
use crate::object::Link;
use crate::progress::Progress;
use crate::refs::{self, Family, Ref};
use crate::repo::checkout::parts;
use crate::repo::{RemoteInfo, RepoError, Repository, Resolved};
use crate::sync::{self, DataPolicy, FetchRequest, Fetched, Outlet};
use crate::worktree::plan::Part;

/// What to fetch.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions {
    /// Where from; the remote that the branch follows, if it is not said.
    pub remote: Option<RemoteName>,
    /// Only these branches; all, with tags and runs, if there are none.
    pub heads: Vec<RefName>,
    /// Whether branches that are gone there are forgotten.
    pub prune: bool,
}

/// What a fetch did.
#[derive(Debug)]
pub struct FetchDone {
    /// Where from.
    pub remote: RemoteInfo,
    /// What came.
    pub fetched: Fetched,
}

impl Repository {
    /// Fetches metadata: branches as `<remote>/<branch>`, tags, runs. The work tree and its branches stay as they are.
    pub fn fetch(&self, options: &FetchOptions, progress: &dyn Progress) -> Result<FetchDone, RepoError> {
        let name = self.default_remote(options.remote.as_ref())?;
        let remote = self.remote(&name)?;
        let request = FetchRequest {
            remote: name.clone(),
            heads: Some(options.heads.clone()).filter(|heads| !heads.is_empty()),
            data: DataPolicy::Nothing,
            prune: options.prune,
        };
        let fetched = sync::fetch(self.local(), &remote, &request, &self.mover("fetch"), progress);
        let fetched = fetched.map_err(|error| self.of_remote(&name, error))?;
        for head in &options.heads {
            self.tracked(&name, head)?;
        }
        self.compact_along();
        Ok(FetchDone { remote: self.remote_info(&name)?, fetched })
    }

    /// What a branch of a remote pointed to when it was last fetched.
    pub(in crate::repo) fn tracked(
        &self,
        remote: &RemoteName,
        branch: &RefName,
    ) -> Result<CommitId, RepoError> {
        let missing = || RepoError::NoSuchBranch(format!("{remote}/{branch}"));
        let name = RefName::new(&format!("{remote}/{branch}")).map_err(|_| missing())?;
        let value = refs::read(&*self.storage, &Ref { family: Family::Remotes, name })?;
        value.and_then(|(_, entry)| entry.target.commit()).ok_or_else(missing)
    }

    /// Brings the data of a state, or of some parts of it, and says how many bytes came.
    pub fn fetch_data(
        &self,
        from: &Resolved,
        selected: &[Selector],
        progress: &dyn Progress,
    ) -> Result<u64, RepoError> {
        let state = State::of_commit(&self.store, from.commit)?;
        let wanted = match selected {
            [] => parts(&self.store, &state)?,
            selected => self.wanted(from.commit, &state, selected)?,
        };
        let contents = self.contents_of(&wanted)?;
        // The log of a run lies in no file.
        let log = state.outcome.as_ref().and_then(|outcome| outcome.log.as_ref());
        let log = log.filter(|_| selected.is_empty()).map(|log| log.content);
        let missing = self.store.lacking(contents.into_keys().chain(log))?;
        let brought = self.bring(&missing, None, progress)?;
        // What is here may have been brought by somebody who was stopped before it was durable.
        self.storage.settle("packs")?;
        Ok(brought)
    }

    /// The contents of parts with their sizes, but for those that are only referred to.
    pub(in crate::repo) fn contents_of(&self, parts: &[Part]) -> Result<BTreeMap<ContentId, u64>, RepoError> {
        let mut contents = BTreeMap::new();
        let mut closure = Closure::new(&self.store);
        let tips = parts.iter().filter(|part| part.stored).map(|part| part.node.link());
        closure.walk(tips, &mut |link| {
            if let Link::Content(id, size) = link {
                contents.insert(id, size);
            }
            true
        })?;
        Ok(contents)
    }

    /// Brings contents from whichever remote has them; an error, if none that answers does.
    pub(in crate::repo) fn bring(
        &self,
        contents: &[ContentId],
        mut outlet: Option<Outlet<'_>>,
        progress: &dyn Progress,
    ) -> Result<u64, RepoError> {
        let (mut wanted, mut bytes, mut failure) = (contents.to_vec(), 0, None);
        for name in self.config.remotes_in_order() {
            if wanted.is_empty() {
                break;
            }
            let brought = self.remote(&name).and_then(|remote| {
                let brought = sync::bring(self.local(), &remote, &wanted, outlet, progress);
                brought.map_err(|error| self.of_remote(&name, error))
            });
            match brought {
                Ok(brought) => (wanted, bytes) = (brought.nowhere, bytes + brought.bytes),
                // Another one may have it. What the outlet got is not to come once more.
                Err(error) => {
                    failure.get_or_insert(error);
                    outlet = None;
                }
            }
        }
        match (wanted.first(), failure) {
            (None, _) => Ok(bytes),
            (Some(_), Some(error)) => Err(error),
            (Some(first), None) => Err(RepoError::Nowhere { count: wanted.len(), first: *first }),
        }
    }
}
