//! `mdl fsck`: is everything there, and what its id says?

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::actions;
use crate::repo::{Place, Repository, Thoroughness};

/// Check that everything recorded is there and undamaged
///
/// Ends with 5 if something is damaged. Changes nothing.
#[derive(Args)]
pub struct Fsck {
    /// A remote, or a location; the repository that is here, if none is given
    #[arg(value_name = "REMOTE")]
    place: Option<String>,

    /// Read every byte of the data too, not only of the metadata
    #[arg(long)]
    data: bool,

    /// Read so many percent of the packs, chosen at random
    #[arg(long, value_name = "PERCENT", conflicts_with = "data", value_parser = percent)]
    sample: Option<f64>,
}

fn percent(written: &str) -> Result<f64, String> {
    let number = written.trim_end_matches('%').parse::<f64>().ok().filter(|it| (0.0..=100.0).contains(it));
    number.ok_or_else(|| "write a number from 0 to 100".to_owned())
}

impl Run for Fsck {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl fsck", ""),
        ("mdl fsck --data", "every byte; takes as long as reading everything once"),
        ("mdl fsck origin --sample 5", "a remote, and 5 % of its packs"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let how = match (self.data, self.sample) {
            (true, _) => Thoroughness::Everything,
            (_, Some(percent)) => Thoroughness::Sample(percent / 100.0),
            _ => Thoroughness::Metadata,
        };
        let progress = context.progress();
        let report = match &self.place {
            None => context.repository()?.fsck(how, &progress)?,
            Some(given) => {
                let repository = Repository::open(context.directory()).ok();
                Place::new(repository.as_ref(), Some(given), context.directory())?.fsck(how, &progress)?
            }
        };
        drop(progress);
        context.report("fsck", || actions::checked(&report), || actions::checked_json(&report))?;
        Ok(if report.damage.is_empty() { Exit::Success } else { Exit::Corruption })
    }
}
