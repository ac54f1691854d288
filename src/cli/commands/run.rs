//! `mdl run`: run a command and record it.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::commands::Run as Command;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::{run_views, sizes};
use crate::launch::{Bounds, Outlets, Signals};
use crate::object::Phase;
use crate::render;
use crate::repo::{Begun, Execution, Ran, Repository, RunOptions, Warning, Witness};

/// Run a command, and record what went in and what came out
///
/// Before it starts, the definition is recorded: data, features, parameters, code, command, seeds and environment. At the
/// end, the outcome: metrics and their curves, outputs, log, exit status and the use of the machine. In between
/// the command runs as it would without mdl, and mdl ends with its exit status.
///
/// A program reports metrics by appending lines to the file that MDL_METRICS names:
/// {"name": "loss", "step": 10, "value": 0.31}. Files of metrics that the manifest names are read at the end.
#[derive(Args)]
pub struct Run {
    /// What to call this run
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// What the run is for: train, build or production
    #[arg(long, value_name = "PHASE", value_enum, hide_possible_values = true, default_value = "train")]
    phase: PhaseName,

    /// Move the branch to the run if it ends well, for this reason; each further -m is a paragraph
    #[arg(short, long, value_name = "MESSAGE")]
    message: Vec<String>,

    /// End the command if it takes longer: 90, 90s, 30m, 12h, 2d
    #[arg(long, value_name = "TIME", value_parser = sizes::duration)]
    timeout: Option<Duration>,

    /// How often the use of the machine is looked at
    #[arg(long, value_name = "TIME", value_parser = sizes::duration, default_value = "1s")]
    interval: Duration,

    /// How much of what the command prints is kept, half of it of the beginning and half of the end
    #[arg(long, value_name = "SIZE", value_parser = sizes::bytes, default_value = "2M")]
    log_size: usize,

    /// The command and its arguments; that of the manifest, if there is none
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    command: Vec<OsString>,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PhaseName {
    /// Training a model.
    Train,
    /// Building it or its data.
    Build,
    /// Serving it.
    Production,
}

impl From<PhaseName> for Phase {
    fn from(name: PhaseName) -> Self {
        match name {
            PhaseName::Train => Phase::Train,
            PhaseName::Build => Phase::Build,
            PhaseName::Production => Phase::Production,
        }
    }
}

impl Command for Run {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl run -- python3 train.py", ""),
        ("mdl run", "the command that mdl.toml names"),
        ("mdl run --name wide -m 'twice as wide' -- python3 train.py", "and move the branch to it"),
        ("mdl run --phase build -- make data", "prepare the data"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let signals = Signals::watch().map_err(CliError::Signals)?;
        let (options, progress) = (self.options(context), context.progress());
        let mut witness = Told { context, json: context.is_json() };
        let ran = repository.run(&options, &signals, &mut witness, &progress)?;
        drop(progress);
        self.tell(&repository, &ran, context)?;
        Ok(exit_of(&ran))
    }
}

impl Run {
    fn options(&self, context: &Context) -> RunOptions {
        let message = self.message.iter().map(|part| part.trim()).collect::<Vec<_>>().join("\n\n");
        RunOptions {
            command: self.command.clone(),
            directory: context.directory().to_owned(),
            name: self.name.clone(),
            phase: Some(self.phase.into()),
            message: Some(message).filter(|message| !message.is_empty()),
            execution: Execution {
                timeout: self.timeout,
                interval: self.interval,
                log: Bounds { head: self.log_size / 2, tail: self.log_size / 2 },
                ..Execution::default()
            },
        }
    }

    /// Says how the run ended.
    fn tell(&self, repository: &Repository, ran: &Ran, context: &Context) -> Result<(), CliError> {
        context.warn_of(&ran.warnings);
        context.terminal.note(&run_views::ended(&ran.run, &context.style()));
        if let Some(moved) = &ran.branch {
            run_views::moved(moved, ran, context);
        }
        if context.is_json() {
            let json = run_views::shown_json(repository, &ran.run)?;
            context.answer("run", String::new, || json)?;
        }
        Ok(())
    }
}

/// What mdl itself ends with: as the command did, or as `timeout` says that it took too long.
fn exit_of(ran: &Ran) -> Exit {
    if ran.timed_out { Exit::TimedOut } else { Exit::Command(ran.exit.shell_status()) }
}

/// Tells a person of a run.
struct Told<'a> {
    context: &'a Context,
    json: bool,
}

impl Witness for Told<'_> {
    fn begun(&mut self, begun: &Begun, redacted: &[String], warnings: &[Warning]) {
        self.context.warn_of(warnings);
        for what in redacted {
            let what = render::escape(what);
            self.context.terminal.warn(&format!("{what} looks like a secret and is not recorded"));
        }
        let started = render::run_started(&self.context.style(), &begun.run.id, begun.definition);
        self.context.terminal.note(&started);
    }

    fn outlets(&mut self) -> Outlets {
        self.context.terminal.outlets(self.json)
    }
}
