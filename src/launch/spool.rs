//! The log on the disk while it grows, so that it outlives us however we end.
//!
//! A folder holds pieces of the log, each a file that is named for the place of its first byte, in twenty digits:
//! `cat` in the order of the names shows it. A piece is only ever added to, and those that are neither of the beginning
//! nor of the end are removed, so that at every moment what is there can be read. It follows the log within
//! [`PAUSE`], never holds it up, and skips what comes faster than it is wanted. Nothing is synced.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use crate::disk::{Disk, NewFile, open_regular};
use crate::launch::log::{Bounds, Keeper, Log};

/// Where a log is kept meanwhile.
#[derive(Clone, Copy)]
pub struct Spool<'a> {
    /// What writes it.
    pub disk: &'a dyn Disk,
    /// A folder that is there, has no pieces, and is this run's alone.
    pub folder: &'a Path,
}

/// How far the disk may be behind.
const PAUSE: Duration = Duration::from_millis(50);
/// The tail lies in at least so many pieces, so that little more than it is kept.
const PIECES: usize = 4;
/// Of what is there, no more is read: somebody else may have put it there.
const MAX_READ: u64 = 1 << 26;

/// A file of the spool.
struct Piece {
    start: u64,
    len: u64,
    file: Box<dyn NewFile>,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start + self.len
    }
}

pub(super) struct Spooler<'a> {
    spool: Spool<'a>,
    bounds: Bounds,
    /// Those after the head, oldest first.
    pieces: VecDeque<Piece>,
    head: Option<Piece>,
}

impl<'a> Spooler<'a> {
    pub fn new(spool: Spool<'a>, bounds: Bounds) -> Self {
        Self { spool, bounds, pieces: VecDeque::new(), head: None }
    }

    /// Follows the log to its end. An error ends it: the log goes on without.
    pub fn run(mut self, keeper: &Keeper) -> Option<io::Error> {
        let (mut from, mut bytes) = (0, Vec::new());
        while let Some(start) = keeper.next(from, &mut bytes) {
            if let Err(error) = self.add(start, &bytes) {
                return Some(error);
            }
            from = start + bytes.len() as u64;
            keeper.pause(PAUSE);
        }
        None
    }

    /// What is added lies before or after the end of the head, never across.
    pub fn add(&mut self, start: u64, bytes: &[u8]) -> io::Result<()> {
        let in_head = start < self.bounds.head as u64;
        let limit = if in_head { u64::MAX } else { (self.bounds.tail / PIECES).max(1) as u64 };
        let last = if in_head { self.head.as_mut() } else { self.pieces.back_mut() };
        match last.filter(|piece| piece.end() == start && piece.len < limit) {
            Some(piece) => {
                piece.file.write_at(piece.len, bytes)?;
                piece.len += bytes.len() as u64;
            }
            None => self.begin(start, bytes, in_head)?,
        }
        self.forget(start + bytes.len() as u64)
    }

    fn begin(&mut self, start: u64, bytes: &[u8], in_head: bool) -> io::Result<()> {
        let file = self.spool.disk.create(&self.spool.folder.join(name(start)), false)?;
        file.write_at(0, bytes)?;
        let piece = Piece { start, len: bytes.len() as u64, file };
        if in_head {
            self.head = Some(piece);
        } else {
            self.pieces.push_back(piece);
        }
        Ok(())
    }

    /// Removes what is no longer of the end.
    fn forget(&mut self, end: u64) -> io::Result<()> {
        let tail = self.bounds.tail as u64;
        while let Some(old) = self.pieces.pop_front_if(|piece| piece.end() + tail <= end) {
            self.spool.disk.remove_file(&self.spool.folder.join(name(old.start)))?;
        }
        Ok(())
    }
}

fn name(start: u64) -> String {
    format!("{start:020}")
}

/// The names of the pieces in a folder with their places, in order.
fn pieces(folder: &Path) -> io::Result<Vec<(u64, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let Ok(text) = entry?.file_name().into_string() else { continue };
        if let Some(start) = text.parse().ok().filter(|start| name(*start) == text) {
            found.push((start, text));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Reads what a spool has of a log, also of one whose run goes on or was killed; nothing if it has nothing.
pub fn spooled(folder: &Path) -> io::Result<Option<Log>> {
    let (mut log, mut in_head, mut left) = (Log::default(), true, MAX_READ);
    let pieces = match pieces(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        pieces => pieces?,
    };
    for (start, name) in &pieces {
        let file = match open_regular(&folder.join(name)) {
            // The run goes on, and has removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(left).read_to_end(&mut bytes)?;
        left -= bytes.len() as u64;
        let continues = *start == log.size;
        in_head &= continues;
        if in_head {
            log.head.extend_from_slice(&bytes);
        } else {
            if !continues {
                log.tail.clear();
            }
            log.tail.extend_from_slice(&bytes);
        }
        log.size = start.saturating_add(bytes.len() as u64);
    }
    Ok((!pieces.is_empty()).then_some(log))
}

/// Removes what a spool has; the folder stays.
pub fn discard(spool: Spool<'_>) -> io::Result<()> {
    for (_, name) in pieces(spool.folder)? {
        spool.disk.remove_file(&spool.folder.join(name))?;
    }
    Ok(())
}
