//! A project in a folder of its own, and what can be asked of its repository.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mdl::diff::State;
use mdl::disk::Disk;
use mdl::disk::testing::{Bound, Snapshot, UnsyncedDisk, each_crash};
use mdl::id::CommitId;
use mdl::progress::Silent;
use mdl::repo::{CommitOptions, Committed, ConfigKey, Head, RepoError, Repository, RunQuery};
use tempfile::TempDir;

/// A folder with a work tree in it, and room beside that.
pub struct Project {
    _folder: TempDir,
    root: PathBuf,
}

/// What refs point to, by name.
pub type Values = BTreeMap<String, String>;

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

    /// A folder to build a state in.
    pub fn built(build: impl FnOnce(&Path) -> std::io::Result<()>) -> Self {
        let project = Self::folder();
        build(&project.root).unwrap();
        project
    }

    /// A copy of what a snapshot shows.
    pub fn copy(of: &Snapshot) -> Self {
        let mut copy = None;
        let bound = Bound { states: 1, seed: 0 };
        let Ok(()) = each_crash(of, &[], bound, &mut |crash| {
            copy = Some(Self::built(|root| crash.build(root)));
            Ok::<_, std::convert::Infallible>(())
        });
        copy.unwrap()
    }

    /// The folder of everything.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The work tree.
    pub fn tree(&self) -> PathBuf {
        self.root.join("work")
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

    /// Commits on a disk on which nothing goes wrong.
    pub fn committed(&self) -> CommitId {
        self.commit(Arc::new(UnsyncedDisk)).unwrap().unwrap().id
    }
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

/// What every ref is now, exactly.
pub fn values(repository: &Repository) -> Result<Values, RepoError> {
    let mut values = Values::new();
    let head = match repository.head()? {
        Head::Branch(name, _) => name.to_string(),
        Head::Detached(commit) => commit.to_string(),
    };
    values.insert("HEAD".to_owned(), head);
    let name = repository.config().get(ConfigKey::UserName);
    values.extend(name.map(|name| ("user.name".to_owned(), name.to_owned())));
    for branch in repository.branches()? {
        values.insert(format!("branch {}", branch.name), branch.commit.to_string());
    }
    for tagged in repository.tags()? {
        values.insert(format!("tag {}", tagged.name), tagged.id.to_string());
    }
    for run in repository.runs(&RunQuery::default())?.runs {
        // One that has begun, and no more, may be there at every moment.
        let finished = run.commit.filter(|_| run.outcome.is_some());
        values.extend(finished.map(|(id, _)| (format!("run {}", run.id), id.to_string())));
    }
    Ok(values)
}

/// What every ref means: the same for two commits that differ in their times alone.
pub fn meaning(repository: &Repository) -> Result<Values, RepoError> {
    let state = |commit| Ok::<_, RepoError>(format!("{:?}", State::of_commit(repository.store(), commit)?));
    let mut values = Values::new();
    let head = match repository.head()? {
        Head::Branch(name, _) => name.to_string(),
        Head::Detached(commit) => state(commit)?,
    };
    values.insert("HEAD".to_owned(), head);
    for branch in repository.branches()? {
        values.insert(format!("branch {}", branch.name), state(branch.commit)?);
    }
    for tagged in repository.tags()? {
        values.insert(format!("tag {}", tagged.name), state(tagged.tag.commit)?);
    }
    Ok(values)
}
