//! Reading: frames, objects, and how a content is made.
//!
//! A frame is checked against its hash before anything of it is used. A few decoded frames are kept, since
//! objects that are wanted together lie together.

use std::collections::{HashSet, VecDeque};
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

use crate::id::{ContentId, Digest, Kind};
use crate::object::{Find, FindContent, ObjectError, ReadContents};
use crate::store::catalog::Location;
use crate::store::codec::Decoder;
use crate::store::layout::{EntryKind, PackProblem, Place};
use crate::store::packs::{Pack, PackName};
use crate::store::recipe::{Child, Root, node_id, parse_node};
use crate::store::restore::Gather;
use crate::store::{Store, StoreError};

/// Decoded bytes that are kept.
const CACHE_BYTES: usize = 16 << 20;
/// A frame of more bytes than this is not kept.
const CACHED_FRAME: usize = 1 << 20;

/// A frame, by its pack and number.
type FrameKey = (PackName, u32);

/// Decoded frames, the last used in front.
#[derive(Default)]
pub(super) struct FrameCache {
    frames: VecDeque<(FrameKey, Arc<[u8]>)>,
    bytes: usize,
}

impl FrameCache {
    fn get(&mut self, key: FrameKey) -> Option<Arc<[u8]>> {
        let at = self.frames.iter().position(|(known, _)| *known == key)?;
        let found = self.frames.remove(at)?;
        let frame = found.1.clone();
        self.frames.push_front(found);
        Some(frame)
    }

    fn put(&mut self, key: FrameKey, frame: Arc<[u8]>) {
        self.bytes += frame.len();
        self.frames.push_front((key, frame));
        while self.bytes > CACHE_BYTES {
            let Some((_, old)) = self.frames.pop_back() else { break };
            self.bytes -= old.len();
        }
    }
}

/// How a content is kept.
pub(super) enum Shape {
    /// It has no bytes, and is nowhere.
    Empty,
    /// As one chunk.
    Chunk(Location),
    /// By a recipe.
    Recipe(Root),
}

impl Shape {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Chunk(location) => location.place.length.into(),
            Self::Recipe(root) => root.top.size,
        }
    }
}

impl Store {
    /// Decodes a frame into `raw`, after a check of its hash if that is asked for. `stored` is room to work in.
    pub(super) fn frame_into(
        &self,
        pack: &Pack,
        number: u32,
        check: bool,
        stored: &mut Vec<u8>,
        raw: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let frame = self.catalog.reader.stored(pack, number, check, stored)?;
        raw.resize(frame.raw as usize, 0);
        let mut decoder = self.decoders.lend(Decoder::new).map_err(StoreError::Memory)?;
        let problem = PackProblem::Decode(number);
        let corrupt = || StoreError::Pack { pack: pack.name.to_string(), problem };
        decoder.decode(frame.codec, stored, raw).ok_or_else(corrupt)
    }

    /// The bytes at a location, as the frame's hash vouches for them.
    pub(super) fn bytes_at(&self, location: &Location) -> Result<Vec<u8>, StoreError> {
        let (key, range) = ((location.pack.name, location.place.frame), range_of(&location.place));
        let outside = || outside(&location.pack);
        let known = self.frames.lock().unwrap_or_else(PoisonError::into_inner).get(key);
        if let Some(frame) = known {
            return frame.get(range).map(<[u8]>::to_vec).ok_or_else(outside);
        }
        let (mut stored, mut raw) = (Vec::new(), Vec::new());
        self.frame_into(&location.pack, location.place.frame, true, &mut stored, &mut raw)?;
        drop(stored);
        if raw.len() <= CACHED_FRAME {
            let found = raw.get(range).map(<[u8]>::to_vec).ok_or_else(outside)?;
            self.frames.lock().unwrap_or_else(PoisonError::into_inner).put(key, raw.into());
            return Ok(found);
        }
        // What is large is not there twice.
        raw.get(range.clone()).ok_or_else(outside)?;
        raw.truncate(range.end);
        raw.drain(..range.start);
        Ok(raw)
    }

    /// The bytes of an entry. A pack that vanishes meanwhile was collected: what was in it is elsewhere. Of one that is
    /// damaged, another may have it too.
    pub(super) fn entry(&self, kind: EntryKind, id: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        for _ in 0..3 {
            let Some(location) = self.catalog.find(kind, id)? else { return Ok(None) };
            match self.bytes_at(&location) {
                Err(StoreError::Pack { problem: PackProblem::Missing, .. }) => drop(self.catalog.refresh()?),
                Err(damaged @ StoreError::Pack { .. }) => {
                    return self.elsewhere(kind, id, location.pack.name, damaged).map(Some);
                }
                read => return read.map(Some),
            }
        }
        Ok(None)
    }

    /// The bytes of an entry, from a pack other than one that is damaged.
    fn elsewhere(
        &self,
        kind: EntryKind,
        id: &Digest,
        pack: PackName,
        damaged: StoreError,
    ) -> Result<Vec<u8>, StoreError> {
        self.catalog.refresh()?;
        let mut tried = HashSet::from([pack]);
        while let Some(location) = self.catalog.find_outside(kind, id, &tried)? {
            match self.bytes_at(&location) {
                Err(StoreError::Pack { .. }) => drop(tried.insert(location.pack.name)),
                read => return read,
            }
        }
        Err(StoreError::Unreadable { kind, id: *id, source: Box::new(damaged) })
    }

    /// How a content is kept; `None` if it is not here.
    pub(super) fn shape(&self, id: ContentId) -> Result<Option<Shape>, StoreError> {
        if id == ContentId::of(b"") {
            return Ok(Some(Shape::Empty));
        }
        match self.known_shape(id) {
            Ok(Some(shape)) => return Ok(Some(shape)),
            Ok(None) | Err(StoreError::Pack { problem: PackProblem::Missing, .. }) => {}
            Err(error) => return Err(error),
        }
        self.catalog.refresh()?;
        self.known_shape(id)
    }

    fn known_shape(&self, id: ContentId) -> Result<Option<Shape>, StoreError> {
        let digest = id.digest();
        if let Some(location) = self.catalog.find_known(EntryKind::Chunk, &digest)? {
            return Ok(Some(Shape::Chunk(location)));
        }
        let Some(location) = self.catalog.find_known(EntryKind::Recipe, &digest)? else { return Ok(None) };
        let root = Root::parse(&self.bytes_at(&location)?, id);
        root.map(|root| Some(Shape::Recipe(root))).ok_or(StoreError::CorruptRecipe(id))
    }

    /// Whether a content has all of its entries. Costs a look at each chunk.
    pub(super) fn is_whole(
        &self,
        id: ContentId,
        has: &dyn Fn(EntryKind, &Digest) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        let digest = id.digest();
        if id == ContentId::of(b"") || has(EntryKind::Chunk, &digest)? {
            return Ok(true);
        }
        if !has(EntryKind::Recipe, &digest)? {
            return Ok(false);
        }
        let Some(root) = self.entry(EntryKind::Recipe, &digest)? else { return Ok(false) };
        let root = Root::parse(&root, id).ok_or(StoreError::CorruptRecipe(id))?;
        let mut open = vec![(root.level, root.top)];
        while let Some((level, node)) = open.pop() {
            if !has(EntryKind::Node, &node.id)? {
                return Ok(false);
            }
            let children = self.node(id, level, node)?;
            match level.checked_sub(1) {
                Some(below) => open.extend(children.into_iter().map(|child| (below, child))),
                None => {
                    for chunk in children {
                        if !has(EntryKind::Chunk, &chunk.id)? {
                            return Ok(false);
                        }
                    }
                }
            }
        }
        Ok(true)
    }

    /// The children of a node of a recipe.
    pub(super) fn node(&self, content: ContentId, level: u8, node: Child) -> Result<Vec<Child>, StoreError> {
        let bytes = self.entry(EntryKind::Node, &node.id)?.ok_or(StoreError::CorruptRecipe(content))?;
        let children = if node_id(&bytes) == node.id { parse_node(&bytes, level, node.size) } else { None };
        children.ok_or(StoreError::CorruptRecipe(content))
    }

    /// Writes a content in order, each chunk after a check of its id. An error after some bytes says that
    /// together they are not the content: what was written is then not to be trusted.
    pub fn write_content(&self, id: ContentId, to: &mut dyn Write) -> Result<(), ObjectError> {
        let shape = self.shape(id)?.ok_or(ObjectError::MissingContent(id))?;
        let Shape::Recipe(root) = shape else {
            let bytes = self.content(id, u64::MAX)?;
            return to.write_all(&bytes).map_err(|error| ObjectError::Storage(error.into()));
        };
        let mut whole = blake3::Hasher::new();
        self.each_chunk(id, root, &mut |_, chunk| {
            let corrupt = || StoreError::CorruptContent { content: id, chunk: Some(chunk.id) };
            let bytes = self.entry(EntryKind::Chunk, &chunk.id)?.ok_or_else(corrupt)?;
            if ContentId::of(&bytes).digest() != chunk.id {
                return Err(corrupt());
            }
            whole.update(&bytes);
            to.write_all(&bytes).map_err(StoreError::Output)
        })?;
        let corrupt = StoreError::CorruptContent { content: id, chunk: None };
        if Digest::new(*whole.finalize().as_bytes()) == id.digest() { Ok(()) } else { Err(corrupt.into()) }
    }

    /// Calls `see` with the nodes and chunks of a content.
    pub(super) fn each_part(
        &self,
        content: ContentId,
        root: Root,
        see: &mut dyn FnMut(EntryKind, Digest),
    ) -> Result<(), StoreError> {
        // At most as many as a node has children for each level, which is bounded.
        let mut open = vec![(root.level, root.top)];
        while let Some((level, node)) = open.pop() {
            see(EntryKind::Node, node.id);
            for child in self.node(content, level, node)? {
                match level.checked_sub(1) {
                    Some(below) => open.push((below, child)),
                    None => see(EntryKind::Chunk, child.id),
                }
            }
        }
        Ok(())
    }

    /// Walks the chunks of a content in order; `see` has the offset of each.
    pub(super) fn each_chunk(
        &self,
        content: ContentId,
        root: Root,
        see: &mut dyn FnMut(u64, Child) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut offset = 0;
        // At most as deep as the root's level, which is bounded.
        let mut open = vec![(root.level, vec![root.top].into_iter())];
        while let Some((level, nodes)) = open.last_mut() {
            let level = *level;
            let Some(node) = nodes.next() else {
                open.pop();
                continue;
            };
            if level == 0 {
                for chunk in self.node(content, 0, node)? {
                    see(offset, chunk)?;
                    offset += chunk.size;
                }
            } else {
                open.push((level - 1, self.node(content, level, node)?.into_iter()));
            }
        }
        Ok(())
    }
}

pub(super) fn outside(pack: &Pack) -> StoreError {
    let problem = PackProblem::Footer("an entry lies outside of its frame");
    StoreError::Pack { pack: pack.name.to_string(), problem }
}

/// Where an entry lies in its decoded frame.
fn range_of(place: &Place) -> Range<usize> {
    place.offset as usize..place.offset as usize + place.length as usize
}

/// The bytes of an entry in its decoded frame.
pub(super) fn slice<'a>(frame: &'a [u8], pack: &Pack, range: Range<usize>) -> Result<&'a [u8], StoreError> {
    frame.get(range).ok_or_else(|| outside(pack))
}

impl Find for Store {
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
        Ok(self.entry(EntryKind::Object(kind), &id)?)
    }

    fn has(&self, kind: Kind, id: Digest) -> Result<bool, ObjectError> {
        Ok(self.catalog.find(EntryKind::Object(kind), &id)?.is_some())
    }
}

impl FindContent for Store {
    fn content(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, ObjectError> {
        let shape = self.shape(id)?.ok_or(ObjectError::MissingContent(id))?;
        let size = shape.size();
        if size > limit {
            return Err(ObjectError::TooLarge { id, size, limit });
        }
        if let Shape::Chunk(location) = shape {
            let read = match self.bytes_at(&location) {
                Err(StoreError::Pack { problem: PackProblem::Missing, .. }) => {
                    self.entry(EntryKind::Chunk, &id.digest())?.ok_or(ObjectError::MissingContent(id))?
                }
                read => read?,
            };
            let whole = ContentId::of(&read) == id;
            return if whole {
                Ok(read)
            } else {
                Err(StoreError::CorruptContent { content: id, chunk: None }.into())
            };
        }
        let gather = Gather::new(size);
        self.read_contents(&[(id, size)], &gather)?;
        Ok(gather.into_bytes())
    }
}
