//! Starting and awaiting a process where there are neither signals nor pseudo-terminals: pipes only.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::launch::outlet::{Outlets, Stream};
use crate::launch::{Event, Exit, Gap, Input, Launch, LaunchError};

/// What a command's output is read from.
pub(super) type Source = Box<dyn Read + Send>;

/// Nothing else keeps our end of a stream open.
#[derive(Default)]
pub(super) struct Hold;

impl Hold {
    pub fn let_go(self) {}
}

/// Nobody else goes on with a stream here.
pub(super) struct Stop;

impl Stop {
    pub fn new() -> io::Result<Self> {
        Ok(Self)
    }
}

/// What comes next of a stream.
#[allow(dead_code)]
pub(super) enum Next {
    Readable,
    Unread,
    Stopped,
}

/// Reading waits for it.
pub(super) fn next(_: &Stream, _: Option<&Stop>) -> Next {
    Next::Readable
}

/// Keys that interrupt reach a command by themselves here; there is nothing to forward.
pub struct Signals(());

impl Signals {
    /// Begins to hold them.
    pub fn watch() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// The last signal that arrived to interrupt us: none is seen.
    pub fn interrupted(&self) -> Option<i32> {
        None
    }

    pub(super) fn start(
        &self,
        spec: &Launch<'_>,
        outlets: Outlets,
    ) -> Result<(Running, Vec<Stream>, Vec<Gap>), LaunchError> {
        let mut command = Command::new(&spec.command[0]);
        command.args(&spec.command[1..]).current_dir(spec.directory);
        command.envs(spec.environment.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(match spec.input {
            Input::Inherited => Stdio::inherit(),
            Input::Nothing => Stdio::null(),
        });
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => LaunchError::NotFound(spec.command[0].clone()),
            _ => LaunchError::Refused(spec.command[0].clone(), error),
        })?;
        let stream = |from: Source, to| Stream { from, to, hold: Hold };
        let output = child.stdout.take().map(|from| stream(Box::new(from), outlets.output));
        let errors = child.stderr.take().map(|from| stream(Box::new(from), outlets.errors));
        let id = child.id();
        let streams = output.into_iter().chain(errors).collect();
        Ok((Running { id, child: Arc::new(Mutex::new(child)) }, streams, Vec::new()))
    }
}

/// The name of a signal: there are none.
pub fn signal_name(_: i32) -> Option<&'static str> {
    None
}

/// A command that was started.
pub(super) struct Running {
    id: u32,
    child: Arc<Mutex<Child>>,
}

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    pub fn id(&self) -> u32 {
        self.id
    }

    pub fn watch(&self, tell: Sender<Event>) {
        let child = Arc::clone(&self.child);
        thread::spawn(move || {
            while matches!(lock(&child).try_wait(), Ok(None)) {
                thread::sleep(LOOK);
            }
            // Whoever waits has seen to the rest if it does not hear.
            let _ = tell.send(Event::Exited);
        });
    }

    pub fn interrupted(&self) -> Option<i32> {
        None
    }

    /// There is no way to ask it.
    pub fn terminate(&mut self) {
        self.kill();
    }

    /// What it has started is not known.
    pub fn outlast(&self, _: Instant) {}

    pub fn kill(&self) {
        // One that has ended meanwhile cannot be killed.
        let _ = lock(&self.child).kill();
    }

    pub fn finish(self) -> io::Result<Exit> {
        Ok(Exit::Code(lock(&self.child).wait()?.code().unwrap_or(-1)))
    }
}
