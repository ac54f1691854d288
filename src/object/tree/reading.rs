//! Reading a directory: entry by entry, one name, or along a path.

use crate::encoding::{DecodeError, DecodeProblem};
use crate::id::{Kind, TreeId};
use crate::name::{EntryName, TreePath};
use crate::object::{Entry, Find, Node, ObjectError, Page, Tree, get};

/// Reads a directory or one of its pages, which must be what the page above it says: one level further
/// down, and beginning with that name. So what a hostile tree claims about order cannot be believed by halves.
fn open_page(
    find: &(impl Find + ?Sized),
    id: TreeId,
    above: Option<(u64, &EntryName)>,
) -> Result<Tree, ObjectError> {
    let tree: Tree = get(find, id)?;
    let (level, first) = match &tree {
        Tree::Leaf(entries) => (0, entries.first().map(|entry| &entry.name)),
        Tree::Branch { level, pages } => (*level, pages.first().map(|page| &page.first)),
    };
    match above {
        Some((above, name)) if level + 1 != above || first != Some(name) => {
            Err(malformed(id, "it is not the page that the branch above says"))
        }
        _ => Ok(tree),
    }
}

fn malformed(id: TreeId, reason: &str) -> ObjectError {
    let problem = DecodeError { at: 0, problem: DecodeProblem::Invalid(reason.to_owned()) };
    ObjectError::Malformed { kind: Kind::Tree, id: id.digest(), problem }
}

/// The entries of a directory in order, page after page.
pub struct TreeEntries<'a, F: Find + ?Sized> {
    find: &'a F,
    entries: std::vec::IntoIter<Entry>,
    /// Pages still to come, the next one last, with the level of the branch that they are in.
    pages: Vec<(u64, Page)>,
    /// The page that the entries are from, and the last name before it.
    page: TreeId,
    last: Option<EntryName>,
}

impl<'a, F: Find + ?Sized> TreeEntries<'a, F> {
    /// Starts at the first entry.
    pub fn new(find: &'a F, tree: TreeId) -> Result<Self, ObjectError> {
        let mut this =
            Self { find, entries: Vec::new().into_iter(), pages: Vec::new(), page: tree, last: None };
        this.open(tree, None)?;
        Ok(this)
    }

    fn open(&mut self, tree: TreeId, above: Option<(u64, &EntryName)>) -> Result<(), ObjectError> {
        match open_page(self.find, tree, above)? {
            Tree::Leaf(entries) => (self.page, self.entries) = (tree, entries.into_iter()),
            Tree::Branch { level, pages } => {
                self.pages.extend(pages.into_iter().rev().map(|page| (level, page)));
            }
        }
        Ok(())
    }

    fn end(&mut self, error: ObjectError) -> Option<Result<Entry, ObjectError>> {
        self.pages.clear();
        self.entries = Vec::new().into_iter();
        Some(Err(error))
    }
}

impl<F: Find + ?Sized> Iterator for TreeEntries<'_, F> {
    type Item = Result<Entry, ObjectError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.entries.next() {
                // Within a page the decoder has checked the order; from page to page only this does.
                if self.last.as_ref().is_some_and(|last| *last >= entry.name) {
                    return self
                        .end(malformed(self.page, "its names do not follow those of the page before"));
                }
                if self.entries.len() == 0 {
                    self.last = Some(entry.name.clone());
                }
                return Some(Ok(entry));
            }
            let (level, page) = self.pages.pop()?;
            if let Err(error) = self.open(page.tree, Some((level, &page.first))) {
                return self.end(error);
            }
        }
    }
}

/// What a name in a directory names, if it is there. Reads one page a level.
pub fn lookup(find: &(impl Find + ?Sized), tree: TreeId, name: &str) -> Result<Option<Node>, ObjectError> {
    let mut page = open_page(find, tree, None)?;
    loop {
        match page {
            Tree::Leaf(entries) => {
                let found = entries.binary_search_by(|entry| entry.name.as_str().cmp(name));
                return Ok(found.ok().map(|at| entries[at].node));
            }
            Tree::Branch { level, pages } => {
                let after = pages.partition_point(|page| page.first.as_str() <= name);
                let Some(at) = after.checked_sub(1) else { return Ok(None) };
                page = open_page(find, pages[at].tree, Some((level, &pages[at].first)))?;
            }
        }
    }
}

/// What lies at a path below a node, if anything does.
pub fn node_at(
    find: &(impl Find + ?Sized),
    node: Node,
    path: &TreePath,
) -> Result<Option<Node>, ObjectError> {
    let mut node = node;
    for name in path.names() {
        let Node::Directory { tree, .. } = node else { return Ok(None) };
        match lookup(find, tree, name)? {
            Some(child) => node = child,
            None => return Ok(None),
        }
    }
    Ok(Some(node))
}
