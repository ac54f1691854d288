//! `mdl serve`: the other end of `ssh://`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::disk::OsDisk;
use crate::storage::stream::{Access, Root, serve};
use crate::storage::{Storage, StorageError};
use crate::sync::AppendOnly;

/// Serve repositories to an mdl elsewhere, over standard input and output
///
/// ssh starts it where a remote is ssh://HOST/PATH; nobody has to type it. As the command of a key in authorized_keys it
/// bounds what the owner of the key can do: the paths of the client are then seen from DIR, and nothing outside of DIR is
/// served.
#[derive(Args)]
pub struct Serve {
    /// Speak over standard input and output
    #[arg(long, required = true)]
    stdio: bool,

    /// The folder that paths of the client are seen from, and that none leads out of
    #[arg(long, value_name = "DIR")]
    root: PathBuf,

    /// Let the client read, and change nothing
    #[arg(long, conflicts_with = "append_only")]
    read_only: bool,

    /// Let the client read and add: nothing is removed or deleted, no branch steps back, no tag moves
    #[arg(long)]
    append_only: bool,
}

impl Run for Serve {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl serve --stdio --root /srv/mdl", "everything below /srv/mdl"),
        (
            "mdl serve --stdio --root /srv/mdl --append-only",
            "for the key of a job that should add runs alone",
        ),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let (mut input, output) = context.terminal.streams().map_err(CliError::Serve)?;
        let root = Root::new(context.directory().join(&self.root), Arc::new(OsDisk));
        let access = match (self.read_only, self.append_only) {
            (true, _) => Access::ReadOnly,
            (_, true) => Access::AppendOnly,
            _ => Access::ReadWrite,
        };
        let open = |wanted: &str| -> Result<Arc<dyn Storage>, StorageError> {
            let storage = root.open(wanted)?;
            Ok(if self.append_only { Arc::new(AppendOnly::new(storage)) } else { storage })
        };
        serve(&open, &mut input, output, access).map_err(CliError::Serve)?;
        Ok(Exit::Success)
    }
}
