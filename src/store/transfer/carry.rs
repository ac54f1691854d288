//! Carrying: spans are read, checked and appended to packs, several at a time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::disk::Version;
use crate::progress::Amount;
use crate::store::StoreError;
use crate::store::codec::Decoder;
use crate::store::draft::{Encoded, Item};
use crate::store::frames::ContentFrames;
use crate::store::layout::{Entry, EntryKind, PackProblem};
use crate::store::packs::{Pack, PackInfo, Section};
use crate::store::parallel::in_parallel;
use crate::store::pool::Pool;
use crate::store::transfer::plan::{Piece, Span, share};
use crate::store::transfer::{PATIENCE, Transfer, Trust, Want, has_vanished};
use crate::store::verify::has_its_id;

/// Spans of a remote in flight.
const FAR: usize = 8;
/// Spans of a disk in flight: more would not be faster, and these fit into a processor's cache.
const NEAR: usize = 4;

/// Something to read.
pub(super) enum Job {
    Span(Span),
    /// All spans of a pack of which everything is wanted, and how its file was when it was written.
    Shared(Vec<Span>, Option<Version>),
    Whole(PackInfo),
}

/// What a thread works in.
#[derive(Default)]
pub(super) struct Room {
    pub(super) stored: Vec<u8>,
    pub(super) raw: Vec<u8>,
    contents: ContentFrames,
}

impl Room {
    /// Room for so many stored bytes.
    pub(super) fn stored(&mut self, len: usize) -> &mut [u8] {
        self.stored.resize(len, 0);
        &mut self.stored
    }
}

/// What was carried, and what could not be, as its packs vanished.
#[derive(Default)]
pub(super) struct Carried {
    pub(super) objects: AtomicU64,
    pub(super) chunks: AtomicU64,
    moved: Mutex<Vec<Entry>>,
    /// Whether a pack vanished of which all was wanted.
    moved_whole: AtomicBool,
}

/// What was carried.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) objects: u64,
    pub(super) chunks: u64,
}

impl Transfer<'_> {
    /// Carries everything that is wanted for a section. What lay in packs that vanish is looked for again.
    pub(super) fn carry_all(&mut self, section: Section) -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        for round in 0..PATIENCE {
            let carried = self.carry(section)?;
            counts.objects += carried.objects.into_inner();
            counts.chunks += carried.chunks.into_inner();
            let moved = carried.moved.into_inner().unwrap_or_else(PoisonError::into_inner);
            let moved_whole = carried.moved_whole.into_inner();
            if moved.is_empty() && !moved_whole {
                break;
            }
            self.from.catalog.take_stock()?;
            for entry in moved {
                let found = self.from.catalog.find_known(entry.kind, &entry.id)?;
                let found = found.filter(|_| round + 1 < PATIENCE);
                let found = found.ok_or_else(|| self.lost(&entry))?;
                let pack = self.number(found.pack);
                self.wants.push(Want { pack, entry: Entry { place: found.place, ..entry } });
            }
            if moved_whole {
                self.take_all_known(section)?;
            }
        }
        Ok(counts)
    }

    /// An entry whose pack vanished is in no other.
    fn lost(&self, entry: &Entry) -> StoreError {
        let (kind, id) = (entry.kind, entry.id);
        let problem = PackProblem::Missing;
        let pack = format!("with {kind} {id}");
        StoreError::Pack { pack, problem }
    }

    fn carry(&mut self, section: Section) -> Result<Carried, StoreError> {
        let wants = self.wants_of(section);
        let (whole, later) = self.whole.drain(..).partition(|pack: &PackInfo| pack.name.section == section);
        self.whole = later;
        let whole: Vec<PackInfo> = whole;
        let mut used: Vec<_> = wants.iter().map(|want| want.pack).collect();
        used.dedup();
        let used: Vec<_> = used.into_iter().map(|pack| self.packs[pack as usize].clone()).collect();
        self.from.catalog.load(&used)?;
        let (spans, left_out) = self.spans(&wants);
        let mut jobs = self.jobs(spans)?;
        if let Some(deliveries) = &self.deliveries {
            jobs.sort_by_cached_key(|job| match job {
                Job::Span(span) => deliveries.rank(span.wanted(&wants)),
                Job::Shared(spans, _) => deliveries.rank(spans.iter().flat_map(|span| span.wanted(&wants))),
                Job::Whole(_) => None,
            });
        }
        jobs.extend(whole.into_iter().map(Job::Whole));
        let carried = Carried::default();
        carried.moved.lock().unwrap_or_else(PoisonError::into_inner).extend(left_out.iter().map(|w| w.entry));
        let rooms = Pool::new(usize::MAX);
        let threads = if self.from.catalog.is_remote() { FAR } else { NEAR };
        let this = &*self;
        in_parallel(threads, &jobs, &|job| {
            let mut room = rooms.lend(|| Ok::<_, StoreError>(Room::default()))?;
            match job {
                Job::Span(span) => this.carry_span(span, &wants, section, &mut room, &carried),
                Job::Shared(spans, intact) => {
                    this.carry_shared((spans, *intact), &wants, section, &mut room, &carried)
                }
                Job::Whole(pack) => this.carry_whole(pack, &mut room, &carried),
            }
        })
        .inspect_err(|_| self.frames.fail())?;
        for mut room in rooms.into_free() {
            self.frames.flush(&mut room.contents)?;
        }
        Ok(carried)
    }

    pub(super) fn carry_span(
        &self,
        span: &Span,
        wants: &[Want],
        section: Section,
        room: &mut Room,
        carried: &Carried,
    ) -> Result<(), StoreError> {
        let stored = room.stored(span.len());
        match self.from.catalog.reader.read_at(&span.pack, span.bytes.start, stored) {
            Err(error) if has_vanished(&error) => {
                self.from.catalog.reader.forget(&span.pack);
                let mut moved = carried.moved.lock().unwrap_or_else(PoisonError::into_inner);
                moved.extend(span.pieces.iter().flat_map(|piece| piece.entries(wants)));
                return Ok(());
            }
            read => read?,
        }
        let stored = std::mem::take(&mut room.stored);
        for piece in &span.pieces {
            let entries = piece.entries(wants);
            self.carry_frame(&span.pack, piece, span.stored(piece, &stored), &entries, section, room)?;
            self.count(&piece.frame, &entries, carried);
        }
        room.stored = stored;
        Ok(())
    }

    /// Carries entries of a frame, given its stored bytes.
    pub(super) fn carry_frame(
        &self,
        pack: &Pack,
        piece: &Piece,
        stored: &[u8],
        entries: &[Entry],
        section: Section,
        room: &mut Room,
    ) -> Result<(), StoreError> {
        let Room { raw, contents, .. } = room;
        self.check(pack, piece, stored, entries, raw)?;
        let frame = &piece.frame;
        if piece.is_all {
            let items: Vec<Item> = entries.iter().map(item).collect();
            let encoded = Encoded { codec: frame.codec, raw_len: frame.raw, stored, hash: frame.hash };
            self.frames.append_encoded(section, &encoded, &items)?;
            return self.deliver(entries, raw);
        }
        for entry in entries {
            let start = entry.place.offset as usize;
            // It was found to have its id.
            let bytes = raw.get(start..start + entry.place.length as usize).unwrap_or_default();
            match section {
                Section::Data => self.frames.gather_data(contents, entry.kind, entry.id, bytes)?,
                Section::Meta => self.frames.gather(entry.kind, entry.id, bytes)?,
            }
        }
        self.deliver(entries, raw)
    }

    /// Checks the stored bytes of a frame. Unless all of it is wanted and it is ours, it is decoded into `raw`.
    pub(super) fn check(
        &self,
        pack: &Pack,
        piece: &Piece,
        stored: &[u8],
        entries: &[Entry],
        raw: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let frame = &piece.frame;
        if piece.is_all && blake3::hash(stored).as_bytes() != frame.hash.as_bytes() {
            return Err(pack.corrupt(PackProblem::Frame(piece.number)));
        }
        if piece.is_all && self.trust == Trust::Own {
            return Ok(());
        }
        raw.resize(frame.raw as usize, 0);
        let mut decoder = self.from.decoders.lend(Decoder::new).map_err(StoreError::Memory)?;
        let decoded = decoder.decode(frame.codec, stored, raw);
        decoded.ok_or_else(|| pack.corrupt(PackProblem::Decode(piece.number)))?;
        match entries.iter().find(|entry| !has_its_id(entry, raw)) {
            Some(wrong) => Err(pack.corrupt(PackProblem::Entry(wrong.id))),
            None => Ok(()),
        }
    }

    /// Hands what was checked to who waits for it, and who may keep the buffer.
    pub(super) fn deliver(&self, entries: &[Entry], raw: &mut Vec<u8>) -> Result<(), StoreError> {
        self.deliveries.as_ref().map_or(Ok(()), |deliveries| deliveries.deliver(entries, raw))
    }

    pub(super) fn count(&self, frame: &crate::store::layout::Frame, entries: &[Entry], carried: &Carried) {
        let objects = entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Object(_))).count();
        let chunks = entries.iter().filter(|entry| entry.kind == EntryKind::Chunk).count();
        carried.objects.fetch_add(objects as u64, Ordering::Relaxed);
        carried.chunks.fetch_add(chunks as u64, Ordering::Relaxed);
        let bytes = entries.iter().map(|entry| share(frame, entry.place.length)).sum();
        self.progress.advance(Amount { items: entries.len() as u64, bytes });
    }
}

impl Carried {
    /// A pack of which all was wanted vanished.
    pub(super) fn whole_moved(&self) {
        self.moved_whole.store(true, Ordering::Relaxed);
    }
}

fn item(entry: &Entry) -> Item {
    let Entry { id, kind, place } = *entry;
    Item { kind, id, offset: place.offset, length: place.length }
}
