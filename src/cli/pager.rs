//! A pager for output that is longer than the screen.
//!
//! It is the person's own choice, from the environment, and never taken from a repository.

use std::env;
use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A pager that runs.
pub struct Pager {
    child: Child,
    /// `None` once everything was said.
    input: Option<ChildStdin>,
}

/// The command line of the person's pager; `None` if they want none.
pub fn chosen() -> Option<String> {
    let of = |variable| env::var(variable).ok();
    // K: an interrupt ends the pager together with us, so that it is not left behind on the terminal.
    let pager = of("MDL_PAGER").or_else(|| of("PAGER")).unwrap_or_else(|| "less -FRXK".to_owned());
    let pager = pager.trim();
    (!pager.is_empty() && pager != "cat").then(|| pager.to_owned())
}

impl Pager {
    /// Starts a pager.
    pub fn start(command: &str) -> io::Result<Self> {
        let mut shell = shell(command);
        if env::var_os("LESS").is_none() {
            shell.env("LESS", "FRXK");
        }
        let mut child = shell.stdin(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        Ok(Self { child, input })
    }

    /// Waits until the person has read.
    pub fn finish(mut self) -> io::Result<()> {
        drop(self.input.take());
        self.child.wait().map(drop)
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.input.as_mut().map_or(Err(io::ErrorKind::BrokenPipe.into()), |input| input.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// A command line as the person's shell would run it.
pub fn shell(command: &str) -> Command {
    let (program, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ' ' | '+');
    if command.chars().all(plain) {
        let mut words = command.split(' ').filter(|word| !word.is_empty());
        let mut direct = Command::new(words.next().unwrap_or_default());
        direct.args(words);
        return direct;
    }
    let mut shell = Command::new(program);
    shell.arg(flag).arg(command);
    shell
}
