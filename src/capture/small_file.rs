//! Reads small files that describe things, within a bound: a pipe or a device in their place is never
//! opened for longer than a look, and a huge file costs no more than the bound.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;

/// The most that is read of a file, in bytes.
const LIMIT: u64 = 1 << 20;

/// The text of a regular file, up to 1 MiB; `None` if it cannot be read or is not UTF-8.
pub(super) fn text(path: &Path) -> Option<String> {
    text_up_to(path, LIMIT)
}

/// The first bytes of a regular file as text. A character that the bound cuts is left out.
pub(super) fn text_up_to(path: &Path, limit: u64) -> Option<String> {
    let file = open(path)?;
    let mut bytes = Vec::with_capacity(1024);
    file.take(limit).read_to_end(&mut bytes).ok()?;
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.utf8_error().error_len().is_none() => {
            let valid = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(valid);
            String::from_utf8(bytes).ok()
        }
        Err(_) => None,
    }
}

/// The first bytes of a regular file as text, with a mark in place of what is none.
pub(super) fn start(path: &Path, limit: u64) -> Option<String> {
    let mut bytes = Vec::new();
    open(path)?.take(limit).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The bytes of a regular file, up to 1 MiB.
#[cfg(target_os = "linux")]
pub(super) fn bytes(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The first line of a file without the space around it; `None` if it is empty.
pub(super) fn line(path: &Path) -> Option<String> {
    let text = text_up_to(path, 4096)?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// A number that stands alone in a file, decimal or `0x` hexadecimal.
pub(super) fn number(path: &Path) -> Option<u64> {
    let line = line(path)?;
    match line.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => line.parse().ok(),
    }
}

fn open(path: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Without it, a pipe that nobody writes to would be waited for, for ever.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    let file = options.open(path).ok()?;
    file.metadata().ok()?.is_file().then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_within_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "größe\n").unwrap();
        assert_eq!(text_up_to(&path, 3).as_deref(), Some("gr"));
        assert_eq!(line(&path).as_deref(), Some("größe"));
        std::fs::write(&path, "0x1002\n").unwrap();
        assert_eq!(number(&path), Some(0x1002));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(text(&path), None);
        assert_eq!(text(dir.path()), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(text(&path), None);
    }
}
