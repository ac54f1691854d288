//! The engine of a scan: a few threads and one queue of directories and batches of names.
//!
//! Nothing waits for what is below it: whoever ends the last part of a directory queues what comes next, so that
//! depth costs no stack and no thread is idle. The queue's last task comes first: few directories are open at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use crate::name::{EntryName, TreePath};
use crate::object::{Entry, Insert, Node};
use crate::progress::Amount;
use crate::worktree::cache::{Block, Level, Record, RecordKind, StatCache, push_record, records};
use crate::worktree::look::{self, FileKind};
use crate::worktree::scan::directory::{Batch, Directory};
use crate::worktree::scan::file::Looker;
use crate::worktree::scan::listing::Listing;
use crate::worktree::scan::{ScanError, ScanOptions, Sink, lock};

/// A scan of one directory and everything in it.
pub(super) struct Walk<'s, S: Insert> {
    root: OwnedFd,
    root_path: &'s Path,
    cache: &'s StatCache<'s>,
    sink: &'s S,
    options: ScanOptions<'s>,
    /// The files that are wanted, by directory, where not all are.
    given: Option<Mutex<BTreeMap<String, Listing>>>,
    queue: Mutex<Queue<'s, S>>,
    ready: Condvar,
}

struct Queue<'s, S: Insert> {
    tasks: Vec<Task<'s, S>>,
    active: usize,
    outcome: Option<Result<Node, ScanError>>,
}

impl<S: Insert> Default for Queue<'_, S> {
    fn default() -> Self {
        Self { tasks: Vec::new(), active: 0, outcome: None }
    }
}

enum Task<'s, S: Insert> {
    List(Arc<Directory<'s, S>>),
    /// All subdirectories are scanned.
    GoOn(Arc<Directory<'s, S>>),
    Batch(Arc<Directory<'s, S>>, usize, Option<Arc<OwnedFd>>),
}

impl<'s, S: Sink> Walk<'s, S> {
    pub fn new(
        (root, root_path): (OwnedFd, &'s Path),
        cache: &'s StatCache<'_>,
        sink: &'s S,
        options: ScanOptions<'s>,
        given: Option<BTreeMap<String, Listing>>,
    ) -> Self {
        let (queue, ready) = (Mutex::default(), Condvar::new());
        Self { root, root_path, cache, sink, options, given: given.map(Mutex::new), queue, ready }
    }

    /// Scans, on this thread and as many more as are worth it.
    pub fn run(&self, path: &str, threads: usize) -> Result<Node, ScanError> {
        let key = self.key(path);
        self.cache.begin(&key);
        let old = self.cache.block(&key);
        let top = Arc::new(Directory::new(path.to_owned(), key, None, old));
        lock(&self.queue).tasks.push(Task::List(top));
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| self.work());
            }
            self.work();
        });
        let outcome = lock(&self.queue).outcome.take();
        outcome.unwrap_or(Err(ScanError::Cache))
    }

    fn key(&self, path: &str) -> String {
        format!("{}:{path}", if self.given.is_some() { "g" } else { "w" })
    }

    fn work(&self) {
        while let Some(task) = self.next() {
            let _active = Active(self);
            let done = match task {
                Task::List(directory) => self.list(directory),
                Task::GoOn(directory) => self.go_on(directory, None),
                Task::Batch(directory, index, fd) => self.batch(&directory, index, fd),
            };
            if let Err(error) = done {
                let mut queue = lock(&self.queue);
                queue.tasks.clear();
                queue.outcome.get_or_insert(Err(error));
            }
        }
    }

    /// The next task; `None` when all is done.
    fn next(&self) -> Option<Task<'s, S>> {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(task) = queue.tasks.pop() {
                queue.active += 1;
                return Some(task);
            }
            if queue.active == 0 {
                return None;
            }
            queue = self.ready.wait(queue).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    fn push(&self, tasks: impl Iterator<Item = Task<'s, S>>) {
        let mut queue = lock(&self.queue);
        if !matches!(queue.outcome, Some(Err(_))) {
            queue.tasks.extend(tasks);
            self.ready.notify_all();
        }
    }

    fn open(&self, path: &str) -> Result<OwnedFd, ScanError> {
        look::open_dir(self.root.as_fd(), path)
            .map_err(|source| ScanError::Io { path: self.root_path.join(path), source })
    }

    /// Lists a directory, and goes on with its subdirectories or, where there are none, with itself.
    fn list(&self, directory: Arc<Directory<'s, S>>) -> Result<(), ScanError> {
        let (listing, fd) = match &self.given {
            Some(given) => (lock(given).remove(&directory.path).unwrap_or_default(), None),
            None => {
                let fd = self.open(&directory.path)?;
                let listing = Listing::read(&fd, &self.root_path.join(&directory.path))?;
                (listing, Some(Arc::new(fd)))
            }
        };
        let listing = directory.listing.get_or_init(|| listing);
        let below: Vec<usize> =
            (0..listing.len()).filter(|i| listing.kind(*i) == FileKind::Directory).collect();
        if below.is_empty() {
            return self.go_on(directory, fd);
        }
        directory.expect(below.len());
        let tasks: Result<Vec<_>, _> =
            below.into_iter().rev().map(|index| self.below(&directory, listing.name(index), index)).collect();
        self.push(tasks?.into_iter());
        Ok(())
    }

    fn below(
        &self,
        directory: &Arc<Directory<'s, S>>,
        name: &str,
        index: usize,
    ) -> Result<Task<'s, S>, ScanError> {
        let path = look::join(&directory.path, name);
        let full = || self.root_path.join(&path);
        EntryName::new(name).map_err(|problem| ScanError::Name { path: full(), problem })?;
        if path.len() > TreePath::MAX_LEN {
            let problem = crate::name::NameError::TooLong(TreePath::MAX_LEN);
            return Err(ScanError::Name { path: full(), problem });
        }
        let key = self.key(&path);
        let old = self.cache.block(&key);
        Ok(Task::List(Arc::new(Directory::new(path, key, Some((directory.clone(), index)), old))))
    }

    /// All subdirectories are scanned: goes on with the names.
    fn go_on(&self, directory: Arc<Directory<'s, S>>, fd: Option<Arc<OwnedFd>>) -> Result<(), ScanError> {
        if directory.level() < self.enough() {
            directory.build(self.sink);
        }
        let Some(listing) = directory.listing.get() else { return Err(ScanError::Cache) };
        let batches = directory.batches.get_or_init(|| directory.cut(listing));
        let count = batches.len();
        if count == 0 {
            return self.finish(directory);
        }
        directory.expect(count);
        if count == 1 {
            return self.batch(&directory, 0, fd);
        }
        self.push((0..count).rev().map(|i| Task::Batch(directory.clone(), i, fd.clone())));
        Ok(())
    }

    /// What the repository must have for a directory that did not change to be passed over.
    fn enough(&self) -> Level {
        if self.sink.commits() && !self.options.reference { Level::Contents } else { Level::Trees }
    }

    /// Looks at a batch of names, and ends the directory if it was the last.
    fn batch(
        &self,
        directory: &Arc<Directory<'s, S>>,
        index: usize,
        fd: Option<Arc<OwnedFd>>,
    ) -> Result<(), ScanError> {
        let fd = match fd.map_or_else(|| self.open(&directory.path).map(Arc::new), Ok) {
            // A directory of given files is not listed: all of them may be gone.
            Err(ScanError::Io { source, .. }) if self.given.is_some() && is_gone(&source) => {
                directory.take_in(index, Batch::Gone, self.cache, self.sink)?;
                return if directory.arrived() { self.finish(directory.clone()) } else { Ok(()) };
            }
            fd => fd?,
        };
        let (Some(listing), Some(batches)) = (directory.listing.get(), directory.batches.get()) else {
            return Err(ScanError::Cache);
        };
        let looker = Looker {
            directory: fd.as_fd(),
            path: &directory.path,
            root: self.root_path,
            cache: self.cache,
            sink: self.sink,
            reference: self.options.reference,
            traced: self.options.traced,
            level: directory.level(),
        };
        let batch = self.look(directory, listing, batches[index].clone(), &looker)?;
        drop(fd);
        directory.take_in(index, batch, self.cache, self.sink)?;
        if directory.arrived() { self.finish(directory.clone()) } else { Ok(()) }
    }

    fn look(
        &self,
        directory: &Directory<'s, S>,
        listing: &Listing,
        range: Range<usize>,
        looker: &Looker<'_, S, impl AsFd>,
    ) -> Result<Batch, ScanError> {
        let chunks = directory.old_chunks(listing.name(range.start), listing.name(range.end - 1));
        let bytes: Vec<_> = chunks.iter().map(|chunk| self.cache.read(chunk).unwrap_or_default()).collect();
        let old: Vec<Record<'_>> =
            bytes.iter().flat_map(|bytes| records(bytes).unwrap_or_default()).collect();
        let mut found = Vec::with_capacity(range.len());
        let mut same = chunks.len() == 1;
        let mut amount = Amount::default();
        let mut at = 0;
        for index in range {
            let name = listing.name(index);
            at += old[at..].iter().take_while(|record| record.name < name).count();
            let was = old.get(at).filter(|record| record.name == name);
            let looked = match listing.kind(index) {
                FileKind::Directory => below(directory, index, name),
                _ => looker.look(name, was)?.map(|looked| (looked.record, looked.same)),
            };
            let Some((record, unchanged)) = looked else {
                same = false;
                continue;
            };
            same &= unchanged || was == Some(&record);
            if record.kind != RecordKind::Directory {
                amount.items += 1;
                amount.bytes += record.size;
            }
            found.push(record);
        }
        self.options.progress.advance(amount);
        if same && found.len() == old.len() {
            return Ok(Batch::Same(chunks[0].clone()));
        }
        self.keep(found, looker)
    }

    fn keep(&self, found: Vec<Record<'_>>, looker: &Looker<'_, S, impl AsFd>) -> Result<Batch, ScanError> {
        let mut bytes = Vec::with_capacity(found.len() * 80);
        let mut entries = Vec::with_capacity(found.len());
        for record in &found {
            push_record(&mut bytes, record);
            let name = EntryName::new(record.name)
                .map_err(|problem| ScanError::Name { path: looker.full_path(record.name), problem })?;
            entries.push(Entry { name, node: super::file::node(record) });
        }
        let Some(first) = found.first().map(|record| record.name) else { return Ok(Batch::Gone) };
        Ok(Batch::New(self.cache.write(first, &bytes), entries))
    }

    /// Ends a directory, and those above it that only waited for it.
    fn finish(&self, directory: Arc<Directory<'s, S>>) -> Result<(), ScanError> {
        let (node, chunks) = directory.finish(self.cache, self.sink)?;
        let Node::Directory { tree, files, bytes } = node else { return Err(ScanError::Cache) };
        let level = self.level(&directory, chunks.is_none(), tree)?;
        match chunks {
            None if level == directory.level() => self.cache.keep(&directory.key),
            chunks => {
                let old = || directory.old.iter().flat_map(|old| old.chunks.clone());
                let chunks =
                    chunks.unwrap_or_else(|| old().map(crate::worktree::cache::ScannedChunk::Old).collect());
                let block = Block { tree, files, bytes, level, chunks: Vec::new() };
                self.cache.put(&directory.key, block, chunks);
            }
        }
        let Some((parent, index)) = &directory.parent else {
            lock(&self.queue).outcome.get_or_insert(Ok(node));
            return Ok(());
        };
        let emptied = self.given.is_some() && files == 0;
        lock(&parent.children).insert(*index, (!emptied).then_some(node));
        if parent.arrived() {
            self.push(std::iter::once(Task::GoOn(parent.clone())));
        }
        Ok(())
    }

    /// What the repository has of a directory now.
    fn level(
        &self,
        directory: &Directory<'s, S>,
        same: bool,
        tree: crate::id::TreeId,
    ) -> Result<Level, ScanError> {
        let known = if same { directory.level() } else { Level::Nothing };
        if self.sink.commits() {
            return Ok(known.max(self.enough()));
        }
        if known == Level::Nothing && self.sink.has_tree(tree)? {
            return Ok(Level::Trees);
        }
        Ok(known)
    }
}

/// What a scanned subdirectory came to. `same` is left to the comparison of the records.
fn below<'n, S: Insert>(
    directory: &Directory<'_, S>,
    index: usize,
    name: &'n str,
) -> Option<(Record<'n>, bool)> {
    let Some(Some(Node::Directory { tree, files, bytes })) = lock(&directory.children).get(&index).copied()
    else {
        return None;
    };
    let (kind, id) = (RecordKind::Directory, tree.digest());
    Some((Record { name, kind, settled: true, size: bytes, mtime: 0, ctime: 0, inode: files, id }, false))
}

fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Counts a task as active until it ends, in whatever way.
struct Active<'w, 's, S: Insert>(&'w Walk<'s, S>);

impl<S: Insert> Drop for Active<'_, '_, S> {
    fn drop(&mut self) {
        let mut queue = lock(&self.0.queue);
        queue.active -= 1;
        if std::thread::panicking() {
            queue.tasks.clear();
        }
        if queue.active == 0 && queue.tasks.is_empty() {
            self.0.ready.notify_all();
        }
    }
}
