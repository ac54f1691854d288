//! Everything that is reachable: from commits to definitions, to datasets, trees and contents.

use crate::graph::Marks;
use crate::id::{Digest, Kind};
use crate::object::{Find, Link, Node, ObjectError, links};

/// Walks what is reachable, each thing once, also over several calls.
pub struct Closure<'a> {
    find: &'a dyn Find,
    seen: Marks,
    /// Objects that were told of, with and without the contents below them.
    told: Marks,
}

/// An object, and whether the contents below it are stored; or a content.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Object { kind: Kind, id: Digest, stored: bool },
    Content(crate::id::ContentId, u64),
}

impl<'a> Closure<'a> {
    /// Nothing was seen yet.
    pub fn new(find: &'a dyn Find) -> Self {
        Self { find, seen: Marks::default(), told: Marks::default() }
    }

    /// Calls `see` with every object and content that can be reached from the tips and was not seen before,
    /// and does not read what lies below an object where `see` says `false`. The trees of a dataset by
    /// reference are told of, its contents are not.
    pub fn walk(
        &mut self,
        tips: impl IntoIterator<Item = Link>,
        see: &mut dyn FnMut(Link) -> bool,
    ) -> Result<(), ObjectError> {
        let mut stack: Vec<Step> = Vec::new();
        tips.into_iter().for_each(|tip| stack.extend(Step::of(tip, true)));
        stack.reverse();
        while let Some(step) = stack.pop() {
            if !self.seen.insert(step) {
                continue;
            }
            match step {
                Step::Content(id, size) => {
                    see(Link::Content(id, size));
                }
                Step::Object { kind, id, stored } => {
                    if self.told.insert((kind, id)) && !see(Link::Object(kind, id)) {
                        continue;
                    }
                    self.below(kind, id, stored, &mut stack)?;
                }
            }
        }
        Ok(())
    }

    fn below(&self, kind: Kind, id: Digest, stored: bool, stack: &mut Vec<Step>) -> Result<(), ObjectError> {
        let bytes = self.find.find(kind, id)?.ok_or(ObjectError::Missing { kind, id })?;
        let start = stack.len();
        links(kind, id, &bytes, &mut |link| {
            stack.extend(Step::of(link, stored).filter(|step| !self.seen.contains(*step)));
        })?;
        stack[start..].reverse();
        Ok(())
    }
}

impl Step {
    fn of(link: Link, stored: bool) -> Option<Self> {
        match link {
            Link::Object(kind, id) => Some(Step::Object { kind, id, stored }),
            Link::Content(id, size) => stored.then_some(Step::Content(id, size)),
            Link::Unstored(Node::Directory { tree, .. }) => {
                Some(Step::Object { kind: Kind::Tree, id: tree.digest(), stored: false })
            }
            Link::Unstored(_) => None,
        }
    }
}

/// Calls `see` once with everything that can be reached from the tips, the tips included.
pub fn walk(
    find: &dyn Find,
    tips: impl IntoIterator<Item = Link>,
    see: &mut dyn FnMut(Link),
) -> Result<(), ObjectError> {
    Closure::new(find).walk(tips, &mut |link| {
        see(link);
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::fixture::commit;
    use crate::id::ContentId;
    use crate::name::EntryName;
    use crate::object::{Dataset, Entry, Memory, Tree, link, put};

    fn reached(memory: &Memory, tips: &[Link]) -> Vec<Link> {
        let mut out = Vec::new();
        walk(memory, tips.iter().copied(), &mut |link| out.push(link)).unwrap();
        out
    }

    fn directory(memory: &Memory) -> (Node, Link) {
        let content = ContentId::of(b"x");
        let node = Node::File { content, size: 1, executable: false };
        let entries = ["a", "b"].map(|name| Entry { name: EntryName::new(name).unwrap(), node });
        let tree = put(memory, &Tree::Leaf(entries.to_vec())).unwrap();
        (Node::Directory { tree, files: 2, bytes: 2 }, Link::Content(content, 1))
    }

    fn dataset(memory: &Memory, root: Node, stored: bool) -> Link {
        let dataset = Dataset { root, stored, format: None, source: None, licence: None, profile: None };
        link(put(memory, &dataset).unwrap())
    }

    #[test]
    fn everything_is_told_of_once() {
        let memory = Memory::default();
        let (root, content) = directory(&memory);
        let data = dataset(&memory, root, true);
        assert_eq!(reached(&memory, &[data, data]), [data, root.link(), content]);
    }

    #[test]
    fn contents_by_reference_are_left_out_unless_stored_elsewhere() {
        let memory = Memory::default();
        let (root, content) = directory(&memory);
        let (by_reference, stored) = (dataset(&memory, root, false), dataset(&memory, root, true));
        assert_eq!(reached(&memory, &[by_reference]), [by_reference, root.link()]);
        assert_eq!(reached(&memory, &[by_reference, stored]), [by_reference, root.link(), stored, content]);
    }

    #[test]
    fn a_walk_stops_where_it_is_told_to() {
        let memory = Memory::default();
        let tip = commit(&memory, 2, &[commit(&memory, 1, &[])]);
        let mut count = 0;
        Closure::new(&memory)
            .walk([link(tip)], &mut |_| {
                count += 1;
                false
            })
            .unwrap();
        assert_eq!(count, 1);
    }
}
