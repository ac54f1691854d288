//! What a merge works with: what files mean, and a desk on which what is new lies until it is written.

use std::collections::BTreeMap;
use std::io::Read;

use crate::format::{self, Syntax};
use crate::id::{ContentId, Digest, Kind};
use crate::merge::Reader;
use crate::object::{Feature, Find, FindContent, Insert, InsertContent, Memory, ObjectError, Overlay};
use crate::repo::remote::Contents;
use crate::store::Store;
use crate::value::{KeyPath, Value};

/// What the bytes of files mean, by the customs of the field.
pub(super) struct Formats;

impl Reader for Formats {
    fn values(&self, file_name: &str, bytes: &[u8]) -> Option<BTreeMap<String, Value>> {
        format::values(Syntax::of(file_name)?, bytes).ok()
    }

    fn set(&self, file_name: &str, bytes: &[u8], path: &KeyPath, value: &Value) -> Option<Vec<u8>> {
        format::set(Syntax::of(file_name)?, bytes, path, value).ok()
    }

    fn features(&self, file_name: &str, bytes: &[u8]) -> Option<Vec<Feature>> {
        format::features(file_name, bytes).ok()
    }
}

/// The store, and what a merge has made and nobody has written yet.
pub(super) struct Desk<'a> {
    pub store: &'a Store,
    /// Those of the store, and what has to be brought first.
    pub contents: Contents<'a>,
    pub new: Memory,
}

impl Find for Desk<'_> {
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
        Overlay(&self.new, self.store).find(kind, id)
    }
}

impl FindContent for Desk<'_> {
    fn content(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, ObjectError> {
        match self.new.has_content(id)? {
            true => self.new.content(id, limit),
            false => self.contents.content(id, limit),
        }
    }
}

impl Insert for Desk<'_> {
    fn insert(&self, kind: Kind, bytes: Vec<u8>) -> Result<Digest, ObjectError> {
        let id = kind.digest(&bytes);
        if self.store.has(kind, id)? { Ok(id) } else { self.new.insert(kind, bytes) }
    }
}

impl InsertContent for Desk<'_> {
    fn insert_content(&self, bytes: &mut dyn Read, size_hint: u64) -> Result<(ContentId, u64), ObjectError> {
        InsertContent::insert_content(&self.new, bytes, size_hint)
    }

    fn has_content(&self, id: ContentId) -> Result<bool, ObjectError> {
        self.new.has_content(id)
    }
}
