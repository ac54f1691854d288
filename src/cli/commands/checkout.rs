//! `mdl checkout`: put a recorded state back.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::actions;
use crate::repo::CheckoutOptions;

/// Put a recorded state back, here or into a new folder
///
/// A branch's name goes to the branch; anything else leaves no branch checked out. Changes that are not
/// committed are never overwritten without --force. If it is interrupted, run it again.
#[derive(Args)]
pub struct Checkout {
    /// The state
    #[arg(value_name = "REV")]
    revision: String,

    /// Write everything, with the source code, into DIR, which is new or empty
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with_all = ["force", "dry_run"])]
    to: Option<String>,

    /// Overwrite changes that are not committed
    #[arg(short, long)]
    force: bool,

    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Run for Checkout {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl checkout HEAD~1", "the state before the last commit"),
        ("mdl checkout HEAD~1 --to ../before", "everything of it in a fresh folder, ready to run"),
        ("mdl checkout main --dry-run", "what would change"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let progress = context.progress();
        let done = match &self.to {
            Some(to) => {
                let commit = repository.resolve(&self.revision)?.commit;
                repository.checkout_to(commit, &context.path(to), &progress)?
            }
            None => {
                let options = CheckoutOptions { force: self.force, dry_run: self.dry_run };
                repository.checkout(&self.revision, options, &progress)?
            }
        };
        drop(progress);
        let text = || actions::checked_out(&done, self.dry_run);
        context.report("checkout", text, || actions::checked_out_json(&done, self.dry_run))?;
        context.warn_of_references(&done);
        Ok(Exit::Success)
    }
}
