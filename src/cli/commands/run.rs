//! `mdl run`: run a command and record it.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use crate::cli::commands::Run as Command;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::terminal::FORWARD;
use crate::cli::{run_views, sizes};
use crate::format::{Setting, Sweep};
use crate::launch::{Bounds, Input, Outlets, Signals};
use crate::object::Phase;
use crate::progress::Silent;
use crate::render;
use crate::repo::{
    Begun, Execution, Ran, Repository, RunOptions, RunState, SweepOptions, SweepWitness, SweptRun, Warning,
    Witness,
};

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
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: Option<String>,

    /// What the run is for: train, build or production
    #[arg(long, value_name = "PHASE", value_enum, hide_possible_values = true, default_value = "train")]
    phase: PhaseName,

    /// Run with other parameters, in a folder of its own: your files stay as they are. With several values, or
    /// several --set, one run for each combination
    #[arg(long, value_name = "KEY=VALUE[,VALUE...]", value_parser = Setting::from_str)]
    set: Vec<Setting>,

    /// What to call the sweep. One of the same name that was cut off goes on where it was
    #[arg(long, value_name = "NAME", requires = "set", value_parser = NonEmptyStringValueParser::new())]
    sweep: Option<String>,

    /// How many runs of a sweep go on at a time
    #[arg(short, long, value_name = "NUMBER", default_value_t = 1, requires = "set", value_parser = jobs)]
    jobs: usize,

    /// Run again what was run before with the same definition
    #[arg(long, requires = "set")]
    again: bool,

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
        ("mdl run --set train.lr=0.1,0.01 --set model.depth=2,3 -j 2", "a sweep of four runs, two at a time"),
        ("mdl run --phase build -- make data", "prepare the data"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let signals = Signals::watch().map_err(CliError::Signals)?;
        if !self.set.is_empty() {
            return self.sweep(&repository, &signals, context);
        }
        let (options, progress) = (self.options(context)?, context.progress());
        let mut witness = Told { context, json: context.is_json() };
        let ran = repository.run(&options, &signals, &mut witness, &progress)?;
        drop(progress);
        self.tell(&repository, &ran, context)?;
        Ok(exit_of(&ran))
    }
}

impl Run {
    fn options(&self, context: &Context) -> Result<RunOptions, CliError> {
        let message = self.message.iter().map(|part| part.trim()).collect::<Vec<_>>().join("\n\n");
        if message.trim().is_empty() && !self.message.is_empty() {
            return Err(CliError::usage("the message is empty", "leave -m out, or say why the branch moves"));
        }
        Ok(RunOptions {
            command: self.command.clone(),
            directory: context.directory().to_owned(),
            name: self.name.clone(),
            phase: Some(self.phase.into()),
            message: Some(message).filter(|message| !message.is_empty()),
            execution: Execution {
                timeout: self.timeout,
                interval: self.interval,
                log: Bounds { head: self.log_size / 2, tail: self.log_size / 2 },
                forward: Some(FORWARD),
                ..Execution::default()
            },
        })
    }

    /// Says how the run ended.
    fn tell(&self, repository: &Repository, ran: &Ran, context: &Context) -> Result<(), CliError> {
        context.warn_of(&ran.warnings);
        tell_unheard(ran.unheard.as_ref(), context);
        context.terminal.note(&run_views::ended(&ran.run, &context.style()));
        if let Some(moved) = &ran.branch {
            run_views::moved(moved, ran.run.id.short(), context);
        }
        if context.is_json() {
            let json = run_views::shown_json(repository, &ran.run)?;
            context.answer("run", String::new, || json)?;
        }
        Ok(())
    }
}

/// How many at a time.
fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=1024) => Ok(jobs),
        _ => Err("it is a number from 1 to 1024".to_owned()),
    }
}

impl Run {
    fn sweep(&self, repository: &Repository, signals: &Signals, context: &Context) -> Result<Exit, CliError> {
        let sweep = Sweep::new(self.set.clone()).map_err(|error| {
            CliError::usage(
                error.to_string(),
                "a key is set once, with all its values: `--set train.lr=0.1,0.01`",
            )
        })?;
        if sweep.len() > 1 && !self.message.is_empty() {
            return Err(CliError::usage(
                "the branch can move to one run only, and this is a sweep",
                "leave -m out, and move the branch to the best run afterwards with `mdl merge RUN`",
            ));
        }
        let mut run = self.options(context)?;
        run.execution.input = Input::Nothing;
        let (total, name) = (sweep.len(), self.sweep.clone());
        let options = SweepOptions { run, sweep, name, jobs: self.jobs, again: self.again };
        let witness = SweepTold { context, total, alone: self.jobs == 1 };
        let swept = repository.sweep(&options, signals, &witness, &Silent)?;
        if context.is_json() {
            let runs = swept.iter().map(|swept| run_views::line(repository, &swept.run));
            let lines: Vec<_> = runs.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
            let more = (total as usize).saturating_sub(swept.len());
            let runs =
                render::Runs { lines: &lines, now: repository.now(), more, more_command: "", full: true };
            context.answer("sweep", String::new, || render::runs_json(&runs))?;
        }
        self.conclude(repository, &swept, total, signals.interrupted().is_some(), context)
    }

    /// Moves the branch if that is wanted, and says what became of the sweep.
    fn conclude(
        &self,
        repository: &Repository,
        swept: &[SweptRun],
        total: u64,
        interrupted: bool,
        context: &Context,
    ) -> Result<Exit, CliError> {
        let finished = swept.iter().filter(|swept| swept.run.state == RunState::Finished).count() as u64;
        if let (Some(one), false) = (swept.first(), self.message.is_empty()) {
            run_views::moved(&repository.merge_run(&one.run, &Silent), one.run.id.short(), context);
        }
        if interrupted && finished < total {
            let left = total - finished;
            context.terminal.warn(&format!("interrupted: {left} of {total} runs have not finished"));
            context.terminal.hint("the same command goes on with them");
            return Ok(Exit::Interrupted);
        }
        if finished < total && swept.iter().any(|swept| swept.unread) {
            let left = total - finished;
            context
                .terminal
                .warn(&format!("nobody takes the output any more: {left} of {total} runs have not finished"));
            return Ok(Exit::ClosedPipe);
        }
        if total > 1 {
            let name = swept.iter().find_map(|swept| swept.run.sweep()).unwrap_or_default();
            context.terminal.hint(&format!("compare them: `mdl runs --sweep {}`", render::escape(name)));
        }
        Ok(if finished == total { Exit::Success } else { Exit::Difference })
    }
}

/// Tells a person of a sweep.
struct SweepTold<'a> {
    context: &'a Context,
    total: u64,
    /// Whether one run goes on at a time, so that its output can be told from others'.
    alone: bool,
}

impl SweepWitness for SweepTold<'_> {
    fn planned(&self, name: Option<&str>, redacted: &[String], warnings: &[Warning]) {
        self.context.warn_of(warnings);
        tell_redacted(redacted, self.context);
        if let Some(name) = name {
            let name = render::escape(name);
            let runs = if self.total == 1 { "1 run" } else { &format!("{} runs", self.total) };
            self.context.terminal.note(&format!("sweep {name}: {runs}, each in a folder of its own"));
        }
    }

    fn outlets(&self) -> Outlets {
        if self.alone { self.context.terminal.outlets(self.context.is_json()) } else { Outlets::nowhere() }
    }

    fn done(&self, done: u64, swept: &SweptRun) {
        self.context.warn_of(&swept.warnings);
        self.context.terminal.note(&run_views::swept(swept, done, self.total, &self.context.style()));
    }
}

fn tell_redacted(redacted: &[String], context: &Context) {
    for what in redacted {
        let what = render::escape(what);
        context.terminal.warn(&format!("{what} looks like a secret and is not recorded"));
    }
}

/// What mdl itself ends with: as the command did, or as `timeout` says that it took too long. A command that had
/// ended well before its output could not be passed on would have known of it without us.
fn exit_of(ran: &Ran) -> Exit {
    match exit_of_unheard(ran.unheard.as_ref()) {
        _ if ran.timed_out => Exit::TimedOut,
        Some(exit) if ran.exit.is_success() => exit,
        _ => Exit::Command(ran.exit.shell_status()),
    }
}

/// What output that could not be passed on ends mdl with, where nothing else went wrong.
pub(super) fn exit_of_unheard(error: Option<&io::Error>) -> Option<Exit> {
    match error?.kind() {
        ErrorKind::BrokenPipe => Some(Exit::ClosedPipe),
        _ => Some(Exit::Io),
    }
}

/// Says that output could not be passed on. That a reader stops is usual, and nothing that it would want to be told.
pub(super) fn tell_unheard(error: Option<&io::Error>, context: &Context) {
    if let Some(error) = error.filter(|error| error.kind() != ErrorKind::BrokenPipe) {
        let what = "the output could not be passed on, and is in the log alone";
        context.terminal.warn(&format!("{what}: {error}"));
    }
}

/// Tells a person of a run.
struct Told<'a> {
    context: &'a Context,
    json: bool,
}

impl Witness for Told<'_> {
    fn begun(&mut self, begun: &Begun, redacted: &[String], warnings: &[Warning]) {
        self.context.warn_of(warnings);
        tell_redacted(redacted, self.context);
        let started = render::run_started(&self.context.style(), &begun.run.id, begun.definition);
        self.context.terminal.note(&started);
    }

    fn outlets(&mut self) -> Outlets {
        self.context.terminal.outlets(self.json)
    }
}
