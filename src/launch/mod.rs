//! Starting a command as it would run without us: its terminal, signals and exit code; its log is kept.
//!
//! The command inherits standard input, and so the terminal with its modes, its keys and its job control. What it
//! prints passes through a pipe, or through a pseudo-terminal where ours is a terminal, which alters no byte: that one is
//! only a screen, and the controlling terminal stays the real one. So nothing has to be set on the user's terminal,
//! and nothing can be left behind by a death, however sudden.
//!
//! A command that is started in the foreground of a terminal stays in our process group: keys reach it, and us,
//! once and from the kernel, and a shell stops and continues us together. Everywhere else it gets a group of its own,
//! to which signals are forwarded. See [`Signals`].
//!
//! What stands between passes on what goes wrong: where our own output cannot be written, or nobody reads it any more,
//! the command's is closed. Who outlives the command and holds its output is not cut off: see [`forward`].
//!
//! Memory is bounded by the bounds of the log and a few buffers; time after the command's end by [`LINGER`],
//! unless the reader of our own output is slow, for whom we wait as the command would have done.

#[cfg(unix)]
mod forward;
#[cfg(unix)]
mod kin;
mod log;
mod outlet;
mod program;
mod pump;
#[cfg(unix)]
mod screen;
#[cfg(unix)]
mod signals;
mod spool;
#[cfg(not(unix))]
#[path = "system_other.rs"]
mod system;
#[cfg(unix)]
#[path = "system_unix.rs"]
mod system;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::launch::log::Keeper;
use crate::launch::pump::{Pump, Pumps};
use crate::launch::spool::Spooler;
use crate::launch::system::{Running, Stop};

#[cfg(unix)]
pub use crate::launch::forward::forward;
pub use crate::launch::log::{Bounds, Log};
pub use crate::launch::outlet::{Outlet, Outlets};
pub use crate::launch::program::find;
pub use crate::launch::spool::{Spool, discard, spooled};
pub use crate::launch::system::{Signals, signal_name};

/// How long we wait for output that somebody whom the command left behind may still print.
pub const LINGER: Duration = Duration::from_secs(2);

/// What is to run, and how.
#[derive(Clone, Copy)]
pub struct Launch<'a> {
    /// The program and its arguments, as they were typed.
    pub command: &'a [OsString],
    /// Where it runs.
    pub directory: &'a Path,
    /// Variables beside those that are inherited from us.
    pub environment: &'a [(OsString, OsString)],
    /// What it reads.
    pub input: Input,
    /// How long it may take, if that is bounded.
    pub timeout: Option<Timeout>,
    /// How much of what it prints is kept.
    pub keep: Bounds,
    /// Where the log is kept meanwhile, so that it outlives us.
    pub spool: Option<Spool<'a>>,
    /// The one argument that makes our own executable call [`forward`] with its standard streams. Without it, who
    /// outlives the command and prints loses the reader.
    pub forward: Option<&'a str>,
}

/// What a command reads from its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Ours.
    Inherited,
    /// Nothing: it is at its end.
    Nothing,
}

/// How long a command may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// After this long it is asked to end (SIGTERM).
    pub after: Duration,
    /// After this much more it is killed.
    pub grace: Duration,
}

/// How a command came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal of this number.
    Signal(i32),
}

impl Exit {
    /// Whether it says that all went well.
    pub fn is_success(self) -> bool {
        self == Exit::Code(0)
    }

    /// As one number: negative for a signal.
    pub fn number(self) -> i64 {
        match self {
            Exit::Code(code) => code.into(),
            Exit::Signal(signal) => -i64::from(signal),
        }
    }

    /// As a shell shows it: 128 and more for a signal.
    pub fn shell_status(self) -> u8 {
        match self {
            Exit::Code(code) => u8::try_from(code & 0xff).unwrap_or(u8::MAX),
            Exit::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(out, "exit {code}"),
            Exit::Signal(signal) => write!(out, "signal {signal}"),
        }
    }
}

/// What is not as one would expect, and stopped nothing.
#[derive(Debug)]
pub enum Gap {
    /// Some of what was printed could not be written to our own output; the log has it, and the command was told.
    Unheard(io::Error),
    /// Whoever read our own output stopped; the command was told, and nothing was lost.
    Unread,
    /// The log could not be kept on the disk meanwhile.
    Spool(io::Error),
    /// Somebody whom the command left behind holds its output open; what they print is not in the log.
    StillOpen,
    /// The same, and nobody could be found to pass on what they print: they may end of it.
    CutOff(io::Error),
    /// The terminal could not be imitated: the command saw a pipe.
    NoTerminal(io::Error),
}

/// How a command ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub exit: Exit,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
    /// The last signal that reached it to interrupt it (SIGINT, SIGTERM, SIGHUP, SIGQUIT), from us or with us.
    pub interrupted: Option<i32>,
    /// What it printed.
    pub log: Log,
    /// From its start to its end, what was still to print left out.
    pub took: Duration,
    /// What did not work beside it.
    pub gaps: Vec<Gap>,
}

impl Ended {
    /// Why some of what it printed came to nobody, if that is so.
    pub fn into_unheard(self) -> Option<io::Error> {
        self.gaps.into_iter().find_map(|gap| if let Gap::Unheard(error) = gap { Some(error) } else { None })
    }

    /// Whether whoever was to see its output does not see any more of it.
    pub fn is_unread(&self) -> bool {
        self.gaps.iter().any(|gap| matches!(gap, Gap::Unheard(_) | Gap::Unread))
    }
}

/// Why a command was not started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is nothing to run.
    #[error("no command")]
    Empty,
    /// There is no such program.
    #[error("{0:?}: command not found")]
    NotFound(OsString),
    /// It is no program, or not for us.
    #[error("{0:?}: not executable")]
    NotExecutable(OsString),
    /// The directory to run in is not there.
    #[error("{0:?}: no such directory")]
    NoDirectory(PathBuf),
    /// The system refused.
    #[error("{0:?} could not be started")]
    Refused(OsString, #[source] io::Error),
}

impl LaunchError {
    /// The status that a shell gives to this error.
    pub fn shell_status(&self) -> u8 {
        match self {
            LaunchError::NotFound(_) => 127,
            LaunchError::Empty | LaunchError::NoDirectory(_) => 1,
            LaunchError::NotExecutable(_) | LaunchError::Refused(..) => 126,
        }
    }
}

/// What is told to the thread that waits.
enum Event {
    /// The command has ended.
    Exited,
    /// A stream of its output has.
    Closed,
}

/// What a command has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It was started just now, and has this process id.
    Started(u32),
    /// It has ended, and is not waited for yet: the system still tells what it used.
    Ended,
}

/// Runs a command to its end. `reached` hears of both moments.
pub fn launch(
    spec: &Launch<'_>,
    outlets: Outlets,
    signals: &Signals,
    reached: &mut dyn FnMut(Moment),
) -> Result<Ended, LaunchError> {
    find(spec.command, spec.directory, spec.environment)?;
    let refused = |error| LaunchError::Refused(spec.command[0].clone(), error);
    let stop = Arc::new(Stop::new().map_err(refused)?);
    let start = Instant::now();
    let (mut running, streams, mut gaps) = signals.start(spec, outlets)?;
    reached(Moment::Started(running.id()));

    let keeper = Arc::new(Keeper::new(spec.keep, spec.spool.is_some()));
    let (tell, events) = channel();
    running.watch(tell.clone());
    let pumps = Pumps::start(streams, &keeper, &tell, &stop);
    let mut open = pumps.count();
    let (timed_out, took, interrupted) = spooling(spec, &keeper, &mut gaps, || {
        let grace = wait(&mut running, spec.timeout, &events, &mut open);
        let ended = (grace.is_some(), start.elapsed(), running.interrupted());
        reached(Moment::Ended);
        if let Some(end) = grace {
            running.outlast(end);
            running.kill();
        }
        open = drain(&pumps, &events, open);
        ended
    });
    gaps.extend((open > 0).then_some(Gap::StillOpen));
    if let Some(argument) = spec.forward.filter(|_| open > 0) {
        gaps.extend(leave(pumps, &stop, argument));
    } else {
        gaps.extend(pumps.gaps());
    }
    let exit = running.finish().map_err(refused)?;
    Ok(Ended { exit, timed_out, interrupted, log: keeper.take(), took, gaps })
}

/// Leaves the streams that are open to another process. What was read of them has been passed on.
#[cfg(unix)]
fn leave(pumps: Pumps, stop: &Stop, argument: &str) -> Vec<Gap> {
    stop.now();
    let (left, gaps) = pumps.left();
    let handed = left.into_iter().filter_map(|stream| forward::hand_over(stream, argument).err());
    gaps.into_iter().chain(handed.map(Gap::CutOff)).collect()
}

#[cfg(not(unix))]
fn leave(pumps: Pumps, _: &Stop, _: &str) -> Vec<Gap> {
    pumps.gaps()
}

/// Does something while the log is kept on the disk too, if that is wanted, and closes it.
fn spooling<T>(spec: &Launch<'_>, keeper: &Keeper, gaps: &mut Vec<Gap>, work: impl FnOnce() -> T) -> T {
    let Some(spool) = spec.spool else {
        let done = work();
        keeper.close();
        return done;
    };
    thread::scope(|scope| {
        let spooler = scope.spawn(move || Spooler::new(spool, spec.keep).run(keeper));
        let done = work();
        keeper.close();
        let failure = spooler.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        gaps.extend(failure.map(Gap::Spool));
        done
    })
}

/// Waits until the command has ended, and sees to it that it does in its time. Says when its grace ends, if it had
/// to be asked.
fn wait(
    running: &mut Running,
    timeout: Option<Timeout>,
    events: &Receiver<Event>,
    open: &mut usize,
) -> Option<Instant> {
    let mut next = timeout.map(|timeout| Instant::now() + timeout.after);
    let mut grace = None;
    loop {
        let event = match next {
            Some(at) => events.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::Closed) => *open -= 1,
            Ok(Event::Exited) | Err(RecvTimeoutError::Disconnected) => return grace,
            Err(RecvTimeoutError::Timeout) if grace.is_some() => {
                running.kill();
                next = None;
            }
            Err(RecvTimeoutError::Timeout) => {
                running.terminate();
                grace = timeout.map(|timeout| Instant::now() + timeout.grace);
                next = grace;
            }
        }
    }
}

/// How long nothing comes before nothing is expected any more.
const QUIET: Duration = Duration::from_millis(250);
/// The same when [`LINGER`] has passed: no longer than a moment between two reads.
const MOMENT: Duration = Duration::from_millis(5);
/// More than a pipe can hold of what the command itself has printed.
const FLOOD: u64 = 16 << 20;

/// Lets what the command has printed pass, now that it has ended. Says how many streams are open then.
///
/// While our own reader is slow we wait for it: what it has not yet taken would be lost otherwise.
fn drain(pumps: &Pumps, events: &Receiver<Event>, mut open: usize) -> usize {
    let (end, first) = (Instant::now() + LINGER, pumps.read());
    while open > 0 {
        let before = pumps.read();
        let late = Instant::now() >= end;
        match events.recv_timeout(if late { MOMENT } else { QUIET }) {
            Ok(Event::Closed) => open -= 1,
            Ok(Event::Exited) => {}
            Err(_) if pumps.iter().any(Pump::is_writing) => {}
            Err(_) if pumps.read() == before || (late && before - first > FLOOD) => break,
            Err(_) => {}
        }
    }
    open
}
