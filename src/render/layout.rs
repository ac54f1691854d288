//! What the views of runs are laid out with: facts beside their labels, curves beside their figures, grids, lines that wrap.
//!
//! All texts are safe to print when they come here, and leave no wider than the terminal.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::render::escape::escape;
use crate::render::spark::{is_logarithmic, spark, spark_of};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table};

/// Columns of a table are kept apart by so much.
const GAP: usize = 3;
/// Before the lines of a section.
pub(super) const INDENT: usize = 2;
/// A curve that is narrower than this tells nothing.
const MIN_CURVE: usize = 8;
const MAX_CURVE: usize = 32;

/// Untrusted text, made safe, with its end left out where it is wider than so many columns.
///
/// Only as much of it is looked at as can be shown, so that a text of megabytes costs what a short one does.
pub(super) fn clipped(style: &Style, text: &str, columns: usize) -> String {
    // A character without width still has one once it is escaped, or is joined to few others.
    let end =
        text.char_indices().nth(columns.saturating_mul(4).saturating_add(4)).map_or(text.len(), |it| it.0);
    let head = style.clip(&escape(&text[..end]), columns);
    match end < text.len() && !head.ends_with(style.ellipsis()) {
        true => style.clip(&head, columns.saturating_sub(style.ellipsis().width())) + style.ellipsis(),
        false => head,
    }
}

/// A heading after an empty line, and a dim remark beside it.
pub(super) fn heading(out: &mut dyn Write, style: &Style, name: &str, remark: &str) -> io::Result<()> {
    let gap = if remark.is_empty() { "" } else { "   " };
    let remark = &style.clip(remark, style.width.saturating_sub(name.width() + gap.len()));
    writeln!(out, "\n{}{gap}{}", style.paint(Role::Heading, name), style.paint(Role::Dim, remark))
}

/// `and 12 more`, where some were left out.
pub(super) fn and_more(out: &mut dyn Write, style: &Style, left_out: usize) -> io::Result<()> {
    match left_out {
        0 => Ok(()),
        _ => writeln!(out, "{:INDENT$}{}", "", style.paint(Role::Dim, &format!("and {left_out} more"))),
    }
}

/// The words in lines of at most so many columns. A longer word is cut.
pub(super) fn wrapped(style: &Style, text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(style.clip(word, columns)),
        }
    }
    lines
}

/// Labels and what is to be said of each.
#[derive(Default)]
pub(super) struct Facts {
    rows: Vec<(&'static str, Role, String)>,
}

impl Facts {
    pub(super) fn push(&mut self, label: &'static str, text: impl Into<String>) {
        self.push_as(label, Role::Plain, text);
    }

    pub(super) fn push_as(&mut self, label: &'static str, role: Role, text: impl Into<String>) {
        self.rows.push((label, role, text.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes a line a fact; the texts are cut to what fits.
    pub(super) fn write(&self, out: &mut dyn Write, style: &Style) -> io::Result<()> {
        let label = self.rows.iter().map(|(label, ..)| label.len()).max().unwrap_or(0);
        let room = style.width.saturating_sub(INDENT + label + GAP).max(MIN_CURVE);
        self.rows.iter().try_for_each(|(name, role, text)| {
            let name = style.paint(Role::Dim, &format!("{name:label$}"));
            writeln!(out, "{:INDENT$}{name}{:GAP$}{}", "", "", style.paint(*role, &style.clip(text, room)))
        })
    }
}

/// A curve, its name and its figures.
pub(super) struct CurveRow<'a> {
    pub(super) name: Cell,
    pub(super) values: &'a [f64],
    /// The value that fills the height, if the curve is a share of a whole; else it is drawn from its own low to high.
    pub(super) full: Option<f64>,
    pub(super) figures: Vec<Cell>,
    /// What is left out first where there is no room.
    pub(super) note: Cell,
}

/// Writes curves between their names and their figures, as wide as there is room.
pub(super) fn curves(out: &mut dyn Write, style: &Style, rows: Vec<CurveRow<'_>>) -> io::Result<()> {
    let widest = |cell: &dyn Fn(&CurveRow<'_>) -> usize| rows.iter().map(cell).max().unwrap_or(0);
    let figures = rows.iter().map(|row| row.figures.len()).max().unwrap_or(0);
    let fixed: usize = (0..figures)
        .map(|at| GAP + widest(&|row| row.figures.get(at).map_or(0, Cell::width)))
        .chain([INDENT + widest(&|row| row.name.width())])
        .sum();
    let note = widest(&|row| row.note.width());
    let room = |fixed: usize| style.width.saturating_sub(fixed + GAP);
    let any = rows.iter().any(|row| !row.values.is_empty());
    let noted = fixed + if note > 0 { GAP + note } else { 0 };
    let needed = if any { MIN_CURVE } else { 0 };
    let with_note = noted <= style.width && room(noted) >= needed;
    let width = room(if with_note { noted } else { fixed }).min(MAX_CURVE);
    let mut table = Table::default();
    for row in rows {
        let drawn = match row.full {
            Some(full) => spark_of(row.values, full, width, style.unicode),
            None => spark(row.values, width, style.unicode),
        };
        let curve = (any && width >= MIN_CURVE).then(|| Cell::new(Role::Changed, drawn));
        let note = Some(row.note).filter(|_| with_note);
        table.row([row.name].into_iter().chain(curve).chain(row.figures).chain(note));
    }
    table.write(out, style, INDENT)
}

/// Whether any of the curves is drawn on a logarithmic scale.
pub(super) fn any_logarithmic<'a>(mut curves: impl Iterator<Item = &'a [f64]>) -> bool {
    curves.any(is_logarithmic)
}

/// Names and values in as many columns as fit, top to bottom and then left to right.
pub(super) fn grid(out: &mut dyn Write, style: &Style, items: &[(Cell, Cell)]) -> io::Result<()> {
    let fits = |columns: &usize| {
        let per = items.len().div_ceil(*columns);
        let width = |cell: &dyn Fn(&(Cell, Cell)) -> usize, part: &[(Cell, Cell)]| {
            part.iter().map(cell).max().unwrap_or(0)
        };
        let parts = items.chunks(per.max(1));
        let used: usize = parts
            .map(|part| width(&|it| it.0.width(), part) + width(&|it| it.1.width(), part) + 2 * GAP)
            .sum();
        used + INDENT <= style.width.saturating_add(GAP)
    };
    let columns = (1..=4).rev().find(fits).unwrap_or(1);
    let per = items.len().div_ceil(columns).max(1);
    let mut table = Table::default();
    for row in 0..per.min(items.len()) {
        let cells = items.iter().skip(row).step_by(per);
        table.row(cells.flat_map(|(name, value)| [name.clone(), value.clone()]));
    }
    table.write(out, style, INDENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_hostile_texts_are_cut() {
        let style = Style::PLAIN;
        assert_eq!(clipped(&style, "a\x1b[1mb", 20), "a\\u{1b}[1mb");
        assert_eq!(clipped(&style, &"x".repeat(10_000), 5), "xxxx…");
        assert_eq!(clipped(&style, &"\u{301}".repeat(10_000), 5).chars().last(), Some('…'));
        assert_eq!(clipped(&style, "x", 0), "…");
        assert_eq!(clipped(&style, "wide", usize::MAX), "wide");
    }

    #[test]
    fn words_wrap() {
        let lines = wrapped(&Style::PLAIN, "GPU busy 31 %, waiting on data", 14);
        assert_eq!(lines, ["GPU busy 31 %,", "waiting on", "data"]);
        assert_eq!(wrapped(&Style::PLAIN, "abcdefgh i", 4), ["abc…", "i"]);
    }
}
