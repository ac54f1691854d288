//! Changes of files: one row a file, and the lines of source files that differ.

use std::io::{self, Write};

use crate::diff::{FileChange, FileChangeKind, FilesDiff, Hunk, Line, LineDiff, Lines, Totals};
use crate::object::Node;
use crate::render::escape::{escape, escape_line};
use crate::render::number::{count, size, sizes};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, dim, plain};

/// Most files that are listed of a part.
const MAX_ROWS: usize = 40;

/// `+3 −1 ~2 files, +1.2 MB −3.4 kB`: what changes come to.
pub(super) fn totals_text(style: &Style, totals: &Totals, truncated: bool) -> String {
    let counted = [
        (totals.added, "added"),
        (totals.removed, "removed"),
        (totals.modified, "modified"),
        (totals.moved, "moved"),
        (totals.mode, "with another mode"),
    ];
    let mut words: Vec<String> =
        counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if truncated {
        words.push("and more".into());
    }
    if totals.bytes_added > 0 {
        words.push(format!("+{}", size(totals.bytes_added)));
    }
    if totals.bytes_removed > 0 {
        words.push(format!("{}{}", style.minus(), size(totals.bytes_removed)));
    }
    words.join(", ")
}

/// `+3 −1`: lines.
pub(super) fn line_counts(style: &Style, added: u64, removed: u64) -> String {
    match (added, removed) {
        (0, 0) => String::new(),
        (added, 0) => format!("+{added}"),
        (0, removed) => format!("{}{removed}", style.minus()),
        (added, removed) => format!("+{added} {}{removed}", style.minus()),
    }
}

/// The path with a sign of what became of it, safe to print.
pub(super) fn path_cell(style: &Style, change: &FileChange) -> Cell {
    let directory = |node: &Option<Node>| if matches!(node, Some(Node::Directory { .. })) { "/" } else { "" };
    let shown = |path: &str, node| match path {
        "" => "(the file itself)".to_owned(),
        path => format!("{}{}", escape(path), directory(node)),
    };
    let path = shown(&change.path, if change.new.is_some() { &change.new } else { &change.old });
    match change.kind() {
        FileChangeKind::Added => Cell::new(Role::Added, format!("+ {path}")),
        FileChangeKind::Removed => Cell::new(Role::Removed, format!("{} {path}", style.minus())),
        FileChangeKind::Moved => {
            let from = shown(change.from.as_deref().unwrap_or_default(), &change.old);
            Cell::new(Role::Changed, style.change(&from, &path))
        }
        _ => Cell::new(Role::Changed, path),
    }
}

/// What is to be said of a change beside its path.
fn note(style: &Style, change: &FileChange) -> Cell {
    let described = |node: &Node| match node {
        Node::Directory { files, bytes, .. } => format!("{}, {}", count(*files, "file"), size(*bytes)),
        node => size(node.bytes()),
    };
    let mode = |node: &Option<Node>| match node {
        Some(Node::File { executable: true, .. }) => "executable",
        Some(Node::File { .. }) => "file",
        Some(Node::Symlink { .. }) => "symbolic link",
        Some(Node::Directory { .. }) => "directory",
        None => "nothing",
    };
    match (change.kind(), &change.old, &change.new) {
        (FileChangeKind::Mode | FileChangeKind::Retyped, old, new) => {
            plain(style.change(mode(old), mode(new)))
        }
        (FileChangeKind::Modified | FileChangeKind::Moved, Some(old), Some(new))
            if old.link() != new.link() =>
        {
            let (was, is) = sizes(old.bytes(), new.bytes());
            plain(if was == is { is } else { style.change(&was, &is) })
        }
        (_, old, new) => dim(new.as_ref().or(old.as_ref()).map(described).unwrap_or_default()),
    }
}

/// A file in a row: its path, and what is to be said of it.
pub(super) fn row(style: &Style, change: &FileChange) -> [Cell; 2] {
    [path_cell(style, change), note(style, change)]
}

/// One row a file.
pub(super) fn list(out: &mut dyn Write, style: &Style, files: &FilesDiff, indent: usize) -> io::Result<()> {
    let mut table = Table::default();
    for change in files.changes.iter().take(MAX_ROWS) {
        table.row(row(style, change));
    }
    table.write(out, style, indent)?;
    let rest = files.changes.len().saturating_sub(MAX_ROWS);
    if rest > 0 || files.truncated {
        let more = if files.truncated { "at least " } else { "" };
        let text = format!("{} and {more}{rest} more", style.ellipsis());
        writeln!(out, "{:indent$}{}", "", style.paint(Role::Dim, &text))?;
    }
    Ok(())
}

/// What is to be said of the lines of a source file.
pub(super) fn lines_note(style: &Style, lines: &Option<Lines>) -> Cell {
    match lines {
        Some(Lines::Text(diff)) => plain(line_counts(style, diff.added, diff.removed)),
        Some(Lines::Binary) => dim("binary"),
        Some(Lines::TooLarge) => dim("too large to compare by line"),
        Some(Lines::Missing) => dim("contents are not here"),
        None => plain(""),
    }
}

/// Source files with the lines that differ.
pub(super) fn source(out: &mut dyn Write, style: &Style, files: &FilesDiff) -> io::Result<()> {
    for change in &files.changes {
        let mut table = Table::default();
        let about = match &change.lines {
            Some(_) => lines_note(style, &change.lines),
            None => note(style, change),
        };
        table.row([path_cell(style, change), about]);
        table.write(out, style, 2)?;
        if let Some(Lines::Text(LineDiff { hunks, .. })) = &change.lines {
            hunks.iter().try_for_each(|hunk| write_hunk(out, style, hunk))?;
        }
    }
    if files.truncated {
        writeln!(out, "  {}", style.paint(Role::Dim, "and more files"))?;
    }
    Ok(())
}

fn write_hunk(out: &mut dyn Write, style: &Style, hunk: &Hunk) -> io::Result<()> {
    let old = format!("{},{}", hunk.old_start, hunk.old_lines);
    let new = format!("{},{}", hunk.new_start, hunk.new_lines);
    let head = format!("@@ {} @@", style.change(&old, &new));
    writeln!(out, "    {}", style.paint(Role::Dim, &head))?;
    for line in &hunk.lines {
        let (role, sign, text) = match line {
            Line::Same(text) => (Role::Plain, " ", text),
            Line::Added(text) => (Role::Added, "+", text),
            Line::Removed(text) => (Role::Removed, "-", text),
        };
        let text = format!("{sign}{}", escape_line(text));
        writeln!(out, "    {}", style.paint(role, text.trim_end_matches(' ')))?;
    }
    Ok(())
}
