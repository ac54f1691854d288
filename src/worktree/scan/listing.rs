//! The names in a directory, sorted: in one piece of memory, since there may be a million.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use crate::name::TreePath;
use crate::worktree::look::{self, FileKind};
use crate::worktree::scan::ScanError;

/// Folders of tools that are never part of a dataset.
const SKIPPED: [&str; 2] = [".mdl", ".git"];

/// How the name of a folder begins in which a checkout that was killed left what it had not put in place.
/// No recorded name begins like this.
pub(in crate::worktree) const STAGE: &str = "mdl~";

/// The names in a directory.
#[derive(Default)]
pub(super) struct Listing {
    text: String,
    names: Vec<Name>,
}

struct Name {
    start: u32,
    len: u16,
    kind: FileKind,
}

impl Listing {
    /// Reads an open directory; `path` is for messages.
    pub fn read(directory: impl AsFd, path: &Path) -> Result<Self, ScanError> {
        let io = |errno: rustix::io::Errno| ScanError::Io { path: path.to_owned(), source: errno.into() };
        let mut this = Self::default();
        for entry in rustix::fs::Dir::read_from(&directory).map_err(io)? {
            let entry = entry.map_err(io)?;
            let bytes = entry.file_name().to_bytes();
            let name =
                std::str::from_utf8(bytes).map_err(|_| ScanError::NotUtf8 { path: below(path, bytes) })?;
            if matches!(name, "." | "..") || SKIPPED.contains(&name) || name.starts_with(STAGE) {
                continue;
            }
            let kind = match FileKind::from(entry.file_type()) {
                FileKind::Unknown => {
                    look::stat_at(&directory, name)
                        .map_err(|source| ScanError::Io { path: path.join(name), source })?
                        .kind
                }
                kind => kind,
            };
            this.push(name, kind, path)?;
        }
        this.sort();
        Ok(this)
    }

    fn push(&mut self, name: &str, kind: FileKind, path: &Path) -> Result<(), ScanError> {
        let too_large = || ScanError::TooLarge { path: path.to_owned() };
        let start = u32::try_from(self.text.len()).map_err(|_| too_large())?;
        let len = u16::try_from(name.len()).map_err(|_| too_large())?;
        self.text.push_str(name);
        self.names.push(Name { start, len, kind });
        Ok(())
    }

    fn sort(&mut self) {
        let text = &self.text;
        let name = |name: &Name| &text[name.start as usize..][..name.len.into()];
        self.names.sort_unstable_by(|a, b| name(a).cmp(name(b)));
    }

    /// Where a name is given as a file and as a directory, leaves the one that it is.
    fn settle(&mut self, directory: &Path) {
        let text = &self.text;
        let name = |name: &Name| &text[name.start as usize..][..name.len.into()];
        self.names.dedup_by(|next, kept| {
            let double = name(next) == name(kept);
            if double && next.kind != kept.kind {
                let is = look::stat(&directory.join(name(next))).map(|stat| stat.kind);
                let is_directory = matches!(is, Ok(FileKind::Directory));
                kept.kind = if is_directory { FileKind::Directory } else { FileKind::Unknown };
            }
            double
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// A name, by its place in the order.
    pub fn name(&self, index: usize) -> &str {
        let name = &self.names[index];
        &self.text[name.start as usize..][..name.len.into()]
    }

    /// What lies under it, as far as the directory says.
    pub fn kind(&self, index: usize) -> FileKind {
        self.names[index].kind
    }

    /// How many names are less than this one.
    pub fn position(&self, name: &str) -> usize {
        let text = &self.text;
        self.names.partition_point(|other| &text[other.start as usize..][..other.len.into()] < name)
    }
}

fn below(path: &Path, name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    path.join(std::ffi::OsStr::from_bytes(name))
}

/// Sorts given files into their directories, by the directories' paths (empty for the root).
pub(super) fn group(root: &Path, paths: &[TreePath]) -> Result<BTreeMap<String, Listing>, ScanError> {
    let mut directories = BTreeMap::from([(String::new(), Listing::default())]);
    for path in paths {
        let (mut directory, name) = look::split(path.as_str());
        let mut listed = (name, FileKind::Unknown);
        loop {
            let known = directories.contains_key(directory);
            let listing = directories.entry(directory.to_owned()).or_default();
            listing.push(listed.0, listed.1, root)?;
            if known || directory.is_empty() {
                break;
            }
            let (above, name) = look::split(directory);
            listed = (name, FileKind::Directory);
            directory = above;
        }
    }
    for (directory, listing) in &mut directories {
        listing.sort();
        listing.settle(&root.join(directory));
    }
    Ok(directories)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_files_are_grouped_by_directory() {
        let paths = ["a-b", "a/b/c", "a/b/d", "a/e", "z"].map(|path| TreePath::new(path).unwrap());
        let groups = group(Path::new("/"), &paths).unwrap();
        let names = |directory: &str| {
            let listing = &groups[directory];
            (0..listing.len()).map(|i| listing.name(i).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(groups.len(), 3);
        assert_eq!(names(""), ["a", "a-b", "z"]);
        assert_eq!(names("a"), ["b", "e"]);
        assert_eq!(names("a/b"), ["c", "d"]);
        assert_eq!(groups[""].kind(0), FileKind::Directory);
        assert_eq!(groups[""].position("a-b"), 1);
    }
}
