//! The façade: what users of the library call, on a repository in a directory.
//!
//! A [`Repository`] is a work tree and its `.mdl/`. A request goes down once and a value comes up once:
//! nothing here prints or asks. Every method that changes something has done so durably when it returns
//! `Ok`, and can be called again after it was interrupted anywhere.

mod along;
mod branch;
mod checkout;
mod commit;
mod compare;
mod config;
mod directions;
mod error;
mod executed;
mod fit;
mod footing;
mod fsck;
mod gc;
mod head;
mod history;
mod identity;
mod init;
mod merge;
mod own;
mod parts;
mod plain;
mod profile;
mod read;
mod remote;
mod reproduce;
mod revision;
mod run;
mod selector;
mod snapshot;
mod tag;

pub use branch::Branch;
pub use checkout::{CheckedOut, CheckoutOptions, Unfinished};
pub use commit::{CommitOptions, Committed};
pub use compare::{Ahead, Comparison, Side, Status};
pub use config::{Config, ConfigKey, Upstream};
pub use error::RepoError;
pub use fsck::{Damage, FsckReport, Thoroughness};
pub use gc::GcOptions;
pub use head::Head;
pub use history::{Changes, LogEntry, Logged, Step};
pub use init::Initialised;
pub use merge::{MergeKind, MergeOptions, Merged};
pub use parts::{AddOptions, Part, Role};
pub use read::Shown;
pub use remote::{
    CloneOptions, Cloned, FetchDone, FetchOptions, Place, Pulled, PushDone, PushOptions, RemoteAdded,
    RemoteInfo, tidy_path,
};
pub use reproduce::{Obstacle, Proposal, Prospect, ReproduceOptions, Reproduced};
pub use revision::Resolved;
pub use run::{
    Begun, CLOCKS_DIFFER, Execution, Moved, Ran, RecordedRun, RunDetails, RunOptions, RunQuery, RunState,
    Runs, SweepOptions, SweepWitness, SweptRun, Witness,
};
pub use snapshot::Warning;
pub use tag::Tagged;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;
use crate::storage::Storage;
use crate::store::Store;

/// The directory that makes a project a repository.
pub const DIRECTORY: &str = ".mdl";
/// The manifest's file name, at the root of the work tree.
pub const MANIFEST: &str = "mdl.toml";

/// A work tree and its repository.
pub struct Repository {
    root: PathBuf,
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    storage: Arc<dyn Storage>,
    store: Store,
    config: Config,
}

/// What a person wrote, without the secrets that are known or that show as such.
fn without_secrets(text: &str) -> String {
    crate::capture::Secrets::of_variables().text(text)
}

impl Repository {
    /// The root of the work tree.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The `.mdl` directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The objects and contents, to look into what other methods return.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }
}
