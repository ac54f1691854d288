//! `mdl runs`: the runs that are recorded, newest first.

use std::time::Duration;

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::{run_views, views};
use crate::render::{self, RunLine};
use crate::repo::{Repository, RunQuery, RunState};

/// Runs that are listed if it is not said how many.
const FEW: usize = 20;
/// How often the list is looked at again.
const WATCH: Duration = Duration::from_secs(2);

/// List the runs that are recorded, newest first
#[derive(Args)]
pub struct Runs {
    /// At most so many runs
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = FEW, conflicts_with = "all", value_parser = limit)]
    limit: usize,

    /// All of them
    #[arg(short, long)]
    all: bool,

    /// Only the runs of this sweep, best first; of every sweep, if none is named
    #[arg(long, value_name = "SWEEP", num_args = 0..=1, default_missing_value = "")]
    sweep: Option<String>,

    /// Go on showing them until none is running any more
    #[arg(short, long)]
    watch: bool,
}

/// How many to list.
fn limit(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "it is a number".to_owned())
}

impl Run for Runs {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl runs", ""),
        ("mdl runs -n 5", "the last five"),
        ("mdl runs --sweep", "by sweep, best first"),
        ("mdl runs --watch", "until all have ended"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        loop {
            // What other processes record meanwhile is seen by who opens the repository again.
            let repository = context.repository()?;
            let (lines, total) = self.lines(&repository)?;
            let running = lines.iter().any(|line| line.state == RunState::Running);
            if let Some(sweep) = self.sweep.as_ref().filter(|sweep| lines.is_empty() && !sweep.is_empty()) {
                return Err(CliError::NoSweep(sweep.clone()));
            }
            self.show(&repository, &lines, total, context)?;
            if !(self.watch && running) {
                return Ok(Exit::Success);
            }
            std::thread::sleep(WATCH);
        }
    }
}

impl Runs {
    fn lines(&self, repository: &Repository) -> Result<(Vec<RunLine>, usize), CliError> {
        let sweep = self.sweep.clone().filter(|sweep| !sweep.is_empty());
        let limit = (!self.all && self.sweep.is_none()).then_some(self.limit);
        let found = repository.runs(&RunQuery { limit, sweep })?;
        let mut lines = Vec::new();
        for run in &found.runs {
            lines.extend(run_views::line(repository, run)?);
        }
        Ok((lines, found.total))
    }

    fn show(
        &self,
        repository: &Repository,
        lines: &[RunLine],
        total: usize,
        context: &Context,
    ) -> Result<(), CliError> {
        let runs = render::Runs {
            lines,
            now: repository.now(),
            more: if self.sweep.is_some() { 0 } else { total.saturating_sub(lines.len()) },
            more_command: "mdl runs --all",
            full: !context.terminal.is_screen(),
        };
        let style = context.style();
        let text = views::text(|out| match self.sweep {
            Some(_) => render::runs_by_sweep(out, &style, &runs),
            None => render::runs(out, &style, &runs),
        })?;
        if self.watch && !context.is_json() && context.terminal.is_screen() {
            return context.terminal.repaint(&text).map_err(CliError::Output);
        }
        context.answer("runs", || text, || render::runs_json(&runs))
    }
}
