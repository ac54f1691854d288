//! The lines of a text that differ, as hunks with three lines of context.

use similar::{Algorithm, ChangeTag, DiffOp, TextDiff, group_diff_ops};

/// How the bytes of a file differ.
#[derive(Clone, Debug, PartialEq)]
pub enum Lines {
    /// Line by line.
    Text(LineDiff),
    /// One side is not text: it has a NUL, or is not UTF-8.
    Binary,
    /// One side is larger than 1 MiB, or too many files differ to compare them all by line.
    TooLarge,
    /// The bytes of one side are not stored here.
    Missing,
}

/// The lines that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineDiff {
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
    /// Where, with context. Empty for a file that was added or removed as a whole.
    pub hunks: Vec<Hunk>,
}

/// Neighbouring lines that differ, and those around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// Number of the first old line, from 1; the line before where there are no old lines.
    pub old_start: u64,
    /// Old lines.
    pub old_lines: u64,
    /// Number of the first new line, from 1; the line before where there are no new lines.
    pub new_start: u64,
    /// New lines.
    pub new_lines: u64,
    /// The lines, in order.
    pub lines: Vec<Line>,
}

/// A line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// On both sides.
    Same(String),
    /// Only on the new side.
    Added(String),
    /// Only on the old side.
    Removed(String),
}

/// Files up to this size in bytes are compared by line.
pub(super) const MAX_SIZE: u64 = 1 << 20;
/// Lines of context around a change.
const CONTEXT: usize = 3;
/// Longest line in bytes that is kept; the rest of it is left out.
const MAX_LINE: usize = 4096;

/// The text, unless it is binary.
pub(super) fn as_text(bytes: &[u8]) -> Option<&str> {
    if bytes.contains(&0) { None } else { std::str::from_utf8(bytes).ok() }
}

/// How two files differ by line.
pub(super) fn diff(old: &[u8], new: &[u8]) -> Lines {
    let (Some(old), Some(new)) = (as_text(old), as_text(new)) else { return Lines::Binary };
    // The algorithm bounds its own work by the size of its input; nothing here depends on a clock.
    let text = TextDiff::configure().algorithm(Algorithm::Myers).diff_lines(old, new);
    let mut out = LineDiff::default();
    for group in group_diff_ops(text.ops().to_vec(), CONTEXT) {
        let hunk = hunk(&text, &group);
        out.added += hunk.lines.iter().filter(|line| matches!(line, Line::Added(_))).count() as u64;
        out.removed += hunk.lines.iter().filter(|line| matches!(line, Line::Removed(_))).count() as u64;
        out.hunks.push(hunk);
    }
    Lines::Text(out)
}

/// The lines of a file that is on one side only: counted, not listed.
pub(super) fn whole(bytes: &[u8], is_new: bool) -> Lines {
    let Some(text) = as_text(bytes) else { return Lines::Binary };
    let count = text.lines().count() as u64;
    let (added, removed) = if is_new { (count, 0) } else { (0, count) };
    Lines::Text(LineDiff { added, removed, hunks: Vec::new() })
}

fn hunk(text: &TextDiff<'_, '_, str>, group: &[DiffOp]) -> Hunk {
    let first = group.first().map_or((0, 0), |op| (op.old_range().start, op.new_range().start));
    let last = group.last().map_or((0, 0), |op| (op.old_range().end, op.new_range().end));
    let mut lines = Vec::new();
    for change in group.iter().flat_map(|op| text.iter_changes(op)) {
        let line = keep(change.value());
        lines.push(match change.tag() {
            ChangeTag::Equal => Line::Same(line),
            ChangeTag::Insert => Line::Added(line),
            ChangeTag::Delete => Line::Removed(line),
        });
    }
    let (old_lines, new_lines) = (last.0 - first.0, last.1 - first.1);
    Hunk {
        old_start: (first.0 + usize::from(old_lines > 0)) as u64,
        old_lines: old_lines as u64,
        new_start: (first.1 + usize::from(new_lines > 0)) as u64,
        new_lines: new_lines as u64,
        lines,
    }
}

/// The line without its end, and without what is beyond a bound.
fn keep(line: &str) -> String {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line[..line.floor_char_boundary(MAX_LINE)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: Lines) -> LineDiff {
        let Lines::Text(diff) = lines else { panic!("not text: {lines:?}") };
        diff
    }

    #[test]
    fn hunks_have_three_lines_of_context() {
        let old: String = (1..=20).map(|i| format!("line {i}\n")).collect();
        let new = old.replace("line 10\n", "line ten\nand more\n");
        let diff = text(diff(old.as_bytes(), new.as_bytes()));
        assert_eq!((diff.added, diff.removed, diff.hunks.len()), (2, 1, 1));
        let hunk = &diff.hunks[0];
        assert_eq!((hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines), (7, 7, 7, 8));
        assert_eq!(hunk.lines[0], Line::Same("line 7".into()));
        assert_eq!(hunk.lines[3], Line::Removed("line 10".into()));
        assert_eq!(hunk.lines[5], Line::Added("and more".into()));
    }

    #[test]
    fn empty_sides_start_at_the_line_before() {
        let diff = text(diff(b"", b"a\n"));
        let hunk = &diff.hunks[0];
        assert_eq!((hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines), (0, 0, 1, 1));
    }

    #[test]
    fn binary_files_only_say_so() {
        assert_eq!(diff(b"a\0b", b"a"), Lines::Binary);
        assert_eq!(diff(b"a", b"\xff"), Lines::Binary);
        assert_eq!(whole(b"\xff", true), Lines::Binary);
        assert_eq!(text(whole(b"a\nb", false)).removed, 2);
    }

    #[test]
    fn hostile_texts_take_bounded_time() {
        let old: String = (0..30_000).map(|i| format!("{}\n", i * 7 % 1009)).collect();
        let new: String = (0..30_000).map(|i| format!("{}\n", i * 11 % 1013)).collect();
        assert!(text(diff(old.as_bytes(), new.as_bytes())).added > 0);
    }
}
