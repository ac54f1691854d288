//! Edits of the manifest's text: comments, order and style of what is not touched survive.
//!
//! Adding what is there already changes nothing. What an edit leaves is always a valid manifest; an edit that fails
//! leaves the text as it was.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use crate::name::{PartName, TreePath};
use crate::object::Direction;
use crate::worktree::manifest::{DatasetSpec, FeaturesSpec, Manifest, ManifestError, ManifestProblem};

/// A manifest's text that is being edited.
#[derive(Clone, Debug)]
pub struct Editor {
    document: DocumentMut,
}

impl Editor {
    /// Starts from a text, which must be a valid manifest.
    pub fn new(text: &str) -> Result<Self, ManifestError> {
        Manifest::parse(text)?;
        let document = text.parse::<DocumentMut>().map_err(|error| ManifestError {
            line: None,
            problem: ManifestProblem::Syntax(error.message().to_owned()),
        })?;
        Ok(Self { document })
    }

    /// The text as it is now.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// The manifest as it is now.
    pub fn manifest(&self) -> Result<Manifest, ManifestError> {
        Manifest::parse(&self.text())
    }

    /// Adds a dataset; one of the same name and path gets the given properties. Says whether anything changed.
    pub fn add_dataset(&mut self, name: &PartName, spec: &DatasetSpec) -> Result<bool, ManifestError> {
        let known = self.manifest()?.datasets.remove(name);
        self.check_taken("dataset", name, known.as_ref().map(|spec| &spec.path), &spec.path)?;
        if known.as_ref() == Some(spec) {
            return Ok(false);
        }
        self.edit(|document| {
            let table = part(document, "datasets", name);
            set(table, "path", Some(spec.path.as_str().into()));
            set(table, "reference", spec.reference.then(|| true.into()));
            set(table, "source", spec.source.as_deref().map(Value::from));
            set(table, "licence", spec.licence.as_deref().map(Value::from));
        })
    }

    /// Adds a feature set; one of the same name and path gets the given datasets.
    pub fn add_features(&mut self, name: &PartName, spec: &FeaturesSpec) -> Result<bool, ManifestError> {
        let known = self.manifest()?.features.remove(name);
        self.check_taken("feature set", name, known.as_ref().map(|spec| &spec.path), &spec.path)?;
        if known.as_ref() == Some(spec) {
            return Ok(false);
        }
        self.edit(|document| {
            let table = part(document, "features", name);
            set(table, "path", Some(spec.path.as_str().into()));
            let datasets: Array = spec.datasets.iter().map(PartName::as_str).collect();
            set(table, "datasets", (!datasets.is_empty()).then_some(Value::Array(datasets)));
        })
    }

    /// Adds an output.
    pub fn add_output(&mut self, name: &PartName, path: &TreePath) -> Result<bool, ManifestError> {
        let known = self.manifest()?.outputs.remove(name);
        self.check_taken("output", name, known.as_ref(), path)?;
        if known.is_some() {
            return Ok(false);
        }
        self.edit(|document| set(part(document, "outputs", name), "path", Some(path.as_str().into())))
    }

    /// Adds a file of hyperparameters.
    pub fn add_params(&mut self, path: &TreePath) -> Result<bool, ManifestError> {
        if self.manifest()?.params.contains(path) {
            return Ok(false);
        }
        self.edit(|document| add_file(document, "params", path))
    }

    /// Adds a file of metrics.
    pub fn add_metrics(&mut self, path: &TreePath) -> Result<bool, ManifestError> {
        if self.manifest()?.metrics.contains(path) {
            return Ok(false);
        }
        self.edit(|document| add_file(document, "metrics", path))
    }

    /// Declares which direction of a metric is better, unless that is declared already.
    pub fn declare_better(&mut self, key: &str, direction: Direction) -> Result<bool, ManifestError> {
        if self.manifest()?.better.contains_key(key) {
            return Ok(false);
        }
        self.edit(|document| {
            let metrics = as_table(document.entry("metrics").or_insert_with(|| Item::Table(Table::new())));
            let better = as_table(metrics.entry("better").or_insert_with(|| value(InlineTable::new())));
            set(better, key, Some(direction.as_str().into()));
        })
    }

    /// Removes a dataset, by name; feature sets are no longer built from it.
    pub fn remove_dataset(&mut self, name: &PartName) -> Result<bool, ManifestError> {
        let manifest = self.manifest()?;
        if !manifest.datasets.contains_key(name) {
            return Ok(false);
        }
        self.edit(|document| {
            remove(document, "datasets", name);
            for features in manifest.features.keys() {
                let table = document.get_mut("features").and_then(|item| item.get_mut(features.as_str()));
                let list = table.and_then(|table| table.get_mut("datasets")).and_then(Item::as_array_mut);
                if let Some(list) = list {
                    list.retain(|value| value.as_str() != Some(name.as_str()));
                }
            }
        })
    }

    /// Removes a feature set, by name.
    pub fn remove_features(&mut self, name: &PartName) -> Result<bool, ManifestError> {
        let known = self.manifest()?.features.contains_key(name);
        if known { self.edit(|document| remove(document, "features", name)) } else { Ok(false) }
    }

    /// Removes an output, by name.
    pub fn remove_output(&mut self, name: &PartName) -> Result<bool, ManifestError> {
        let known = self.manifest()?.outputs.contains_key(name);
        if known { self.edit(|document| remove(document, "outputs", name)) } else { Ok(false) }
    }

    /// Removes a file of hyperparameters.
    pub fn remove_params(&mut self, path: &TreePath) -> Result<bool, ManifestError> {
        let at = self.manifest()?.params.iter().position(|other| other == path);
        at.map_or(Ok(false), |at| self.edit(|document| remove_file(document, "params", at)))
    }

    /// Removes a file of metrics.
    pub fn remove_metrics(&mut self, path: &TreePath) -> Result<bool, ManifestError> {
        let at = self.manifest()?.metrics.iter().position(|other| other == path);
        at.map_or(Ok(false), |at| self.edit(|document| remove_file(document, "metrics", at)))
    }

    /// Changes a copy, and keeps it if it is a manifest.
    fn edit(&mut self, change: impl FnOnce(&mut DocumentMut)) -> Result<bool, ManifestError> {
        let mut document = self.document.clone();
        change(&mut document);
        Manifest::parse(&document.to_string())?;
        self.document = document;
        Ok(true)
    }

    fn check_taken(
        &self,
        kind: &'static str,
        name: &PartName,
        known: Option<&TreePath>,
        path: &TreePath,
    ) -> Result<(), ManifestError> {
        match known {
            Some(known) if known != path => {
                let (name, path) = (name.clone(), known.clone());
                Err(ManifestError { line: None, problem: ManifestProblem::Taken { kind, name, path } })
            }
            _ => Ok(()),
        }
    }
}

/// The table of a part, made if it is missing, in the style that its neighbours have.
fn part<'d>(document: &'d mut DocumentMut, kind: &str, name: &PartName) -> &'d mut dyn TableLike {
    let mut below = Table::new();
    if !document.contains_key(kind) {
        below = last_table(document);
        let mut table = Table::new();
        table.set_implicit(true);
        document.insert(kind, Item::Table(table));
    }
    let parts = &mut document[kind];
    let new = if parts.is_inline_table() {
        Item::Value(Value::InlineTable(InlineTable::new()))
    } else {
        Item::Table(below)
    };
    let item = &mut parts[name.as_str()];
    if !item.is_table_like() {
        *item = new;
    }
    as_table(item)
}

/// A table for the end of the document. The comments there belong to what is above, and stay above.
fn last_table(document: &mut DocumentMut) -> Table {
    let mut table = Table::new();
    let trailing = text(Some(document.trailing()));
    if !trailing.trim().is_empty() {
        table.decor_mut().set_prefix(format!("{}\n\n", trailing.trim_end()));
        document.set_trailing("");
    }
    table
}

fn as_table(item: &mut Item) -> &mut dyn TableLike {
    if !item.is_table_like() {
        *item = Item::Table(Table::new());
    }
    match item {
        Item::Value(Value::InlineTable(table)) => table,
        Item::Table(table) => table,
        // Made a table just now.
        _ => unreachable!("the item is a table"),
    }
}

/// Sets or removes a key; one that has the value already keeps its comment and style.
fn set(table: &mut dyn TableLike, key: &str, new: Option<Value>) {
    let Some(mut new) = new else {
        table.remove(key);
        return;
    };
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            if plain(old) != plain(&new) {
                *new.decor_mut() = old.decor().clone();
                *old = new;
            }
        }
        _ => {
            table.insert(key, Item::Value(new));
        }
    }
}

/// A value's text without what surrounds it.
fn plain(value: &Value) -> String {
    value.clone().decorated("", "").to_string()
}

fn add_file(document: &mut DocumentMut, kind: &str, path: &TreePath) {
    if !document.contains_key(kind) {
        let table = last_table(document);
        document.insert(kind, Item::Table(table));
    }
    let table = as_table(&mut document[kind]);
    let files = table.entry("files").or_insert_with(|| value(Array::new()));
    let Some(files) = files.as_array_mut() else { return };
    let prefix = files.iter().last().map(|last| text(last.decor().prefix()));
    let Some((_, indent)) = prefix.as_deref().and_then(|prefix| prefix.rsplit_once('\n')) else {
        return files.push(path.as_str());
    };
    // A list with a file a line stays one. What follows the last comma, such as a comment, belongs to the line before.
    let trailing = text(Some(files.trailing()));
    let (rest, end) = trailing.rsplit_once('\n').unwrap_or(("", ""));
    let new = Value::from(path.as_str()).decorated(format!("{rest}\n{indent}"), "");
    files.set_trailing(format!("\n{end}"));
    files.set_trailing_comma(true);
    files.push_formatted(new);
}

fn text(raw: Option<&toml_edit::RawString>) -> String {
    raw.and_then(toml_edit::RawString::as_str).unwrap_or_default().to_owned()
}

fn remove(document: &mut DocumentMut, kind: &str, name: &PartName) {
    let Some(parts) = document.get_mut(kind).and_then(Item::as_table_like_mut) else { return };
    parts.remove(name.as_str());
    if parts.is_empty() {
        document.remove(kind);
    }
}

fn remove_file(document: &mut DocumentMut, kind: &str, at: usize) {
    let files = document.get_mut(kind).and_then(|table| table.get_mut("files")).and_then(Item::as_array_mut);
    let Some(files) = files else { return };
    let removed = files.remove(at);
    // A comment on the line of the file before is that file's.
    let prefix = text(removed.decor().prefix());
    let Some((comment, _)) = prefix.split_once('\n').filter(|(comment, _)| comment.contains('#')) else {
        return;
    };
    match files.get_mut(at) {
        Some(next) => {
            let prefix = text(next.decor().prefix());
            next.decor_mut().set_prefix(format!("{comment}{prefix}"));
        }
        None => files.set_trailing(format!("{comment}{}", text(Some(files.trailing())))),
    }
}
