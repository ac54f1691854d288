//! The objects, one file a kind, and beside them the traits through which they are found and inserted.
//!
//! An object is immutable; its id is the digest of its canonical bytes under its kind's context. Every
//! object that is read is checked against its id, wherever it comes from.

mod accelerators;
mod code;
mod commit;
mod dataset;
mod definition;
mod environment;
mod features;
mod memory;
mod outcome;
mod overlay;
mod packages;
mod params;
mod profile;
mod run;
mod runs;
mod series;
mod system;
mod tag;
mod tree;

pub use accelerators::{Accelerator, AcceleratorKind, Accelerators, Pcie};
pub use code::Code;
pub use commit::{Commit, GitState, Time};
pub use dataset::Dataset;
pub use definition::{Definition, PlacedDataset, PlacedFeatures, PlacedParams};
pub use environment::Environment;
pub use features::{Feature, Features};
pub use memory::Memory;
pub use outcome::{Direction, Log, Metrics, Outcome, Utilisation};
pub use overlay::Overlay;
pub use packages::{Interpreter, Package, Packages};
pub use params::Params;
pub use profile::{Column, Moments, Profile, Tensor, TopValue};
pub use run::{Divergence, Grade, Phase, Receipt, Run};
pub use runs::Runs;
pub use series::Series;
pub(crate) use series::every_second;
pub use system::{Cpu, Limits, System};
pub use tag::Tag;
pub use tree::{Entry, Node, Page, Placed, Tree, TreeBuilder, TreeEntries, lookup, node_at};

use crate::encoding::{self, Decode, DecodeError, Encode};
use crate::id::{ContentId, Digest, Kind, TypedId};

/// What the values of an object may weigh together ([`encoding::weighed`]): about as many numbers. So an object takes no
/// more than about 120 MiB of memory beyond its bytes, however well these were compressed.
pub const MAX_WEIGHT: usize = 1 << 20;

/// No object has more bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// A kind of object.
pub trait Object: Encode + Decode {
    /// The id that names objects of this kind.
    type Id: TypedId;

    /// Calls `see` with everything that the object refers to.
    fn links(&self, see: &mut dyn FnMut(Link));

    /// The id of this object.
    fn id(&self) -> Self::Id {
        Self::Id::KIND.digest(&encoding::to_bytes(self)).into()
    }
}

/// A reference from an object to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// To another object.
    Object(Kind, Digest),
    /// To the content of a file, of this many bytes.
    Content(ContentId, u64),
    /// To a tree whose contents are not stored: a dataset by reference.
    Unstored(Node),
}

/// A link to an object of a known kind.
pub(crate) fn link<I: TypedId>(id: I) -> Link {
    Link::Object(I::KIND, id.into())
}

/// Why an object could not be found or inserted.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// It is not there.
    #[error("{kind} {id} is missing")]
    Missing {
        /// What it should be.
        kind: Kind,
        /// Its id.
        id: Digest,
    },
    /// A content is not there.
    #[error("content {0} is missing")]
    MissingContent(ContentId),
    /// Its bytes are not those of its id.
    #[error("{kind} {id} is corrupt: its bytes do not have its id")]
    Corrupt {
        /// What it should be.
        kind: Kind,
        /// Its id.
        id: Digest,
    },
    /// Its bytes have its id and are not an object that this program knows.
    #[error("{kind} {id} cannot be read: {problem}")]
    Malformed {
        /// What it should be.
        kind: Kind,
        /// Its id.
        id: Digest,
        /// Where and how.
        problem: DecodeError,
    },
    /// It is about to be inserted, and has more values than an object may have.
    #[error(
        "the {kind} would have too many values for an object: they weigh {weight}, and {MAX_WEIGHT} is the most"
    )]
    TooManyValues {
        /// What it should become.
        kind: Kind,
        /// What its values weigh ([`encoding::weighed`]).
        weight: usize,
    },
    /// The content is longer than the caller wants.
    #[error("content {id} has {size} bytes, more than {limit}")]
    TooLarge {
        /// The content.
        id: ContentId,
        /// Its size in bytes.
        size: u64,
        /// The bound.
        limit: u64,
    },
    /// Where it is kept failed.
    #[error(transparent)]
    Storage(Box<dyn std::error::Error + Send + Sync>),
}

/// A place to find objects in.
pub trait Find: Sync {
    /// The bytes of an object, unchecked; `None` if it is not here.
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError>;

    /// Whether it is here, without reading it.
    fn has(&self, kind: Kind, id: Digest) -> Result<bool, ObjectError> {
        Ok(self.find(kind, id)?.is_some())
    }
}

/// A place to read the contents of files from.
pub trait FindContent: Sync {
    /// The bytes of a content, checked; refused if it has more than `limit` bytes.
    fn content(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, ObjectError>;
}

/// A place to read many contents from, in whatever order and on however many threads suits it.
pub trait ReadContents: FindContent {
    /// Reads contents, given with their sizes in bytes. The sink hears of each by its place in `wanted`.
    fn read_contents(&self, wanted: &[(ContentId, u64)], sink: &dyn ContentSink) -> Result<(), ObjectError>;
}

/// What becomes of contents that are read. Called from many threads.
pub trait ContentSink: Sync {
    /// Bytes of content number `index`, in any order, and not yet verified as a whole. After something failed, those of
    /// a content that is not complete may come once more.
    fn write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), ObjectError>;

    /// Reads bytes back of a content that came in pieces, and fills the buffer.
    fn read_back(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), ObjectError>;

    /// Content number `index` is complete and has been verified against its id.
    fn verified(&self, index: usize) -> Result<(), ObjectError>;
}

/// A place to insert objects in.
pub trait Insert: Sync {
    /// Keeps the canonical bytes of an object, and says their id.
    fn insert(&self, kind: Kind, bytes: Vec<u8>) -> Result<Digest, ObjectError>;
}

/// A place to insert contents in. Called from many threads at once.
pub trait InsertContent: Sync {
    /// Keeps everything that the reader gives (about `size_hint` bytes), and says its id and size.
    fn insert_content(
        &self,
        bytes: &mut dyn std::io::Read,
        size_hint: u64,
    ) -> Result<(ContentId, u64), ObjectError>;

    /// Whether a content is here already.
    fn has_content(&self, id: ContentId) -> Result<bool, ObjectError>;
}

/// Finds an object, checks it against its id and decodes it.
pub fn get<T: Object>(find: &(impl Find + ?Sized), id: T::Id) -> Result<T, ObjectError> {
    let (kind, digest) = (T::Id::KIND, id.into());
    let bytes = find.find(kind, digest)?.ok_or(ObjectError::Missing { kind, id: digest })?;
    parse(&bytes, id)
}

/// Decodes an object after a check that these are the bytes of its id.
pub fn parse<T: Object>(bytes: &[u8], id: T::Id) -> Result<T, ObjectError> {
    let (kind, id) = (T::Id::KIND, id.into());
    if kind.digest(bytes) != id {
        return Err(ObjectError::Corrupt { kind, id });
    }
    decode(bytes).map_err(|problem| ObjectError::Malformed { kind, id, problem })
}

/// Decodes an object, or a value of it, whose id was checked already.
pub fn decode<T: Decode>(bytes: &[u8]) -> Result<T, DecodeError> {
    encoding::from_bytes_within(bytes, MAX_WEIGHT)
}

/// Inserts an object, unless it has more values than one may have.
pub fn put<T: Object>(insert: &(impl Insert + ?Sized), object: &T) -> Result<T::Id, ObjectError> {
    let (bytes, weight) = encoding::weighed(object);
    if weight > MAX_WEIGHT {
        return Err(ObjectError::TooManyValues { kind: T::Id::KIND, weight });
    }
    Ok(insert.insert(T::Id::KIND, bytes)?.into())
}

/// Calls `see` with everything that an object of any kind refers to, after checking and decoding it.
pub fn links(kind: Kind, id: Digest, bytes: &[u8], see: &mut dyn FnMut(Link)) -> Result<(), ObjectError> {
    fn of<T: Object>(id: Digest, bytes: &[u8], see: &mut dyn FnMut(Link)) -> Result<(), ObjectError> {
        parse::<T>(bytes, id.into()).map(|object| object.links(see))
    }
    match kind {
        Kind::Tree => of::<Tree>(id, bytes, see),
        Kind::Dataset => of::<Dataset>(id, bytes, see),
        Kind::Profile => of::<Profile>(id, bytes, see),
        Kind::Features => of::<Features>(id, bytes, see),
        Kind::Params => of::<Params>(id, bytes, see),
        Kind::Code => of::<Code>(id, bytes, see),
        Kind::Packages => of::<Packages>(id, bytes, see),
        Kind::System => of::<System>(id, bytes, see),
        Kind::Accelerators => of::<Accelerators>(id, bytes, see),
        Kind::Environment => of::<Environment>(id, bytes, see),
        Kind::Definition => of::<Definition>(id, bytes, see),
        Kind::Series => of::<Series>(id, bytes, see),
        Kind::Outcome => of::<Outcome>(id, bytes, see),
        Kind::Commit => of::<Commit>(id, bytes, see),
        Kind::Tag => of::<Tag>(id, bytes, see),
        Kind::Runs => of::<Runs>(id, bytes, see),
    }
}

/// Implements [`Object`] for a record, with the links that it has.
macro_rules! object {
    ($type:ident, $id:ident, |$this:ident, $see:ident| $links:expr) => {
        impl $crate::object::Object for $type {
            type Id = $crate::id::$id;

            fn links(&self, $see: &mut dyn FnMut($crate::object::Link)) {
                let $this = self;
                $links
            }
        }
    };
    ($type:ident, $id:ident) => {
        impl $crate::object::Object for $type {
            type Id = $crate::id::$id;

            fn links(&self, _: &mut dyn FnMut($crate::object::Link)) {}
        }
    };
}

pub(crate) use object;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn params(values: Value) -> Params {
        Params { values: [("x".to_owned(), values)].into() }
    }

    fn list(count: usize, value: &Value) -> Value {
        Value::List(vec![value.clone(); count])
    }

    /// The record and its map weigh six each, the list one.
    const AROUND: usize = 13;

    #[test]
    fn an_object_has_as_many_values_as_one_may_have() {
        let memory = Memory::default();
        let map = Value::Map([(String::new(), Value::Null)].into());
        for (value, weight) in [(Value::Null, 1), (Value::List(Vec::new()), 1), (map, 7)] {
            let most = (MAX_WEIGHT - AROUND) / weight;
            let id = put(&memory, &params(list(most, &value))).unwrap();
            assert!(get::<Params>(&memory, id).is_ok(), "{value:?}");
            let more = params(list(most + 1, &value));
            let refused = put(&memory, &more).unwrap_err();
            assert!(matches!(refused, ObjectError::TooManyValues { kind: Kind::Params, .. }), "{refused}");
            // Somebody else may have written it all the same.
            let id = memory.insert(Kind::Params, encoding::to_bytes(&more)).unwrap();
            let refused = get::<Params>(&memory, id.into()).unwrap_err();
            assert!(matches!(refused, ObjectError::Malformed { .. }), "{refused}");
        }
    }

    #[test]
    fn writers_and_readers_weigh_alike() {
        let map: Value = Value::Map([("a".to_owned(), list(3, &Value::Float(0.5)))].into());
        let text = Value::Text("text".to_owned());
        let (bytes, weight) = encoding::weighed(&params(Value::List(vec![map, text, Value::Bool(true)])));
        assert_eq!(weight, AROUND + 6 + 1 + 3 + 1 + 1);
        assert!(encoding::from_bytes_within::<Params>(&bytes, weight).is_ok());
        let refused = encoding::from_bytes_within::<Params>(&bytes, weight - 1).unwrap_err();
        assert_eq!(refused.problem, encoding::DecodeProblem::TooManyValues(weight - 1));
    }
}
