//! The log: commits with what they changed, as text with or without lanes, and as JSON.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::diff::{Judgement, MetricChange};
use crate::graph::{Lanes, Row};
use crate::id::CommitId;
use crate::object::Commit;
use crate::render::escape::escape;
use crate::render::graph::draw;
use crate::render::json::{metric_json, time_json};
use crate::render::number::{date, measured, short, short_id};
use crate::render::style::{Role, Style};
use crate::value::Value;

/// Metrics that are shown of a commit.
const MAX_METRICS: usize = 3;

/// A commit of a log, with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// Its id.
    pub id: CommitId,
    /// The commit.
    pub commit: Commit,
    /// Names that point to it.
    pub labels: Vec<RefLabel>,
    /// What it changed, in a line: a verdict's [`brief`](crate::diff::Verdict::brief), or what a first commit holds.
    pub changes: Option<String>,
    /// Metrics that it changed.
    pub metrics: Vec<MetricChange>,
}

/// A name that points to a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefLabel {
    /// What kind of name it is.
    pub kind: LabelKind,
    /// The name.
    pub name: String,
}

/// What kind of name points to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelKind {
    /// The branch that HEAD is on, or `HEAD` itself where it is on none.
    Head,
    /// Another branch.
    Branch,
    /// A tag.
    Tag,
}

/// How a log is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFormat {
    /// A line a commit.
    pub oneline: bool,
    /// With lanes.
    pub graph: bool,
}

/// Writes commits one after the other.
pub struct LogWriter {
    style: Style,
    format: LogFormat,
    lanes: Lanes,
    begun: bool,
}

impl LogWriter {
    /// Nothing was written yet.
    pub fn new(style: Style, format: LogFormat) -> Self {
        Self { style, format, lanes: Lanes::default(), begun: false }
    }

    /// Writes the next commit.
    pub fn entry(&mut self, out: &mut dyn Write, entry: &LogEntry) -> io::Result<()> {
        let mut lines = match self.format.oneline {
            true => vec![self.oneline(entry)],
            false => self.full(entry),
        };
        if !self.format.graph {
            if self.begun && !self.format.oneline {
                writeln!(out)?;
            }
            self.begun = true;
            return lines.iter().try_for_each(|line| writeln!(out, "{line}"));
        }
        let row = self.lanes.next(entry.id, &entry.commit.parents);
        if !self.format.oneline && !row.edges.is_empty() {
            lines.push(String::new());
        }
        self.beside_lanes(out, &row, &lines)
    }

    fn beside_lanes(&self, out: &mut dyn Write, row: &Row, lines: &[String]) -> io::Result<()> {
        let drawn = draw(row);
        let left = std::iter::once(&drawn.node).chain(&drawn.links);
        let rows = lines.len().max(1 + drawn.links.len());
        for (at, left) in left.chain(std::iter::repeat(&drawn.rest)).take(rows).enumerate() {
            let line = format!("{left}{}", lines.get(at).map_or("", String::as_str));
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn oneline(&self, entry: &LogEntry) -> String {
        let id = self.style.paint(Role::Id, &short_id(entry.id));
        let subject = entry.commit.message.lines().next().unwrap_or_default();
        format!("{id} {}{}", self.labels(entry, true), escape(subject))
    }

    fn labels(&self, entry: &LogEntry, space: bool) -> String {
        if entry.labels.is_empty() {
            return String::new();
        }
        let label = |label: &RefLabel| match label.kind {
            LabelKind::Head if label.name == "HEAD" => "HEAD".to_owned(),
            LabelKind::Head => self.style.change("HEAD", &escape(&label.name)),
            LabelKind::Branch => escape(&label.name).into_owned(),
            LabelKind::Tag => format!("tag: {}", escape(&label.name)),
        };
        let labels: Vec<String> = entry.labels.iter().map(label).collect();
        let text = self.style.paint(Role::Changed, &format!("({})", labels.join(", ")));
        if space { format!("{text} ") } else { format!(" {text}") }
    }

    /// `accuracy 0.91 → 0.93, loss 0.2 → 0.1`, each in the colour of what it means; no more than fit.
    fn metrics(&self, metrics: &[MetricChange]) -> String {
        let style = &self.style;
        let one = |metric: &MetricChange| {
            let text = |value: &Option<Value>| {
                value.as_ref().map(|value| match value {
                    Value::Float(number) => short(*number),
                    value => measured(value),
                })
            };
            let value = match (text(&metric.old), text(&metric.new)) {
                (Some(old), Some(new)) => style.change(&old, &new),
                (None, Some(new)) => new,
                (Some(old), None) => format!("{old} {}", style.change("", "none").trim_start()),
                (None, None) => String::new(),
            };
            let role = match metric.judgement() {
                Judgement::Better => Role::Better,
                Judgement::Worse => Role::Worse,
                Judgement::Unknown => Role::Plain,
            };
            let name = escape(&metric.path.to_string()).into_owned();
            let width = name.chars().count() + 1 + value.chars().count();
            (width, format!("{name} {}", style.paint(role, &value)))
        };
        let mut room = style.width.saturating_sub("Metrics: , and 99 more".len());
        let mut shown: Vec<String> = Vec::new();
        for metric in key_metrics(metrics) {
            let (width, text) = one(metric);
            if !shown.is_empty() && width + 2 > room {
                break;
            }
            room = room.saturating_sub(width + 2);
            shown.push(text);
        }
        let more = if metrics.len() > shown.len() {
            format!(", and {} more", metrics.len() - shown.len())
        } else {
            String::new()
        };
        shown.join(", ") + &style.paint(Role::Dim, &more)
    }

    fn full(&self, entry: &LogEntry) -> Vec<String> {
        let style = &self.style;
        let commit = &entry.commit;
        let id = style.paint(Role::Id, &format!("commit {}", short_id(entry.id)));
        let mut lines = vec![format!("{id}{}", self.labels(entry, false))];
        if commit.parents.len() > 1 {
            let parents: Vec<String> = commit.parents.iter().map(short_id).collect();
            lines.push(format!("Merge:   {}", parents.join(" ")));
        }
        lines.push(format!("Author:  {}", escape(&commit.author)));
        lines.push(format!("Date:    {}", date(&commit.time)));
        if let Some(changes) = &entry.changes {
            lines.push(format!("Changed: {}", escape(changes)));
        }
        if !entry.metrics.is_empty() {
            lines.push(format!("Metrics: {}", self.metrics(&entry.metrics)));
        }
        lines.push(String::new());
        lines.extend(message_lines(&commit.message));
        lines
    }
}

/// Those with a direction, or all where none has one; the first few of them.
fn key_metrics(metrics: &[MetricChange]) -> impl Iterator<Item = &MetricChange> {
    let any = metrics.iter().any(|metric| metric.better.is_some());
    metrics.iter().filter(move |metric| metric.better.is_some() || !any).take(MAX_METRICS)
}

/// The lines of a message, indented and safe to print.
pub(super) fn message_lines(message: &str) -> impl Iterator<Item = String> {
    message.trim_end().lines().map(|line| format!("    {}", escape(line.trim_end())).trim_end().to_owned())
}

/// A log as JSON.
pub fn log_json(entries: &[LogEntry]) -> Json {
    let kind = |kind| match kind {
        LabelKind::Head => "head",
        LabelKind::Branch => "branch",
        LabelKind::Tag => "tag",
    };
    let entry = |entry: &LogEntry| {
        let labels: Vec<Json> =
            entry.labels.iter().map(|label| json!({"kind": kind(label.kind), "name": label.name})).collect();
        json!({
            "id": entry.id.to_string(),
            "parents": entry.commit.parents.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "definition": entry.commit.definition.to_string(),
            "outcome": entry.commit.outcome.map(|id| id.to_string()),
            "author": entry.commit.author,
            "time": time_json(&entry.commit.time),
            "message": entry.commit.message,
            "refs": labels,
            "changes": entry.changes,
            "metrics": entry.metrics.iter().map(metric_json).collect::<Vec<_>>(),
        })
    };
    json!({"schema": "mdl.log/1", "commits": entries.iter().map(entry).collect::<Vec<_>>()})
}
