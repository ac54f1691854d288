//! What the data of a dataset tells of itself, looked up in the work tree.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::format;
use crate::name::TreePath;
use crate::object::{Node, Profile};
use crate::profile;

/// A directory of more files than this is not profiled: it would cost what is there, not what changed.
const MAX_FILES: u64 = 256;

/// The format and profile of a file, or of a directory whose files have one format; `None` if no format is known.
pub(super) fn of(root: &Path, path: &TreePath, node: Node) -> Option<(&'static str, Profile)> {
    if node.files() > MAX_FILES {
        return None;
    }
    // A folder that cannot be listed now could be a moment ago: it is then known by its id and by no profile.
    let files = files(root.join(path.as_str())).ok()?;
    let mut formats = files.iter().map(|(path, _)| format::data_format(&path.file_name()?.to_string_lossy()));
    let format = formats.next()??;
    if formats.any(|other| other != Some(format)) {
        return None;
    }
    let profiles = files.iter().map(|(path, size)| match File::open(path) {
        Ok(mut file) => format::profile(format, &mut file, *size),
        Err(error) => {
            Profile { rows: None, columns: Vec::new(), tensors: Vec::new(), gap: Some(error.to_string()) }
        }
    });
    Some((format, profile::merge(profiles)))
}

/// The regular files at or below a path, with their sizes, sorted.
fn files(path: PathBuf) -> io::Result<Vec<(PathBuf, u64)>> {
    let (mut files, mut pending) = (Vec::new(), vec![path]);
    while let Some(path) = pending.pop() {
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_dir() {
            for entry in fs::read_dir(&path)? {
                pending.push(entry?.path());
            }
        } else if metadata.is_file() {
            files.push((path, metadata.len()));
        }
    }
    files.sort();
    Ok(files)
}
