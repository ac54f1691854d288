//! A directory: names, and what they name.
//!
//! A large directory is split into pages, and the list of pages into pages again, so that a change
//! costs what changed and not what is there. Where a page ends is decided by the hash of the names
//! in it, so that equal directories have equal pages, and so equal ids, however they came to be.

use crate::encoding::{Decode, DecodeError, DecodeProblem, Encode, Reader, Writer, record};
use crate::id::{ContentId, Kind, TreeId};
use crate::name::{EntryName, TreePath};
use crate::object::{Find, Insert, Link, ObjectError, get, link, object, put};

/// What a name in a directory names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// A regular file.
    File {
        /// Its bytes.
        content: ContentId,
        /// How many they are.
        size: u64,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symbolic link; its target is the content, UTF-8.
    Symlink {
        /// The target's text.
        content: ContentId,
        /// Length of the target in bytes.
        size: u64,
    },
    /// A directory.
    Directory {
        /// Its entries.
        tree: TreeId,
        /// Files and symbolic links in it and below.
        files: u64,
        /// The sum of their sizes.
        bytes: u64,
    },
}

impl Node {
    /// Files in or below the node.
    pub fn files(&self) -> u64 {
        match self {
            Node::Directory { files, .. } => *files,
            _ => 1,
        }
    }

    /// Bytes in or below the node.
    pub fn bytes(&self) -> u64 {
        match self {
            Node::File { size, .. } | Node::Symlink { size, .. } => *size,
            Node::Directory { bytes, .. } => *bytes,
        }
    }

    /// What the node refers to.
    pub fn link(&self) -> Link {
        match self {
            Node::File { content, size, .. } | Node::Symlink { content, size } => {
                Link::Content(*content, *size)
            }
            Node::Directory { tree, .. } => link(*tree),
        }
    }
}

/// `[type, id, size]`, and `[2, id, files, bytes]` for a directory. Types: 0 file, 1 executable, 2 directory, 3 symlink.
impl Encode for Node {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Node::File { content, size, executable } => {
                writer.list(3);
                writer.unsigned((*executable).into());
                content.encode(writer);
                writer.unsigned(*size);
            }
            Node::Directory { tree, files, bytes } => {
                writer.list(4);
                writer.unsigned(2);
                tree.encode(writer);
                writer.unsigned(*files);
                writer.unsigned(*bytes);
            }
            Node::Symlink { content, size } => {
                writer.list(3);
                writer.unsigned(3);
                content.encode(writer);
                writer.unsigned(*size);
            }
        }
    }
}

impl Decode for Node {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = reader.list_len()?;
        let tag = reader.unsigned()?;
        match (tag, len) {
            (0 | 1, 3) => Ok(Node::File {
                content: ContentId::decode(reader)?,
                size: reader.unsigned()?,
                executable: tag == 1,
            }),
            (2, 4) => Ok(Node::Directory {
                tree: TreeId::decode(reader)?,
                files: reader.unsigned()?,
                bytes: reader.unsigned()?,
            }),
            (3, 3) => Ok(Node::Symlink { content: ContentId::decode(reader)?, size: reader.unsigned()? }),
            _ => Err(reader.error(DecodeProblem::UnknownVariant(format!("node {tag}")))),
        }
    }
}

record! {
    /// Something of the work tree, and where it lies.
    pub struct Placed {
        /// From the root of the work tree.
        pub path: TreePath,
        /// What is there.
        pub node: Node,
    }
}

/// A name and what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name within the directory.
    pub name: EntryName,
    /// What it names.
    pub node: Node,
}

/// A part of a directory that was split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The first name in the page.
    pub first: EntryName,
    /// The page.
    pub tree: TreeId,
    /// Files and symbolic links in it and below.
    pub files: u64,
    /// The sum of their sizes.
    pub bytes: u64,
}

/// A directory, or one page of a large one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// The entries, sorted by the bytes of their names.
    Leaf(Vec<Entry>),
    /// The pages of a directory that was split, in order. The level is 1 where the pages are leaves.
    Branch {
        /// How many levels of pages are below.
        level: u64,
        /// The pages.
        pages: Vec<Page>,
    },
}

impl Encode for Tree {
    fn encode(&self, writer: &mut Writer) {
        writer.list(2);
        match self {
            Tree::Leaf(entries) => {
                writer.unsigned(0);
                writer.list(entries.len());
                for entry in entries {
                    writer.list(2);
                    entry.name.encode(writer);
                    entry.node.encode(writer);
                }
            }
            Tree::Branch { level, pages } => {
                writer.unsigned(*level);
                writer.list(pages.len());
                for page in pages {
                    writer.list(4);
                    page.first.encode(writer);
                    page.tree.encode(writer);
                    writer.unsigned(page.files);
                    writer.unsigned(page.bytes);
                }
            }
        }
    }
}

impl Decode for Tree {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.tuple(2, "a tree")?;
        match reader.unsigned()? {
            0 => {
                let entries = reader.list(|reader| {
                    reader.tuple(2, "a tree entry")?;
                    Ok(Entry { name: EntryName::decode(reader)?, node: Node::decode(reader)? })
                })?;
                check_order(reader, entries.iter().map(|entry| &entry.name))?;
                Ok(Tree::Leaf(entries))
            }
            level @ 1..=MAX_LEVEL => {
                let pages = reader.list(|reader| {
                    reader.tuple(4, "a tree page")?;
                    Ok(Page {
                        first: EntryName::decode(reader)?,
                        tree: TreeId::decode(reader)?,
                        files: reader.unsigned()?,
                        bytes: reader.unsigned()?,
                    })
                })?;
                if pages.is_empty() {
                    return Err(reader.invalid("a branch of a tree has no pages"));
                }
                check_order(reader, pages.iter().map(|page| &page.first))?;
                Ok(Tree::Branch { level, pages })
            }
            _ => Err(reader.invalid("a tree has too many levels")),
        }
    }
}

fn check_order<'a>(
    reader: &Reader<'_>,
    mut names: impl Iterator<Item = &'a EntryName>,
) -> Result<(), DecodeError> {
    let Some(mut last) = names.next() else { return Ok(()) };
    for name in names {
        if last >= name {
            return Err(reader.error(DecodeProblem::KeyOrder));
        }
        last = name;
    }
    Ok(())
}

object!(Tree, TreeId, |tree, see| match tree {
    Tree::Leaf(entries) => entries.iter().for_each(|entry| see(entry.node.link())),
    Tree::Branch { pages, .. } => pages.iter().for_each(|page| see(link(page.tree))),
});

/// A page ends after a name with this many zero bits at the start of its hash: every 256th, on average.
const PAGE_BITS: u32 = 8;
/// A page ends at this many entries, whatever their names.
const PAGE_MAX: usize = 1024;
/// More levels than a directory of 2⁶⁴ entries needs.
const MAX_LEVEL: u64 = 16;

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
        let files = entries.iter().map(|entry| entry.node.files()).sum();
        let bytes = entries.iter().map(|entry| entry.node.bytes()).sum();
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
            let files = self.entries.iter().map(|entry| entry.node.files()).sum();
            let bytes = self.entries.iter().map(|entry| entry.node.bytes()).sum();
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
    (pages.iter().map(|page| page.files).sum(), pages.iter().map(|page| page.bytes).sum())
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Memory;

    fn build(memory: &Memory, names: impl Iterator<Item = String>) -> Node {
        let mut builder = TreeBuilder::new(memory);
        for name in names {
            let content = ContentId::of(name.as_bytes());
            let node = Node::File { content, size: name.len() as u64, executable: false };
            builder.push(Entry { name: EntryName::new(&name).unwrap(), node }).unwrap();
        }
        builder.finish().unwrap()
    }

    #[test]
    fn large_directories_are_paged_and_read_back() {
        let memory = Memory::default();
        let names = || (0..200_000).map(|i| format!("f{i:06}"));
        let Node::Directory { tree, files, bytes } = build(&memory, names()) else { unreachable!() };
        assert_eq!((files, bytes), (200_000, 1_400_000));
        assert!(matches!(get::<Tree>(&memory, tree).unwrap(), Tree::Branch { .. }));
        let read = TreeEntries::new(&memory, tree).unwrap().map(|entry| entry.unwrap().name.to_string());
        assert!(read.eq(names()));
        assert!(lookup(&memory, tree, "f123456").unwrap().is_some());
        assert!(lookup(&memory, tree, "f1234567").unwrap().is_none());
        assert!(lookup(&memory, tree, "a").unwrap().is_none());
    }

    #[test]
    fn one_more_file_changes_few_pages() {
        let (memory, again) = (Memory::default(), Memory::default());
        build(&memory, (0..50_000).map(|i| format!("f{i:06}")));
        build(
            &again,
            (0..50_000).map(|i| format!("f{i:06}")).flat_map(|name| {
                let extra = (name == "f031415").then(|| format!("{name}x"));
                std::iter::once(name).chain(extra)
            }),
        );
        assert!(again.object_count_not_in(&memory) <= 4);
    }

    #[test]
    fn pages_that_contradict_their_branch_are_refused() {
        let memory = Memory::default();
        let name = |text: &str| EntryName::new(text).unwrap();
        let leaf = |names: &[&str]| {
            let node = Node::File { content: ContentId::of(b""), size: 0, executable: false };
            let entries = names.iter().map(|text| Entry { name: name(text), node }).collect();
            put(&memory, &Tree::Leaf(entries)).unwrap()
        };
        let branch = |level, pages: &[(&str, TreeId)]| {
            let page =
                |(first, tree): &(&str, TreeId)| Page { first: name(first), tree: *tree, files: 1, bytes: 0 };
            put(&memory, &Tree::Branch { level, pages: pages.iter().map(page).collect() }).unwrap()
        };
        let read = |tree| TreeEntries::new(&memory, tree)?.collect::<Result<Vec<_>, _>>();
        assert_eq!(read(branch(1, &[("a", leaf(&["a", "b"])), ("c", leaf(&["c"]))])).unwrap().len(), 3);
        let hostile = [
            branch(1, &[("a", leaf(&["a", "c"])), ("b", leaf(&["b"]))]),
            branch(1, &[("a", leaf(&["x"]))]),
            branch(1, &[("a", leaf(&[]))]),
            branch(2, &[("a", leaf(&["a"]))]),
        ];
        for tree in hostile {
            assert!(matches!(read(tree), Err(ObjectError::Malformed { .. })));
        }
        assert!(lookup(&memory, hostile[1], "x").is_err());
    }

    #[test]
    fn unsorted_and_doubled_names_are_refused() {
        let file = |name: &str| Entry {
            name: EntryName::new(name).unwrap(),
            node: Node::File { content: ContentId::of(b""), size: 0, executable: true },
        };
        for names in [["b", "a"], ["a", "a"]] {
            let bytes = crate::encoding::to_bytes(&Tree::Leaf(names.map(file).to_vec()));
            assert!(crate::encoding::from_bytes::<Tree>(&bytes).is_err());
        }
    }
}
