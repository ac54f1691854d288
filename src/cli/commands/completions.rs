//! `mdl completions`: let a shell complete command lines.

use std::io::Write;

use clap::Args;
use clap_complete::Shell;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Print a script that lets your shell complete mdl's command lines
#[derive(Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

impl Run for Completions {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl completions bash > ~/.local/share/bash-completion/completions/mdl", "bash"),
        ("mdl completions zsh > ~/.zfunc/_mdl", "zsh, with ~/.zfunc in fpath"),
        ("mdl completions fish > ~/.config/fish/completions/mdl.fish", "fish"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::cli::command(), "mdl", &mut script);
        let mut output = context.terminal.bytes();
        output.write_all(&script).and_then(|()| output.flush()).map_err(CliError::Output)?;
        Ok(Exit::Success)
    }
}
