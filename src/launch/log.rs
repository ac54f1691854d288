//! The log of a run: what it printed, in the order in which it came, its middle left out if it is long.
//!
//! Memory is bounded by the bounds. Bytes are kept as they came, control characters too: who shows
//! them escapes them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How much is kept, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// From the beginning.
    pub head: usize,
    /// From the end.
    pub tail: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { head: 1 << 20, tail: 1 << 20 }
    }
}

/// What a run printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The beginning.
    pub head: Vec<u8>,
    /// The end, if that is not in the head already.
    pub tail: Vec<u8>,
    /// How many bytes were printed.
    pub size: u64,
}

/// How far from a cut the end of a line is looked for; in half of what is there at the most.
const LINE: usize = 4096;

impl Log {
    /// How many bytes between the two are left out.
    pub fn left_out(&self) -> u64 {
        self.size.saturating_sub((self.head.len() + self.tail.len()) as u64)
    }

    /// The text that is recorded: the beginning, a line that says how much is left out (if anything is), the
    /// end. Where it is cut, a line that would be in pieces is left out if it is short enough.
    pub fn text(&self) -> Vec<u8> {
        if self.left_out() == 0 {
            return [&self.head[..], &self.tail].concat();
        }
        let from = self.head.len() - (self.head.len() / 2).min(LINE);
        let newline = self.head[from..].iter().rposition(|byte| *byte == b'\n');
        let head = &self.head[..newline.map_or(self.head.len(), |at| from + at + 1)];
        let newline = self.tail.iter().take((self.tail.len() / 2).min(LINE)).position(|byte| *byte == b'\n');
        let tail = &self.tail[newline.map_or(0, |at| at + 1)..];
        let missing = self.size - (head.len() + tail.len()) as u64;
        let before = if head.is_empty() || head.ends_with(b"\n") { "" } else { "\n" };
        let line = format!("{before}[… {missing} bytes left out …]\n");
        [head, line.as_bytes(), tail].concat()
    }
}

/// Keeps a log while it grows.
pub(super) struct Keeper {
    bounds: Bounds,
    kept: Mutex<Kept>,
    grown: Condvar,
    spooled: bool,
}

#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    size: u64,
    closed: bool,
}

impl Keeper {
    /// A log that is empty. `spooled`: whether somebody waits for it to grow.
    pub fn new(bounds: Bounds, spooled: bool) -> Self {
        Self { bounds, kept: Mutex::default(), grown: Condvar::new(), spooled }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the end, unless it is closed.
    pub fn append(&self, bytes: &[u8]) {
        let mut kept = self.lock();
        if kept.closed {
            return;
        }
        kept.size += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(self.bounds.head - kept.head.len()));
        kept.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.bounds.tail)..];
        let excess = (kept.tail.len() + rest.len()).saturating_sub(self.bounds.tail);
        kept.tail.drain(..excess);
        kept.tail.extend(rest);
        drop(kept);
        if self.spooled {
            self.grown.notify_one();
        }
    }

    /// Nothing is added any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.grown.notify_all();
    }

    /// What was kept. It is empty afterwards.
    pub fn take(&self) -> Log {
        let mut kept = self.lock();
        let size = kept.size;
        Log { head: std::mem::take(&mut kept.head), tail: std::mem::take(&mut kept.tail).into(), size }
    }

    /// Waits until there is more than this, and copies what follows as far as it is kept and hangs together. Says where
    /// that begins; nothing when it is closed and there is no more.
    pub fn next(&self, from: u64, into: &mut Vec<u8>) -> Option<u64> {
        let mut kept = self.lock();
        while kept.size == from && !kept.closed {
            kept = self.grown.wait(kept).unwrap_or_else(PoisonError::into_inner);
        }
        into.clear();
        if let Some(head) =
            usize::try_from(from).ok().and_then(|from| kept.head.get(from..)).filter(|head| !head.is_empty())
        {
            into.extend_from_slice(head);
            return Some(from);
        }
        let begin = from.max(kept.size - kept.tail.len() as u64);
        let skip = usize::try_from(begin + kept.tail.len() as u64 - kept.size).unwrap_or(usize::MAX);
        let (first, second) = kept.tail.as_slices();
        into.extend_from_slice(first.get(skip..).unwrap_or_default());
        into.extend_from_slice(&second[skip.saturating_sub(first.len()).min(second.len())..]);
        (begin < kept.size || !kept.closed).then_some(begin)
    }

    /// Waits for this long, or until it is closed.
    pub fn pause(&self, time: Duration) {
        let kept = self.lock();
        drop(self.grown.wait_timeout_while(kept, time, |kept| !kept.closed));
    }
}
