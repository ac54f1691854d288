//! The options that every command has, before its name or after it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

/// When to colour what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// If it is read by a person: on a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

// No doc comment: clap would show it as the description of every command.
#[allow(missing_docs)]
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Options {
    /// Run as if started in DIR; each further -C is relative to the one before
    #[arg(short = 'C', value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub directories: Vec<PathBuf>,

    /// Say only what was asked for: no summaries, hints or progress
    #[arg(short, long)]
    pub quiet: bool,

    /// Print JSON, for programs; errors are JSON on standard error
    #[arg(long)]
    pub json: bool,

    /// When to use colours: auto, always or never
    #[arg(long, value_name = "WHEN", value_enum, hide_possible_values = true)]
    pub color: Option<Color>,

    /// Do not page long output
    #[arg(long)]
    pub no_pager: bool,
}

impl Options {
    /// These options, and then those given after the command's name.
    pub fn and(mut self, later: Options) -> Options {
        self.directories.extend(later.directories);
        Options {
            directories: self.directories,
            quiet: self.quiet || later.quiet,
            json: self.json || later.json,
            color: later.color.or(self.color),
            no_pager: self.no_pager || later.no_pager,
        }
    }

    /// Where to work, seen from where the program was started.
    pub fn directory(&self) -> PathBuf {
        self.directories.iter().fold(PathBuf::new(), |path, next| path.join(Path::new(next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_options_add_to_earlier_ones() {
        let before = Options { directories: vec!["a".into()], quiet: true, ..Options::default() };
        let after = Options {
            directories: vec!["b".into(), "/c".into(), "d".into()],
            color: Some(Color::Never),
            ..Options::default()
        };
        let both = before.and(after);
        assert_eq!(both.directory(), Path::new("/c/d"));
        assert!(both.quiet && !both.json);
        assert_eq!(both.color, Some(Color::Never));
    }
}
