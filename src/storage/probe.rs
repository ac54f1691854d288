//! Whether a storage keeps the promises that everything above relies on, tried when it is first used.
//!
//! The one that matters is that of two creators of a key one wins: some stores that speak S3 accept the condition and
//! ignore it, and two people who push would then lose each other's work without a word.

use std::sync::Barrier;

use crate::storage::{Created, Key, Storage, StorageError, random};

/// The prefix of the keys that are tried. They are removed again, where keys can be.
pub const PREFIX: &str = "probe";

/// So many pairs of creators race.
const RACES: usize = 3;

/// Why a storage cannot be used, or not be written to.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ProbeError {
    #[error("it can be read and not be written to")]
    ReadOnly(#[source] StorageError),
    #[error("it cannot be used safely: {0}")]
    Unsafe(&'static str),
    #[error("it does not work")]
    Failed(#[from] StorageError),
}

/// Tries a storage with small keys below [`PREFIX`].
pub fn probe(storage: &dyn Storage) -> Result<(), ProbeError> {
    let names = random_names()?;
    let tried = names.iter().try_for_each(|key| match key == &names[0] {
        true => create_twice(storage, key),
        false => race(storage, key),
    });
    // Also when it failed: what was created before should not stay.
    let removed = names.iter().try_for_each(|key| remove(storage, key));
    tried.and(removed)
}

fn random_names() -> Result<Vec<Key>, StorageError> {
    let failed = |reason: String| StorageError {
        action: "name",
        place: PREFIX.to_owned(),
        source: std::io::Error::other(reason),
    };
    let name = random::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = |number| Key::new(&format!("{PREFIX}/{name}-{number}"));
    (0..=RACES).map(key).collect::<Option<_>>().ok_or_else(|| failed("it is no key".to_owned()))
}

fn require(kept: bool, otherwise: &'static str) -> Result<(), ProbeError> {
    if kept { Ok(()) } else { Err(ProbeError::Unsafe(otherwise)) }
}

fn create_twice(storage: &dyn Storage, key: &Key) -> Result<(), ProbeError> {
    const FIRST: &[u8] = b"mdl tries whether this stays";
    match storage.create(key, FIRST) {
        Ok(created) => require(created == Created::Created, "a new key was said to exist")?,
        Err(error) if refuses_to_write(&error) && storage.list(PREFIX).is_ok() => {
            return Err(ProbeError::ReadOnly(error));
        }
        Err(error) => return Err(error.into()),
    }
    let again = storage.create(key, b"mdl tries whether this is refused")?;
    require(again == Created::Exists, "a key could be created twice: conditional writes are ignored")?;
    let Some(body) = storage.open(key)? else {
        return Err(ProbeError::Unsafe("a key that was created is not there"));
    };
    require(body.size() == FIRST.len() as u64, "a key was overwritten")?;
    let mut range = [0; 9];
    body.read_at(4, &mut range)?;
    require(range == FIRST[4..13], "a range of a key is not what was written")?;
    require(storage.read(key, 1 << 10)?.as_deref() == Some(FIRST), "a key was overwritten")?;
    let listed = storage.list(PREFIX)?;
    let listed = listed.iter().any(|listed| listed.key == *key && listed.size == FIRST.len() as u64);
    require(listed, "a key that was created is not in the listing")
}

fn refuses_to_write(error: &StorageError) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.source.kind(), PermissionDenied | ReadOnlyFilesystem)
}

fn race(storage: &dyn Storage, key: &Key) -> Result<(), ProbeError> {
    let barrier = Barrier::new(2);
    let create = |body: &'static [u8]| {
        barrier.wait();
        storage.create(key, body)
    };
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| create(b"the one"));
        (create(b"the other"), other.join())
    });
    let second = second.map_err(|_| ProbeError::Unsafe("it panicked"))?;
    let winner: &[u8] = match (first?, second?) {
        (Created::Created, Created::Exists) => b"the other",
        (Created::Exists, Created::Created) => b"the one",
        (Created::Created, Created::Created) => {
            return Err(ProbeError::Unsafe("two that created one key at once were both told that they did"));
        }
        _ => {
            return Err(ProbeError::Unsafe("two that created one key at once were both told that it exists"));
        }
    };
    let kept = storage.read(key, 1 << 10)?;
    require(
        kept.as_deref() == Some(winner),
        "of two that created one key at once, the one that lost was kept",
    )
}

/// A storage that only takes in keeps its few bytes.
fn remove(storage: &dyn Storage, key: &Key) -> Result<(), ProbeError> {
    match storage.remove(key) {
        Err(error) if error.is_refusal() => Ok(()),
        removed => {
            removed?;
            require(storage.open(key)?.is_none(), "a key that was removed is still there")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::stream::{Access, Limited};
    use crate::storage::testing::{Fate, Hooked, Operation};
    use crate::storage::{Body, Draft, Listed, Memory};

    /// A storage that forgets one of its promises.
    struct Broken {
        memory: Memory,
        overwrites: bool,
        reads_only: bool,
        both_win: bool,
    }

    impl Storage for Broken {
        fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
            if self.reads_only {
                let source = std::io::ErrorKind::PermissionDenied.into();
                return Err(StorageError { action: "create", place: key.to_string(), source });
            }
            if self.overwrites {
                self.memory.remove(key)?;
            }
            let created = self.memory.create(key, bytes)?;
            let race = bytes.starts_with(b"the");
            Ok(if self.both_win && race { Created::Created } else { created })
        }
        fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
            self.memory.draft()
        }
        fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
            self.memory.open(key)
        }
        fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
            self.memory.list(prefix)
        }
        fn remove(&self, key: &Key) -> Result<(), StorageError> {
            self.memory.remove(key)
        }
    }

    fn broken() -> Broken {
        Broken { memory: Memory::new(), overwrites: false, reads_only: false, both_win: false }
    }

    #[test]
    fn a_storage_that_keeps_its_promises_passes_and_is_left_empty() {
        let memory = Memory::new();
        probe(&memory).unwrap();
        assert_eq!(memory.list("").unwrap(), []);
    }

    #[test]
    fn what_lets_two_creators_win_is_refused_and_left_empty() {
        for storage in [Broken { overwrites: true, ..broken() }, Broken { both_win: true, ..broken() }] {
            let error = probe(&storage).unwrap_err();
            assert!(matches!(error, ProbeError::Unsafe(_)), "{error:?}");
            assert_eq!(storage.list("").unwrap(), []);
        }
    }

    #[test]
    fn read_only_is_told_from_broken() {
        let error = probe(&Broken { reads_only: true, ..broken() }).unwrap_err();
        assert!(matches!(error, ProbeError::ReadOnly(_)), "{error:?}");
        let fails = |operation: &Operation| match operation {
            Operation::Create(_) => Fate::Failed,
            _ => Fate::Done,
        };
        let error = probe(&Hooked::new(Memory::new(), fails)).unwrap_err();
        assert!(matches!(error, ProbeError::Failed(_)), "{error:?}");
    }

    #[test]
    fn what_only_takes_in_passes() {
        let memory = Memory::new();
        let append_only = Limited::new(std::sync::Arc::new(memory.clone()), Access::AppendOnly);
        probe(&append_only).unwrap();
        assert_eq!(memory.list(PREFIX).unwrap().len(), 1 + RACES);
    }
}
