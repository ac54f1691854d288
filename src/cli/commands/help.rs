//! `mdl help`: the overview, the help of a command, and what is not about one command.

use clap::Args;

use crate::cli::commands::{self, Run};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::overview::{self, TOPICS};
use crate::suggest::nearest;

/// Show the help of a command, or of a topic: revisions, exit-codes
#[derive(Args)]
pub struct Help {
    /// A command or topic
    #[arg(value_name = "COMMAND")]
    about: Option<String>,
}

impl Run for Help {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl help diff", "a command"),
        ("mdl help revisions", "how to name a state or a part of one"),
        ("mdl help exit-codes", "for scripts"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let text = match &self.about {
            None => overview::overview(),
            Some(about) => help_of(about)?,
        };
        context.terminal.print(&text).map_err(CliError::Output)?;
        Ok(Exit::Success)
    }
}

fn help_of(about: &str) -> Result<String, CliError> {
    if let Some((_, topic)) = TOPICS.iter().find(|(name, _)| *name == about) {
        return Ok(topic());
    }
    if commands::find(about).is_some() {
        let mut root = crate::cli::command();
        root.build();
        if let Some(command) = root.find_subcommand_mut(about) {
            return Ok(command.render_help().ansi().to_string());
        }
    }
    let known = commands::ALL.iter().map(|spec| spec.name).chain(TOPICS.iter().map(|(name, _)| *name));
    let hint = nearest(about, known).map(|name| format!("did you mean `mdl help {name}`?"));
    Err(CliError::usage(
        format!("there is no command or topic {about:?}"),
        hint.unwrap_or_else(|| "`mdl help` lists them".to_owned()),
    ))
}
