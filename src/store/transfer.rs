//! Copying entries from one store to another, or within one out of packs that are going to be removed.
//!
//! What the target has already is not copied. A frame all of whose entries are wanted goes over as it is; of others,
//! the entries that are wanted are packed anew. Data packs are published before metadata packs, each under a name
//! that never was before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::id::{ContentId, Digest, Kind};
use crate::progress::{Amount, Progress};
use crate::store::catalog::Location;
use crate::store::layout::{EntryKind, Place};
use crate::store::packs::{Pack, PackName, Section};
use crate::store::recipe::{Root, node_id};
use crate::store::{Store, StoreError, Writer};

/// What becomes of something that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The target has it.
    Here,
    /// It is going to be copied.
    Taken,
    /// Neither has it.
    Nowhere,
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Objects.
    pub objects: u64,
    /// Entries of data packs.
    pub contents: u64,
    /// Bytes of the new packs.
    pub bytes: u64,
}

/// Entries of one pack that are wanted.
struct FromPack {
    pack: Arc<Pack>,
    wanted: Vec<(Place, EntryKind, Digest)>,
}

/// A copy that is being put together.
pub struct Transfer<'a> {
    from: &'a Store,
    to: &'a Store,
    doomed: &'a HashSet<PackName>,
    lists_doomed: bool,
    taken: HashSet<(EntryKind, Digest)>,
    packs: HashMap<PackName, FromPack>,
    own: Vec<(Kind, Vec<u8>)>,
    bytes: u64,
    progress: &'a dyn Progress,
}

impl<'a> Transfer<'a> {
    /// Lists the packs of both, once. What only doomed packs of the target have counts as not there.
    pub fn new(
        from: &'a Store,
        to: &'a Store,
        doomed: &'a HashSet<PackName>,
        progress: &'a dyn Progress,
    ) -> Result<Self, StoreError> {
        let mut lists_doomed = false;
        for section in Section::ALL {
            lists_doomed |= to.catalog.list(section)?.iter().any(|name| doomed.contains(name));
            if !std::ptr::eq(from, to) {
                from.catalog.list(section)?;
            }
        }
        Ok(Self {
            from,
            to,
            doomed,
            lists_doomed,
            taken: HashSet::new(),
            packs: HashMap::new(),
            own: Vec::new(),
            bytes: 0,
            progress,
        })
    }

    /// Whether a pack that is doomed was still listed.
    pub fn lists_doomed(&self) -> bool {
        self.lists_doomed
    }

    /// Wants an object.
    pub fn object(&mut self, kind: Kind, id: Digest) -> Result<Wanted, StoreError> {
        self.entry(EntryKind::Object(kind), id)
    }

    fn is_there(&self, kind: EntryKind, id: &Digest) -> Result<bool, StoreError> {
        Ok(self.to.catalog.find_outside(kind, id, self.doomed)?.is_some())
    }

    fn entry(&mut self, kind: EntryKind, id: Digest) -> Result<Wanted, StoreError> {
        if self.taken.contains(&(kind, id)) {
            return Ok(Wanted::Taken);
        }
        if self.is_there(kind, &id)? {
            return Ok(Wanted::Here);
        }
        let Some(Location { pack, place }) = self.from.catalog.find_known(kind, &id)? else {
            return Ok(Wanted::Nowhere);
        };
        self.taken.insert((kind, id));
        self.bytes += u64::from(place.length);
        let pack = self.packs.entry(pack.name).or_insert_with(|| FromPack { pack, wanted: Vec::new() });
        pack.wanted.push((place, kind, id));
        Ok(Wanted::Taken)
    }

    /// Wants a content, with all of its chunks.
    pub fn content(&mut self, id: ContentId) -> Result<Wanted, StoreError> {
        if id == ContentId::of(b"") {
            return Ok(Wanted::Here);
        }
        match self.entry(EntryKind::Chunk, id.digest())? {
            Wanted::Nowhere => {}
            whole => return Ok(whole),
        }
        let mut result = self.entry(EntryKind::Recipe, id.digest())?;
        if result == Wanted::Nowhere {
            return Ok(result);
        }
        let store = if self.from.catalog.find_known(EntryKind::Recipe, &id.digest())?.is_some() {
            self.from
        } else {
            self.to
        };
        let bytes = store.entry(EntryKind::Recipe, &id.digest())?.ok_or(StoreError::CorruptRecipe(id))?;
        let root = Root::parse(&bytes, id).ok_or(StoreError::CorruptRecipe(id))?;
        let mut open = vec![(root.level, root.top)];
        while let Some((level, node)) = open.pop() {
            result = worse(result, self.entry(EntryKind::Node, node.id)?);
            let children = store.node(id, level, node)?;
            match level.checked_sub(1) {
                Some(below) => open.extend(children.into_iter().map(|child| (below, child))),
                None => {
                    for chunk in children {
                        result = worse(result, self.entry(EntryKind::Chunk, chunk.id)?);
                    }
                }
            }
        }
        Ok(result)
    }

    /// Wants an object that the source does not have.
    pub fn insert(&mut self, kind: Kind, bytes: Vec<u8>) -> Result<Digest, StoreError> {
        let id = kind.digest(&bytes);
        if !self.is_there(EntryKind::Object(kind), &id)? && self.taken.insert((EntryKind::Object(kind), id)) {
            self.bytes += bytes.len() as u64;
            self.own.push((kind, bytes));
        }
        Ok(id)
    }

    /// Wants everything that the packs of a section have.
    pub fn everything_in(&mut self, section: Section) -> Result<(), StoreError> {
        let mut all = Vec::new();
        let (low, high) = (Digest::new([0; 32]), Digest::new([0xff; 32]));
        self.from.catalog.range(&low, &high, &mut |pack, entry| {
            if pack.section == section {
                all.push((entry.kind, entry.id));
            }
        })?;
        all.into_iter().try_for_each(|(kind, id)| self.entry(kind, id).map(drop))
    }

    /// How many entries are going to be copied, and about how many bytes.
    pub fn amount(&self) -> (u64, u64) {
        (self.taken.len() as u64, self.bytes)
    }

    /// Copies what is wanted. Everything is durable at the target when it returns.
    pub fn send(self) -> Result<Sent, StoreError> {
        let Self { from, to, doomed, packs, own, progress, .. } = self;
        let (objects, contents) = (AtomicU64::new(own.len() as u64), AtomicU64::new(0));
        let writer = Writer::new(to, doomed.clone(), &crate::progress::Silent);
        for (kind, bytes) in &own {
            writer.copy(EntryKind::Object(*kind), kind.digest(bytes), bytes)?;
        }
        for mut pack in packs.into_values() {
            pack.wanted.sort_unstable_by_key(|(place, ..)| *place);
            pack.wanted.par_chunk_by(|a, b| a.0.frame == b.0.frame).try_for_each(|frame| {
                let mut raw = Vec::new();
                from.frame_into(&pack.pack, frame[0].0.frame, true, &mut Vec::new(), &mut raw)?;
                for (place, kind, id) in frame {
                    let bytes = crate::store::read::slice(
                        &raw,
                        &pack.pack,
                        place.offset as usize..(place.offset + place.length) as usize,
                    )?;
                    if !has_its_id(*kind, id, bytes) {
                        return Err(pack.pack.corrupt(crate::store::layout::PackProblem::Entry(*id)));
                    }
                    writer.copy(*kind, *id, bytes)?;
                    let count = if matches!(kind, EntryKind::Object(_)) { &objects } else { &contents };
                    count.fetch_add(1, Ordering::Relaxed);
                    progress.advance(Amount { items: 1, bytes: bytes.len() as u64 });
                }
                Ok::<_, StoreError>(())
            })?;
        }
        let written = writer.finish()?;
        Ok(Sent {
            objects: objects.into_inner(),
            contents: contents.into_inner(),
            bytes: written.stored_bytes,
        })
    }
}

fn has_its_id(kind: EntryKind, id: &Digest, bytes: &[u8]) -> bool {
    match kind {
        EntryKind::Chunk => ContentId::of(bytes).digest() == *id,
        EntryKind::Recipe => Root::parse(bytes, (*id).into()).is_some(),
        EntryKind::Node => node_id(bytes) == *id,
        EntryKind::Object(kind) => kind.digest(bytes) == *id,
    }
}

fn worse(a: Wanted, b: Wanted) -> Wanted {
    match (a, b) {
        (Wanted::Nowhere, _) | (_, Wanted::Nowhere) => Wanted::Nowhere,
        (Wanted::Taken, _) | (_, Wanted::Taken) => Wanted::Taken,
        _ => Wanted::Here,
    }
}
