//! `mdl add`: name a dataset, a feature set, parameters, metrics or an output in the manifest.

use clap::{Args, ValueEnum};

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::parts;
use crate::render::{self, actions};
use crate::repo::{AddOptions, Role};

/// Name files or folders as parts of the model
///
/// Writes them into `mdl.toml` and keeps its comments. There is no staging area: from then on, each commit
/// records them as they are.
#[derive(Args)]
pub struct Add {
    /// Files or folders
    #[arg(value_name = "PATH", required = true, value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<String>,

    /// What they are; guessed from their names if it is not given
    #[arg(long = "as", value_name = "ROLE", value_enum)]
    role: Option<RoleArgument>,

    /// The part's name; made from the path if it is not given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Record the data without storing it: only its hashes and its profile
    #[arg(long)]
    reference: bool,

    /// Where a dataset was had from: a path or URL
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,

    /// The licence of a dataset, such as CC0-1.0
    #[arg(long, value_name = "LICENCE", visible_alias = "license")]
    licence: Option<String>,
}

/// What a path is to a model.
#[derive(Clone, Copy, ValueEnum)]
enum RoleArgument {
    /// Data that the model learns from or is measured with
    Dataset,
    /// A list of features
    Features,
    /// Hyperparameters
    Params,
    /// Results, as numbers
    Metrics,
    /// What a run writes, such as the model
    Output,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Dataset => Role::Dataset,
            RoleArgument::Features => Role::Features,
            RoleArgument::Params => Role::Params,
            RoleArgument::Metrics => Role::Metrics,
            RoleArgument::Output => Role::Output,
        }
    }
}

impl Run for Add {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl add data/train.csv data/test.csv", "two datasets"),
        ("mdl add data --name penguins --licence CC0-1.0", "a folder as one dataset"),
        ("mdl add /mnt/corpus --as dataset --reference", "too large to keep a copy of"),
        ("mdl add model.joblib --as output", "what a run writes"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        if self.name.is_some() && self.paths.len() > 1 {
            return Err(CliError::usage("one name cannot be given to several paths", "add them one by one"));
        }
        let options = AddOptions {
            role: self.role.map(Role::from),
            name: self.name.as_deref().map(parts::part_name).transpose()?,
            reference: self.reference,
            source: self.source.clone(),
            licence: self.licence.clone(),
        };
        let repository = context.repository()?;
        let mut added = Vec::new();
        for path in &self.paths {
            added.push(repository.add(&repository.tree_path(context.directory(), path)?, &options)?);
        }
        for part in added.iter().filter(|part| !part.exists) {
            let path = render::escape(&part.path);
            context.terminal.note(&format!("{path} is not there yet: a run is expected to write it"));
        }
        context.report("add", || actions::added(&added), || actions::parts_json("added", &added))?;
        Ok(Exit::Success)
    }
}
