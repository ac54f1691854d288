//! A small file of the kernel's that is read again and again, without being opened again.
//!
//! A file of a process stays that process's: when it is gone, reading fails, also if its number was given to another.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;

/// The most that is read, in bytes.
const LIMIT: u64 = 256 << 10;

/// A file that is opened when it is first read.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    file: Option<File>,
    /// Whether it stays open from one read to the next.
    keep: bool,
}

impl Kept {
    pub(super) fn new(path: PathBuf, keep: bool) -> Self {
        Self { path, file: None, keep }
    }

    /// The text as it is now, in a buffer that is used again; `None` if it cannot be read.
    pub(super) fn read<'a>(&mut self, buffer: &'a mut Vec<u8>) -> Option<&'a str> {
        let mut file = match self.file.take() {
            Some(mut file) => {
                file.rewind().ok()?;
                file
            }
            None => File::open(&self.path).ok()?,
        };
        buffer.clear();
        (&mut file).take(LIMIT).read_to_end(buffer).ok()?;
        if self.keep {
            self.file = Some(file);
        }
        std::str::from_utf8(buffer).ok()
    }
}
