//! One file or symbolic link: from what is under a name to its content's id.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;

use crate::id::{ContentId, Digest};
use crate::name::EntryName;
use crate::object::Node;
use crate::worktree::cache::{Level, Record, RecordKind, StatCache};
use crate::worktree::look::{self, FileKind, Stat};
use crate::worktree::scan::{ScanError, Sink};

/// Reading a file that changes is tried so often.
const ATTEMPTS: u32 = 2;

/// How the names of one directory are looked at.
pub(super) struct Looker<'a, S, D> {
    /// The open directory.
    pub directory: D,
    /// Its path from the root, empty for the root itself.
    pub path: &'a str,
    /// The root, for messages.
    pub root: &'a std::path::Path,
    pub cache: &'a StatCache<'a>,
    pub sink: &'a S,
    pub reference: bool,
    pub traced: bool,
    /// What the repository is known to have of what did not change here.
    pub level: Level,
}

/// What is under a name.
pub(super) struct Looked<'a> {
    pub record: Record<'a>,
    /// Whether it is as the old record says.
    pub same: bool,
}

impl Looked<'_> {
    pub fn node(&self) -> Node {
        node(&self.record)
    }
}

/// What a record says, as a node.
pub(super) fn node(record: &Record<'_>) -> Node {
    let (size, content) = (record.size, record.id.into());
    match record.kind {
        RecordKind::File | RecordKind::Executable => {
            Node::File { content, size, executable: record.kind == RecordKind::Executable }
        }
        RecordKind::Symlink => Node::Symlink { content, size },
        RecordKind::Directory => Node::Directory { tree: record.id.into(), files: record.inode, bytes: size },
    }
}

impl<S: Sink, D: AsFd> Looker<'_, S, D> {
    pub fn full_path(&self, name: &str) -> PathBuf {
        self.root.join(self.path).join(name)
    }

    fn io(&self, name: &str, source: io::Error) -> ScanError {
        ScanError::Io { path: self.full_path(name), source }
    }

    /// Looks at a name that is no directory; `None` if nothing is there any more.
    pub fn look<'n>(&self, name: &'n str, old: Option<&Record<'_>>) -> Result<Option<Looked<'n>>, ScanError> {
        let stat = match look::stat_at(&self.directory, name) {
            Ok(stat) => stat,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.io(name, source)),
        };
        if stat.kind == FileKind::Directory {
            return Ok(None); // A given file that is one no more.
        }
        if let Some(old) = old.filter(|old| is_unchanged(old, &stat)) {
            self.ensure(name, &stat, old.id, self.level)?;
            return Ok(Some(Looked { record: Record { name, ..*old }, same: true }));
        }
        if old.is_none() {
            EntryName::new(name)
                .map_err(|problem| ScanError::Name { path: self.full_path(name), problem })?;
        }
        if let Some((content, settled)) = self.cache.learned(&look::join(self.path, name), &stat) {
            self.ensure(name, &stat, content.digest(), Level::Nothing)?;
            return Ok(Some(Looked { record: record(name, &stat, content, settled), same: false }));
        }
        let (content, stat) = self.read(name, stat)?;
        let settled = self.cache.is_settled(&stat);
        self.trace(name, content, &stat);
        Ok(Some(Looked { record: record(name, &stat, content, settled), same: false }))
    }

    /// Tells the sink where a content was seen, if it is to know.
    fn trace(&self, name: &str, content: ContentId, stat: &Stat) {
        if self.traced {
            self.sink.seen(&look::join(self.path, name), content, stat.kind == FileKind::Symlink);
        }
    }

    /// Makes sure that a committing sink has a content whose id is known, and tells others of it.
    fn ensure(&self, name: &str, stat: &Stat, id: Digest, level: Level) -> Result<(), ScanError> {
        let content = ContentId::from(id);
        if !self.sink.commits() && level >= Level::Trees {
            return Ok(()); // It is found where the repository keeps it.
        }
        if !self.sink.commits() {
            self.trace(name, content, stat);
            return Ok(());
        }
        if self.reference || level >= Level::Contents || self.sink.has_content(content)? {
            return Ok(());
        }
        let (read, _) = self.read(name, *stat)?;
        if read == content { Ok(()) } else { Err(ScanError::Changed { path: self.full_path(name) }) }
    }

    /// Reads a file or link and gives its content to the sink.
    fn read(&self, name: &str, stat: Stat) -> Result<(ContentId, Stat), ScanError> {
        match stat.kind {
            FileKind::File => {
                for _ in 0..ATTEMPTS {
                    if let Some(read) = self.read_file(name)? {
                        return Ok(read);
                    }
                }
                Err(ScanError::Changed { path: self.full_path(name) })
            }
            FileKind::Symlink => self.read_link(name, stat),
            FileKind::Special(kind) => Err(ScanError::Special { path: self.full_path(name), kind }),
            FileKind::Directory => {
                Err(ScanError::Special { path: self.full_path(name), kind: "a directory" })
            }
            FileKind::Unknown => {
                Err(ScanError::Special { path: self.full_path(name), kind: "of an unknown kind" })
            }
        }
    }

    /// Reads a file; `None` if it changed meanwhile.
    fn read_file(&self, name: &str) -> Result<Option<(ContentId, Stat)>, ScanError> {
        let io = |source| self.io(name, source);
        let file = look::open_file(&self.directory, name).map_err(io)?;
        let before = look::stat_open(&file).map_err(io)?;
        if before.kind != FileKind::File {
            return Ok(None);
        }
        let mut watched = Watched { file: (&file).take(before.size), error: None };
        let read = self.take_in(&mut watched, before.size);
        if let Some(source) = watched.error {
            return Err(io(source));
        }
        let (content, size) = read?;
        let after = look::stat_open(&file).map_err(io)?;
        Ok((size == before.size && !after.differs(&before)).then_some((content, after)))
    }

    fn read_link(&self, name: &str, stat: Stat) -> Result<(ContentId, Stat), ScanError> {
        let path = || self.full_path(name);
        let bytes = look::read_link(&self.directory, name).map_err(|source| self.io(name, source))?;
        let outside = |text: &[u8]| ScanError::LinkOutside {
            path: path(),
            target: String::from_utf8_lossy(text).into(),
        };
        let target = std::str::from_utf8(&bytes).map_err(|_| outside(&bytes))?;
        if !look::stays_inside(self.path, target) {
            return Err(outside(&bytes));
        }
        let size = bytes.len() as u64;
        let (content, _) = self.take_in(&mut bytes.as_slice(), size)?;
        Ok((content, Stat { size, ..stat }))
    }

    fn take_in(&self, bytes: &mut dyn Read, size: u64) -> Result<(ContentId, u64), ScanError> {
        if self.reference && self.sink.commits() {
            return super::hash(bytes).map_err(|source| self.io("", source));
        }
        Ok(self.sink.insert_content(bytes, size)?)
    }
}

fn record<'n>(name: &'n str, stat: &Stat, content: ContentId, settled: bool) -> Record<'n> {
    let kind = match stat.kind {
        FileKind::Symlink => RecordKind::Symlink,
        _ if stat.executable => RecordKind::Executable,
        _ => RecordKind::File,
    };
    let Stat { size, mtime, ctime, inode, .. } = *stat;
    Record { name, kind, settled, size, mtime, ctime, inode, id: content.digest() }
}

fn is_unchanged(old: &Record<'_>, stat: &Stat) -> bool {
    let kind = match old.kind {
        RecordKind::File => stat.kind == FileKind::File && !stat.executable,
        RecordKind::Executable => stat.kind == FileKind::File && stat.executable,
        RecordKind::Symlink => stat.kind == FileKind::Symlink,
        RecordKind::Directory => false,
    };
    let numbers = (old.size, old.mtime, old.ctime, old.inode);
    kind && old.settled && numbers == (stat.size, stat.mtime, stat.ctime, stat.inode)
}

/// A reader that remembers what went wrong, since its user may only say that something did.
struct Watched<'a> {
    file: io::Take<&'a File>,
    error: Option<io::Error>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.error = Some(error);
            }
            kind.into()
        })
    }
}
