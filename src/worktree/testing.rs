//! What the tests of this floor share: a project in a temporary folder, and a repository in memory.

use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::disk::{Disk, OsDisk};
use crate::id::{ContentId, Digest, Kind, TreeId};
use crate::name::TreePath;
use crate::object::{
    ContentSink, Find, FindContent, Insert, InsertContent, Memory, Node, ObjectError, ReadContents,
};
use crate::worktree::apply::{Applied, ApplyError, Place, apply};
use crate::worktree::cache::StatCache;
use crate::worktree::plan::{LocalChanges, Part, Plan, States, plan};
use crate::worktree::scan::{HashOnly, ScanError, ScanOptions, Sink, scan};

/// A repository in memory that counts the contents it was given.
#[derive(Default)]
pub(crate) struct Repository {
    pub memory: Memory,
    pub read: std::sync::Mutex<Vec<ContentId>>,
}

impl Insert for Repository {
    fn insert(&self, kind: Kind, bytes: Vec<u8>) -> Result<Digest, ObjectError> {
        self.memory.insert(kind, bytes)
    }
}

impl InsertContent for Repository {
    fn insert_content(&self, bytes: &mut dyn Read, _: u64) -> Result<(ContentId, u64), ObjectError> {
        let mut content = Vec::new();
        bytes.read_to_end(&mut content).map_err(|error| ObjectError::Storage(error.into()))?;
        let size = content.len() as u64;
        let id = self.memory.insert_content(content);
        self.read.lock().unwrap().push(id);
        Ok((id, size))
    }

    fn has_content(&self, id: ContentId) -> Result<bool, ObjectError> {
        Ok(!matches!(self.memory.content(id, 0), Err(ObjectError::MissingContent(_))))
    }
}

impl Find for Repository {
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
        self.memory.find(kind, id)
    }
}

impl FindContent for Repository {
    fn content(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, ObjectError> {
        self.memory.content(id, limit)
    }
}

impl ReadContents for Repository {
    fn read_contents(&self, wanted: &[(ContentId, u64)], sink: &dyn ContentSink) -> Result<(), ObjectError> {
        for (index, (id, _)) in wanted.iter().enumerate() {
            let bytes = self.content(*id, u64::MAX)?;
            // In two pieces, the last one first.
            let (head, tail) = bytes.split_at(bytes.len() / 2);
            sink.write(index, head.len() as u64, tail)?;
            sink.write(index, 0, head)?;
            sink.verified(index)?;
        }
        Ok(())
    }
}

impl Sink for Repository {
    fn commits(&self) -> bool {
        true
    }

    fn has_tree(&self, _: TreeId) -> Result<bool, ObjectError> {
        Ok(true)
    }

    fn seen(&self, _: &str, _: ContentId, _: bool) {}
}

/// A project in a temporary folder.
pub(crate) struct Project {
    pub folder: tempfile::TempDir,
    pub repository: Repository,
}

pub(crate) fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

impl Project {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".mdl")).unwrap();
        Self { folder, repository: Repository::default() }
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// Writes a file that is old enough to be trusted.
    pub fn write(&self, path: &str, bytes: &str) -> &Self {
        let at = self.at(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(&at, bytes).unwrap();
        self
    }

    pub fn link(&self, path: &str, target: &str) -> &Self {
        symlink(target, self.at(path)).unwrap();
        self
    }

    pub fn executable(&self, path: &str, executable: bool) -> &Self {
        let mode = if executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(self.at(path), std::fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    pub fn remove(&self, path: &str) -> &Self {
        let at = self.at(path);
        if at.symlink_metadata().unwrap().is_dir() {
            std::fs::remove_dir_all(at).unwrap();
        } else {
            std::fs::remove_file(at).unwrap();
        }
        self
    }

    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.at(path)).ok()
    }

    pub fn is_executable(&self, path: &str) -> bool {
        std::fs::metadata(self.at(path)).unwrap().permissions().mode() & 0o111 != 0
    }

    pub fn cache(&self) -> StatCache<'static> {
        self.cache_of(7)
    }

    pub fn cache_of(&self, generation: u64) -> StatCache<'static> {
        StatCache::open(&self.at(".mdl"), generation, &OsDisk)
    }

    /// Records a path as a commit would.
    pub fn commit(&self, text: &str) -> Part {
        let cache = self.cache();
        let node = scan(self.root(), &path(text), &cache, &self.repository, ScanOptions::default()).unwrap();
        cache.save().unwrap();
        Part { path: Some(path(text)), node, stored: true }
    }

    /// Looks at a path as a status would.
    pub fn status(&self, text: &str) -> Result<Node, ScanError> {
        let (cache, overlay) = (self.cache(), HashOnly::new(self.root(), &self.repository));
        let node = scan(self.root(), &path(text), &cache, &overlay, ScanOptions::default())?;
        cache.save().unwrap();
        Ok(node)
    }

    /// Lets clocks tick, so that files are old enough to be trusted.
    pub fn rest(&self) {
        std::thread::sleep(Duration::from_millis(30));
    }

    pub fn touch(&self, path: &str, time: SystemTime) {
        std::fs::File::options().write(true).open(self.at(path)).unwrap().set_modified(time).unwrap();
    }

    /// Plans with the parts that are there now.
    pub fn plan(&self, head: &[Part], target: &[Part], changes: LocalChanges) -> Plan {
        let overlay = HashOnly::new(self.root(), &self.repository);
        let cache = StatCache::none();
        let mut paths: Vec<&TreePath> =
            head.iter().chain(target).filter_map(|part| part.path.as_ref()).collect();
        paths.sort();
        paths.dedup();
        let mut current = Vec::new();
        for path in paths {
            match scan(self.root(), path, &cache, &overlay, ScanOptions::default()) {
                Ok(node) => current.push(Part { path: Some(path.clone()), node, stored: true }),
                Err(ScanError::Missing { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let states = States { head, current: &current, target, others: &[] };
        plan(self.root(), &overlay, states, changes).unwrap()
    }

    pub fn apply_with(&self, plan: &Plan, disk: &dyn Disk) -> Result<Applied, ApplyError> {
        let staging = self.at(".mdl/tmp");
        let cache = StatCache::none();
        let place = Place { root: self.root(), staging: &staging, disk, cache: &cache };
        apply(plan, &place, &self.repository)
    }

    /// Plans and applies; the paths in conflict otherwise.
    pub fn checkout(
        &self,
        head: &[Part],
        target: &[Part],
        changes: LocalChanges,
    ) -> Result<Applied, Vec<String>> {
        match self.apply_with(&self.plan(head, target, changes), &OsDisk) {
            Ok(applied) => Ok(applied),
            Err(ApplyError::Conflicts(conflicts)) => {
                Err(conflicts.into_iter().map(|conflict| conflict.path.to_string()).collect())
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Every path below, for comparison: directories end with `/`.
    pub fn listing(&self, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut pending = vec![self.at(path)];
        while let Some(directory) = pending.pop() {
            for entry in std::fs::read_dir(&directory).into_iter().flatten() {
                let entry = entry.unwrap();
                let name = entry.path().strip_prefix(self.root()).unwrap().to_str().unwrap().to_owned();
                if entry.file_type().unwrap().is_dir() {
                    pending.push(entry.path());
                    found.push(format!("{name}/"));
                } else {
                    found.push(name);
                }
            }
        }
        found.sort();
        found
    }
}
