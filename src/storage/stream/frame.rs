//! What travels between the two sides: a line that says which protocol it is, then frames.
//!
//! A frame is its length in four bytes, the highest first, and so many bytes. Nothing longer than [`MAX`] is taken, and
//! room is made only for bytes that came: the other side may be hostile.

use std::io::{self, Read, Write};

/// The most bytes of a body in one frame.
pub const PIECE: usize = 1 << 20;

/// The most bytes of a frame: a piece, and what says what it is.
pub const MAX: usize = PIECE + (64 << 10);

/// The first line of either side; the number is that of the protocol.
const LINE: &[u8] = b"mdl 1\n";

/// The most that is read of a first line.
const LONGEST_LINE: usize = 200;

/// An error of who does not keep to the protocol.
pub(super) fn violation(reason: impl std::fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the other side does not keep to the protocol: {reason}"),
    )
}

/// Writes the first line.
pub(super) fn greet(output: &mut dyn Write) -> io::Result<()> {
    output.write_all(LINE)
}

/// Reads the first line of the other side.
pub(super) fn expect_greeting(input: &mut dyn Read) -> io::Result<()> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') && line.len() < LONGEST_LINE && input.read(&mut byte)? == 1 {
        line.push(byte[0]);
    }
    if line == LINE {
        return Ok(());
    }
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the other side said nothing"));
    }
    let said = plain(&String::from_utf8_lossy(&line));
    let reason = match said.strip_prefix("mdl ").is_some_and(|version| version.trim().parse::<u32>().is_ok())
    {
        true => format!(
            "the other side speaks another version of the protocol, {said:?}: use one mdl on both sides"
        ),
        false => format!("the other side is no mdl: it said {said:?}"),
    };
    Err(io::Error::new(io::ErrorKind::InvalidData, reason))
}

/// Text of the other side as it may be shown: short, and without what a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    const LONGEST: usize = 500;
    let harmless = text.trim().chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c });
    harmless.collect()
}

/// Reads a frame; `None` where the stream ends before one.
pub fn read(input: &mut dyn Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    let mut filled = 0;
    while filled < length.len() {
        match input.read(&mut length[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(cut_off()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX {
        return Err(violation(format!("a frame of {length} bytes")));
    }
    let mut frame = Vec::new();
    input.take(length as u64).read_to_end(&mut frame)?;
    if frame.len() == length { Ok(Some(frame)) } else { Err(cut_off()) }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection ended in the middle of a frame")
}

/// Writes a frame.
pub fn write(output: &mut dyn Write, frame: &[u8]) -> io::Result<()> {
    debug_assert!(frame.len() <= MAX);
    output.write_all(&(frame.len() as u32).to_be_bytes())?;
    output.write_all(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_end_cleanly() {
        let mut bytes = Vec::new();
        for frame in [&b""[..], b"one", &[7; 70_000]] {
            write(&mut bytes, frame).unwrap();
        }
        let mut input = &bytes[..];
        for frame in [&b""[..], b"one", &[7; 70_000]] {
            assert_eq!(read(&mut input).unwrap().unwrap(), frame);
        }
        assert!(read(&mut input).unwrap().is_none());
    }

    #[test]
    fn half_and_huge_frames_are_errors() {
        for cut in 1..7 {
            let error = read(&mut &[0, 0, 0, 4, 1, 2, 3, 4][..cut]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
        assert_eq!(read(&mut &[0xff; 100][..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(read(&mut &((MAX + 1) as u32).to_be_bytes()[..]).is_err());
    }

    #[test]
    fn what_is_no_greeting_is_shown_harmless() {
        let said = |bytes: &[u8]| expect_greeting(&mut &bytes[..]).unwrap_err().to_string();
        expect_greeting(&mut &b"mdl 1\n\0\0"[..]).unwrap();
        assert!(said(b"mdl 2\n").contains("another version"));
        assert!(said(b"Welcome\x1b[2J to host\n").contains("no mdl: it said \"Welcome [2J to host\""));
        assert!(said(&[b'x'; 10_000]).len() < 400);
        assert!(said(b"").contains("nothing"));
    }
}
