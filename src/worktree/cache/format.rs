//! The bytes of the stat cache.
//!
//! A file of chunks, each the records of up to some hundred names of one directory, then an index of directories and
//! their chunks, then where the index is and its hash. Integers are little-endian. Whatever does not fit is no cache.

use crate::id::{Digest, TreeId};

/// What the file starts with.
pub(super) const MAGIC: &[u8; 16] = b"mdl stat cache 1";
/// Offset and length of the index, generation, hash of the index and of these.
pub(super) const TRAILER: usize = 8 + 8 + 8 + 32;

/// What a record says a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RecordKind {
    File = 0,
    Executable = 1,
    Directory = 2,
    Symlink = 3,
}

/// What was known of a name in a directory. A directory has its total of files in `inode`, of bytes in `size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub name: &'a str,
    pub kind: RecordKind,
    /// Whether the file was old enough for its times to tell a later change.
    pub settled: bool,
    pub size: u64,
    pub mtime: i64,
    pub ctime: i64,
    pub inode: u64,
    pub id: Digest,
}

/// What the repository is known to have of a directory and everything below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Level {
    #[default]
    Nothing = 0,
    Trees = 1,
    Contents = 2,
}

/// Where a chunk lies, and the first name in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub first: Box<str>,
    pub offset: u64,
    pub len: u32,
    pub sum: [u8; 16],
}

/// What is known of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub tree: TreeId,
    pub files: u64,
    pub bytes: u64,
    pub level: Level,
    pub chunks: Vec<Chunk>,
}

/// The check sum of a chunk.
pub(super) fn sum(bytes: &[u8]) -> [u8; 16] {
    let hash = blake3::hash(bytes);
    std::array::from_fn(|i| hash.as_bytes()[i])
}

/// Appends a record.
pub(crate) fn push_record(out: &mut Vec<u8>, record: &Record<'_>) {
    out.push(record.name.len() as u8); // The name of an entry has at most 255 bytes.
    out.push(record.kind as u8 | u8::from(record.settled) << 7);
    out.extend_from_slice(record.name.as_bytes());
    out.extend_from_slice(&record.size.to_le_bytes());
    out.extend_from_slice(&record.mtime.to_le_bytes());
    out.extend_from_slice(&record.ctime.to_le_bytes());
    out.extend_from_slice(&record.inode.to_le_bytes());
    out.extend_from_slice(record.id.as_bytes());
}

/// The records of a chunk.
pub(crate) fn records(bytes: &[u8]) -> Option<Vec<Record<'_>>> {
    let mut cut = Cut(bytes);
    let mut records = Vec::with_capacity(bytes.len() / 72);
    while !cut.0.is_empty() {
        let len = cut.u8()?;
        let flags = cut.u8()?;
        let kind = match flags & 0x7f {
            0 => RecordKind::File,
            1 => RecordKind::Executable,
            2 => RecordKind::Directory,
            3 => RecordKind::Symlink,
            _ => return None,
        };
        records.push(Record {
            name: cut.str(len.into())?,
            kind,
            settled: flags & 0x80 != 0,
            size: cut.u64()?,
            mtime: cut.u64()? as i64,
            ctime: cut.u64()? as i64,
            inode: cut.u64()?,
            id: Digest::new(cut.array()?),
        });
    }
    Some(records)
}

/// Appends a directory to the index.
pub(super) fn push_block(out: &mut Vec<u8>, key: &str, block: &Block) {
    push_str(out, key);
    out.extend_from_slice(block.tree.digest().as_bytes());
    out.extend_from_slice(&block.files.to_le_bytes());
    out.extend_from_slice(&block.bytes.to_le_bytes());
    out.push(block.level as u8);
    out.extend_from_slice(&(block.chunks.len() as u32).to_le_bytes());
    for chunk in &block.chunks {
        push_str(out, &chunk.first);
        out.extend_from_slice(&chunk.offset.to_le_bytes());
        out.extend_from_slice(&chunk.len.to_le_bytes());
        out.extend_from_slice(&chunk.sum);
    }
}

/// Reads the index; calls `see` for each directory.
pub(super) fn read_index(bytes: &[u8], mut see: impl FnMut(&str, Block)) -> Option<()> {
    let mut cut = Cut(bytes);
    while !cut.0.is_empty() {
        let len = cut.u32()?;
        let key = cut.str(len)?;
        let tree = Digest::new(cut.array()?).into();
        let (files, bytes) = (cut.u64()?, cut.u64()?);
        let level = match cut.u8()? {
            0 => Level::Nothing,
            1 => Level::Trees,
            2 => Level::Contents,
            _ => return None,
        };
        let count = cut.u32()?;
        let mut chunks = Vec::new();
        for _ in 0..count {
            let len = cut.u32()?;
            let first = cut.str(len)?.into();
            chunks.push(Chunk { first, offset: cut.u64()?, len: cut.u32()?, sum: cut.array()? });
        }
        see(key, Block { tree, files, bytes, level, chunks });
    }
    Some(())
}

/// The last bytes of the file.
pub(super) fn trailer(index: &[u8], offset: u64, generation: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(TRAILER);
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&(index.len() as u64).to_le_bytes());
    out.extend_from_slice(&generation.to_le_bytes());
    let hash = index_hash(index, &out);
    out.extend_from_slice(&hash);
    out
}

/// The hash of an index and of where it is.
pub(super) fn index_hash(index: &[u8], place: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(index).update(place);
    *hasher.finalize().as_bytes()
}

fn push_str(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Bytes that are still to be read.
pub(super) struct Cut<'a>(pub &'a [u8]);

impl<'a> Cut<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn str(&mut self, len: u32) -> Option<&'a str> {
        std::str::from_utf8(self.take(len as usize)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str) -> Record<'_> {
        Record {
            name,
            kind: RecordKind::Executable,
            settled: true,
            size: 7,
            mtime: -1,
            ctime: i64::MAX,
            inode: u64::MAX,
            id: Digest::new([9; 32]),
        }
    }

    #[test]
    fn records_survive() {
        let mut bytes = Vec::new();
        let longest = "ü".repeat(127);
        for name in ["a", "b c", &longest] {
            push_record(&mut bytes, &record(name));
        }
        let read = records(&bytes).unwrap();
        assert_eq!(read, [record("a"), record("b c"), record(&longest)]);
        for cut in 1..bytes.len() {
            assert!(records(&bytes[..cut]).is_none_or(|records| records.len() < 3));
        }
    }

    #[test]
    fn truncated_indexes_are_refused() {
        let chunk = Chunk { first: "a".into(), offset: 16, len: 70, sum: [1; 16] };
        let block = Block {
            tree: Digest::new([3; 32]).into(),
            files: 2,
            bytes: 9,
            level: Level::Trees,
            chunks: vec![chunk.clone(), chunk],
        };
        let mut bytes = Vec::new();
        push_block(&mut bytes, "w:data", &block);
        let mut seen = Vec::new();
        assert!(read_index(&bytes, |key, block| seen.push((key.to_owned(), block))).is_some());
        assert_eq!(seen, [("w:data".to_owned(), block)]);
        for cut in 1..bytes.len() {
            assert!(read_index(&bytes[..cut], |_, _| {}).is_none());
        }
    }
}
