//! What a reproduction is going to execute, for somebody to agree to before anything is started or installed.

use std::collections::BTreeMap;

use crate::capture::{self, KeptOut};
use crate::format;
use crate::id::CommitId;
use crate::name::TreePath;
use crate::object::{self, Environment, Packages};
use crate::repo::reproduce::Original;
use crate::repo::{RepoError, Repository};

/// What a commit says is to be executed, and with which of its variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The commit.
    pub commit: CommitId,
    /// Who made it, as it says itself.
    pub author: String,
    /// The command; empty where none is recorded.
    pub command: Vec<String>,
    /// Where it runs, seen from the root; the root itself if it is not said.
    pub directory: Option<TreePath>,
    /// Recorded variables that are set for it.
    pub set: BTreeMap<String, String>,
    /// Recorded variables that are not taken over, and why.
    pub kept_out: BTreeMap<String, KeptOut>,
    /// Packages that an environment that is made again would get from elsewhere than the package index, and from where.
    pub origins: Vec<(String, String)>,
    /// Whether this person committed, executed or approved the same definition in this repository before.
    pub is_known: bool,
}

impl Repository {
    /// What would be executed where a commit is reproduced. Nothing is run, and nothing written.
    ///
    /// # Errors
    /// If the commit cannot be read, or has nothing that could be compared.
    pub fn proposal(&self, commit: CommitId) -> Result<Proposal, RepoError> {
        self.proposal_of(&self.original(commit)?)
    }

    pub(super) fn proposal_of(&self, original: &Original) -> Result<Proposal, RepoError> {
        let environment: Environment = object::get(&self.store, original.definition.environment)?;
        let packages: Packages = object::get(&self.store, environment.packages)?;
        let (mut set, mut kept_out) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in environment.variables {
            match capture::kept_out(&name, &value) {
                Some(reason) => drop(kept_out.insert(name, reason)),
                None => drop(set.insert(name, value)),
            }
        }
        Ok(Proposal {
            commit: original.commit,
            author: original.recorded.author.clone(),
            command: original.command().unwrap_or_default(),
            directory: original.definition.directory.clone(),
            set,
            kept_out,
            origins: format::origins(&packages.packages),
            is_known: self.is_executed(original.recorded.definition),
        })
    }
}
