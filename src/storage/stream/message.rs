//! The words of the protocol: a frame holds one list in canonical CBOR, the number of a request, a verb, arguments.
//!
//! A reply has the number of its request; replies come in any order. Requests about the pieces of a draft get none:
//! what went wrong with them is told when the draft is published.

use std::io;

use crate::encoding::{Decode, DecodeError, DecodeProblem, Encode, Reader, Writer};
use crate::storage::{Key, Listed, StorageError};

use super::Access;
use super::frame::plain;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Request<'a> {
    /// Create a key with these bytes, at most a piece.
    Create { key: Key, bytes: &'a [u8] },
    /// Begin a draft of this number. No reply.
    Draft(u64),
    /// Append to a draft. No reply.
    Write { draft: u64, bytes: &'a [u8] },
    /// Give a draft up. No reply.
    Drop(u64),
    /// Create a key with what a draft has.
    Publish { draft: u64, key: Key },
    /// The size of a key, whose bytes are about to be read.
    Open(Key),
    /// All bytes of a key, if they are at most so many and one piece; else its size.
    Fetch { key: Key, limit: u64 },
    /// Bytes of a key, at most a piece.
    Read { key: Key, offset: u64, length: u64 },
    /// The keys below a prefix, in as many replies as it takes.
    List(&'a str),
    /// Make durable what listings of this prefix showed.
    Settle(&'a str),
    /// Remove a key.
    Remove(Key),
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Reply<'a> {
    /// The key did not exist, and does now.
    Created,
    /// The key existed.
    Exists,
    /// There is no such key.
    Missing,
    /// The size of a key.
    Size(u64),
    /// Bytes of a key.
    Bytes(&'a [u8]),
    /// It is done.
    Done,
    /// Keys; more of them follow, or not.
    Keys { more: bool, keys: Vec<Listed> },
    /// It failed.
    Failed(Failure),
    /// The server is there, and busy or idle. Belongs to no request.
    Alive,
}

/// Why something failed, as it is told to the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of error, as a word.
    kind: String,
    /// The reason, for people.
    reason: String,
}

const KINDS: [(&str, io::ErrorKind); 8] = [
    ("denied", io::ErrorKind::PermissionDenied),
    ("read-only", io::ErrorKind::ReadOnlyFilesystem),
    ("full", io::ErrorKind::StorageFull),
    ("quota", io::ErrorKind::QuotaExceeded),
    ("not-found", io::ErrorKind::NotFound),
    ("invalid", io::ErrorKind::InvalidInput),
    ("damaged", io::ErrorKind::InvalidData),
    ("too-short", io::ErrorKind::UnexpectedEof),
];

impl Failure {
    /// What to tell of an error.
    pub fn of(error: &StorageError) -> Self {
        let kind =
            KINDS.iter().find(|(_, kind)| *kind == error.source.kind()).map_or("other", |(word, _)| word);
        Self { kind: kind.to_owned(), reason: plain(&error.source.to_string()) }
    }

    /// The error that was told of.
    pub fn into_error(self) -> io::Error {
        let kind =
            KINDS.iter().find(|(word, _)| *word == self.kind).map_or(io::ErrorKind::Other, |(_, kind)| *kind);
        io::Error::new(kind, self.reason)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { kind: plain(reader.text()?), reason: plain(reader.text()?) })
    }

    fn encode(&self, writer: &mut Writer) {
        writer.text(&self.kind);
        writer.text(&self.reason);
    }
}

/// The start of a message: its number, its verb and how many arguments it has.
fn begin(id: u64, verb: &str, arguments: usize) -> Writer {
    let mut writer = Writer::default();
    writer.list(2 + arguments);
    writer.unsigned(id);
    writer.text(verb);
    writer
}

/// Reads the start of a message; there are at most `u64::MAX` arguments, which are yet to be read.
fn begun<'a>(reader: &mut Reader<'a>) -> Result<(u64, &'a str, u64), DecodeError> {
    let length = reader.list_len()?;
    let arguments = length.checked_sub(2).ok_or(reader.error(DecodeProblem::Expected("a message")))?;
    Ok((reader.unsigned()?, reader.text()?, arguments))
}

fn key(reader: &mut Reader<'_>) -> Result<Key, DecodeError> {
    Key::new(reader.text()?).ok_or(reader.error(DecodeProblem::Expected("a key")))
}

/// A prefix has the form of a key, or is empty: a folder would follow anything else out of itself.
fn prefix<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let text = reader.text()?;
    let sound = text.is_empty() || Key::new(text).is_some();
    if sound { Ok(text) } else { Err(reader.error(DecodeProblem::Expected("a prefix"))) }
}

impl<'a> Request<'a> {
    /// The frame of a request with this number.
    pub fn to_frame(&self, id: u64) -> Vec<u8> {
        let about_key = |verb, key: &Key, more: &[u64]| {
            let mut writer = begin(id, verb, 1 + more.len());
            writer.text(key.as_str());
            more.iter().for_each(|number| writer.unsigned(*number));
            writer
        };
        let about_draft = |verb, draft: u64, more: usize| {
            let mut writer = begin(id, verb, 1 + more);
            writer.unsigned(draft);
            writer
        };
        let about_prefix = |verb, prefix: &str| {
            let mut writer = begin(id, verb, 1);
            writer.text(prefix);
            writer
        };
        let writer = match self {
            Self::Create { key, bytes } => {
                let mut writer = begin(id, "create", 2);
                writer.text(key.as_str());
                writer.bytes(bytes);
                writer
            }
            Self::Draft(draft) => about_draft("draft", *draft, 0),
            Self::Write { draft, bytes } => {
                let mut writer = about_draft("write", *draft, 1);
                writer.bytes(bytes);
                writer
            }
            Self::Drop(draft) => about_draft("drop", *draft, 0),
            Self::Publish { draft, key } => {
                let mut writer = about_draft("publish", *draft, 1);
                writer.text(key.as_str());
                writer
            }
            Self::Open(key) => about_key("open", key, &[]),
            Self::Fetch { key, limit } => about_key("fetch", key, &[*limit]),
            Self::Read { key, offset, length } => about_key("read", key, &[*offset, *length]),
            Self::List(prefix) => about_prefix("list", prefix),
            Self::Settle(prefix) => about_prefix("settle", prefix),
            Self::Remove(key) => about_key("remove", key, &[]),
        };
        writer.into_bytes()
    }

    /// The number and the request that this frame is.
    pub fn from_frame(frame: &'a [u8]) -> Result<(u64, Self), DecodeError> {
        let mut reader = Reader::new(frame);
        let (id, verb, arguments) = begun(&mut reader)?;
        let r = &mut reader;
        let request = match (verb, arguments) {
            ("create", 2) => Self::Create { key: key(r)?, bytes: r.bytes()? },
            ("draft", 1) => Self::Draft(r.unsigned()?),
            ("write", 2) => Self::Write { draft: r.unsigned()?, bytes: r.bytes()? },
            ("drop", 1) => Self::Drop(r.unsigned()?),
            ("publish", 2) => Self::Publish { draft: r.unsigned()?, key: key(r)? },
            ("open", 1) => Self::Open(key(r)?),
            ("fetch", 2) => Self::Fetch { key: key(r)?, limit: r.unsigned()? },
            ("read", 3) => Self::Read { key: key(r)?, offset: r.unsigned()?, length: r.unsigned()? },
            ("list", 1) => Self::List(prefix(r)?),
            ("settle", 1) => Self::Settle(prefix(r)?),
            ("remove", 1) => Self::Remove(key(r)?),
            (other, _) => return Err(r.error(DecodeProblem::UnknownVariant(plain(other)))),
        };
        reader.finish()?;
        Ok((id, request))
    }
}

impl<'a> Reply<'a> {
    /// The frame of a reply to the request with this number.
    pub fn to_frame(&self, id: u64) -> Vec<u8> {
        let writer = match self {
            Self::Created => begin(id, "created", 0),
            Self::Exists => begin(id, "exists", 0),
            Self::Missing => begin(id, "missing", 0),
            Self::Size(size) => {
                let mut writer = begin(id, "size", 1);
                writer.unsigned(*size);
                writer
            }
            Self::Bytes(bytes) => {
                let mut writer = begin(id, "bytes", 1);
                writer.bytes(bytes);
                writer
            }
            Self::Done => begin(id, "done", 0),
            Self::Keys { more, keys } => {
                let mut writer = begin(id, "keys", 2);
                more.encode(&mut writer);
                writer.list(2 * keys.len());
                for listed in keys {
                    writer.text(listed.key.as_str());
                    writer.unsigned(listed.size);
                }
                writer
            }
            Self::Failed(failure) => {
                let mut writer = begin(id, "failed", 2);
                failure.encode(&mut writer);
                writer
            }
            Self::Alive => begin(id, "alive", 0),
        };
        writer.into_bytes()
    }

    /// The number and the reply that this frame is.
    pub fn from_frame(frame: &'a [u8]) -> Result<(u64, Self), DecodeError> {
        let mut reader = Reader::new(frame);
        let (id, verb, arguments) = begun(&mut reader)?;
        let r = &mut reader;
        let reply = match (verb, arguments) {
            ("created", 0) => Self::Created,
            ("exists", 0) => Self::Exists,
            ("missing", 0) => Self::Missing,
            ("size", 1) => Self::Size(r.unsigned()?),
            ("bytes", 1) => Self::Bytes(r.bytes()?),
            ("done", 0) => Self::Done,
            ("keys", 2) => Self::Keys { more: bool::decode(r)?, keys: keys(r)? },
            ("failed", 2) => Self::Failed(Failure::decode(r)?),
            ("alive", 0) => Self::Alive,
            (other, _) => return Err(r.error(DecodeProblem::UnknownVariant(plain(other)))),
        };
        reader.finish()?;
        Ok((id, reply))
    }
}

fn keys(reader: &mut Reader<'_>) -> Result<Vec<Listed>, DecodeError> {
    let length = reader.list_len()?;
    if length % 2 != 0 {
        return Err(reader.error(DecodeProblem::Expected("keys and their sizes")));
    }
    (0..length / 2).map(|_| Ok(Listed { key: key(reader)?, size: reader.unsigned()? })).collect()
}

/// The first frame of a client: where in what is served the storage is that it wants.
pub fn hello(path: &str) -> Vec<u8> {
    let mut writer = begin(0, "hello", 1);
    writer.text(path);
    writer.into_bytes()
}

/// The path that a client wants.
pub fn from_hello(frame: &[u8]) -> Result<&str, DecodeError> {
    let mut reader = Reader::new(frame);
    match begun(&mut reader)? {
        (0, "hello", 1) => {}
        _ => return Err(reader.error(DecodeProblem::Expected("a hello"))),
    }
    let path = reader.text()?;
    reader.finish().map(|()| path)
}

/// The first frame of a server: what it lets the client do, or why it does not serve it.
pub fn welcome(answer: &Result<Access, Failure>) -> Vec<u8> {
    let writer = match answer {
        Ok(access) => {
            let mut writer = begin(0, "welcome", 1);
            access.encode(&mut writer);
            writer
        }
        Err(failure) => {
            let mut writer = begin(0, "failed", 2);
            failure.encode(&mut writer);
            writer
        }
    };
    writer.into_bytes()
}

/// What a server answered to a hello.
pub fn from_welcome(frame: &[u8]) -> Result<Result<Access, Failure>, DecodeError> {
    let mut reader = Reader::new(frame);
    let answer = match begun(&mut reader)? {
        (0, "welcome", 1) => Ok(Access::decode(&mut reader)?),
        (0, "failed", 2) => Err(Failure::decode(&mut reader)?),
        _ => return Err(reader.error(DecodeProblem::Expected("a welcome"))),
    };
    reader.finish().map(|()| answer)
}
