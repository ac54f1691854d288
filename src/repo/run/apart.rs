//! A run in a folder of its own, made from its definition: nobody's files are touched.

use crate::diff::State;
use crate::launch::{Outlets, Signals};
use crate::object::Definition;
use crate::progress::Silent;
use crate::repo::checkout::parts;
use crate::repo::run::collect::Harvest;
use crate::repo::run::define::Command;
use crate::repo::run::execute::{Execution, Job};
use crate::repo::run::record::Begun;
use crate::repo::run::{RecordedRun, place};
use crate::repo::{RepoError, Repository, Warning};
use crate::worktree::fresh::{self, Source};
use crate::worktree::manifest::Manifest;

/// A run that has begun, and is to be executed apart.
pub(in crate::repo) struct Apart<'a> {
    pub begun: &'a Begun,
    pub definition: &'a Definition,
    pub command: &'a Command,
    pub manifest: &'a Manifest,
    pub execution: Execution,
}

impl Repository {
    /// Makes the folder, executes the command there, records what came out, and removes the folder. Says beside it
    /// whether whoever was to see its output has gone.
    pub(in crate::repo) fn run_apart(
        &self,
        apart: &Apart<'_>,
        source: &Source<'_>,
        outlets: Outlets,
        signals: &Signals,
        warnings: &mut Vec<Warning>,
    ) -> Result<(RecordedRun, bool), RepoError> {
        let Apart { begun, definition, command, manifest, execution } = *apart;
        let (place, recorder) = self.make_run_place(&begun.run.id)?;
        let work = place.work();
        let state = State { definition: Some(definition.clone()), outcome: None };
        let parts = parts(&self.store, &state)?;
        if let Err(error) = fresh::make(&parts, source, &work, &*self.disk, &self.contents(&Silent), &Silent)
        {
            self.remove_work(&place);
            return Err(error.into());
        }
        let directory = match &definition.directory {
            Some(inside) => work.join(inside.as_str()),
            None => work.clone(),
        };
        let words = command.words_in(&directory);
        let job = Job {
            id: &begun.run.id,
            command: &words,
            directory: &directory,
            environment: &[],
            execution,
            place: &place,
            recorder: &recorder,
        };
        let executed = match self.execute(&job, outlets, signals) {
            Ok(executed) => executed,
            Err(error) => {
                self.remove_work(&place);
                self.never_started(begun, &place, &error.to_string(), error.shell_status(), &Silent)?;
                return Err(error.into());
            }
        };
        let (root, progress) = (&*work, &Silent);
        let harvest = Harvest { root, manifest, cached: false, place: &place, since: None, progress };
        let run = self.conclude(begun, &harvest, &executed, command, warnings)?;
        self.remove_work(&place);
        Ok((run, executed.ended.is_unread()))
    }

    /// Removes the folder that a run had. One that stays costs space, and nothing else.
    pub(in crate::repo) fn remove_work(&self, place: &place::Place) {
        for folder in [place.work(), place.environment()] {
            if let Ok(relative) = folder.strip_prefix(&self.directory) {
                let _ = fresh::remove(&self.directory, relative, &*self.disk);
            }
        }
        let _ = self.disk.remove_file(&place.requirements());
        self.clear_run_place(place);
    }
}
