//! `mdl remote`: where a team shares.

use clap::{Args, Subcommand};

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::parts::remote_name;
use crate::name::RefName;
use crate::render::{escape, remote};
use crate::repo::RemoteAdded;

/// Name the places that this repository shares with, or list them
///
/// A remote is a folder (/shared/team.mdl, also on NFS or Lustre), a host behind SSH (ssh://host/path, host:path),
/// a bucket (s3://bucket/prefix, gs://…, az://…) or, to read only, a web server (https://…). Nobody administers a
/// server. Credentials are those of ssh and of the cloud's own tools; none is ever kept here.
#[derive(Args)]
pub struct Remote {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// List the remotes and where they are
    List,
    /// Add a remote, after a try whether two who push there at once are kept apart
    Add {
        /// What to call it
        name: String,
        /// Where it is
        url: String,
        /// Do not try it
        #[arg(long)]
        no_check: bool,
    },
    /// Show the branches, tags and runs that a remote has
    Show {
        /// The remote
        name: String,
    },
    /// Forget a remote; what is there stays
    Remove {
        /// The remote
        name: String,
    },
    /// Change where a remote is
    SetUrl {
        /// The remote
        name: String,
        /// Where it is now
        url: String,
        /// Do not try it
        #[arg(long)]
        no_check: bool,
    },
    /// Forget branches of a remote that are gone there
    Prune {
        /// The remote
        name: String,
        /// Say what would be forgotten, and forget nothing
        #[arg(long)]
        dry_run: bool,
    },
}

impl Run for Remote {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl remote add origin /shared/team.mdl", "a folder that all can reach"),
        ("mdl remote add origin ssh://gpu01/srv/team.mdl", "a host with mdl on it"),
        ("mdl remote add origin s3://models/team", "a bucket"),
        ("mdl remote", "list them"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let mut repository = context.repository()?;
        let base = context.directory().to_owned();
        match self.what.as_ref().unwrap_or(&What::List) {
            What::List => {
                let list = repository.remotes();
                context.answer("remotes", || remote::remotes(&list), || remote::remotes_json(&list))?;
                if list.is_empty() {
                    context.terminal.hint("there is none yet: `mdl remote add origin /shared/team.mdl`");
                }
            }
            What::Add { name, url, no_check } => {
                let done = repository.add_remote(&remote_name(name)?, url, &base, !no_check)?;
                report_added(context, &done)?;
                if done.read_only != Some(true) {
                    context.terminal.hint("send what you have with `mdl push`");
                }
            }
            What::SetUrl { name, url, no_check } => {
                let done = repository.set_remote_url(&remote_name(name)?, url, &base, !no_check)?;
                report_added(context, &done)?;
            }
            What::Show { name } => {
                let survey = repository.ls_remote(&remote_name(name)?)?;
                context.answer("ls_remote", || remote::listed(&survey), || remote::listed_json(&survey))?;
            }
            What::Remove { name } => {
                let gone = repository.remove_remote(&remote_name(name)?)?;
                let text = || format!("forgot {}; what is at {} stays\n", escape(name), escape(&gone.url));
                let json = || serde_json::json!({ "name": gone.name.as_str(), "url": gone.url });
                context.report("remote", text, json)?;
            }
            What::Prune { name, dry_run } => {
                let gone = repository.prune_remote(&remote_name(name)?, *dry_run)?;
                report_pruned(context, &gone, *dry_run)?;
            }
        }
        Ok(Exit::Success)
    }
}

fn report_added(context: &mut Context, done: &RemoteAdded) -> Result<(), CliError> {
    context.report("remote", || remote::added_remote(done), || remote::added_remote_json(done))
}

fn report_pruned(context: &mut Context, gone: &[RefName], dry_run: bool) -> Result<(), CliError> {
    let done = if dry_run { "would forget" } else { "forgot" };
    let lines = || gone.iter().map(|name| format!("{done} {}\n", escape(name.as_str())));
    let text = || match gone.is_empty() {
        true => "every branch that is remembered is there still\n".to_owned(),
        false => lines().collect(),
    };
    let names: Vec<&str> = gone.iter().map(|name| name.as_str()).collect();
    context.report("prune", text, || serde_json::json!({ "forgotten": names, "dry_run": dry_run }))
}
