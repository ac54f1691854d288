//! `mdl fsck`: is everything there, and what its id says?

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::actions;

/// Check that everything recorded is there and undamaged
///
/// Ends with 5 if something is damaged. Changes nothing.
#[derive(Args)]
pub struct Fsck {
    /// Read every byte of the data too, not only of the metadata
    #[arg(long)]
    data: bool,
}

impl Run for Fsck {
    const EXAMPLES: &'static [(&'static str, &'static str)] =
        &[("mdl fsck", ""), ("mdl fsck --data", "every byte; takes as long as reading everything once")];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let progress = context.progress();
        let report = repository.fsck(self.data, &progress)?;
        drop(progress);
        context.report("fsck", || actions::checked(&report), || actions::checked_json(&report))?;
        Ok(if report.damage.is_empty() { Exit::Success } else { Exit::Corruption })
    }
}
