//! `mdl ls-remote`: what a remote has.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::remote;
use crate::repo::{Place, Repository};

/// List the branches, tags and runs of a remote, or of what is at a location
///
/// With --keys, lists the keys and sizes of everything that is stored there. Put as the file `listing` beside files
/// that a web server shows, it lets `mdl clone https://…` work without an index of the server's own.
#[derive(Args)]
pub struct LsRemote {
    /// A remote by its name, or a location
    #[arg(value_name = "REMOTE")]
    place: Option<String>,

    /// List the keys that are stored there
    #[arg(long)]
    keys: bool,
}

impl Run for LsRemote {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl ls-remote", ""),
        ("mdl ls-remote s3://models/team", "also outside of a repository"),
        ("mdl ls-remote --keys . > .mdl/listing", "so that a web server can show it"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = Repository::open(context.directory()).ok();
        let place = Place::new(repository.as_ref(), self.place.as_deref(), context.directory())?;
        if self.keys {
            let keys = place.keys()?;
            let text = || keys.iter().map(|listed| format!("{} {}\n", listed.size, listed.key)).collect();
            let json = || {
                let one = |it: &crate::storage::Listed| serde_json::json!({ "key": it.key.as_str(), "size": it.size });
                serde_json::json!({ "keys": keys.iter().map(one).collect::<Vec<_>>() })
            };
            context.answer("keys", text, json)?;
        } else {
            let survey = place.refs()?;
            context.answer("ls_remote", || remote::listed(&survey), || remote::listed_json(&survey))?;
        }
        Ok(Exit::Success)
    }
}
