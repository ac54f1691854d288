//! Copying entries from a store to another, or to new packs of the same one.
//!
//! What is wanted is first told, entry by entry, against packs that are listed once; [`Transfer::send`] then reads
//! it in the order in which it lies, many pieces at a time. A frame of which all is wanted is copied as it is
//! stored; what is wanted of others is gathered into new frames (`carry`). On the way, contents can be handed to who waits
//! for them (`deliver`). Data packs are durable before the first
//! metadata pack is published. What was published before an interruption is found by the next transfer.

mod carry;
mod deliver;
mod plan;
mod shared;
mod whole;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::id::{ContentId, Digest, Kind};
use crate::object::ContentSink;
use crate::progress::{Amount, Progress};
use crate::store::catalog::Location;
use crate::store::draft::{Published, Terms};
use crate::store::frames::Frames;
use crate::store::layout::{Entry, EntryKind, MAX_RAW, PackProblem};
use crate::store::packs::{Pack, PackInfo, PackName, Section};
use crate::store::recipe::{Child, Root, node_id, parse_node};
use crate::store::seen::Seen;
use crate::store::transfer::deliver::Deliveries;
use crate::store::{Store, StoreError};

/// How often packs may vanish while they are copied.
const PATIENCE: usize = 5;

/// What is known of an entry that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The target has it, outside of doomed packs.
    Here,
    /// It is going to be sent.
    Taken,
    /// Neither side has it, or not all of it.
    Nowhere,
}

/// Whose packs are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Ours: what a frame's hash vouches for was checked when it was written.
    Own,
    /// Somebody else's: every entry is checked against its id.
    Foreign,
}

/// What was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Objects.
    pub objects: u64,
    /// Chunks: small contents, and pieces of large ones.
    pub chunks: u64,
    /// New packs, which are durable.
    pub packs: Vec<PackInfo>,
    /// Their bytes.
    pub bytes: u64,
}

/// An entry that is going to be copied.
#[derive(Clone, Copy)]
struct Want {
    /// Number of its pack.
    pack: u32,
    entry: Entry,
}

/// The section that an entry from a pack of a section belongs to; others are never looked for it.
fn section_of(kind: EntryKind, pack: Section) -> Section {
    match kind {
        EntryKind::Chunk => Section::Data,
        EntryKind::Recipe | EntryKind::Node => Section::Meta,
        EntryKind::Object(_) => pack,
    }
}

/// Copies entries between stores. Dropped before [`Transfer::send`], it leaves nothing behind.
pub struct Transfer<'a> {
    from: &'a Store,
    to: &'a Store,
    doomed: &'a HashSet<PackName>,
    lists_doomed: bool,
    progress: &'a dyn Progress,
    trust: Trust,
    /// Whether all packs of `from` are listed and their footers read.
    prepared: bool,
    seen: Seen,
    packs: Vec<Arc<Pack>>,
    numbers: HashMap<PackName, u32>,
    wants: Vec<Want>,
    /// Packs of which everything is wanted that the target lacks, and nothing is known yet.
    whole: Vec<PackInfo>,
    inserted: Vec<(Kind, Digest, Vec<u8>)>,
    frames: Frames,
    deliveries: Option<Deliveries<'a>>,
}

impl<'a> Transfer<'a> {
    /// Lists the packs of `to`, this once; what lies in doomed ones of them is not relied on. Both may be one store.
    pub fn new(
        from: &'a Store,
        to: &'a Store,
        doomed: &'a HashSet<PackName>,
        trust: Trust,
        progress: &'a dyn Progress,
    ) -> Result<Self, StoreError> {
        let lists_doomed = to.catalog.take_stock()?.iter().any(|pack| doomed.contains(&pack.name));
        Ok(Self {
            from,
            to,
            doomed,
            lists_doomed,
            progress,
            trust,
            prepared: std::ptr::eq(from, to),
            seen: Seen::new(),
            packs: Vec::new(),
            numbers: HashMap::new(),
            wants: Vec::new(),
            whole: Vec::new(),
            inserted: Vec::new(),
            frames: Frames::new(&to.storage, Terms::TRANSFER),
            deliveries: None,
        })
    }

    /// Hands contents to a sink as they are carried, given with their sizes: those that are taken from now on, from
    /// somebody else's packs, and of which the target has nothing. The sink hears of the others nothing.
    pub fn delivering(self, wanted: &[(ContentId, u64)], sink: &'a dyn ContentSink) -> Self {
        Self { deliveries: Some(Deliveries::new(wanted, sink)), ..self }
    }

    /// Whether a doomed pack is still listed.
    pub fn lists_doomed(&self) -> bool {
        self.lists_doomed
    }

    /// Takes an object, unless the target has it.
    pub fn object(&mut self, kind: Kind, id: Digest) -> Result<Wanted, StoreError> {
        self.take(EntryKind::Object(kind), id)
    }

    /// Takes what the target lacks of a content: a chunk, or the recipe with its nodes and chunks. Takes nothing of
    /// one that cannot be made whole.
    pub fn content(&mut self, id: ContentId) -> Result<Wanted, StoreError> {
        if id == ContentId::of(b"") {
            return Ok(Wanted::Here);
        }
        let chunk = self.take(EntryKind::Chunk, id.digest())?;
        if chunk != Wanted::Nowhere {
            let deliveries = self.deliveries.as_mut().filter(|_| chunk == Wanted::Taken);
            deliveries.map_or(Ok(()), |deliveries| deliveries.expect_chunk(id))?;
            return Ok(chunk);
        }
        let Some(parts) = self.parts(id)? else { return Ok(Wanted::Nowhere) };
        let (mut result, mut found, mut is_all_new) = (Wanted::Here, Vec::new(), true);
        for (kind, part) in &parts {
            match self.locate(*kind, part.id)? {
                (Wanted::Nowhere, _) => return Ok(Wanted::Nowhere),
                (Wanted::Here, _) => is_all_new &= *kind != EntryKind::Chunk,
                (Wanted::Taken, location) => {
                    result = Wanted::Taken;
                    found.extend(location.map(|location| (*kind, part.id, location)));
                }
            }
        }
        found.into_iter().for_each(|(kind, part, location)| self.want(kind, part, location));
        if let Some(deliveries) = self.deliveries.as_mut().filter(|_| is_all_new) {
            let chunks = parts.into_iter().filter(|(kind, _)| *kind == EntryKind::Chunk);
            deliveries.expect_chunks(id, &chunks.map(|(_, chunk)| chunk).collect::<Vec<_>>())?;
        }
        Ok(result)
    }

    /// Adds an object that `from` does not have.
    pub fn insert(&mut self, kind: Kind, bytes: Vec<u8>) -> Result<Digest, StoreError> {
        let (id, entry) = (kind.digest(&bytes), EntryKind::Object(kind));
        if bytes.len() > MAX_RAW as usize {
            return Err(StoreError::ObjectTooLarge { kind, id, size: bytes.len() as u64 });
        }
        if self.to.catalog.find_outside(entry, &id, self.doomed)?.is_none() && self.seen.insert(entry, &id) {
            self.inserted.push((kind, id, bytes));
        }
        Ok(id)
    }

    /// What [`Transfer::send`] would send: entries, and about how many stored bytes.
    pub fn amount(&self) -> Result<Amount, StoreError> {
        self.from.catalog.load(&self.packs)?;
        let wants = self.wants.iter().map(|want| self.share(want));
        let whole = self.whole.iter().map(|pack| pack.bytes);
        let inserted = self.inserted.iter().map(|(_, _, bytes)| bytes.len() as u64);
        let items = (self.wants.len() + self.inserted.len()) as u64;
        Ok(Amount { items, bytes: wants.chain(whole).chain(inserted).sum() })
    }

    /// Publishes what was taken: data packs, then metadata packs. All of it is durable then.
    pub fn send(mut self) -> Result<Sent, StoreError> {
        let mut sent = Sent::default();
        let mut published = Vec::new();
        self.deliveries.iter_mut().for_each(Deliveries::begin);
        for section in [Section::Data, Section::Meta] {
            let counts = self.carry_all(section)?;
            sent.objects += counts.objects;
            sent.chunks += counts.chunks;
            published.extend(match section {
                Section::Data => self.frames.finish_data()?,
                Section::Meta => {
                    sent.objects += self.inserted.len() as u64;
                    for (kind, id, bytes) in std::mem::take(&mut self.inserted) {
                        self.frames.gather(EntryKind::Object(kind), id, &bytes)?;
                        self.progress.advance(Amount { items: 1, bytes: bytes.len() as u64 });
                    }
                    self.frames.finish_meta()?
                }
            });
        }
        sent.packs.extend(published.iter().map(|one| PackInfo { name: one.pack.name, bytes: one.bytes }));
        sent.bytes = published.iter().map(|one| one.bytes).sum();
        self.remember(&published)?;
        Ok(sent)
    }

    /// Both sides know from now on what this transfer learnt.
    fn remember(&self, published: &[Published]) -> Result<(), StoreError> {
        if !published.is_empty() {
            self.to.catalog.add(published);
            self.to.catalog.save()?;
        }
        if self.from.catalog.is_remote() { self.from.catalog.save() } else { Ok(()) }
    }

    /// Lists the packs of `from` and reads their footers, when something is first looked for.
    fn prepare(&mut self) -> Result<(), StoreError> {
        if !self.prepared {
            self.from.catalog.take_stock()?;
            self.prepared = true;
        }
        Ok(())
    }

    fn take(&mut self, kind: EntryKind, id: Digest) -> Result<Wanted, StoreError> {
        let (wanted, location) = self.locate(kind, id)?;
        location.into_iter().for_each(|location| self.want(kind, id, location));
        Ok(wanted)
    }

    /// Where an entry is; with the place to take it from, if it was not taken before.
    fn locate(&mut self, kind: EntryKind, id: Digest) -> Result<(Wanted, Option<Location>), StoreError> {
        if self.seen.contains(kind, &id) {
            return Ok((Wanted::Taken, None));
        }
        if self.to.catalog.find_outside(kind, &id, self.doomed)?.is_some() {
            return Ok((Wanted::Here, None));
        }
        self.prepare()?;
        let location = self.from.catalog.find_known(kind, &id)?;
        let wanted = if location.is_some() { Wanted::Taken } else { Wanted::Nowhere };
        Ok((wanted, location))
    }

    fn want(&mut self, kind: EntryKind, id: Digest, Location { pack, place }: Location) {
        if self.seen.insert(kind, &id) {
            let pack = self.number(pack);
            self.wants.push(Want { pack, entry: Entry { id, kind, place } });
        }
    }

    fn number(&mut self, pack: Arc<Pack>) -> u32 {
        *self.numbers.entry(pack.name).or_insert_with(|| {
            self.packs.push(pack);
            self.packs.len() as u32 - 1
        })
    }

    /// What a large content is made of, chunks in their order; `None` if some of its recipe is nowhere.
    fn parts(&mut self, content: ContentId) -> Result<Option<Vec<(EntryKind, Child)>>, StoreError> {
        let corrupt = || StoreError::CorruptRecipe(content);
        let Some(root) = self.read(EntryKind::Recipe, content.digest())? else { return Ok(None) };
        let root = Root::parse(&root, content).ok_or_else(corrupt)?;
        let recipe = Child { id: content.digest(), size: root.top.size };
        let mut parts = vec![(EntryKind::Recipe, recipe)];
        let mut open = vec![(root.level, root.top)];
        while let Some((level, node)) = open.pop() {
            let Some(bytes) = self.read(EntryKind::Node, node.id)? else { return Ok(None) };
            parts.push((EntryKind::Node, node));
            let children =
                if node_id(&bytes) == node.id { parse_node(&bytes, level, node.size) } else { None };
            let children = children.ok_or_else(corrupt)?;
            match level.checked_sub(1) {
                Some(below) => open.extend(children.into_iter().rev().map(|child| (below, child))),
                None => parts.extend(children.into_iter().map(|chunk| (EntryKind::Chunk, chunk))),
            }
        }
        Ok(Some(parts))
    }

    /// The bytes of a part of a recipe, rather from the target, which may be nearer.
    fn read(&mut self, kind: EntryKind, id: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        for _ in 0..PATIENCE {
            let mut store = self.to;
            let mut location = store.catalog.find_known(kind, &id)?;
            if location.is_none() {
                self.prepare()?;
                store = self.from;
                location = store.catalog.find_known(kind, &id)?;
            }
            let Some(location) = location else { return Ok(None) };
            match store.bytes_at(&location) {
                Err(error) if has_vanished(&error) => drop(store.catalog.refresh()?),
                read => return read.map(Some),
            }
        }
        Ok(None)
    }
}

/// Whether an error says that a pack is not there any more: it was collected, and what is needed of it is elsewhere.
fn has_vanished(error: &StoreError) -> bool {
    match error {
        StoreError::Pack { problem, .. } => *problem == PackProblem::Missing,
        StoreError::Storage(error) => error.source.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}
