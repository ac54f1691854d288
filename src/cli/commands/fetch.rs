//! `mdl fetch`: get what a remote has.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::parts::{ref_name, remote_name};
use crate::render::remote;
use crate::repo::FetchOptions;

/// Get what is new at a remote, or the data of a state
///
/// Brings metadata: branches as `origin/main` and so on, tags and runs. They can be compared and logged at once,
/// also offline; your branches and files stay as they are. Data comes when a checkout needs it, or with --data.
#[derive(Args)]
pub struct Fetch {
    /// The remote; the one that the branch follows, if none is given
    #[arg(value_name = "REMOTE", conflicts_with = "data")]
    remote: Option<String>,

    /// Only these branches
    #[arg(value_name = "BRANCH", requires = "remote")]
    branches: Vec<String>,

    /// Forget branches that are gone there
    #[arg(long)]
    prune: bool,

    /// Every remote
    #[arg(long, conflicts_with_all = ["remote", "data"])]
    all: bool,

    /// Bring the data of a state, or only of some of its parts
    #[arg(long, value_names = ["REV", "PART"], num_args = 1..)]
    data: Vec<String>,
}

impl Run for Fetch {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl fetch", "branches, tags and runs"),
        ("mdl diff main origin/main", "what the others did"),
        ("mdl fetch --data HEAD", "all data of the state that is checked out"),
        ("mdl fetch --data v1 datasets/train", "of a part of it"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let progress = context.progress();
        if let Some((revision, written)) = self.data.split_first() {
            let from = repository.resolve(revision)?;
            let parts = repository.selectors(context.directory(), written, Some(from.commit))?;
            let bytes = repository.fetch_data(&from, &parts, &progress)?;
            drop(progress);
            let json = || serde_json::json!({ "bytes": bytes });
            context.report("fetch_data", || remote::brought(bytes), json)?;
            return Ok(Exit::Success);
        }
        let named = self.remote.as_deref().map(remote_name).transpose()?;
        let remotes = match self.all {
            true => repository.remotes().into_iter().map(|remote| Some(remote.name)).collect(),
            false => vec![named],
        };
        let heads = self.branches.iter().map(|name| ref_name(name)).collect::<Result<Vec<_>, _>>()?;
        let mut done = Vec::new();
        for remote in remotes {
            let options = FetchOptions { remote, heads: heads.clone(), prune: self.prune };
            done.push(repository.fetch(&options, &progress)?);
        }
        drop(progress);
        let text = || done.iter().map(remote::fetched).collect();
        let json = || match &done[..] {
            [done] => remote::fetched_json(done),
            all => serde_json::json!({ "remotes": all.iter().map(remote::fetched_json).collect::<Vec<_>>() }),
        };
        context.report("fetch", text, json)?;
        done.iter().flat_map(remote::set_aside).for_each(|text| context.terminal.warn(&text));
        Ok(Exit::Success)
    }
}
