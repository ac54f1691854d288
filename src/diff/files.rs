//! Changes of files: of a tree, or of a list of placed files.

use std::collections::BTreeMap;

use crate::diff::lines::Lines;
use crate::diff::{moves, pages};
use crate::object::{Find, Node, ObjectError, Placed};

/// How the files of a part differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilesDiff {
    /// Each change, sorted by path. A directory that was added or removed as a whole is one change.
    pub changes: Vec<FileChange>,
    /// Whether there were more changes than are listed.
    pub truncated: bool,
}

/// A file or directory that was added, removed or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct FileChange {
    /// Where it is, or was if it is gone; from the root of its part, empty for the root itself.
    pub path: String,
    /// Where it was, if that is somewhere else.
    pub from: Option<String>,
    /// What was there.
    pub old: Option<Node>,
    /// What is there.
    pub new: Option<Node>,
    /// The lines that differ, where they were asked for.
    pub lines: Option<Lines>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChangeKind {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It has other bytes.
    Modified,
    /// It lies somewhere else, perhaps with other bytes.
    Moved,
    /// Only its executable bit differs.
    Mode,
    /// It is another type of node: file, symbolic link or directory.
    Retyped,
}

impl FileChange {
    /// What became of the file.
    pub fn kind(&self) -> FileChangeKind {
        match (&self.old, &self.new) {
            (None, _) => FileChangeKind::Added,
            (_, None) => FileChangeKind::Removed,
            _ if self.from.is_some() => FileChangeKind::Moved,
            (Some(Node::File { content: old, .. }), Some(Node::File { content: new, .. })) if old == new => {
                FileChangeKind::Mode
            }
            (Some(old), Some(new)) if std::mem::discriminant(old) != std::mem::discriminant(new) => {
                FileChangeKind::Retyped
            }
            _ => FileChangeKind::Modified,
        }
    }

    pub(super) fn new(path: String, old: Option<Node>, new: Option<Node>) -> Self {
        Self { path, from: None, old, new, lines: None }
    }
}

/// Files and bytes that a list of changes comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files added.
    pub added: u64,
    /// Files removed.
    pub removed: u64,
    /// Files with other bytes or of another type.
    pub modified: u64,
    /// Files that lie somewhere else.
    pub moved: u64,
    /// Files of which only the executable bit differs.
    pub mode: u64,
    /// Bytes of what was added, and of modified files as they are now.
    pub bytes_added: u64,
    /// Bytes of what was removed, and of modified files as they were.
    pub bytes_removed: u64,
    /// Lines added.
    pub lines_added: u64,
    /// Lines removed.
    pub lines_removed: u64,
}

impl Totals {
    /// Files that differ in any way.
    pub fn files(&self) -> u64 {
        self.added + self.removed + self.modified + self.moved + self.mode
    }

    fn add(&mut self, change: &FileChange) {
        let files = |node: &Option<Node>| node.map_or(0, |node| node.files());
        match change.kind() {
            FileChangeKind::Added => self.added += files(&change.new),
            FileChangeKind::Removed => self.removed += files(&change.old),
            FileChangeKind::Modified | FileChangeKind::Retyped => self.modified += 1,
            FileChangeKind::Moved => self.moved += files(&change.new),
            FileChangeKind::Mode => self.mode += 1,
        }
        if change.old.map(|node| node.link()) != change.new.map(|node| node.link()) {
            self.bytes_added += change.new.map_or(0, |node| node.bytes());
            self.bytes_removed += change.old.map_or(0, |node| node.bytes());
        }
        if let Some(Lines::Text(lines)) = &change.lines {
            self.lines_added += lines.added;
            self.lines_removed += lines.removed;
        }
    }
}

impl FilesDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.truncated
    }

    /// What the changes come to.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.changes.iter().for_each(|change| totals.add(change));
        totals
    }
}

/// How two nodes differ, file by file; moves are found by equal content.
pub(super) fn nodes(
    find: &dyn Find,
    old: Option<Node>,
    new: Option<Node>,
    max_files: usize,
) -> Result<FilesDiff, ObjectError> {
    let mut changes = pages::Changes::new(max_files);
    pages::walk(find, old, new, &mut changes)?;
    let (list, truncated) = changes.finish();
    let changes = if truncated { list } else { moves::pair(find, list)? };
    Ok(FilesDiff { changes, truncated })
}

/// How two lists of placed files differ, by path.
pub(super) fn placed(old: &[Placed], new: &[Placed]) -> Vec<FileChange> {
    let mut both: BTreeMap<&str, (Option<Node>, Option<Node>)> = BTreeMap::new();
    old.iter().for_each(|file| both.entry(file.path.as_str()).or_default().0 = Some(file.node));
    new.iter().for_each(|file| both.entry(file.path.as_str()).or_default().1 = Some(file.node));
    both.into_iter()
        .filter(|(_, (old, new))| old != new)
        .map(|(path, (old, new))| FileChange::new(path.to_owned(), old, new))
        .collect()
}
