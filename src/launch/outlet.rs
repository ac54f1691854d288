//! Where the output of a command goes.

use std::fs::File;
#[cfg(unix)]
use std::io::IsTerminal;
use std::io::{self, Write};

use crate::launch::system::{Hold, Source};

/// Where one stream goes.
pub enum Outlet {
    /// To a file of ours: unbuffered. If it is a terminal, the command sees one too.
    File(File),
    /// To a writer.
    Writer(Box<dyn Write + Send>),
    /// Nowhere: only the log has it.
    Nothing,
}

impl Outlet {
    /// The terminal that it is, if it is one.
    #[cfg(unix)]
    pub(super) fn terminal(&self) -> Option<&File> {
        match self {
            Outlet::File(file) => Some(file).filter(|file| file.is_terminal()),
            Outlet::Writer(_) | Outlet::Nothing => None,
        }
    }

    /// Writes all of it, if there is anywhere to write.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Outlet::File(file) => write_patiently(file, bytes),
            Outlet::Writer(writer) => write_patiently(writer, bytes),
            Outlet::Nothing => Ok(()),
        }
    }
}

/// Where both streams go.
pub struct Outlets {
    /// Standard output.
    pub output: Outlet,
    /// Standard error. If both are terminals they are taken to be the same one, and share one stream.
    pub errors: Outlet,
}

impl Outlets {
    /// Nothing is passed on, for commands that run beside others.
    pub fn nowhere() -> Self {
        Self { output: Outlet::Nothing, errors: Outlet::Nothing }
    }
}

/// What a command prints, and where that goes.
pub(super) struct Stream {
    pub from: Source,
    pub to: Outlet,
    /// What else keeps our end of it open.
    pub hold: Hold,
}

impl Stream {
    /// Nobody reads it any more: who writes to it is told so, as without us.
    pub fn close(self) {
        self.hold.let_go();
    }
}

/// Writes all of it, also where the other end was set not to wait by somebody who shares it.
pub(super) fn write_patiently(to: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    to.flush()
}
