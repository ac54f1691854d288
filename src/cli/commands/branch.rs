//! `mdl branch`: lines of work.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::parts;
use crate::cli::views;
use crate::refs::{Family, Ref};
use crate::render::{self, actions};
use crate::repo::{RepoError, Repository};

/// List branches, or make, rename or delete one
///
/// Without a name, lists them. A branch keeps its whole history, also once it is deleted.
#[derive(Args)]
pub struct Branch {
    /// The branch to make
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Where it starts; HEAD if nothing is given
    #[arg(value_name = "START", requires = "name")]
    start: Option<String>,

    /// Delete a branch whose commits another branch or tag has
    #[arg(short, long, value_name = "NAME")]
    delete: Option<String>,

    /// Delete a branch, whatever becomes of its commits
    #[arg(short = 'D', value_name = "NAME")]
    delete_anyway: Option<String>,

    /// Rename a branch
    #[arg(short = 'm', long = "move", num_args = 2, value_names = ["OLD", "NEW"])]
    rename: Vec<String>,

    /// Show every value that a branch has had
    #[arg(long, value_name = "NAME")]
    history: Option<String>,
}

impl Run for Branch {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl branch", "list them"),
        ("mdl branch wider HEAD~1", "make one; go there with `mdl switch wider`"),
        ("mdl branch -m wider wide-net", "rename it"),
        ("mdl branch --history main", "where it has been, and why"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        if let Some(name) = &self.history {
            self.show_history(&repository, context, name)?;
        } else if let Some(name) = self.delete.as_ref().or(self.delete_anyway.as_ref()) {
            let was = repository.delete_branch(&parts::ref_name(name)?, self.delete_anyway.is_some())?;
            context.report(
                "branch",
                || actions::deleted("branch", name, was),
                || actions::deleted_json(name, was),
            )?;
        } else if let [old, new] = self.rename.as_slice() {
            repository.rename_branch(&parts::ref_name(old)?, &parts::ref_name(new)?)?;
            context.report("branch", || actions::renamed(old, new), || actions::renamed_json(old, new))?;
        } else if let Some(name) = &self.name {
            let start = repository.resolve(self.start.as_deref().unwrap_or("HEAD"))?.commit;
            repository.create_branch(&parts::ref_name(name)?, start)?;
            context.report(
                "branch",
                || actions::created("branch", name, start),
                || actions::created_json(name, start),
            )?;
        } else {
            let lines = views::branches(&repository, &repository.branches()?)?;
            let style = context.style();
            let text = views::text(|out| render::branches(out, &style, &lines))?;
            context.answer("branches", || text, || render::branches_json(&lines))?;
        }
        Ok(Exit::Success)
    }
}

impl Branch {
    fn show_history(&self, repository: &Repository, context: &Context, name: &str) -> Result<(), CliError> {
        let entries = repository.ref_history(&Ref { family: Family::Heads, name: parts::ref_name(name)? })?;
        if entries.is_empty() {
            return Err(RepoError::NoSuchBranch(name.to_owned()).into());
        }
        let style = context.style();
        let text = views::text(|out| render::history(out, &style, &entries))?;
        context.answer("history", || text, || render::history_json(name, &entries))
    }
}
