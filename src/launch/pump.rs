//! Passing output on, a thread for each stream: unaltered, unbuffered, and into the log.
//!
//! What cannot be passed on is told in both directions: our end of the command's stream is closed, so that the command
//! gets the signal or the error that it would get without us; and it is a gap.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::launch::log::Keeper;
use crate::launch::outlet::Stream;
use crate::launch::system::{Next, Stop, next};
use crate::launch::{Event, Gap};

/// What a pipe holds, so that one read can take it all.
pub(super) const BUFFER: usize = 64 << 10;

/// What is known of a thread that passes a stream on.
#[derive(Default)]
pub(super) struct Pump {
    writing: AtomicBool,
    read: AtomicU64,
    gap: Mutex<Option<Gap>>,
}

impl Pump {
    /// Whether it waits for the reader of our own output.
    pub fn is_writing(&self) -> bool {
        self.writing.load(Ordering::SeqCst)
    }

    /// Passes on until the stream is at its end, or cannot be passed on. If it is stopped before, that is the stream.
    fn run(&self, mut stream: Stream, keeper: &Keeper, stop: &Stop) -> Option<Stream> {
        let mut buffer = vec![0; BUFFER];
        loop {
            match next(&stream, Some(stop)) {
                Next::Readable => {}
                Next::Unread => return self.give_up(stream, Gap::Unread),
                Next::Stopped => return Some(stream),
            }
            match stream.from.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => {
                    if let Err(error) = self.pass(&buffer[..count], &mut stream, keeper) {
                        return self.give_up(stream, Gap::Unheard(error));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A pseudo-terminal says so where a pipe says that it is at its end.
                Err(_) => return None,
            }
        }
    }

    fn give_up(&self, stream: Stream, gap: Gap) -> Option<Stream> {
        *self.gap.lock().unwrap_or_else(PoisonError::into_inner) = Some(gap);
        stream.close();
        None
    }

    fn pass(&self, bytes: &[u8], stream: &mut Stream, keeper: &Keeper) -> io::Result<()> {
        self.writing.store(true, Ordering::SeqCst);
        keeper.append(bytes);
        let passed = stream.to.pass(bytes);
        self.read.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        self.writing.store(false, Ordering::SeqCst);
        passed
    }
}

/// All of them.
pub(super) struct Pumps {
    pumps: Vec<Arc<Pump>>,
    threads: Vec<JoinHandle<Option<Stream>>>,
}

impl Pumps {
    pub fn start(streams: Vec<Stream>, keeper: &Arc<Keeper>, tell: &Sender<Event>, stop: &Arc<Stop>) -> Self {
        let start = |stream: Stream| {
            let pump = Arc::new(Pump::default());
            let (own, keeper, tell, stop) =
                (Arc::clone(&pump), Arc::clone(keeper), tell.clone(), Arc::clone(stop));
            let thread = thread::spawn(move || {
                let left = own.run(stream, &keeper, &stop);
                // Nobody waits for it any more if nobody hears.
                let _ = tell.send(Event::Closed);
                left
            });
            (pump, thread)
        };
        let (pumps, threads) = streams.into_iter().map(start).unzip();
        Self { pumps, threads }
    }

    pub fn count(&self) -> usize {
        self.pumps.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Pump> {
        self.pumps.iter().map(AsRef::as_ref)
    }

    /// How many bytes have passed.
    pub fn read(&self) -> u64 {
        self.iter().map(|pump| pump.read.load(Ordering::SeqCst)).sum()
    }

    /// What could not be passed on.
    pub fn gaps(&self) -> Vec<Gap> {
        let take = |pump: &Pump| pump.gap.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.iter().filter_map(take).collect()
    }

    /// The streams that are open after they were told to stop, and what could not be passed on. Waits for a reader of
    /// ours that is slow.
    #[cfg(unix)]
    pub fn left(mut self) -> (Vec<Stream>, Vec<Gap>) {
        let threads = std::mem::take(&mut self.threads);
        let left = threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect();
        (left, self.gaps())
    }
}
