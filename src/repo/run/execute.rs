//! Executing a command that is recorded: in its folder, with its log and samples kept, and nothing else changed.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::capture::{Sampler, Samples};
use crate::launch::{
    self, Bounds, Ended, Input, Launch, LaunchError, Moment, Outlets, Signals, Spool, Timeout,
};
use crate::name::RunId;
use crate::object::Time;
use crate::repo::Repository;
use crate::repo::run::place::{Place, Recorder};

/// How often a recorder says that it is there.
const SHOW: Duration = Duration::from_secs(30);

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
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            timeout: None,
            grace: Duration::from_secs(10),
            interval: Duration::from_secs(1),
            log: Bounds::default(),
            input: Input::Inherited,
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
        let Execution { timeout, grace, interval, log, input } = job.execution;
        let folder = job.place.log();
        let launch = Launch {
            command: job.command,
            directory: job.directory,
            environment: &environment,
            input,
            timeout: timeout.map(|after| Timeout { after, grace }),
            keep: log,
            spool: Some(Spool { disk: &*self.disk, folder: &folder }),
        };
        let (mut sampler, mut samples) = (None, Samples::default());
        let (started, mut finished) = (self.now(), None);
        let ended = launch::launch(&launch, outlets, signals, &mut |moment| match moment {
            Moment::Started(pid) => sampler = Some(sample(interval, pid, job.recorder.clone())),
            Moment::Ended => {
                finished = Some(self.now());
                samples = sampler.take().map(Sampler::finish).unwrap_or_default();
            }
        })?;
        Ok(Executed { started, finished: finished.unwrap_or_else(|| self.now()), ended, samples })
    }
}

/// Samples the process, and says from time to time that the run is recorded still.
fn sample(interval: Duration, pid: u32, recorder: Recorder) -> Sampler {
    let mut shown = Instant::now();
    Sampler::start(interval, pid, move |_| {
        if shown.elapsed() >= SHOW {
            // Others then take the run for unfinished: no reason to stop it.
            let _ = recorder.show();
            shown = Instant::now();
        }
    })
}
