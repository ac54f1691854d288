//! Finds what was moved: equal content on the removed and on the added side, whole directories first.

use std::collections::HashMap;

use crate::diff::files::FileChange;
use crate::name::TreePath;
use crate::object::{Find, Link, Node, ObjectError, TreeEntries};

/// Directories that were added or removed as a whole are looked through up to this many entries a side.
const MAX_ITEMS: usize = 50_000;

/// Joins removals with additions of equal content. Of several candidates the one with the same file name is
/// taken, else the first. A directory out of which or into which something moved is listed entry by entry.
pub(super) fn pair(find: &dyn Find, changes: Vec<FileChange>) -> Result<Vec<FileChange>, ObjectError> {
    let (one_sided, mut out): (Vec<FileChange>, Vec<FileChange>) =
        changes.into_iter().partition(|change| change.old.is_none() || change.new.is_none());
    let top = |side: fn(&FileChange) -> Option<Node>| {
        one_sided.iter().filter_map(move |change| Some((change.path.clone(), side(change)?)))
    };
    let (mut old, mut new) = (Side::new(top(|change| change.old)), Side::new(top(|change| change.new)));
    if !old.items.is_empty() && !new.items.is_empty() {
        old.open(find)?;
        new.open(find)?;
        for (from, to) in moves(&mut old, &mut new) {
            let (from, to) = (&old.items[from], &new.items[to]);
            let mut change = FileChange::new(to.path.clone(), Some(from.node), Some(to.node));
            change.from = Some(from.path.clone());
            out.push(change);
        }
    }
    out.extend(old.rest().map(|item| FileChange::new(item.path.clone(), Some(item.node), None)));
    out.extend(new.rest().map(|item| FileChange::new(item.path.clone(), None, Some(item.node))));
    out.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(out)
}

/// What lies on one side only, and everything below it; what is higher up comes first.
struct Side {
    items: Vec<Item>,
}

struct Item {
    path: String,
    node: Node,
    /// The directory that it lies in, if that is on this side only, too.
    parent: Option<usize>,
    state: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It lies on this side only, as a whole.
    Stays,
    /// It was moved as a whole.
    Moved,
    /// Something below it was moved.
    Opened,
}

impl Side {
    fn new(top: impl Iterator<Item = (String, Node)>) -> Self {
        let item = |(path, node)| Item { path, node, parent: None, state: Fate::Stays };
        Self { items: top.map(item).collect() }
    }

    /// Adds what lies below directories, level by level, as far as the bound allows.
    fn open(&mut self, find: &dyn Find) -> Result<(), ObjectError> {
        let mut at = 0;
        while at < self.items.len() && self.items.len() < MAX_ITEMS {
            if let Node::Directory { tree, .. } = self.items[at].node
                && self.items[at].path.len() <= TreePath::MAX_LEN
            {
                let path = self.items[at].path.clone();
                let start = self.items.len();
                for entry in TreeEntries::new(find, tree)? {
                    let entry = entry?;
                    let path = format!("{path}/{}", entry.name);
                    self.items.push(Item { path, node: entry.node, parent: Some(at), state: Fate::Stays });
                    if self.items.len() >= MAX_ITEMS {
                        // A directory that is known in part cannot be listed entry by entry.
                        self.items.truncate(start);
                        return Ok(());
                    }
                }
            }
            at += 1;
        }
        Ok(())
    }

    fn above(&self, at: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.items[at].parent, |above| self.items[*above].parent)
    }

    /// Whether the item may still be moved: neither it nor anything above or below it was.
    fn is_free(&self, at: usize) -> bool {
        self.items[at].state == Fate::Stays
            && self.above(at).all(|above| self.items[above].state != Fate::Moved)
    }

    fn take(&mut self, at: usize) {
        self.items[at].state = Fate::Moved;
        let above: Vec<usize> = self.above(at).collect();
        above.into_iter().for_each(|above| self.items[above].state = Fate::Opened);
    }

    /// What stays on this side only, each as high up as nothing below it was moved.
    fn rest(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| {
            item.state == Fate::Stays
                && item.parent.is_none_or(|parent| self.items[parent].state == Fate::Opened)
        })
    }
}

/// Pairs of items with equal content, each item at most once.
fn moves(old: &mut Side, new: &mut Side) -> Vec<(usize, usize)> {
    let mut by_content: HashMap<Link, Vec<usize>> = HashMap::new();
    for (at, item) in old.items.iter().enumerate().filter(|(_, item)| is_telling(&item.node)) {
        by_content.entry(item.node.link()).or_default().push(at);
    }
    let mut out = Vec::new();
    for to in 0..new.items.len() {
        if !is_telling(&new.items[to].node) || !new.is_free(to) {
            continue;
        }
        let Some(candidates) = by_content.get_mut(&new.items[to].node.link()) else { continue };
        candidates.retain(|from| old.is_free(*from));
        let name = file_name(&new.items[to].path);
        let same_name = candidates.iter().position(|from| file_name(&old.items[*from].path) == name);
        if let Some(from) = candidates.get(same_name.unwrap_or(0)).copied() {
            old.take(from);
            new.take(to);
            out.push((from, to));
        }
    }
    out
}

/// Empty files are all alike: that two of them are equal tells nothing.
fn is_telling(node: &Node) -> bool {
    node.bytes() > 0
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::files::{FileChangeKind, nodes};
    use crate::diff::fixture::{directory, file, folder};
    use crate::object::Memory;

    fn shown(memory: &Memory, old: Node, new: Node) -> Vec<String> {
        let diff = nodes(memory, Some(old), Some(new), 1000).unwrap();
        let show = |change: &FileChange| match change.kind() {
            FileChangeKind::Added => format!("+ {}", change.path),
            FileChangeKind::Removed => format!("- {}", change.path),
            FileChangeKind::Moved => format!("{} > {}", change.from.as_deref().unwrap(), change.path),
            kind => format!("{kind:?} {}", change.path),
        };
        diff.changes.iter().map(show).collect()
    }

    fn named(memory: &Memory, entries: &[(&str, Node)]) -> Node {
        directory(memory, entries.iter().map(|(name, node)| ((*name).to_owned(), *node)))
    }

    #[test]
    fn files_and_directories_are_followed() {
        let memory = Memory::default();
        let sub = folder(&memory, &[("x", "x"), ("y", "y")]);
        let old = named(&memory, &[("a", file("a")), ("dir", sub)]);
        let new = named(&memory, &[("b", file("a")), ("other", sub)]);
        assert_eq!(shown(&memory, old, new), ["a > b", "dir > other"]);
    }

    #[test]
    fn a_directory_that_moved_and_changed_is_opened() {
        let memory = Memory::default();
        let before = folder(&memory, &[("x", "x"), ("y", "y")]);
        let after = folder(&memory, &[("x", "x"), ("y", "z")]);
        let whole = folder(&memory, &[("p", "p")]);
        let old = named(&memory, &[("dir", before), ("gone", whole)]);
        let new = named(&memory, &[("other", after)]);
        assert_eq!(shown(&memory, old, new), ["- dir/y", "- gone", "dir/x > other/x", "+ other/y"]);
    }

    #[test]
    fn a_subdirectory_can_move_out_of_one_that_is_gone() {
        let memory = Memory::default();
        let raw = folder(&memory, &[("x", "x"), ("y", "y")]);
        let old = named(&memory, &[("data", named(&memory, &[("raw", raw), ("z", file("z"))]))]);
        let new = named(&memory, &[("raw", raw)]);
        assert_eq!(shown(&memory, old, new), ["- data/z", "data/raw > raw"]);
    }

    #[test]
    fn equal_names_are_preferred_and_empty_files_ignored() {
        let memory = Memory::default();
        let old = named(&memory, &[("d", folder(&memory, &[("a", "same"), ("b", "same"), ("e", "")]))]);
        let new = named(&memory, &[("n", folder(&memory, &[("b", "same"), ("f", "")]))]);
        assert_eq!(shown(&memory, old, new), ["- d/a", "- d/e", "d/b > n/b", "+ n/f"]);
    }
}
