//! The sampler's own thread: ticks, and what is read at each.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::capture::sampler::cards::{Ask, Cards, FromDriver};
use crate::capture::sampler::clock::{Clock, Moment};
use crate::capture::sampler::columns::{Columns, Measure, Merge};
use crate::capture::sampler::host::Host;
use crate::capture::sampler::tree::Tree;
use crate::capture::sampler::{Event, Samples, Setup, Tick};

/// Ticks are no closer than this.
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(3600);

const LOAD: Measure = Measure { merge: Merge::Mean, grain: 1.0 };
/// With many processors, one of them is a small part of all.
const HOST_LOAD: Measure = Measure { merge: Merge::Mean, grain: 1.0 / 8.0 };
const COUNT: Measure = Measure { merge: Merge::Highest, grain: 1.0 };
const MEMORY: Measure = Measure { merge: Merge::Highest, grain: 65_536.0 };
const RATE: Measure = Measure { merge: Merge::Mean, grain: 1024.0 };

type OnTick = Box<dyn FnMut(&Tick<'_>) + Send>;

pub(super) struct Worker {
    interval: Duration,
    patience: Duration,
    clock: Clock,
    tree: Tree,
    host: Host,
    cards: Cards,
    columns: Columns,
    on_tick: OnTick,
    first: Option<Moment>,
    last: Option<Moment>,
    ticks: u64,
    asleep: Duration,
    gaps: Vec<String>,
    has_disk: bool,
    ticks_per_second: f64,
    page: u64,
}

impl Worker {
    pub(super) fn new(setup: &Setup, on_tick: OnTick) -> Self {
        let mut gaps = Vec::new();
        if !setup.root.join("proc/stat").exists() {
            gaps.push("processes and host are not sampled on this system".to_owned());
        }
        let (ticks_per_second, page) = units();
        Self {
            interval: setup.interval.clamp(SHORTEST, LONGEST),
            patience: setup.patience,
            clock: Clock::start(),
            tree: Tree::new(&setup.root, setup.pid),
            host: Host::new(&setup.root),
            cards: Cards::new(setup.limit),
            columns: Columns::new(),
            on_tick,
            first: None,
            last: None,
            ticks: 0,
            asleep: Duration::ZERO,
            gaps,
            has_disk: false,
            ticks_per_second,
            page,
        }
    }

    /// Samples until it is told to stop.
    pub(super) fn run(mut self, events: &Receiver<Event>) -> Samples {
        let start = Instant::now();
        // Cards that are there at once are in the first sample.
        while let Ok(event) = events.try_recv() {
            match event {
                Event::Driver(sent) => self.cards.take(sent, &mut self.columns),
                // The run ended before its first sample.
                Event::Stop => return self.finish(events),
            }
        }
        loop {
            self.tick(false);
            let due = next(start, Instant::now(), self.interval);
            loop {
                match events.recv_timeout(due.saturating_duration_since(Instant::now())) {
                    Ok(Event::Driver(sent)) => self.answer(sent),
                    Err(RecvTimeoutError::Timeout) => break,
                    Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return self.finish(events),
                }
            }
        }
    }

    /// Takes what the driver's threads sent. Cards that are found between two ticks are asked at once.
    fn answer(&mut self, sent: FromDriver) {
        let found = matches!(sent, FromDriver::Found { .. });
        self.cards.take(sent, &mut self.columns);
        if found {
            self.cards.ask(Ask { moment: self.clock.now(), is_last: false });
        }
    }

    fn finish(mut self, events: &Receiver<Event>) -> Samples {
        self.tick(true);
        let stopped = Instant::now();
        loop {
            // No driver at all is told at once, and starting one may take seconds.
            let wait = match (self.cards.is_found, self.cards.is_waited_for()) {
                (false, _) => SHORTEST.min(self.patience),
                (true, true) => self.patience,
                (true, false) => break,
            };
            let until = stopped + wait;
            match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Driver(sent)) => self.cards.take(sent, &mut self.columns),
                Ok(Event::Stop) => {}
                Err(_) => break,
            }
        }
        let (accelerators, energy, gaps) = self.cards.finish();
        self.gaps.extend(gaps);
        if self.asleep >= Duration::from_secs(1) {
            self.gaps.push(format!("the machine slept for {} s", self.asleep.as_secs()));
        }
        let series = self.columns.finish();
        if series.contains_key("process.cpu") && !self.has_disk {
            self.gaps.push("the traffic of the processes with the disk cannot be read".into());
        }
        let time = |moment: Option<Moment>| moment.map_or(0, |moment| moment.time);
        Samples {
            interval: self.interval.as_secs_f64(),
            ticks: self.ticks,
            span: (time(self.first), time(self.last)),
            series,
            energy,
            accelerators,
            gaps: self.gaps,
        }
    }

    fn tick(&mut self, is_last: bool) {
        let now = self.clock.now();
        self.cards.ask(Ask { moment: now, is_last });
        let seconds = self.since_last(now, is_last);
        self.sample_tree(now.time, seconds);
        self.sample_host(now.time, seconds);
        self.ticks += 1;
        self.first = self.first.or(Some(now));
        self.last = Some(now);
        (self.on_tick)(&Tick { number: self.ticks, time: now.time, columns: &self.columns });
    }

    /// Seconds since the tick before, over which rates are taken. The run may end soon after a tick: a rate over a
    /// moment is mostly chance, and is left out if there are others.
    fn since_last(&mut self, now: Moment, is_last: bool) -> Option<f64> {
        let last = self.last?;
        let elapsed = now.at.saturating_duration_since(last.at);
        let in_all = Duration::from_micros(now.time.saturating_sub(last.time).max(0) as u64);
        // Times are in whole milliseconds.
        self.asleep += in_all.saturating_sub(elapsed + Duration::from_millis(2));
        let is_moment = is_last && self.ticks > 1 && elapsed < self.interval / 4;
        (!is_moment && !elapsed.is_zero()).then_some(elapsed.as_secs_f64())
    }

    fn sample_tree(&mut self, time: i64, seconds: Option<f64>) {
        let Some(usage) = self.tree.sample() else { return };
        let columns = &mut self.columns;
        // One that is about to end has given back its memory, and is not yet seen to have ended.
        if usage.threads > 0 && usage.pages > 0 {
            columns.push("process.memory", MEMORY, time, usage.pages.saturating_mul(self.page) as f64);
            columns.push("process.threads", COUNT, time, usage.threads as f64);
        }
        let Some(seconds) = seconds else { return };
        if let Some(ticks) = usage.cpu {
            columns.push("process.cpu", LOAD, time, 100.0 * ticks as f64 / self.ticks_per_second / seconds);
        }
        if let Some(disk) = usage.disk {
            self.has_disk = true;
            columns.push("process.read", RATE, time, disk.read as f64 / seconds);
            columns.push("process.written", RATE, time, disk.written as f64 / seconds);
        }
    }

    fn sample_host(&mut self, time: i64, seconds: Option<f64>) {
        let usage = self.host.sample();
        let columns = &mut self.columns;
        if let Some(bytes) = usage.memory_used {
            columns.push("host.memory_used", MEMORY, time, bytes as f64);
        }
        let Some(seconds) = seconds else { return };
        if let Some(cpu) = usage.cpu {
            columns.push("host.cpu", HOST_LOAD, time, cpu);
        }
        if let Some((received, sent)) = usage.network {
            columns.push("host.received", RATE, time, received as f64 / seconds);
            columns.push("host.sent", RATE, time, sent as f64 / seconds);
        }
    }
}

/// When the next tick is due: at a multiple of the interval after the start, so that ticks do not drift. One that
/// would follow too closely, since the last was late, is left out.
fn next(start: Instant, now: Instant, interval: Duration) -> Instant {
    let passed = now.saturating_duration_since(start).as_nanos();
    let interval = interval.as_nanos().max(1);
    let number = (passed + interval / 4) / interval + 1;
    start + Duration::from_nanos(u64::try_from(number * interval).unwrap_or(u64::MAX / 2))
}

/// Ticks of the kernel's clock in a second, and bytes of a page.
#[cfg(target_os = "linux")]
fn units() -> (f64, u64) {
    (rustix::param::clock_ticks_per_second().max(1) as f64, rustix::param::page_size() as u64)
}

/// Nothing is read that is counted in them.
#[cfg(not(target_os = "linux"))]
fn units() -> (f64, u64) {
    (100.0, 4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_keep_to_their_times() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let due = |ms: u64| next(start, start + Duration::from_millis(ms), second) - start;
        assert_eq!([due(0), due(2), due(999), due(1000)], [1, 1, 2, 2].map(Duration::from_secs));
        assert_eq!(due(7_300), Duration::from_secs(8), "late ticks are not made up for");
        assert_eq!(due(7_800), Duration::from_secs(9), "nor followed at once");
    }
}
