//! `mdl reproduce`: run what a commit defines again, and grade what comes out.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::commands::Run;
use crate::cli::commands::run::{exit_of_unheard, tell_unheard};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::terminal::FORWARD;
use crate::cli::{receipt_views, sizes, views};
use crate::fidelity::Tolerance;
use crate::id::CommitId;
use crate::launch::{Outlets, Signals};
use crate::object::Grade;
use crate::render;
use crate::repo::{Begun, Execution, Obstacle, RepoError, Repository, ReproduceOptions, Warning, Witness};

/// Run what a commit defines again, and say how faithfully it came out
///
/// Its data, parameters and code are put into a folder of their own, this machine's environment is compared with the
/// recorded one, the recorded command is run there with the recorded variables, and what comes out is graded: identical
/// to the bit; within tolerance; diverged; or failed. The receipt is recorded as a run. Your files stay as they are.
///
/// What is executed is shown first: the command, and the recorded variables that are set for it. Variables that choose
/// what is executed or say where files are, such as PATH, HOME and LD_PRELOAD, are not taken over. A commit that you did not
/// make or run in this repository is executed only after you agreed, once, or with --yes; what a commit says of its
/// author does not count.
///
/// A metric is within tolerance if it is as near as --tolerance says (by default a relative 1e-6), or no further off
/// than earlier runs of the same definition are from each other.
#[derive(Args)]
pub struct Reproduce {
    /// A run, by its id or name, or another revision
    #[arg(value_name = "REV", default_value = "HEAD")]
    revision: String,

    /// Do it in this folder, new or empty, and keep it. Without it, the folder is only kept where something differs
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    to: Option<PathBuf>,

    /// What is near enough: 1e-6, or for one metric loss=1e-3, val.loss=abs:0.01, accuracy=0
    #[arg(long, value_name = "TOLERANCE", value_parser = Tolerance::from_str, conflicts_with = "check")]
    tolerance: Vec<Tolerance>,

    /// Whether the Python environment is only compared (check) or made again from the recorded packages (recreate)
    #[arg(long, value_name = "HOW", value_enum, hide_possible_values = true, default_value = "check")]
    env: EnvironmentChoice,

    /// Only look: what differs here, and what is in the way
    #[arg(long)]
    check: bool,

    /// Execute it without being asked, also if it was not made here by you
    #[arg(short, long, conflicts_with = "check")]
    yes: bool,

    /// End the command if it takes longer: 90, 90s, 30m, 12h, 2d
    #[arg(long, value_name = "TIME", value_parser = sizes::duration)]
    timeout: Option<Duration>,
}

/// What becomes of the Python environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EnvironmentChoice {
    /// It is compared.
    Check,
    /// It is made again.
    Recreate,
}

impl Run for Reproduce {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl reproduce HEAD", ""),
        ("mdl reproduce k7w2q9xm --to ../again", "a run, in a folder that is kept"),
        ("mdl reproduce main --tolerance 1e-4 --tolerance loss=1e-2", "near enough is enough"),
        ("mdl reproduce v1 --env recreate", "with the packages of then"),
        ("mdl reproduce v1 --check", "only look what would be executed, and what differs here"),
        ("mdl reproduce origin/main --yes", "what another person made, without being asked"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let resolved = repository.resolve(&self.revision)?;
        if let Some(part) = resolved.part {
            return Err(RepoError::NotAState { part: part.to_string() }.into());
        }
        if self.check {
            return self.look(&repository, resolved.commit, context);
        }
        self.agree(&repository, resolved.commit, context)?;
        let signals = Signals::watch().map_err(CliError::Signals)?;
        let options = ReproduceOptions {
            to: self.to.as_ref().map(|to| context.path(&to.to_string_lossy())),
            tolerance: self.tolerance.iter().cloned().fold(Tolerance::default(), Tolerance::and),
            recreate: self.env == EnvironmentChoice::Recreate,
            execution: Execution { timeout: self.timeout, forward: Some(FORWARD), ..Execution::default() },
            // What is not known and was not agreed to did not come this far.
            approved: true,
        };
        let progress = context.progress();
        let mut witness = Told { context };
        let done = repository.reproduce(resolved.commit, &options, &signals, &mut witness, &progress)?;
        drop(progress);
        context.warn_of(&done.warnings);
        tell_unheard(done.unheard.as_ref(), context);
        let shown = receipt_views::reproduced(&repository, &done)?;
        let text = views::text(|out| render::receipt(out, &context.style(), &shown))?;
        context.answer("reproduce", || text, || render::receipt_json(&shown))?;
        if signals.interrupted().is_some() {
            return Ok(Exit::Interrupted);
        }
        if done.timed_out {
            return Ok(Exit::TimedOut);
        }
        Ok(match done.assessment.grade {
            Grade::Identical | Grade::WithinTolerance => {
                exit_of_unheard(done.unheard.as_ref()).unwrap_or(Exit::Success)
            }
            Grade::Diverged => Exit::Difference,
            Grade::Failed => Exit::NotReproduced,
        })
    }
}

impl Reproduce {
    /// Shows what is going to be executed, and asks whether it may be, where this person did not execute it before.
    fn agree(&self, repository: &Repository, commit: CommitId, context: &Context) -> Result<(), CliError> {
        let proposal = repository.proposal(commit)?;
        if proposal.command.is_empty() {
            // Before anything else: an environment that is made again would install packages nobody agreed to.
            return Err(RepoError::Obstacle(Obstacle::NoCommand).into());
        }
        let shown = receipt_views::proposal(&proposal);
        let installs = self.env == EnvironmentChoice::Recreate;
        let text = views::text(|out| render::proposal(out, commit, &shown, installs))?;
        let terminal = &context.terminal;
        if proposal.is_known || self.yes {
            terminal.note(text.trim_end());
            return Ok(());
        }
        match terminal.ask(&format!("{text}It was not made here by you. Execute it? [y/N] ")) {
            true => Ok(()),
            false => Err(RepoError::NotApproved(commit).into()),
        }
    }

    fn look(&self, repository: &Repository, commit: CommitId, context: &Context) -> Result<Exit, CliError> {
        let prospect = repository.prospect(commit)?;
        let shown = receipt_views::prospect(repository, &prospect)?;
        let text = views::text(|out| {
            render::receipt(out, &context.style(), &shown)?;
            writeln!(out)?;
            render::proposal(out, commit, &shown.proposal, true)
        })?;
        context.answer("reproduce", || text, || render::receipt_json(&shown))?;
        match prospect.obstacles.first() {
            None => Ok(Exit::Success),
            Some(obstacle) => Err(RepoError::Obstacle(obstacle.clone()).into()),
        }
    }
}

/// Tells a person of a reproduction.
struct Told<'a> {
    context: &'a Context,
}

impl Witness for Told<'_> {
    fn begun(&mut self, begun: &Begun, _: &[String], warnings: &[Warning]) {
        self.context.warn_of(warnings);
        let style = self.context.style();
        self.context.terminal.note(&render::run_started(&style, &begun.run.id, begun.definition));
    }

    fn outlets(&mut self) -> Outlets {
        // The receipt is the result; what the command prints comes beside it.
        self.context.terminal.outlets(true)
    }

    fn preparing(&mut self) -> Outlets {
        self.context.terminal.outlets(true)
    }
}
