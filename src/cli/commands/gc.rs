//! `mdl gc`: remove what nothing refers to, and gather what is small.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::{collected, collected_json};
use crate::repo::{GcOptions, Place};

/// Remove what nothing refers to, and gather many small files into few
///
/// Everything that a branch, a tag or a run ever pointed to stays. Safe beside every other command, here and
/// elsewhere, and safe to interrupt.
#[derive(Args)]
pub struct Gc {
    /// A remote, or a location; this repository, if none is given
    #[arg(value_name = "REMOTE")]
    place: Option<String>,

    /// Take also what is younger than a day, and what frees but a little
    #[arg(long)]
    all: bool,

    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Run for Gc {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl gc", ""),
        ("mdl gc --dry-run", "what it would free"),
        ("mdl gc --all", "down to the last byte"),
        ("mdl gc origin", "at a remote; any who may push there can do it"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let progress = context.progress();
        let options = GcOptions { dry_run: self.dry_run, all: self.all };
        let done = match &self.place {
            None => repository.gc(options, &progress)?,
            Some(given) => {
                let place = Place::new(Some(&repository), Some(given), context.directory())?;
                repository.gc_at(&place, options, &progress)?
            }
        };
        drop(progress);
        context.report("gc", || collected(&done, self.dry_run), || collected_json(&done, self.dry_run))?;
        Ok(Exit::Success)
    }
}
