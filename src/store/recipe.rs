//! Recipes: how a large content is made of chunks, as a Merkle tree whose nodes are cut by content.
//!
//! ```text
//! root = level u8, size u64, top node (32), check (32)
//! node = level u8, then for each child: id (32), size in bytes u64
//! ```
//!
//! Integers are little-endian. The children of a node of level 0 are chunks, those of level `n` are
//! nodes of level `n - 1`. A node's id is BLAKE3 derive_key("mdl v1 recipe node") of its bytes. The root is
//! kept under the id of the content; its check is derive_key("mdl v1 recipe root") of that id, the level,
//! the size and the top node, so that a root that belongs to another content is told.
//!
//! A node ends after the child whose id has eight zero bits at its front, yet has 64 to 1,024 children
//! (but for the last of a level): so that a changed chunk changes one node a level.

use crate::id::{ContentId, Digest};
use crate::store::layout::{digest_at, u64_at};

const CHILD_LEN: usize = 40;
const LEAST_CHILDREN: usize = 64;
/// Most children that a node may have.
const MOST_CHILDREN: usize = 1024;
/// Deepest level of a node: enough for 2^64 bytes in chunks of any size that is written.
const MAX_LEVEL: u8 = 8;
const ROOT_LEN: usize = 73;
const NODE_CONTEXT: &str = "mdl v1 recipe node";
const ROOT_CONTEXT: &str = "mdl v1 recipe root";

/// A chunk or node, and how many bytes of the content it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its id.
    pub id: Digest,
    /// Bytes of the content.
    pub size: u64,
}

/// The root of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Level of the top node.
    pub level: u8,
    /// The top node; its size is that of the content.
    pub top: Child,
}

impl Root {
    /// Reads the root of a content; `None` if it is not one, or another content's.
    pub fn parse(bytes: &[u8], content: ContentId) -> Option<Self> {
        if bytes.len() != ROOT_LEN || bytes[0] > MAX_LEVEL {
            return None;
        }
        let top = Child { id: digest_at(bytes, 9), size: u64_at(bytes, 1) };
        let root = Self { level: bytes[0], top };
        (root.to_bytes(content)[..] == *bytes).then_some(root)
    }

    /// The bytes of the root.
    pub fn to_bytes(self, content: ContentId) -> [u8; ROOT_LEN] {
        let mut bytes = [0; ROOT_LEN];
        bytes[0] = self.level;
        bytes[1..9].copy_from_slice(&self.top.size.to_le_bytes());
        bytes[9..41].copy_from_slice(self.top.id.as_bytes());
        let mut check = blake3::Hasher::new_derive_key(ROOT_CONTEXT);
        check.update(content.digest().as_bytes()).update(&bytes[..41]);
        bytes[41..].copy_from_slice(check.finalize().as_bytes());
        bytes
    }
}

/// The id of the node with these bytes.
pub fn node_id(bytes: &[u8]) -> Digest {
    Digest::new(blake3::derive_key(NODE_CONTEXT, bytes))
}

/// Reads a node that should be of this level and stand for so many bytes; `None` if it does not.
pub fn parse_node(bytes: &[u8], level: u8, size: u64) -> Option<Vec<Child>> {
    let (first, children) = bytes.split_first()?;
    let count = children.len() / CHILD_LEN;
    if *first != level || children.len() % CHILD_LEN != 0 || count == 0 || count > MOST_CHILDREN {
        return None;
    }
    let children: Vec<Child> = children
        .chunks_exact(CHILD_LEN)
        .map(|child| Child { id: digest_at(child, 0), size: u64_at(child, 32) })
        .collect();
    let sum = children.iter().try_fold(0u64, |sum, child| sum.checked_add(child.size))?;
    (sum == size && children.iter().all(|child| child.size > 0)).then_some(children)
}

/// Builds a recipe from the chunks of a content in their order. Holds one unfinished node a level.
#[derive(Default)]
pub(super) struct RecipeBuilder {
    levels: Vec<Level>,
}

#[derive(Default)]
struct Level {
    node: Vec<u8>,
    size: u64,
}

impl Level {
    fn push(&mut self, number: usize, child: Child) -> bool {
        if self.node.is_empty() {
            self.node.push(number as u8);
        }
        self.node.extend_from_slice(child.id.as_bytes());
        self.node.extend_from_slice(&child.size.to_le_bytes());
        self.size += child.size;
        let count = self.node.len() / CHILD_LEN;
        count >= MOST_CHILDREN || (count >= LEAST_CHILDREN && child.id.as_bytes()[0] == 0)
    }

    fn take(&mut self) -> (Child, Vec<u8>) {
        let Self { node, size } = std::mem::take(self);
        (Child { id: node_id(&node), size }, node)
    }
}

impl RecipeBuilder {
    /// Adds the next chunk; hands out the nodes that it completes.
    pub(super) fn push<E>(
        &mut self,
        chunk: Child,
        emit: &mut impl FnMut(Digest, Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.push_at(0, chunk, emit)
    }

    fn push_at<E>(
        &mut self,
        mut number: usize,
        mut child: Child,
        emit: &mut impl FnMut(Digest, Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if self.levels.len() == number {
                self.levels.push(Level::default());
            }
            if !self.levels[number].push(number, child) {
                return Ok(());
            }
            let (node, bytes) = self.levels[number].take();
            emit(node.id, bytes)?;
            (number, child) = (number + 1, node);
        }
    }

    /// Completes the nodes that are open, and says what the root is. At least one chunk was pushed.
    pub(super) fn finish<E>(
        mut self,
        emit: &mut impl FnMut(Digest, Vec<u8>) -> Result<(), E>,
    ) -> Result<Root, E> {
        let mut number = 0;
        loop {
            let is_top = number + 1 == self.levels.len();
            if is_top && number > 0 && self.levels[number].node.len() == 1 + CHILD_LEN {
                // A lone node was already handed out: it is the top itself.
                let node = &self.levels[number].node;
                let top = Child { id: digest_at(node, 1), size: u64_at(node, 33) };
                return Ok(Root { level: number as u8 - 1, top });
            }
            if !self.levels[number].node.is_empty() {
                let (child, bytes) = self.levels[number].take();
                emit(child.id, bytes)?;
                if is_top {
                    return Ok(Root { level: number as u8, top: child });
                }
                self.push_at(number + 1, child, emit)?;
            }
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use super::*;

    fn build(chunks: &[Child]) -> (Root, HashMap<Digest, Vec<u8>>) {
        let mut nodes = HashMap::new();
        let mut emit = |id, bytes: Vec<u8>| -> Result<(), Infallible> {
            nodes.insert(id, bytes);
            Ok(())
        };
        let mut builder = RecipeBuilder::default();
        for chunk in chunks {
            builder.push(*chunk, &mut emit).unwrap();
        }
        let root = builder.finish(&mut emit).unwrap();
        (root, nodes)
    }

    fn walk(nodes: &HashMap<Digest, Vec<u8>>, level: u8, node: Child, out: &mut Vec<Child>) {
        let children = parse_node(&nodes[&node.id], level, node.size).unwrap();
        match level {
            0 => out.extend(children),
            _ => children.into_iter().for_each(|child| walk(nodes, level - 1, child, out)),
        }
    }

    fn chunks(count: u32) -> Vec<Child> {
        let id = |n: u32| ContentId::of(&n.to_le_bytes()).digest();
        (0..count).map(|n| Child { id: id(n), size: u64::from(n) + 1 }).collect()
    }

    #[test]
    fn recipes_of_every_size_give_back_their_chunks() {
        for count in [1, 2, 63, 64, 65, 300, 1024, 1025, 5000, 60_000] {
            let chunks = chunks(count);
            let (root, nodes) = build(&chunks);
            let mut back = Vec::new();
            walk(&nodes, root.level, root.top, &mut back);
            assert_eq!(back, chunks, "{count}");
        }
    }

    #[test]
    fn one_more_chunk_rewrites_few_nodes() {
        let mut chunks = chunks(20_000);
        let (_, before) = build(&chunks);
        chunks[9_999].id = ContentId::of(b"new").digest();
        chunks.insert(10_000, Child { id: ContentId::of(b"newer").digest(), size: 5 });
        let (_, after) = build(&chunks);
        let new: usize = after.iter().filter(|(id, _)| !before.contains_key(*id)).map(|(_, b)| b.len()).sum();
        assert!(new < 60_000, "{new}");
    }

    #[test]
    fn a_root_belongs_to_one_content() {
        let (id, other) = (ContentId::of(b"a"), ContentId::of(b"b"));
        let root = Root { level: 1, top: Child { id: other.digest(), size: 7 } };
        let bytes = root.to_bytes(id);
        assert_eq!(Root::parse(&bytes, id), Some(root));
        assert_eq!(Root::parse(&bytes, other), None);
        assert_eq!(Root::parse(&bytes[1..], id), None);
    }

    #[test]
    fn hostile_nodes_are_refused() {
        let node = |level: u8, sizes: &[u64]| {
            let children = sizes.iter().flat_map(|size| [[1; 32].as_slice(), &size.to_le_bytes()].concat());
            [level].into_iter().chain(children).collect::<Vec<u8>>()
        };
        assert!(parse_node(&node(0, &[1, 2]), 0, 3).is_some());
        assert!(parse_node(&node(1, &[1, 2]), 0, 3).is_none());
        assert!(parse_node(&node(0, &[1, 2]), 0, 4).is_none());
        assert!(parse_node(&node(0, &[0, 3]), 0, 3).is_none());
        assert!(parse_node(&node(0, &[u64::MAX, 4]), 0, 3).is_none());
        assert!(parse_node(&node(0, &[1; 1025]), 0, 1025).is_none());
        assert!(parse_node(&[], 0, 0).is_none());
    }
}
