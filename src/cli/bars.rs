//! Progress on the terminal: what is done, how fast, and how long it will take.
//!
//! Nothing is shown of work that takes less than half a second, and what was shown is wiped away at its end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::progress::{Amount, Progress};

/// Work that is done sooner goes unannounced.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a bar is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Shows progress on standard error.
pub struct Bars {
    shared: Arc<Shared>,
    /// Dropped at the end, which wakes the thread that waits to show the bar.
    _end: Option<Sender<()>>,
}

struct Shared {
    items: AtomicU64,
    bytes: AtomicU64,
    phase: Mutex<Phase>,
}

#[derive(Default)]
struct Phase {
    name: &'static str,
    total: Option<Amount>,
    /// Whether the patience is over.
    visible: bool,
    closed: bool,
    bar: Option<ProgressBar>,
}

impl Bars {
    /// Progress for a person, or for nobody.
    pub fn new(is_watched: bool) -> Self {
        let phase = Mutex::new(Phase { closed: !is_watched, ..Phase::default() });
        let shared = Arc::new(Shared { items: AtomicU64::new(0), bytes: AtomicU64::new(0), phase });
        let end = is_watched.then(|| {
            let (end, ended) = channel();
            let shared = shared.clone();
            thread::spawn(move || {
                let mut wait = PATIENCE;
                while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                    shared.draw();
                    wait = TICK;
                }
            });
            end
        });
        Self { shared, _end: end }
    }
}

impl Shared {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        // A bar is worth no panic.
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self) -> Amount {
        Amount { items: self.items.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }

    fn draw(&self) {
        let mut phase = self.phase();
        if phase.closed {
            return;
        }
        phase.visible = true;
        if phase.bar.is_none() && !phase.name.is_empty() {
            phase.bar = Some(bar(phase.name, phase.total, self.done()));
        }
        if let Some(bar) = &phase.bar {
            let done = self.done();
            bar.set_position(if counts_bytes(phase.total, done) { done.bytes } else { done.items });
            bar.tick();
        }
    }
}

impl Progress for Bars {
    fn end(&self) {
        let mut phase = self.shared.phase();
        if let Some(bar) = phase.bar.take() {
            bar.finish_and_clear();
        }
        (phase.name, phase.total) = ("", None);
    }

    fn begin(&self, name: &'static str, total: Option<Amount>) {
        let mut phase = self.shared.phase();
        if phase.closed {
            return;
        }
        if let Some(bar) = phase.bar.take() {
            bar.finish_and_clear();
        }
        self.shared.items.store(0, Ordering::Relaxed);
        self.shared.bytes.store(0, Ordering::Relaxed);
        (phase.name, phase.total) = (name, total);
        if phase.visible {
            phase.bar = Some(bar(name, total, Amount::default()));
        }
    }

    fn advance(&self, done: Amount) {
        self.shared.items.fetch_add(done.items, Ordering::Relaxed);
        self.shared.bytes.fetch_add(done.bytes, Ordering::Relaxed);
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let mut phase = self.shared.phase();
        phase.closed = true;
        if let Some(bar) = phase.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Bytes say more than files, where there are any.
fn counts_bytes(total: Option<Amount>, done: Amount) -> bool {
    total.map_or(done.bytes, |total| total.bytes) > 0
}

/// How a bar looks, if its length is known, and if it counts bytes.
fn template(has_end: bool, bytes: bool) -> &'static str {
    match (has_end, bytes) {
        (true, true) => "{msg:12} {wide_bar} {bytes}/{total_bytes}  {binary_bytes_per_sec}  {eta} left",
        (true, false) => "{msg:12} {wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left",
        (false, true) => "{msg:12} {spinner} {bytes}  {binary_bytes_per_sec}  {elapsed}",
        (false, false) => "{msg:12} {spinner} {human_pos}  {per_sec}  {elapsed}",
    }
}

fn bar(name: &'static str, total: Option<Amount>, done: Amount) -> ProgressBar {
    let bytes = counts_bytes(total, done);
    let size = total.map(|total| if bytes { total.bytes } else { total.items });
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(template(size.is_some(), bytes))
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("━╸ "));
    bar.set_message(name);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_one() {
        for total in [None, Some(Amount { items: 3, bytes: 0 }), Some(Amount { items: 3, bytes: 9 })] {
            for done in [Amount::default(), Amount { items: 1, bytes: 1 }] {
                let bar = bar("Reading", total, done);
                assert_eq!(bar.message(), "Reading");
            }
        }
        for (has_end, bytes) in [(true, true), (true, false), (false, true), (false, false)] {
            assert!(ProgressStyle::with_template(template(has_end, bytes)).is_ok());
        }
    }

    #[test]
    fn nobody_watching_costs_no_thread() {
        let bars = Bars::new(false);
        bars.begin("Reading", None);
        bars.advance(Amount { items: 1, bytes: 2 });
        assert!(bars.shared.phase().bar.is_none());
    }
}
