//! How plain values, ids and names are encoded.

use std::collections::BTreeMap;

use super::{Decode, DecodeError, DecodeProblem, Encode, Reader, Writer};
use crate::id::{ContentId, Digest};
use crate::name::{EntryName, PartName, RunId, TreePath};
use crate::value::{Int, Value};

macro_rules! codec {
    ($type:ty, |$value:ident, $writer:ident| $encode:expr, |$reader:ident| $decode:expr) => {
        impl Encode for $type {
            fn encode(&self, $writer: &mut Writer) {
                let $value = self;
                $encode;
            }
        }

        impl Decode for $type {
            fn decode($reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                $decode
            }
        }
    };
}

codec!(u64, |value, writer| writer.unsigned(*value), |reader| reader.unsigned());
codec!(i64, |value, writer| Int::from(*value).encode(writer), |reader| {
    i64::try_from(Int::decode(reader)?.get()).map_err(|_| reader.invalid("the integer is out of range"))
});
codec!(f64, |value, writer| writer.float(*value), |reader| reader.float());
codec!(String, |value, writer| writer.text(value), |reader| reader.text().map(str::to_owned));
codec!(bool, |value, writer| writer.simple(Some(*value)), |reader| {
    reader.simple()?.ok_or(reader.error(DecodeProblem::Expected("true or false")))
});
codec!(Digest, |value, writer| writer.bytes(value.as_bytes()), |reader| {
    Digest::from_slice(reader.bytes()?).ok_or(reader.error(DecodeProblem::Expected("an id of 32 bytes")))
});
codec!(
    Int,
    |value, writer| match u64::try_from(value.get()) {
        Ok(unsigned) => writer.unsigned(unsigned),
        Err(_) => writer.negative((-1 - value.get()) as u64),
    },
    |reader| {
        let number = match reader.peek_major()? {
            1 => -1 - i128::from(reader.negative()?),
            _ => i128::from(reader.unsigned()?),
        };
        Int::new(number).ok_or(reader.error(DecodeProblem::Expected("an integer")))
    }
);
codec!(ContentId, |value, writer| value.digest().encode(writer), |reader| {
    Digest::decode(reader).map(ContentId::from)
});

macro_rules! typed_id_codecs {
    ($($id:ident),*) => {
        $(codec!(crate::id::$id, |value, writer| value.digest().encode(writer), |reader| {
            Digest::decode(reader).map(crate::id::$id::from)
        });)*
    };
}

typed_id_codecs!(
    TreeId,
    DatasetId,
    ProfileId,
    FeaturesId,
    ParamsId,
    CodeId,
    PackagesId,
    SystemId,
    AcceleratorsId,
    EnvironmentId,
    DefinitionId,
    SeriesId,
    OutcomeId,
    CommitId,
    TagId,
    RunsId
);

macro_rules! name_codecs {
    ($($name:ident),*) => {
        $(codec!($name, |value, writer| writer.text(value.as_str()), |reader| {
            $name::new(reader.text()?).map_err(|reason| reader.invalid(format!("not a name: {reason}")))
        });)*
    };
}

name_codecs!(EntryName, TreePath, PartName, RunId);

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, writer: &mut Writer) {
        if let Some(value) = self {
            value.encode(writer);
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::decode(reader).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, writer: &mut Writer) {
        writer.list(self.len());
        self.iter().for_each(|item| item.encode(writer));
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.list(T::decode)
    }
}

/// Text that can be the key of a map.
pub trait Key: Ord + Sized {
    /// The key as text.
    fn text(&self) -> &str;

    /// The key that this text is.
    fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, DecodeError>;
}

impl Key for String {
    fn text(&self) -> &str {
        self
    }

    fn parse(text: &str, _: &Reader<'_>) -> Result<Self, DecodeError> {
        Ok(text.to_owned())
    }
}

macro_rules! name_keys {
    ($($name:ident),*) => {
        $(impl Key for $name {
            fn text(&self) -> &str {
                self.as_str()
            }

            fn parse(text: &str, reader: &Reader<'_>) -> Result<Self, DecodeError> {
                $name::new(text).map_err(|reason| reader.invalid(format!("not a name: {reason}")))
            }
        })*
    };
}

name_keys!(PartName, RunId);

impl<K: Key, T: Encode> Encode for BTreeMap<K, T> {
    fn encode(&self, writer: &mut Writer) {
        writer.map(self.iter().map(|(key, value)| (key.text(), value as &dyn Encode)));
    }
}

impl<K: Key, T: Decode> Decode for BTreeMap<K, T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut entries, mut map) = (reader.map()?, BTreeMap::new());
        while let Some(key) = entries.next(reader)? {
            map.insert(K::parse(key, reader)?, T::decode(reader)?);
        }
        Ok(map)
    }
}

impl Encode for Value {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Value::Null => writer.simple(None),
            Value::Bool(value) => value.encode(writer),
            Value::Int(value) => value.encode(writer),
            Value::Float(value) => value.encode(writer),
            Value::Text(value) => value.encode(writer),
            Value::List(value) => value.encode(writer),
            Value::Map(value) => value.encode(writer),
        }
    }
}

impl Decode for Value {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.peek_major()? {
            0 | 1 => Value::Int(Int::decode(reader)?),
            3 => Value::Text(String::decode(reader)?),
            4 => Value::List(Vec::decode(reader)?),
            5 => Value::Map(BTreeMap::decode(reader)?),
            7 if reader.peek_float() => Value::Float(reader.float()?),
            7 => reader.simple()?.map_or(Value::Null, Value::Bool),
            _ => return Err(reader.error(DecodeProblem::Expected("a value"))),
        })
    }
}
