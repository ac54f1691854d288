//! `run`: a command in the work tree, recorded from before its start to after its end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use crate::capture;
use crate::launch::{self, Exit, Outlets, Signals};
use crate::name::RefName;
use crate::object::{Outcome, Phase, Run};
use crate::progress::Progress;
use crate::repo::footing::until_it_stands;
use crate::repo::run::collect::Harvest;
use crate::repo::run::define::{Command, Defining};
use crate::repo::run::execute::{Executed, Execution, Job};
use crate::repo::run::fresh::Stamp;
use crate::repo::run::place::Place;
use crate::repo::run::record::{Beginning, Begun};
use crate::repo::run::{RecordedRun, RunState};
use crate::repo::{Head, MergeOptions, RepoError, Repository, Warning};
use crate::store::Writer;
use crate::value::Value;
use crate::worktree::cache::StatCache;
use crate::worktree::manifest::Manifest;

/// What to run, and what to call it.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The command; that of the manifest, if it is empty.
    pub command: Vec<OsString>,
    /// Where it runs: a directory of the work tree.
    pub directory: PathBuf,
    /// What a person calls it.
    pub name: Option<String>,
    /// What it is for.
    pub phase: Option<Phase>,
    /// Why. If it is given, the branch moves to the run where it ends well.
    pub message: Option<String>,
    /// How it is executed.
    pub execution: Execution,
}

/// A run that ended.
#[derive(Debug)]
pub struct Ran {
    /// The run as it is recorded.
    pub run: RecordedRun,
    /// How the command ended.
    pub exit: Exit,
    /// Whether it was ended because it took too long.
    pub timed_out: bool,
    /// Why some of what it printed came to nobody, if that is so: the log has it.
    pub unheard: Option<io::Error>,
    /// What became of the branch, if it was to move.
    pub branch: Option<Moved>,
    /// What could not be recorded as one would expect.
    pub warnings: Vec<Warning>,
}

/// What became of a branch that was to move to a run.
#[derive(Debug)]
pub enum Moved {
    /// It is there now: the branch, or HEAD itself where none is checked out.
    To(Option<RefName>),
    /// It stays, since the command did not end well.
    No,
    /// It could not be moved; the run is recorded all the same.
    Failed(RepoError),
}

/// Hears of a run while it goes on, and says where its output goes.
pub trait Witness {
    /// The definition is recorded, and the command is about to start.
    fn begun(&mut self, begun: &Begun, redacted: &[String], warnings: &[Warning]);

    /// Where the command's output goes.
    fn outlets(&mut self) -> Outlets;

    /// Where the output of what prepares a run goes.
    fn preparing(&mut self) -> Outlets {
        Outlets::nowhere()
    }

    /// The command has ended, and its outcome is about to be recorded.
    fn ended(&mut self) {}
}

impl Repository {
    /// Runs a command in the work tree. An error means that nothing was started, or that the outcome could not be
    /// recorded; how the command itself ends is told by [`Ran::exit`].
    pub fn run(
        &self,
        options: &RunOptions,
        signals: &Signals,
        witness: &mut dyn Witness,
        progress: &dyn Progress,
    ) -> Result<Ran, RepoError> {
        let manifest = self.manifest()?;
        let command = Command::new(&options.command, &manifest)?;
        launch::find(&command.words, &options.directory, &[])?;
        let (head, mut warnings) = (self.head()?, Vec::new());
        let begun = self.begin_in_place(options, &command, &manifest, &head, &mut warnings, progress)?;
        let (place, recorder) = self.make_run_place(&begun.run.id)?;
        let since = Stamp::of(recorder.path()).ok();
        progress.end();
        witness.begun(&begun, &command.redacted, &warnings);
        let job = Job {
            id: &begun.run.id,
            command: &command.words,
            directory: &options.directory,
            environment: &[],
            execution: options.execution,
            place: &place,
            recorder: &recorder,
        };
        let executed = match self.execute(&job, witness.outlets(), signals) {
            Ok(executed) => executed,
            Err(error) => {
                self.never_started(&begun, &place, &error.to_string(), error.shell_status(), progress)?;
                return Err(error.into());
            }
        };
        witness.ended();
        let root = &*self.root;
        let harvest = Harvest { root, manifest: &manifest, cached: true, place: &place, since, progress };
        let run = self.conclude(&begun, &harvest, &executed, &command, &mut warnings)?;
        let (exit, timed_out) = (executed.ended.exit, executed.ended.timed_out);
        let branch = options.message.is_some().then(|| self.move_branch(&head, &run));
        self.compact_along();
        let unheard = executed.ended.into_unheard();
        Ok(Ran { run, exit, timed_out, unheard, branch, warnings })
    }

    /// Records the definition of a run in the work tree.
    fn begin_in_place(
        &self,
        options: &RunOptions,
        command: &Command,
        manifest: &Manifest,
        head: &Head,
        warnings: &mut Vec<Warning>,
        progress: &dyn Progress,
    ) -> Result<Begun, RepoError> {
        let run = Run {
            id: self.new_run_id()?,
            name: options.name.clone(),
            phase: options.phase.unwrap_or(Phase::Train),
            sweep: None,
            set: Default::default(),
            reproduces: None,
        };
        let message = options.message.clone().unwrap_or_else(|| command.message());
        let beginning = Beginning { run, parent: head.commit(), message: &message };
        let (mut learned, told) = (None, warnings.len());
        let begun = self.begin_run(&beginning, progress, &mut |writer, footing| {
            warnings.truncate(told);
            let cache = learned.insert(self.stat_cache_of(footing.epoch));
            let directory = &options.directory;
            let defining = Defining { directory, command, manifest, cache, progress };
            self.define(&defining, writer, warnings)
        })?;
        // A cache: that it cannot be kept is no failure.
        let _ = learned.map(StatCache::save);
        Ok(begun)
    }

    /// Records the outcome of a run, and clears its place.
    pub(in crate::repo) fn conclude(
        &self,
        begun: &Begun,
        harvest: &Harvest<'_>,
        executed: &Executed,
        command: &Command,
        warnings: &mut Vec<Warning>,
    ) -> Result<RecordedRun, RepoError> {
        let told = warnings.len();
        let run = until_it_stands(&mut || {
            warnings.truncate(told);
            let footing = self.stand_on_run(begun)?;
            let cache = if harvest.cached { self.stat_cache_of(footing.epoch) } else { StatCache::none() };
            let writer = self.writer(&footing.doomed, harvest.progress);
            let outcome = self.observed(harvest, &cache, executed, command, &writer, warnings)?;
            let run = self.finish_run(begun, &footing, outcome, writer)?;
            let _ = cache.save();
            Ok(run)
        })
        .map_err(|error| error.after(begun, executed, harvest.place))?;
        self.clear_run_place(harvest.place);
        Ok(run)
    }

    /// Everything that is known of how a command came out, and of what surrounded it without being its definition.
    pub(in crate::repo) fn observed(
        &self,
        harvest: &Harvest<'_>,
        cache: &StatCache<'_>,
        executed: &Executed,
        command: &Command,
        writer: &Writer<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Outcome, RepoError> {
        let mut outcome = self.harvest(harvest, cache, executed, &command.secrets, writer, warnings)?;
        let variables = capture::variables(&harvest.manifest.run.variables, std::env::vars_os());
        let text = |(name, value)| (name, Value::Text(value));
        let redacted: Vec<Value> =
            command.redacted.iter().cloned().chain(variables.redacted).map(Value::Text).collect();
        if !redacted.is_empty() {
            outcome.observations.insert("redacted".to_owned(), Value::List(redacted));
        }
        if !variables.varying.is_empty() {
            let varying = variables.varying.into_iter().map(text).collect();
            outcome.observations.insert("variables".to_owned(), Value::Map(varying));
        }
        Ok(outcome)
    }

    /// Records that the command could not be started after all, with the status that a shell would give it.
    pub(in crate::repo) fn never_started(
        &self,
        begun: &Begun,
        place: &Place,
        problem: &str,
        status: u8,
        progress: &dyn Progress,
    ) -> Result<(), RepoError> {
        let gaps = Value::List(vec![Value::Text(problem.to_owned())]);
        let outcome = Outcome {
            exit: Some(status.into()),
            observations: BTreeMap::from([("gaps".to_owned(), gaps)]),
            ..Outcome::default()
        };
        until_it_stands(&mut || {
            let footing = self.stand_on_run(begun)?;
            self.finish_run(begun, &footing, outcome.clone(), self.writer(&footing.doomed, progress))
        })?;
        self.clear_run_place(place);
        Ok(())
    }

    /// Merges a run that ended well: the branch moves to it, and the files with it.
    pub fn merge_run(&self, run: &RecordedRun, progress: &dyn Progress) -> Moved {
        let Some((commit, _)) = run.commit.as_ref().filter(|_| run.state == RunState::Finished) else {
            return Moved::No;
        };
        // The branch goes to the run, or stays: a commit that nobody has run is not what was asked for.
        let options = MergeOptions { only_forward: true, ..MergeOptions::default() };
        match self.merge(&commit.to_string(), &options, progress) {
            Ok(merged) => Moved::To(merged.branch),
            Err(error) => Moved::Failed(error),
        }
    }

    /// Moves the branch to a run that ended well. That it cannot be moved is no reason to lose the run.
    fn move_branch(&self, head: &Head, run: &RecordedRun) -> Moved {
        let Some((commit, _)) = run.commit.as_ref().filter(|_| run.state == RunState::Finished) else {
            return Moved::No;
        };
        match self.forward(head, *commit, "run", None) {
            Ok(()) => Moved::To(match head {
                Head::Branch(name, _) => Some(name.clone()),
                Head::Detached(_) => None,
            }),
            Err(error) => Moved::Failed(error),
        }
    }
}
