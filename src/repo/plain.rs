//! Small text files of a repository, read without waiting and without end.
//!
//! A FIFO would block who opens it and `/dev/zero` fill the memory; both can be checked out of somebody's repository.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::repo::RepoError;

/// The text of a regular file; `None` if there is none.
pub(super) fn read_to_string(path: &Path, limit: u64) -> Result<Option<String>, RepoError> {
    let io = |source| RepoError::Io { action: "read", path: path.to_owned(), source };
    let file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io)?,
    };
    let invalid =
        |problem: &str| RepoError::Invalid { what: path.display().to_string(), problem: problem.to_owned() };
    if !file.metadata().map_err(io)?.is_file() {
        return Err(invalid("it is not a regular file"));
    }
    let mut text = Vec::new();
    file.take(limit + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > limit {
        return Err(invalid("it is too long"));
    }
    String::from_utf8(text).map(Some).map_err(|_| invalid("it is not UTF-8"))
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}
