//! A pseudo-terminal that is only a screen: what is written to it comes out unaltered.
//!
//! A command sees that it writes to a terminal, and how large that is. It is not the command's controlling
//! terminal, and nobody types into it: keys, modes, and job control are those of the real one, which the command has as its
//! standard input.

use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

/// Our end of a screen.
pub(super) struct Screen {
    /// Absent once nobody is to see it any more.
    controller: Mutex<Option<File>>,
    /// The terminal that it stands for.
    real: File,
}

impl Screen {
    /// A screen in place of a terminal, and the end of it that a command gets.
    pub fn open(real: &File) -> io::Result<(Self, File)> {
        let rustix_openpty::Pty { controller, user } = rustix_openpty::openpty(None, None)?;
        let mut modes = tcgetattr(real)?;
        // A newline becomes a carriage return and a newline in the real terminal, once, and not in the log.
        modes.output_modes.remove(OutputModes::OPOST);
        modes.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&user, OptionalActions::Now, &modes)?;
        let screen = Self { controller: Mutex::new(Some(controller.into())), real: real.try_clone()? };
        screen.fit();
        Ok((screen, user.into()))
    }

    fn controller(&self) -> MutexGuard<'_, Option<File>> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes on the size of the real terminal.
    pub fn fit(&self) {
        if let (Ok(size), Some(controller)) = (tcgetwinsize(&self.real), &*self.controller()) {
            // One that cannot be resized keeps its size.
            let _ = tcsetwinsize(controller, size);
        }
    }

    /// What is written to it.
    pub fn reader(&self) -> io::Result<File> {
        self.controller().as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into()).and_then(File::try_clone)
    }

    /// The real terminal is gone: once the reader is closed as well, who writes to this one gets the error that the
    /// real one would give.
    pub fn hang_up(&self) {
        *self.controller() = None;
    }
}
