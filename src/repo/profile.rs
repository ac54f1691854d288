//! What the data of a dataset tells of itself, looked up in the work tree.

use std::fs::File;
use std::path::Path;

use crate::format;
use crate::name::TreePath;
use crate::object::{Find, Node, Profile, TreeEntries};
use crate::profile;
use crate::repo::RepoError;

/// A directory of more files than this is not profiled: it would cost what is there, not what changed.
const MAX_FILES: u64 = 256;

/// The format and profile of a file, or of a directory whose files have one format; `None` if no format is known.
pub(super) fn of(
    root: &Path,
    path: &TreePath,
    node: Node,
    find: &(impl Find + ?Sized),
) -> Result<Option<(&'static str, Profile)>, RepoError> {
    let mut files = Vec::new();
    collect(path.clone(), node, find, &mut files)?;
    let mut formats = files.iter().map(|(path, _)| format::data_format(path.file_name()));
    let Some(Some(format)) = formats.next() else { return Ok(None) };
    if formats.any(|other| other != Some(format)) {
        return Ok(None);
    }
    let profiles = files.iter().map(|(path, size)| match File::open(root.join(path.as_str())) {
        Ok(mut file) => format::profile(format, &mut file, *size),
        Err(error) => Profile { rows: None, columns: Vec::new(), tensors: Vec::new(), gap: Some(error.to_string()) },
    });
    Ok(profile::merge(profiles).map(|profile| (format, profile)))
}

fn collect(
    path: TreePath,
    node: Node,
    find: &(impl Find + ?Sized),
    files: &mut Vec<(TreePath, u64)>,
) -> Result<(), RepoError> {
    let mut pending = vec![(path, node)];
    while let Some((path, node)) = pending.pop() {
        match node {
            Node::Directory { files, .. } if files > MAX_FILES => {}
            Node::Directory { tree, .. } => {
                for entry in TreeEntries::new(find, tree)? {
                    let entry = entry?;
                    pending.push((path.join(&entry.name), entry.node));
                }
            }
            Node::File { size, .. } => files.push((path, size)),
            Node::Symlink { .. } => {}
        }
    }
    files.sort();
    Ok(())
}
