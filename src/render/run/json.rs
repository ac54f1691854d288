//! A run as JSON: everything that the text has, unabridged, and the points of the curves.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::diff::{SnapshotEnvironment, accelerator_fields, system_fields};
use crate::name::PartName;
use crate::object::{Direction, Outcome, Placed, Receipt, Run, Series};
use crate::render::json::{fields_json, node_json, time_json, value_json};
use crate::render::run::ShownRun;
use crate::render::run::metrics::{Metric, metrics};
use crate::repo::RunState;
use crate::value::Value;

/// A number; what JSON cannot say is text.
pub(in crate::render) fn number_json(value: f64) -> Json {
    value_json(&Value::Float(value))
}

pub(in crate::render) fn values_json(values: &BTreeMap<String, Value>) -> Json {
    Json::Object(values.iter().map(|(name, value)| (name.clone(), value_json(value))).collect())
}

/// What a run is, for every document that names one.
pub(in crate::render) fn run_json(run: &Run, state: &RunState) -> Map<String, Json> {
    let exit = if let RunState::Failed(exit) = state { *exit } else { None };
    let signal = if let RunState::Interrupted(signal) = state { Some(signal) } else { None };
    let fields = json!({
        "id": run.id.as_str(),
        "short": run.id.short(),
        "name": run.name,
        "state": state.word(),
        "failed_with": exit,
        "interrupted_by": signal,
        "phase": run.phase.as_str(),
        "sweep": run.sweep,
        "set": values_json(&run.set),
        "reproduces": run.reproduces.map(|id| id.to_string()),
    });
    if let Json::Object(fields) = fields { fields } else { Map::new() }
}

/// How faithful a run is.
pub(in crate::render) fn receipt_object_json(receipt: &Receipt) -> Json {
    let first = receipt.first.as_ref().map(|first| {
        json!({
            "what": first.what,
            "step": first.step,
            "recorded": first.recorded.map(number_json),
            "found": first.found.map(number_json),
        })
    });
    json!({"grade": receipt.grade.as_str(), "first": first})
}

fn metric_json(metric: &Metric<'_>) -> Json {
    let best = metric.best().map(|best| json!({"value": number_json(best.value), "step": best.step}));
    json!({
        "path": metric.name,
        "value": metric.last.as_ref().map(value_json),
        "direction": metric.better.map(Direction::as_str),
        "best": best,
        "curve": metric.curve.map(series_json),
    })
}

fn series_json(series: &Series) -> Json {
    let values: Vec<Json> = series.values.iter().map(|value| number_json(*value)).collect();
    json!({"steps": series.steps, "times": series.times, "values": values})
}

/// A run as JSON. Samples of the utilisation are left to `mdl cat`; their summary is here.
pub fn show_run_json(shown: &ShownRun) -> Json {
    let mut out = run_json(&shown.run, &shown.state);
    let mut put = |name: &str, json: Json| {
        out.insert(name.to_owned(), json);
    };
    put("commit", json!(shown.commit.to_string()));
    put("message", json!(shown.message));
    put("started", time_json(&shown.started()));
    put("seconds", json!(shown.seconds()));
    let snapshot = &shown.snapshot;
    put("params", snapshot.params.as_ref().map_or(Json::Null, |params| values_json(&params.values)));
    put("metrics", metrics(shown).iter().map(metric_json).collect());
    if let Some(definition) = &snapshot.state.definition {
        put("command", json!(definition.command));
        put("seeds", values_json(&definition.seeds));
    }
    put("environment", snapshot.environment.as_ref().map_or(Json::Null, environment_json));
    put("judgement", json!(shown.judgement));
    put("log_tail", json!(shown.log_tail));
    put("gaps", shown.gaps().collect());
    put("warnings", json!(shown.warnings));
    out.extend(shown.outcome().map(outcome_json).unwrap_or_default());
    json!({"run": out})
}

fn environment_json(it: &SnapshotEnvironment) -> Json {
    let interpreter = it.packages.interpreter.as_ref();
    json!({
        "interpreter": interpreter.map(|it| json!({"implementation": it.implementation, "version": it.version})),
        "packages": it.packages.packages.len(),
        "system": fields_json(&system_fields(&it.system)),
        "accelerators": fields_json(&accelerator_fields(&it.accelerators)),
        "variables": it.environment.variables,
    })
}

fn outcome_json(outcome: &Outcome) -> Map<String, Json> {
    let output = |(name, placed): (&PartName, &Placed)| {
        (name.to_string(), json!({"path": placed.path.as_str(), "node": node_json(&placed.node)}))
    };
    let log = outcome.log.as_ref();
    let fields = [
        ("finished", outcome.finished.as_ref().map_or(Json::Null, time_json)),
        ("exit", json!(outcome.exit)),
        ("outputs", Json::Object(outcome.outputs.iter().map(output).collect())),
        ("utilisation", outcome.utilisation.as_ref().map_or(Json::Null, |it| values_json(&it.summary))),
        ("observations", values_json(&outcome.observations)),
        ("log", json!(log.map(|log| json!({"content": log.content.to_string(), "size": log.size})))),
        ("receipt", outcome.receipt.as_ref().map_or(Json::Null, receipt_object_json)),
    ];
    fields.into_iter().map(|(name, json)| (name.to_owned(), json)).collect()
}
