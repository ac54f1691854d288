//! A project in a folder of its own, and what can be asked of its repository.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mdl::disk::Disk;
use mdl::disk::testing::{Bound, Snapshot, UnsyncedDisk, each_crash};
use mdl::id::CommitId;
use mdl::progress::Silent;
use mdl::refs::RefError;
use mdl::repo::{CommitOptions, Committed, MergeOptions, Place, PushOptions, RepoError, Repository};
use mdl::sync::{Fate, SyncError};
use tempfile::TempDir;

/// A folder with a work tree in it, and room beside that.
pub struct Project {
    _folder: TempDir,
    root: PathBuf,
}

impl Project {
    /// An empty work tree, in memory where there is a file system for that.
    pub fn empty() -> Self {
        let project = Self::folder();
        std::fs::create_dir(project.tree()).unwrap();
        project
    }

    fn folder() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap();
        let root = folder.path().canonicalize().unwrap();
        Self { _folder: folder, root }
    }

    /// A folder to build a state in, of a project that was elsewhere.
    pub fn built(elsewhere: &Path, build: impl FnOnce(&Path) -> std::io::Result<()>) -> Self {
        let project = Self::folder();
        build(&project.root).unwrap();
        project.come_from(elsewhere);
        project
    }

    /// A copy of what a snapshot shows.
    pub fn copy(of: &Snapshot) -> Self {
        Self::built(of.root(), |root| rebuild(of, root))
    }

    /// Lets the configuration name the hub that is beside it, and not the one of which that is a copy.
    fn come_from(&self, elsewhere: &Path) {
        let path = self.tree().join(".mdl/config.toml");
        let Ok(config) = std::fs::read_to_string(&path) else { return };
        let [old, new] = [elsewhere, &self.root].map(|root| root.to_str().unwrap());
        if config.contains(old) {
            std::fs::write(path, config.replace(old, new)).unwrap();
        }
    }

    /// The folder of everything.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The work tree.
    pub fn tree(&self) -> PathBuf {
        self.root.join("work")
    }

    /// What is pushed to and fetched from: a folder of keys, if it is there.
    pub fn hub_path(&self) -> PathBuf {
        self.root.join("hub")
    }

    /// The repository in that folder; `None` if there is none yet.
    pub fn hub(&self) -> Result<Option<Place>, RepoError> {
        match Place::new(None, self.hub_path().to_str(), &self.root) {
            Err(RepoError::Remote { source, .. }) if matches!(*source, SyncError::NotARepository) => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Writes a file of the user.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.tree().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Makes a file executable.
    pub fn make_executable(&self, path: &str) {
        std::fs::set_permissions(self.tree().join(path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Removes a file or folder of the user.
    pub fn remove(&self, path: &str) {
        let path = self.tree().join(path);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
    }

    /// Makes a symbolic link.
    pub fn link(&self, target: &str, path: &str) {
        symlink(target, self.tree().join(path)).unwrap();
    }

    /// Opens the repository.
    pub fn open(&self, disk: Arc<dyn Disk>) -> Result<Repository, RepoError> {
        Repository::open_on(&self.tree(), disk)
    }

    /// Opens the repository; `None` if there is none yet.
    pub fn existing(&self) -> Result<Option<Repository>, RepoError> {
        match self.open(Arc::new(UnsyncedDisk)) {
            Err(RepoError::Unfinished(_) | RepoError::NotARepository(_)) => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Opens the repository for whom nothing ever goes wrong.
    pub fn repository(&self) -> Repository {
        self.open(Arc::new(UnsyncedDisk)).unwrap()
    }

    /// Makes the repository, with a manifest.
    pub fn init(&self) {
        self.write("mdl.toml", MANIFEST);
        Repository::init_on(&self.tree(), Arc::new(UnsyncedDisk)).unwrap();
    }

    /// A repository of a small project, without a commit.
    pub fn small(&self) {
        self.write(".gitignore", "scratch/\n");
        self.write("scratch/note", "nobody's business\n");
        self.write("params.yaml", "lr: 0.1\nseed: 7\n");
        self.write("metrics.json", "{\"accuracy\": 0.91}\n");
        self.write("data/train.csv", "x,y\n1,2\n3,4\n");
        self.write("train.py", "print('training')\n");
        self.write("large/raw.bin", [7; 3000]);
        self.init();
    }

    /// Commits.
    pub fn commit(&self, disk: Arc<dyn Disk>) -> Result<Option<Committed>, RepoError> {
        let options = CommitOptions { message: "a change".to_owned(), allow_empty: false };
        self.open(disk)?.commit(&options, &Silent)
    }

    /// Pushes all that there is.
    pub fn push(&self, disk: Arc<dyn Disk>) -> Result<(), RepoError> {
        let refs = vec!["main".to_owned()];
        let options = PushOptions { refs, tags: true, runs: true, ..PushOptions::default() };
        let done = self.open(disk)?.push(&options, &Silent)?;
        done.pushed.refs.into_iter().try_for_each(|pushed| match pushed.fate {
            Fate::Done | Fate::UpToDate => Ok(()),
            Fate::Unknown(source) => Err(RefError::Unknown { name: pushed.name.to_string(), source }.into()),
            _ => Err(RefError::Contended { name: format!("{pushed:?}") }.into()),
        })
    }

    /// Gets what others did, and pushes.
    pub fn share(&self) -> Result<(), RepoError> {
        let disk = Arc::new(UnsyncedDisk);
        self.open(disk.clone())?.pull(None, None, &MergeOptions::default(), &Silent)?;
        self.push(disk)
    }

    /// Lets somebody else do something, whose work tree is a copy of this one.
    pub fn elsewhere(&self, act: impl FnOnce(&Self)) {
        let before = Snapshot::of(&self.tree()).unwrap();
        act(self);
        std::fs::remove_dir_all(self.tree()).unwrap();
        std::fs::create_dir(self.tree()).unwrap();
        rebuild(&before, &self.tree()).unwrap();
    }

    /// Commits on a disk on which nothing goes wrong.
    pub fn committed(&self) -> CommitId {
        self.commit(Arc::new(UnsyncedDisk)).unwrap().unwrap().id
    }
}

/// Builds what a snapshot shows in an empty folder.
pub fn rebuild(snapshot: &Snapshot, folder: &Path) -> std::io::Result<()> {
    each_crash(snapshot, &[], Bound { states: 1, seed: 0 }, &mut |crash| crash.build(folder))
}

const MANIFEST: &str = r#"[datasets.train]
path = "data"

[datasets.raw]
path = "large"
reference = true

[params]
files = ["params.yaml"]

[metrics]
files = ["metrics.json"]
"#;
