//! `mdl init`: make a repository.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::{actions, escape};
use crate::repo::Repository;

/// Make a repository of this project, and a manifest that fits what is here
///
/// Looks at the files at the project's root and writes `mdl.toml`, which says what makes up the model and
/// can be edited by hand. Works inside and outside of a git repository. A repository that is here already
/// is left as it is.
#[derive(Args)]
pub struct Init {
    /// The root of the project
    #[arg(value_name = "DIR", default_value = ".", value_hint = clap::ValueHint::DirPath)]
    root: String,
}

impl Run for Init {
    const EXAMPLES: &'static [(&'static str, &'static str)] =
        &[("mdl init", "begin in this folder"), ("mdl init ~/projects/penguins", "begin in another one")];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let done = Repository::init(&context.path(&self.root))?;
        context.report("init", || actions::initialised(&done), || actions::initialised_json(&done))?;
        for hint in &done.detected.hints {
            context.terminal.hint(&escape(hint));
        }
        if !done.existed {
            context.terminal.hint("look at mdl.toml, then record the first state: `mdl commit -m MESSAGE`");
        }
        Ok(Exit::Success)
    }
}
