//! What every writer needs: files that are replaced whole, and directories that stay.

use std::fs::{self, DirEntry};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
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

/// The disk that follows nothing below a folder, see `disk::confined`; where there are no handles of folders, the same.
pub fn confined(root: &Path, disk: Arc<dyn Disk>) -> Arc<dyn Disk> {
    #[cfg(unix)]
    return Arc::new(crate::disk::ConfinedDisk::new(root, disk));
    #[cfg(not(unix))]
    disk
}

/// The time that a file gets which is made in this folder now. It is by this clock that the ages of others there are
/// told: the file system may be another machine's, and a process may have any time.
pub fn now(disk: &dyn Disk, folder: &Path) -> io::Result<SystemTime> {
    let probe = folder.join(temporary_name()?);
    disk.create(&probe, false)?;
    let made = fs::symlink_metadata(&probe).and_then(|metadata| metadata.modified());
    disk.remove_file(&probe)?;
    made
}

/// What is in a folder of ours under names of ours and was left by processes that died. A folder that is a link is none
/// of ours, and nothing in it is.
pub fn abandoned(disk: &dyn Disk, folder: &Path, is_ours: &dyn Fn(&str) -> bool) -> Vec<DirEntry> {
    abandoned_at(SystemTime::now(), disk, folder, is_ours)
}

/// The same, at a time that we take it to be.
fn abandoned_at(
    time: SystemTime,
    disk: &dyn Disk,
    folder: &Path,
    is_ours: &dyn Fn(&str) -> bool,
) -> Vec<DirEntry> {
    let is_folder = fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    let Some(entries) = fs::read_dir(folder).ok().filter(|_| is_folder) else { return Vec::new() };
    let modified = |entry: &DirEntry| entry.metadata().ok()?.modified().ok();
    let is_old = |entry: &DirEntry, now: SystemTime| {
        let age = modified(entry).and_then(|at| now.duration_since(at).ok());
        age.is_some_and(|age| age > ABANDONED)
    };
    let ours = |entry: &DirEntry| entry.file_name().to_str().is_some_and(is_ours);
    let mut found: Vec<_> = entries.flatten().filter(|entry| ours(entry) && is_old(entry, time)).collect();
    if !found.is_empty() {
        // Our clock says so, which may be days ahead.
        let Ok(now) = now(disk, folder) else { return Vec::new() };
        found.retain(|entry| is_old(entry, now));
    }
    found
}

/// Removes temporary files that were left by processes that died. What cannot be removed harms nobody.
pub fn sweep(disk: &dyn Disk, tmp_dir: &Path) {
    for entry in abandoned(disk, tmp_dir, &is_temporary) {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = disk.remove_file(&tmp_dir.join(entry.file_name()));
        }
    }
}

/// Whether a name may be one of a temporary file: [`temporary_name`], also behind what tells its kind.
fn is_temporary(name: &str) -> bool {
    let random = name.rsplit('-').next().unwrap_or(name);
    let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    matches!(random.len(), 16 | 32) && random.bytes().all(is_hex)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::OsDisk;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn left(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn only_what_is_old_and_ours_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let (old, young) = (format!("{:032x}", 7), format!("stat-{:016x}", 8));
        let foreign = ["notes.txt", "00000000000000000000000000000007.txt", "thesis"];
        for name in [old.as_str(), &young].into_iter().chain(foreign) {
            let file = fs::File::create(dir.path().join(name)).unwrap();
            if name != young {
                file.set_modified(SystemTime::now() - 3 * DAY).unwrap();
            }
        }
        sweep(&OsDisk, dir.path());
        let mut kept: Vec<&str> = foreign.into_iter().chain([young.as_str()]).collect();
        kept.sort_unstable();
        assert_eq!(left(dir.path()), kept);
    }

    #[test]
    fn a_clock_that_is_days_ahead_sweeps_nothing_that_is_young() {
        let dir = tempfile::tempdir().unwrap();
        for name in [temporary_name().unwrap(), temporary_name().unwrap()] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let ahead = SystemTime::now() + 3 * DAY;
        assert!(abandoned_at(ahead, &OsDisk, dir.path(), &is_temporary).is_empty());
        let old = dir.path().join(temporary_name().unwrap());
        fs::File::create(&old).unwrap().set_modified(SystemTime::now() - 3 * DAY).unwrap();
        let found = abandoned_at(ahead, &OsDisk, dir.path(), &is_temporary);
        assert_eq!(found.iter().map(DirEntry::path).collect::<Vec<_>>(), [old]);
        assert_eq!(left(dir.path()).len(), 3, "the clock was asked by a file that stayed");
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_swept_behind_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (away, link) = (dir.path().join("away"), dir.path().join("tmp"));
        fs::create_dir(&away).unwrap();
        let old = fs::File::create(away.join(temporary_name().unwrap())).unwrap();
        old.set_modified(SystemTime::now() - 3 * DAY).unwrap();
        std::os::unix::fs::symlink(&away, &link).unwrap();
        sweep(&OsDisk, &link);
        assert_eq!(left(&away).len(), 1);
    }
}
