//! A sweep: one run for each combination of parameters, each in a folder of its own, some at a time.
//!
//! The work tree is recorded once; of it a run differs in its parameters alone. Its folder is made from what is
//! recorded, so that nobody's files are touched. What was run before with the same definition is not run again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::capture::Secrets;
use crate::diff::State;
use crate::format::{self, SetError, Setting, Sweep, Syntax};
use crate::id::{CommitId, ContentId, DefinitionId};
use crate::launch::{Outlets, Signals};
use crate::object::{
    self, Definition, FindContent, GitState, InsertContent, Node, Object, ObjectError, Params, Phase, Placed,
    PlacedParams, Run,
};
use crate::progress::{Progress, Silent};
use crate::refs::{self, Footing, RefError};
use crate::repo::checkout::parts;
use crate::repo::run::apart::Apart;
use crate::repo::run::define::{Command, Defining};
use crate::repo::run::record::Beginning;
use crate::repo::run::{RecordedRun, RunOptions, RunQuery, RunState};
use crate::repo::snapshot;
use crate::repo::snapshot::files::{merge, unreadable};
use crate::repo::snapshot::seeds::{self, Places};
use crate::repo::{RepoError, Repository, Warning};
use crate::store::Writer;
use crate::value::{KeyPath, Value};
use crate::worktree::fresh::Source;
use crate::worktree::manifest::Manifest;

/// A file of parameters is no longer.
const MAX_PARAMS: u64 = 16 << 20;

/// What to run, and with which parameters.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// The command, what it is for, and how it is executed.
    pub run: RunOptions,
    /// The parameters and their values.
    pub sweep: Sweep,
    /// What a person calls it.
    pub name: Option<String>,
    /// How many runs go on at a time.
    pub jobs: usize,
    /// Whether to run again what was run with the same definition.
    pub again: bool,
}

/// A run of a sweep that is at its end.
#[derive(Debug)]
pub struct SweptRun {
    /// The run.
    pub run: RecordedRun,
    /// The parameters that it was given.
    pub set: BTreeMap<String, Value>,
    /// Whether it had been recorded before and was not run again.
    pub before: bool,
    /// Whether whoever was to see its output has gone: no further run is begun.
    pub unread: bool,
    /// What could not be recorded as one would expect.
    pub warnings: Vec<Warning>,
}

/// Hears of a sweep while it goes on, from several threads.
pub trait SweepWitness: Sync {
    /// Everything can be run; a sweep of several runs has a name.
    fn planned(&self, name: Option<&str>, redacted: &[String], warnings: &[Warning]);

    /// Where the output of a run goes.
    fn outlets(&self) -> Outlets;

    /// A run is at its end: so many are, this one included.
    fn done(&self, done: u64, swept: &SweptRun);
}

/// What all runs of a sweep share.
struct Base<'a> {
    options: &'a SweepOptions,
    command: Command,
    manifest: Manifest,
    parent: Option<CommitId>,
    definition: Definition,
    git: Option<GitState>,
    /// The files of parameters, and what is in them.
    files: Vec<(Placed, Vec<u8>)>,
    name: Option<String>,
    message: String,
    /// The last collection that is known to have left what is recorded of the work tree.
    epoch: AtomicU64,
}

/// The parameters of one run.
struct Point {
    set: BTreeMap<String, Value>,
    files: Vec<(Placed, Vec<u8>)>,
    params: Params,
}

impl Repository {
    /// Runs a sweep to its end, or until a signal interrupts it. The runs come in the order of the sweep; those
    /// that were not begun are missing.
    pub fn sweep(
        &self,
        options: &SweepOptions,
        signals: &Signals,
        witness: &dyn SweepWitness,
        progress: &dyn Progress,
    ) -> Result<Vec<SweptRun>, RepoError> {
        self.clear_killed_work();
        let mut warnings = Vec::new();
        let base = self.sweep_base(options, &mut warnings, progress)?;
        // A key that is not there, or a value that does not fit, is said before anything runs.
        let secrets = Secrets::of_variables();
        for setting in options.sweep.settings() {
            refuse_secrets(setting, &secrets)?;
            setting
                .values
                .iter()
                .try_for_each(|value| change(&mut base.files.clone(), &setting.path, value))?;
        }
        let known = if options.again { HashMap::new() } else { self.finished_runs()? };
        let total = options.sweep.len();
        witness.planned(base.name.as_deref(), &base.command.redacted, &warnings);
        let cache = self.stat_cache();
        let state = State { definition: Some(base.definition.clone()), outcome: None };
        let source =
            Source::new(&self.root, &cache, &self.store, &parts(&self.store, &state).map_err(taken)?)?;
        let (next, ended, results) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(BTreeMap::new()));
        let work = || {
            while signals.interrupted().is_none() {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(point) = options.sweep.point(at) else { break };
                let result = self.run_point(&base, &point, &source, &known, signals, witness);
                match &result {
                    Ok(swept) => {
                        witness.done(ended.fetch_add(1, Ordering::Relaxed) + 1, swept);
                        // The others would end as soon as they print, as this one did or would have done.
                        if swept.unread {
                            next.store(total, Ordering::Relaxed);
                        }
                    }
                    // What keeps one run from being recorded keeps the others too.
                    Err(_) => next.store(total, Ordering::Relaxed),
                }
                results.lock().unwrap_or_else(PoisonError::into_inner).insert(at, result);
            }
        };
        std::thread::scope(|scope| {
            (1..options.jobs.min(total as usize)).for_each(|_| drop(scope.spawn(work)));
            work();
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
    }

    /// Records the work tree as it is, with the parameters that it has.
    fn sweep_base<'a>(
        &self,
        options: &'a SweepOptions,
        warnings: &mut Vec<Warning>,
        progress: &dyn Progress,
    ) -> Result<Base<'a>, RepoError> {
        let manifest = self.manifest()?;
        let command = Command::new(&options.run.command, &manifest)?;
        let command = command.from(&options.run.directory)?;
        let parent = self.head()?.commit();
        let (definition, git, epoch) = {
            let (epoch, doomed) = refs::doomed(&*self.storage)?;
            let (cache, writer) = (self.stat_cache_of(epoch), self.writer(&doomed, progress));
            let directory = &options.run.directory;
            let defining =
                Defining { directory, command: &command, manifest: &manifest, cache: &cache, progress };
            let (definition, git) = self.define(&defining, &writer, warnings)?;
            writer.finish()?;
            let _ = cache.save();
            (definition, git, epoch.into())
        };
        let placed = definition.params.as_ref().map(|params| params.files.clone()).unwrap_or_default();
        let file = |placed: Placed| {
            let Node::File { content, .. } = placed.node else { return Ok((placed, Vec::new())) };
            let bytes = self.store.content(content, MAX_PARAMS)?;
            Ok((placed, bytes))
        };
        let files = placed.into_iter().map(file).collect::<Result<_, RepoError>>()?;
        // One run with other parameters is no sweep, unless somebody calls it one.
        let made_up = || match options.again {
            true => self.new_run_id().map(|id| id.short().to_owned()),
            false => Ok(usual_name(&definition, &options.sweep)),
        };
        let name = match (&options.name, options.sweep.len()) {
            (Some(name), _) => Some(name.clone()),
            (None, 1) => None,
            (None, _) => Some(made_up()?),
        };
        let message = options.run.message.clone().unwrap_or_else(|| command.message());
        Ok(Base { options, command, manifest, parent, definition, git, files, name, message, epoch })
    }

    /// The runs that ended well, by their definitions; of several of one definition the newest.
    fn finished_runs(&self) -> Result<HashMap<DefinitionId, RecordedRun>, RepoError> {
        let runs = self.runs(&RunQuery::default())?.runs.into_iter().rev();
        let finished = runs.filter(|run| run.state == RunState::Finished);
        Ok(finished.filter_map(|run| Some((run.commit.as_ref()?.1.definition, run))).collect())
    }

    fn run_point(
        &self,
        base: &Base<'_>,
        point: &[(&KeyPath, &Value)],
        source: &Source<'_>,
        known: &HashMap<DefinitionId, RecordedRun>,
        signals: &Signals,
        witness: &dyn SweepWitness,
    ) -> Result<SweptRun, RepoError> {
        let mut warnings = Vec::new();
        let point = Point::new(base, point)?;
        let definition = point.definition(base, &mut warnings);
        if let Some(run) = known.get(&definition.id()) {
            return Ok(SweptRun { run: run.clone(), set: point.set, before: true, unread: false, warnings });
        }
        let run = Run {
            id: self.new_run_id()?,
            name: base.options.run.name.clone(),
            phase: base.options.run.phase.unwrap_or(Phase::Train),
            sweep: base.name.clone(),
            set: point.set.clone(),
            reproduces: None,
        };
        let beginning = Beginning { run, parent: base.parent, message: &base.message };
        let begun = self.begin_run(&beginning, &Silent, &mut |writer, footing| {
            self.keep_base(base, footing)?;
            point.insert(writer)?;
            Ok((definition.clone(), base.git.clone()))
        })?;
        let apart = Apart {
            begun: &begun,
            definition: &definition,
            command: &base.command,
            manifest: &base.manifest,
            execution: base.options.run.execution,
        };
        let (run, unread) = self.run_apart(&apart, source, witness.outlets(), signals, &mut warnings)?;
        self.compact_along();
        Ok(SweptRun { run, set: point.set, before: false, unread, warnings })
    }
}

impl Repository {
    /// Makes sure that what was recorded of the work tree is still there. No ref has it before the first run does, so a
    /// collection that was begun since may have taken it for garbage.
    fn keep_base(&self, base: &Base<'_>, footing: &Footing) -> Result<(), RepoError> {
        if base.epoch.load(Ordering::Acquire) != footing.epoch {
            let mut links = Vec::new();
            base.definition.links(&mut |link| links.push(link));
            self.secure_closure(links, &footing.doomed, false).map_err(|error| match error {
                RefError::Object(error) => taken(error),
                error => error,
            })?;
            base.epoch.store(footing.epoch, Ordering::Release);
        }
        Ok(())
    }
}

/// What is missing of a base was taken for garbage: no ref has it yet.
fn taken(error: ObjectError) -> RefError {
    match error {
        ObjectError::Missing { .. } | ObjectError::MissingContent(_) => {
            RefError::Collected { name: "the sweep".to_owned() }
        }
        error => error.into(),
    }
}

impl Point {
    fn new(base: &Base<'_>, point: &[(&KeyPath, &Value)]) -> Result<Self, RepoError> {
        let (mut files, mut set, mut values) = (base.files.clone(), BTreeMap::new(), BTreeMap::new());
        for (path, value) in point {
            change(&mut files, path, value)?;
            set.insert(path.to_string(), (*value).clone());
        }
        for (placed, bytes) in &files {
            let read = format::values(syntax(placed)?, bytes).map_err(|e| unreadable(&placed.path, e))?;
            merge(&mut values, read).map_err(|key| RepoError::Invalid {
                what: placed.path.to_string(),
                problem: format!("{key} is in another file of params as well"),
            })?;
        }
        Ok(Self { set, files, params: Params { values } })
    }

    fn definition(&self, base: &Base<'_>, warnings: &mut Vec<Warning>) -> Definition {
        let places = Places {
            named: &base.manifest.run.seeds,
            params: Some(&self.params.values),
            command: &base.command.recorded,
            variable: &seeds::variable,
        };
        let files = self.files.iter().map(|(placed, _)| placed.clone()).collect();
        Definition {
            params: Some(PlacedParams { files, params: self.params.id() }),
            seeds: seeds::seeds(&places, warnings),
            ..base.definition.clone()
        }
    }

    fn insert(&self, writer: &Writer<'_>) -> Result<(), RepoError> {
        for (_, bytes) in &self.files {
            writer.insert_content(&mut &bytes[..], bytes.len() as u64)?;
        }
        object::put(writer, &self.params)?;
        Ok(())
    }
}

/// A name that is the same where the same is swept again, so that what goes on after an interruption is one sweep.
fn usual_name(definition: &Definition, sweep: &Sweep) -> String {
    let text = format!("{} {:?}", definition.id(), sweep.settings());
    ContentId::of(text.as_bytes()).to_string().chars().take(8).collect()
}

fn syntax(placed: &Placed) -> Result<Syntax, RepoError> {
    Syntax::of(placed.path.file_name()).ok_or_else(|| RepoError::Invalid {
        what: placed.path.to_string(),
        problem: "parameters are read from .yaml, .json and .toml files".to_owned(),
    })
}

/// A secret in a parameter would be in the file of parameters and in the record for good.
fn refuse_secrets(setting: &Setting, secrets: &Secrets) -> Result<(), RepoError> {
    let path = setting.path.to_string();
    let values = BTreeMap::from([(path.clone(), Value::List(setting.values.clone()))]);
    match snapshot::secrets::in_values(&values, secrets).is_empty() {
        true => Ok(()),
        false => Err(RepoError::Invalid {
            what: path,
            problem: "a secret in a parameter would be recorded: put it in an environment variable"
                .to_owned(),
        }),
    }
}

/// Sets a parameter in the file that has it.
fn change(files: &mut [(Placed, Vec<u8>)], path: &KeyPath, value: &Value) -> Result<(), RepoError> {
    let mut missing = SetError::NoSuchKey { path: path.clone(), nearest: None };
    for (placed, bytes) in files {
        match format::set(syntax(placed)?, bytes, path, value) {
            Ok(changed) => {
                let (content, size) = (ContentId::of(&changed), changed.len() as u64);
                let executable = matches!(placed.node, Node::File { executable: true, .. });
                placed.node = Node::File { content, size, executable };
                *bytes = changed;
                return Ok(());
            }
            Err(SetError::NoSuchKey { path, nearest: Some(near) }) => {
                missing = SetError::NoSuchKey { path, nearest: Some(near) };
            }
            Err(SetError::NoSuchKey { .. }) => {}
            Err(error) => return Err(RepoError::Set { file: placed.path.to_string(), error }),
        }
    }
    Err(RepoError::Set { file: "the files of parameters".to_owned(), error: missing })
}
