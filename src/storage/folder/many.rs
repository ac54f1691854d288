//! Many keys at once: what two thousand refs need is written, then made durable with the whole file system, then named,
//! and made durable once more. Each for itself would be five syncs.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::write::{Temporary, created};
use super::{Shared, failed, locked};
use crate::storage::{Created, Key, StorageError};

/// A key with the file that is going to get its name.
struct Staged {
    target: PathBuf,
    file: Temporary,
}

/// Creates keys. When this returns, each of them is durable or has an error.
pub(super) fn create(folder: &Arc<Shared>, keys: &[(Key, Vec<u8>)]) -> Vec<Result<Created, StorageError>> {
    let staged: Vec<io::Result<Staged>> = keys.iter().map(|(key, bytes)| stage(folder, key, bytes)).collect();
    let dirs: BTreeSet<PathBuf> =
        staged.iter().flatten().map(|staged| parent(folder, &staged.target)).collect();
    // Bytes and directories are durable before anything is named in these.
    let ready = prepare(folder, &dirs).and_then(|()| folder.disk.sync_file_system(&folder.root));
    if let Err(error) = ready {
        return keys.iter().map(|(key, _)| Err(failed("create", key, copied(&error)))).collect();
    }
    locked(&folder.durable).extend(dirs.iter().cloned());
    let named: Vec<io::Result<Created>> = staged.into_iter().map(|staged| name(staged?)).collect();
    let dirs: Vec<PathBuf> = dirs.into_iter().collect();
    let synced = folder.sync_once(&dirs, &|| folder.disk.sync_file_system(&folder.root));
    let durable = |named: io::Result<Created>| match &synced {
        Ok(()) => named,
        Err(error) => named.and(Err(copied(error))),
    };
    let told = keys.iter().zip(named.into_iter().map(durable));
    told.map(|((key, _), done)| done.map_err(|source| failed("create", key, source))).collect()
}

fn stage(folder: &Arc<Shared>, key: &Key, bytes: &[u8]) -> io::Result<Staged> {
    let target = folder.path(key)?;
    let mut file = Temporary::new(folder)?;
    file.write(bytes)?;
    Ok(Staged { target, file })
}

/// Makes directories, not yet durably; what is above each of them is.
fn prepare(folder: &Shared, dirs: &BTreeSet<PathBuf>) -> io::Result<()> {
    for dir in dirs {
        folder.check(dir)?;
        folder.prepare(&parent(folder, dir))?;
        match folder.disk.create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
            made => made?,
        }
    }
    Ok(())
}

fn name(mut staged: Staged) -> io::Result<Created> {
    let named = staged.file.name(&staged.target);
    created(named, &staged.target)
}

fn parent(folder: &Shared, path: &Path) -> PathBuf {
    path.parent().unwrap_or(&folder.root).to_owned()
}

/// An error of all keys, for one of them.
fn copied(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
