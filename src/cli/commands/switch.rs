//! `mdl switch`: go to a branch.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::parts;
use crate::progress::Progress;
use crate::render::actions;
use crate::repo::{CheckedOut, CheckoutOptions, RepoError, Repository};

/// Go to a branch, and make it first with -c
#[derive(Args)]
pub struct Switch {
    /// The branch; with --detach, any revision; with -c, where the new branch starts
    #[arg(value_name = "NAME", required_unless_present = "create")]
    name: Option<String>,

    /// Make this branch first
    #[arg(short, long, value_name = "NAME")]
    create: Option<String>,

    /// Go to a commit, with no branch checked out
    #[arg(long, conflicts_with = "create")]
    detach: bool,

    /// Overwrite changes that are not committed
    #[arg(short, long)]
    force: bool,

    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Run for Switch {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl switch main", ""),
        ("mdl switch -c wider", "a new branch, from here"),
        ("mdl switch -c retry HEAD~1", "a new branch, from an earlier commit"),
        ("mdl switch --detach v1", "to a tag, without a branch"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let progress = context.progress();
        let done = self.switch(&repository, &progress)?;
        drop(progress);
        let text = || actions::checked_out(&done, self.dry_run);
        context.report("switch", text, || actions::checked_out_json(&done, self.dry_run))?;
        context.warn_of_references(&done);
        Ok(Exit::Success)
    }
}

impl Switch {
    fn switch(&self, repository: &Repository, progress: &dyn Progress) -> Result<CheckedOut, CliError> {
        let options = CheckoutOptions { force: self.force, dry_run: self.dry_run };
        if let Some(new) = &self.create {
            return Ok(repository.switch_to_new(
                &parts::ref_name(new)?,
                self.name.as_deref(),
                options,
                progress,
            )?);
        }
        let target = self.name.as_deref().unwrap_or("HEAD");
        if self.detach {
            // An id is never a branch.
            let commit = repository.resolve(target)?.commit.to_string();
            return Ok(repository.checkout(&commit, options, progress)?);
        }
        let name = parts::ref_name(target).map_err(|_| CliError::NotABranch { what: target.to_owned() })?;
        match repository.switch(&name, options, progress) {
            Err(RepoError::NoSuchBranch(_)) if repository.resolve(target).is_ok() => Err(CliError::usage(
                format!("{target:?} is not a branch"),
                format!(
                    "go there without a branch with `mdl switch --detach {target}`, or make one with -c NAME"
                ),
            )),
            Err(RepoError::NoSuchBranch(what)) => Err(CliError::NotABranch { what }),
            done => Ok(done?),
        }
    }
}
