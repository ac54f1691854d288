//! Reads the manifest's text. Every error has the line that it is about.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

use crate::name::{NameError, PartName, TreePath};
use crate::object::Direction;
use crate::suggest;
use crate::worktree::manifest::{
    DatasetSpec, FILE_NAME, FeaturesSpec, MAX_BYTES, Manifest, ManifestError, ManifestProblem, RunSpec, words,
};

type Result<T> = std::result::Result<T, ManifestError>;

/// Reads a manifest.
pub(super) fn parse(text: &str) -> Result<Manifest> {
    if text.len() > MAX_BYTES {
        return Err(ManifestError { line: None, problem: ManifestProblem::TooLong });
    }
    let source = Source { text };
    let document = Document::parse(text).map_err(|error| {
        source.error(error.span(), ManifestProblem::Syntax(error.message().replace('\n', "; ")))
    })?;
    let root = Section { source, name: String::new(), table: document.as_table(), span: None };
    root.only(&["datasets", "features", "params", "metrics", "outputs", "run"])?;
    let mut paths = Paths { source, places: Vec::new() };
    let mut manifest = Manifest {
        datasets: root.named("datasets", |section| dataset(section, &mut paths))?,
        features: root.named("features", |section| features(section, &mut paths))?,
        ..Manifest::default()
    };
    if let Some(section) = root.section("params")? {
        section.only(&["files"])?;
        manifest.params = section.files(&mut paths)?;
    }
    if let Some(section) = root.section("metrics")? {
        section.only(&["files", "better"])?;
        manifest.metrics = section.files(&mut paths)?;
        manifest.better = section.directions()?;
    }
    manifest.outputs = root.named("outputs", |section| {
        section.only(&["path"])?;
        section.path(&mut paths)
    })?;
    if let Some(section) = root.section("run")? {
        manifest.run = run(&section)?;
    }
    check_datasets(&root, &manifest)?;
    paths.check()?;
    Ok(manifest)
}

fn dataset(section: &Section<'_>, paths: &mut Paths<'_>) -> Result<DatasetSpec> {
    section.only(&["path", "reference", "source", "licence"])?;
    Ok(DatasetSpec {
        path: section.path(paths)?,
        reference: section.boolean("reference")?.unwrap_or_default(),
        source: section.text("source")?,
        licence: section.text("licence")?,
    })
}

fn features(section: &Section<'_>, paths: &mut Paths<'_>) -> Result<FeaturesSpec> {
    section.only(&["path", "datasets"])?;
    let mut datasets = Vec::new();
    for (text, span) in section.texts("datasets")? {
        datasets.push(section.part_name("datasets", &text, span)?);
    }
    Ok(FeaturesSpec { path: section.path(paths)?, datasets })
}

fn run(section: &Section<'_>) -> Result<RunSpec> {
    section.only(&["command", "seeds", "variables"])?;
    let texts = |key| Ok(section.texts(key)?.into_iter().map(|(text, _)| text).collect());
    let command = match section.table.get("command").and_then(Item::as_str) {
        Some(line) => words::split(line).ok_or_else(|| {
            section.error("command", ManifestProblem::Quote { key: section.key("command") })
        })?,
        None => texts("command")?,
    };
    Ok(RunSpec { command, seeds: texts("seeds")?, variables: texts("variables")? })
}

/// Feature sets are built from datasets that there are.
fn check_datasets(root: &Section<'_>, manifest: &Manifest) -> Result<()> {
    for (name, spec) in &manifest.features {
        if let Some(missing) = spec.datasets.iter().find(|name| !manifest.datasets.contains_key(*name)) {
            let table = root.table.get("features").and_then(Item::as_table_like);
            let span = table.and_then(|table| table.get(name.as_str())).and_then(Item::span);
            let key = format!("features.{name}.datasets");
            return Err(root.source.error(span, ManifestProblem::NoDataset { key, name: missing.clone() }));
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Source<'a> {
    text: &'a str,
}

impl Source<'_> {
    fn error(self, span: Option<Range<usize>>, problem: ManifestProblem) -> ManifestError {
        let before = |span: Range<usize>| self.text.as_bytes().get(..span.start);
        let line = span.and_then(before).map(|text| 1 + text.iter().filter(|byte| **byte == b'\n').count());
        ManifestError { line, problem }
    }
}

/// The paths that were met, with what they are and where.
struct Paths<'a> {
    source: Source<'a>,
    places: Vec<(String, TreePath, Option<Range<usize>>)>,
}

impl Paths<'_> {
    /// No path may be another or lie below it, else one file would be two parts.
    fn check(&self) -> Result<()> {
        let mut all: HashMap<&str, &str> = HashMap::new();
        for (what, path, span) in &self.places {
            if path.as_str() == FILE_NAME {
                return Err(self.source.error(span.clone(), ManifestProblem::Itself(path.clone())));
            }
            if let Some(first) = all.insert(path.as_str(), what) {
                return Err(self.overlap(first, what, span));
            }
        }
        for (what, path, span) in &self.places {
            let path = path.as_str();
            let above = path.match_indices('/').find_map(|(at, _)| all.get(&path[..at]));
            if let Some(first) = above {
                return Err(self.overlap(first, what, span));
            }
        }
        Ok(())
    }

    fn overlap(&self, first: &str, second: &str, span: &Option<Range<usize>>) -> ManifestError {
        let (first, second) = (first.to_owned(), second.to_owned());
        self.source.error(span.clone(), ManifestProblem::Overlap { first, second })
    }
}

/// A table of the manifest.
struct Section<'a> {
    source: Source<'a>,
    /// Its dotted name, empty for the root.
    name: String,
    table: &'a dyn TableLike,
    span: Option<Range<usize>>,
}

impl<'a> Section<'a> {
    fn key(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn error(&self, key: &str, problem: ManifestProblem) -> ManifestError {
        let span = self.table.get(key).and_then(Item::span).or_else(|| self.span.clone());
        self.source.error(span, problem)
    }

    fn wrong(&self, key: &str, expected: &'static str) -> ManifestError {
        self.error(key, ManifestProblem::Type { key: self.key(key), expected })
    }

    /// Refuses every key but these.
    fn only(&self, known: &[&'static str]) -> Result<()> {
        for (key, _) in self.table.iter() {
            if !known.contains(&key) {
                let table =
                    if self.name.is_empty() { "the manifest".into() } else { format!("[{}]", self.name) };
                let nearest = suggest::nearest(key, known.iter().copied());
                let problem = ManifestProblem::UnknownKey { table, key: key.to_owned(), nearest };
                let span = self.table.key(key).and_then(toml_edit::Key::span);
                let span = span.or_else(|| self.table.get(key).and_then(Item::span));
                return Err(self.source.error(span, problem));
            }
        }
        Ok(())
    }

    fn section(&self, key: &str) -> Result<Option<Section<'a>>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        let table = item.as_table_like().ok_or_else(|| self.wrong(key, "a table"))?;
        Ok(Some(Section { source: self.source, name: self.key(key), table, span: item.span() }))
    }

    /// The tables in a table, by their names.
    fn named<T>(
        &self,
        key: &str,
        mut read: impl FnMut(&Section<'a>) -> Result<T>,
    ) -> Result<BTreeMap<PartName, T>> {
        let mut found = BTreeMap::new();
        let Some(section) = self.section(key)? else { return Ok(found) };
        for (name, _) in section.table.iter() {
            let span = section.table.key(name).and_then(toml_edit::Key::span);
            let part = section.part_name(name, name, span)?;
            if let Some(below) = section.section(name)? {
                found.insert(part, read(&below)?);
            }
        }
        Ok(found)
    }

    fn part_name(&self, key: &str, text: &str, span: Option<Range<usize>>) -> Result<PartName> {
        PartName::new(text).map_err(|problem| self.bad_name(key, text, span, problem))
    }

    fn bad_name(
        &self,
        key: &str,
        text: &str,
        span: Option<Range<usize>>,
        problem: NameError,
    ) -> ManifestError {
        let problem = ManifestProblem::Name { key: self.key(key), text: text.to_owned(), problem };
        self.source.error(span, problem)
    }

    fn text(&self, key: &str) -> Result<Option<String>> {
        let item = self.table.get(key);
        item.map(|item| item.as_str().map(str::to_owned).ok_or_else(|| self.wrong(key, "a text"))).transpose()
    }

    fn boolean(&self, key: &str) -> Result<Option<bool>> {
        let item = self.table.get(key);
        item.map(|item| item.as_bool().ok_or_else(|| self.wrong(key, "true or false"))).transpose()
    }

    fn texts(&self, key: &str) -> Result<Vec<(String, Option<Range<usize>>)>> {
        let wrong = || self.wrong(key, "a list of texts");
        let Some(item) = self.table.get(key) else { return Ok(Vec::new()) };
        let one = |value: &Value| {
            let text = value.as_str().ok_or_else(wrong)?;
            Ok((text.to_owned(), value.span()))
        };
        item.as_array().ok_or_else(wrong)?.iter().map(one).collect()
    }

    fn one_path(&self, key: &str, text: &str, span: Option<Range<usize>>) -> Result<TreePath> {
        // `data/` is a common way to write a directory.
        let plain = text.strip_prefix("./").unwrap_or(text);
        let plain = plain.strip_suffix('/').unwrap_or(plain);
        TreePath::new(plain).map_err(|problem| self.bad_name(key, text, span, problem))
    }

    fn path(&self, paths: &mut Paths<'_>) -> Result<TreePath> {
        let missing = || self.error("path", ManifestProblem::Missing { key: self.key("path") });
        let text = self.text("path")?.ok_or_else(missing)?;
        let span = self.table.get("path").and_then(Item::span);
        let path = self.one_path("path", &text, span.clone())?;
        paths.places.push((format!("[{}]", self.name), path.clone(), span));
        Ok(path)
    }

    fn files(&self, paths: &mut Paths<'_>) -> Result<Vec<TreePath>> {
        let mut files = Vec::new();
        for (text, span) in self.texts("files")? {
            let path = self.one_path("files", &text, span.clone())?;
            paths.places.push((format!("{path} in [{}]", self.name), path.clone(), span));
            files.push(path);
        }
        Ok(files)
    }

    fn directions(&self) -> Result<BTreeMap<String, Direction>> {
        let Some(section) = self.section("better")? else { return Ok(BTreeMap::new()) };
        let one = |(key, item): (&'a str, &'a Item)| {
            let direction = match item.as_str() {
                Some("higher") => Direction::Higher,
                Some("lower") => Direction::Lower,
                _ => return Err(section.wrong(key, "\"higher\" or \"lower\"")),
            };
            Ok((key.to_owned(), direction))
        };
        section.table.iter().map(one).collect()
    }
}
