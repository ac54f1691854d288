//! Runs as the façade returns them, as the values that `render` shows.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::views;
use crate::object::{self, Metrics, Outcome, Params, Run, Time};
use crate::render::{self, RunEnd, RunLine, ShownRun, Style, escape};
use crate::repo::{Moved, RecordedRun, Repository, RunDetails, RunState, SweptRun};
use crate::utilisation::Summary;
use crate::value::Value;

/// A run of a list; `None` if it was stopped before its definition was recorded.
pub fn line(repository: &Repository, run: &RecordedRun) -> Result<Option<RunLine>, CliError> {
    let Some((id, commit)) = &run.commit else { return Ok(None) };
    let store = repository.store();
    let definition: object::Definition = object::get(store, commit.definition)?;
    let params: Option<Params> =
        definition.params.map(|params| object::get(store, params.params)).transpose()?;
    let outcome = match &run.outcome {
        Some(outcome) => outcome.clone(),
        None => so_far(repository, run)?,
    };
    let (metrics, better) = outcome.metrics.map(|it| (it.values, it.better)).unwrap_or_default();
    let started = outcome.started.unwrap_or_else(|| commit.time.clone());
    let now = (run.state == RunState::Running).then(|| repository.now());
    Ok(Some(RunLine {
        run: made(run, commit.run.clone()),
        commit: *id,
        definition: commit.definition,
        message: commit.message.clone(),
        state: run.state.clone(),
        seconds: outcome.finished.or(now).map(|end| seconds(&started, &end)),
        started,
        params: params.map(|params| params.values).unwrap_or_default(),
        metrics,
        better,
        busy: outcome.utilisation.and_then(|utilisation| busy(&utilisation.summary)),
        grade: outcome.receipt.map(|receipt| receipt.grade),
    }))
}

/// What a run that goes on or was cut off has reported.
fn so_far(repository: &Repository, run: &RecordedRun) -> Result<Outcome, CliError> {
    let details = repository.run_details(run)?;
    Ok(details.and_then(|details| details.snapshot.state.outcome).unwrap_or_default())
}

/// What a commit says of its run. One that says nothing is still known by its ref.
fn made(run: &RecordedRun, recorded: Option<Run>) -> Run {
    recorded.unwrap_or_else(|| Run {
        id: run.id.clone(),
        name: None,
        phase: object::Phase::Train,
        sweep: None,
        set: BTreeMap::new(),
        reproduces: None,
    })
}

fn seconds(from: &Time, to: &Time) -> f64 {
    to.millis.saturating_sub(from.millis) as f64 / 1000.0
}

/// How busy accelerators were, on average over those that were sampled.
fn busy(summary: &BTreeMap<String, Value>) -> Option<f64> {
    let summary = Summary::from_values(summary);
    let is_busy = |name: &str| name.starts_with("gpu") && name.ends_with(".busy");
    let means = summary.whole.statistics.iter().filter(|(name, _)| is_busy(name)).map(|(_, it)| it.mean);
    let means: Vec<f64> = means.collect();
    (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
}

/// How a run ended, in a line.
pub fn ended(run: &RecordedRun, style: &Style) -> String {
    let outcome = run.outcome.as_ref();
    let metrics = outcome.and_then(|outcome| outcome.metrics.as_ref());
    let metrics = metrics.map(important).unwrap_or_default();
    let took = outcome.and_then(|it| Some(seconds(it.started.as_ref()?, it.finished.as_ref()?)));
    let command = format!("mdl show {}", run.id.short());
    render::run_finished(
        style,
        &RunEnd {
            run: &run.id,
            state: &run.state,
            seconds: took.unwrap_or_default(),
            metrics: metrics.iter().map(|(path, value)| (path.as_str(), value)).collect(),
            command: &command,
        },
    )
}

/// Metrics with those first of which the manifest says which direction is better.
pub fn important(metrics: &Metrics) -> Vec<(String, Value)> {
    let values = Value::Map(metrics.values.clone());
    let mut leaves: Vec<(String, Value)> =
        values.leaves().into_iter().map(|(path, value)| (path.to_string(), value.clone())).collect();
    leaves.retain(|(_, value)| value.as_f64().is_some());
    leaves.sort_by_key(|(path, _)| !metrics.better.contains_key(path));
    leaves
}

/// A run of a sweep that is at its end, in a line.
pub fn swept(swept: &SweptRun, done: u64, total: u64, style: &Style) -> String {
    let outcome = swept.run.outcome.as_ref();
    let metrics = outcome.and_then(|outcome| outcome.metrics.as_ref()).map(important).unwrap_or_default();
    let took = outcome.and_then(|it| Some(seconds(it.started.as_ref()?, it.finished.as_ref()?)));
    render::sweep_progress(
        style,
        &render::SweptRun {
            done,
            total,
            run: &swept.run.id,
            varied: &swept.set,
            state: &swept.run.state,
            seconds: took.filter(|_| !swept.before),
            metric: metrics.first().map(|(path, value)| (path.as_str(), value)),
        },
    )
}

/// What became of the branch.
pub fn moved(moved: &Moved, id: &str, context: &Context) {
    match moved {
        Moved::To(Some(branch)) => {
            context.terminal.note(&format!("{} is at this run now", escape(branch.as_str())));
        }
        Moved::To(None) => context.terminal.note("HEAD is at this run now"),
        Moved::No => context.terminal.note("the branch stays where it was, since the run did not end well"),
        Moved::Failed(error) => {
            let error = error.to_string();
            context
                .terminal
                .warn(&format!("the run is recorded, and the branch was not moved: {}", escape(&error)));
            context.terminal.hint(&format!("to see what moved it: `mdl log`; to move it: `mdl merge {id}`"));
        }
    }
}

/// A run at a glance.
pub fn shown(repository: &Repository, run: &RecordedRun, style: &Style) -> Result<String, CliError> {
    let shown = details(repository, run)?;
    views::text(|out| shown.map_or(Ok(()), |shown| render::show_run(out, style, &shown)))
}

/// A run at a glance, as JSON.
pub fn shown_json(repository: &Repository, run: &RecordedRun) -> Result<Json, CliError> {
    Ok(details(repository, run)?.map_or(Json::Null, |shown| render::show_run_json(&shown)))
}

fn details(repository: &Repository, run: &RecordedRun) -> Result<Option<ShownRun>, CliError> {
    let (Some(details), Some((id, commit))) = (repository.run_details(run)?, &run.commit) else {
        return Ok(None);
    };
    let RunDetails { snapshot, curves, samples, judgement, log, warnings } = details;
    let recorded = run.outcome.as_ref().and_then(|outcome| outcome.log.as_ref());
    Ok(Some(ShownRun {
        run: made(run, commit.run.clone()),
        commit: *id,
        message: commit.message.clone(),
        state: run.state.clone(),
        now: repository.now(),
        snapshot,
        curves,
        samples,
        judgement: judgement.map(|judgement| judgement.to_string()),
        log_tail: log,
        log_command: recorded.map(|log| format!("mdl cat {}", render::short_id(log.content))),
        warnings: warnings.iter().map(views::warning).collect(),
    }))
}
