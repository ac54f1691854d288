//! Reading many contents: each frame is decoded once, large contents on several threads.
//!
//! A small content is verified before the sink sees it. A large one is written by its pieces as they
//! come, and hashed in order behind them; the sink learns at the end whether it was right. What is in
//! flight is bounded by the number of buffers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, unbounded};
use rayon::prelude::*;

use crate::id::{ContentId, Digest};
use crate::object::{ContentSink, FindContent, ObjectError, ReadContents};
use crate::store::catalog::Location;
use crate::store::layout::{EntryKind, PackProblem};
use crate::store::pool::{Lent, Pool};
use crate::store::read::{Shape, slice};
use crate::store::recipe::Root;
use crate::store::{Store, StoreError};

/// Buffers in flight for a large content, each of at most [`SEGMENT`] bytes and one frame.
const BUFFERS: usize = 8;
/// Bytes of a large content that are decoded at a time.
const SEGMENT: u64 = 1 << 20;

/// A small content that is wanted.
struct Small {
    location: Location,
    /// Its place in what is wanted. Four bytes, as there may be millions of these.
    index: u32,
}

impl Small {
    fn frame(&self) -> (crate::store::PackName, u32) {
        (self.location.pack.name, self.location.place.frame)
    }
}

/// Consecutive chunks of a large content that lie in one frame.
struct Segment<'a> {
    number: usize,
    offset: u64,
    parts: Vec<(Location, Digest)>,
    size: u64,
    room: Lent<'a, Room>,
}

/// What a segment is decoded in.
#[derive(Default)]
struct Room {
    stored: Vec<u8>,
    raw: Vec<u8>,
    /// The content's bytes, where these are not all of `raw`.
    joined: Vec<u8>,
}

impl ReadContents for Store {
    fn read_contents(&self, wanted: &[(ContentId, u64)], sink: &dyn ContentSink) -> Result<(), ObjectError> {
        let (mut small, mut large) = (Vec::new(), Vec::new());
        for (index, (id, size)) in wanted.iter().enumerate() {
            let shape = self.shape(*id)?.ok_or(ObjectError::MissingContent(*id))?;
            if shape.size() != *size {
                return Err(StoreError::CorruptContent { content: *id, chunk: None }.into());
            }
            match shape {
                Shape::Empty => sink.verified(index)?,
                Shape::Chunk(location) => small.push(Small { location, index: index as u32 }),
                Shape::Recipe(root) => large.push((index, *id, root)),
            }
        }
        small.sort_unstable_by_key(|small| (small.location.pack.name, small.location.place));
        let rooms = Pool::new(usize::MAX);
        small.par_chunk_by(|a, b| a.frame() == b.frame()).try_for_each(|frame| {
            let mut room = rooms.lend(|| Ok::<_, ObjectError>(Room::default()))?;
            self.read_small(frame, wanted, &mut room, sink)
        })?;
        drop(rooms);
        large.into_iter().try_for_each(|(index, id, root)| self.read_large(index, id, root, sink))
    }
}

impl Store {
    fn read_small(
        &self,
        frame: &[Small],
        wanted: &[(ContentId, u64)],
        room: &mut Room,
        sink: &dyn ContentSink,
    ) -> Result<(), ObjectError> {
        let Some(first) = frame.first() else { return Ok(()) };
        let (pack, number) = (&*first.location.pack, first.location.place.frame);
        let read = self.frame_into(pack, number, false, &mut room.stored, &mut room.raw);
        let moved = matches!(read, Err(StoreError::Pack { problem: PackProblem::Missing, .. }));
        if !moved {
            read?;
        }
        for Small { location, index } in frame {
            let (index, id) = (*index as usize, wanted[*index as usize].0);
            let start = location.place.offset as usize;
            if moved {
                // Its pack was collected after it was found; reading looks for it again.
                sink.write(index, 0, &self.content(id, location.place.length.into())?)?;
            } else {
                let bytes = slice(&room.raw, pack, start..start + location.place.length as usize)?;
                if ContentId::of(bytes) != id {
                    return Err(StoreError::CorruptContent { content: id, chunk: None }.into());
                }
                sink.write(index, 0, bytes)?;
            }
            sink.verified(index)?;
        }
        Ok(())
    }

    fn read_large(
        &self,
        index: usize,
        content: ContentId,
        root: Root,
        sink: &dyn ContentSink,
    ) -> Result<(), ObjectError> {
        let workers = std::thread::available_parallelism().map_or(2, usize::from).min(BUFFERS);
        let rooms = Pool::new(BUFFERS);
        let failure = Mutex::new(None);
        let fail = |error: ObjectError| {
            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        };
        let has_failed = || failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let hash = std::thread::scope(|scope| {
            let (to_hasher, decoded) = unbounded::<Segment<'_>>();
            let hasher = scope.spawn(move || hash_in_order(&decoded));
            let (to_workers, segments) = unbounded::<Segment<'_>>();
            for _ in 0..workers {
                let (segments, to_hasher): (Receiver<Segment<'_>>, _) = (segments.clone(), to_hasher.clone());
                let (fail, has_failed) = (&fail, &has_failed);
                scope.spawn(move || {
                    for mut segment in segments {
                        let done = if has_failed() { Ok(()) } else { self.decode(&mut segment) };
                        let written = done
                            .map_err(Into::into)
                            .and_then(|()| sink.write(index, segment.offset, segment.bytes()));
                        written.unwrap_or_else(fail);
                        let _ = to_hasher.send(segment);
                    }
                });
            }
            drop(to_hasher);
            self.plan(content, root, &rooms, &to_workers, &has_failed)
                .unwrap_or_else(|error| fail(error.into()));
            drop(to_workers);
            hasher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        if hash.as_bytes() != content.digest().as_bytes() {
            return Err(self.corrupt_chunk(content, root)?.into());
        }
        sink.verified(index)
    }

    /// Groups the chunks of a content into segments, and hands them out as there is room.
    fn plan<'a>(
        &self,
        content: ContentId,
        root: Root,
        rooms: &'a Pool<Room>,
        outlet: &Sender<Segment<'a>>,
        has_failed: &dyn Fn() -> bool,
    ) -> Result<(), StoreError> {
        let mut number = 0;
        let mut open: Option<Segment<'a>> = None;
        self.each_chunk(content, root, &mut |offset, chunk| {
            let location = self.chunk(content, chunk.id, chunk.size)?;
            let joins = |open: &Segment<'_>| {
                let (last, _) = &open.parts[open.parts.len() - 1];
                last.pack.name == location.pack.name
                    && last.place.frame == location.place.frame
                    && open.size + chunk.size <= SEGMENT + SEGMENT / 2
            };
            match &mut open {
                Some(segment) if joins(segment) => {
                    segment.size += chunk.size;
                    segment.parts.push((location, chunk.id));
                }
                _ => {
                    if let Some(segment) = open.take() {
                        let _ = outlet.send(segment);
                    }
                    if has_failed() {
                        return Err(StoreError::Unfinished);
                    }
                    let room = rooms.lend(|| Ok::<_, StoreError>(Room::default()))?;
                    open = Some(Segment {
                        number,
                        offset,
                        parts: vec![(location, chunk.id)],
                        size: chunk.size,
                        room,
                    });
                    number += 1;
                }
            }
            Ok(())
        })?;
        open.map_or(Ok(()), |segment| outlet.send(segment).map_err(|_| StoreError::Unfinished))
    }

    /// Where a chunk of a content lies.
    fn chunk(&self, content: ContentId, id: Digest, size: u64) -> Result<Location, StoreError> {
        let location = self.catalog.find(EntryKind::Chunk, &id)?;
        let location = location.ok_or(ObjectError::MissingContent(content))?;
        let agrees = u64::from(location.place.length) == size;
        if agrees { Ok(location) } else { Err(StoreError::CorruptRecipe(content)) }
    }

    fn decode(&self, segment: &mut Segment<'_>) -> Result<(), StoreError> {
        let Segment { parts, room, size, .. } = segment;
        let Room { stored, raw, joined } = &mut **room;
        let Location { pack, place: first } = &parts[0].0;
        joined.clear();
        match self.frame_into(pack, first.frame, false, stored, raw) {
            Err(StoreError::Pack { problem: PackProblem::Missing, .. }) => {
                return self.join_moved(parts, joined);
            }
            read => read?,
        }
        let mut end = 0;
        let in_order = parts.iter().all(|(part, _)| {
            let follows = part.place.offset == end;
            end = part.place.offset + part.place.length;
            follows
        });
        if in_order && raw.len() as u64 >= *size {
            raw.truncate(*size as usize);
            return Ok(());
        }
        for (part, _) in parts.iter() {
            let start = part.place.offset as usize;
            joined.extend_from_slice(slice(raw, pack, start..start + part.place.length as usize)?);
        }
        Ok(())
    }

    /// Reads chunks whose pack was collected after they were found.
    fn join_moved(&self, parts: &[(Location, Digest)], joined: &mut Vec<u8>) -> Result<(), StoreError> {
        for (part, id) in parts {
            joined.extend_from_slice(&self.content((*id).into(), part.place.length.into())?);
        }
        Ok(())
    }

    /// Which chunk it is that makes a content other than its id says.
    fn corrupt_chunk(&self, content: ContentId, root: Root) -> Result<StoreError, StoreError> {
        let mut room = Room::default();
        let mut corrupt = None;
        self.each_chunk(content, root, &mut |_, chunk| {
            if corrupt.is_none() {
                let Location { pack, place } = self.chunk(content, chunk.id, chunk.size)?;
                self.frame_into(&pack, place.frame, false, &mut room.stored, &mut room.raw)?;
                let start = place.offset as usize;
                let bytes = slice(&room.raw, &pack, start..start + place.length as usize)?;
                corrupt = (ContentId::of(bytes).digest() != chunk.id).then_some(chunk.id);
            }
            Ok(())
        })?;
        Ok(StoreError::CorruptContent { content, chunk: corrupt })
    }
}

impl Segment<'_> {
    fn bytes(&self) -> &[u8] {
        if self.room.joined.is_empty() { &self.room.raw } else { &self.room.joined }
    }
}

fn hash_in_order(decoded: &Receiver<Segment<'_>>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let (mut next, mut waiting) = (0, BTreeMap::new());
    for segment in decoded {
        waiting.insert(segment.number, segment);
        while let Some(segment) = waiting.remove(&next) {
            hasher.update(segment.bytes());
            next += 1;
        }
    }
    hasher.finalize()
}

/// A sink that keeps one content in memory.
pub(super) struct Gather(Mutex<Vec<u8>>);

impl Gather {
    pub(super) fn new(size: u64) -> Self {
        // The kernel gives pages as they are written: a size that is a lie costs nothing.
        Self(Mutex::new(vec![0; size as usize]))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ContentSink for Gather {
    fn write(&self, _: usize, offset: u64, bytes: &[u8]) -> Result<(), ObjectError> {
        let mut whole = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Offsets come from sizes whose sum was checked against the whole.
        whole[offset as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read_back(&self, _: usize, offset: u64, buffer: &mut [u8]) -> Result<(), ObjectError> {
        let whole = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buffer.copy_from_slice(&whole[offset as usize..][..buffer.len()]);
        Ok(())
    }

    fn verified(&self, _: usize) -> Result<(), ObjectError> {
        Ok(())
    }
}
