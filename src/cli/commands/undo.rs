//! `mdl undo`: step the branch back.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::{actions, short_id};

/// Step the branch back to the commit before; your files stay as they are
///
/// Nothing is deleted: it is one more entry of the branch's history, which `mdl branch --history` shows,
/// and the commit can still be named by its id or as NAME@{1}.
#[derive(Args)]
pub struct Undo {}

impl Run for Undo {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl undo", "take the last commit back"),
        ("mdl undo && mdl commit -m 'a better message'", "commit it again in other words"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let step = context.repository()?.undo()?;
        context.report("undo", || actions::undone(&step), || actions::undone_json(&step))?;
        context
            .terminal
            .hint(&format!("what was undone can still be seen: `mdl show {}`", short_id(step.from)));
        Ok(Exit::Success)
    }
}
