//! What `mdl init` writes: a commented manifest that fits what lies at the root of the project.
//!
//! Looks at names at the root and in a few well-known folders, never into files and never deep.

use std::io;
use std::path::Path;

use crate::name::{PartName, TreePath};

/// Folders whose names are looked at too.
const FOLDERS: [&str; 4] = ["conf", "config", "dvclive", "src"];
/// So many names of a folder are looked at.
const MAX_NAMES: usize = 4096;

const PARAMS: [&str; 13] = [
    "params.yaml",
    "params.yml",
    "params.json",
    "params.toml",
    "hparams.yaml",
    "hyperparameters.yaml",
    "hyperparameters.json",
    "config.yaml",
    "config.yml",
    "config.json",
    "config.toml",
    "conf/config.yaml",
    "config/config.yaml",
];
const METRICS: [&str; 6] =
    ["metrics.json", "metrics.yaml", "metrics.yml", "metrics.toml", "metrics.csv", "dvclive/metrics.json"];
const FEATURES: [&str; 5] =
    ["features.yaml", "features.yml", "features.json", "features.toml", "features.txt"];
const DATA_FOLDERS: [&str; 3] = ["data", "dataset", "datasets"];
const DATA_ENDINGS: [&str; 9] =
    [".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".npy", ".npz", ".arrow", ".feather"];
const MODEL_FOLDERS: [&str; 4] = ["models", "checkpoints", "outputs", "model"];
const MODEL_ENDINGS: [&str; 9] =
    [".pt", ".pth", ".pkl", ".joblib", ".onnx", ".safetensors", ".h5", ".keras", ".ckpt"];
const MODEL_FILES: [&str; 2] = ["model.json", "model.bin"];
const SCRIPTS: [&str; 4] = ["train.py", "src/train.py", "main.py", "run.py"];
/// More single files of data than this are better put into a folder.
const MAX_DATA_FILES: usize = 5;

/// What lies at a project's root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names of regular files at the root and, as `folder/name`, in a few well-known folders.
    pub files: Vec<String>,
    /// Names of directories at the root.
    pub directories: Vec<String>,
}

/// A first manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// The text of `mdl.toml`, with comments. Always a valid manifest.
    pub text: String,
    /// What was recognised, a line each: `params: params.yaml`.
    pub found: Vec<String>,
    /// What was seen and is not used by itself, such as DVC's files: a line each.
    pub hints: Vec<String>,
}

/// Lists the names that [`detect`] wants to see, a bounded number of them.
pub fn list(root: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    names(root, "", &mut listing)?;
    for folder in FOLDERS {
        if listing.directories.iter().any(|name| name == folder) {
            let mut below = Listing::default();
            names(&root.join(folder), &format!("{folder}/"), &mut below)?;
            listing.files.append(&mut below.files);
        }
    }
    listing.files.sort();
    listing.directories.sort();
    Ok(listing)
}

fn names(folder: &Path, prefix: &str, listing: &mut Listing) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)?.take(MAX_NAMES) {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type()?;
        let name = format!("{prefix}{name}");
        if kind.is_file() {
            listing.files.push(name);
        } else if kind.is_dir() {
            listing.directories.push(name);
        }
    }
    Ok(())
}

/// Makes a manifest for what is there.
pub fn detect(listing: &Listing) -> Detected {
    let mut draft = Draft { listing, text: String::new(), found: Vec::new() };
    draft.line(
        "# What makes up this model. `mdl commit` records what is named here, as it is at that moment.",
    );
    draft.line(
        "# `mdl add PATH` adds to this file and keeps its comments. Lines that begin with # are not used.",
    );
    draft.datasets();
    draft.features();
    draft.files("params", "The files of hyperparameters: YAML, JSON or TOML.", &PARAMS);
    draft.metrics();
    draft.outputs();
    draft.run();
    Detected { text: draft.text, found: draft.found, hints: hints(listing) }
}

struct Draft<'a> {
    listing: &'a Listing,
    text: String,
    found: Vec<String>,
}

impl<'a> Draft<'a> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn section(&mut self, comment: &str) {
        self.line("");
        self.line(&format!("# {comment}"));
    }

    fn has_file(&self, name: &str) -> bool {
        self.listing.files.iter().any(|file| file == name)
    }

    /// The first of some names that is there.
    fn first(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.has_file(name))
    }

    /// Directories of these names and files with these endings at the root.
    fn like(&self, folders: &[&str], endings: &[&str], max: usize) -> Vec<&'a str> {
        let listing = self.listing;
        let is_data =
            |name: &&String| !name.contains('/') && endings.iter().any(|ending| name.ends_with(ending));
        let claimed = |name: &&String| METRICS.contains(&name.as_str()) || name.starts_with('.');
        let files = listing.files.iter().filter(is_data).filter(|name| !claimed(name)).take(max);
        let folders = listing.directories.iter().filter(|name| folders.contains(&name.as_str()));
        folders.chain(files).map(String::as_str).collect()
    }

    /// A table for each path, with its name made from the path's.
    fn parts(&mut self, kind: &str, what: &str, paths: &[&str]) {
        let mut taken = Vec::new();
        for path in paths {
            let Some(name) = part_name(path, &taken).filter(|_| TreePath::new(path).is_ok()) else {
                continue;
            };
            self.line(&format!("[{kind}.{}]", quoted_key(&name)));
            self.line(&format!("path = {}", quoted(path)));
            self.found.push(format!("{what} {name}: {path}"));
            taken.push(name);
        }
    }

    fn example(&mut self, lines: &[&str]) {
        lines.iter().for_each(|line| self.line(&format!("# {line}")));
    }

    fn datasets(&mut self) {
        self.section("The data, a table for each dataset: a file, or a folder with everything in it.");
        self.line("# With `reference = true` it is hashed and not stored, for data too large to keep twice.");
        let data = self.like(&DATA_FOLDERS, &DATA_ENDINGS, MAX_DATA_FILES);
        if data.is_empty() {
            self.example(&["[datasets.train]", "path = \"data/train.csv\"", "licence = \"CC0-1.0\""]);
        }
        self.parts("datasets", "dataset", &data);
    }

    fn features(&mut self) {
        self.section(
            "The features that the model sees: a list of names, or of tables with type and source columns.",
        );
        match self.first(&FEATURES) {
            Some(path) => self.parts("features", "features", &[path]),
            None => self.example(&["[features.main]", "path = \"features.yaml\""]),
        }
    }

    fn files(&mut self, kind: &str, comment: &str, known: &[&'static str]) {
        self.section(comment);
        match self.first(known) {
            Some(path) => self.file(kind, path),
            None => self.example(&[&format!("[{kind}]"), &format!("files = [\"{}\"]", known[0])]),
        }
    }

    fn file(&mut self, kind: &str, path: &str) {
        self.line(&format!("[{kind}]"));
        self.line(&format!("files = [{}]", quoted(path)));
        self.found.push(format!("{kind}: {path}"));
    }

    fn metrics(&mut self) {
        const BETTER: &str = "better = { accuracy = \"higher\", \"val.loss\" = \"lower\" }";
        self.section("The files that training writes its results to. `better` says which direction of a metric is better,");
        self.line("# by its dotted path, or by its last key wherever that is.");
        match self.first(&METRICS) {
            Some(path) => self.file("metrics", path),
            None => self.example(&["[metrics]", &format!("files = [\"{}\"]", METRICS[0]), BETTER]),
        }
    }

    fn outputs(&mut self) {
        self.section("What training writes: models, predictions, plots.");
        let mut outputs = self.like(&MODEL_FOLDERS, &MODEL_ENDINGS, MAX_DATA_FILES);
        outputs.extend(MODEL_FILES.into_iter().filter(|name| self.has_file(name)));
        if outputs.is_empty() {
            self.example(&["[outputs.model]", "path = \"model.json\""]);
        }
        self.parts("outputs", "output", &outputs);
    }

    fn run(&mut self) {
        self.section("How to train. `seeds` are parameters by their dotted paths, `env:NAME` and `arg:--seed`; `variables`");
        self.line("# are environment variables to record, where * stands for any text.");
        match self.first(&SCRIPTS) {
            Some(script) => {
                self.line("[run]");
                self.line(&format!("command = [\"python3\", {}]", quoted(script)));
                self.found.push(format!("command: python3 {script}"));
            }
            None => self.example(&["[run]", "command = [\"python3\", \"train.py\"]"]),
        }
        self.line("# seeds = [\"seed\"]");
        self.line("# variables = [\"CUDA_VISIBLE_DEVICES\", \"OMP_*\"]");
    }
}

/// What is there and means something to a person who comes from another tool.
fn hints(listing: &Listing) -> Vec<String> {
    let is_dvc = |name: &String| name == "dvc.yaml" || name.ends_with(".dvc");
    let mut hints = Vec::new();
    if listing.files.iter().any(is_dvc) || listing.directories.iter().any(|name| name == ".dvc") {
        hints.push(
            "DVC is used here: mdl does not read its files; name its data and outputs in mdl.toml".into(),
        );
    }
    if listing.directories.iter().any(|name| matches!(name.as_str(), ".hydra" | "outputs" | "multirun"))
        && listing.files.iter().any(|name| name.starts_with("conf/"))
    {
        hints.push(
            "Hydra seems to be used here: record the configuration of a run with `.hydra/config.yaml`".into(),
        );
    }
    if let Some(lock) = ["uv.lock", "poetry.lock", "requirements.txt", "environment.yml", "Pipfile.lock"]
        .into_iter()
        .find(|name| listing.files.iter().any(|file| file == name))
    {
        hints.push(format!("{lock} is recorded with the code; installed packages are recorded as they are"));
    }
    hints
}

/// A name for a part, from its path's last name: `data/train.csv` is `train`.
fn part_name(path: &str, taken: &[PartName]) -> Option<PartName> {
    let last = path.rsplit('/').next()?;
    let stem = last.split_once('.').map_or(last, |(stem, _)| stem);
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let stem: String = stem.chars().map(plain).collect();
    let stem = stem.trim_matches('-');
    let numbered = (2..100).map(|number| format!("{stem}-{number}"));
    std::iter::once(stem.to_owned())
        .chain(numbered)
        .filter_map(|name| PartName::new(&name).ok())
        .find(|name| !taken.contains(name))
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

fn quoted_key(name: &PartName) -> String {
    toml_edit::Key::new(name.as_str()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worktree::manifest::Manifest;

    fn listing(files: &[&str], directories: &[&str]) -> Listing {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Listing { files: owned(files), directories: owned(directories) }
    }

    #[test]
    fn an_empty_project_gets_examples_only() {
        let detected = detect(&Listing::default());
        assert_eq!(Manifest::parse(&detected.text).unwrap(), Manifest::empty());
        assert!(detected.found.is_empty() && detected.hints.is_empty());
        // What is commented out is a manifest too.
        let example = |line: &&str| line.starts_with("# [") || line.contains(" = ");
        let examples: Vec<_> =
            detected.text.lines().filter(|line| !line.contains('`')).filter(example).collect();
        let examples = examples.join("\n").replace("# ", "");
        let manifest = Manifest::parse(&examples).unwrap_or_else(|error| panic!("{error} in\n{examples}"));
        assert_eq!(manifest.run.command, ["python3", "train.py"]);
        assert_eq!(manifest.better.len(), 2);
    }

    #[test]
    fn a_training_project_is_recognised() {
        let files =
            ["features.yaml", "metrics.json", "model.json", "params.yaml", "train.py", "uv.lock", "x.csv"];
        let detected = detect(&listing(&files, &["data", "src", "models", ".dvc"]));
        let manifest = Manifest::parse(&detected.text).unwrap();
        let paths: Vec<_> =
            manifest.paths().into_iter().map(|(what, path)| format!("{what}: {path}")).collect();
        assert_eq!(
            paths,
            [
                "dataset data: data",
                "dataset x: x.csv",
                "features features: features.yaml",
                "params: params.yaml",
                "metrics: metrics.json",
                "output model: model.json",
                "output models: models",
            ]
        );
        assert_eq!(manifest.run.command, ["python3", "train.py"]);
        assert_eq!(detected.found.len(), 8);
        assert_eq!(detected.hints.len(), 2);
    }

    #[test]
    fn odd_names_make_valid_manifests() {
        let files = ["a\"b.csv", "ü ö.csv", "-x.csv", "..csv", "a.b.csv", "a.csv", "metrics.csv", "con.csv"];
        let detected = detect(&listing(&files, &[]));
        let manifest =
            Manifest::parse(&detected.text).unwrap_or_else(|error| panic!("{error}: {}", detected.text));
        assert!(manifest.datasets.len() >= 3);
        assert_eq!(manifest.metrics.len(), 1);
    }

    #[test]
    fn only_a_few_folders_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        for directory in ["src/deep", "data", "conf"] {
            std::fs::create_dir_all(folder.path().join(directory)).unwrap();
        }
        for file in ["src/train.py", "src/deep/x.py", "data/x.csv", "conf/config.yaml", "a.csv"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        let listed = list(folder.path()).unwrap();
        assert_eq!(listed, listing(&["a.csv", "conf/config.yaml", "src/train.py"], &["conf", "data", "src"]));
    }
}
