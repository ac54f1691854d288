//! `mdl status`: the work tree beside HEAD.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::views;
use crate::render::{self, Detail};

/// Show what differs from the last commit
///
/// The environment (packages, system, accelerators) is not looked at here; `mdl diff` and `mdl commit` do.
#[derive(Args)]
pub struct Status {
    /// A line for each part that differs
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
        let (style, tracks) = (context.style(), state.tracks_anything);
        let state = views::status(state);
        let detail = if self.short { Detail::Stat } else { Detail::Full };
        let text = views::text(|out| render::status(out, &style, &state, detail))?;
        context.answer("status", || text, || render::status_json(&state))?;
        if !tracks {
            context.terminal.hint("mdl.toml names nothing yet: name what makes up the model with `mdl add`");
        }
        Ok(Exit::Success)
    }
}
