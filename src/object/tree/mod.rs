//! A directory: names, and what they name.
//!
//! A large directory is split into pages, and the list of pages into pages again, so that a change
//! costs what changed and not what is there. Where a page ends is decided by the hash of the names
//! in it, so that equal directories have equal pages, and so equal ids, however they came to be.

mod builder;
mod reading;
#[cfg(test)]
mod tests;

pub use builder::TreeBuilder;
pub use reading::{TreeEntries, lookup, node_at};

use crate::encoding::{Decode, DecodeError, DecodeProblem, Encode, Reader, Writer, record};
use crate::id::{ContentId, TreeId};
use crate::name::{EntryName, TreePath};
use crate::object::{Link, link, object};

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

/// More levels than a directory of 2⁶⁴ entries needs.
const MAX_LEVEL: u64 = 16;
