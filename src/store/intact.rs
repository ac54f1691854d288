//! Packs that are as they were written, told by their files: what has the inode, the size and the times that it had when it
//! was published need not be read to be shared.
//!
//! Nobody but mdl writes to packs, so that files that are young are trusted too. What a medium does to bytes by itself is not
//! seen; whoever reads a pack sees it. Small packs are not in it, as it takes no time to check them.
//!
//! ```text
//! intact = "mdlints1", packs, BLAKE3 of these (32)
//! pack   = section u8 (0 metadata, 1 data), name (32), version (32)
//! ```
//!
//! A file that is damaged is as good as none.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use crate::disk::{Version, open_regular};
use crate::store::layout::digest_at;
use crate::store::packs::{PackName, Section};

const MAGIC: [u8; 8] = *b"mdlints1";
/// A longer file is none: a quarter of a million packs.
const MOST_BYTES: u64 = 16 << 20;
const RECORD_LEN: usize = 33 + Version::LEN;
/// Packs of fewer bytes are read instead.
pub(super) const SMALLEST: u64 = 1 << 20;

/// Packs, with the versions of their files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Intact(pub(super) BTreeMap<PackName, Version>);

impl Intact {
    /// What a file says; nothing if there is none that is whole.
    pub(super) fn open(path: &Path) -> Self {
        let read = || {
            let mut bytes = Vec::new();
            let file = open_regular(path).ok()?;
            (file.take(MOST_BYTES + 1).read_to_end(&mut bytes).ok()? as u64 <= MOST_BYTES).then_some(bytes)
        };
        read().and_then(|bytes| Self::parse(&bytes)).unwrap_or_default()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (rest, hash) = bytes.split_last_chunk::<32>()?;
        if blake3::hash(rest).as_bytes() != hash {
            return None;
        }
        let (packs, rest) = rest.strip_prefix(&MAGIC)?.as_chunks::<RECORD_LEN>();
        let pack = |record: &[u8; RECORD_LEN]| {
            let section = if record[0] == 0 { Section::Meta } else { Section::Data };
            let (_, version) = record.split_last_chunk()?;
            Some((PackName { section, digest: digest_at(record, 1) }, Version::from_bytes(version)))
        };
        if rest.is_empty() { packs.iter().map(pack).collect::<Option<_>>().map(Self) } else { None }
    }

    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (name, version) in &self.0 {
            bytes.push(u8::from(name.section == Section::Data));
            bytes.extend_from_slice(name.digest.as_bytes());
            bytes.extend_from_slice(&version.to_bytes());
        }
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }
}
