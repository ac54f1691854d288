//! Records: structs whose canonical bytes are a map from field names to values.
//!
//! A field that is `None` is left out; a field that is not known is refused, since dropping it would
//! change the id; so old readers never misread what newer writers add.

/// Defines a struct together with its canonical encoding. Keys are the names of the fields.
macro_rules! record {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl $crate::encoding::Encode for $name {
            fn encode(&self, writer: &mut $crate::encoding::Writer) {
                let fields: [(&str, &dyn $crate::encoding::Encode); [$(stringify!($field)),*].len()] =
                    [$((stringify!($field), &self.$field)),*];
                writer.map(fields.into_iter().filter(|(_, value)| !value.is_absent()));
            }
        }

        impl $crate::encoding::Decode for $name {
            fn decode(
                reader: &mut $crate::encoding::Reader<'_>,
            ) -> Result<Self, $crate::encoding::DecodeError> {
                use $crate::encoding::{Decode, DecodeProblem};
                $(let mut $field: Option<$type> = None;)*
                let mut entries = reader.map()?;
                while let Some(key) = entries.next(reader)? {
                    match key {
                        $(stringify!($field) => $field = Some(Decode::decode(reader)?),)*
                        other => return Err(reader.error(DecodeProblem::UnknownField(other.to_owned()))),
                    }
                }
                Ok(Self {
                    $($field: match $field.or_else(<$type as Decode>::absent) {
                        Some(value) => value,
                        None => return Err(reader.error(DecodeProblem::Missing(stringify!($field)))),
                    },)*
                })
            }
        }
    };
}

/// Defines an enum of words together with its encoding as text.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$word_doc])* $variant,)* }

        impl $name {
            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The variant that this word names.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl $crate::encoding::Encode for $name {
            fn encode(&self, writer: &mut $crate::encoding::Writer) {
                writer.text(self.as_str());
            }
        }

        impl $crate::encoding::Decode for $name {
            fn decode(
                reader: &mut $crate::encoding::Reader<'_>,
            ) -> Result<Self, $crate::encoding::DecodeError> {
                let word = reader.text()?;
                Self::from_word(word).ok_or_else(|| {
                    reader.error($crate::encoding::DecodeProblem::UnknownVariant(word.to_owned()))
                })
            }
        }
    };
}

pub(crate) use {record, words};
