//! `mdl restore`: put some parts of a state back.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::actions;
use crate::repo::CheckoutOptions;

/// Put some parts of a state back, and leave the rest as it is
///
/// Reuses the parameters, the features or a dataset of another run. The branch does not move.
#[derive(Args)]
pub struct Restore {
    /// The parts, or paths of their files
    #[arg(value_name = "PART", required = true)]
    parts: Vec<String>,

    /// The state that they are taken from
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    from: String,

    /// Overwrite changes that are not committed
    #[arg(short, long)]
    force: bool,

    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Run for Restore {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl restore --from HEAD~1 params", "the parameters of an earlier commit"),
        ("mdl restore --from main features datasets/data", "from another branch"),
        ("mdl restore --force train.py", "undo what you changed in a file"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let from = repository.resolve(&self.from)?;
        let selectors = repository.selectors(context.directory(), &self.parts, Some(from.commit))?;
        let options = CheckoutOptions { force: self.force, dry_run: self.dry_run };
        let progress = context.progress();
        let done = repository.restore(&from, &selectors, options, &progress)?;
        drop(progress);
        let text = || actions::checked_out(&done, self.dry_run);
        context.report("restore", text, || actions::checked_out_json(&done, self.dry_run))?;
        context.warn_of_references(&done);
        Ok(Exit::Success)
    }
}
