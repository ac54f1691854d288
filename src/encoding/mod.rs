//! Canonical CBOR: a writer, and a reader that refuses everything else.
//!
//! The form is RFC 8949, section 4.2.1, "core deterministic encoding": shortest integers and floats,
//! definite lengths, map keys in the order of their encoded bytes. On top of it: keys are text, there
//! are no tags, NaN is `f97e00`, text is UTF-8, nesting is at most [`MAX_DEPTH`] deep. So one value
//! has one encoding, and `encode(decode(b)) == b` for every `b` that is accepted.

mod reader;
mod record;
mod values;
mod writer;

pub use reader::{Entries, Reader};
pub use writer::Writer;

pub(crate) use record::{record, words};

/// Deepest nesting of lists, maps and records.
pub const MAX_DEPTH: usize = 64;
/// What a map weighs, see [`weighed`]: each takes about as much memory as this many other values and more.
pub const MAP_WEIGHT: usize = 6;

/// Something that has canonical bytes.
pub trait Encode {
    /// Appends the canonical bytes.
    fn encode(&self, writer: &mut Writer);

    /// Whether a record leaves the field out. Only for `None`.
    fn is_absent(&self) -> bool {
        false
    }
}

/// Something that can be read from its canonical bytes, and from no others.
pub trait Decode: Sized {
    /// Reads one value.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// What a record has where the field is left out. Only for `Option`.
    fn absent() -> Option<Self> {
        None
    }
}

/// The canonical bytes of a value.
pub fn to_bytes(value: &impl Encode) -> Vec<u8> {
    let mut writer = Writer::default();
    value.encode(&mut writer);
    writer.into_bytes()
}

/// The canonical bytes of a value, and the weight of all values in it: a map weighs [`MAP_WEIGHT`], every other value
/// one, keys of maps nothing. It bounds the memory that the value takes, as the number of bytes does not.
pub fn weighed(value: &impl Encode) -> (Vec<u8>, usize) {
    let mut writer = Writer::default();
    value.encode(&mut writer);
    let weight = writer.weight();
    (writer.into_bytes(), weight)
}

/// The value that has exactly these bytes.
pub fn from_bytes<T: Decode>(bytes: &[u8]) -> Result<T, DecodeError> {
    from_bytes_within(bytes, usize::MAX)
}

/// The value that has exactly these bytes, if it does not weigh more than `most`, see [`weighed`].
pub fn from_bytes_within<T: Decode>(bytes: &[u8], most: usize) -> Result<T, DecodeError> {
    let mut reader = Reader::within(bytes, most);
    let value = T::decode(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Bytes that are not the canonical encoding of what was expected, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (at byte {at})")]
pub struct DecodeError {
    /// Offset of the offending byte.
    pub at: usize,
    /// What is wrong there.
    pub problem: DecodeProblem,
}

/// What can be wrong with encoded bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum DecodeProblem {
    #[error("the bytes end too early")]
    Truncated,
    #[error("bytes follow the end")]
    Trailing,
    #[error("expected {0}")]
    Expected(&'static str),
    #[error("this is not the shortest or only form")]
    NotCanonical,
    #[error("map keys are not sorted, or one is there twice")]
    KeyOrder,
    #[error("text is not UTF-8")]
    Utf8,
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("its values weigh more than {0}, the most that an object may have")]
    TooManyValues(usize),
    #[error("the field '{0}' is missing")]
    Missing(&'static str),
    #[error("unknown field '{0}': written by a newer mdl")]
    UnknownField(String),
    #[error("unknown variant '{0}': written by a newer mdl")]
    UnknownVariant(String),
    #[error("{0}")]
    Invalid(String),
}
