//! `mdl merge`: move the branch to a run.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::actions;
use crate::repo::CheckoutOptions;

/// Move the branch to a run that came out well
///
/// A run starts from the commit that is checked out and leaves the branch where it is. Merged, it is the branch's
/// next commit, and your files are those of the run: its parameters, its metrics, its outputs. Any other commit that
/// comes after the one that is checked out can be merged as well. Changes of your own are carried along as
/// `mdl switch` does; where that would lose them, nothing is changed.
#[derive(Args)]
pub struct Merge {
    /// A run, by its id or name, or another revision
    #[arg(value_name = "RUN")]
    run: String,

    /// Overwrite changes that are not committed
    #[arg(short, long)]
    force: bool,

    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Run for Merge {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl merge k7w2q9xm", "a run, as `mdl runs` lists it"),
        ("mdl merge wide-net", "the newest run of this name"),
        ("mdl merge --dry-run wide-net", "which files would change"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let progress = context.progress();
        let options = CheckoutOptions { force: self.force, dry_run: self.dry_run };
        let merged = repository.merge(&self.run, options, &progress)?;
        drop(progress);
        let (text, json) =
            (|| actions::merged(&merged, self.dry_run), || actions::merged_json(&merged, self.dry_run));
        context.report("merge", text, json)?;
        context.warn_of_references(&merged.files);
        Ok(Exit::Success)
    }
}
