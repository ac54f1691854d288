//! An index of the runs of batches, in one file that may be lost: so that a run is found, and the newest are listed, without
//! reading the batches of all.
//!
//! ```text
//! index   = runs, endings, heads of both, batches, tail
//! runs    = (id (26), last commit (32)), sorted, in blocks of 256
//! endings = id (26) from its last character to its first, sorted, in blocks of 256
//! head    = first 26 bytes of the block, BLAKE3 of the block (32)
//! batches = id (32) of each batch that is in it, sorted
//! tail    = run count u64, batch count u64, BLAKE3 of heads, batches and counts (32), "mdlruns1"
//! ```
//!
//! The file is created whole, under a new name, and never changed. A batch never changes either, so that what the
//! index says of one stays true. Heads are verified when it is opened, a block when it is read. A file that is
//! damaged is as good as none.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::disk::{open_regular, read_exact_at};
use crate::id::{CommitId, Digest, RunsId};
use crate::name::RunId;

const MAGIC: [u8; 8] = *b"mdlruns1";
const KEY: usize = RunId::LEN;
const HASH: usize = 32;
const RUN: usize = KEY + HASH;
const HEAD: usize = KEY + HASH;
const TAIL: usize = 8 + 8 + HASH + 8;
/// Records of a block.
const BLOCK: usize = 256;
/// Heads and batches of more bytes are no index of ours: some hundred million runs.
const MOST_BYTES: u64 = 64 << 20;

/// The index did not have the bytes that it was written with.
#[derive(Debug)]
pub(super) struct Damaged;

/// An open index.
#[derive(Debug, Default)]
pub(super) struct RunIndex {
    file: Option<File>,
    runs: Table,
    endings: Table,
    batches: Vec<Digest>,
}

/// Sorted records of one length.
#[derive(Debug, Default)]
struct Table {
    start: u64,
    width: usize,
    count: usize,
    heads: Vec<u8>,
    /// The block that was read last.
    last: Mutex<Option<(usize, Vec<u8>)>>,
}

impl RunIndex {
    /// Opens an index; an empty one if there is none that is whole.
    pub(super) fn open(path: &Path) -> Self {
        let file = open_regular(path).ok();
        file.and_then(Self::parse).unwrap_or_default()
    }

    fn parse(file: File) -> Option<Self> {
        let length = file.metadata().ok()?.len();
        let mut tail = [0; TAIL];
        read_exact_at(&file, length.checked_sub(TAIL as u64)?, &mut tail).ok()?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| tail[at + byte]));
        let count = usize::try_from(number(0)).ok()?;
        let blocks = count.div_ceil(BLOCK);
        let heads = blocks.checked_mul(HEAD)?;
        let batches = usize::try_from(number(8)).ok()?.checked_mul(HASH)?;
        let tables = (count as u64).checked_mul((RUN + KEY) as u64)?;
        let rest = length.checked_sub(TAIL as u64)?.checked_sub(tables)?;
        let expected = heads.checked_mul(2)?.checked_add(batches)?;
        if tail[TAIL - 8..] != MAGIC || rest != expected as u64 || rest > MOST_BYTES {
            return None;
        }
        let mut bytes = vec![0; expected];
        read_exact_at(&file, tables, &mut bytes).ok()?;
        if digest(&bytes, &tail[..16]).as_bytes()[..] != tail[16..16 + HASH] {
            return None;
        }
        let table = |start: usize, width: usize, at: usize| Table {
            start: start as u64,
            width,
            count,
            heads: bytes[at..at + heads].to_vec(),
            last: Mutex::default(),
        };
        let (runs, endings) = (table(0, RUN, 0), table(count * RUN, KEY, heads));
        let batches = bytes[2 * heads..].chunks_exact(HASH).map(digest_at).collect();
        Some(Self { file: Some(file), runs, endings, batches })
    }

    /// How many runs it has.
    pub(super) fn len(&self) -> usize {
        self.runs.count
    }

    /// Whether a batch, and all that it names, is in it.
    pub(super) fn covers(&self, batch: RunsId) -> bool {
        self.batches.binary_search(&batch.digest()).is_ok()
    }

    /// The batches that are in it.
    pub(super) fn batches(&self) -> &[Digest] {
        &self.batches
    }

    /// The last commit of a run.
    pub(super) fn get(&self, id: &RunId) -> Result<Option<CommitId>, Damaged> {
        let key = id.as_str().as_bytes();
        let at = self.runs.lower_bound(self.file.as_ref(), key)?;
        if at == self.runs.count {
            return Ok(None);
        }
        let (found, commit) = self.run(at)?;
        Ok((found == *id).then_some(commit))
    }

    /// A run by its place in the order of ids.
    pub(super) fn run(&self, at: usize) -> Result<(RunId, CommitId), Damaged> {
        self.runs.record(self.file.as_ref(), at, |record| {
            Some((id_of(record[..KEY].iter().copied())?, digest_at(&record[KEY..]).into()))
        })
    }

    /// How many runs have an id below this one.
    pub(super) fn below(&self, id: &RunId) -> Result<usize, Damaged> {
        self.runs.lower_bound(self.file.as_ref(), id.as_str().as_bytes())
    }

    /// The runs whose ids begin so; at most so many.
    pub(super) fn beginning_with(&self, text: &str, most: usize) -> Result<Vec<RunId>, Damaged> {
        self.runs.with_prefix(self.file.as_ref(), text.as_bytes(), most, |key| id_of(key.iter().copied()))
    }

    /// The runs whose ids end so; at most so many.
    pub(super) fn ending_with(&self, text: &str, most: usize) -> Result<Vec<RunId>, Damaged> {
        let prefix: Vec<u8> = text.bytes().rev().collect();
        self.endings.with_prefix(self.file.as_ref(), &prefix, most, |key| id_of(key.iter().rev().copied()))
    }
}

impl Table {
    fn head(&self, block: usize) -> &[u8] {
        &self.heads[block * HEAD..][..HEAD]
    }

    /// Looks into a block.
    fn block<T>(
        &self,
        file: Option<&File>,
        number: usize,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Damaged> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = last.as_ref().filter(|(known, _)| *known == number) {
            return Ok(look(bytes));
        }
        let count = BLOCK.min(self.count - number * BLOCK);
        let mut bytes = vec![0; count * self.width];
        let place = self.start + (number * BLOCK * self.width) as u64;
        read_exact_at(file.ok_or(Damaged)?, place, &mut bytes).map_err(|_| Damaged)?;
        if blake3::hash(&bytes).as_bytes()[..] != self.head(number)[KEY..] {
            return Err(Damaged);
        }
        let (_, bytes) = last.insert((number, bytes));
        Ok(look(bytes))
    }

    fn record<T>(
        &self,
        file: Option<&File>,
        at: usize,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, Damaged> {
        let inside = at % BLOCK * self.width;
        self.block(file, at / BLOCK, |block| read(&block[inside..inside + self.width]))?.ok_or(Damaged)
    }

    /// The place of the first record that is not below a key.
    fn lower_bound(&self, file: Option<&File>, key: &[u8]) -> Result<usize, Damaged> {
        let blocks = self.count.div_ceil(BLOCK);
        let after = (0..blocks).collect::<Vec<_>>().partition_point(|block| self.head(*block)[..KEY] < *key);
        let Some(block) = after.checked_sub(1) else { return Ok(0) };
        let inside = self.block(file, block, |bytes| {
            let records: Vec<&[u8]> = bytes.chunks_exact(self.width).collect();
            records.partition_point(|record| record[..KEY] < *key)
        })?;
        Ok(block * BLOCK + inside)
    }

    fn with_prefix(
        &self,
        file: Option<&File>,
        prefix: &[u8],
        most: usize,
        read: impl Fn(&[u8]) -> Option<RunId>,
    ) -> Result<Vec<RunId>, Damaged> {
        let (first, mut found) = (self.lower_bound(file, prefix)?, Vec::new());
        for at in first..self.count.min(first.saturating_add(most)) {
            let id = self.record(file, at, |record| {
                let key = &record[..KEY];
                Some(if key.starts_with(prefix) { Some(read(key)?) } else { None })
            })?;
            match id {
                Some(id) => found.push(id),
                None => break,
            }
        }
        Ok(found)
    }
}

fn id_of(bytes: impl Iterator<Item = u8>) -> Option<RunId> {
    RunId::new(&bytes.map(char::from).collect::<String>()).ok()
}

fn digest_at(bytes: &[u8]) -> Digest {
    Digest::new(std::array::from_fn(|at| bytes[at]))
}

fn digest(bytes: &[u8], counts: &[u8]) -> blake3::Hash {
    blake3::Hasher::new().update(bytes).update(counts).finalize()
}

/// The bytes of an index of these runs, which are all of these batches.
pub(super) fn build(runs: &BTreeMap<RunId, CommitId>, mut batches: Vec<Digest>) -> Vec<u8> {
    let mut records = Vec::with_capacity(runs.len() * (RUN + KEY));
    for (id, commit) in runs {
        records.extend_from_slice(id.as_str().as_bytes());
        records.extend_from_slice(commit.digest().as_bytes());
    }
    let mut endings: Vec<[u8; KEY]> =
        runs.keys().map(|id| std::array::from_fn(|at| id.as_str().as_bytes()[KEY - 1 - at])).collect();
    endings.sort_unstable();
    let endings = endings.concat();
    let mut table = heads(&records, RUN);
    table.extend(heads(&endings, KEY));
    batches.sort_unstable();
    batches.dedup();
    batches.iter().for_each(|batch| table.extend_from_slice(batch.as_bytes()));
    let counts = [runs.len() as u64, batches.len() as u64].map(u64::to_le_bytes).concat();
    let hash = digest(&table, &counts);
    [&records[..], &endings, &table, &counts, hash.as_bytes(), &MAGIC].concat()
}

fn heads(records: &[u8], width: usize) -> Vec<u8> {
    let mut heads = Vec::new();
    for block in records.chunks(BLOCK * width) {
        heads.extend_from_slice(&block[..KEY]);
        heads.extend_from_slice(blake3::hash(block).as_bytes());
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> RunId {
        let random = blake3::hash(&number.to_le_bytes());
        RunId::from_parts(1_767_268_800_000 + number, std::array::from_fn(|at| random.as_bytes()[at]))
    }

    fn commit(number: u64) -> CommitId {
        Digest::new(*blake3::hash(&number.to_be_bytes()).as_bytes()).into()
    }

    fn written(count: u64) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs");
        let runs = (0..count).map(|number| (id(number), commit(number))).collect();
        std::fs::write(&path, build(&runs, vec![Digest::new([3; 32]), Digest::new([1; 32])])).unwrap();
        (folder, path)
    }

    #[test]
    fn every_run_is_found_by_its_id_and_by_both_ends_of_it() {
        for count in [1, 2, 255, 256, 257, 1000] {
            let (_folder, path) = written(count);
            let index = RunIndex::open(&path);
            assert_eq!(index.len() as u64, count);
            for number in 0..count {
                let id = id(number);
                assert_eq!(index.get(&id).unwrap(), Some(commit(number)));
                assert_eq!(index.run(number as usize).unwrap(), (id.clone(), commit(number)));
                assert!(index.ending_with(id.short(), 9).unwrap().iter().eq([&id]));
                assert!(index.beginning_with(id.as_str(), 9).unwrap().iter().eq([&id]));
            }
            assert_eq!(index.get(&id(count)).unwrap(), None);
            assert_eq!(index.get(&RunId::from_parts(0, [0; 10])).unwrap(), None);
            assert_eq!(index.beginning_with("01", 3).unwrap().len() as u64, count.min(3));
            assert!(index.ending_with("zzzzzzzz", 3).unwrap().is_empty());
        }
    }

    #[test]
    fn batches_are_told() {
        let (_folder, path) = written(3);
        let index = RunIndex::open(&path);
        assert!(index.covers(Digest::new([1; 32]).into()) && index.covers(Digest::new([3; 32]).into()));
        assert!(!index.covers(Digest::new([2; 32]).into()));
    }

    #[test]
    fn whatever_is_damaged_is_noticed() {
        let (_folder, path) = written(600);
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(97).chain(whole.len() - TAIL..whole.len()) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            let index = RunIndex::open(&path);
            for number in (0..600).step_by(50) {
                let found = index.get(&id(number));
                assert!(!matches!(found, Ok(Some(other)) if other != commit(number)), "{at}");
                assert!(index.len() == 0 || !matches!(found, Ok(None)), "{at}");
            }
        }
        for length in [0, 7, TAIL - 1, TAIL, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(RunIndex::open(&path).len(), 0);
        }
    }
}
