//! `mdl log`: the commits.

use std::io::Write;
use std::ops::ControlFlow;

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::{Context, document};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::views;
use crate::id::CommitId;
use crate::render::{self, LogFormat, LogWriter, log_json};
use crate::repo::{LogEntry, Logged, Repository};

/// Show the commits, newest first
#[derive(Args)]
pub struct Log {
    /// Where to start; HEAD if nothing is given
    #[arg(value_name = "REV")]
    revisions: Vec<String>,

    /// Show at most N commits
    #[arg(short = 'n', long, value_name = "N")]
    number: Option<usize>,

    /// A line for each commit
    #[arg(long)]
    oneline: bool,

    /// Draw how the commits follow each other
    #[arg(long)]
    graph: bool,

    /// Only commits that change one of these parts, or files of parts
    #[arg(last = true, value_name = "PART")]
    parts: Vec<String>,
}

impl Run for Log {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl log", ""),
        ("mdl log --oneline --graph", "a line for each commit, drawn"),
        ("mdl log -- params.train.lr", "when the learning rate was changed"),
        ("mdl log -n 1 -- data/penguins.csv", "the last change of a file"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let from = self.starts(&repository)?;
        let parts = repository.selectors(context.directory(), &self.parts, from.first().copied())?;
        let what = Logged { from, parts };
        let format = LogFormat { oneline: self.oneline, graph: self.graph };
        let mut lines = LogWriter::new(context.style(), format);
        let mut commits = Vec::new();
        let mut output = context.terminal.output();
        let mut failed: Option<CliError> = None;
        let mut left = self.number.unwrap_or(usize::MAX);
        if left > 0 {
            repository.log(&what, &mut |entry| {
                left -= 1;
                let shown = self.shown(&repository, entry).and_then(|entry| {
                    if context.is_json() {
                        commits.push(entry);
                        return Ok(());
                    }
                    lines.entry(&mut output, &entry).map_err(CliError::Output)
                });
                failed = shown.err();
                if left == 0 || failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        if context.is_json() && failed.is_none() {
            let text = document("log", log_json(&commits));
            failed = output.write_all(text.as_bytes()).err().map(CliError::Output);
        }
        failed.map_or_else(|| output.finish().map_err(CliError::Output), Err)?;
        Ok(Exit::Success)
    }
}

impl Log {
    /// A commit as it is shown: with what it changed, unless it has only a line.
    fn shown(&self, repository: &Repository, entry: LogEntry) -> Result<render::LogEntry, CliError> {
        let changes = if self.oneline { None } else { Some(repository.changes_of(&entry.commit)?) };
        Ok(views::log_entry(entry, changes))
    }

    fn starts(&self, repository: &Repository) -> Result<Vec<CommitId>, CliError> {
        self.revisions.iter().map(|revision| Ok(repository.resolve(revision)?.commit)).collect()
    }
}
