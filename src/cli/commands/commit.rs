//! `mdl commit`: record the work tree as it is.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::editor;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::committed;
use crate::repo::{CommitOptions, Repository};

/// Record what the manifest names, as it is now
///
/// Data, features, parameters, metrics and outputs, the source code, and the environment: installed
/// packages, system and accelerators. When the command ends well, all of it is safe on the disk.
#[derive(Args)]
pub struct Commit {
    /// Why this state is worth keeping; each further -m is a paragraph. Without it, your editor asks
    #[arg(short, long, value_name = "MESSAGE")]
    message: Vec<String>,

    /// Commit although nothing differs
    #[arg(long)]
    allow_empty: bool,

    /// History is append-only; see the hint
    #[arg(long, hide = true)]
    amend: bool,
}

impl Run for Commit {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl commit -m 'baseline'", ""),
        ("mdl commit -m 'wider net' -m 'Two layers of 256 instead of 128.'", "a title and a paragraph"),
        ("mdl undo && mdl commit -m 'a better message'", "commit again instead of amending"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        if self.amend {
            return Err(CliError::usage(
                "a commit is never changed",
                "step back with `mdl undo`, which keeps your files as they are, and commit again",
            ));
        }
        let repository = context.repository()?;
        let options =
            CommitOptions { message: self.message(&repository, context)?, allow_empty: self.allow_empty };
        let progress = context.progress();
        let mut unseen = Vec::new();
        let made = repository.commit_telling(&options, &mut unseen, &progress)?;
        drop(progress);
        let Some(made) = made else {
            context.warn_of(&unseen);
            let text = || "nothing to commit: nothing differs from HEAD\n".to_owned();
            context.report("commit", text, || serde_json::json!({ "commit": null }))?;
            context.terminal.hint("to record a commit all the same, add --allow-empty");
            return Ok(Exit::Success);
        };
        context.warn_of(&made.warnings);
        context.report("commit", || committed::text(&made, &options.message), || committed::json(&made))?;
        Ok(Exit::Success)
    }
}

impl Commit {
    fn message(&self, repository: &Repository, context: &Context) -> Result<String, CliError> {
        let message = match self.message.as_slice() {
            [] => editor::message(repository, context)?,
            paragraphs => paragraphs.iter().map(|part| part.trim()).collect::<Vec<_>>().join("\n\n"),
        };
        if message.trim().is_empty() { Err(CliError::EmptyMessage) } else { Ok(message) }
    }
}
