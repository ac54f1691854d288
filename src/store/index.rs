//! The merged index: where every entry of many packs lies, in one sorted file that may be lost.
//!
//! ```text
//! index = blocks of 512 entries, pack names, block heads, tail
//! entry = id (32), kind u8, pack number u24, frame number u32, offset u32, length u32   (48 bytes)
//! pack  = section u8 (0 metadata, 1 data), name (32)
//! head  = first id of the block (32), BLAKE3 of the block (32)
//! tail  = pack count u32, entry count u64, BLAKE3 of names, heads and counts (32), "mdlindx1"
//! ```
//!
//! The file is created whole, under a new name, and never changed. Names and heads are verified when it is
//! opened, a block when it is first used: opening costs next to nothing however large the index is. A file
//! that is damaged is as good as none.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::Mmap;

use crate::disk::{NewFile, open_regular};
use crate::id::Digest;
use crate::store::layout::{Entries, Entry, EntryKind, Place, digest_at, u32_at, u64_at};
use crate::store::packs::PackName;

const MAGIC: [u8; 8] = *b"mdlindx1";
const ENTRY_LEN: usize = 48;
const BLOCK: usize = 512;
const HEAD_LEN: usize = 64;
const TAIL_LEN: usize = 52;
const MOST_PACKS: usize = 1 << 24;

/// The index did not have the bytes that it was written with.
#[derive(Debug)]
pub(super) struct Damaged;

/// An open index.
pub(super) struct Index {
    map: Option<Mmap>,
    packs: Vec<PackName>,
    heads: usize,
    entry_count: usize,
    verified: Vec<AtomicBool>,
}

impl Index {
    /// An index of nothing.
    pub(super) fn empty() -> Self {
        Self { map: None, packs: Vec::new(), heads: 0, entry_count: 0, verified: Vec::new() }
    }

    /// Opens an index; an empty one if there is none that is whole.
    pub(super) fn open(path: &Path) -> Self {
        let map = || {
            let file = open_regular(path).ok()?;
            // SAFETY: an index is written under a new name and only then given its own; nothing of
            // ours ever changes or truncates it in place.
            unsafe { Mmap::map(&file) }.ok()
        };
        map().and_then(Self::parse).unwrap_or_else(Self::empty)
    }

    fn parse(map: Mmap) -> Option<Self> {
        let (rest, tail) = map.split_last_chunk::<TAIL_LEN>()?;
        if tail[44..] != MAGIC {
            return None;
        }
        let pack_count = u32_at(tail, 0) as usize;
        let entry_count = usize::try_from(u64_at(tail, 4)).ok()?;
        let blocks = entry_count.div_ceil(BLOCK);
        let entries_len = entry_count.checked_mul(ENTRY_LEN)?;
        let packs_end = entries_len.checked_add(pack_count.checked_mul(PackName::LEN)?)?;
        let table_end = packs_end.checked_add(blocks.checked_mul(HEAD_LEN)?)?;
        if table_end != rest.len() || digest_of(&[&rest[entries_len..], &tail[..12]]) != digest_at(tail, 12) {
            return None;
        }
        let packs = rest[entries_len..packs_end].chunks_exact(PackName::LEN).map(PackName::at).collect();
        let verified = (0..blocks).map(|_| AtomicBool::new(false)).collect();
        Some(Self { map: Some(map), packs, heads: packs_end, entry_count, verified })
    }

    /// The packs that it covers, sorted.
    pub(super) fn packs(&self) -> &[PackName] {
        &self.packs
    }

    /// How many entries it has.
    pub(super) fn len(&self) -> usize {
        self.entry_count
    }

    /// The entries from the first whose id is not below `low`, each with its pack.
    pub(super) fn from<'a>(
        &'a self,
        low: &Digest,
    ) -> impl Iterator<Item = Result<(PackName, Entry), Damaged>> + 'a {
        let mut at = self.lower_bound(low);
        std::iter::from_fn(move || {
            let number = match at {
                Ok(number) if number < self.entry_count => number,
                Ok(_) => return None,
                Err(Damaged) => {
                    at = Ok(self.entry_count);
                    return Some(Err(Damaged));
                }
            };
            at = Ok(number + 1);
            Some(self.entry(number))
        })
    }

    fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    fn head(&self, block: usize) -> &[u8] {
        &self.bytes()[self.heads + block * HEAD_LEN..][..HEAD_LEN]
    }

    fn block(&self, number: usize) -> Result<&[u8], Damaged> {
        let count = BLOCK.min(self.entry_count - number * BLOCK);
        let block = &self.bytes()[number * BLOCK * ENTRY_LEN..][..count * ENTRY_LEN];
        if !self.verified[number].load(Ordering::Relaxed) {
            if blake3::hash(block).as_bytes()[..] != self.head(number)[32..] {
                return Err(Damaged);
            }
            self.verified[number].store(true, Ordering::Relaxed);
        }
        Ok(block)
    }

    fn entry(&self, number: usize) -> Result<(PackName, Entry), Damaged> {
        let record = &self.block(number / BLOCK)?[number % BLOCK * ENTRY_LEN..][..ENTRY_LEN];
        let kind = EntryKind::from_number(record[32]).ok_or(Damaged)?;
        let pack = u32_at(record, 32) >> 8;
        let pack = *self.packs.get(pack as usize).ok_or(Damaged)?;
        let place =
            Place { frame: u32_at(record, 36), offset: u32_at(record, 40), length: u32_at(record, 44) };
        Ok((pack, Entry { id: digest_at(record, 0), kind, place }))
    }

    fn lower_bound(&self, low: &Digest) -> Result<usize, Damaged> {
        let (mut first, mut last) = (0, self.verified.len());
        while first < last {
            let middle = first.midpoint(last);
            if self.head(middle)[..32] < low.as_bytes()[..] { first = middle + 1 } else { last = middle }
        }
        // Entries of this id may begin in the block before the first that starts with it.
        let Some(block) = first.checked_sub(1) else { return Ok(0) };
        let records = self.block(block)?;
        let (mut first, mut last) = (0, records.len() / ENTRY_LEN);
        while first < last {
            let middle = first.midpoint(last);
            if records[middle * ENTRY_LEN..][..32] < low.as_bytes()[..] {
                first = middle + 1
            } else {
                last = middle
            }
        }
        Ok(block * BLOCK + first)
    }
}

fn digest_of(parts: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    Digest::new(*hasher.finalize().as_bytes())
}

/// Writes the index of what an old one covers, as far as it is still there, and of more packs.
pub(super) fn write_merged(
    file: &dyn NewFile,
    old: &Index,
    is_here: &dyn Fn(&PackName) -> bool,
    more: &[(PackName, &Entries)],
) -> io::Result<()> {
    let kept = old.packs.iter().copied().filter(|pack| is_here(pack));
    let mut packs: Vec<PackName> = kept.chain(more.iter().map(|(pack, _)| *pack)).collect();
    packs.sort_unstable();
    packs.dedup();
    if packs.len() >= MOST_PACKS {
        return Err(io::Error::other("too many packs for one index"));
    }
    let mut writer = IndexWriter { file, block: Vec::new(), heads: Vec::new(), count: 0 };
    let zero = Digest::new([0; 32]);
    let covered = old.from(&zero).filter(|entry| entry.as_ref().map_or(true, |(pack, _)| is_here(pack)));
    let added = more.iter().map(|(pack, entries)| {
        let entries = entries.from(&zero).map(move |entry| Ok((*pack, entry)));
        Box::new(entries) as Box<dyn Iterator<Item = Result<(PackName, Entry), Damaged>>>
    });
    let mut sources: Vec<_> =
        std::iter::once(Box::new(covered) as Box<dyn Iterator<Item = _>>).chain(added).collect();
    let mut heap = BinaryHeap::new();
    let mut refill = |heap: &mut BinaryHeap<_>, source: usize| match sources[source].next() {
        Some(Ok((pack, entry))) => {
            let number = packs.binary_search(&pack).unwrap_or_default() as u32;
            heap.push(Reverse((record(&entry, number), source)));
            Ok(())
        }
        Some(Err(Damaged)) => Err(io::Error::other("the old index is damaged")),
        None => Ok(()),
    };
    (0..=more.len()).try_for_each(|source| refill(&mut heap, source))?;
    while let Some(Reverse((record, source))) = heap.pop() {
        writer.push(&record)?;
        refill(&mut heap, source)?;
    }
    writer.finish(&packs)
}

fn record(entry: &Entry, pack: u32) -> [u8; ENTRY_LEN] {
    let mut record = [0; ENTRY_LEN];
    record[..32].copy_from_slice(entry.id.as_bytes());
    record[32..36].copy_from_slice(&((pack << 8) | u32::from(entry.kind.number())).to_le_bytes());
    let Place { frame, offset, length } = entry.place;
    for (slot, value) in record[36..].chunks_exact_mut(4).zip([frame, offset, length]) {
        slot.copy_from_slice(&value.to_le_bytes());
    }
    record
}

struct IndexWriter<'a> {
    file: &'a dyn NewFile,
    block: Vec<u8>,
    heads: Vec<u8>,
    count: usize,
}

impl IndexWriter<'_> {
    fn push(&mut self, record: &[u8; ENTRY_LEN]) -> io::Result<()> {
        self.block.extend_from_slice(record);
        self.count += 1;
        if self.block.len() == BLOCK * ENTRY_LEN { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(first) = self.block.get(..32) else { return Ok(()) };
        self.heads.extend_from_slice(first);
        self.heads.extend_from_slice(blake3::hash(&self.block).as_bytes());
        let start = self.count * ENTRY_LEN - self.block.len();
        self.file.write_at(start as u64, &self.block)?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self, packs: &[PackName]) -> io::Result<()> {
        self.flush()?;
        let mut table = Vec::with_capacity(packs.len() * PackName::LEN + self.heads.len() + TAIL_LEN);
        packs.iter().for_each(|pack| table.extend_from_slice(&pack.to_bytes()));
        table.extend_from_slice(&self.heads);
        let mut counts = (packs.len() as u32).to_le_bytes().to_vec();
        counts.extend_from_slice(&(self.count as u64).to_le_bytes());
        let hash = digest_of(&[&table, &counts]);
        table.extend_from_slice(&counts);
        table.extend_from_slice(hash.as_bytes());
        table.extend_from_slice(&MAGIC);
        self.file.write_at((self.count * ENTRY_LEN) as u64, &table)
    }
}
