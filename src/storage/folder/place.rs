//! Which folder holds the keys of a place that somebody named.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::TMP;

/// The folder of keys in a work tree.
const IN_WORK_TREE: &str = ".mdl";

/// What a storage of mdl has in its root, as soon as it has anything; the last for the time in which it is tried.
const OURS: [&str; 5] = ["format", "packs", "refs", "gc", "probe"];

/// The folder of keys at this path: that of a work tree, or the path itself. It need not be there, if the folder
/// around it is; and one that is full of something else is refused, so that nobody's home is taken for a storage.
pub(super) fn find(path: &Path) -> io::Result<PathBuf> {
    let inner = path.join(IN_WORK_TREE);
    match fs::symlink_metadata(&inner) {
        Ok(found) if found.is_dir() => return Ok(inner),
        Ok(_) => return Err(super::read::not_plain()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
        Err(error) => return Err(error),
    }
    match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => missing(path),
        entries => require_ours(path, entries?),
    }
}

fn missing(path: &Path) -> io::Result<PathBuf> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match fs::metadata(above) {
        Ok(found) if found.is_dir() && fs::symlink_metadata(path).is_err() => Ok(path.to_owned()),
        Ok(found) if found.is_dir() => {
            Err(io::Error::new(io::ErrorKind::NotFound, "it is a link to nothing"))
        }
        _ => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no folder {} to make it in", above.display()),
        )),
    }
}

fn require_ours(path: &Path, entries: fs::ReadDir) -> io::Result<PathBuf> {
    let mut foreign = false;
    for entry in entries {
        let name = entry?.file_name();
        if OURS.iter().any(|ours| name == *ours) {
            return Ok(path.to_owned());
        }
        foreign |= name != TMP;
    }
    match foreign {
        false => Ok(path.to_owned()),
        true => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "the folder holds something else than mdl's"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_trees_and_bare_folders_are_found_and_others_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["tree/.mdl", "bare/packs", "empty", "tried/tmp", "home/music"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        assert_eq!(find(&at("tree")).unwrap(), at("tree/.mdl"));
        assert_eq!(find(&at("tree/.mdl")).unwrap(), at("tree/.mdl"));
        for name in ["bare", "empty", "tried", "new"] {
            assert_eq!(find(&at(name)).unwrap(), at(name));
        }
        assert!(find(&at("home")).unwrap_err().to_string().contains("something else"));
        assert!(find(&at("none/new")).unwrap_err().to_string().contains("to make it in"));
        fs::write(at("file"), "").unwrap();
        assert!(find(&at("file")).is_err());
        assert!(find(&at("file/new")).is_err());
        assert!(!at("new").exists(), "looking makes nothing");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_taken_for_a_storage() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("tree")).unwrap();
        std::os::unix::fs::symlink(dir.path(), at("tree/.mdl")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
        assert!(find(&at("tree")).is_err());
        assert!(find(&at("dangling")).is_err());
    }
}
