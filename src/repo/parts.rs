//! Naming the parts of a model in the manifest.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::disk::{Durability, replace};
use crate::name::{NameError, PartName, TreePath};
use crate::object::Direction;
use crate::refs;
use crate::repo::{MANIFEST, RepoError, Repository, plain, without_secrets};
use crate::worktree::cache::StatCache;
use crate::worktree::manifest::{DatasetSpec, Editor, FeaturesSpec, MAX_BYTES, Manifest};

/// What a path is to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Role {
    Dataset,
    Features,
    Params,
    Metrics,
    Output,
}

impl Role {
    /// The role in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Dataset => "dataset",
            Role::Features => "features",
            Role::Params => "params",
            Role::Metrics => "metrics",
            Role::Output => "output",
        }
    }

    /// The role that a path has by the customs of the field; a dataset, where nothing tells.
    fn guess(path: &TreePath, is_directory: bool) -> Self {
        let name = path.file_name().to_lowercase();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        let is_tree = matches!(extension, "yaml" | "yml" | "json" | "toml");
        let has = |words: &[&str]| words.iter().any(|word| stem.contains(word));
        match extension {
            _ if is_directory && has(&["model", "checkpoint", "output"]) => Role::Output,
            _ if is_directory => Role::Dataset,
            _ if is_tree && has(&["metric", "score", "eval"]) => Role::Metrics,
            _ if (is_tree || extension == "txt") && has(&["feature"]) => Role::Features,
            _ if is_tree && has(&["param", "config", "conf", "hparam", "hyper"]) => Role::Params,
            "pt" | "pth" | "ckpt" | "safetensors" | "onnx" | "pkl" | "joblib" | "h5" | "keras" | "gguf" => {
                Role::Output
            }
            _ if has(&["model"]) => Role::Output,
            _ => Role::Dataset,
        }
    }
}

/// What to add.
#[derive(Clone, Debug, Default)]
pub struct AddOptions {
    /// What the path is; guessed from its name where absent.
    pub role: Option<Role>,
    /// The part's name; made from the path where absent.
    pub name: Option<PartName>,
    /// Whether the data is only referred to, not stored.
    pub reference: bool,
    /// Where a dataset was had from.
    pub source: Option<String>,
    /// The licence of a dataset.
    pub licence: Option<String>,
}

/// A part that was added or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub role: Role,
    /// Its name (for params and metrics: its path).
    pub name: String,
    /// Its path from the root.
    pub path: String,
    /// Whether anything is there. What is not is still to be written by a run.
    pub exists: bool,
    /// Whether the manifest was changed; otherwise it said so already.
    pub changed: bool,
    /// Which direction of its metrics is better, as it was declared with it.
    pub better: Vec<(String, Direction)>,
}

impl Repository {
    /// The manifest. One that is missing names nothing.
    pub fn manifest(&self) -> Result<Manifest, RepoError> {
        Ok(Manifest::parse(&self.manifest_text()?)?)
    }

    pub(super) fn manifest_text(&self) -> Result<String, RepoError> {
        let path = self.root.join(MANIFEST);
        Ok(plain::read_to_string(&path, MAX_BYTES as u64)?.unwrap_or_default())
    }

    pub(super) fn write_manifest(&self, text: &str) -> Result<(), RepoError> {
        let path = self.root.join(MANIFEST);
        replace(&*self.disk, &self.directory.join("tmp"), &path, text.as_bytes(), Durability::Durable)
            .map_err(|source| RepoError::Io { action: "write", path, source })
    }

    /// The stat cache of this work tree, for who stores nothing.
    pub(super) fn stat_cache(&self) -> StatCache<'_> {
        // Who cannot read the epoch here will not rely on what is stored either.
        self.stat_cache_of(refs::epoch(&*self.storage).unwrap_or(u64::MAX))
    }

    /// The stat cache, for who writes knowing of this collection: a later one may have taken what it has as stored.
    pub(super) fn stat_cache_of(&self, epoch: u64) -> StatCache<'_> {
        StatCache::open(&self.directory, epoch, &*self.disk)
    }

    /// A path of the work tree, from one that is absolute or relative to `base`.
    pub fn tree_path(&self, base: &Path, path: &str) -> Result<TreePath, RepoError> {
        let invalid =
            |problem: &str| RepoError::Invalid { what: format!("{path:?}"), problem: problem.to_owned() };
        let mut resolved = PathBuf::new();
        for component in base.join(path).components() {
            match component {
                Component::ParentDir => drop(resolved.pop()),
                Component::CurDir => {}
                component => resolved.push(component),
            }
        }
        let inside =
            resolved.strip_prefix(&self.root).map_err(|_| invalid("it is outside of the work tree"))?;
        let text = inside.to_str().ok_or_else(|| invalid("it is not UTF-8"))?;
        if text.is_empty() {
            return Err(invalid("it is the root of the work tree, and not a part of it"));
        }
        TreePath::new(text).map_err(|reason| RepoError::Name { what: text.to_owned(), reason })
    }

    /// Adds a path to the manifest, keeping its comments.
    pub fn add(&self, path: &TreePath, options: &AddOptions) -> Result<Part, RepoError> {
        let full = self.root.join(path.as_str());
        let is_result = matches!(options.role, Some(Role::Metrics | Role::Output));
        let found = match fs::symlink_metadata(&full) {
            Ok(metadata) => Some(metadata),
            // A run will write it.
            Err(error) if is_result && error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(RepoError::Io { action: "find", path: full, source }),
        };
        let text = self.manifest_text()?;
        let mut editor = Editor::new(&text)?;
        let known = self.named(&editor.manifest()?, path.as_str());
        let role = match (options.role, &known) {
            (Some(role), _) => role,
            (None, Some(part)) => part.role,
            (None, None) => Role::guess(path, found.as_ref().is_some_and(fs::Metadata::is_dir)),
        };
        let name = match (&options.name, &known) {
            (Some(name), _) => name.clone(),
            (None, Some(part)) if matches!(part.role, Role::Dataset | Role::Features | Role::Output) => {
                part_name(&part.name)?
            }
            (None, _) => default_name(path)?,
        };
        let changed = match role {
            Role::Dataset => {
                let source = options.source.as_deref().map(without_secrets);
                let licence = options.licence.clone();
                let spec = DatasetSpec { path: path.clone(), reference: options.reference, source, licence };
                editor.add_dataset(&name, &spec)?
            }
            Role::Features => {
                editor.add_features(&name, &FeaturesSpec { path: path.clone(), datasets: Vec::new() })?
            }
            Role::Output => editor.add_output(&name, path)?,
            Role::Params => editor.add_params(path)?,
            Role::Metrics => editor.add_metrics(path)?,
        };
        let better = match role {
            Role::Metrics => self.declare_directions(&mut editor, path)?,
            _ => Vec::new(),
        };
        let changed = changed || !better.is_empty();
        if changed {
            self.write_manifest(&editor.text())?;
        }
        let name =
            if matches!(role, Role::Params | Role::Metrics) { path.to_string() } else { name.to_string() };
        Ok(Part { role, name, path: path.to_string(), exists: found.is_some(), changed, better })
    }

    /// Takes a part out of the manifest, by its path or its name. The file stays.
    pub fn remove(&self, path_or_name: &str) -> Result<Part, RepoError> {
        let text = self.manifest_text()?;
        let mut editor = Editor::new(&text)?;
        let path_or_name = path_or_name.trim_end_matches('/');
        let mut part = self
            .named(&editor.manifest()?, path_or_name)
            .ok_or_else(|| RepoError::NotTracked(path_or_name.to_owned()))?;
        let path = || {
            TreePath::new(&part.path).map_err(|reason| RepoError::Name { what: part.path.clone(), reason })
        };
        part.changed = match part.role {
            Role::Dataset => editor.remove_dataset(&part_name(&part.name)?)?,
            Role::Features => editor.remove_features(&part_name(&part.name)?)?,
            Role::Output => editor.remove_output(&part_name(&part.name)?)?,
            Role::Params => editor.remove_params(&path()?)?,
            Role::Metrics => editor.remove_metrics(&path()?)?,
        };
        self.write_manifest(&editor.text())?;
        Ok(part)
    }

    /// The part with this path or name.
    fn named(&self, manifest: &Manifest, path_or_name: &str) -> Option<Part> {
        let named = |role, name: &PartName, path: &TreePath| (role, name.to_string(), path.to_string());
        let of_file = |role, path: &TreePath| (role, path.to_string(), path.to_string());
        let all = manifest.datasets.iter().map(|(name, spec)| named(Role::Dataset, name, &spec.path));
        let all =
            all.chain(manifest.features.iter().map(|(name, spec)| named(Role::Features, name, &spec.path)));
        let all = all.chain(manifest.outputs.iter().map(|(name, path)| named(Role::Output, name, path)));
        let all = all.chain(manifest.params.iter().map(|path| of_file(Role::Params, path)));
        let all: Vec<_> =
            all.chain(manifest.metrics.iter().map(|path| of_file(Role::Metrics, path))).collect();
        let found = all.iter().find(|(.., path)| path == path_or_name);
        let (role, name, path) =
            found.or_else(|| all.iter().find(|(_, name, _)| name == path_or_name))?.clone();
        let exists = self.root.join(&path).symlink_metadata().is_ok();
        Some(Part { role, name, path, exists, changed: false, better: Vec::new() })
    }
}

fn part_name(text: &str) -> Result<PartName, RepoError> {
    PartName::new(text).map_err(|reason| RepoError::Name { what: text.to_owned(), reason })
}

/// The file's name without its extension, with what a name cannot have replaced.
fn default_name(path: &TreePath) -> Result<PartName, RepoError> {
    let file = path.file_name().trim_start_matches('.');
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let name: String = stem.chars().map(plain).collect();
    PartName::new(name.trim_start_matches('-'))
        .map_err(|reason: NameError| RepoError::Name { what: name.clone(), reason })
}
