//! The side that has the storage.
//!
//! It reads requests and appends to drafts on one thread, which keeps their order; everything else is done by a few
//! workers, so that what waits for the disk holds nothing up. What a client can make it hold is bounded.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufWriter, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError};

use super::frame::{self, PIECE, violation};
use super::message::{self, Failure, Reply, Request};
use super::{Access, Limited, locked};

const WORKERS: usize = 4;
/// Requests that wait for a worker.
const QUEUE: usize = 8;
/// Bodies that are kept open between requests.
const BODIES: usize = 32;
/// Drafts that a client may have at once.
const DRAFTS: usize = 256;
/// Bytes of keys in one reply.
const PAGE: usize = 256 << 10;
/// A server that is busy says so this often.
const BEAT: Duration = Duration::from_secs(15);

/// Gives the storage at a path that a client wants.
pub type Open<'a> = dyn Fn(&str) -> Result<Arc<dyn Storage>, StorageError> + 'a;

/// Serves a client until it closes its side: the storage that `open` gives for the path in its hello.
pub fn serve(
    open: &Open<'_>,
    input: &mut dyn Read,
    output: Box<dyn Write + Send>,
    access: Access,
) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(64 << 10, output);
    frame::greet(&mut output)?;
    output.flush()?;
    frame::expect_greeting(input)?;
    let Some(hello) = frame::read(input)? else { return Ok(()) };
    let opened = open(message::from_hello(&hello).map_err(violation)?);
    let answer = opened.as_ref().map(|_| access).map_err(Failure::of);
    frame::write(&mut output, &message::welcome(&answer))?;
    output.flush()?;
    let Ok(storage) = opened else { return Ok(()) };
    let server = Server {
        storage: Limited::new(storage, access),
        output: Mutex::new(output),
        bodies: Mutex::default(),
    };
    server.run(input)
}

struct Server {
    storage: Limited,
    output: Mutex<BufWriter<Box<dyn Write + Send>>>,
    bodies: Mutex<VecDeque<(Key, Arc<dyn Body>)>>,
}

/// What a worker does.
enum Job {
    /// A frame that was found to be a request.
    Request(Vec<u8>),
    Publish {
        id: u64,
        draft: Drafted,
        key: Key,
    },
}

/// A draft, or what went wrong with it.
type Drafted = Result<Box<dyn Draft>, StorageError>;

impl Server {
    fn run(&self, input: &mut dyn Read) -> io::Result<()> {
        let (jobs, work) = bounded(QUEUE);
        let (ended, end) = bounded(0);
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                let work: Receiver<Job> = work.clone();
                scope.spawn(move || work.iter().for_each(|job| self.perform(job)));
            }
            scope.spawn(|| self.beat(end));
            let read = self.read(input, jobs);
            drop::<Sender<()>>(ended);
            read
        })
    }

    /// Lets the client know that the connection stands.
    fn beat(&self, end: Receiver<()>) {
        while let Err(crossbeam_channel::RecvTimeoutError::Timeout) = end.recv_timeout(BEAT) {
            self.reply(0, &Reply::Alive);
        }
    }

    fn read(&self, input: &mut dyn Read, jobs: Sender<Job>) -> io::Result<()> {
        let mut drafts: HashMap<u64, Drafted> = HashMap::new();
        while let Some(frame) = frame::read(input)? {
            let (id, request) = Request::from_frame(&frame).map_err(violation)?;
            let job = match request {
                Request::Draft(_) if drafts.len() == DRAFTS => return Err(violation("too many drafts")),
                Request::Draft(draft) => match drafts.insert(draft, self.storage.draft()) {
                    None => continue,
                    Some(_) => return Err(violation("a draft was begun twice")),
                },
                Request::Write { draft, bytes } => {
                    write(drafts.get_mut(&draft), bytes)?;
                    continue;
                }
                Request::Drop(draft) => {
                    drafts.remove(&draft);
                    continue;
                }
                Request::Publish { draft, key } => {
                    let draft = drafts.remove(&draft).ok_or_else(|| violation("no such draft"))?;
                    Job::Publish { id, draft, key }
                }
                _ => Job::Request(frame),
            };
            jobs.send(job).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(())
    }

    fn perform(&self, job: Job) {
        match job {
            Job::Publish { id, draft, key } => {
                let created = draft.and_then(|draft| draft.publish(&key));
                self.reply(id, &created.map_or_else(failed, told));
            }
            Job::Request(frame) => match Request::from_frame(&frame) {
                Ok((id, Request::List(prefix))) => self.list(id, prefix),
                Ok((id, request)) => {
                    self.answer(id, request).unwrap_or_else(|error| self.reply(id, &failed(error)))
                }
                // It was one when it was read.
                Err(_) => {}
            },
        }
    }

    fn answer(&self, id: u64, request: Request<'_>) -> Result<(), StorageError> {
        match request {
            Request::Create { key, bytes } => self.reply(id, &told(self.storage.create(&key, bytes)?)),
            Request::Open(key) => match self.open(&key)? {
                Some(body) => self.reply(id, &Reply::Size(body.size())),
                None => self.reply(id, &Reply::Missing),
            },
            Request::Fetch { key, limit } => match self.open(&key)? {
                Some(body) if body.size() > limit.min(PIECE as u64) => {
                    self.reply(id, &Reply::Size(body.size()))
                }
                Some(body) => self.range(id, &*body, 0, body.size())?,
                None => self.reply(id, &Reply::Missing),
            },
            Request::Read { key, offset, length } => {
                let body = self.opened(&key)?;
                self.range(id, &*body, offset, length.min(PIECE as u64))?;
            }
            Request::Settle(prefix) => {
                self.storage.settle(prefix)?;
                self.reply(id, &Reply::Done);
            }
            Request::Remove(key) => {
                self.storage.remove(&key)?;
                self.reply(id, &Reply::Done);
            }
            // These are not given to workers, or are answered in several replies.
            Request::Draft(_)
            | Request::Write { .. }
            | Request::Drop(_)
            | Request::Publish { .. }
            | Request::List(_) => {}
        }
        Ok(())
    }

    fn range(&self, id: u64, body: &dyn Body, offset: u64, length: u64) -> Result<(), StorageError> {
        let mut bytes = vec![0; length as usize];
        body.read_at(offset, &mut bytes)?;
        self.reply(id, &Reply::Bytes(&bytes));
        Ok(())
    }

    /// Opens a key anew: it may have been removed, and created again with other bytes.
    fn open(&self, key: &Key) -> Result<Option<Arc<dyn Body>>, StorageError> {
        let opened: Option<Arc<dyn Body>> = self.storage.open(key)?.map(Arc::from);
        let mut bodies = locked(&self.bodies);
        bodies.retain(|(other, _)| other != key);
        if let Some(body) = &opened {
            bodies.push_back((key.clone(), body.clone()));
            if bodies.len() > BODIES {
                bodies.pop_front();
            }
        }
        Ok(opened)
    }

    /// The body that was opened before, also if its key is removed by now; else the key as it is.
    fn opened(&self, key: &Key) -> Result<Arc<dyn Body>, StorageError> {
        let kept = locked(&self.bodies).iter().find(|(other, _)| other == key).map(|(_, body)| body.clone());
        match kept.map_or_else(|| self.open(key), |body| Ok(Some(body)))? {
            Some(body) => Ok(body),
            None => {
                let source = io::ErrorKind::NotFound.into();
                Err(StorageError { action: "read", place: key.to_string(), source })
            }
        }
    }

    fn list(&self, id: u64, prefix: &str) {
        let listed = match self.storage.list(prefix) {
            Ok(listed) => listed,
            Err(error) => return self.reply(id, &failed(error)),
        };
        let (mut page, mut bytes): (Vec<Listed>, usize) = (Vec::new(), 0);
        for listed in listed {
            if bytes > PAGE {
                self.reply(id, &Reply::Keys { more: true, keys: std::mem::take(&mut page) });
                bytes = 0;
            }
            bytes += listed.key.as_str().len() + 12;
            page.push(listed);
        }
        self.reply(id, &Reply::Keys { more: false, keys: page });
    }

    /// A client that does not listen any more has closed its side too, or will: that ends the service.
    fn reply(&self, id: u64, reply: &Reply<'_>) {
        let frame = reply.to_frame(id);
        let mut output = locked(&self.output);
        let _ = frame::write(&mut *output, &frame).and_then(|()| output.flush());
    }
}

fn write(draft: Option<&mut Drafted>, bytes: &[u8]) -> io::Result<()> {
    let draft = draft.ok_or_else(|| violation("no such draft"))?;
    if let Ok(writing) = draft
        && let Err(error) = writing.write(bytes)
    {
        *draft = Err(error);
    }
    Ok(())
}

fn told(created: Created) -> Reply<'static> {
    match created {
        Created::Created => Reply::Created,
        Created::Exists => Reply::Exists,
    }
}

fn failed(error: StorageError) -> Reply<'static> {
    Reply::Failed(Failure::of(&error))
}
