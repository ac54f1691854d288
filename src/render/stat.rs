//! A diff in a row a part.

use crate::diff::{Diff, Part};
use crate::object::Node;
use crate::render::escape::escape;
use crate::render::files::{line_counts, path_cell, totals_text};
use crate::render::number::{count, size};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, plain};

/// Rows of what differs, in the order of the parts.
pub(super) fn table(style: &Style, diff: &Diff) -> Table {
    let mut table = Table::default();
    for part in Part::ALL.into_iter().filter(|part| !diff.is_same(*part)) {
        match part {
            Part::Datasets => datasets(&mut table, style, diff),
            Part::Features => features(&mut table, diff),
            Part::Code => code(&mut table, style, diff),
            Part::Outputs => outputs(&mut table, style, diff),
            part => table.row([heading(part.name()), plain(counted(diff, part))]),
        }
    }
    table
}

fn heading(name: impl Into<String>) -> Cell {
    Cell::new(Role::Heading, name)
}

fn counted(diff: &Diff, part: Part) -> String {
    let changes = |number: usize| count(number as u64, "change");
    match part {
        Part::Params if diff.params.values.is_empty() => "layout only".to_owned(),
        Part::Params => changes(diff.params.values.len()),
        Part::Seeds => changes(diff.seeds.len()),
        Part::Packages => changes(diff.packages.count()),
        Part::System => changes(diff.system.len()),
        Part::Accelerators => changes(diff.accelerators.len()),
        Part::Variables => changes(diff.variables.len()),
        Part::Metrics => changes(diff.metrics.values.len()),
        _ => "changed".to_owned(),
    }
}

fn one_sided(old: Option<Node>, new: Option<Node>) -> Option<String> {
    match (old, new) {
        (None, Some(node)) => Some(format!("added, {}", size(node.bytes()))),
        (Some(node), None) => Some(format!("removed, {}", size(node.bytes()))),
        _ => None,
    }
}

fn datasets(table: &mut Table, style: &Style, diff: &Diff) {
    for dataset in &diff.datasets {
        let (old, new) = (dataset.old.as_ref().map(|it| it.node), dataset.new.as_ref().map(|it| it.node));
        let totals = || match dataset.files.is_empty() {
            true => "description only".to_owned(),
            false => totals_text(style, &dataset.files.totals(), dataset.files.truncated),
        };
        let name = format!("datasets/{}", escape(dataset.name.as_str()));
        table.row([heading(name), plain(one_sided(old, new).unwrap_or_else(totals))]);
    }
}

fn features(table: &mut Table, diff: &Diff) {
    for set in &diff.features {
        let text = match (set.old_len, set.new_len) {
            (None, Some(_)) => "added".to_owned(),
            (Some(_), None) => "removed".to_owned(),
            _ if set.count() == 0 => "layout only".to_owned(),
            _ => count(set.count() as u64, "change"),
        };
        table.row([heading(format!("features/{}", escape(set.name.as_str()))), plain(text)]);
    }
}

fn code(table: &mut Table, style: &Style, diff: &Diff) {
    let totals = diff.code.totals();
    let lines = line_counts(style, totals.lines_added, totals.lines_removed);
    let more = if diff.code.truncated { "more than " } else { "" };
    let comma = if lines.is_empty() { "" } else { ", " };
    let files = count(totals.files(), "file");
    table.row([heading("code"), plain(format!("{more}{files}{comma}{lines}"))]);
    for change in &diff.code.changes {
        let about = match &change.lines {
            Some(crate::diff::Lines::Text(lines)) => line_counts(style, lines.added, lines.removed),
            _ => String::new(),
        };
        table.row([path_cell(style, change).indented(), plain(about)]);
    }
}

fn outputs(table: &mut Table, style: &Style, diff: &Diff) {
    for output in &diff.outputs {
        let (old, new) = (output.old.as_ref().map(|it| it.node), output.new.as_ref().map(|it| it.node));
        let totals = || totals_text(style, &output.files.totals(), output.files.truncated);
        let name = format!("outputs/{}", escape(output.name.as_str()));
        table.row([heading(name), plain(one_sided(old, new).unwrap_or_else(totals))]);
    }
}
