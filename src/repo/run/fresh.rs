//! Which files a run wrote: those that changed since it began, as the file system's own clock has it.
//!
//! A metrics file that lies there from an earlier training is no result of this one.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

/// A moment on the clock of a file system, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::repo) struct Stamp(i128);

impl Stamp {
    /// When a file was last changed: of one that was made just now, the moment.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(changed(&fs::symlink_metadata(path)?))
    }

    /// Whether a file, or any file in a directory, was changed at this moment or later.
    pub fn is_before(self, path: &Path) -> bool {
        let mut pending = vec![path.to_owned()];
        while let Some(path) = pending.pop() {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if changed(&metadata) >= self {
                return true;
            }
            if metadata.is_dir() {
                pending.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            }
        }
        false
    }
}

/// The time that nobody can set: that of the last change of bytes, name or mode.
#[cfg(unix)]
fn changed(metadata: &Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    Stamp(i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec()))
}

#[cfg(not(unix))]
fn changed(metadata: &Metadata) -> Stamp {
    let since = metadata.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    Stamp(since.map_or(0, |since| since.as_nanos() as i128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("old/deep")).unwrap();
        fs::write(at("old/deep/a"), "a").unwrap();
        fs::write(at("mixed"), "a").unwrap();
        // Clocks of file systems tick every few milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(30));
        fs::write(at("mark"), "").unwrap();
        let stamp = Stamp::of(&at("mark")).unwrap();
        fs::write(at("mixed"), "a").unwrap();
        assert!(!stamp.is_before(&at("old")) && !stamp.is_before(&at("missing")));
        assert!(stamp.is_before(&at("mixed")), "the same bytes, written again");
        fs::write(at("old/deep/b"), "b").unwrap();
        assert!(stamp.is_before(&at("old")));
    }
}
