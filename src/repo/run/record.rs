//! The two commits of a run: its definition before the command starts, and its outcome at the end.

use crate::id::{CommitId, DefinitionId};
use crate::name::RunId;
use crate::object::{self, Commit, Definition, GitState, Outcome, Run, Time};
use crate::progress::{Only, Progress};
use crate::refs::{self, Footing, Move, RefError, Target};
use crate::repo::run::execute::Executed;
use crate::repo::run::place::Place;
use crate::repo::run::{RecordedRun, RunState, ref_of};
use crate::repo::{RepoError, Repository};
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
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(|error| RepoError::Io {
            action: "draw random bytes for",
            path: "a run".into(),
            source: std::io::Error::other(error),
        })?;
        Ok(RunId::from_parts(self.now().millis.unsigned_abs(), random))
    }

    /// Records what goes into a run, as `define` puts it into the writer. The run's ref is begun before
    /// anything is looked for in the store, so that no collection takes away what is found there.
    pub(in crate::repo) fn begin_run(
        &self,
        beginning: Beginning<'_>,
        progress: &dyn Progress,
        define: impl FnOnce(&Writer<'_>) -> Result<(Definition, Option<GitState>), RepoError>,
    ) -> Result<Begun, RepoError> {
        let Beginning { run, parent, message } = beginning;
        let (name, started) = (ref_of(&run.id)?, self.now());
        let by = Move { who: self.identity(), when: started.clone(), why: "run: started".to_owned() };
        refs::stand(&*self.storage, &name, &by)?;
        let bytes = Only::bytes(progress);
        let writer = self.store.writer(&bytes);
        let (definition, git) = define(&writer)?;
        let definition = object::put(&writer, &definition)?;
        let recorded = Commit {
            definition,
            outcome: None,
            parents: parent.into_iter().collect(),
            author: by.who,
            time: started.clone(),
            message: message.to_owned(),
            git,
            run: Some(run.clone()),
        };
        let commit = object::put(&writer, &recorded)?;
        let target = Target::Commit(commit);
        self.advance_ref(&name, None, target, &by.why, &self.store, &mut publish(writer))?;
        Ok(Begun { run, commit, definition, started, recorded })
    }

    /// Records what came out of a run. Nothing is ever appended to its ref after that.
    pub(in crate::repo) fn finish_run(
        &self,
        begun: &Begun,
        outcome: Outcome,
        writer: Writer<'_>,
    ) -> Result<RecordedRun, RepoError> {
        let recorded = Some(object::put(&writer, &outcome)?);
        let commit = Commit { outcome: recorded, time: self.now(), ..begun.recorded.clone() };
        let id = object::put(&writer, &commit)?;
        let (base, target) = (Some(Target::Commit(begun.commit)), Target::Finished(id));
        let (name, upload) = (ref_of(&begun.run.id)?, &mut publish(writer));
        self.advance_ref(&name, base, target, "run: finished", &self.store, upload)?;
        let state = RunState::of(Some(&outcome), false);
        Ok(RecordedRun {
            id: begun.run.id.clone(),
            state,
            commit: Some((id, commit)),
            outcome: Some(outcome),
        })
    }
}

/// Makes what was written durable, the first time that it is asked to.
fn publish(writer: Writer<'_>) -> impl FnMut(&Footing) -> Result<(), RefError> {
    let mut writer = Some(writer);
    move |_: &Footing| match writer.take() {
        Some(writer) => writer.finish().map(drop).map_err(|error| RefError::Upload(error.into())),
        None => Ok(()),
    }
}
