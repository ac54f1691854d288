//! A storage of which every operation is a step that somebody else decides upon, and the world that answers it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError};

/// An operation that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Request {
    List(String),
    Open(Key),
    Create(Key, Blob),
    Remove(Key),
}

/// What an operation is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reply {
    List(Arc<[(Key, u64)]>),
    Open(Option<Blob>),
    Create(bool),
    Remove,
    Failed,
}

/// Bytes, told apart by their hash alone.
#[derive(Clone)]
pub(super) struct Blob {
    pub(super) mark: u64,
    pub(super) bytes: Arc<[u8]>,
}

impl Blob {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self { mark: mark(bytes), bytes: bytes.into() }
    }
}

/// A hash of 64 bits.
pub(super) fn mark(bytes: &[u8]) -> u64 {
    let hash = blake3::hash(bytes);
    u64::from_le_bytes(*hash.as_bytes().first_chunk().unwrap())
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        self.mark == other.mark
    }
}

impl Eq for Blob {}

impl std::hash::Hash for Blob {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.mark.hash(state);
    }
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}

/// Who answers.
pub(super) trait Answer: Send + Sync + 'static {
    fn answer(&self, request: Request) -> Reply;
}

/// The storage that asks.
pub(super) struct Steps<A>(pub(super) Arc<A>);

impl<A: Answer> Steps<A> {
    fn ask(&self, request: Request) -> Result<Reply, StorageError> {
        match self.0.answer(request) {
            Reply::Failed => {
                let source = std::io::Error::other("no reply");
                Err(StorageError { action: "reach", place: "the storage".into(), source })
            }
            reply => Ok(reply),
        }
    }

    fn make(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        match self.ask(Request::Create(key.clone(), Blob::new(bytes)))? {
            Reply::Create(true) => Ok(Created::Created),
            Reply::Create(false) => Ok(Created::Exists),
            reply => panic!("{reply:?}"),
        }
    }
}

impl<A: Answer> Storage for Steps<A> {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        self.make(key, bytes)
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        Ok(Box::new(StepDraft { steps: Steps(self.0.clone()), bytes: Vec::new() }))
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        match self.ask(Request::Open(key.clone()))? {
            Reply::Open(body) => Ok(body.map(|blob| Box::new(blob) as Box<dyn Body>)),
            reply => panic!("{reply:?}"),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        match self.ask(Request::List(prefix.to_owned()))? {
            Reply::List(keys) => {
                Ok(keys.iter().map(|(key, size)| Listed { key: key.clone(), size: *size }).collect())
            }
            reply => panic!("{reply:?}"),
        }
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        self.ask(Request::Remove(key.clone())).map(drop)
    }
}

struct StepDraft<A> {
    steps: Steps<A>,
    bytes: Vec<u8>,
}

impl<A: Answer> Draft for StepDraft<A> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn publish(self: Box<Self>, key: &Key) -> Result<Created, StorageError> {
        self.steps.make(key, &self.bytes)
    }
}

impl Body for Blob {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let start = offset as usize;
        buffer.copy_from_slice(&self.bytes[start..start + buffer.len()]);
        Ok(())
    }
}

/// Keys and bodies, by numbers that are cheap to compare.
#[derive(Default)]
pub(super) struct Names {
    keys: Vec<Key>,
    key_numbers: HashMap<Key, u32>,
    blobs: Vec<Blob>,
    blob_numbers: HashMap<u64, u32>,
}

impl Names {
    pub(super) fn key(&mut self, key: &Key) -> u32 {
        if let Some(number) = self.key_numbers.get(key) {
            return *number;
        }
        self.keys.push(key.clone());
        self.key_numbers.insert(key.clone(), self.keys.len() as u32 - 1);
        self.keys.len() as u32 - 1
    }

    pub(super) fn blob(&mut self, blob: &Blob) -> u32 {
        *self.blob_numbers.entry(blob.mark).or_insert_with(|| {
            self.blobs.push(blob.clone());
            self.blobs.len() as u32 - 1
        })
    }

    pub(super) fn key_of(&self, number: u32) -> &Key {
        &self.keys[number as usize]
    }

    pub(super) fn blob_of(&self, number: u32) -> &Blob {
        &self.blobs[number as usize]
    }
}

/// All keys at one moment, sorted by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct World(pub(super) Vec<(u32, u32)>);

impl World {
    /// The keys of a storage.
    pub(super) fn of(storage: &dyn Storage, names: &mut Names) -> Self {
        let mut world = Self::default();
        for listed in storage.list("").unwrap() {
            let bytes = storage.read(&listed.key, u64::MAX).unwrap().unwrap();
            world.create(names, &listed.key, &Blob::new(&bytes));
        }
        world
    }

    pub(super) fn create(&mut self, names: &mut Names, key: &Key, blob: &Blob) -> bool {
        let (key, blob) = (names.key(key), names.blob(blob));
        self.insert(key, blob)
    }

    pub(super) fn insert(&mut self, key: u32, blob: u32) -> bool {
        match self.0.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(_) => false,
            Err(at) => {
                self.0.insert(at, (key, blob));
                true
            }
        }
    }

    fn get(&self, key: u32) -> Option<u32> {
        let at = self.0.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(self.0[at].1)
    }

    /// The keys below a prefix, sorted, with their bodies.
    pub(super) fn below<'a>(&self, names: &'a Names, prefix: &str) -> Vec<(&'a Key, &'a Blob)> {
        let is_below = |key: &Key| {
            prefix.is_empty() || key.as_str().strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
        };
        let keys = self.0.iter().map(|(key, blob)| (names.key_of(*key), names.blob_of(*blob)));
        let mut keys: Vec<_> = keys.filter(|(key, _)| is_below(key)).collect();
        keys.sort_unstable_by(|a, b| a.0.cmp(b.0));
        keys
    }

    /// Does an operation, and says what came of it.
    pub(super) fn answer(&mut self, names: &mut Names, request: &Request) -> Reply {
        match request {
            Request::List(prefix) => {
                let keys = self.below(names, prefix);
                Reply::List(keys.into_iter().map(|(key, blob)| (key.clone(), blob.size())).collect())
            }
            Request::Open(key) => {
                let found = self.get(names.key(key));
                Reply::Open(found.map(|blob| names.blob_of(blob).clone()))
            }
            Request::Create(key, blob) => Reply::Create(self.create(names, key, blob)),
            Request::Remove(key) => {
                let key = names.key(key);
                self.0.retain(|(other, _)| *other != key);
                Reply::Remove
            }
        }
    }
}
