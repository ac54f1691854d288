//! A commit in full: who, when and why, the definition part by part, and what came of it.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::diff::{Field, Snapshot, SnapshotDataset, accelerator_fields, system_fields};
use crate::object::{Node, Outcome};
use crate::render::escape::escape;
use crate::render::json::{fields_json, node_json, value_json};
use crate::render::log::{LogEntry, LogFormat, LogWriter, log_json};
use crate::render::number::{count, date, in_unit, measured, short_id, size, value_text};
use crate::render::style::{Role, Style};
use crate::render::table::{Table, dim, plain};
use crate::value::{KeyPath, Value};

/// A commit with all that is to be shown of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownCommit {
    /// The commit and the names that point to it.
    pub entry: LogEntry,
    /// Its definition and outcome.
    pub snapshot: Snapshot,
}

/// Writes a commit, then its definition and outcome.
pub fn show_commit(out: &mut dyn Write, style: &Style, shown: &ShownCommit) -> io::Result<()> {
    LogWriter::new(*style, LogFormat::default()).entry(out, &shown.entry)?;
    if let Some(git) = &shown.entry.commit.git {
        let mut words: Vec<String> = Vec::new();
        words.extend(git.commit.as_ref().map(|commit| escape(commit).chars().take(10).collect()));
        words.extend(git.branch.as_ref().map(|branch| format!("on {}", escape(branch))));
        words.extend(git.remote.as_ref().map(|remote| format!("of {}", escape(remote))));
        words.extend(git.dirty.then(|| "with changes that git does not have".to_owned()));
        writeln!(out, "\n{}", style.paint(Role::Dim, &format!("git: {}", words.join(" "))))?;
    }
    show_snapshot(out, style, &shown.snapshot)
}

/// Writes a definition and an outcome, part by part.
pub fn show_snapshot(out: &mut dyn Write, style: &Style, snapshot: &Snapshot) -> io::Result<()> {
    let mut table = Table::default();
    snapshot.datasets.iter().for_each(|(name, it)| dataset_row(&mut table, name.as_str(), it));
    section(out, style, "datasets", &table)?;
    if let Some(params) = &snapshot.params {
        section(out, style, "params", &values_table(&Value::Map(params.values.clone()), value_text))?;
    }
    features(out, style, snapshot)?;
    if let Some(definition) = &snapshot.state.definition {
        let mut table = Table::default();
        if let Some(code) = definition.code {
            table.row([plain("code"), dim(short_id(code))]);
        }
        if let Some(command) = &definition.command {
            table.row([plain("command"), plain(escape(&command.join(" ")))]);
        }
        for (name, seed) in &definition.seeds {
            table.row([plain(format!("seed {}", escape(name))), plain(value_text(seed))]);
        }
        section(out, style, "run", &table)?;
    }
    environment(out, style, snapshot)?;
    snapshot.state.outcome.as_ref().map_or(Ok(()), |it| outcome(out, style, it))
}

fn section(out: &mut dyn Write, style: &Style, name: &str, table: &Table) -> io::Result<()> {
    if table.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style.paint(Role::Heading, name))?;
    table.write(out, style, 2)
}

/// More values are too many for a person.
const MOST_LEAVES: usize = 100_000;

/// A row for each leaf.
pub(super) fn values_table(value: &Value, text: impl Fn(&Value) -> String) -> Table {
    let mut table = Table::default();
    if value.has_more_leaves_than(MOST_LEAVES) {
        let of = |value: &Value| match value.has_more_leaves_than(MOST_LEAVES) {
            true => format!("a {} of more than {MOST_LEAVES} values; --json shows them", value.type_name()),
            false => text(value),
        };
        match value {
            Value::Map(map) => map.iter().for_each(|(name, value)| {
                table.row([plain(escape(&KeyPath::default().child(name).to_string())), plain(of(value))]);
            }),
            value => table.row([plain(of(value))]),
        }
        return table;
    }
    for (path, leaf) in value.leaves() {
        table.row([plain(escape(&key(&path))), plain(text(leaf))]);
    }
    table
}

fn key(path: &KeyPath) -> String {
    path.to_string()
}

/// A row for each field.
pub(super) fn fields_table(fields: &[Field]) -> Table {
    let mut table = Table::default();
    for field in fields {
        table.row([plain(escape(&field.label)), plain(in_unit(&field.value, field.unit))]);
    }
    table
}

fn dataset_row(table: &mut Table, name: &str, shown: &SnapshotDataset) {
    let dataset = &shown.dataset;
    let files = match dataset.root {
        Node::Directory { files, .. } => count(files, "file"),
        _ => String::new(),
    };
    let rows = shown.profile.as_ref().and_then(|profile| profile.rows).map(|rows| count(rows, "row"));
    let words = [
        dataset.format.as_deref().map(|format| escape(format).into_owned()),
        Some(files).filter(|files| !files.is_empty()),
        rows,
        Some(size(dataset.root.bytes())),
        (!dataset.stored).then(|| "by reference".to_owned()),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    let path = escape(shown.placed.path.as_str()).into_owned();
    table.row([
        plain(escape(name)),
        plain(path),
        plain(words.join(", ")),
        dim(short_id(shown.placed.dataset)),
    ]);
}

fn features(out: &mut dyn Write, style: &Style, snapshot: &Snapshot) -> io::Result<()> {
    let mut table = Table::default();
    for (name, (placed, set)) in &snapshot.features {
        let names: Vec<String> = set.features.iter().map(|f| escape(&f.name).into_owned()).collect();
        let list = style.clip(&names.join(", "), 48);
        let number = count(set.features.len() as u64, "feature");
        table.row([plain(escape(name.as_str())), plain(number), plain(list), dim(short_id(placed.features))]);
    }
    section(out, style, "features", &table)
}

fn environment(out: &mut dyn Write, style: &Style, snapshot: &Snapshot) -> io::Result<()> {
    let Some(environment) = &snapshot.environment else { return Ok(()) };
    let mut table = Table::default();
    let packages = &environment.packages;
    let interpreter = packages.interpreter.as_ref();
    let python = interpreter.map(|i| format!("{} {}, ", escape(&i.implementation), escape(&i.version)));
    let number = count(packages.packages.len() as u64, "package");
    table.row([
        plain("packages"),
        plain(format!("{}{number}", python.unwrap_or_default())),
        dim(short_id(environment.environment.packages)),
    ]);
    let system = &environment.system;
    let release = system.release.as_ref().unwrap_or(&system.os);
    let (threads, memory) = (count(system.cpu.threads, "thread"), size(system.memory));
    let text = format!(
        "{}, {}, {}, {threads}, {memory}",
        escape(release),
        escape(&system.arch),
        escape(&system.cpu.model)
    );
    table.row([plain("system"), plain(style.clip(&text, 60)), dim(short_id(environment.environment.system))]);
    let devices = &environment.accelerators.devices;
    let text = match devices.first() {
        None => "none".to_owned(),
        Some(first) => format!("{}{}{}", devices.len(), style.times(), escape(&first.model)),
    };
    let id = short_id(environment.environment.accelerators);
    table.row([plain("accelerators"), plain(text), dim(id)]);
    for (name, value) in &environment.environment.variables {
        table.row([plain(escape(name)), plain(style.clip(&escape(value), 60))]);
    }
    section(out, style, "environment", &table)
}

fn outcome(out: &mut dyn Write, style: &Style, outcome: &Outcome) -> io::Result<()> {
    if let Some(metrics) = &outcome.metrics {
        section(out, style, "metrics", &values_table(&Value::Map(metrics.values.clone()), measured))?;
    }
    let mut table = Table::default();
    for (name, placed) in &outcome.outputs {
        let path = escape(placed.path.as_str()).into_owned();
        table.row([plain(escape(name.as_str())), plain(path), plain(size(placed.node.bytes()))]);
    }
    section(out, style, "outputs", &table)?;
    let mut table = Table::default();
    let rows = [
        ("exit", outcome.exit.map(|status| status.to_string())),
        ("started", outcome.started.as_ref().map(date)),
        ("finished", outcome.finished.as_ref().map(date)),
        ("log", outcome.log.as_ref().map(|log| size(log.size))),
    ];
    for (name, text) in rows {
        text.into_iter().for_each(|text| table.row([plain(name), plain(text)]));
    }
    section(out, style, "outcome", &table)
}

/// A commit with its definition and outcome, as JSON.
pub fn show_commit_json(shown: &ShownCommit) -> Json {
    let mut out = log_json(std::slice::from_ref(&shown.entry))["commits"][0].take();
    let snapshot = &shown.snapshot;
    let datasets = snapshot.datasets.iter().map(|(name, it)| {
        let profile = it.profile.as_ref();
        let json = json!({
            "id": it.placed.dataset.to_string(),
            "path": it.placed.path.as_str(),
            "node": node_json(&it.dataset.root),
            "stored": it.dataset.stored,
            "format": it.dataset.format,
            "source": it.dataset.source,
            "licence": it.dataset.licence,
            "rows": profile.and_then(|profile| profile.rows),
        });
        (name.to_string(), json)
    });
    out["datasets"] = Json::Object(datasets.collect());
    let features = snapshot.features.iter().map(|(name, (placed, set))| {
        let names: Vec<&str> = set.features.iter().map(|feature| feature.name.as_str()).collect();
        (name.to_string(), json!({"id": placed.features.to_string(), "features": names}))
    });
    out["features"] = Json::Object(features.collect());
    let params = snapshot.params.as_ref().map(|params| value_json(&Value::Map(params.values.clone())));
    out["params"] = params.unwrap_or(Json::Null);
    if let Some(definition) = &snapshot.state.definition {
        out["code"] = json!(definition.code.map(|id| id.to_string()));
        out["command"] = json!(definition.command);
        out["seeds"] = value_json(&Value::Map(definition.seeds.clone()));
    }
    if let Some(environment) = &snapshot.environment {
        out["environment"] = json!({
            "packages": environment.environment.packages.to_string(),
            "system": fields_json(&system_fields(&environment.system)),
            "accelerators": fields_json(&accelerator_fields(&environment.accelerators)),
            "variables": environment.environment.variables,
        });
    }
    if let Some(outcome) = &snapshot.state.outcome {
        let metrics = outcome.metrics.as_ref();
        out["values"] = metrics.map_or(Json::Null, |metrics| value_json(&Value::Map(metrics.values.clone())));
        out["exit"] = json!(outcome.exit);
    }
    json!({"schema": "mdl.show/1", "commit": out})
}
