//! `reproduce`: what a commit defines is put into a folder of its own, run again, and graded.
//!
//! Nothing of the work tree is used but datasets by reference, which are nowhere else. What comes out is recorded as
//! a run that says what it reproduces; its outcome holds the receipt.

mod environment;
mod proposal;
mod prospect;

pub use proposal::Proposal;
pub use prospect::{Obstacle, Prospect};

use std::io;
use std::path::{Path, PathBuf};

use crate::diff::State;
use crate::fidelity::{self, Assessment, Tolerance};
use crate::id::CommitId;
use crate::launch::Signals;
use crate::object::{self, Commit, Definition, Outcome, Phase, Run};
use crate::progress::{Progress, Silent};
use crate::repo::checkout::parts;
use crate::repo::footing::until_it_stands;
use crate::repo::remote::WRITING;
use crate::repo::reproduce::environment::Surroundings;
use crate::repo::run::{Beginning, Command, Executed, Execution, Harvest, Job, Place};
use crate::repo::{Begun, RecordedRun, RepoError, Repository, RunQuery, Warning, Witness};
use crate::worktree::cache::StatCache;
use crate::worktree::fresh::{self, Source};
use crate::worktree::manifest::Manifest;

/// What is recorded as the exit status where mdl itself could not prepare a run.
const NOT_STARTED: u8 = 125;

/// How to reproduce.
#[derive(Clone, Debug, Default)]
pub struct ReproduceOptions {
    /// The folder to do it in, new or empty, which is kept; else one that is removed where all came out as it was.
    pub to: Option<PathBuf>,
    /// What counts as near enough.
    pub tolerance: Tolerance,
    /// Whether the Python environment is made again from the packages that were recorded.
    pub recreate: bool,
    /// How the command is executed.
    pub execution: Execution,
    /// Whether somebody agreed to the [`Proposal`]. Not needed for what this person executed here before.
    pub approved: bool,
}

/// What was reproduced, and how it came out.
#[derive(Debug)]
pub struct Reproduced {
    /// What was known before it ran.
    pub prospect: Prospect,
    /// The run that was made.
    pub run: RecordedRun,
    /// How faithful it is.
    pub assessment: Assessment,
    /// The outcome that was recorded.
    pub recorded: Outcome,
    /// Whether the command was ended because it took too long.
    pub timed_out: bool,
    /// Why some of what it printed came to nobody, if that is so: the log has it.
    pub unheard: Option<io::Error>,
    /// The folder, if it was kept.
    pub folder: Option<PathBuf>,
    /// What could not be recorded as one would expect.
    pub warnings: Vec<Warning>,
}

/// A commit that is to be reproduced.
struct Original {
    commit: CommitId,
    recorded: Commit,
    definition: Definition,
    outcome: Outcome,
    manifest: Manifest,
}

impl Repository {
    /// Whether a commit could be reproduced here, and what differs: nothing is run, and nothing written.
    pub fn prospect(&self, commit: CommitId) -> Result<Prospect, RepoError> {
        let original = self.original(commit)?;
        let surroundings = Surroundings::of(&self.proposal_of(&original)?);
        self.look_ahead(&original, &surroundings)
    }

    /// Runs what a commit defines, and grades what comes out. An error means that nothing was run, or that it could
    /// not be recorded.
    pub fn reproduce(
        &self,
        commit: CommitId,
        options: &ReproduceOptions,
        signals: &Signals,
        witness: &mut dyn Witness,
        progress: &dyn Progress,
    ) -> Result<Reproduced, RepoError> {
        let original = self.original(commit)?;
        let proposal = self.proposal_of(&original)?;
        if !proposal.is_known && !options.approved {
            return Err(RepoError::NotApproved(commit));
        }
        self.remember_executed(original.recorded.definition);
        let mut surroundings = Surroundings::of(&proposal);
        let id = self.new_run_id()?;
        let place = self.run_place(&id);
        if options.recreate {
            self.make_run_place(&id)?;
            surroundings.recreate(self, &original.definition, &place, signals, witness)?;
        }
        let prospect = self.look_ahead(&original, &surroundings)?;
        if let Some(obstacle) = prospect.obstacles.first() {
            return Err(RepoError::Obstacle(obstacle.clone()));
        }
        let (begun, definition) = self.begin_again(&original, &surroundings, id, progress)?;
        let (place, recorder) = self.make_run_place(&begun.run.id)?;
        let folder = options.to.clone().unwrap_or_else(|| place.work());
        progress.begin(WRITING, None);
        let ready = self.lay_out(&definition, &folder, progress);
        progress.end();
        let ready =
            ready.and_then(|()| surroundings.command(&original.command()?, &folder, &definition, self));
        let command = match ready {
            Ok(command) => command,
            Err(error) => {
                self.remove_work(&place);
                self.never_started(&begun, &place, &error.to_string(), NOT_STARTED, progress)?;
                return Err(error);
            }
        };
        witness.begun(&begun, &command.redacted, &[]);
        let directory = definition.directory.as_ref().map_or(folder.clone(), |at| folder.join(at.as_str()));
        let job = Job {
            id: &begun.run.id,
            command: &command.words,
            directory: &directory,
            environment: surroundings.set(),
            execution: options.execution,
            place: &place,
            recorder: &recorder,
        };
        let executed = match self.execute(&job, witness.outlets(), signals) {
            Ok(executed) => executed,
            Err(error) => {
                self.remove_work(&place);
                self.never_started(&begun, &place, &error.to_string(), error.shell_status(), progress)?;
                return Err(error.into());
            }
        };
        witness.ended();
        let mut reproduced = self
            .judge(original, prospect, options, &begun, &executed, (&folder, &place, &command))
            .map_err(|error| error.after(&begun, &executed, &place))?;
        reproduced.unheard = executed.ended.into_unheard();
        reproduced.folder = self.keep_or_remove(&reproduced, options, &place);
        Ok(reproduced)
    }

    fn original(&self, commit: CommitId) -> Result<Original, RepoError> {
        let recorded: Commit = object::get(&self.store, commit)?;
        let State { definition, outcome } = State::of(&self.store, &recorded)?;
        let definition = definition.ok_or(RepoError::NoCommits)?;
        let outcome = outcome.ok_or(RepoError::NoOutcome(commit))?;
        let manifest = self.manifest_of(&definition)?;
        Ok(Original { commit, recorded, definition, outcome, manifest })
    }

    /// Records what goes in: what went in then, and the environment that is here now.
    fn begin_again(
        &self,
        original: &Original,
        surroundings: &Surroundings,
        id: crate::name::RunId,
        progress: &dyn Progress,
    ) -> Result<(Begun, Definition), RepoError> {
        let before = original.recorded.run.as_ref();
        let run = Run {
            id,
            // The name stays with the run that it was given to.
            name: None,
            phase: before.map_or(Phase::Train, |run| run.phase),
            sweep: None,
            set: before.map(|run| run.set.clone()).unwrap_or_default(),
            reproduces: Some(original.commit),
        };
        let title = original.recorded.message.lines().next().unwrap_or_default();
        let message = format!("reproduce: {title}");
        let beginning = Beginning { run, parent: Some(original.commit), message: &message };
        let mut defined = None;
        let begun = self.begin_run(&beginning, progress, &mut |writer, footing| {
            self.secure(original.commit, footing)?;
            let environment = surroundings.observe(self, original, writer)?;
            let definition = Definition { environment, ..original.definition.clone() };
            defined = Some(definition.clone());
            Ok((definition, original.recorded.git.clone()))
        })?;
        Ok((begun, defined.unwrap_or_else(|| original.definition.clone())))
    }

    /// Puts everything that goes in into a folder; of what came out then, nothing.
    fn lay_out(
        &self,
        definition: &Definition,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<(), RepoError> {
        // A folder that is there and empty is as good as none.
        let _ = self.disk.remove_dir(folder);
        let state = State { definition: Some(definition.clone()), outcome: None };
        let cache = StatCache::none();
        let source = Source::new(&self.root, &cache, &self.store, &[])?;
        let contents = self.contents(progress);
        fresh::make(&parts(&self.store, &state)?, &source, folder, &*self.disk, &contents, progress)?;
        Ok(())
    }

    /// Reads what came out, compares it with what was recorded, and records it with its receipt.
    fn judge(
        &self,
        original: Original,
        prospect: Prospect,
        options: &ReproduceOptions,
        begun: &Begun,
        executed: &Executed,
        (folder, place, command): (&Path, &Place, &Command),
    ) -> Result<Reproduced, RepoError> {
        let (mut warnings, cache) = (Vec::new(), StatCache::none());
        let manifest = &original.manifest;
        let harvest =
            Harvest { root: folder, manifest, cached: false, place, since: None, progress: &Silent };
        let earlier = self.earlier_outcomes(&original)?;
        let (run, assessment) = until_it_stands(&mut || {
            warnings.clear();
            let footing = self.stand_on_run(begun)?;
            // The curves are read back to be compared, so they are written before the outcome is.
            let writer = self.writer(&footing.doomed, &Silent);
            let mut outcome = self.observed(&harvest, &cache, executed, command, &writer, &mut warnings)?;
            writer.finish()?;
            let assessment =
                fidelity::grade(&self.store, &original.outcome, &outcome, &earlier, &options.tolerance)?;
            outcome.receipt = Some(assessment.receipt());
            let writer = self.writer(&footing.doomed, &Silent);
            Ok((self.finish_run(begun, &footing, outcome, writer)?, assessment))
        })?;
        let (recorded, timed_out) = (original.outcome, executed.ended.timed_out);
        Ok(Reproduced {
            prospect,
            run,
            assessment,
            recorded,
            timed_out,
            unheard: None,
            folder: None,
            warnings,
        })
    }

    /// The outcomes of other runs of the same inputs in the same environment.
    fn earlier_outcomes(&self, original: &Original) -> Result<Vec<Outcome>, RepoError> {
        let runs = self.runs(&RunQuery::default())?.runs.into_iter();
        let same = |run: &RecordedRun| {
            run.commit.as_ref().is_some_and(|(id, commit)| {
                *id != original.commit && commit.definition == original.recorded.definition
            })
        };
        Ok(runs.filter(same).filter_map(|run| run.outcome).collect())
    }

    /// Removes a folder of ours in which all came out as it was; another is kept and said.
    fn keep_or_remove(
        &self,
        done: &Reproduced,
        options: &ReproduceOptions,
        place: &Place,
    ) -> Option<PathBuf> {
        use crate::object::Grade::{Identical, WithinTolerance};
        let kept = match &options.to {
            Some(to) => Some(to.clone()),
            None if matches!(done.assessment.grade, Identical | WithinTolerance) => None,
            None => Some(place.work()),
        };
        match kept {
            None => self.remove_work(place),
            Some(_) => self.clear_run_place(place),
        }
        kept
    }
}

impl Original {
    /// The command that was run.
    fn command(&self) -> Result<Vec<String>, RepoError> {
        self.definition.command.clone().filter(|words| !words.is_empty()).ok_or(RepoError::NoCommand)
    }
}
