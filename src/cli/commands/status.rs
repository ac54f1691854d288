//! `mdl status`: the work tree beside HEAD.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::status;

/// Show what differs from the last commit
///
/// The environment (packages, system, accelerators) is not looked at here; `mdl diff` and `mdl commit` do.
#[derive(Args)]
pub struct Status {
    /// A line for each thing that differs, and nothing else
    #[arg(short, long)]
    short: bool,
}

impl Run for Status {
    const EXAMPLES: &'static [(&'static str, &'static str)] =
        &[("mdl status", ""), ("mdl status --short", "in few lines"), ("mdl status --json", "for a program")];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let progress = context.progress();
        let state = repository.status(&progress)?;
        drop(progress);
        let style = context.style();
        let text = || if self.short { status::short(&state, &style) } else { status::text(&state, &style) };
        context.answer("status", text, || status::json(&state))?;
        Ok(Exit::Success)
    }
}
