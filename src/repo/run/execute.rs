//! Executing a command that is recorded: in its folder, with its log and samples kept, and nothing else changed.

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::capture::{Sampler, Samples};
use crate::launch::{
    self, Bounds, Ended, Input, Launch, LaunchError, Moment, Outlets, Signals, Spool, Timeout,
};
use crate::name::RunId;
use crate::object::Time;
use crate::repo::Repository;
use crate::repo::run::place::{Place, Recorder};

/// How a command is executed.
#[derive(Clone, Copy, Debug)]
pub struct Execution {
    /// How long it may take, if that is bounded.
    pub timeout: Option<Duration>,
    /// How long it may take to end once it was asked to.
    pub grace: Duration,
    /// How often the machine is looked at.
    pub interval: Duration,
    /// How much of what it prints is kept.
    pub log: Bounds,
    /// What it reads from its standard input.
    pub input: Input,
    /// What makes our own executable pass on what is printed after the end: see [`Launch::forward`].
    pub forward: Option<&'static str>,
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            timeout: None,
            grace: Duration::from_secs(10),
            interval: Duration::from_secs(1),
            log: Bounds::default(),
            input: Input::Inherited,
            forward: None,
        }
    }
}

/// A command and where it runs.
#[derive(Clone, Copy)]
pub(in crate::repo) struct Job<'a> {
    pub id: &'a RunId,
    pub command: &'a [OsString],
    pub directory: &'a Path,
    /// Variables beside ours and those that are there.
    pub environment: &'a [(OsString, OsString)],
    pub execution: Execution,
    pub place: &'a Place,
    pub recorder: &'a Recorder,
}

/// What came of a command.
pub(in crate::repo) struct Executed {
    pub started: Time,
    pub finished: Time,
    pub ended: Ended,
    pub samples: Samples,
    /// How long the file of metrics was at which times, in microseconds since 1970-01-01 UTC.
    growth: Arc<Mutex<Vec<(i64, u64)>>>,
}

impl Executed {
    /// When the file of metrics was seen to go beyond this place: to the nearest sample.
    pub fn reported(&self, at: u64) -> Option<i64> {
        let growth = self.growth.lock().unwrap_or_else(PoisonError::into_inner);
        growth.iter().find(|(_, size)| *size > at).map(|(time, _)| *time)
    }
}

impl Repository {
    /// Runs a command to its end, whatever that is.
    pub(in crate::repo) fn execute(
        &self,
        job: &Job<'_>,
        outlets: Outlets,
        signals: &Signals,
    ) -> Result<Executed, LaunchError> {
        let ours = [
            ("MDL_RUN_ID".into(), OsString::from(job.id.as_str())),
            ("MDL_RUN_DIR".into(), job.place.files().into()),
            ("MDL_METRICS".into(), job.place.metrics().into()),
        ];
        let environment = [job.environment, &ours].concat();
        let Execution { timeout, grace, interval, log, input, forward } = job.execution;
        let folder = job.place.log();
        let launch = Launch {
            command: job.command,
            directory: job.directory,
            environment: &environment,
            input,
            timeout: timeout.map(|after| Timeout { after, grace }),
            keep: log,
            spool: Some(Spool { disk: &*self.disk, folder: &folder }),
            forward,
        };
        let (mut sampler, mut samples) = (None, Samples::default());
        let growth = Arc::default();
        let (started, mut finished) = (self.now(), None);
        let ended = launch::launch(&launch, outlets, signals, &mut |moment| match moment {
            Moment::Started(pid) => sampler = Some(sample(interval, pid, job, &growth)),
            Moment::Ended => {
                finished = Some(self.now());
                samples = sampler.take().map(Sampler::finish).unwrap_or_default();
            }
        })?;
        let finished = finished.unwrap_or_else(|| self.now());
        Ok(Executed { started, finished, ended, samples, growth })
    }
}

/// Samples the process, watches its metrics grow, and says from time to time that the run is recorded still.
fn sample(interval: Duration, pid: u32, job: &Job<'_>, growth: &Arc<Mutex<Vec<(i64, u64)>>>) -> Sampler {
    let (recorder, metrics, growth) =
        (job.recorder.clone().every(interval), job.place.metrics(), Arc::clone(growth));
    if interval > job.recorder.interval() {
        // Others are to know from the start how long its silences are.
        let _ = recorder.show();
    }
    let (mut shown, mut known) = (Instant::now(), 0);
    Sampler::start(interval, pid, move |tick| {
        let size = metrics.symlink_metadata().map_or(0, |metadata| metadata.len());
        if size > known {
            known = size;
            growth.lock().unwrap_or_else(PoisonError::into_inner).push((tick.time, size));
        }
        if shown.elapsed() >= recorder.interval() {
            // Others then take the run for unfinished: no reason to stop it.
            let _ = recorder.show();
            shown = Instant::now();
        }
    })
}
