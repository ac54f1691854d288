//! One connection of a client: any number of threads ask over it at once.
//!
//! A thread writes what is asked and a thread reads what is answered, so that no caller waits for ever: a server says
//! that it is there every few seconds, and one that says nothing for long is given up. A connection that is lost stays
//! lost; whoever waits for a reply is told, and does not know whether what was asked was done.

use std::collections::HashMap;
use std::io::{self, BufWriter, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};

use super::frame::{self, violation};
use super::message::{self, Reply, Request};
use super::{Access, locked};

/// Frames that wait to be written.
const QUEUE: usize = 4;
/// Replies to one request that wait to be looked at; only listings have more than one.
const REPLIES: usize = 16;
/// Who waits looks up this often.
const TICK: Duration = Duration::from_millis(500);

/// A pair of streams, and what is at their other end.
pub struct Link {
    /// What the server says.
    pub input: Box<dyn Read + Send>,
    /// What the server hears.
    pub output: Box<dyn Write + Send>,
    /// The program that carries it.
    pub peer: Box<dyn Peer>,
}

/// The program at the other end of a pair of streams.
pub trait Peer: Send + Sync {
    /// The error that an error on the streams really is: the program may have said more. `began` is whether the server
    /// had answered before.
    fn explain(&self, error: io::Error, began: bool) -> io::Error {
        let _ = began;
        error
    }

    /// Ends it, at once or after what it has to do.
    fn end(&self, at_once: bool) {
        let _ = at_once;
    }
}

/// Streams without a program.
pub struct NoPeer;

impl Peer for NoPeer {}

/// A connection.
pub(super) struct Wire {
    outgoing: Option<Sender<Vec<u8>>>,
    shared: Arc<Shared>,
    numbers: AtomicU64,
    patience: Duration,
    access: Access,
}

struct Shared {
    state: Mutex<State>,
    start: Instant,
    /// When the server was last heard, in milliseconds from the start.
    heard: AtomicU64,
    peer: Box<dyn Peer>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<u64, Sender<Vec<u8>>>,
    /// Why the connection is lost.
    lost: Option<(io::ErrorKind, String)>,
}

impl Shared {
    fn lose(&self, error: io::Error, began: bool) {
        // Not in the lock: the program may take a moment to say what it has to say.
        if locked(&self.state).lost.is_some() {
            return;
        }
        let error = self.peer.explain(error, began);
        let mut state = locked(&self.state);
        state.lost.get_or_insert((error.kind(), error.to_string()));
        state.waiting.clear();
        drop(state);
        self.peer.end(true);
    }

    fn why_lost(&self) -> io::Error {
        match &locked(&self.state).lost {
            Some((kind, reason)) => io::Error::new(*kind, reason.clone()),
            None => io::ErrorKind::ConnectionReset.into(),
        }
    }

    fn hear(&self) {
        self.heard.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(self.heard.load(Ordering::Relaxed)))
    }

    /// Reads replies and gives each to whoever waits for it.
    fn dispatch(&self, input: &mut dyn Read) -> io::Result<()> {
        while let Some(frame) = frame::read(input)? {
            self.hear();
            let (id, reply) = Reply::from_frame(&frame).map_err(violation)?;
            let more = match reply {
                Reply::Alive => continue,
                Reply::Keys { more, .. } => more,
                _ => false,
            };
            let mut state = locked(&self.state);
            let waiting = match more {
                true => state.waiting.get(&id).cloned(),
                false => state.waiting.remove(&id),
            };
            drop(state);
            // Who gave up waiting is told nothing.
            let _ = waiting.map(|waiting| waiting.send(frame));
        }
        Err(io::Error::new(io::ErrorKind::ConnectionReset, "the other side closed the connection"))
    }
}

impl Wire {
    /// Connects to a server that serves this path; gives up on one that says nothing for so long.
    pub(super) fn connect(link: Link, path: &str, patience: Duration) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            start: Instant::now(),
            heard: AtomicU64::new(0),
            peer: link.peer,
        });
        let (outgoing, to_write) = bounded::<Vec<u8>>(QUEUE);
        let (welcomed, welcome) = bounded(1);
        let (input, writing, reading) = (link.input, shared.clone(), shared.clone());
        let greeting = message::hello(path);
        spawn("write", move || {
            if let Err(error) = write_all(link.output, &greeting, &to_write) {
                writing.lose(error, true);
            }
        })?;
        spawn("read", move || {
            let mut input = io::BufReader::with_capacity(64 << 10, input);
            let began = match read_welcome(&mut input) {
                Ok(answer) => welcomed.send(answer).map_or(Ok(()), |()| {
                    reading.hear();
                    reading.dispatch(&mut input)
                }),
                Err(error) => return reading.lose(error, false),
            };
            if let Err(error) = began {
                reading.lose(error, true);
            }
        })?;
        let mut wire = Self {
            outgoing: Some(outgoing),
            shared,
            numbers: AtomicU64::new(1),
            patience,
            access: Access::ReadOnly,
        };
        wire.access = wire.wait_for(&welcome)?.map_err(message::Failure::into_error)?;
        Ok(wire)
    }

    /// What the server lets us do.
    pub(super) fn access(&self) -> Access {
        self.access
    }

    /// Whether it can be used no more.
    pub(super) fn is_lost(&self) -> bool {
        locked(&self.shared.state).lost.is_some()
    }

    /// A number that was not used on this connection.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends what gets no reply.
    pub(super) fn tell(&self, request: &Request<'_>) -> io::Result<()> {
        self.send(request.to_frame(self.number()))
    }

    /// Sends what gets a reply.
    pub(super) fn ask(&self, request: &Request<'_>) -> io::Result<Pending<'_>> {
        let (id, (reply, replies)) = (self.number(), bounded(REPLIES));
        let mut state = locked(&self.shared.state);
        if state.lost.is_none() {
            state.waiting.insert(id, reply);
        }
        drop(state);
        let pending = Pending { wire: self, id, replies };
        self.send(request.to_frame(id))?;
        Ok(pending)
    }

    fn send(&self, mut frame: Vec<u8>) -> io::Result<()> {
        let Some(outgoing) = &self.outgoing else { return Err(self.shared.why_lost()) };
        while !self.is_lost() {
            match outgoing.send_timeout(frame, TICK) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Disconnected(_)) => break,
                Err(SendTimeoutError::Timeout(back)) => frame = back,
            }
            self.give_up_on_silence();
        }
        Err(self.shared.why_lost())
    }

    fn wait_for<T>(&self, replies: &Receiver<T>) -> io::Result<T> {
        loop {
            match replies.recv_timeout(TICK) {
                Ok(reply) => return Ok(reply),
                Err(RecvTimeoutError::Disconnected) => return Err(self.shared.why_lost()),
                // The thread that reads may not know of it: it waits for the other side.
                Err(RecvTimeoutError::Timeout) if self.is_lost() => return Err(self.shared.why_lost()),
                Err(RecvTimeoutError::Timeout) => self.give_up_on_silence(),
            }
        }
    }

    fn give_up_on_silence(&self) {
        if self.shared.silence() > self.patience {
            let reason = format!("the other side said nothing for {} s", self.patience.as_secs());
            self.shared.lose(io::Error::new(io::ErrorKind::TimedOut, reason), true);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // The server sees the end of its input, does what it has to do, and closes its side.
        self.outgoing = None;
        self.shared.peer.end(false);
    }
}

/// A request that was sent.
pub(super) struct Pending<'a> {
    wire: &'a Wire,
    id: u64,
    replies: Receiver<Vec<u8>>,
}

impl Pending<'_> {
    /// Waits for a reply, and looks at it. What fits no reply to such a request ends the connection.
    pub(super) fn take<T>(&self, look: impl FnOnce(Reply<'_>) -> Option<T>) -> io::Result<T> {
        let frame = self.wire.wait_for(&self.replies)?;
        match Reply::from_frame(&frame) {
            Ok((_, Reply::Failed(failure))) => Err(failure.into_error()),
            Ok((_, reply)) => {
                look(reply).ok_or_else(|| self.wire.disagree("a reply that does not fit the request"))
            }
            Err(error) => Err(self.wire.disagree(&error.to_string())),
        }
    }
}

impl Wire {
    /// Ends the connection to a server that answers nonsense.
    pub(super) fn disagree(&self, reason: &str) -> io::Error {
        self.shared.lose(violation(reason), true);
        violation(reason)
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        locked(&self.wire.shared.state).waiting.remove(&self.id);
    }
}

fn spawn(what: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(format!("mdl stream {what}")).spawn(work).map(drop)
}

fn write_all(output: Box<dyn Write + Send>, hello: &[u8], frames: &Receiver<Vec<u8>>) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(64 << 10, output);
    frame::greet(&mut output)?;
    frame::write(&mut output, hello)?;
    output.flush()?;
    for frame in frames {
        frame::write(&mut output, &frame)?;
        if frames.is_empty() {
            output.flush()?;
        }
    }
    output.flush()
}

fn read_welcome(input: &mut dyn Read) -> io::Result<Result<Access, message::Failure>> {
    frame::expect_greeting(input)?;
    let ended = || io::Error::new(io::ErrorKind::ConnectionReset, "the other side closed the connection");
    let frame = frame::read(input)?.ok_or_else(ended)?;
    message::from_welcome(&frame).map_err(violation)
}
