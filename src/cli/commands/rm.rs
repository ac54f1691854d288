//! `mdl rm`: take parts out of the manifest.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::actions;
use crate::repo::{Part, RepoError, Repository};

/// Take parts out of the manifest; their files stay where they are
#[derive(Args)]
pub struct Rm {
    /// Names or paths of parts
    #[arg(value_name = "NAME_OR_PATH", required = true, value_hint = clap::ValueHint::AnyPath)]
    parts: Vec<String>,
}

impl Run for Rm {
    const EXAMPLES: &'static [(&'static str, &'static str)] =
        &[("mdl rm model", "by name"), ("mdl rm metrics.json", "by path")];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let mut removed = Vec::new();
        for part in &self.parts {
            removed.push(remove(&repository, context, part)?);
        }
        context.report("rm", || actions::removed(&removed), || actions::parts_json("removed", &removed))?;
        Ok(Exit::Success)
    }
}

/// By its name, else by its path from where the command works.
fn remove(repository: &Repository, context: &Context, written: &str) -> Result<Part, CliError> {
    match repository.remove(written) {
        Err(error @ RepoError::NotTracked(_)) => {
            let Ok(path) = repository.tree_path(context.directory(), written) else {
                return Err(error.into());
            };
            if path.as_str() == written { Err(error.into()) } else { Ok(repository.remove(path.as_str())?) }
        }
        done => Ok(done?),
    }
}
