//! Samples what a run uses of its machine: accelerators, its processes, the host. On a thread of its own, once a second.
//!
//! Nothing that is sampled can hold up the run: a source that cannot be read is a recorded gap, a driver that does not
//! answer is given up, and the end of the run waits for a fraction of a second at most. The first sample is taken at once
//! and the last at the end; between them ticks keep to their times. Memory is bounded for a run of any length.

mod cards;
mod clock;
mod columns;
mod driver;
mod host;
mod kept;
#[cfg(feature = "nvml")]
mod nvidia;
mod process;
mod sysfs;
#[cfg(test)]
mod tests;
mod tree;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::capture::sampler::cards::FromDriver;
use crate::capture::sampler::columns::Columns;
use crate::capture::sampler::worker::Worker;
use crate::object::Series;
use crate::value::Value;

/// What the sampler waits for.
#[derive(Debug)]
enum Event {
    /// The run is at its end.
    Stop,
    /// A thread that talks to the driver has something.
    Driver(FromDriver),
}

/// Samples a run until it is told that the run has ended. Dropped, it stops and tells nothing.
#[derive(Debug)]
pub struct Sampler {
    events: Sender<Event>,
    result: Receiver<Samples>,
    patience: Duration,
}

/// What was sampled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Seconds between two samples.
    pub interval: f64,
    /// Samples that were taken.
    pub ticks: u64,
    /// When the first and the last were taken, in microseconds since 1970-01-01 UTC.
    pub span: (i64, i64),
    /// The samples by name, such as `gpu0.busy`.
    pub series: BTreeMap<String, Series>,
    /// Energy in joules that the accelerators' own counters counted, by the accelerator's name, such as `gpu0`.
    pub energy: BTreeMap<String, f64>,
    /// What tells the accelerators from others, and their clocks at the start: a map for each.
    pub accelerators: Vec<Value>,
    /// What could not be sampled, and why.
    pub gaps: Vec<String>,
}

/// A moment in which samples were taken.
#[derive(Debug)]
pub struct Tick<'a> {
    /// Its number, from 1.
    pub number: u64,
    /// When, in microseconds since 1970-01-01 UTC.
    pub time: i64,
    columns: &'a Columns,
}

impl Tick<'_> {
    /// The latest sample of a series. An accelerator's is that of the tick before.
    pub fn latest(&self, name: &str) -> Option<f64> {
        self.columns.latest(name).map(|(_, value)| value)
    }
}

/// What is sampled, and from where.
struct Setup {
    interval: Duration,
    /// Where `/proc` and `/sys` are found.
    root: PathBuf,
    pid: u32,
    #[cfg(feature = "nvml")]
    library: crate::capture::nvml::Library,
    /// An accelerator that does not answer for longer is given up.
    limit: Duration,
    /// How long the end waits for the accelerators' last answers.
    patience: Duration,
}

impl Sampler {
    /// Begins to sample the processes that descend from `pid`, itself included, with the host and the accelerators.
    /// After each tick `on_tick` is called, on the sampler's thread: what it does delays the samples.
    pub fn start(interval: Duration, pid: u32, on_tick: impl FnMut(&Tick<'_>) + Send + 'static) -> Self {
        let setup = Setup {
            interval,
            root: PathBuf::from("/"),
            pid,
            #[cfg(feature = "nvml")]
            library: crate::capture::nvml::Library::Driver,
            limit: Duration::from_secs(5),
            patience: Duration::from_millis(250),
        };
        Self::with(setup, Box::new(on_tick))
    }

    fn with(setup: Setup, on_tick: Box<dyn FnMut(&Tick<'_>) + Send>) -> Self {
        let (events, incoming) = channel();
        let (results, result) = channel();
        let patience = setup.patience;
        driver::start(&setup, events.clone());
        let work = move || drop(results.send(Worker::new(&setup, on_tick).run(&incoming)));
        // Without a thread there is no result either, which `finish` tells.
        let _ = std::thread::Builder::new().name("sampler".into()).spawn(work);
        Self { events, result, patience }
    }

    /// Takes the last samples and hands out all of them. Best called before the process is waited for: one that was
    /// waited for tells no more of the processor time that it used.
    pub fn finish(self) -> Samples {
        let _ = self.events.send(Event::Stop);
        let gap = || Samples { gaps: vec!["the sampler gave no result".into()], ..Samples::default() };
        self.result.recv_timeout(self.patience + Duration::from_secs(2)).unwrap_or_else(|_| gap())
    }
}
