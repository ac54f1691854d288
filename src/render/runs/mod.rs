//! Runs in a table, newest first, or by sweep with the best first.
//!
//! Columns are those that tell the runs apart: parameters that differ, metrics with a direction. Where the terminal is
//! too narrow for all of them, the least important ones are left out.

mod columns;
mod json;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::id::{CommitId, DefinitionId};
use crate::object::{Direction, Grade, Run, Time};
use crate::render::layout::{clipped, wrapped};
use crate::render::number::count;
use crate::render::style::{Role, Style};
use crate::render::table::Table;
use crate::repo::RunState;
use crate::value::Value;

pub use json::runs_json;

/// A run of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLine {
    /// The run.
    pub run: Run,
    /// The newest commit that records it.
    pub commit: CommitId,
    /// What went in.
    pub definition: DefinitionId,
    /// Why it was made, in words.
    pub message: String,
    /// What became of it.
    pub state: RunState,
    /// When it began.
    pub started: Time,
    /// How long it took, or has taken until now.
    pub seconds: Option<f64>,
    /// Its hyperparameters.
    pub params: BTreeMap<String, Value>,
    /// The final values of its metrics, or the last ones known.
    pub metrics: BTreeMap<String, Value>,
    /// Which direction of a metric is better, by dotted path.
    pub better: BTreeMap<String, Direction>,
    /// How busy its accelerators were on average, in per cent.
    pub busy: Option<f64>,
    /// How faithful it is to the run that it reproduces.
    pub grade: Option<Grade>,
}

impl RunLine {
    /// The value of a metric by its dotted path, as a number that can be ranked.
    fn number(&self, path: &str) -> Option<f64> {
        let path = path.parse::<crate::value::KeyPath>().ok()?;
        columns::lookup(&self.metrics, &path)?.as_f64().filter(|value| !value.is_nan())
    }
}

/// A list of runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Runs<'a> {
    /// The runs, in the order in which they are shown.
    pub lines: &'a [RunLine],
    /// The present, from which ages are told.
    pub now: Time,
    /// How many runs are not listed.
    pub more: usize,
    /// The command that lists them.
    pub more_command: &'a str,
    /// Whether nothing is left out for want of room, as in a pipe.
    pub full: bool,
}

/// Writes the runs in their order, and how they went altogether.
pub fn runs(out: &mut dyn Write, style: &Style, runs: &Runs<'_>) -> io::Result<()> {
    if runs.lines.is_empty() {
        return writeln!(out, "no runs");
    }
    let lines: Vec<&RunLine> = runs.lines.iter().collect();
    table(&lines, style, runs, false).write(out, style, 0)?;
    writeln!(out)?;
    closing(out, style, runs, &counts(&lines))
}

/// Writes the runs of each sweep, best first; the newest sweep comes first. Runs of no sweep are left out.
pub fn runs_by_sweep(out: &mut dyn Write, style: &Style, runs: &Runs<'_>) -> io::Result<()> {
    // In the order of their newest runs.
    let mut sweeps: Vec<(&str, Vec<&RunLine>)> = Vec::new();
    for line in runs.lines {
        let Some(sweep) = line.run.sweep.as_deref() else { continue };
        match sweeps.iter_mut().find(|(name, _)| *name == sweep) {
            Some((_, lines)) => lines.push(line),
            None => sweeps.push((sweep, vec![line])),
        }
    }
    if sweeps.is_empty() {
        return writeln!(out, "no sweeps");
    }
    let number = sweeps.len();
    for (sweep, mut lines) in sweeps {
        sort_best_first(&mut lines, |line| line);
        let name = clipped(style, sweep, 24);
        let used = "sweep    ".len() + name.chars().count();
        let width = if runs.full { usize::MAX } else { style.width };
        let counts = style.clip(&counts(&lines), width.saturating_sub(used));
        writeln!(out, "sweep {}   {}", style.paint(Role::Id, &name), style.paint(Role::Dim, &counts))?;
        table(&lines, style, runs, true).write(out, style, 2)?;
        writeln!(out)?;
    }
    closing(out, style, runs, &count(number as u64, "sweep"))
}

fn table(lines: &[&RunLine], style: &Style, runs: &Runs<'_>, of_sweep: bool) -> Table {
    let columns = columns::columns(lines, style, runs, of_sweep);
    let mut table = Table::default();
    table.row(columns.iter().map(columns::Column::head));
    for row in 0..lines.len() {
        table.row(columns.iter().map(|column| column.cells[row].clone()));
    }
    table
}

/// `6 runs: 4 finished, 1 failed, 1 running`.
fn counts(lines: &[&RunLine]) -> String {
    let words = ["running", "finished", "failed", "interrupted", "timed out", "unfinished"];
    let each = words.iter().filter_map(|word| {
        let number = lines.iter().filter(|line| line.state.word() == *word).count();
        (number > 0).then(|| format!("{number} {word}"))
    });
    format!("{}: {}", count(lines.len() as u64, "run"), each.collect::<Vec<_>>().join(", "))
}

fn closing(out: &mut dyn Write, style: &Style, runs: &Runs<'_>, counts: &str) -> io::Result<()> {
    let more = match runs.more {
        0 => String::new(),
        more => format!("; {more} more: {}", clipped(style, runs.more_command, 60)),
    };
    let width = if runs.full { usize::MAX } else { style.width };
    let lines = wrapped(style, &format!("{counts}{more}"), width);
    lines.iter().try_for_each(|line| writeln!(out, "{}", style.paint(Role::Dim, line)))
}

/// Puts the run first whose first metric with a direction is best; those without it come last. Equal ones stay in
/// the order of their making, newest first.
pub fn best_first(lines: &mut [RunLine]) {
    sort_best_first(lines, |line| line);
}

fn sort_best_first<T>(lines: &mut [T], line: impl Fn(&T) -> &RunLine) {
    let metric = lines.iter().find_map(|it| line(it).better.first_key_value());
    let metric = metric.map(|(path, better)| (path.clone(), *better));
    let rank = |a: &T, b: &T| -> Ordering {
        let (a, b) = (line(a), line(b));
        let newest = || b.run.id.as_str().cmp(a.run.id.as_str());
        let Some((path, better)) = &metric else { return newest() };
        let order = match (a.number(path), b.number(path)) {
            (Some(a), Some(b)) if *better == Direction::Higher => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        order.then_with(newest)
    };
    lines.sort_by(rank);
}

#[cfg(test)]
mod tests;
