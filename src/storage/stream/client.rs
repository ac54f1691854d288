//! The side that uses a storage which is elsewhere.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError, below, too_short};

use super::frame::PIECE;
use super::message::{Reply, Request};
use super::wire::{Link, NoPeer, Pending, Wire};
use super::{Access, locked};

/// Pieces of one body that are asked for before the first has come.
const WINDOW: usize = 8;
/// How much a client bears of a server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A server that says nothing for so long is given up; it would say that it is there four times.
    pub silence: Duration,
    /// Bytes of keys and sizes that are taken in from one listing.
    pub listing: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { silence: Duration::from_secs(60), listing: 128 << 20 }
    }
}

type Connect = dyn Fn() -> io::Result<Link> + Send + Sync;

/// A storage at the other end of a pair of streams. Its clones are the same storage.
///
/// When the connection is lost, what is under way fails, and the next operation connects anew.
#[derive(Clone)]
pub struct Stream {
    shared: Arc<Shared>,
}

struct Shared {
    connect: Box<Connect>,
    /// Where the storage is, in what is served there.
    path: String,
    limits: Limits,
    current: Mutex<Current>,
}

struct Current {
    wire: Arc<Wire>,
    /// Whether it is not the first: what an earlier server was told, this one does not know.
    again: bool,
}

impl Stream {
    /// Connects, and connects anew whenever the connection was lost.
    pub fn connect(
        connect: impl Fn() -> io::Result<Link> + Send + Sync + 'static,
        path: &str,
    ) -> io::Result<Self> {
        Self::limited(connect, path, Limits::default())
    }

    /// As [`Stream::connect`], with limits of one's own.
    pub fn limited(
        connect: impl Fn() -> io::Result<Link> + Send + Sync + 'static,
        path: &str,
        limits: Limits,
    ) -> io::Result<Self> {
        let wire = Arc::new(Wire::connect(connect()?, path, limits.silence)?);
        let current = Mutex::new(Current { wire, again: false });
        let shared = Shared { connect: Box::new(connect), path: path.to_owned(), limits, current };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The storage that is served over these streams, as long as they last.
    pub fn over(
        input: impl Read + Send + 'static,
        output: impl Write + Send + 'static,
        path: &str,
    ) -> io::Result<Self> {
        let link = Link { input: Box::new(input), output: Box::new(output), peer: Box::new(NoPeer) };
        let once = Mutex::new(Some(link));
        let lost = || io::Error::new(io::ErrorKind::BrokenPipe, "the connection was lost");
        Self::connect(move || locked(&once).take().ok_or_else(lost), path)
    }

    /// What the server lets us do.
    pub fn access(&self) -> Access {
        locked(&self.shared.current).wire.access()
    }
}

impl Shared {
    fn wire(&self) -> io::Result<Arc<Wire>> {
        let mut current = locked(&self.current);
        if current.wire.is_lost() {
            let wire = Wire::connect((self.connect)()?, &self.path, self.limits.silence)?;
            *current = Current { wire: Arc::new(wire), again: true };
        }
        Ok(current.wire.clone())
    }

    fn ask<T>(&self, request: &Request<'_>, look: impl FnOnce(Reply<'_>) -> Option<T>) -> io::Result<T> {
        self.wire()?.ask(request)?.take(look)
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> io::Result<Created> {
        if bytes.len() <= PIECE {
            return self.ask(&Request::Create { key: key.clone(), bytes }, created);
        }
        let mut draft = Pieces::begin(self.wire()?)?;
        draft.write(bytes)?;
        draft.publish(key)
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<Listed>> {
        let wire = self.wire()?;
        let pending = wire.ask(&Request::List(prefix))?;
        let (mut listed, mut bytes): (Vec<Listed>, usize) = (Vec::new(), 0);
        loop {
            let (more, page) = pending.take(|reply| match reply {
                Reply::Keys { more, keys } => Some((more, keys)),
                _ => None,
            })?;
            if more && page.is_empty() {
                return Err(wire.disagree("a listing that does not come to an end"));
            }
            for next in page {
                let sorted = listed.last().is_none_or(|last| last.key < next.key);
                if !sorted || !below(prefix, &next.key) {
                    return Err(wire.disagree("a listing that is not sorted, or of something else"));
                }
                bytes += next.key.as_str().len() + size_of::<Listed>();
                listed.push(next);
            }
            if bytes > self.limits.listing {
                return Err(wire.disagree("a listing that does not come to an end"));
            }
            if !more {
                return Ok(listed);
            }
        }
    }

    fn settle(&self, prefix: &str) -> io::Result<()> {
        if locked(&self.current).again {
            // What was listed before the connection was lost is as good as what is listed now.
            self.list(prefix)?;
        }
        self.ask(&Request::Settle(prefix), done)
    }

    fn read_at(&self, key: &Key, mut offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let wire = self.wire()?;
        let mut pending = VecDeque::new();
        for piece in buffer.chunks_mut(PIECE) {
            if pending.len() == WINDOW
                && let Some((asked, piece)) = pending.pop_front()
            {
                fill(&asked, piece)?;
            }
            let length = piece.len() as u64;
            pending.push_back((wire.ask(&Request::Read { key: key.clone(), offset, length })?, piece));
            offset += length;
        }
        pending.into_iter().try_for_each(|(asked, piece)| fill(&asked, piece))
    }

    /// All bytes of a key, or only how many they are, where they are more than `limit` or a piece.
    fn fetch(&self, key: &Key, limit: u64) -> io::Result<Option<Result<Vec<u8>, u64>>> {
        self.ask(&Request::Fetch { key: key.clone(), limit }, |reply| match reply {
            Reply::Missing => Some(None),
            Reply::Bytes(bytes) if bytes.len() as u64 <= limit => Some(Some(Ok(bytes.to_vec()))),
            Reply::Size(size) => Some(Some(Err(size))),
            _ => None,
        })
    }
}

fn created(reply: Reply<'_>) -> Option<Created> {
    match reply {
        Reply::Created => Some(Created::Created),
        Reply::Exists => Some(Created::Exists),
        _ => None,
    }
}

fn done(reply: Reply<'_>) -> Option<()> {
    (reply == Reply::Done).then_some(())
}

fn fill(asked: &Pending<'_>, piece: &mut [u8]) -> io::Result<()> {
    asked.take(|reply| match reply {
        Reply::Bytes(bytes) if bytes.len() == piece.len() => {
            piece.copy_from_slice(bytes);
            Some(())
        }
        _ => None,
    })
}

fn failed(action: &'static str, place: &dyn std::fmt::Display) -> impl Fn(io::Error) -> StorageError {
    let place = place.to_string();
    move |source| StorageError { action, place: place.clone(), source }
}

impl Storage for Stream {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        self.shared.create(key, bytes).map_err(failed("create", key))
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        let begin = || Pieces::begin(self.shared.wire()?);
        Ok(Box::new(begin().map_err(failed("write to", &"the storage"))?))
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        let size = self.shared.ask(&Request::Open(key.clone()), |reply| match reply {
            Reply::Missing => Some(None),
            Reply::Size(size) => Some(Some(size)),
            _ => None,
        });
        let body = |size| {
            Box::new(Elsewhere { shared: self.shared.clone(), key: key.clone(), size }) as Box<dyn Body>
        };
        Ok(size.map_err(failed("open", key))?.map(body))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        self.shared.list(prefix).map_err(failed("list", &prefix))
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        self.shared.ask(&Request::Remove(key.clone()), done).map_err(failed("remove", key))
    }

    fn settle(&self, prefix: &str) -> Result<(), StorageError> {
        self.shared.settle(prefix).map_err(failed("sync", &prefix))
    }

    fn is_remote(&self) -> bool {
        true
    }

    /// Small bodies come with the first reply.
    fn read(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let failed = failed("read", key);
        let size = match self.shared.fetch(key, limit).map_err(&failed)? {
            None => return Ok(None),
            Some(Ok(bytes)) => return Ok(Some(bytes)),
            Some(Err(size)) => size,
        };
        if size > limit {
            return Err(failed(io::Error::other(format!("it has {size} bytes, more than {limit}"))));
        }
        let mut bytes = vec![0; size as usize];
        self.shared.read_at(key, 0, &mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }
}

/// A body on the other side. What names it there is its key, so that it can be read on over another connection.
struct Elsewhere {
    shared: Arc<Shared>,
    key: Key,
    size: u64,
}

impl Body for Elsewhere {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(too_short(&self.key));
        }
        self.shared.read_at(&self.key, offset, buffer).map_err(failed("read", &self.key))
    }
}

/// A draft on the other side, which is sent in pieces.
struct Pieces {
    wire: Arc<Wire>,
    draft: u64,
    /// What was not sent yet: less than a piece.
    rest: Vec<u8>,
    published: bool,
}

impl Pieces {
    fn begin(wire: Arc<Wire>) -> io::Result<Self> {
        if wire.access() == Access::ReadOnly {
            return Err(Access::ReadOnly.refusal("write to", "the storage").source);
        }
        let draft = wire.number();
        wire.tell(&Request::Draft(draft))?;
        Ok(Self { wire, draft, rest: Vec::new(), published: false })
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while self.rest.len() + bytes.len() >= PIECE {
            let (now, later) = bytes.split_at(PIECE - self.rest.len());
            if self.rest.is_empty() {
                self.send(now)?;
            } else {
                self.rest.extend_from_slice(now);
                let rest = std::mem::take(&mut self.rest);
                self.send(&rest)?;
            }
            bytes = later;
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.wire.tell(&Request::Write { draft: self.draft, bytes })
    }

    fn publish(mut self, key: &Key) -> io::Result<Created> {
        if !self.rest.is_empty() {
            self.send(&self.rest)?;
        }
        self.published = true;
        self.wire.ask(&Request::Publish { draft: self.draft, key: key.clone() })?.take(created)
    }
}

impl Draft for Pieces {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        Pieces::write(self, bytes).map_err(failed("write to", &"the storage"))
    }

    fn publish(self: Box<Self>, key: &Key) -> Result<Created, StorageError> {
        Pieces::publish(*self, key).map_err(failed("create", key))
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        if !self.published {
            // Where the connection is lost, the server drops it by itself.
            let _ = self.wire.tell(&Request::Drop(self.draft));
        }
    }
}
