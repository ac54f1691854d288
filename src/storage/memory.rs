//! Keys in memory: for tests, and for what need not be kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError, below, too_short};

type Keys = BTreeMap<Key, Arc<[u8]>>;

/// A storage in memory. Its clones are the same storage.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    keys: Arc<Mutex<Keys>>,
}

impl Memory {
    /// No keys.
    pub fn new() -> Self {
        Self::default()
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        // Each change is one call on the map, so a panic elsewhere leaves it whole.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, key: &Key, bytes: Arc<[u8]>) -> Created {
        let mut keys = self.keys();
        if keys.contains_key(key) {
            return Created::Exists;
        }
        keys.insert(key.clone(), bytes);
        Created::Created
    }
}

impl Storage for Memory {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        Ok(self.publish(key, bytes.into()))
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        Ok(Box::new(MemoryDraft { memory: self.clone(), bytes: Vec::new() }))
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        let bytes = self.keys().get(key).cloned();
        Ok(bytes.map(|bytes| Box::new(MemoryBody { key: key.clone(), bytes }) as Box<dyn Body>))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        let keys = self.keys();
        let within = keys.iter().filter(|(key, _)| below(prefix, key));
        Ok(within.map(|(key, bytes)| Listed { key: key.clone(), size: bytes.len() as u64 }).collect())
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        self.keys().remove(key);
        Ok(())
    }
}

struct MemoryDraft {
    memory: Memory,
    bytes: Vec<u8>,
}

impl Draft for MemoryDraft {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn publish(self: Box<Self>, key: &Key) -> Result<Created, StorageError> {
        Ok(self.memory.publish(key, self.bytes.into()))
    }
}

struct MemoryBody {
    key: Key,
    bytes: Arc<[u8]>,
}

impl Body for MemoryBody {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let start = usize::try_from(offset).ok();
        let range = start.and_then(|start| Some(start..start.checked_add(buffer.len())?));
        let bytes = range.and_then(|range| self.bytes.get(range)).ok_or_else(|| too_short(&self.key))?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}
