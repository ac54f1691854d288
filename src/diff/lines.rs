//! The lines of a text that differ, as hunks with three lines of context.

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
