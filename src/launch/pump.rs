//! Passing output on, a thread for each stream: unaltered, unbuffered, and into the log.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::launch::Event;
use crate::launch::log::Keeper;
use crate::launch::outlet::{Stream, write_patiently};

/// What a pipe holds, so that one read can take it all.
const BUFFER: usize = 64 << 10;

/// What is known of a thread that passes a stream on.
#[derive(Default)]
pub(super) struct Pump {
    writing: AtomicBool,
    read: AtomicU64,
    failure: Mutex<Option<io::Error>>,
}

impl Pump {
    /// Whether it waits for the reader of our own output.
    pub fn is_writing(&self) -> bool {
        self.writing.load(Ordering::SeqCst)
    }

    fn run(&self, mut stream: Stream, keeper: &Keeper) {
        let mut buffer = vec![0; BUFFER];
        loop {
            match stream.from.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => self.pass(&buffer[..count], &mut stream, keeper),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A pseudo-terminal says so where a pipe says that it is at its end.
                Err(_) => return,
            }
        }
    }

    fn pass(&self, bytes: &[u8], stream: &mut Stream, keeper: &Keeper) {
        self.writing.store(true, Ordering::SeqCst);
        keeper.append(bytes);
        if let Some(Err(error)) = stream.to.as_mut().map(|to| write_patiently(to, bytes)) {
            // The reader went away, the training does not.
            stream.to = None;
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        self.read.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        self.writing.store(false, Ordering::SeqCst);
    }
}

/// All of them. A thread whose stream is never closed is left to itself, and ends with us.
pub(super) struct Pumps(Vec<Arc<Pump>>);

impl Pumps {
    pub fn start(streams: Vec<Stream>, keeper: &Arc<Keeper>, tell: &Sender<Event>) -> Self {
        let start = |stream: Stream| {
            let pump = Arc::new(Pump::default());
            let (own, keeper, tell) = (Arc::clone(&pump), Arc::clone(keeper), tell.clone());
            thread::spawn(move || {
                own.run(stream, &keeper);
                // Nobody waits for it any more if nobody hears.
                let _ = tell.send(Event::Closed);
            });
            pump
        };
        Self(streams.into_iter().map(start).collect())
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Pump> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// How many bytes have passed.
    pub fn read(&self) -> u64 {
        self.iter().map(|pump| pump.read.load(Ordering::SeqCst)).sum()
    }

    /// Why output could not be passed on.
    pub fn failures(&self) -> Vec<io::Error> {
        let take = |pump: &Pump| pump.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.iter().filter_map(take).collect()
    }
}
