//! What git knows of a project, read through gix: no git program, no hook, filter, or monitor is ever started.
//!
//! A repository may come from a stranger, so its own configuration is trusted with nothing: it is opened with
//! reduced trust and in isolation, which leaves clean filters, fsmonitor and alternate work trees without effect.
//! Of the user's configuration `core.excludesFile` alone is read, since it decides what is ignored. A file whose
//! bytes git would run through a filter (LFS, line ends) and whose times changed may thus count as modified.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use gix::bstr::{BStr, BString, ByteSlice};
use gix::dir::entry::{Kind, Status};
use gix::dir::walk::{Action, Delegate, ForDeletionMode};
use gix::status::plumbing::index_as_worktree::traits::{FastEq, SubmoduleStatus};
use gix::status::plumbing::index_as_worktree_with_renames::{Entry, VisitEntry};

use crate::capture::code::{Filter, Found};
use crate::capture::{CaptureError, redact};
use crate::object::GitState;

/// The git repository that a project lies in.
pub(super) struct Git {
    repository: gix::Repository,
    /// The project's root from the top of git's work tree, with `/`; empty if they are the same.
    prefix: String,
}

impl Git {
    /// The nearest git repository at or above a root.
    ///
    /// One above the root is asked only if it belongs to the user or to the owner of the root: nobody else may
    /// plant one, in `/tmp` say, and so decide what is recorded.
    pub(super) fn find(root: &Path) -> Option<Self> {
        let root = root.canonicalize().ok()?;
        let top = root.ancestors().find(|dir| dir.join(".git").symlink_metadata().is_ok())?;
        let git_dir = top.join(".git");
        if top != root && !is_ours(&git_dir, &root) {
            return None;
        }
        let prefix = root.strip_prefix(top).ok()?.to_str()?.replace('\\', "/");
        let repository = open(&git_dir)?;
        let work_tree = repository.workdir()?.canonicalize().ok()?;
        (work_tree == top).then_some(Self { repository, prefix })
    }

    /// Whether there is so much to look at that a second thread pays.
    pub(super) fn is_large(&self) -> bool {
        self.repository.index_or_empty().is_ok_and(|index| index.entries().len() > 2000)
    }

    /// Adds the project's files that are in the work tree and tracked, or untracked and not ignored.
    /// False if git has nothing to say: it cannot read its index, or ignores the project as a whole.
    pub(super) fn list(&self, filter: &Filter, found: &mut Found) -> Result<bool, CaptureError> {
        let Ok(index) = self.repository.index_or_empty() else { return Ok(false) };
        // Ignore files above the project count, too.
        let above = self.repository.workdir().into_iter().flat_map(|top| {
            let folders = Path::new(&self.prefix).ancestors().skip(1);
            folders.map(move |folder| top.join(folder))
        });
        if !above.into_iter().all(|folder| filter.check_folder(&folder)) || self.ignores_everything(&index) {
            return Ok(false);
        }
        let failed = |error: gix::Error| CaptureError(error.to_string());
        let options = self.repository.dirwalk_options().map_err(failed)?.emit_tracked(true);
        let mut collect = Collect { prefix: &self.prefix, filter, found };
        self.repository
            .dirwalk(&index, self.pathspec(), &AtomicBool::new(false), options, &mut collect)
            .map_err(failed)?;
        Ok(true)
    }

    /// Whether the project lies in a folder that git ignores, such as one in a home directory that is a repository.
    fn ignores_everything(&self, index: &gix::index::State) -> bool {
        if self.prefix.is_empty() || index.path_is_directory(self.prefix.as_bytes().as_bstr()) {
            return false;
        }
        let source = gix::worktree::stack::state::ignore::Source::WorktreeThenIdMappingIfNotSkipped;
        let Ok(mut stack) = self.repository.excludes(index, None, source) else { return false };
        let is_directory = Some(gix::index::entry::Mode::DIR);
        stack.at_entry(self.prefix.as_bytes().as_bstr(), is_directory).is_ok_and(|at| at.is_excluded())
    }

    fn pathspec(&self) -> Option<BString> {
        (!self.prefix.is_empty()).then(|| format!(":(top,literal){}", self.prefix).into())
    }

    /// What git says of the project now.
    pub(super) fn state(&self) -> Option<GitState> {
        let head = self.repository.head().ok()?;
        let branch = head.referent_name().and_then(|name| name.shorten().to_str().ok().map(str::to_owned));
        let commit = self.repository.head_id().ok().map(|id| id.detach());
        let dirty = self.is_dirty(commit);
        Some(GitState {
            commit: commit.map(|id| id.to_string()),
            remote: self.remote(branch.as_deref()),
            branch,
            dirty,
        })
    }

    /// The remote that the branch follows, or `origin`.
    fn remote(&self, branch: Option<&str>) -> Option<String> {
        let config = self.repository.config_snapshot();
        let text = |key: &str| config.string(key).and_then(|value| value.to_str().ok().map(str::to_owned));
        let upstream = branch.and_then(|branch| text(&format!("branch.{branch}.remote")));
        let name = upstream.filter(|name| name != ".").unwrap_or_else(|| "origin".into());
        redact::url(&text(&format!("remote.{name}.url"))?)
    }

    /// Whether a tracked file below the root differs from the commit. What cannot be found out counts as a difference.
    fn is_dirty(&self, commit: Option<gix::ObjectId>) -> bool {
        let Ok(index) = self.repository.index_or_empty() else { return true };
        self.index_differs(&index, commit).unwrap_or(true) || self.work_tree_differs(&index).unwrap_or(true)
    }

    /// Whether the index differs from the commit. Git's cache of trees in the index answers for free after a commit.
    fn index_differs(&self, index: &gix::index::State, commit: Option<gix::ObjectId>) -> gix::Result<bool> {
        if commit.is_none() {
            return Ok(!index.entries().is_empty());
        }
        let tree = self.repository.head_tree_id_or_empty()?;
        let cached = index.tree().filter(|cached| cached.num_entries.is_some());
        if cached.is_some_and(|cached| cached.id == tree.detach()) {
            return Ok(false);
        }
        let no_attributes = gix::worktree::stack::state::attributes::Source::IdMapping;
        let mut pathspec = self.repository.pathspec(false, self.pathspec(), false, index, no_attributes)?;
        let mut differs = false;
        self.repository.tree_index_status(
            &tree,
            index,
            Some(&mut pathspec),
            gix::status::tree_index::TrackRenames::Disabled,
            |_, _, _| {
                differs = true;
                Ok(std::ops::ControlFlow::Break(()))
            },
        )?;
        Ok(differs)
    }

    /// Whether a file differs from the index. Stops at the first that does.
    fn work_tree_differs(&self, index: &gix::index::State) -> gix::Result<bool> {
        let stop = AtomicBool::new(false);
        let outcome = self.repository.index_worktree_status(
            index,
            self.pathspec(),
            &mut FirstChange { stop: &stop },
            FastEq,
            NoSubmodules,
            &mut gix::progress::Discard,
            &stop,
            gix::status::index_worktree::Options::default(),
        );
        // To be stopped is reported as an error, too.
        if stop.load(Ordering::Relaxed) { Ok(true) } else { outcome.map(|_| false) }
    }
}

/// Opens a repository such that nothing in it is obeyed.
fn open(git_dir: &Path) -> Option<gix::Repository> {
    // A pipe in the place of one of these would be waited for.
    let head = crate::capture::small_file::line(&git_dir.join("HEAD"));
    let branch = head.as_deref().and_then(|head| head.strip_prefix("ref: ")).unwrap_or("HEAD");
    let harmless = ["HEAD", "config", "index", "packed-refs", "commondir", "info/exclude", branch]
        .iter()
        .all(|name| git_dir.join(name).metadata().map_or(true, |file| file.is_file()));
    if !harmless {
        return None;
    }
    let excludes = global_excludes(&|name| std::env::var_os(name));
    let excludes = excludes.and_then(|path| Some(format!("core.excludesFile={}", path.to_str()?)));
    gix::open::Options::isolated()
        .with(gix::sec::Trust::Reduced)
        .open_path_as_is(true)
        .lossy_config(true)
        .config_overrides(excludes)
        .open(git_dir)
        .ok()
        .map(|repository| repository.to_thread_local())
}

/// Whether a file belongs to the user or to the owner of another.
#[cfg(unix)]
fn is_ours(path: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(path), Ok(other)) = (path.symlink_metadata(), other.symlink_metadata()) else { return false };
    path.uid() == rustix::process::geteuid().as_raw() || path.uid() == other.uid()
}

#[cfg(not(unix))]
fn is_ours(path: &Path, _: &Path) -> bool {
    gix::sec::Trust::from_path_ownership(path).is_ok_and(|trust| trust == gix::sec::Trust::Full)
}

/// The user's own ignore file: `core.excludesFile` of `~/.gitconfig` or git's folder in the configuration
/// directory, else `ignore` in that folder. The system's configuration and what it includes are not looked at.
fn global_excludes(environment: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let home = environment("HOME").or_else(|| environment("USERPROFILE")).map(PathBuf::from);
    let config_home = environment("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let folder = config_home.or_else(|| Some(home.as_ref()?.join(".config"))).map(|path| path.join("git"));
    let files = match environment("GIT_CONFIG_GLOBAL") {
        Some(file) => vec![PathBuf::from(file)],
        None => home
            .iter()
            .map(|home| home.join(".gitconfig"))
            .chain(folder.iter().map(|f| f.join("config")))
            .collect(),
    };
    let configured = files.iter().find_map(|file| excludes_file_in(&crate::capture::small_file::text(file)?));
    let path = match configured {
        Some(text) => match text.strip_prefix("~/") {
            Some(below) => home?.join(below),
            None => PathBuf::from(text),
        },
        None => folder?.join("ignore"),
    };
    (path.is_absolute() && path.is_file()).then_some(path)
}

/// The value of `core.excludesFile` in the text of a configuration file.
fn excludes_file_in(config: &str) -> Option<String> {
    if !config.to_ascii_lowercase().contains("excludesfile") {
        return None;
    }
    let config = gix::config::File::try_from(config).ok()?;
    Some(config.string("core.excludesFile")?.to_str().ok()?.to_owned())
}

/// Takes what a walk finds, and keeps it out of folders that are left out.
struct Collect<'a> {
    prefix: &'a str,
    filter: &'a Filter,
    found: &'a mut Found,
}

impl Collect<'_> {
    /// The path from the project's root; `None` above it and for the root itself.
    fn relative<'p>(&self, path: &'p BStr) -> Option<&'p BStr> {
        if self.prefix.is_empty() {
            return Some(path).filter(|path| !path.is_empty());
        }
        path.strip_prefix(self.prefix.as_bytes())?.strip_prefix(b"/").map(BStr::new)
    }

    fn excludes(&self, path: &BStr, is_dir: bool, status: Status) -> bool {
        let Some(path) = self.relative(path) else { return false };
        self.filter.excludes(&path.to_str_lossy(), is_dir, status == Status::Tracked)
    }
}

impl Delegate for Collect<'_> {
    fn emit(&mut self, entry: gix::dir::EntryRef<'_>, _: Option<Status>) -> Action {
        let wanted = matches!(entry.status, Status::Tracked | Status::Untracked)
            && matches!(entry.disk_kind, Some(Kind::File | Kind::Symlink));
        let path: &BStr = entry.rela_path.as_ref();
        if wanted
            && !self.excludes(path, false, entry.status)
            && let Some(path) = self.relative(path)
        {
            match path.to_str() {
                Ok(path) => self.found.add(path),
                Err(_) => self.found.add_bytes(path),
            }
        }
        Action::Continue(())
    }

    fn can_recurse(
        &mut self,
        entry: gix::dir::EntryRef<'_>,
        for_deletion: Option<ForDeletionMode>,
        worktree_root_is_repository: bool,
    ) -> bool {
        !self.excludes(entry.rela_path.as_ref(), true, entry.status)
            && entry.status.can_recurse(
                entry.disk_kind,
                entry.pathspec_match,
                for_deletion,
                worktree_root_is_repository,
            )
    }
}

/// Stops a comparison at the first file that differs.
struct FirstChange<'a> {
    stop: &'a AtomicBool,
}

impl<'index> VisitEntry<'index> for FirstChange<'_> {
    type ContentChange = ();
    type SubmoduleStatus = ();

    fn visit_entry(&mut self, entry: Entry<'index, (), ()>) {
        // `None`: a file whose times alone changed.
        if entry.summary().is_some() {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Submodules are no source code of this project, and are never opened.
#[derive(Clone)]
struct NoSubmodules;

impl SubmoduleStatus for NoSubmodules {
    type Output = ();

    fn status(&mut self, _: &gix::index::Entry, _: &BStr) -> gix::Result<Option<()>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_ignore_file_is_found_where_git_finds_it() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_owned();
        let environment = |name: &str| (name == "HOME").then(|| home.clone().into_os_string());
        assert_eq!(global_excludes(&environment), None);
        std::fs::create_dir_all(home.join(".config/git")).unwrap();
        std::fs::write(home.join(".config/git/ignore"), "*.swp\n").unwrap();
        assert_eq!(global_excludes(&environment), Some(home.join(".config/git/ignore")));
        std::fs::write(home.join(".ignored"), "*.bak\n").unwrap();
        std::fs::write(home.join(".gitconfig"), "[user]\nname = x\n[core]\n\texcludesfile = ~/.ignored\n")
            .unwrap();
        assert_eq!(global_excludes(&environment), Some(home.join(".ignored")));
    }
}
