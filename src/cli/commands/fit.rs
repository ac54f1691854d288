//! `mdl fit`: where else a recorded run would fit.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::views;
use crate::fit::Verdict;
use crate::render::fit;

/// Tell on which accelerators a recorded run would fit
///
/// From what the run recorded (memory at its peak, use, packages, number formats) against the data sheets of devices.
/// What was not recorded is said to be unknown. Speed is an estimate. Without --on, all that may fit are listed, for
/// as many cards as the run used.
///
/// Ends with 1 if --on names something on which it does not fit, or of which nothing is known, and else with 0.
///
/// Your own devices are read from mdl-devices.toml at the project's root, then from devices.toml beside your settings
/// (~/.config/mdl); one that has the id of another takes its place. A device is a table [device.ID] with name = "…",
/// vendor = "…" and memory = { gib = 48, source = "ours" }, where [sources] has ours = "measured by us". It may also
/// have bandwidth = { gb_per_s }, capability = { cuda } or { gfx }, arithmetic = { fp32, bf16, … } in 10^12 a second,
/// link = { name, gb_per_s }, pcie = { generation, width }, power = { watts }, toolkit = { oldest, newest } and
/// driver = { oldest, newest }, each with its source, and models = ["as the driver calls it"].
#[derive(Args)]
pub struct Fit {
    /// The run, or any commit that records one
    #[arg(value_name = "REV", default_value = "HEAD")]
    revision: String,

    /// A device and how many of it, a family of devices, or with run:REV the machine of another run
    #[arg(long, value_name = "GPU[xN]")]
    on: Option<String>,

    /// List also the devices on which it does not fit
    #[arg(long)]
    all: bool,
}

impl Run for Fit {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl fit", "where the run that is checked out would fit"),
        ("mdl fit best --on h100", "whether one would fit on an H100 of any form"),
        ("mdl fit HEAD~1 --on a100-80x4", "and on four A100 with 80 GB"),
        ("mdl fit --on run:main", "and on the machine of another run"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let resolved = repository.resolve(&self.revision)?;
        if resolved.part.is_some() {
            let hint = "name the commit alone, without a colon and a part";
            return Err(CliError::usage("a part of a commit does not run", hint));
        }
        let report = repository.fit(resolved.commit, self.on.as_deref())?;
        let shown = fit::ShownFit {
            revision: &self.revision,
            commit: resolved.commit,
            report: &report,
            detail: self.on.is_some(),
            all: self.all,
        };
        let text = views::text(|out| fit::fit(out, &context.style(), &shown))?;
        context.answer("fit", || text, || fit::fit_json(&shown))?;
        let fits = |verdict| matches!(verdict, Verdict::Fits | Verdict::Tight);
        let asked_and_not = self.on.is_some() && !report.fits.iter().any(|fit| fits(fit.verdict));
        Ok(if asked_and_not { Exit::Difference } else { Exit::Success })
    }
}
