//! What to do about errors of the floors below the façade.

use std::io;

use super::{Advice, remote};
use crate::cli::exit::Exit;
use crate::encoding::{DecodeError, DecodeProblem};
use crate::id::Kind;
use crate::object::ObjectError;
use crate::refs::RefError;
use crate::repo::RepoError;
use crate::storage::StorageError;
use crate::store::StoreError;
use crate::sync::{CollectError, SyncError};
use crate::worktree::apply::ApplyError;
use crate::worktree::plan::PlanError;
use crate::worktree::scan::ScanError;

const DAMAGED: &str =
    "`mdl fsck` tells what else is damaged; copy the missing pack back from another clone or a backup";
const BROKEN: &str =
    "nothing was removed; `mdl fsck` tells what else is damaged; copy the lost entry back from a backup";
const NEWER: &str = "update mdl; nothing was changed";

pub(super) fn bad_name() -> Advice {
    Advice::new(Exit::Usage, "use letters, digits, '-', '_' and '.', and for branches and tags also '/'")
}

pub(super) fn io(error: &io::Error) -> Advice {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::NotFound => Advice::none(Exit::NotFound),
        Kind::AlreadyExists | Kind::DirectoryNotEmpty => {
            Advice::new(Exit::Conflict, "name a folder that is new or empty")
        }
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => {
            Advice::new(Exit::Io, "check who owns it and whether you may write there")
        }
        Kind::StorageFull | Kind::QuotaExceeded => {
            Advice::new(Exit::Io, "make room on the disk and run the command again: nothing is half done")
        }
        Kind::Unsupported => {
            Advice::new(Exit::Io, "this file system lacks what is needed; work on another one")
        }
        Kind::Interrupted => Advice::none(Exit::Interrupted),
        _ => Advice::none(Exit::Io),
    }
}

/// The same of an error of something that was to be done: who cannot read need not be able to write.
pub(super) fn io_of(action: &str, error: &io::Error) -> Advice {
    let reads = matches!(action, "read" | "open" | "look at" | "find" | "list");
    match error.kind() {
        io::ErrorKind::PermissionDenied if reads => {
            Advice::new(Exit::Io, "check who owns it and whether you may read it")
        }
        _ if reads && is_broken(error) => Advice::new(
            Exit::Io,
            "the disk gave an error: look into the system's log, and copy what can still be read",
        ),
        _ => io(error),
    }
}

/// Whether a disk did not give what it has.
fn is_broken(error: &io::Error) -> bool {
    const EIO: i32 = 5;
    error.raw_os_error() == Some(EIO)
}

/// The result could not be written. That its reader stopped reading is no failure.
pub(super) fn output(error: &io::Error) -> Advice {
    if error.kind() == io::ErrorKind::BrokenPipe { Advice::none(Exit::ClosedPipe) } else { io(error) }
}

pub(super) fn object(error: &ObjectError) -> Advice {
    match error {
        ObjectError::Missing { .. } | ObjectError::MissingContent(_) | ObjectError::Corrupt { .. } => {
            Advice::new(Exit::Corruption, DAMAGED)
        }
        ObjectError::Malformed { problem, .. } => decode(problem),
        ObjectError::TooManyValues { kind, .. } => Advice::new(Exit::Usage, too_many(*kind)),
        ObjectError::TooLarge { .. } => Advice::new(Exit::Usage, "write it to a file with `mdl cat` instead"),
        ObjectError::Storage(inner) => boxed(inner.as_ref()),
    }
}

/// What to do about an object of more values than one may have.
fn too_many(kind: Kind) -> &'static str {
    match kind {
        Kind::Params => "keep long lists in a data file, `mdl add` it, and name it in the parameters",
        Kind::Outcome => "keep long lists in an output file, and only the numbers to compare in the metrics",
        _ => "split what has so many values into several files",
    }
}

pub(super) fn reference(error: &RefError) -> Advice {
    match error {
        RefError::Malformed { problem, .. } => decode(problem),
        RefError::Unknown { .. } => {
            Advice::new(Exit::Io, "look with `mdl log` whether it was done, and run the command again if not")
        }
        RefError::Number { .. }
        | RefError::Vanished { .. }
        | RefError::TooLarge { .. }
        | RefError::TooManyBatches { .. } => Advice::new(Exit::Corruption, DAMAGED),
        RefError::Broken { .. } => Advice::new(Exit::Corruption, BROKEN),
        RefError::Collected { .. } => Advice::new(
            Exit::Conflict,
            "`mdl gc` finishes the collection that is under way; then run the command again",
        ),
        RefError::Contended { .. } => {
            Advice::new(Exit::Conflict, "wait for the other programs, and run the command again")
        }
        RefError::Upload(inner) => boxed(inner.as_ref()),
        RefError::Storage(error) => remote::storage(error),
        RefError::Object(error) => object(error),
    }
}

pub(super) fn collect(error: &CollectError) -> Advice {
    match error {
        CollectError::Contended => {
            Advice::new(Exit::Conflict, "run it again when fewer collect: they do its work")
        }
        CollectError::Damaged { .. } => Advice::new(
            Exit::Corruption,
            "`mdl fsck` tells whether something is lost by it; if so, copy the pack back from another clone or a \
             backup, and else remove the file",
        ),
        CollectError::Ref(error) => reference(error),
        CollectError::Object(error) => object(error),
        CollectError::Store(error) => store(error),
        CollectError::Storage(error) => remote::storage(error),
    }
}

pub(super) fn store(error: &StoreError) -> Advice {
    match error {
        StoreError::Storage(error) => remote::storage(error),
        StoreError::Object(error) => object(error),
        StoreError::Pack { .. }
        | StoreError::Unreadable { .. }
        | StoreError::CorruptContent { .. }
        | StoreError::CorruptRecipe(_) => Advice::new(Exit::Corruption, DAMAGED),
        StoreError::ObjectTooLarge { .. } => {
            Advice::new(Exit::Usage, "split what is so large, such as a feature list or parameters")
        }
        StoreError::Unfinished => Advice::new(Exit::Io, "run the command again: nothing is half done"),
        StoreError::Output(error) => output(error),
        StoreError::Memory(_) => Advice::new(Exit::Io, "free some memory, and run the command again"),
    }
}

fn decode(error: &DecodeError) -> Advice {
    match &error.problem {
        DecodeProblem::UnknownField(_) | DecodeProblem::UnknownVariant(_) => {
            Advice::new(Exit::NeedsNewer, NEWER)
        }
        DecodeProblem::Truncated
        | DecodeProblem::Trailing
        | DecodeProblem::Expected(_)
        | DecodeProblem::NotCanonical
        | DecodeProblem::KeyOrder
        | DecodeProblem::Utf8
        | DecodeProblem::TooDeep
        | DecodeProblem::TooManyValues(_)
        | DecodeProblem::Missing(_)
        | DecodeProblem::Invalid(_) => Advice::new(Exit::Corruption, DAMAGED),
    }
}

/// An error that has forgotten its type on the way through a trait.
fn boxed(error: &(dyn std::error::Error + 'static)) -> Advice {
    if let Some(error) = error.downcast_ref::<StoreError>() {
        store(error)
    } else if let Some(error) = error.downcast_ref::<SyncError>() {
        remote::sync(error)
    } else if let Some(RepoError::Nowhere { .. }) = error.downcast_ref() {
        remote::nowhere()
    } else if let Some(RepoError::Remote { source, .. }) = error.downcast_ref() {
        remote::sync(source)
    } else if let Some(error) = error.downcast_ref::<ObjectError>() {
        object(error)
    } else if let Some(error) = error.downcast_ref::<RefError>() {
        reference(error)
    } else if let Some(error) = error.downcast_ref::<StorageError>() {
        remote::storage(error)
    } else if let Some(error) = error.downcast_ref::<io::Error>() {
        io(error)
    } else {
        error.source().map_or_else(|| Advice::none(Exit::Io), boxed)
    }
}

fn uncommitted() -> Advice {
    Advice::new(
        Exit::Conflict,
        "commit them first with `mdl commit`, or overwrite them with --force; --dry-run shows what would change",
    )
}

pub(super) fn scan(error: &ScanError) -> Advice {
    const LEAVE_OUT: &str = "rename it, move it out of the project, or leave it out by an ignore file";
    match error {
        ScanError::Missing { .. } => {
            Advice::new(Exit::NotFound, "bring it back, or take it out with `mdl rm`")
        }
        ScanError::Name { .. }
        | ScanError::NotUtf8 { .. }
        | ScanError::Special { .. }
        | ScanError::LinkOutside { .. } => Advice::new(Exit::Usage, LEAVE_OUT),
        ScanError::TooLarge { .. } => Advice::new(Exit::Usage, "pack what is in it into fewer files"),
        ScanError::Cache => Advice::new(Exit::Io, "run the command again: the cache is made anew"),
        ScanError::Changed { .. } => {
            Advice::new(Exit::Conflict, "wait for the program that writes it, and run the command again")
        }
        ScanError::Io { source, .. } => io_of("read", source),
        ScanError::Object(error) => object(error),
    }
}

pub(super) fn plan(error: &PlanError) -> Advice {
    match error {
        PlanError::Collision { .. } | PlanError::TooLong { .. } => Advice::new(
            Exit::Io,
            "this file system cannot hold both; check it out on another one with --to DIR",
        ),
        PlanError::Name { .. } | PlanError::Overlap(_) | PlanError::NotADirectory | PlanError::TooMany(_) => {
            Advice::new(Exit::Corruption, "nothing was written: mdl records nothing like this")
        }
        PlanError::Io { source, .. } => io_of("look at", source),
        PlanError::Object(error) => object(error),
    }
}

pub(super) fn apply(error: &ApplyError) -> Advice {
    match error {
        ApplyError::Conflicts(_) => uncommitted(),
        ApplyError::Changed(_) => {
            Advice::new(Exit::Conflict, "wait for the program that writes it, and run the command again")
        }
        ApplyError::NotADirectory { .. } | ApplyError::LinkOutside { .. } => {
            Advice::new(Exit::Conflict, "nothing was written through it; replace it by a folder of your own")
        }
        ApplyError::Blocked { .. } => Advice::new(
            Exit::Io,
            "nothing was changed; unmount it, take the mark off (`chattr`), or ask its owner, and run the command again",
        ),
        ApplyError::NotEmpty(_) => Advice::new(Exit::Conflict, "name a folder that is new or empty"),
        ApplyError::Io { action, source, .. } => io_of(action, source),
        ApplyError::Object(error) => object(error),
    }
}
