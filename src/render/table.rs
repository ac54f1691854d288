//! Rows of cells in aligned columns, measured as a terminal shows them.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::render::style::{Role, Style};

/// A cell: what it means, and its text, which is safe to print.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    role: Role,
    text: String,
    right: bool,
}

impl Cell {
    pub(super) fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), right: false }
    }

    /// A cell whose text ends where its column ends.
    pub(super) fn right(role: Role, text: impl Into<String>) -> Self {
        Self { right: true, ..Self::new(role, text) }
    }

    /// Columns that its text takes.
    pub(super) fn width(&self) -> usize {
        self.text.width()
    }

    /// Whether its text ends where its column ends.
    pub(super) fn is_right(&self) -> bool {
        self.right
    }

    /// The cell two columns further to the right.
    pub(super) fn indented(mut self) -> Self {
        self.text.insert_str(0, "  ");
        self
    }
}

/// A cell without a meaning.
pub(super) fn plain(text: impl Into<String>) -> Cell {
    Cell::new(Role::Plain, text)
}

pub(super) fn dim(text: impl Into<String>) -> Cell {
    Cell::new(Role::Dim, text)
}

/// Columns are kept apart by this.
const GAP: &str = "   ";
/// A column is not made wider than this for the sake of one long cell.
const MAX_COLUMN: usize = 48;

/// Rows, which need not have the same number of cells.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.text.width()).filter(|width| *width <= MAX_COLUMN).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }

    /// Writes the rows, each after so many spaces.
    pub(super) fn write(&self, out: &mut dyn Write, style: &Style, indent: usize) -> io::Result<()> {
        let widths = self.widths();
        for row in &self.rows {
            let used = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |last| last + 1);
            write!(out, "{:indent$}", "")?;
            for (column, cell) in row[..used].iter().enumerate() {
                let pad = " ".repeat(widths[column].saturating_sub(cell.text.width()));
                let text = style.paint(cell.role, &cell.text);
                let (before, after) = if cell.right { (pad.as_str(), "") } else { ("", pad.as_str()) };
                match column + 1 == used {
                    true => write!(out, "{before}{text}")?,
                    false => write!(out, "{before}{text}{after}{GAP}")?,
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }
}
