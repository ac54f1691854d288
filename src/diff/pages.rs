//! Walks two trees side by side and reads only the directories and pages that differ.
//!
//! The entries of two paged directories are merged in the order of their names; where both sides come
//! to the same page, it is skipped unread. Directories wait on a list, so depth costs no stack, and the
//! number of changes is bounded, so that a hostile tree cannot exhaust memory.

use crate::diff::files::FileChange;
use crate::id::TreeId;
use crate::name::TreePath;
use crate::object::{Entry, Find, Node, ObjectError, Page, Tree, get};

/// Changes, up to a bound.
pub(super) struct Changes {
    list: Vec<FileChange>,
    max: usize,
    truncated: bool,
}

impl Changes {
    pub(super) fn new(max: usize) -> Self {
        Self { list: Vec::new(), max, truncated: false }
    }

    /// Notes a change, unless there are too many.
    fn push(&mut self, path: String, old: Option<Node>, new: Option<Node>) {
        if self.list.len() < self.max {
            self.list.push(FileChange::new(path, old, new));
        } else {
            self.truncated = true;
        }
    }

    /// The changes sorted by path, and whether there were more.
    pub(super) fn finish(mut self) -> (Vec<FileChange>, bool) {
        self.list.sort_by(|a, b| a.path.cmp(&b.path));
        (self.list, self.truncated)
    }
}

/// Two directories that differ, and where they are.
type Pair = (String, TreeId, TreeId);

/// Compares two nodes. What is on one side only is one change, however much lies below it.
pub(super) fn walk(
    find: &dyn Find,
    old: Option<Node>,
    new: Option<Node>,
    changes: &mut Changes,
) -> Result<(), ObjectError> {
    let mut waiting: Vec<Pair> = Vec::new();
    compare(String::new(), old, new, changes, &mut waiting);
    while let Some((path, old, new)) = waiting.pop() {
        directories(find, &path, old, new, changes, &mut waiting)?;
        if changes.truncated {
            break;
        }
    }
    Ok(())
}

fn compare(
    path: String,
    old: Option<Node>,
    new: Option<Node>,
    changes: &mut Changes,
    waiting: &mut Vec<Pair>,
) {
    match (old, new) {
        (old, new) if old == new => {}
        (Some(Node::Directory { tree: old_tree, .. }), Some(Node::Directory { tree: new_tree, .. })) => {
            match old_tree == new_tree || path.len() > TreePath::MAX_LEN {
                // Equal trees with other totals, or a path that no work tree can have: nothing more to tell.
                true => changes.push(path, old, new),
                false => waiting.push((path, old_tree, new_tree)),
            }
        }
        (Some(a), Some(b)) if matches!(a, Node::Directory { .. }) || matches!(b, Node::Directory { .. }) => {
            changes.push(path.clone(), Some(a), None);
            changes.push(path, None, Some(b));
        }
        (old, new) => changes.push(path, old, new),
    }
}

fn directories(
    find: &dyn Find,
    path: &str,
    old: TreeId,
    new: TreeId,
    changes: &mut Changes,
    waiting: &mut Vec<Pair>,
) -> Result<(), ObjectError> {
    let (mut a, mut b) = (Cursor::open(find, old)?, Cursor::open(find, new)?);
    loop {
        if changes.truncated {
            return Ok(());
        }
        let turn = turn(&a, &b);
        let (old, new) = match turn {
            Turn::End => return Ok(()),
            Turn::Same => {
                a.skip_page();
                b.skip_page();
                continue;
            }
            Turn::Open { old, new } => {
                if old {
                    a.open_page(find)?;
                }
                if new {
                    b.open_page(find)?;
                }
                continue;
            }
            Turn::Take { old, new } => (old.then(|| a.next()).flatten(), new.then(|| b.next()).flatten()),
        };
        let Some(name) = old.as_ref().or(new.as_ref()).map(|entry| entry.name.as_str()) else { continue };
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        compare(path, old.map(|entry| entry.node), new.map(|entry| entry.node), changes, waiting);
    }
}

/// What to do next on which side.
enum Turn {
    End,
    /// Both sides have the same page.
    Same,
    /// Read the next page.
    Open {
        old: bool,
        new: bool,
    },
    /// Take the next entry.
    Take {
        old: bool,
        new: bool,
    },
}

fn turn(a: &Cursor, b: &Cursor) -> Turn {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match (a.front(), b.front()) {
        (None, None) => Turn::End,
        (Some(Front::Entry(_)), None) => Turn::Take { old: true, new: false },
        (None, Some(Front::Entry(_))) => Turn::Take { old: false, new: true },
        (Some(Front::Page(..)), None) => Turn::Open { old: true, new: false },
        (None, Some(Front::Page(..))) => Turn::Open { old: false, new: true },
        (Some(Front::Entry(a)), Some(Front::Entry(b))) => match a.name.cmp(&b.name) {
            Less => Turn::Take { old: true, new: false },
            Equal => Turn::Take { old: true, new: true },
            Greater => Turn::Take { old: false, new: true },
        },
        (Some(Front::Page(a, _)), Some(Front::Page(b, _))) if a.tree == b.tree => Turn::Same,
        (Some(Front::Page(a, a_level)), Some(Front::Page(b, b_level))) => match a.first.cmp(&b.first) {
            Less => Turn::Open { old: true, new: false },
            Greater => Turn::Open { old: false, new: true },
            // Pages of one level may share pages further down; a higher page is brought down first.
            Equal => Turn::Open { old: a_level >= b_level, new: b_level >= a_level },
        },
        (Some(Front::Entry(a)), Some(Front::Page(b, _))) => match a.name < b.first {
            true => Turn::Take { old: true, new: false },
            false => Turn::Open { old: false, new: true },
        },
        (Some(Front::Page(a, _)), Some(Front::Entry(b))) => match b.name < a.first {
            true => Turn::Take { old: false, new: true },
            false => Turn::Open { old: true, new: false },
        },
    }
}

/// A place in a directory: entries of the page that is open, then pages that were not opened.
struct Cursor {
    entries: std::vec::IntoIter<Entry>,
    /// Pages still to come with the level they are on, the next one last.
    pages: Vec<(Page, u64)>,
}

enum Front<'a> {
    Entry(&'a Entry),
    Page(&'a Page, u64),
}

impl Cursor {
    fn open(find: &dyn Find, tree: TreeId) -> Result<Self, ObjectError> {
        let mut this = Self { entries: Vec::new().into_iter(), pages: Vec::new() };
        this.read(find, tree)?;
        Ok(this)
    }

    fn read(&mut self, find: &dyn Find, tree: TreeId) -> Result<(), ObjectError> {
        match get::<Tree>(find, tree)? {
            Tree::Leaf(entries) => self.entries = entries.into_iter(),
            Tree::Branch { level, pages } => {
                self.pages.extend(pages.into_iter().rev().map(|page| (page, level)));
            }
        }
        Ok(())
    }

    fn front(&self) -> Option<Front<'_>> {
        match self.entries.as_slice().first() {
            Some(entry) => Some(Front::Entry(entry)),
            None => self.pages.last().map(|(page, level)| Front::Page(page, *level)),
        }
    }

    fn next(&mut self) -> Option<Entry> {
        self.entries.next()
    }

    fn skip_page(&mut self) {
        self.pages.pop();
    }

    fn open_page(&mut self, find: &dyn Find) -> Result<(), ObjectError> {
        match self.pages.pop() {
            Some((page, _)) => self.read(find, page.tree),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::diff::files::FileChangeKind;
    use crate::diff::fixture::{directory, file};
    use crate::id::{Digest, Kind};
    use crate::object::Memory;

    /// Counts what is read.
    struct Counting<'a>(&'a Memory, AtomicUsize);

    impl Find for Counting<'_> {
        fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.find(kind, id)
        }
    }

    fn changes(find: &dyn Find, old: Node, new: Node) -> Vec<(String, FileChangeKind)> {
        let mut changes = Changes::new(1000);
        walk(find, Some(old), Some(new), &mut changes).unwrap();
        changes.finish().0.iter().map(|change| (change.path.clone(), change.kind())).collect()
    }

    fn numbered(memory: &Memory, count: usize, but: impl Fn(usize) -> Option<&'static str>) -> Node {
        let files = (0..count).filter_map(|i| match but(i) {
            Some("") => None,
            Some(text) => Some((format!("f{i:07}"), file(text))),
            None => Some((format!("f{i:07}"), file("same"))),
        });
        directory(memory, files)
    }

    #[test]
    fn one_change_among_many_reads_a_handful_of_pages() {
        let memory = Memory::default();
        let old = numbered(&memory, 40_000, |_| None);
        let new = numbered(&memory, 40_000, |i| (i == 34_321).then_some("other"));
        let counting = Counting(&memory, AtomicUsize::new(0));
        assert_eq!(changes(&counting, old, new), [("f0034321".into(), FileChangeKind::Modified)]);
        let reads = counting.1.into_inner();
        assert!(reads <= 8, "{reads} reads");
    }

    #[test]
    fn insertions_and_removals_do_not_shift_what_follows() {
        let memory = Memory::default();
        let old = numbered(&memory, 30_000, |i| (i == 7).then_some(""));
        let new = numbered(&memory, 30_000, |i| (i == 20_000 || i == 29_999).then_some(""));
        let counting = Counting(&memory, AtomicUsize::new(0));
        let expected = [
            ("f0000007".to_owned(), FileChangeKind::Added),
            ("f0020000".to_owned(), FileChangeKind::Removed),
            ("f0029999".to_owned(), FileChangeKind::Removed),
        ];
        assert_eq!(changes(&counting, old, new), expected);
        let reads = counting.1.into_inner();
        assert!(reads <= 24, "{reads} reads");
    }

    #[test]
    fn a_small_directory_grows_into_pages() {
        let memory = Memory::default();
        let old = numbered(&memory, 3, |_| None);
        let new = numbered(&memory, 900, |_| None);
        let added = changes(&memory, old, new);
        assert_eq!(added.len(), 897);
        assert!(added.iter().all(|(_, kind)| *kind == FileChangeKind::Added));
    }

    #[test]
    fn directories_on_one_side_are_one_change() {
        let memory = Memory::default();
        let sub = directory(&memory, [("x".to_owned(), file("x"))]);
        let old = directory(&memory, [("a".to_owned(), file("a")), ("d".to_owned(), file("d"))]);
        let new =
            directory(&memory, [("a".to_owned(), file("b")), ("d".to_owned(), sub), ("e".to_owned(), sub)]);
        use FileChangeKind::{Added, Modified, Removed};
        let expected = [("a", Modified), ("d", Removed), ("d", Added), ("e", Added)];
        assert_eq!(changes(&memory, old, new), expected.map(|(path, kind)| (path.to_owned(), kind)));
    }

    #[test]
    fn deep_trees_need_no_stack_and_stop_where_paths_end() {
        let memory = Memory::default();
        let nest =
            |text: &str| (0..2_500).fold(file(text), |node, _| directory(&memory, [("d".to_owned(), node)]));
        let found = changes(&memory, nest("old"), nest("new"));
        assert_eq!(found.len(), 1);
        assert!(found[0].0.len() > TreePath::MAX_LEN);
    }

    #[test]
    fn too_many_changes_are_cut_off() {
        let memory = Memory::default();
        let (old, new) = (numbered(&memory, 3_000, |_| None), numbered(&memory, 3_000, |_| Some("other")));
        let mut bounded = Changes::new(10);
        walk(&memory, Some(old), Some(new), &mut bounded).unwrap();
        let (list, truncated) = bounded.finish();
        assert!(truncated);
        assert_eq!(list.len(), 10);
    }
}
