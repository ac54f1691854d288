//! `mdl cat`: the bytes of a recorded file.

use std::io::Write;

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Write the bytes of a recorded file to standard output
#[derive(Args)]
pub struct Cat {
    /// A file of a revision, or the id of a content
    #[arg(value_name = "WHAT")]
    what: String,
}

impl Run for Cat {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl cat HEAD:params.yaml", "parameters, to the byte"),
        ("mdl cat main:data/penguins.csv > before.csv", "one file of a dataset"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let (mut output, progress) = (context.terminal.bytes(), context.progress());
        repository.cat(&self.what, &mut output, &progress)?;
        drop(progress);
        output.flush().map_err(CliError::Output)?;
        Ok(Exit::Success)
    }
}
