//! Passing on what is printed after a command's end, by those whom it left behind: in a process of its own.
//!
//! Without us they would hold the terminal, pipe or file themselves. Our own end must therefore outlive us, or they
//! would be killed as soon as they print. We end when the command does; a small process stays for each stream, until nobody
//! writes to it any more or nobody reads what it passes on. It is our own executable, called in a certain way: a fork of a
//! process with threads could do nothing safely. What it passes on is in no log.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::setsid;

use crate::launch::outlet::{Outlet, Stream};
use crate::launch::pump::BUFFER;
use crate::launch::system::{Hold, Next, next};

/// Starts a process that passes a stream on from now on: our own executable with this argument, which is to call
/// [`forward`] with its standard input and output.
pub(super) fn hand_over(stream: Stream, argument: &str) -> io::Result<()> {
    let to: Stdio = match stream.to {
        Outlet::File(file) => file.into(),
        Outlet::Writer(_) | Outlet::Nothing => Stdio::null(),
    };
    let mut command = Command::new(executable()?);
    // It holds no folder, and shows nobody our variables.
    command.arg(OsStr::new(argument)).env_clear().current_dir("/");
    let mut child = command.stdin(stream.from).stdout(to).stderr(Stdio::null()).spawn()?;
    // If it ends before us, it is not to stay as a dead one.
    thread::spawn(move || child.wait());
    Ok(())
}

/// Our own executable, also if another one has its name by now.
fn executable() -> io::Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if cfg!(target_os = "linux") && own.exists() { Ok(own) } else { std::env::current_exe() }
}

/// Passes everything on until nobody writes any more, or nobody reads. For a process that does nothing else, and
/// has done nothing else yet: what it inherited beside its standard streams is closed.
pub fn forward(open: impl FnOnce() -> io::Result<(File, File)>) -> io::Result<()> {
    // The terminal's keys, and signals to the group that we came from, are not for us: it goes as the writers do.
    let _ = setsid();
    close_others();
    let (from, to) = open()?;
    let mut stream = Stream { from, to: Outlet::File(to), hold: Hold::default() };
    let mut buffer = vec![0; BUFFER];
    while matches!(next(&stream, None), Next::Readable) {
        match stream.from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => stream.to.pass(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A pseudo-terminal says so at its end.
            Err(_) => break,
        }
    }
    Ok(())
}

/// Closes what somebody had left open for the command, such as a lock: that one is not held by us.
fn close_others() {
    let names = fs::read_dir("/dev/fd").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let numbers: Vec<i32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    // The folder's own is among them, and closed by now.
    let is_open = |number: &i32| *number > 2 && fs::symlink_metadata(format!("/dev/fd/{number}")).is_ok();
    for number in numbers.into_iter().filter(is_open) {
        // SAFETY: this process has opened nothing yet, so that no value owns any of them.
        unsafe { rustix::io::close(number) };
    }
}
