//! `mdl diff`: what differs between two states.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::views;
use crate::render::{self, Detail};
use crate::repo::{RepoError, Repository, Side};

/// Show what differs between two states, part by part
///
/// Without a revision: from HEAD to the files as they are now. With one: from it to the files. With two,
/// or with A..B: from the first to the second.
#[derive(Args)]
pub struct Diff {
    /// The states to compare
    #[arg(value_name = "REV", num_args = 0..=2)]
    revisions: Vec<String>,

    /// Only how much of each part differs
    #[arg(long)]
    stat: bool,

    /// End with 1 if there is a difference
    #[arg(long)]
    exit_code: bool,

    /// Only these parts, things within them, or paths of their files
    #[arg(last = true, value_name = "PART")]
    parts: Vec<String>,
}

impl Run for Diff {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl diff", "what you changed since the last commit"),
        ("mdl diff HEAD~1 HEAD", "what the last commit changed"),
        ("mdl diff HEAD~1..main -- params metrics", "what was set, and what came out"),
        ("mdl diff --exit-code main -- data", "is this still the data of main?"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let (before, after) = self.sides(&repository)?;
        let at = if let Side::Revision(revision) = &before { Some(revision.commit) } else { None };
        let only = repository.selectors(context.directory(), &self.parts, at)?;
        let progress = context.progress();
        let comparison = repository.compare(&before, &after, &only, &progress)?;
        drop(progress);
        context.warn_of(&comparison.warnings);
        let style = context.style();
        let found = &comparison.diff;
        let detail = if self.stat { Detail::Stat } else { Detail::Full };
        let text = views::text(|out| render::diff(out, &style, found, detail))?;
        context.answer("diff", || text, || render::diff_json(found))?;
        Ok(if self.exit_code && !found.is_empty() { Exit::Difference } else { Exit::Success })
    }
}

impl Diff {
    fn sides(&self, repository: &Repository) -> Result<(Side, Side), CliError> {
        let side =
            |revision: &str| -> Result<Side, CliError> { Ok(Side::Revision(repository.resolve(revision)?)) };
        Ok(match self.revisions.as_slice() {
            [before, after] => (side(before)?, side(after)?),
            [one] => match one.split_once("..") {
                Some((before, after)) => (side(before)?, side(after)?),
                None => (side(one)?, Side::WorkTree),
            },
            _ => match repository.resolve("HEAD") {
                Ok(head) => (Side::Revision(head), Side::WorkTree),
                Err(RepoError::NoCommits) => (Side::Nothing, Side::WorkTree),
                Err(error) => return Err(error.into()),
            },
        })
    }
}
