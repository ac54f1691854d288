//! `mdl show`: anything that is recorded.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::{run_views, views};
use crate::repo::{RecordedRun, Repository};

/// Show a commit or run, a part of one, a tag or any object
#[derive(Args)]
pub struct Show {
    /// A revision, a part of one, or an id or the first digits of one
    #[arg(value_name = "WHAT", default_value = "HEAD")]
    what: String,
}

impl Run for Show {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl show", "the commit that is checked out"),
        ("mdl show k7w2q9xm", "a run at a glance, with its curves"),
        ("mdl show HEAD~1:params", "the parameters of an earlier one"),
        ("mdl show main:datasets/data", "a dataset of a branch"),
        ("mdl show 3f2a9c1", "whatever has this id"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let shown = repository.show(&self.what)?;
        if let Some(run) = repository.run_shown(&shown)? {
            return self.show_run(&repository, &run, context);
        }
        if context.is_json() {
            let json = views::shown_json(&repository, &shown)?;
            context.answer("show", String::new, || json)?;
        } else {
            let text = views::shown(&repository, &shown, &context.style())?;
            context.answer("show", || text, || serde_json::Value::Null)?;
        }
        Ok(Exit::Success)
    }
}

impl Show {
    fn show_run(
        &self,
        repository: &Repository,
        run: &RecordedRun,
        context: &Context,
    ) -> Result<Exit, CliError> {
        if context.is_json() {
            let json = run_views::shown_json(repository, run)?;
            context.answer("show-run", String::new, || json)?;
        } else {
            let text = run_views::shown(repository, run, &context.style())?;
            context.answer("show-run", || text, || serde_json::Value::Null)?;
        }
        Ok(Exit::Success)
    }
}
