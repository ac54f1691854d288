//! `mdl clone`: a repository out of another one.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::parts::ref_name;
use crate::render::{escape, remote};
use crate::repo::{CloneOptions, Repository};

/// Make a repository out of one that is elsewhere
///
/// Brings all metadata, so that history, comparisons and runs are there at once and offline, and the data that the
/// checkout of one branch needs. If it is interrupted, run it again.
#[derive(Args)]
pub struct Clone {
    /// Where it is: a folder, ssh://…, s3://…, gs://…, az://… or https://…
    #[arg(value_name = "URL")]
    url: String,

    /// A folder that is new or empty; by default, one with the name of what is cloned
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    directory: Option<String>,

    /// Bring all data, of every commit and run
    #[arg(long)]
    data: bool,

    /// Check this branch out
    #[arg(short, long, value_name = "NAME")]
    branch: Option<String>,

    /// Check nothing out
    #[arg(short, long)]
    no_checkout: bool,
}

impl Run for Clone {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl clone /shared/team.mdl", "into the folder `team`"),
        ("mdl clone ssh://gpu01/srv/penguins.mdl birds", "into `birds`"),
        ("mdl clone s3://models/team --no-checkout", "look before any data comes"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let directory = match &self.directory {
            Some(directory) => directory.clone(),
            None => name_of(&self.url).ok_or_else(|| {
                let problem = format!("{:?} does not say what to call the folder", self.url);
                CliError::usage(problem, "name one: `mdl clone URL DIR`".to_owned())
            })?,
        };
        let options = CloneOptions {
            data: self.data,
            branch: self.branch.as_deref().map(ref_name).transpose()?,
            no_checkout: self.no_checkout,
        };
        let progress = context.progress();
        let (base, to) = (context.directory().to_owned(), context.path(&directory));
        let done = Repository::clone_from(&self.url, &base, &to, &options, &progress)?;
        drop(progress);
        context.report("clone", || remote::cloned(&done), || remote::cloned_json(&done))?;
        let aside = remote::set_aside_of(&done.remote, &done.fetched);
        aside.iter().for_each(|text| context.terminal.warn(text));
        context.warn_of_references(&done.files);
        if let (true, Some(branch)) = (self.no_checkout, &done.branch) {
            let branch = escape(branch.as_str());
            context.terminal.hint(&format!("get its files with `mdl checkout --force {branch}`"));
        }
        Ok(Exit::Success)
    }
}

/// What the last part of a location calls it: `team` in `/shared/team.mdl`.
fn name_of(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?.trim_end_matches('/');
    let path = path.strip_suffix("/.mdl").unwrap_or(path);
    let name = path.rsplit(['/', '\\', ':']).next()?;
    let name = name.strip_suffix(".mdl").unwrap_or(name);
    (!name.is_empty() && name != "." && name != "..").then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_has_the_name_of_what_is_cloned() {
        for (url, name) in [
            ("/shared/team.mdl", Some("team")),
            ("/shared/penguins/", Some("penguins")),
            ("../penguins/.mdl", Some("penguins")),
            ("host:team.mdl", Some("team")),
            ("ssh://gpu01/srv/birds", Some("birds")),
            ("s3://models/team?region=eu-west-1", Some("team")),
            ("..", None),
            ("/", None),
        ] {
            assert_eq!(name_of(url).as_deref(), name, "{url}");
        }
    }
}
