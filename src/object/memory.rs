//! Objects in memory: for tests, and for the state of a work tree that is compared and not committed.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Mutex;

use super::{Find, FindContent, Insert, InsertContent, ObjectError};
use crate::id::{ContentId, Digest, Kind};

/// A map of objects and contents.
#[derive(Default)]
pub struct Memory {
    objects: Mutex<HashMap<(Kind, Digest), Vec<u8>>>,
    contents: Mutex<HashMap<ContentId, Vec<u8>>>,
}

impl Memory {
    /// Keeps a content.
    pub fn insert_content(&self, bytes: Vec<u8>) -> ContentId {
        let id = ContentId::of(&bytes);
        self.contents.lock().unwrap_or_else(|poison| poison.into_inner()).insert(id, bytes);
        id
    }

    /// Inserts everything that is here elsewhere.
    pub fn copy_to(&self, to: &(impl Insert + InsertContent)) -> Result<(), ObjectError> {
        for bytes in self.contents.lock().unwrap_or_else(|poison| poison.into_inner()).values() {
            InsertContent::insert_content(to, &mut &bytes[..], bytes.len() as u64)?;
        }
        for (kind, bytes) in self.objects() {
            to.insert(kind, bytes)?;
        }
        Ok(())
    }

    /// Every object.
    pub fn objects(&self) -> Vec<(Kind, Vec<u8>)> {
        let objects = self.objects.lock().unwrap_or_else(|poison| poison.into_inner());
        objects.iter().map(|((kind, _), bytes)| (*kind, bytes.clone())).collect()
    }

    /// How many objects are here and not there.
    pub fn object_count_not_in(&self, other: &Memory) -> usize {
        let theirs = other.objects.lock().unwrap_or_else(|poison| poison.into_inner());
        let ours = self.objects.lock().unwrap_or_else(|poison| poison.into_inner());
        ours.keys().filter(|key| !theirs.contains_key(key)).count()
    }
}

impl Find for Memory {
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
        Ok(self.objects.lock().unwrap_or_else(|poison| poison.into_inner()).get(&(kind, id)).cloned())
    }
}

impl FindContent for Memory {
    fn content(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, ObjectError> {
        let contents = self.contents.lock().unwrap_or_else(|poison| poison.into_inner());
        let bytes = contents.get(&id).ok_or(ObjectError::MissingContent(id))?;
        let size = bytes.len() as u64;
        if size > limit { Err(ObjectError::TooLarge { id, size, limit }) } else { Ok(bytes.clone()) }
    }
}

impl Insert for Memory {
    fn insert(&self, kind: Kind, bytes: Vec<u8>) -> Result<Digest, ObjectError> {
        let id = kind.digest(&bytes);
        self.objects.lock().unwrap_or_else(|poison| poison.into_inner()).insert((kind, id), bytes);
        Ok(id)
    }
}

impl InsertContent for Memory {
    fn insert_content(&self, bytes: &mut dyn Read, _: u64) -> Result<(ContentId, u64), ObjectError> {
        let mut all = Vec::new();
        bytes.read_to_end(&mut all).map_err(|error| ObjectError::Storage(Box::new(error)))?;
        let size = all.len() as u64;
        Ok((Memory::insert_content(self, all), size))
    }

    fn has_content(&self, id: ContentId) -> Result<bool, ObjectError> {
        Ok(self.contents.lock().unwrap_or_else(|poison| poison.into_inner()).contains_key(&id))
    }
}
