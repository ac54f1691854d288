//! Starting, signalling and awaiting a process on Unix.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use crate::launch::kin::Kin;
use crate::launch::outlet::{Outlet, Outlets, Stream};
use crate::launch::program::find;
use crate::launch::screen::Screen;
use crate::launch::signals::Target;
use crate::launch::{Event, Exit, Gap, Input, Launch, LaunchError};

/// So long a program that is open for writing is waited for, and so long between tries.
const BUSY: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(5);

pub use crate::launch::signals::Signals;
pub use signal_hook::low_level::signal_name;

/// What a command's output is read from.
pub(super) type Source = File;

/// What keeps our end of a stream open beside its source: a screen.
#[derive(Default)]
pub(super) struct Hold(Option<Arc<Screen>>);

impl Hold {
    pub fn let_go(self) {
        self.0.iter().for_each(|screen| screen.hang_up());
    }
}

/// Tells those who pass output on that another one goes on with it.
pub(super) struct Stop {
    seen: io::PipeReader,
    held: Mutex<Option<io::PipeWriter>>,
}

impl Stop {
    pub fn new() -> io::Result<Self> {
        let (seen, held) = io::pipe()?;
        Ok(Self { seen, held: Mutex::new(Some(held)) })
    }

    /// They are to stop before they read any more.
    pub fn now(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What comes next of a stream.
pub(super) enum Next {
    /// There is something to read, if only its end.
    Readable,
    /// There is nothing, and whoever read our own output has gone: what is printed from now on is for nobody.
    Unread,
    /// Another one goes on.
    Stopped,
}

/// Waits for what comes next of a stream.
pub(super) fn next(stream: &Stream, stop: Option<&Stop>) -> Next {
    let reader = match &stream.to {
        Outlet::File(file) => Some(file.as_fd()).filter(|file| tells_of_its_reader(*file)),
        Outlet::Writer(_) | Outlet::Nothing => None,
    };
    // What was not asked for is told as well: that something is gone.
    let mut fds = vec![PollFd::new(&stream.from, PollFlags::IN)];
    fds.extend(stop.map(|stop| PollFd::new(&stop.seen, PollFlags::IN)));
    fds.extend(reader.map(|reader| PollFd::from_borrowed_fd(reader, PollFlags::empty())));
    let polled = loop {
        match poll(&mut fds, None) {
            Err(Errno::INTR) => {}
            polled => break polled,
        }
    };
    let happened = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
    match polled {
        Ok(_) if stop.is_some() && happened(1) => Next::Stopped,
        Ok(_) if !happened(0) => Next::Unread,
        // Where that cannot be asked, reading waits too.
        _ => Next::Readable,
    }
}

/// Whether a file tells that its reader has gone for good. Of a pipe with a name another one may come.
fn tells_of_its_reader(file: BorrowedFd<'_>) -> bool {
    let is_pipe = fstat(file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_fifo());
    !is_pipe || is_nameless(file)
}

#[cfg(target_os = "linux")]
fn is_nameless(pipe: BorrowedFd<'_>) -> bool {
    // The magic number of the kernel's own file system of pipes; its type differs between machines.
    rustix::fs::fstatfs(pipe).is_ok_and(|system| system.f_type == 0x5049_5045)
}

#[cfg(not(target_os = "linux"))]
fn is_nameless(_: BorrowedFd<'_>) -> bool {
    true
}

/// How the streams of a command are laid: through a screen where they go to a terminal, through pipes elsewhere.
#[derive(Default)]
struct Plumbing {
    screen: Option<Arc<Screen>>,
    /// What is written to the screen.
    shown: Option<File>,
    /// The end of the screen that the command gets.
    user: Option<File>,
    output_shown: bool,
    errors_shown: bool,
}

impl Plumbing {
    fn lay(outlets: &Outlets) -> io::Result<Self> {
        let (output, errors) = (outlets.output.terminal(), outlets.errors.terminal());
        let Some(real) = output.or(errors) else { return Ok(Self::default()) };
        let (screen, user) = Screen::open(real)?;
        Ok(Self {
            shown: Some(screen.reader()?),
            screen: Some(Arc::new(screen)),
            user: Some(user),
            output_shown: output.is_some(),
            errors_shown: errors.is_some(),
        })
    }

    fn stdio(&self, shown: bool) -> io::Result<Stdio> {
        match &self.user {
            Some(user) if shown => Ok(user.try_clone()?.into()),
            _ => Ok(Stdio::piped()),
        }
    }

    /// What comes from a command that was started, and where it goes. After this the command alone writes to the screen.
    fn streams(mut self, outlets: Outlets, child: &mut Child) -> Vec<Stream> {
        let piped = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
        // Where both streams are shown, they are one, which goes where output goes.
        let mut stream = |(from, to): (Option<OwnedFd>, Outlet)| match from {
            Some(from) => Some(Stream { from: from.into(), to, hold: Hold::default() }),
            None => Some(Stream { from: self.shown.take()?, to, hold: Hold(self.screen.clone()) }),
        };
        piped.into_iter().zip([outlets.output, outlets.errors]).filter_map(&mut stream).collect()
    }
}

/// A command that was started.
pub(super) struct Running<'a> {
    child: Child,
    target: Arc<Target>,
    signals: &'a Signals,
    /// What it had started when it was asked to end.
    kin: Kin,
}

impl Signals {
    /// Starts a command, and forwards to it what arrives from then on.
    pub(super) fn start(
        &self,
        spec: &Launch<'_>,
        outlets: Outlets,
    ) -> Result<(Running<'_>, Vec<Stream>, Vec<Gap>), LaunchError> {
        let refused = |error| LaunchError::Refused(spec.command[0].clone(), error);
        let (plumbing, gaps) = match Plumbing::lay(&outlets) {
            Ok(plumbing) => (plumbing, Vec::new()),
            Err(error) => (Plumbing::default(), vec![Gap::NoTerminal(error)]),
        };
        // A command that cannot ask at the terminal needs no part in its job control.
        let own_group = spec.input == Input::Nothing || !in_foreground();
        let started = self.register(|| {
            let child = spawn(spec, &plumbing, own_group)?;
            let target = Arc::new(Target::new(Pid::from_child(&child), own_group, plumbing.screen.clone()));
            Ok((child, target))
        });
        let (mut child, target) = started.map_err(refused)?;
        let streams = plumbing.streams(outlets, &mut child);
        Ok((Running { child, target, signals: self, kin: Kin::default() }, streams, gaps))
    }
}

/// Starts it; through a shell, as shells do, if it is a script that does not say through what.
fn spawn(spec: &Launch<'_>, plumbing: &Plumbing, own_group: bool) -> io::Result<Child> {
    let direct = spawned(|| prepare(spec, plumbing, own_group, &spec.command[0], None));
    match (direct, find(spec.command, spec.directory, spec.environment)) {
        (Err(error), Ok(script)) if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
            spawned(|| prepare(spec, plumbing, own_group, OsStr::new("/bin/sh"), Some(script.as_os_str())))
        }
        (direct, _) => direct,
    }
}

/// Spawns, with patience for a program that is open for writing: what was just written may be open in a child of
/// another thread, until that becomes a program of its own.
fn spawned(prepare: impl Fn() -> io::Result<Command>) -> io::Result<Child> {
    let end = Instant::now() + BUSY;
    loop {
        match prepare()?.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < end => {
                thread::sleep(AGAIN);
            }
            spawned => return spawned,
        }
    }
}

fn prepare(
    spec: &Launch<'_>,
    plumbing: &Plumbing,
    own_group: bool,
    program: &OsStr,
    script: Option<&OsStr>,
) -> io::Result<Command> {
    let mut command = Command::new(program);
    command.args(script).args(&spec.command[1..]).current_dir(spec.directory);
    command.envs(spec.environment.iter().map(|(name, value)| (name, value)));
    command.stdout(plumbing.stdio(plumbing.output_shown)?).stderr(plumbing.stdio(plumbing.errors_shown)?);
    command.stdin(match spec.input {
        Input::Inherited => Stdio::inherit(),
        Input::Nothing => Stdio::null(),
    });
    if own_group {
        command.process_group(0);
    }
    Ok(command)
}

/// Whether we are the job that a terminal's keys go to.
fn in_foreground() -> bool {
    let owner = File::open("/dev/tty").ok().and_then(|tty| rustix::termios::tcgetpgrp(tty).ok());
    owner == Some(rustix::process::getpgrp())
}

impl Running<'_> {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells when it has ended. Until [`Running::finish`] its id stays its own.
    pub fn watch(&self, tell: Sender<Event>) {
        let id = WaitId::Pid(Pid::from_child(&self.child));
        thread::spawn(move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(id.clone(), options), Err(Errno::INTR)) {}
            // Whoever waits has seen to the rest if it does not hear.
            let _ = tell.send(Event::Exited);
        });
    }

    /// The last signal that reached it to interrupt it.
    pub fn interrupted(&self) -> Option<i32> {
        self.target.interrupted()
    }

    /// Asks it to end, with all that it has started, also if it was stopped.
    pub fn terminate(&mut self) {
        self.kin = Kin::of(Pid::from_child(&self.child));
        for signal in [Signal::TERM, Signal::CONT] {
            self.target.send(signal);
            if !self.target.has_own_group() {
                self.kin.send(signal);
            }
        }
    }

    /// After it was asked and has ended: waits for what it had started, until that has ended too or the time has come.
    pub fn outlast(&self, end: Instant) {
        self.kin.outlast(end);
    }

    /// Ends it, with what is left of its group and of what it had started.
    pub fn kill(&self) {
        self.target.send(Signal::KILL);
        self.kin.send(Signal::KILL);
    }

    /// How it ended.
    pub fn finish(mut self) -> io::Result<Exit> {
        self.signals.forget(&self.target);
        let status = self.child.wait()?;
        let signal = status.signal().map(Exit::Signal);
        Ok(signal.unwrap_or_else(|| Exit::Code(status.code().unwrap_or_default())))
    }
}
