//! What every writer needs: files that are replaced whole, and directories that stay.

use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::disk::{Disk, open_regular};

/// Whether a replaced file must be there after a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is there when the call returns.
    Durable,
    /// After a power cut it may be old, new or damaged: for caches, which check themselves and can be rebuilt.
    Cache,
}

/// A name that no other process or thread chooses.
pub fn temporary_name() -> io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}

/// Puts a file in place of whatever has its name, at once and whole: readers see the old or the new bytes.
/// `tmp_dir` is on the same file system; it is made if it is missing.
pub fn replace(
    disk: &dyn Disk,
    tmp_dir: &Path,
    target: &Path,
    bytes: &[u8],
    durability: Durability,
) -> io::Result<()> {
    let temporary = tmp_dir.join(temporary_name()?);
    let file = match disk.create(&temporary, false) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_scratch_dir(disk, tmp_dir)?;
            disk.create(&temporary, false)?
        }
        created => created?,
    };
    let durable = durability == Durability::Durable;
    let written = (|| {
        file.write_at(0, bytes)?;
        if durable {
            file.sync()?;
        }
        disk.rename(&temporary, target)
    })();
    if let Err(error) = written {
        // The first error is the one to tell; what is left in the temporary folder harms nobody.
        let _ = disk.remove_file(&temporary);
        return Err(error);
    }
    if durable { disk.sync_dir(parent(target)) } else { Ok(()) }
}

/// What [`replace_cache`] wrote; `None` if there is no such file, it is damaged, more than `most` bytes long, or no plain file,
/// as in a folder that came from a stranger.
pub fn read_cache(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path).ok()?.take(most.saturating_add(1)).read_to_end(&mut bytes).ok()?;
    let (body, hash) = bytes.split_last_chunk()?;
    let is_whole = bytes.len() as u64 <= most && blake3::hash(body).as_bytes() == hash;
    bytes.truncate(body.len());
    is_whole.then_some(bytes)
}

/// Puts a cache in place of an older one: these bytes, and their BLAKE3. After a power cut it may be damaged.
pub fn replace_cache(disk: &dyn Disk, tmp_dir: &Path, target: &Path, mut bytes: Vec<u8>) -> io::Result<()> {
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    replace(disk, tmp_dir, target, &bytes, Durability::Cache)
}

/// A temporary file that nobody touched for so long was left by a process that died.
pub const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes temporary files that were left by processes that died. What cannot be removed harms nobody.
pub fn sweep(disk: &dyn Disk, tmp_dir: &Path) {
    let Ok(entries) = std::fs::read_dir(tmp_dir) else { return };
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        let age = metadata.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if metadata.is_file() && age.is_some_and(|age| age > ABANDONED) {
            let _ = disk.remove_file(&entry.path());
        }
    }
}

/// Makes a directory and what is missing above it, durably.
///
/// Each new name is durable before anything is made below it. So a directory that holds something is
/// known to be durable, whoever made it; one that is empty may not be yet, and is made so here.
pub fn create_dirs(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let mut missing = vec![path];
    while let Some(last) = missing.last() {
        match std::fs::read_dir(last).map(|mut entries| entries.next().is_some()) {
            Ok(holds_something) => {
                if holds_something {
                    missing.pop();
                }
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => match last.parent() {
                Some(above) if !above.as_os_str().is_empty() => missing.push(above),
                _ => break,
            },
            Err(error) => return Err(error),
        }
    }
    for dir in missing.iter().rev() {
        let made = create_dir(disk, dir)?;
        match disk.sync_dir(parent(dir)) {
            // Somebody else's directory above one that was there before us: theirs to keep.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !made => {}
            result => result?,
        }
    }
    Ok(())
}

/// Makes a directory that need not outlive a power cut; what is above it does.
pub fn create_scratch_dir(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    create_dirs(disk, parent(path))?;
    create_dir(disk, path).map(drop)
}

/// Whether the directory was made now; an error unless it is there.
fn create_dir(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    match disk.create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        result => result.map(|()| true),
    }
}

/// The directory that a name is in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
