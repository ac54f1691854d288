//! A run at a glance: what it was, how it went, what it measured, what it used of the machine.
//!
//! What is not known, as of a run that is not finished, is left out. Long lists are bounded, and say by how much.

mod environment;
#[cfg(test)]
pub(in crate::render) mod fixture;
mod head;
mod json;
mod metrics;
mod params;
mod usage;

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::diff::Snapshot;
use crate::id::CommitId;
use crate::object::{Outcome, Run, Series, Time};
use crate::render::layout::{Facts, INDENT, and_more, clipped, heading};
use crate::render::number::size;
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, plain};
use crate::repo::RunState;
use crate::value::Value;

pub(super) use head::{grade_role, grade_text, receipt_text};
pub use json::show_run_json;
pub(super) use json::{number_json, receipt_object_json, run_json, values_json};

/// Rows that are shown of a list.
const MAX_ROWS: usize = 12;
/// Remarks that are shown.
const MAX_NOTES: usize = 8;
/// Lines that are shown of a log.
const MAX_LOG_LINES: usize = 10;

/// A run with all that is to be shown of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownRun {
    /// The run.
    pub run: Run,
    /// The newest commit that records it.
    pub commit: CommitId,
    /// Why it was made, in words.
    pub message: String,
    /// What became of it.
    pub state: RunState,
    /// The present, from which ages are told.
    pub now: Time,
    /// Its definition and outcome. Of a run that is not finished, the outcome is what is known so far.
    pub snapshot: Snapshot,
    /// The curves of its metrics, by dotted path.
    pub curves: BTreeMap<String, Series>,
    /// The samples of its utilisation, by the names in the outcome.
    pub samples: BTreeMap<String, Series>,
    /// What its utilisation comes to, in a line.
    pub judgement: Option<String>,
    /// The last lines of its log, where they are of interest.
    pub log_tail: Vec<String>,
    /// The command that prints its log.
    pub log_command: Option<String>,
    /// What a reader should know besides.
    pub warnings: Vec<String>,
}

impl ShownRun {
    fn outcome(&self) -> Option<&Outcome> {
        self.snapshot.state.outcome.as_ref()
    }

    /// When it began, in milliseconds since 1970: as recorded, or as its id has it.
    fn started(&self) -> Time {
        let recorded = self.outcome().and_then(|outcome| outcome.started.clone());
        recorded.unwrap_or(Time {
            millis: i64::try_from(self.run.id.millis()).unwrap_or(i64::MAX),
            zone: self.now.zone,
        })
    }

    /// How long it took, or has taken until now.
    fn seconds(&self) -> Option<f64> {
        let finished = self.outcome().and_then(|outcome| outcome.finished.as_ref());
        let until = finished.or((self.state == RunState::Running).then_some(&self.now))?;
        Some(until.millis.saturating_sub(self.started().millis) as f64 / 1000.0)
    }

    /// The texts that an observation lists.
    fn observed(&self, name: &str) -> impl Iterator<Item = &str> {
        let list = match self.outcome().and_then(|outcome| outcome.observations.get(name)) {
            Some(Value::List(list)) => list.as_slice(),
            _ => &[],
        };
        list.iter().filter_map(|item| if let Value::Text(text) = item { Some(text.as_str()) } else { None })
    }

    /// Why less is known than could be.
    fn gaps(&self) -> impl Iterator<Item = &str> {
        let environment = self.snapshot.environment.as_ref();
        self.observed("gaps").chain(environment.and_then(|it| it.accelerators.gap.as_deref()))
    }
}

/// Writes a run at a glance.
pub fn show_run(out: &mut dyn Write, style: &Style, shown: &ShownRun) -> io::Result<()> {
    head::write(out, style, shown)?;
    params::write(out, style, shown)?;
    metrics::write(out, style, shown)?;
    outputs(out, style, shown)?;
    usage::write(out, style, shown)?;
    environment::write(out, style, shown)?;
    notes(out, style, shown)?;
    log(out, style, shown)
}

fn outputs(out: &mut dyn Write, style: &Style, shown: &ShownRun) -> io::Result<()> {
    let Some(outcome) = shown.outcome().filter(|outcome| !outcome.outputs.is_empty()) else { return Ok(()) };
    heading(out, style, "outputs", "")?;
    let mut table = Table::default();
    // Beside the indentation, two gaps and the size.
    let room = style.width.saturating_sub(INDENT + 6 + 9).min(96);
    let listed = || outcome.outputs.iter().take(MAX_ROWS);
    let names: Vec<Cell> = listed().map(|(name, _)| plain(clipped(style, name.as_str(), room / 2))).collect();
    let widest = names.iter().map(Cell::width).max().unwrap_or(0);
    for ((_, placed), name) in listed().zip(names) {
        let path = clipped(style, placed.path.as_str(), (room - widest).min(48));
        table.row([name, plain(path), Cell::right(Role::Dim, size(placed.node.bytes()))]);
    }
    table.write(out, style, INDENT)?;
    and_more(out, style, outcome.outputs.len().saturating_sub(MAX_ROWS))
}

/// What was redacted, what could not be seen, and what else a reader should know.
fn notes(out: &mut dyn Write, style: &Style, shown: &ShownRun) -> io::Result<()> {
    let mut facts = Facts::default();
    let room = style.width;
    let mut left_out = 0;
    let mut add = |label, role, texts: &[&str]| {
        let (listed, rest) = texts.split_at(texts.len().min(MAX_NOTES));
        listed.iter().for_each(|text| facts.push_as(label, role, clipped(style, text, room)));
        left_out += rest.len();
    };
    add("warning", Role::Id, &shown.warnings.iter().map(String::as_str).collect::<Vec<_>>());
    add("redacted", Role::Plain, &shown.observed("redacted").collect::<Vec<_>>());
    add("not seen", Role::Plain, &shown.gaps().collect::<Vec<_>>());
    if facts.is_empty() {
        return Ok(());
    }
    heading(out, style, "notes", "")?;
    facts.write(out, style)?;
    and_more(out, style, left_out)
}

fn log(out: &mut dyn Write, style: &Style, shown: &ShownRun) -> io::Result<()> {
    let recorded = shown.outcome().and_then(|outcome| outcome.log.as_ref());
    if recorded.is_none() && shown.log_tail.is_empty() {
        return Ok(());
    }
    let words = recorded.map(|log| size(log.size)).into_iter().chain(shown.log_command.clone());
    let remark = clipped(style, &words.collect::<Vec<_>>().join("   "), style.width.saturating_sub(6));
    heading(out, style, "log", &remark)?;
    let room = style.width.saturating_sub(INDENT);
    for line in &shown.log_tail[shown.log_tail.len().saturating_sub(MAX_LOG_LINES)..] {
        let line = line.trim_end().replace('\t', "    ");
        writeln!(out, "{:INDENT$}{}", "", clipped(style, &line, room))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
