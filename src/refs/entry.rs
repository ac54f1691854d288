//! One entry of a ref's log, and its canonical bytes.

use crate::encoding::{self, Decode, DecodeError, DecodeProblem, Encode, Reader, Writer, record};
use crate::id::{CommitId, Digest, Kind, RunsId, TagId};
use crate::object::Time;
use crate::refs::RefError;
use crate::refs::check::{checked, without_check};

/// 16 random bytes that tell one attempt from every other.
pub type Nonce = [u8; 16];

/// Longer entries are not written, and refused before they are read.
pub(super) const MAX_BYTES: u64 = 64 << 10;

/// What the check of an entry is derived with.
const CONTEXT: &str = "mdl v1 ref entry";

/// How many nonces an entry names.
pub(super) const RECENT: usize = 8;

/// What a ref points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Nothing yet: its log was begun.
    Birth,
    /// Nothing any more.
    Deleted,
    /// A commit.
    Commit(CommitId),
    /// A tag.
    Tag(TagId),
    /// The last commit of a run: nothing is ever appended to its log.
    Finished(CommitId),
    /// A batch of runs: nothing is ever appended to its log.
    Runs(RunsId),
}

impl Target {
    /// Whether it is something.
    pub fn exists(&self) -> bool {
        !matches!(self, Target::Birth | Target::Deleted)
    }

    /// Whether it is the last of its log.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Target::Finished(_) | Target::Runs(_))
    }

    /// The commit that a branch or run points to.
    pub fn commit(&self) -> Option<CommitId> {
        match self {
            Target::Commit(id) | Target::Finished(id) => Some(*id),
            Target::Birth | Target::Deleted | Target::Tag(_) | Target::Runs(_) => None,
        }
    }

    /// The object that it is, if it is one.
    pub fn object(&self) -> Option<(Kind, Digest)> {
        match self {
            Target::Commit(id) | Target::Finished(id) => Some((Kind::Commit, id.digest())),
            Target::Tag(id) => Some((Kind::Tag, id.digest())),
            Target::Runs(id) => Some((Kind::Runs, id.digest())),
            Target::Birth | Target::Deleted => None,
        }
    }
}

record! {
    /// One value of a ref.
    pub struct Entry {
        /// What it points to.
        pub target: Target,
        /// What it pointed to before.
        pub previous: Option<Target>,
        /// Tells this attempt from every other.
        pub nonce: Nonce,
        /// The nonces of the last few entries before, newest first, without a gap.
        pub recent: Vec<Nonce>,
        /// The number of the last entry, this one included, whose value does not come after the one before it.
        pub stepped_back: Option<u64>,
        /// The collection that the writer knew of.
        pub epoch: u64,
        /// `Name <address>`.
        pub who: String,
        /// When.
        pub when: Time,
        /// Why: `commit: baseline`, `undo`, …
        pub why: String,
    }
}

impl Entry {
    /// The entry that has exactly these bytes, or these without a check.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let entry: Self = encoding::from_bytes(&without_check(bytes, CONTEXT)?)?;
        if entry.recent.len() > RECENT {
            let problem = DecodeProblem::Invalid(format!("more than {RECENT} recent nonces"));
            return Err(DecodeError { at: 0, problem });
        }
        Ok(entry)
    }

    /// Its canonical bytes, with a check.
    pub fn to_bytes(&self) -> Vec<u8> {
        checked(&encoding::to_bytes(self), CONTEXT)
    }

    /// The nonces that the entry after this one names.
    pub(super) fn recent_after(&self) -> Vec<Nonce> {
        std::iter::once(&self.nonce).chain(&self.recent).take(RECENT).copied().collect()
    }
}

/// The bytes of an entry that is going to be written.
pub(super) fn bounded(entry: &Entry, name: &str) -> Result<Vec<u8>, RefError> {
    let bytes = entry.to_bytes();
    if bytes.len() as u64 <= MAX_BYTES {
        return Ok(bytes);
    }
    Err(RefError::TooLarge { name: name.to_owned(), size: bytes.len(), limit: MAX_BYTES })
}

impl Encode for Nonce {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(self);
    }
}

impl Decode for Nonce {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.bytes()?;
        bytes.try_into().map_err(|_| reader.error(DecodeProblem::Expected("a nonce of 16 bytes")))
    }
}

/// A list: the word for what it is, and the id of what has one.
impl Encode for Target {
    fn encode(&self, writer: &mut Writer) {
        let (word, id) = match self {
            Target::Birth => ("birth", None),
            Target::Deleted => ("deleted", None),
            Target::Commit(id) => ("commit", Some(id.digest())),
            Target::Tag(id) => ("tag", Some(id.digest())),
            Target::Finished(id) => ("finished", Some(id.digest())),
            Target::Runs(id) => ("runs", Some(id.digest())),
        };
        writer.list(1 + usize::from(id.is_some()));
        writer.text(word);
        if let Some(id) = id {
            id.encode(writer);
        }
    }
}

impl Decode for Target {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = reader.list_len()?;
        let word = reader.text()?;
        let target = match (word, len) {
            ("birth", 1) => Target::Birth,
            ("deleted", 1) => Target::Deleted,
            ("commit", 2) => Target::Commit(CommitId::decode(reader)?),
            ("tag", 2) => Target::Tag(TagId::decode(reader)?),
            ("finished", 2) => Target::Finished(CommitId::decode(reader)?),
            ("runs", 2) => Target::Runs(RunsId::decode(reader)?),
            ("birth" | "deleted" | "commit" | "tag" | "finished" | "runs", _) => {
                return Err(reader.error(DecodeProblem::Expected("a target")));
            }
            _ => return Err(reader.error(DecodeProblem::UnknownVariant(word.to_owned()))),
        };
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(target: Target) -> Entry {
        Entry {
            target,
            previous: Some(Target::Birth),
            nonce: [7; 16],
            recent: vec![[1; 16], [2; 16]],
            stepped_back: Some(300),
            epoch: 5,
            who: "A <a@b>".into(),
            when: Time { millis: -1, zone: 60 },
            why: "undo".into(),
        }
    }

    #[test]
    fn every_target_comes_back() {
        let id = |byte| Digest::new([byte; 32]);
        let pointing = [
            Target::Commit(id(1).into()),
            Target::Tag(id(2).into()),
            Target::Finished(id(3).into()),
            Target::Runs(id(4).into()),
        ];
        for target in [Target::Birth, Target::Deleted].into_iter().chain(pointing) {
            let entry = entry(target);
            assert_eq!(Entry::from_bytes(&entry.to_bytes()), Ok(entry.clone()));
            assert_eq!(Entry::from_bytes(&encoding::to_bytes(&entry)), Ok(entry), "one of before");
        }
    }

    #[test]
    fn no_damaged_entry_is_read() {
        for target in [Target::Birth, Target::Commit(Digest::new([9; 32]).into())] {
            let bytes = entry(target).to_bytes();
            for len in 0..bytes.len() {
                assert!(Entry::from_bytes(&bytes[..len]).is_err(), "cut at {len}");
            }
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(Entry::from_bytes(&damaged).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_damaged_entry_without_a_check_is_refused_or_another_one() {
        let bytes = encoding::to_bytes(&entry(Target::Commit(Digest::new([9; 32]).into())));
        for len in 0..bytes.len() {
            assert!(Entry::from_bytes(&bytes[..len]).is_err(), "cut at {len}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(entry) = Entry::from_bytes(&damaged) {
                assert_eq!(encoding::to_bytes(&entry), damaged);
            }
        }
    }

    #[test]
    fn the_list_of_nonces_is_bounded() {
        let mut entry = entry(Target::Birth);
        entry.recent = vec![[0; 16]; RECENT + 1];
        assert!(Entry::from_bytes(&encoding::to_bytes(&entry)).is_err());
        assert_eq!(entry.recent_after().len(), RECENT);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(entry) = Entry::from_bytes(&bytes) {
                prop_assert!(bytes == encoding::to_bytes(&entry) || bytes == entry.to_bytes());
            }
        }
    }
}
