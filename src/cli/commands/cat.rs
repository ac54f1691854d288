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
        ("mdl cat main:datasets/train/a.csv > a.csv", "one file of a dataset"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let mut output = Watched { to: context.terminal.bytes(), failed: None };
        let done = repository.cat(&self.what, &mut output);
        let flushed = output.to.flush().err();
        if let Some(error) = output.failed.or(flushed) {
            return Err(CliError::Output(error));
        }
        done?;
        Ok(Exit::Success)
    }
}

/// Remembers that it was the output that failed and not what was read.
struct Watched {
    to: Box<dyn Write>,
    failed: Option<std::io::Error>,
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.to.write(bytes).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}
