//! What only a folder can do wrong.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mdl::disk::testing::{
    Bound, Fault, FaultyDisk, Node, Op, RecordingDisk, Snapshot, UnsyncedDisk, each_crash, syncs, without,
};
use mdl::disk::{Disk, NewFile, OsDisk};
use mdl::storage::{Created, Folder, Key, Storage};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn folder(root: &Path) -> Folder {
    Folder::new(root, Arc::new(OsDisk))
}

/// A disk without hard links.
pub struct NoLinks;

impl Disk for NoLinks {
    fn create(&self, path: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        OsDisk.create(path, executable)
    }
    fn link(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename_new(from, to)
    }
    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        OsDisk.symlink(target, path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir(path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_file(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_dir(path)
    }
    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        OsDisk.set_executable(path, executable)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_dir(path)
    }
    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_file_system(path)
    }
}

#[test]
fn temporary_files_are_no_keys_and_are_swept_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let folder = folder(dir.path());
    assert_eq!(folder.sweep_tmp().unwrap(), 0);
    folder.create(&key("a"), b"kept").unwrap();
    std::fs::write(dir.path().join("tmp/left"), "over").unwrap();
    assert_eq!(folder.list("").unwrap().len(), 1);
    assert!(folder.create(&key("tmp/a"), b"").is_err());
    assert!(folder.open(&key("tmp/left")).is_err());
    assert_eq!(folder.sweep_tmp().unwrap(), 1);
    assert_eq!(folder.read(&key("a"), 10).unwrap().unwrap(), b"kept");
}

#[cfg(unix)]
#[test]
fn nothing_is_followed_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(outside.path().join("secret"), "private").unwrap();
    symlink(outside.path(), dir.path().join("packs")).unwrap();
    symlink(outside.path().join("secret"), dir.path().join("format")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    let folder = folder(dir.path());
    for name in ["packs/secret", "format", "dangling"] {
        assert!(folder.open(&key(name)).is_err(), "{name} was opened");
        assert!(folder.create(&key(name), b"").is_err(), "{name} was created");
    }
    assert!(folder.create(&key("packs/new"), b"").is_err());
    assert!(folder.create(&key("packs/meta/new"), b"").is_err());
    assert!(folder.remove(&key("packs/secret")).is_err());
    assert!(folder.list("").is_err());
    assert!(folder.list("packs").is_err());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    assert!(!dir.path().join("nowhere").exists());
}

#[cfg(unix)]
#[test]
fn a_planted_temporary_folder_is_not_followed() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink(outside.path(), dir.path().join("tmp")).unwrap();
    std::fs::write(outside.path().join("mine"), "").unwrap();
    let folder = folder(dir.path());
    assert!(folder.create(&key("a"), b"").is_err());
    assert!(folder.sweep_tmp().is_err());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("pipe"), rustix::fs::FileType::Fifo, mode, 0)
        .unwrap();
    assert!(folder(dir.path()).open(&key("pipe")).is_err());
}

#[test]
fn reading_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path()).create(&key("a/b"), b"x").unwrap();
    let disk = FaultyDisk::new(Arc::new(UnsyncedDisk), None);
    let reader = Folder::new(dir.path(), Arc::new(disk.clone()));
    assert_eq!(reader.list("").unwrap().len(), 1);
    assert_eq!(reader.read(&key("a/b"), 10).unwrap().unwrap(), b"x");
    assert!(reader.open(&key("none")).unwrap().is_none());
    assert!(Folder::new(dir.path().join("none"), Arc::new(disk.clone())).list("").unwrap().is_empty());
    assert_eq!(disk.operations(), 0);
}

#[test]
fn the_folder_of_a_log_goes_with_its_last_entry_and_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let [ours, theirs] = [folder(dir.path()), folder(dir.path())];
    ours.create(&key("refs/runs/a/0"), b"birth").unwrap();
    ours.create(&key("refs/runs/a/1"), b"end").unwrap();
    ours.create(&key("packs/meta/1"), b"pack").unwrap();
    for name in ["refs/runs/a/0", "packs/meta/1"] {
        theirs.remove(&key(name)).unwrap();
    }
    assert!(dir.path().join("refs/runs/a").exists() && dir.path().join("packs/meta").exists());
    assert_eq!(ours.list("refs").unwrap().len(), 1);
    theirs.remove(&key("refs/runs/a/1")).unwrap();
    // Who has listed what is gone relies on nothing there.
    ours.settle("refs").unwrap();
    assert!(!dir.path().join("refs/runs/a").exists());
    // Who made the folder and has slept since makes it again.
    assert_eq!(ours.create(&key("refs/runs/a/1"), b"late").unwrap(), Created::Created);
    assert_eq!(theirs.read(&key("refs/runs/a/1"), 9).unwrap().unwrap(), b"late");
}

#[test]
fn a_log_that_was_seen_to_be_gone_stays_gone_once_that_is_settled() {
    // A collection that was killed may have left the folder of the log, which is empty.
    for fault in [None, Some(Fault { at: 3, errno: libc_errno::EIO, for_ever: true })] {
        let dir = tempfile::tempdir().unwrap();
        let keys = ["refs/runs/a/0", "refs/runs/a/1"];
        for name in keys {
            folder(dir.path()).create(&key(name), b"entry").unwrap();
        }
        let start = Snapshot::of(dir.path()).unwrap();
        let disk = RecordingDisk::new(Arc::new(UnsyncedDisk));
        let theirs = Folder::new(dir.path(), Arc::new(FaultyDisk::new(Arc::new(disk.clone()), fault)));
        keys.iter().for_each(|name| theirs.remove(&key(name)).unwrap());
        assert_eq!(dir.path().join("refs/runs/a").exists(), fault.is_some());
        let ours = Folder::new(dir.path(), Arc::new(disk.clone()));
        assert!(ours.list("refs").unwrap().is_empty());
        ours.settle("refs").unwrap();
        let stays_gone = |trace: &[Op]| {
            each_crash(&start, trace, Bound { states: 4096, seed: 7 }, &mut |crash| {
                let is_back = keys.iter().any(|name| crash.nodes().contains_key(Path::new(name)));
                if is_back && crash.operations == trace.len() { Err(()) } else { Ok(()) }
            })
        };
        let trace = disk.trace();
        stays_gone(&trace).unwrap();
        let unsynced: Vec<Op> = trace.into_iter().filter(|op| !op.is_sync()).collect();
        stays_gone(&unsynced).unwrap_err();
    }
}

#[test]
fn many_folders_are_settled_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = folder(dir.path());
    for run in 0..100 {
        theirs.create(&key(&format!("refs/runs/{run}/0")), b"").unwrap();
    }
    let disk = RecordingDisk::new(Arc::new(UnsyncedDisk));
    let ours = Folder::new(dir.path(), Arc::new(disk.clone()));
    assert_eq!(ours.list("refs").unwrap().len(), 100);
    ours.settle("refs").unwrap();
    assert_eq!(syncs(&disk.trace()).len(), 1);
}

fn publish_draft(folder: &Folder) {
    let mut draft = folder.draft().unwrap();
    draft.write(b"the ").unwrap();
    draft.write(b"body").unwrap();
    assert_eq!(draft.publish(&key("packs/meta/1")).unwrap(), Created::Created);
}

fn create(folder: &Folder) {
    assert_eq!(folder.create(&key("packs/meta/2"), b"the body").unwrap(), Created::Created);
}

#[test]
fn keys_survive_every_power_cut_and_each_sync_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("params.yaml"), "").unwrap();
    let start = Snapshot::of(dir.path()).unwrap();
    let disk = RecordingDisk::new(Arc::new(UnsyncedDisk));
    let folder = Folder::new(dir.path().join(".mdl"), Arc::new(disk.clone()));
    publish_draft(&folder);
    let first = disk.trace().len();
    create(&folder);
    let trace = disk.trace();
    // Each path, and how many operations had been done when it was acknowledged.
    let check = |trace: &[Op], acknowledged: [(&str, usize); 2]| {
        each_crash(&start, trace, Bound { states: 2000, seed: 3 }, &mut |crash| {
            for (path, after) in acknowledged {
                match crash.nodes().get(Path::new(path)) {
                    Some(Node::File { bytes, .. }) if **bytes == *b"the body" => {}
                    None if crash.operations < after => {}
                    other => return Err(format!("{path} after {}: {other:?}", crash.operations)),
                }
            }
            Ok(())
        })
    };
    let acknowledged = |first, second| [(".mdl/packs/meta/1", first), (".mdl/packs/meta/2", second)];
    check(&trace, acknowledged(first, trace.len())).unwrap();
    assert_eq!(syncs(&trace).len(), 7);
    for at in syncs(&trace) {
        let first = first - usize::from(at < first);
        check(&without(&trace, at), acknowledged(first, trace.len() - 1))
            .expect_err(&format!("{:?} is not needed", trace[at]));
    }
}

#[test]
fn what_others_made_visible_is_made_durable_before_it_is_relied_on() {
    let dir = tempfile::tempdir().unwrap();
    publish_draft(&folder(dir.path()));
    let disk = RecordingDisk::new(Arc::new(UnsyncedDisk));
    let ours = Folder::new(dir.path(), Arc::new(disk.clone()));
    ours.settle("packs").unwrap();
    assert_eq!(disk.trace().len(), 0, "nothing was relied on yet");
    assert_eq!(ours.create(&key("packs/meta/1"), b"").unwrap(), Created::Exists);
    assert_eq!(syncs(&disk.trace()).len(), 1);
    ours.list("packs").unwrap();
    ours.settle("packs").unwrap();
    ours.settle("packs").unwrap();
    assert_eq!(syncs(&disk.trace()).len(), 2);
}

#[test]
fn no_fault_of_the_disk_leaves_half_a_key() {
    let errors = [libc_errno::EIO, libc_errno::ENOSPC, libc_errno::EROFS];
    let count = {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new(Arc::new(UnsyncedDisk), None);
        publish_draft(&Folder::new(dir.path(), Arc::new(disk.clone())));
        disk.operations()
    };
    for at in 0..count {
        for (errno, for_ever) in errors.into_iter().flat_map(|errno| [(errno, false), (errno, true)]) {
            let dir = tempfile::tempdir().unwrap();
            let disk = FaultyDisk::new(Arc::new(UnsyncedDisk), Some(Fault { at, errno, for_ever }));
            let faulty = Folder::new(dir.path(), Arc::new(disk));
            let created = faulty.create(&key("packs/meta/1"), b"the body");
            let found = folder(dir.path()).read(&key("packs/meta/1"), 100).unwrap();
            assert!(found.as_deref().is_none_or(|found| found == b"the body"));
            match created {
                Ok(_) => assert!(found.is_some()),
                Err(error) => assert!(found.is_none() || !error.is_refusal(), "{error:?} was denied"),
            }
        }
    }
}

#[test]
fn after_a_failed_sync_nothing_is_called_durable() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path()).create(&key("a/0"), b"").unwrap();
    // Create, write, sync, link, remove, and then the directory.
    let fault = Fault { at: 5, errno: libc_errno::EIO, for_ever: false };
    let faulty = Folder::new(dir.path(), Arc::new(FaultyDisk::new(Arc::new(UnsyncedDisk), Some(fault))));
    assert!(faulty.create(&key("a/1"), b"").is_err());
    assert!(faulty.read(&key("a/1"), 1).unwrap().is_some(), "the fault came after the link");
    assert!(faulty.create(&key("a/1"), b"").is_err());
    let later = faulty.create(&key("a/2"), b"").unwrap_err();
    assert!(later.source.to_string().contains("os error 5"), "{later:?}");
}

/// The numbers that Linux, the BSDs and macOS agree on.
mod libc_errno {
    pub const EIO: i32 = 5;
    pub const ENOSPC: i32 = 28;
    pub const EROFS: i32 = 30;
}

/// A disk on which somebody else is faster, right before a file gets its name.
struct Outrun {
    root: PathBuf,
}

impl Outrun {
    /// Makes the same key by another storage, which syncs nothing.
    fn outrun(&self, to: &Path) {
        let key = to.strip_prefix(&self.root).unwrap().to_str().unwrap();
        if !to.exists() && !key.starts_with("tmp") {
            let other = Folder::new(&self.root, Arc::new(UnsyncedDisk));
            assert_eq!(other.create(&Key::new(key).unwrap(), b"theirs").unwrap(), Created::Created);
        }
    }
}

impl Disk for Outrun {
    fn create(&self, path: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        OsDisk.create(path, executable)
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.outrun(to);
        OsDisk.link(from, to)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.outrun(to);
        OsDisk.rename_new(from, to)
    }
    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        OsDisk.symlink(target, path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir(path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_file(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_dir(path)
    }
    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        OsDisk.set_executable(path, executable)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_dir(path)
    }
    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_file_system(path)
    }
}

/// Whether the last change of a folder's names was followed by a sync of it, in what was recorded.
fn ends_synced(trace: &[Op], folder: &Path) -> bool {
    let is_sync = |op: &Op| matches!(op, Op::SyncDir { path } if path == folder);
    let is_attempt = |op: &Op| matches!(op, Op::Create { .. } | Op::Sync { .. });
    let last = trace.iter().rposition(is_attempt);
    trace.iter().skip(last.map_or(0, |last| last + 1)).any(is_sync)
}

#[test]
fn a_key_that_somebody_else_made_first_is_durable_when_that_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    // In the last moment, and before we came.
    let disk = RecordingDisk::new(Arc::new(Outrun { root: root.clone() }));
    let ours = Folder::new(&root, Arc::new(disk.clone()));
    let log = root.join("refs/heads/main");
    assert_eq!(ours.create(&key("refs/heads/main/0"), b"ours").unwrap(), Created::Exists);
    assert!(ends_synced(&disk.trace(), &log), "{:?}", disk.trace());
    for number in [1, 2] {
        let name = format!("refs/heads/main/{number}");
        let theirs = Folder::new(&root, Arc::new(UnsyncedDisk));
        let mut draft = ours.draft().unwrap();
        draft.write(b"ours").unwrap();
        if number == 2 {
            theirs.create(&key(&name), b"theirs").unwrap();
        }
        let before = disk.trace().len();
        assert_eq!(draft.publish(&key(&name)).unwrap(), Created::Exists);
        assert!(ends_synced(&disk.trace()[before..], &log), "{:?}", disk.trace());
        assert_eq!(ours.read(&key(&name), 100).unwrap().unwrap(), b"theirs");
    }
    let before = disk.trace().len();
    assert_eq!(ours.create(&key("refs/heads/main/0"), b"ours").unwrap(), Created::Exists);
    assert!(ends_synced(&disk.trace()[before..], &log), "{:?}", disk.trace());
}
