//! Trees by path, and their files.

use std::collections::BTreeMap;

use crate::id::{ContentId, TreeId};
use crate::merge::text::{self, Clash};
use crate::merge::three::Three;
use crate::merge::{Conflicts, Desk, Held, Merging, values};
use crate::name::EntryName;
use crate::object::{Entry, FindContent, Node, ObjectError, TreeBuilder, TreeEntries};

/// What becomes of a file that both sides changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// It is merged by line, if it is text.
    Merged,
    /// It is data, and a conflict.
    Kept,
}

/// The content of a file, and its size in bytes.
pub(super) type Content = (ContentId, u64);

/// What comes of nodes.
pub(super) type Known = BTreeMap<Three<Option<Node>>, Option<Node>>;

/// Directories deeper than this that both sides changed are taken whole.
const MAX_DEPTH: usize = 200;

impl Merging<'_> {
    /// Merges what is at a place of a tree. A directory of which nothing is left is gone.
    pub(super) fn node(
        &mut self,
        place: &str,
        sides: Three<Option<Node>>,
        lines: Lines,
    ) -> Result<Option<Node>, ObjectError> {
        self.below(place, sides, lines, 0)
    }

    fn below(
        &mut self,
        place: &str,
        sides: Three<Option<Node>>,
        lines: Lines,
        depth: usize,
    ) -> Result<Option<Node>, ObjectError> {
        if let Some(agreed) = sides.agreed() {
            return Ok(agreed);
        }
        if self.conflicts.is_full() {
            return Ok(sides.ours);
        }
        // A hostile tree may hold one directory any number of times.
        if let Some(known) = self.known[lines as usize].get(&sides) {
            return Ok(*known);
        }
        let before = self.conflicts.list.len();
        let merged = match directories(sides).filter(|_| depth < MAX_DEPTH) {
            Some(trees) => self.directory(place, trees, lines, depth)?,
            None => self.file(place, sides, lines)?,
        };
        if self.conflicts.list.len() == before {
            self.known[lines as usize].insert(sides, merged);
        }
        Ok(merged)
    }

    fn directory(
        &mut self,
        place: &str,
        trees: Three<Option<TreeId>>,
        lines: Lines,
        depth: usize,
    ) -> Result<Option<Node>, ObjectError> {
        let desk = self.desk;
        let mut cursors = trees.try_map(|tree| Cursor::open(desk, tree))?;
        let (mut builder, mut is_empty) = (TreeBuilder::new(desk), true);
        loop {
            let names = [&cursors.base, &cursors.ours, &cursors.theirs].map(Cursor::name);
            let Some(name) = names.into_iter().flatten().min().cloned() else { break };
            let sides = Three {
                base: cursors.base.take(&name)?,
                ours: cursors.ours.take(&name)?,
                theirs: cursors.theirs.take(&name)?,
            };
            let merged = match sides.agreed() {
                Some(agreed) => agreed,
                None => self.below(&format!("{place}/{name}"), sides, lines, depth + 1)?,
            };
            if let Some(node) = merged {
                is_empty = false;
                builder.push(Entry { name, node })?;
            }
        }
        if is_empty { Ok(None) } else { builder.finish().map(Some) }
    }

    /// Anything but directories on all sides.
    fn file(
        &mut self,
        place: &str,
        sides: Three<Option<Node>>,
        lines: Lines,
    ) -> Result<Option<Node>, ObjectError> {
        if let Some((contents, executable)) = files(sides) {
            if let Some(Some((content, size))) = contents.agreed() {
                return Ok(Some(Node::File { content, size, executable }));
            }
            if lines == Lines::Merged
                && let Some(bytes) = self.text(place, sides, contents)?
            {
                let size = bytes.len() as u64;
                let (content, size) = self.desk.insert_content(&mut &bytes[..], size)?;
                return Ok(Some(Node::File { content, size, executable }));
            }
            if self.conflicts.list.last().is_some_and(|last| last.place == place) {
                return Ok(sides.ours);
            }
        }
        Ok(self.conflicts.decide(place.to_owned(), sides, Held::Node))
    }

    /// The text of a source file with what both sides changed. Where their lines meet and it is a file of values, by key.
    fn text(
        &mut self,
        place: &str,
        sides: Three<Option<Node>>,
        contents: Three<Option<Content>>,
    ) -> Result<Option<Vec<u8>>, ObjectError> {
        let bytes = contents.try_map(|content| self.bytes(content, text::MAX_TEXT))?;
        let Some(bytes) = bytes.all() else { return Ok(None) };
        let bytes = bytes.as_ref().map(Vec::as_slice);
        let Some(texts) = bytes.map(text::as_text).all() else { return Ok(None) };
        let favour = self.conflicts.favour;
        let name = place.rsplit('/').next().unwrap_or(place);
        let trees = bytes.map(|bytes| self.reader.values(name, bytes)).all();
        if let Some(merged) = text::merge(texts, Clash::Refused) {
            // A file of values must stay one: two lines that do not meet may still say one thing twice.
            if trees.is_none() || self.reader.values(name, merged.as_bytes()).is_some() {
                return Ok(Some(merged.into_bytes()));
            }
        }
        if let Some(trees) = trees {
            let mut conflicts = Conflicts { list: Vec::new(), favour };
            let merged = values::merge("", trees, &mut conflicts);
            let is_decided = conflicts.list.is_empty() || favour.is_some();
            if let Some(file) = Some(())
                .filter(|()| is_decided)
                .and_then(|()| values::file(self.reader, name, bytes, &merged))
            {
                if !conflicts.list.is_empty() {
                    self.conflicts.decide(place.to_owned(), sides, Held::Node);
                }
                return Ok(Some(file));
            }
        }
        self.conflicts.decide(place.to_owned(), sides, Held::Node);
        Ok(favour.and_then(|side| text::merge(texts, Clash::Taken(side))).map(String::into_bytes))
    }

    /// The bytes of a file, none of one that is not there; `None` if it is too long.
    pub(super) fn bytes(&self, file: Option<Content>, limit: u64) -> Result<Option<Vec<u8>>, ObjectError> {
        let Some((content, _)) = file else { return Ok(Some(Vec::new())) };
        match FindContent::content(self.desk, content, limit) {
            Err(ObjectError::TooLarge { .. }) => Ok(None),
            read => read.map(Some),
        }
    }
}

/// The three as directories, where what is not there is an empty one. One that a side removed whole is looked into
/// as well: what the other side changed in it is the conflict.
fn directories(sides: Three<Option<Node>>) -> Option<Three<Option<TreeId>>> {
    let trees = sides.map(|side| match side {
        Some(Node::Directory { tree, .. }) => Some(Some(tree)),
        Some(_) => None,
        None => Some(None),
    });
    let trees = trees.all()?;
    let of_both = trees.ours.is_some() && trees.theirs.is_some();
    (of_both || trees.base.is_some()).then_some(trees)
}

/// The contents of what is a file on both sides, and whether it comes out executable.
fn files(sides: Three<Option<Node>>) -> Option<(Three<Option<Content>>, bool)> {
    let file = |side: Option<Node>| match side {
        Some(Node::File { content, size, executable }) => Some(((content, size), executable)),
        _ => None,
    };
    let files = sides.map(file);
    let (ours, theirs) = (files.ours?.1, files.theirs?.1);
    // Of two values, one is the base's wherever the sides differ.
    let executable = match files.base {
        Some((_, base)) => Three { base, ours, theirs }.agreed().unwrap_or(ours),
        None => ours || theirs,
    };
    Some((files.map(|file| file.map(|(content, _)| content)), executable))
}

/// A place in a directory, which may not be there.
struct Cursor<'a> {
    entries: Option<TreeEntries<'a, dyn Desk + 'a>>,
    next: Option<Entry>,
}

impl<'a> Cursor<'a> {
    fn open(desk: &'a dyn Desk, tree: Option<TreeId>) -> Result<Self, ObjectError> {
        let mut entries = tree.map(|tree| TreeEntries::new(desk, tree)).transpose()?;
        let next = entries.as_mut().and_then(Iterator::next).transpose()?;
        Ok(Self { entries, next })
    }

    fn name(&self) -> Option<&EntryName> {
        self.next.as_ref().map(|entry| &entry.name)
    }

    /// What has this name, if that is what comes next.
    fn take(&mut self, name: &EntryName) -> Result<Option<Node>, ObjectError> {
        if self.name() != Some(name) {
            return Ok(None);
        }
        let next = self.entries.as_mut().and_then(Iterator::next).transpose()?;
        Ok(std::mem::replace(&mut self.next, next).map(|entry| entry.node))
    }
}
