//! The two commits of a run: its definition before the command starts, and its outcome at the end.

use crate::id::{CommitId, DefinitionId};
use crate::name::RunId;
use crate::object::{self, Commit, Definition, GitState, Outcome, Run, Time};
use crate::progress::{Only, Progress};
use crate::refs::{self, Footing, Ref, Target};
use crate::repo::footing::until_it_stands;
use crate::repo::run::execute::Executed;
use crate::repo::run::fit::fit;
use crate::repo::run::place::Place;
use crate::repo::run::{RecordedRun, RunState};
use crate::repo::{RepoError, Repository, without_secrets};
use crate::storage::random;
use crate::store::Writer;

/// A run that has begun: its definition is recorded, durably.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The run.
    pub run: Run,
    /// The commit that records its definition.
    pub commit: CommitId,
    /// What goes into it.
    pub definition: DefinitionId,
    /// When it began.
    pub started: Time,
    recorded: Commit,
}

/// What is known of a run before it begins.
pub(in crate::repo) struct Beginning<'a> {
    pub run: Run,
    /// The commit that it starts from.
    pub parent: Option<CommitId>,
    pub message: &'a str,
}

/// Puts what goes into a run into a writer that stands on a footing.
pub(in crate::repo) type Define<'a> =
    &'a mut dyn FnMut(&Writer<'_>, &Footing) -> Result<(Definition, Option<GitState>), RepoError>;

impl RepoError {
    /// The same, of a command that ended and left something: neither may be lost without a word.
    pub(in crate::repo) fn after(self, begun: &Begun, executed: &Executed, place: &Place) -> Self {
        Self::NotRecorded {
            run: begun.run.id.short().to_owned(),
            exit: executed.ended.exit,
            folder: place.folder().to_owned(),
            source: Box::new(self),
        }
    }
}

impl Repository {
    /// An id for a run that begins now.
    pub(in crate::repo) fn new_run_id(&self) -> Result<RunId, RepoError> {
        Ok(RunId::from_parts(self.now().millis.unsigned_abs(), random()?))
    }

    /// Records what goes into a run, as `define` puts it into the writer; again, where a collection took away
    /// what was found in the store meanwhile.
    pub(in crate::repo) fn begin_run(
        &self,
        beginning: &Beginning<'_>,
        progress: &dyn Progress,
        define: Define<'_>,
    ) -> Result<Begun, RepoError> {
        let (name, by) = (Ref::of_run(&beginning.run.id), self.mover("run: started"));
        let message = without_secrets(beginning.message);
        let called = beginning.run.name.as_deref().map(without_secrets);
        let run = Run { name: called, ..beginning.run.clone() };
        let begun = until_it_stands(&mut || {
            // The run's ref is begun before anything is looked for in the store, so that a collection sees it.
            let footing = refs::stand(&*self.storage, &name, &by)?;
            if let Some(parent) = beginning.parent {
                self.secure_held(parent, &footing)?;
            }
            let bytes = Only::bytes(progress);
            let writer = self.writer(&footing.doomed, &bytes);
            let (definition, git) = define(&writer, &footing)?;
            let definition = object::put(&writer, &definition)?;
            let recorded = Commit {
                definition,
                outcome: None,
                parents: beginning.parent.into_iter().collect(),
                author: by.who.clone(),
                time: by.when.clone(),
                message: message.clone(),
                git,
                run: Some(run.clone()),
            };
            let commit = object::put(&writer, &recorded)?;
            let target = Target::Commit(commit);
            self.advance_with((&name, &footing), None, target, &by.why, &self.store, writer)?;
            Ok(Begun { run: run.clone(), commit, definition, started: by.when.clone(), recorded })
        })?;
        self.remember_executed(begun.definition);
        Ok(begun)
    }

    /// Where a run stands that is about to be finished.
    pub(in crate::repo) fn stand_on_run(&self, begun: &Begun) -> Result<Footing, RepoError> {
        self.stand(&Ref::of_run(&begun.run.id))
    }

    /// Records what came out of a run, written on this footing. Nothing is ever appended to its ref after that.
    pub(in crate::repo) fn finish_run(
        &self,
        begun: &Begun,
        footing: &Footing,
        mut outcome: Outcome,
        writer: Writer<'_>,
    ) -> Result<RecordedRun, RepoError> {
        fit(&mut outcome);
        let recorded = Some(object::put(&writer, &outcome)?);
        let commit = Commit { outcome: recorded, time: self.now(), ..begun.recorded.clone() };
        let id = object::put(&writer, &commit)?;
        let (base, target) = (Some(Target::Commit(begun.commit)), Target::Finished(id));
        let name = Ref::of_run(&begun.run.id);
        self.advance_with((&name, footing), base, target, "run: finished", &self.store, writer)?;
        let state = RunState::of(Some(&outcome), false);
        Ok(RecordedRun {
            id: begun.run.id.clone(),
            state,
            commit: Some((id, commit)),
            outcome: Some(outcome),
        })
    }
}
