//! A weak POSIX file system: what is durable, and what waits to become so.
//!
//! Bytes of a file become durable by its sync, names by the sync of their directory, everything by the sync of
//! the file system. What waits may have reached the disk or not, each name for itself and in no order but its
//! own; only a rename never loses its file: the old name goes no sooner than the new one is there.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FileNumber, Op};

/// What may lie at a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Node {
    File { bytes: Arc<[u8]>, executable: bool },
    Symlink { target: PathBuf },
    Dir,
}

/// A folder as it was, all of it durable.
#[derive(Clone, Debug)]
pub struct Snapshot {
    root: PathBuf,
    nodes: BTreeMap<PathBuf, Node>,
}

impl Snapshot {
    /// What is in a folder now.
    pub fn of(root: &Path) -> io::Result<Self> {
        let mut snapshot = Self { root: root.to_owned(), nodes: BTreeMap::new() };
        let mut dirs = vec![PathBuf::new()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(root.join(&dir))? {
                let entry = entry?;
                let path = dir.join(entry.file_name());
                let node = read_node(&entry.path(), entry.file_type()?)?;
                if node == Node::Dir {
                    dirs.push(path.clone());
                }
                snapshot.nodes.insert(path, node);
            }
        }
        Ok(snapshot)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is there, by path below the folder.
    pub fn nodes(&self) -> &BTreeMap<PathBuf, Node> {
        &self.nodes
    }
}

fn read_node(path: &Path, kind: std::fs::FileType) -> io::Result<Node> {
    if kind.is_dir() {
        return Ok(Node::Dir);
    }
    if kind.is_symlink() {
        return Ok(Node::Symlink { target: std::fs::read_link(path)? });
    }
    #[cfg(unix)]
    let executable = std::os::unix::fs::PermissionsExt::mode(&path.metadata()?.permissions()) & 0o100 != 0;
    #[cfg(not(unix))]
    let executable = false;
    Ok(Node::File { bytes: std::fs::read(path)?.into(), executable })
}

/// A file, link or directory, whatever names it has.
pub(super) type Inode = usize;

/// The root folder.
pub(super) const ROOT: Inode = 0;

/// What is behind an inode.
pub(super) enum Thing {
    Dir,
    Symlink(PathBuf),
    File(FileState),
}

/// The bytes and mode of a file, durable and not.
#[derive(Default)]
pub(super) struct FileState {
    pub durable: Vec<u8>,
    pub durable_executable: bool,
    pub executable: bool,
    /// Writes since the last sync.
    pub waiting: Vec<(u64, Arc<[u8]>)>,
}

impl FileState {
    fn sync(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.iter().for_each(|(offset, bytes)| put(&mut self.durable, *offset, bytes));
        self.durable_executable = self.executable;
    }
}

/// Writes bytes at an offset, with zeros before them where the file was shorter.
pub(super) fn put(file: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = offset as usize;
    file.resize(file.len().max(start + bytes.len()), 0);
    file[start..start + bytes.len()].copy_from_slice(bytes);
}

/// A name in a directory.
pub(super) type Name = (Inode, PathBuf);

/// What a name stood for, from what is durable to what it is now.
pub(super) struct NameState {
    pub values: Vec<Option<Inode>>,
    /// Values before this one are gone for good.
    pub durable: usize,
    /// `(n, name, m)`: value `n` may be reached only if that other name reached its value `m`.
    pub after: Vec<(usize, Name, usize)>,
}

/// The file system after some operations.
pub(super) struct Model {
    root: PathBuf,
    pub things: Vec<Thing>,
    pub names: BTreeMap<Name, NameState>,
    files: HashMap<FileNumber, Inode>,
}

impl Model {
    /// The file system as a snapshot has it. The operations of a trace lie below the snapshot's folder.
    pub fn new(start: &Snapshot, trace: &[Op]) -> Self {
        let mut model = Self {
            root: start.root.clone(),
            things: vec![Thing::Dir],
            names: BTreeMap::new(),
            files: HashMap::new(),
        };
        for (path, node) in &start.nodes {
            let inode = model.add(match node {
                Node::Dir => Thing::Dir,
                Node::Symlink { target } => Thing::Symlink(target.clone()),
                Node::File { bytes, executable } => Thing::File(FileState {
                    durable: bytes.to_vec(),
                    durable_executable: *executable,
                    executable: *executable,
                    waiting: Vec::new(),
                }),
            });
            let name = model.name(&start.root.join(path));
            model.names.insert(name, NameState { values: vec![Some(inode)], durable: 0, after: Vec::new() });
        }
        trace.iter().for_each(|op| model.apply(op));
        model
    }

    fn add(&mut self, thing: Thing) -> Inode {
        self.things.push(thing);
        self.things.len() - 1
    }

    /// The name that a path is, as its directories are now.
    fn name(&self, path: &Path) -> Name {
        let dir = self.inode(path.parent().expect("a path below the snapshot's folder"));
        (dir, path.file_name().expect("a path with a name").into())
    }

    fn inode(&self, path: &Path) -> Inode {
        let below = path.strip_prefix(&self.root).expect("a path below the snapshot's folder");
        below.iter().fold(ROOT, |dir, name| {
            self.current(&(dir, name.into())).unwrap_or_else(|| panic!("{} is not there", path.display()))
        })
    }

    fn current(&self, name: &Name) -> Option<Inode> {
        self.names.get(name).and_then(|state| *state.values.last()?)
    }

    /// Gives a name a new value, and says which of its values that is.
    fn set(&mut self, name: &Name, value: Option<Inode>) -> usize {
        let new = || NameState { values: vec![None], durable: 0, after: Vec::new() };
        let state = self.names.entry(name.clone()).or_insert_with(new);
        state.values.push(value);
        state.values.len() - 1
    }

    fn file(&mut self, inode: Inode) -> &mut FileState {
        match &mut self.things[inode] {
            Thing::File(file) => file,
            _ => panic!("an operation on a file that is none"),
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Create { file, path, executable } => {
                let (durable_executable, executable) = (*executable, *executable);
                let inode =
                    self.add(Thing::File(FileState { durable_executable, executable, ..Default::default() }));
                self.files.insert(*file, inode);
                self.set(&self.name(path), Some(inode));
            }
            Op::Write { file, offset, bytes } => {
                let inode = self.files[file];
                self.file(inode).waiting.push((*offset, bytes.clone()));
            }
            Op::Sync { file } => {
                let inode = self.files[file];
                self.file(inode).sync();
            }
            Op::Link { from, to } => {
                let inode = self.inode(from);
                self.set(&self.name(to), Some(inode));
            }
            Op::Rename { from, to } => self.rename(from, to),
            Op::Symlink { target, path } => {
                let inode = self.add(Thing::Symlink(target.into()));
                self.set(&self.name(path), Some(inode));
            }
            Op::CreateDir { path } => {
                let inode = self.add(Thing::Dir);
                self.set(&self.name(path), Some(inode));
            }
            Op::RemoveFile { path } | Op::RemoveDir { path } => {
                self.set(&self.name(path), None);
            }
            Op::SetExecutable { path, executable } => {
                let inode = self.inode(path);
                self.file(inode).executable = *executable;
            }
            // What is above the snapshot's folder was there before.
            Op::SyncDir { path } if !path.starts_with(&self.root) => {}
            Op::SyncDir { path } => self.sync_dir(self.inode(path)),
            Op::SyncFileSystem { .. } => self.sync_all(),
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let (from, to) = (self.name(from), self.name(to));
        let inode = self.current(&from);
        let arrived = self.set(&to, inode);
        let gone = self.set(&from, None);
        let state = self.names.get_mut(&from).expect("it was set just now");
        state.after.push((gone, to, arrived));
    }

    fn sync_dir(&mut self, dir: Inode) {
        let mut required = Vec::new();
        for ((parent, _), state) in &mut self.names {
            if *parent == dir {
                state.durable = state.values.len() - 1;
                required.extend(state.after.iter().map(|(_, name, value)| (name.clone(), *value)));
            }
        }
        for (name, value) in required {
            if let Some(state) = self.names.get_mut(&name) {
                state.durable = state.durable.max(value);
            }
        }
    }

    fn sync_all(&mut self) {
        for thing in &mut self.things {
            if let Thing::File(file) = thing {
                file.sync();
            }
        }
        self.names.values_mut().for_each(|state| state.durable = state.values.len() - 1);
    }
}
