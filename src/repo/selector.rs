//! Parts as a person names them: by selector (`params.lr`), or by the path of a file that belongs to one.
//!
//! What is written is a selector if that means something in the state at hand, else the path of a file that a
//! part owns, else a selector that means nothing here and perhaps in another state.

use std::path::Path;

use crate::diff::{self, Selector, State};
use crate::id::CommitId;
use crate::name::{PartName, TreePath};
use crate::repo::{RepoError, Repository};
use crate::worktree::manifest::Manifest;

/// A path that a part owns: with everything below it, or as one file that is a whole part.
struct Owned {
    path: TreePath,
    part: String,
    below: bool,
}

impl Repository {
    /// Parts as a person in the folder `base` names them. What they may mean is looked up in the commit `at`
    /// (HEAD, where absent), in the manifest and in the work tree.
    pub fn selectors(
        &self,
        base: &Path,
        written: &[String],
        at: Option<CommitId>,
    ) -> Result<Vec<Selector>, RepoError> {
        if written.is_empty() {
            return Ok(Vec::new());
        }
        let at = match at {
            Some(commit) => Some(commit),
            None => self.head()?.commit(),
        };
        let state = at.map(|id| State::of_commit(&self.store, id)).transpose()?.unwrap_or_default();
        let one = |text: &String| {
            let path = self.tree_path(base, text).ok();
            self.meant(text, path.as_ref(), &state, true)
        };
        written.iter().map(one).collect()
    }

    /// A part of a recorded state, where paths are seen from the root.
    pub(super) fn selector(&self, written: &str, state: &State) -> Result<Selector, RepoError> {
        let path = TreePath::new(written.trim_end_matches('/')).ok();
        self.meant(written, path.as_ref(), state, false)
    }

    fn meant(
        &self,
        written: &str,
        path: Option<&TreePath>,
        state: &State,
        with_work_tree: bool,
    ) -> Result<Selector, RepoError> {
        let parsed: Result<Selector, _> = written.parse();
        if let Ok(selector) = &parsed
            && (!written.contains(['.', '/']) || diff::part::get(&self.store, state, selector)?.is_some())
        {
            return Ok(selector.clone());
        }
        if let Some(path) = path
            && let Some(selector) = self.owner(path, state, with_work_tree)?
        {
            return Ok(selector);
        }
        parsed.map_err(|reason| RepoError::NotAPart { part: written.to_owned(), reason })
    }

    /// The part that a path belongs to.
    fn owner(
        &self,
        path: &TreePath,
        state: &State,
        with_work_tree: bool,
    ) -> Result<Option<Selector>, RepoError> {
        let mut owned = recorded(state);
        if with_work_tree {
            owned.extend(named(&self.manifest()?));
        }
        if let Some(part) = owned.iter().find_map(|owned| owned.part_at(path)) {
            return Ok(part.parse().ok());
        }
        let Ok(code) = format!("code/{path}").parse::<Selector>() else { return Ok(None) };
        let is_there = || with_work_tree && self.root.join(path.as_str()).symlink_metadata().is_ok();
        let is_code = diff::part::get(&self.store, state, &code)?.is_some() || is_there();
        Ok(is_code.then_some(code))
    }
}

impl Owned {
    fn whole(path: &TreePath, part: &str) -> Self {
        Self { path: path.clone(), part: part.to_owned(), below: false }
    }

    fn tree(path: &TreePath, kind: &str, name: &PartName) -> Self {
        Self { path: path.clone(), part: format!("{kind}/{name}"), below: true }
    }

    /// What of the part a path is.
    fn part_at(&self, path: &TreePath) -> Option<String> {
        if *path == self.path {
            return Some(self.part.clone());
        }
        let below = path.as_str().strip_prefix(self.path.as_str())?.strip_prefix('/')?;
        self.below.then(|| format!("{}/{below}", self.part))
    }
}

/// The paths that the parts of a recorded state own.
fn recorded(state: &State) -> Vec<Owned> {
    let mut owned = Vec::new();
    if let Some(definition) = &state.definition {
        owned.extend(definition.datasets.iter().map(|(name, it)| Owned::tree(&it.path, "datasets", name)));
        owned.extend(
            definition
                .features
                .iter()
                .map(|(name, it)| Owned::whole(&it.file.path, &format!("features/{name}"))),
        );
        let params = definition.params.iter().flat_map(|params| &params.files);
        owned.extend(params.map(|file| Owned::whole(&file.path, "params")));
    }
    if let Some(outcome) = &state.outcome {
        let metrics = outcome.metrics.iter().flat_map(|metrics| &metrics.files);
        owned.extend(metrics.map(|file| Owned::whole(&file.path, "metrics")));
        owned.extend(outcome.outputs.iter().map(|(name, it)| Owned::tree(&it.path, "outputs", name)));
    }
    owned
}

/// The paths that the parts of a manifest own.
fn named(manifest: &Manifest) -> Vec<Owned> {
    let mut owned: Vec<Owned> =
        manifest.datasets.iter().map(|(name, it)| Owned::tree(&it.path, "datasets", name)).collect();
    let features = manifest.features.iter();
    owned.extend(features.map(|(name, it)| Owned::whole(&it.path, &format!("features/{name}"))));
    owned.extend(manifest.params.iter().map(|path| Owned::whole(path, "params")));
    owned.extend(manifest.metrics.iter().map(|path| Owned::whole(path, "metrics")));
    owned.extend(manifest.outputs.iter().map(|(name, path)| Owned::tree(path, "outputs", name)));
    owned
}
