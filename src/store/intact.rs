//! Packs that are as they were written, told by their files: what has the inode, the size and the times that it had
//! when it was published need not be read to be shared.
//!
//! Nobody but mdl writes to packs, so that files that are young are trusted too. What a medium does to bytes by
//! itself is not seen; whoever reads a pack sees it. Small packs are not in it, as it takes no time to check them.
//!
//! ```text
//! intact = "mdlints1", packs, BLAKE3 of these (32)
//! pack   = section u8 (0 metadata, 1 data), name (32), version (32)
//! ```
//!
//! A file that is damaged is as good as none.

use std::collections::BTreeMap;
use std::path::Path;

use crate::disk::{Version, read_cache, replace_cache};
use crate::store::catalog::IndexCache;
use crate::store::packs::PackName;

const MAGIC: [u8; 8] = *b"mdlints1";
/// A longer file is none: a quarter of a million packs.
const MOST_BYTES: u64 = 16 << 20;
const RECORD_LEN: usize = PackName::LEN + Version::LEN;
/// Packs of fewer bytes are read instead.
pub(super) const SMALLEST: u64 = 1 << 20;

/// Packs, with the versions of their files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Intact(pub(super) BTreeMap<PackName, Version>);

impl Intact {
    /// What a file says; nothing if there is none that is whole.
    pub(super) fn open(path: &Path) -> Self {
        read_cache(path, MOST_BYTES).and_then(|bytes| Self::parse(&bytes)).unwrap_or_default()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (packs, rest) = bytes.strip_prefix(&MAGIC)?.as_chunks::<RECORD_LEN>();
        let pack = |record: &[u8; RECORD_LEN]| {
            Some((PackName::at(record), Version::from_bytes(record.last_chunk()?)))
        };
        if rest.is_empty() { packs.iter().map(pack).collect::<Option<_>>().map(Self) } else { None }
    }

    /// The bytes of the file, but for their hash.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (name, version) in &self.0 {
            bytes.extend_from_slice(&name.to_bytes());
            bytes.extend_from_slice(&version.to_bytes());
        }
        bytes
    }
}

impl IndexCache {
    /// The packs that are as they were written, as far as that is known.
    pub(super) fn intact(&self) -> Intact {
        self.intact.as_deref().map(Intact::open).unwrap_or_default()
    }

    /// Keeps new packs in mind, and of the others those that are listed. What cannot be written is no error.
    pub(super) fn keep_intact(&self, new: Vec<(PackName, Version)>, is_listed: &dyn Fn(&PackName) -> bool) {
        let Some(file) = self.intact.as_ref().filter(|_| !new.is_empty()) else { return };
        let mut intact = Intact::open(file);
        intact.0.retain(|name, _| is_listed(name));
        intact.0.extend(new);
        let _ = replace_cache(&*self.disk, &self.tmp_dir, file, intact.to_bytes());
    }
}
