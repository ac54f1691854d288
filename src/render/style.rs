//! How output looks: colours by meaning, the width of the terminal, and whether it has more than ASCII.

use anstyle::{AnsiColor, Style as Ansi};

/// How output looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to write colours.
    pub color: bool,
    /// Whether to write characters beyond ASCII in what is ours: arrows, signs.
    pub unicode: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Style {
    /// Without colours, 100 columns wide: for files and pipes.
    pub const PLAIN: Style = Style { color: false, unicode: true, width: 100 };
}

impl Default for Style {
    fn default() -> Self {
        Self::PLAIN
    }
}

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Role {
    Plain,
    Added,
    Removed,
    Changed,
    Better,
    Worse,
    Id,
    Heading,
    Dim,
}

impl Role {
    fn ansi(self) -> Ansi {
        match self {
            Role::Plain => Ansi::new(),
            Role::Added | Role::Better => AnsiColor::Green.on_default(),
            Role::Removed | Role::Worse => AnsiColor::Red.on_default(),
            Role::Changed => AnsiColor::Cyan.on_default(),
            Role::Id => AnsiColor::Yellow.on_default(),
            Role::Heading => Ansi::new().bold(),
            Role::Dim => Ansi::new().dimmed(),
        }
    }
}

impl Style {
    /// The text in the colour of its meaning.
    pub fn paint(&self, role: Role, text: &str) -> String {
        let ansi = role.ansi();
        match self.color && !ansi.is_plain() && !text.is_empty() {
            true => format!("{ansi}{text}{ansi:#}"),
            false => text.to_owned(),
        }
    }

    fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// Between old and new.
    pub(crate) fn arrow(&self) -> &'static str {
        self.pick("→", "->")
    }

    pub(crate) fn minus(&self) -> &'static str {
        self.pick("−", "-")
    }

    pub(crate) fn times(&self) -> &'static str {
        self.pick("×", "x")
    }

    pub(crate) fn ellipsis(&self) -> &'static str {
        self.pick("…", "...")
    }

    /// `old → new`.
    pub(crate) fn change(&self, old: &str, new: &str) -> String {
        format!("{old} {} {new}", self.arrow())
    }

    /// The text, its end left out where it is wider than so many columns.
    pub(crate) fn clip(&self, text: &str, columns: usize) -> String {
        use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
        if text.width() <= columns {
            return text.to_owned();
        }
        let room = columns.saturating_sub(self.ellipsis().width());
        let mut used = 0;
        let kept = text.chars().take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= room
        });
        kept.collect::<String>() + self.ellipsis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_only_written_where_wanted() {
        let colored = Style { color: true, ..Style::PLAIN };
        assert_eq!(Style::PLAIN.paint(Role::Added, "x"), "x");
        assert_eq!(colored.paint(Role::Added, "x"), "\u{1b}[32mx\u{1b}[0m");
        assert_eq!(colored.paint(Role::Plain, "x"), "x");
    }

    #[test]
    fn clipping_counts_columns() {
        assert_eq!(Style::PLAIN.clip("漢字漢字", 8), "漢字漢字");
        assert_eq!(Style::PLAIN.clip("漢字漢字", 6), "漢字…");
        assert_eq!(Style { unicode: false, ..Style::PLAIN }.clip("abcdefgh", 6), "abc...");
    }
}
