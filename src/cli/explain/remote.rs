//! What to do about errors of remotes.

use std::io;

use super::{Advice, Names, line, lower, meant};
use crate::cli::exit::Exit;
use crate::repo::RepoError;
use crate::storage::{LocationError, ProbeError, StorageError};
use crate::store::StoreError;
use crate::sync::SyncError;

pub(super) fn advice(error: &RepoError, names: &dyn Names) -> Option<Advice> {
    Some(match error {
        RepoError::NoSuchRemote(written) => {
            let hint = meant(written, &names.remotes());
            Advice::new(Exit::NotFound, hint.unwrap_or_else(|| "`mdl remote list` lists them".to_owned()))
        }
        RepoError::NoRemote { known } if known.is_empty() => Advice::new(
            Exit::NotFound,
            "add one: `mdl remote add origin /shared/team.mdl`, or ssh://…, s3://…, gs://…, az://…",
        ),
        RepoError::NoRemote { known } => {
            Advice::new(Exit::NotFound, line(&format!("name one of {}", known.join(", "))))
        }
        RepoError::Location(LocationError::Scheme(_)) => {
            Advice::new(Exit::Usage, "`mdl help remote` shows the forms")
        }
        RepoError::Location(_) => Advice::new(Exit::Usage, "correct it; nothing was changed"),
        RepoError::Probe { source: ProbeError::Failed(error), .. } => storage(error),
        RepoError::Probe { source: ProbeError::ReadOnly(_), .. } => {
            Advice::new(Exit::Io, "ask who owns it for the right to write there")
        }
        RepoError::Probe { source: ProbeError::Unsafe(_), .. } => Advice::new(
            Exit::Conflict,
            "two people who push at once would lose each other's work there; use another store. Nothing was changed",
        ),
        RepoError::Remote { source, .. } => sync(source),
        RepoError::Nowhere { .. } => nowhere(),
        _ => return None,
    })
}

/// What to do about data that no remote has.
pub(super) fn nowhere() -> Advice {
    Advice::new(Exit::Corruption, "whoever pushed without data can send it: `mdl push --data`")
}

/// What to do about a remote that failed.
pub(super) fn sync(error: &SyncError) -> Advice {
    match error {
        SyncError::NotARepository => Advice::new(
            Exit::NotFound,
            "check where it should be; a first `mdl push` makes a repository there",
        ),
        SyncError::Occupied => {
            Advice::new(Exit::Conflict, "name an empty folder or prefix; nothing was changed")
        }
        SyncError::UnknownFormat { .. } => Advice::new(Exit::NeedsNewer, "update mdl; nothing was changed"),
        SyncError::Incomplete { .. } => Advice::new(
            Exit::Corruption,
            "nothing was changed here; `mdl fsck REMOTE` tells what else is damaged there",
        ),
        SyncError::NotHere { .. } => Advice::new(
            Exit::NotFound,
            "get them first with `mdl fetch --data REV`, or push without data: `mdl push --no-data`",
        ),
        SyncError::Ref(error) => lower::reference(error),
        SyncError::Store(
            StoreError::Pack { .. } | StoreError::CorruptContent { .. } | StoreError::CorruptRecipe(_),
        ) => Advice::new(
            Exit::Corruption,
            "`mdl fsck REMOTE` tells what else is damaged there, and `mdl fsck` what is here",
        ),
        SyncError::Store(error) => lower::store(error),
        SyncError::Object(error) => lower::object(error),
        SyncError::Storage(error) => storage(error),
    }
}

pub(super) fn storage(error: &StorageError) -> Advice {
    match error.source.kind() {
        _ if is_network(&error.source) => Advice::new(
            Exit::Network,
            "check the network and that the remote runs, and run the command again: it goes on where it was",
        ),
        // Of the system itself, it says something else.
        io::ErrorKind::InvalidInput if error.source.raw_os_error().is_none() => Advice::new(
            Exit::Conflict,
            "name a repository, or a folder that is new or empty; nothing was changed",
        ),
        _ => lower::io_of(error.action, &error.source),
    }
}

fn is_network(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::NotConnected
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::TimedOut
            | Kind::BrokenPipe
            | Kind::AddrNotAvailable
            | Kind::ResourceBusy
    )
}
