//! Digests, and one typed id for each kind of object.
//!
//! The id of a file's content is the plain BLAKE3 of its bytes, exactly what `b3sum` prints. The id of
//! a typed object is BLAKE3 in `derive_key` mode over its canonical bytes, with one context string a
//! kind, so that equal bytes of two kinds never share an id. Ids are `Copy` and cannot be altered.

use std::fmt;
use std::str::FromStr;

/// 32 bytes that identify something. Prints as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// A digest from its bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A digest from a slice of exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not a digest or a prefix of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// Not the number of digits that is needed.
    #[error("an id has 64 hexadecimal digits, this has {0}")]
    Length(usize),
    /// A prefix shorter than [`Prefix::MIN_DIGITS`].
    #[error("an abbreviated id has at least {min} digits, this has {0}", min = Prefix::MIN_DIGITS)]
    TooShort(usize),
    /// A character other than `0-9a-f`.
    #[error("an id has only the digits 0-9 and a-f")]
    Digit,
}

fn hex_value(digit: u8) -> Result<u8, ParseIdError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(ParseIdError::Digit),
    }
}

impl FromStr for Digest {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.len() != 64 {
            return Err(ParseIdError::Length(text.len()));
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = hex_value(pair[0])? << 4 | hex_value(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

/// The first digits of an id, as a person types them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    low: Digest,
    high: Digest,
}

impl Prefix {
    /// Fewer digits than this name nothing.
    pub const MIN_DIGITS: usize = 4;

    /// The smallest digest with this prefix.
    pub fn low(&self) -> Digest {
        self.low
    }

    /// The largest digest with this prefix.
    pub fn high(&self) -> Digest {
        self.high
    }

    /// Whether the digest starts with these digits.
    pub fn matches(&self, digest: &Digest) -> bool {
        self.low <= *digest && *digest <= self.high
    }
}

impl FromStr for Prefix {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.len() < Self::MIN_DIGITS {
            return Err(ParseIdError::TooShort(text.len()));
        }
        if text.len() > 64 {
            return Err(ParseIdError::Length(text.len()));
        }
        let pad = |digit: &str| (text.to_owned() + &digit.repeat(64 - text.len())).parse();
        Ok(Self { low: pad("0")?, high: pad("f")? })
    }
}

/// A kind of typed object, with the number it has in packs and the context that its ids are derived with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Kind {
    Tree = 16,
    Dataset = 17,
    Profile = 18,
    Features = 19,
    Params = 20,
    Code = 21,
    Packages = 22,
    System = 23,
    Accelerators = 24,
    Environment = 25,
    Definition = 26,
    Series = 27,
    Outcome = 28,
    Commit = 29,
    Tag = 30,
    Runs = 31,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Kind; 16] = [
        Kind::Tree,
        Kind::Dataset,
        Kind::Profile,
        Kind::Features,
        Kind::Params,
        Kind::Code,
        Kind::Packages,
        Kind::System,
        Kind::Accelerators,
        Kind::Environment,
        Kind::Definition,
        Kind::Series,
        Kind::Outcome,
        Kind::Commit,
        Kind::Tag,
        Kind::Runs,
    ];

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The kind's name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Tree => "tree",
            Kind::Dataset => "dataset",
            Kind::Profile => "profile",
            Kind::Features => "features",
            Kind::Params => "params",
            Kind::Code => "code",
            Kind::Packages => "packages",
            Kind::System => "system",
            Kind::Accelerators => "accelerators",
            Kind::Environment => "environment",
            Kind::Definition => "definition",
            Kind::Series => "series",
            Kind::Outcome => "outcome",
            Kind::Commit => "commit",
            Kind::Tag => "tag",
            Kind::Runs => "runs",
        }
    }

    /// The digest of an object of this kind with these canonical bytes.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let context = match self {
            Kind::Tree => "mdl v1 tree",
            Kind::Dataset => "mdl v1 dataset",
            Kind::Profile => "mdl v1 profile",
            Kind::Features => "mdl v1 features",
            Kind::Params => "mdl v1 params",
            Kind::Code => "mdl v1 code",
            Kind::Packages => "mdl v1 packages",
            Kind::System => "mdl v1 system",
            Kind::Accelerators => "mdl v1 accelerators",
            Kind::Environment => "mdl v1 environment",
            Kind::Definition => "mdl v1 definition",
            Kind::Series => "mdl v1 series",
            Kind::Outcome => "mdl v1 outcome",
            Kind::Commit => "mdl v1 commit",
            Kind::Tag => "mdl v1 tag",
            Kind::Runs => "mdl v1 runs",
        };
        Digest(blake3::derive_key(context, bytes))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An id that knows what kind of thing it names.
pub trait TypedId: Copy + Eq + Ord + fmt::Display + From<Digest> + Into<Digest> {
    /// The kind of object that the id names.
    const KIND: Kind;
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Digest);

        impl $name {
            /// The digest, which has forgotten its kind.
            pub const fn digest(&self) -> Digest {
                self.0
            }
        }

        impl From<Digest> for $name {
            fn from(digest: Digest) -> Self {
                Self(digest)
            }
        }

        impl From<$name> for Digest {
            fn from(id: $name) -> Digest {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

macro_rules! typed_ids {
    ($($name:ident => $kind:ident),* $(,)?) => {
        $(
            id_type! {
                #[doc = concat!("The id of an object of kind [`Kind::", stringify!($kind), "`].")]
                $name
            }

            impl TypedId for $name {
                const KIND: Kind = Kind::$kind;
            }
        )*
    };
}

id_type! {
    /// The id of a file's content: the BLAKE3 of its bytes.
    ContentId
}

impl ContentId {
    /// The id of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Digest(*blake3::hash(bytes).as_bytes()))
    }
}

typed_ids! {
    TreeId => Tree,
    DatasetId => Dataset,
    ProfileId => Profile,
    FeaturesId => Features,
    ParamsId => Params,
    CodeId => Code,
    PackagesId => Packages,
    SystemId => System,
    AcceleratorsId => Accelerators,
    EnvironmentId => Environment,
    DefinitionId => Definition,
    SeriesId => Series,
    OutcomeId => Outcome,
    CommitId => Commit,
    TagId => Tag,
    RunsId => Runs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_print_and_parse() {
        let id = ContentId::of(b"");
        assert_eq!(id.to_string(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        assert_eq!(id.to_string().parse::<Digest>(), Ok(id.digest()));
        assert_eq!("AB".repeat(32).parse::<Digest>(), Err(ParseIdError::Digit));
        assert_eq!("ab".parse::<Digest>(), Err(ParseIdError::Length(2)));
    }

    #[test]
    fn kinds_never_share_an_id() {
        let mut seen: Vec<Digest> = Kind::ALL.iter().map(|kind| kind.digest(b"same")).collect();
        seen.push(ContentId::of(b"same").digest());
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), Kind::ALL.len() + 1);
    }

    #[test]
    fn prefixes_bound_their_digests() {
        let id = ContentId::of(b"x").digest();
        let prefix: Prefix = id.to_string()[..7].parse().unwrap();
        assert!(prefix.matches(&id));
        assert!(!prefix.matches(&Digest::new([0; 32])));
        assert_eq!("abc".parse::<Prefix>(), Err(ParseIdError::TooShort(3)));
        assert_eq!("ab/d".parse::<Prefix>(), Err(ParseIdError::Digit));
    }
}
