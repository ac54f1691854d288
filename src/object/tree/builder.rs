//! Building a directory page by page: where pages end, and what is inserted when.

use crate::name::EntryName;
use crate::object::{Entry, Insert, Node, ObjectError, Page, Tree, put};

/// A page ends after a name with this many zero bits at the start of its hash: every 256th, on average.
const PAGE_BITS: u32 = 8;
/// A page ends at this many entries, whatever their names.
const PAGE_MAX: usize = 1024;

fn ends_page(name: &EntryName, level: u64) -> bool {
    let hash = blake3::hash(name.as_str().as_bytes());
    let word = u64::from_be_bytes(std::array::from_fn(|i| hash.as_bytes()[i]));
    // Each level looks at other bits, so that the end of a page does not also end the page above it.
    word.rotate_left(PAGE_BITS * level as u32).leading_zeros() >= PAGE_BITS
}

/// Builds a directory from entries that come in order, and inserts each page as soon as it is full.
pub struct TreeBuilder<'a, I: Insert + ?Sized> {
    insert: &'a I,
    entries: Vec<Entry>,
    /// Finished pages by level, that are not yet in a page of the level above.
    levels: Vec<Vec<Page>>,
}

impl<'a, I: Insert + ?Sized> TreeBuilder<'a, I> {
    /// An empty directory.
    pub fn new(insert: &'a I) -> Self {
        Self { insert, entries: Vec::new(), levels: Vec::new() }
    }

    /// Adds an entry. Names come in ascending order of their bytes.
    pub fn push(&mut self, entry: Entry) -> Result<(), ObjectError> {
        debug_assert!(self.entries.last().is_none_or(|last| last.name < entry.name), "entries out of order");
        let ends = ends_page(&entry.name, 0);
        self.entries.push(entry);
        if ends || self.entries.len() == PAGE_MAX { self.end_leaf() } else { Ok(()) }
    }

    fn end_leaf(&mut self) -> Result<(), ObjectError> {
        let entries = std::mem::take(&mut self.entries);
        let Some(first) = entries.first().map(|entry| entry.name.clone()) else { return Ok(()) };
        let files = total(entries.iter().map(|entry| entry.node.files()));
        let bytes = total(entries.iter().map(|entry| entry.node.bytes()));
        let tree = put(self.insert, &Tree::Leaf(entries))?;
        self.push_page(Page { first, tree, files, bytes }, 0)
    }

    fn push_page(&mut self, page: Page, level: usize) -> Result<(), ObjectError> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        let ends = ends_page(&page.first, level as u64 + 1);
        self.levels[level].push(page);
        if ends || self.levels[level].len() == PAGE_MAX { self.end_branch(level) } else { Ok(()) }
    }

    fn end_branch(&mut self, level: usize) -> Result<(), ObjectError> {
        let pages = std::mem::take(&mut self.levels[level]);
        let Some(first) = pages.first().map(|page| page.first.clone()) else { return Ok(()) };
        let (files, bytes) = totals(&pages);
        let tree = put(self.insert, &Tree::Branch { level: level as u64 + 1, pages })?;
        self.push_page(Page { first, tree, files, bytes }, level + 1)
    }

    /// Ends the directory.
    pub fn finish(mut self) -> Result<Node, ObjectError> {
        if self.levels.is_empty() {
            let files = total(self.entries.iter().map(|entry| entry.node.files()));
            let bytes = total(self.entries.iter().map(|entry| entry.node.bytes()));
            let tree = put(self.insert, &Tree::Leaf(self.entries))?;
            return Ok(Node::Directory { tree, files, bytes });
        }
        self.end_leaf()?;
        let mut level = 0;
        // The topmost level that has a single page is the root.
        while level + 1 < self.levels.len() || self.levels[level].len() > 1 {
            self.end_branch(level)?;
            level += 1;
        }
        let root = &self.levels[level][0];
        Ok(Node::Directory { tree: root.tree, files: root.files, bytes: root.bytes })
    }
}

fn totals(pages: &[Page]) -> (u64, u64) {
    (total(pages.iter().map(|page| page.files)), total(pages.iter().map(|page| page.bytes)))
}

/// The sum. What a hostile tree claims to hold may be more than there can be.
fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}
