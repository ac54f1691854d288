//! `mdl pull`: get what is new, and merge it.

use clap::Args;

use crate::cli::commands::{Run, merge};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::parts::{ref_name, remote_name};
use crate::merge::Side;
use crate::render::{merged_json, remote};
use crate::repo::{MergeKind, MergeOptions};

/// Get what is new at a remote, and merge the branch that yours follows
///
/// `mdl fetch` and then `mdl merge origin/main`. Where both sides changed the same parameter or file in different ways,
/// nothing is changed, and the places are listed: decide for all of them with --ours or --theirs, or as the help of
/// `mdl merge` says.
#[derive(Args)]
pub struct Pull {
    /// The remote; the one that the branch follows, if none is given
    #[arg(value_name = "REMOTE")]
    remote: Option<String>,

    /// The branch there
    #[arg(value_name = "BRANCH", requires = "remote")]
    branch: Option<String>,

    /// Where both changed the same, keep ours
    #[arg(long, conflicts_with = "theirs")]
    ours: bool,

    /// Where both changed the same, take theirs
    #[arg(long)]
    theirs: bool,

    /// Only move forward: refuse where a merge would be needed
    #[arg(long)]
    ff_only: bool,

    /// Overwrite changes that are not committed
    #[arg(short, long)]
    force: bool,
}

impl Run for Pull {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl pull", "what the branch follows"),
        ("mdl pull origin main", "a branch by name"),
        ("mdl pull --theirs", "in case of doubt, they are right"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let named = self.remote.as_deref().map(remote_name).transpose()?;
        let branch = self.branch.as_deref().map(ref_name).transpose()?;
        let options = MergeOptions {
            favour: match (self.ours, self.theirs) {
                (true, _) => Some(Side::Ours),
                (_, true) => Some(Side::Theirs),
                _ => None,
            },
            only_forward: self.ff_only,
            force: self.force,
            ..MergeOptions::default()
        };
        let progress = context.progress();
        let done = repository.pull(named.as_ref(), branch.as_ref(), &options, &progress)?;
        drop(progress);
        let told = merge::told(&done.merged, &context.style(), options.favour, false);
        let text = || remote::fetched(&done.fetch) + &told;
        let json = || {
            serde_json::json!({
                "fetch": remote::fetched_json(&done.fetch),
                "merge": merged_json(&done.merged, false),
            })
        };
        remote::set_aside(&done.fetch).iter().for_each(|text| context.terminal.warn(text));
        if done.merged.kind == MergeKind::Conflicts {
            context.answer("pull", text, json)?;
            merge::hint(context, &format!("{}/{}", done.from.remote, done.from.branch));
            return Ok(Exit::Conflict);
        }
        context.report("pull", text, json)?;
        context.warn_of_references(&done.merged.files);
        Ok(Exit::Success)
    }
}
