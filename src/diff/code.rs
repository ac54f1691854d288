//! Changes of source code: files, with the lines that differ, and renames also where lines changed.

use std::collections::HashMap;

use crate::diff::files::{FileChange, FilesDiff, nodes};
use crate::diff::lines::{self, Lines};
use crate::diff::selector::{Filter, Part};
use crate::id::CodeId;
use crate::name::TreePath;
use crate::object::{Code, Find, FindContent, Node, ObjectError, TreeEntries, get};

/// A renamed file is looked for among files up to this size in bytes…
const SIMILAR_SIZE: u64 = 256 << 10;
/// … and only where there are at most this many on each side.
const SIMILAR_FILES: usize = 200;
/// All files that are compared by line together: beyond, only that they differ is told.
const MAX_TOTAL: u64 = 32 << 20;

/// Compares source trees. Directories that were added or removed are listed file by file.
pub(super) fn diff(
    find: &dyn Find,
    contents: &dyn FindContent,
    old: Option<CodeId>,
    new: Option<CodeId>,
    filter: &Filter<'_>,
    options: &crate::diff::Options,
) -> Result<FilesDiff, ObjectError> {
    let root = |id| get::<Code>(find, id).map(|code| code.root);
    let (old, new) = (old.map(root).transpose()?, new.map(root).transpose()?);
    let mut files = nodes(find, old, new, options.max_files)?;
    files.changes = list_directories(find, files.changes, options.max_files)?;
    files.changes.retain(|change| filter.path(Part::Code, None, &change.path));
    if options.lines {
        let mut reader = Reader { contents, left: MAX_TOTAL };
        files.changes = pair_similar(&mut reader, files.changes)?;
        for change in &mut files.changes {
            change.lines = reader.lines(change)?;
        }
    }
    Ok(files)
}

/// Replaces directories that are on one side only by the files in them, up to a number of files, of directories
/// (which may be empty, and share what is below them), and as deep as paths can be.
fn list_directories(
    find: &dyn Find,
    changes: Vec<FileChange>,
    max_files: usize,
) -> Result<Vec<FileChange>, ObjectError> {
    let (mut out, mut opened) = (Vec::new(), 0);
    let mut waiting: Vec<FileChange> = changes.into_iter().rev().collect();
    while let Some(change) = waiting.pop() {
        let directory = match (&change.old, &change.new) {
            (Some(Node::Directory { tree, .. }), None) | (None, Some(Node::Directory { tree, .. })) => *tree,
            _ => {
                out.push(change);
                continue;
            }
        };
        let room = max_files.saturating_sub(out.len() + waiting.len());
        opened += 1;
        if opened > max_files || change.path.len() > TreePath::MAX_LEN {
            out.push(change);
            continue;
        }
        let entries: Vec<_> = TreeEntries::new(find, directory)?.take(room + 1).collect::<Result<_, _>>()?;
        if entries.len() > room {
            out.push(change);
            continue;
        }
        for entry in entries.into_iter().rev() {
            let name = entry.name.as_str();
            let path =
                if change.path.is_empty() { name.to_owned() } else { format!("{}/{name}", change.path) };
            let node = Some(entry.node);
            let (old, new) = if change.old.is_some() { (node, None) } else { (None, node) };
            waiting.push(FileChange::new(path, old, new));
        }
    }
    Ok(out)
}

/// Reads contents until there were too many bytes.
struct Reader<'a> {
    contents: &'a dyn FindContent,
    left: u64,
}

impl Reader<'_> {
    /// The bytes of a file, or why they are not compared.
    fn read(&mut self, node: Node) -> Result<Result<Vec<u8>, Lines>, ObjectError> {
        let (Node::File { content, size, .. } | Node::Symlink { content, size }) = node else {
            return Ok(Err(Lines::Binary));
        };
        if size > lines::MAX_SIZE || size > self.left {
            return Ok(Err(Lines::TooLarge));
        }
        self.left -= size;
        match self.contents.content(content, lines::MAX_SIZE) {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(ObjectError::MissingContent(_)) => Ok(Err(Lines::Missing)),
            Err(ObjectError::TooLarge { .. }) => Ok(Err(Lines::TooLarge)),
            Err(error) => Err(error),
        }
    }

    fn lines(&mut self, change: &FileChange) -> Result<Option<Lines>, ObjectError> {
        let is_directory = |node: &Option<Node>| matches!(node, Some(Node::Directory { .. }));
        let link = |node: &Option<Node>| node.map(|node| node.link());
        if is_directory(&change.old) || is_directory(&change.new) || link(&change.old) == link(&change.new) {
            return Ok(None);
        }
        let read = |this: &mut Self, node: Option<Node>| node.map(|node| this.read(node)).transpose();
        let lines = match (read(self, change.old)?, read(self, change.new)?) {
            (Some(Ok(old)), Some(Ok(new))) => lines::diff(&old, &new),
            (Some(Ok(old)), None) => lines::whole(&old, false),
            (None, Some(Ok(new))) => lines::whole(&new, true),
            (Some(Err(why)), _) | (_, Some(Err(why))) => why,
            (None, None) => return Ok(None),
        };
        Ok(Some(lines))
    }
}

/// Joins removed and added files of which at least half the lines are equal, most similar first.
fn pair_similar(reader: &mut Reader<'_>, changes: Vec<FileChange>) -> Result<Vec<FileChange>, ObjectError> {
    let small = |node: &Option<Node>| matches!(node, Some(Node::File { size, .. }) if (1..=SIMILAR_SIZE).contains(size));
    let side = |is_side: &dyn Fn(&FileChange) -> bool| -> Vec<usize> {
        (0..changes.len()).filter(|at| is_side(&changes[*at])).collect()
    };
    let removed = side(&|change| change.new.is_none() && small(&change.old));
    let added = side(&|change| change.old.is_none() && small(&change.new));
    let count = removed.len().max(added.len());
    if removed.is_empty() || added.is_empty() || count > SIMILAR_FILES {
        return Ok(changes);
    }
    let mut bags: HashMap<usize, Bag> = HashMap::new();
    for at in removed.iter().chain(&added) {
        let Some(node) = changes[*at].old.or(changes[*at].new) else { continue };
        if let Ok(bytes) = reader.read(node)? {
            bags.extend(Bag::of(&bytes).map(|bag| (*at, bag)));
        }
    }
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for old in &removed {
        for new in &added {
            let (Some(a), Some(b)) = (bags.get(old), bags.get(new)) else { continue };
            pairs.extend(
                a.similarity(b).filter(|percent| *percent >= 50).map(|percent| (percent, *old, *new)),
            );
        }
    }
    pairs.sort_by_key(|(percent, old, new)| (std::cmp::Reverse(*percent), *old, *new));
    Ok(join(changes, pairs))
}

fn join(changes: Vec<FileChange>, pairs: Vec<(usize, usize, usize)>) -> Vec<FileChange> {
    let mut slots: Vec<Option<FileChange>> = changes.into_iter().map(Some).collect();
    for (_, old, new) in pairs {
        if slots[old].is_some() && slots[new].is_some() {
            let (from, to) = (slots[old].take(), slots[new].take());
            slots[new] = from.zip(to).map(|(from, to)| FileChange {
                path: to.path,
                from: Some(from.path),
                old: from.old,
                new: to.new,
                lines: None,
            });
        }
    }
    slots.into_iter().flatten().collect()
}

/// The lines of a text without their order, by a hash that is the same everywhere.
struct Bag {
    lines: HashMap<[u8; 8], usize>,
    count: usize,
}

impl Bag {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut bag = Self { lines: HashMap::new(), count: 0 };
        // Empty lines and braces are equal everywhere and would make any two files similar.
        for line in lines::as_text(bytes)?.lines().map(str::trim).filter(|line| line.len() > 2) {
            let hash = blake3::hash(line.as_bytes());
            *bag.lines.entry(std::array::from_fn(|i| hash.as_bytes()[i])).or_default() += 1;
            bag.count += 1;
        }
        Some(bag)
    }

    /// Lines of both in percent of the lines of the larger one; `None` where there is nothing to compare.
    fn similarity(&self, other: &Bag) -> Option<usize> {
        let common: usize =
            self.lines.iter().map(|(line, count)| other.lines.get(line).map_or(0, |n| *n.min(count))).sum();
        (common * 100).checked_div(self.count.max(other.count))
    }
}
