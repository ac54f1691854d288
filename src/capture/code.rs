//! The source files of a project: which there are, never what is in them.
//!
//! With git, git says what is source code; without it, ignore files do. Both ways share one filter, so
//! that what mdl leaves out by itself is the same.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder};

use crate::capture::{CaptureError, CodeFiles};
use crate::name::{NameError, TreePath};

/// Whether the state of git is wanted beside the files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GitState {
    Ask,
    Skip,
}

/// Lists the files, and asks git for its state if that is wanted.
pub(super) fn list(root: &Path, without: &[TreePath], state: GitState) -> Result<CodeFiles, CaptureError> {
    let filter = Filter::new(root, without);
    filter.check_folder(root);
    filter.no_trap()?;
    #[cfg(feature = "git")]
    if let Some(git) = crate::capture::git::Git::find(root) {
        let mut found = Found::default();
        let (listed, state) = match state {
            GitState::Ask if git.is_large() => std::thread::scope(|scope| {
                // gix stays on the thread that opened it, and opening is cheap.
                let asked = scope.spawn(|| crate::capture::git_state(root));
                (git.list(&filter, &mut found), asked.join().ok().flatten())
            }),
            GitState::Ask => (git.list(&filter, &mut found), git.state()),
            GitState::Skip => (git.list(&filter, &mut found), None),
        };
        filter.no_trap()?;
        if listed? {
            return Ok(found.sorted(state));
        }
    }
    let _ = state;
    Ok(walk(root, filter)?.sorted(None))
}

/// What mdl leaves out by itself, whoever lists the files.
pub(super) struct Filter {
    root: PathBuf,
    without: HashSet<String>,
    ignored: Option<Gitignore>,
    trap: OnceLock<PathBuf>,
}

impl Filter {
    /// The filter of a project. Patterns of `.mdlignore` that cannot be understood are passed over, as git does.
    pub(super) fn new(root: &Path, without: &[TreePath]) -> Self {
        let ignored = crate::capture::small_file::text(&root.join(".mdlignore")).and_then(|text| {
            let mut builder = GitignoreBuilder::new("");
            for line in text.lines() {
                let _ = builder.add_line(None, line);
            }
            builder.build().ok()
        });
        let without = without.iter().map(|path| path.as_str().to_owned()).collect();
        Self { root: root.to_owned(), without, ignored, trap: OnceLock::new() }
    }

    /// Whether the ignore files of a folder can be read at all: a pipe of that name would be waited for, for ever.
    pub(super) fn check_folder(&self, folder: &Path) -> bool {
        let is_trap = |path: &PathBuf| path.metadata().is_ok_and(|file| !file.is_file() && !file.is_dir());
        match [".gitignore", ".ignore"].iter().map(|name| folder.join(name)).find(is_trap) {
            Some(trap) => {
                self.trap.get_or_init(|| trap);
                false
            }
            None => true,
        }
    }

    fn no_trap(&self) -> Result<(), CaptureError> {
        match self.trap.get() {
            Some(path) => Err(CaptureError(format!("{} is not a file", path.display()))),
            None => Ok(()),
        }
    }

    /// Whether this path is left out, and with it everything below. To be asked of each directory on the way.
    pub(super) fn excludes(&self, path: &str, is_dir: bool, tracked: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        matches!(name, ".mdl" | ".git")
            || self.without.contains(path)
            || (!tracked && is_clutter(name, is_dir))
            || self.ignored.as_ref().is_some_and(|rules| rules.matched(path, is_dir).is_ignore())
            || (is_dir && !self.check_folder(&self.root.join(path)))
    }
}

/// What tools leave behind, and nobody means to keep.
fn is_clutter(name: &str, is_dir: bool) -> bool {
    if is_dir {
        matches!(
            name,
            "__pycache__"
                | ".venv"
                | "venv"
                | "node_modules"
                | ".ipynb_checkpoints"
                | ".mypy_cache"
                | ".pytest_cache"
                | ".ruff_cache"
        )
    } else {
        name == ".DS_Store" || name.ends_with(".pyc")
    }
}

/// Paths as they are found, valid or not.
#[derive(Default)]
pub(super) struct Found {
    paths: Vec<TreePath>,
    refused: Vec<(String, NameError)>,
}

impl Found {
    /// Takes a path from the root, with `/` between the names.
    pub(super) fn add(&mut self, path: &str) {
        match TreePath::new(path) {
            Ok(path) => self.paths.push(path),
            Err(error) => self.refused.push((path.to_owned(), error)),
        }
    }

    /// Takes a path that is not UTF-8: refused, under the nearest text that there is.
    pub(super) fn add_bytes(&mut self, path: &[u8]) {
        let text = String::from_utf8_lossy(path).into_owned();
        self.refused.push((text, NameError::Character(char::REPLACEMENT_CHARACTER)));
    }

    fn sorted(mut self, git: Option<crate::object::GitState>) -> CodeFiles {
        self.paths.sort_unstable();
        self.refused.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        CodeFiles { paths: self.paths, git, refused: self.refused }
    }
}

/// Walks without git: hidden files are listed, and ignore files hold although no git repository is there.
fn walk(root: &Path, filter: Filter) -> Result<Found, CaptureError> {
    let base = root.to_owned();
    let filter = Arc::new(filter);
    let asked = Arc::clone(&filter);
    let keep = move |entry: &DirEntry| match relative(entry.path(), &base) {
        Ok(path) => path.is_empty() || !asked.excludes(&path, is_dir(entry), false),
        Err(_) => true,
    };
    let entries = WalkBuilder::new(root)
        .hidden(false)
        .parents(false)
        .require_git(false)
        .git_exclude(false)
        .follow_links(false)
        .filter_entry(keep)
        .build();
    let mut found = Found::default();
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file() || kind.is_symlink()) => {
                match relative(entry.path(), root) {
                    Ok(path) => found.add(&path),
                    Err(bytes) => found.add_bytes(&bytes),
                }
            }
            Ok(_) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(CaptureError(error.to_string())),
        }
    }
    filter.no_trap()?;
    Ok(found)
}

fn is_dir(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

/// Whether a file vanished between the listing of its directory and the look at it.
fn is_gone(error: &ignore::Error) -> bool {
    error.depth().is_some_and(|depth| depth > 0)
        && error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// The path from the root with `/` between its names, or its bytes where it is not UTF-8.
fn relative(path: &Path, root: &Path) -> Result<String, Vec<u8>> {
    let path = path.strip_prefix(root).unwrap_or(path);
    match path.to_str() {
        Some(text) if cfg!(windows) => Ok(text.replace('\\', "/")),
        Some(text) => Ok(text.to_owned()),
        None => Err(path.as_os_str().as_encoded_bytes().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: CodeFiles) -> Vec<String> {
        found.paths.iter().map(|path| path.to_string()).collect()
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn list_without_git(root: &Path, without: &[&str]) -> CodeFiles {
        let without: Vec<TreePath> = without.iter().map(|path| TreePath::new(path).unwrap()).collect();
        walk(root, Filter::new(root, &without)).unwrap().sorted(None)
    }

    #[test]
    fn ignore_files_hold_without_git() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(root, ".gitignore", "*.log\n/out/\n");
        write(root, ".ignore", "secret\n");
        write(root, ".mdlignore", "scratch/\n!keep\n");
        for path in
            ["train.py", ".hidden", "a.log", "out/x", "secret", "scratch/y", "src/lib.py", "src/a.log"]
        {
            write(root, path, "");
        }
        for path in
            [".mdl/format", ".git/HEAD", "src/__pycache__/a.pyc", "venv/bin/x", "data/big.csv", "p.yaml"]
        {
            write(root, path, "");
        }
        assert_eq!(
            names(list_without_git(root, &["data", "p.yaml"])),
            [".gitignore", ".hidden", ".ignore", ".mdlignore", "src/lib.py", "train.py"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_listed_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "src/a.py", "");
        std::os::unix::fs::symlink(".", dir.path().join("src/loop")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("broken")).unwrap();
        assert_eq!(names(list_without_git(dir.path(), &[])), ["broken", "etc", "src/a.py", "src/loop"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_that_no_other_machine_can_have_are_refused() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        for name in [&b"ok.py"[..], b"aux.py", b"bad\xff.py", b"a\nb"] {
            std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        }
        let found = list_without_git(dir.path(), &[]);
        let refused: Vec<&str> = found.refused.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(refused, ["a\nb", "aux.py", "bad\u{fffd}.py"]);
        assert_eq!(names(found), ["ok.py"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_in_the_place_of_an_ignore_file_is_an_error() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        for name in [".gitignore", "src/.ignore"] {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), "src/a.py", "");
            mknodat(CWD, dir.path().join(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            let error = list(dir.path(), &[], GitState::Skip).unwrap_err();
            assert!(error.to_string().ends_with("is not a file"), "{error}");
        }
    }

    #[test]
    fn a_root_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(list(&dir.path().join("nowhere"), &[], GitState::Skip).is_err());
    }

    #[test]
    fn clutter_is_left_out_unless_tracked() {
        let filter = Filter::new(Path::new("/nowhere"), &[]);
        assert!(filter.excludes("a/__pycache__", true, false));
        assert!(!filter.excludes("a/__pycache__", true, true));
        assert!(!filter.excludes("a/venv", false, false), "a file of that name is somebody's own");
        assert!(filter.excludes("a/.mdl", true, true));
    }
}
