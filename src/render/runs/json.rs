//! A list of runs as JSON: all of every run, whatever a table has room for.

use serde_json::{Value as Json, json};

use crate::object::Direction;
use crate::render::json::time_json;
use crate::render::run::{number_json, run_json, values_json};
use crate::render::runs::{RunLine, Runs};

/// A list of runs as JSON.
pub fn runs_json(runs: &Runs<'_>) -> Json {
    json!({"runs": runs.lines.iter().map(line_json).collect::<Vec<_>>(), "more": runs.more})
}

fn line_json(line: &RunLine) -> Json {
    let mut out = run_json(&line.run, &line.state);
    let better =
        line.better.iter().map(|(name, direction)| (name.clone(), json!(Direction::as_str(*direction))));
    let fields = [
        ("commit", json!(line.commit.to_string())),
        ("definition", json!(line.definition.to_string())),
        ("message", json!(line.message)),
        ("started", time_json(&line.started)),
        ("seconds", json!(line.seconds)),
        ("params", values_json(&line.params)),
        ("metrics", values_json(&line.metrics)),
        ("better", Json::Object(better.collect())),
        ("gpu_busy", line.busy.map_or(Json::Null, number_json)),
        ("grade", json!(line.grade.map(|grade| grade.as_str()))),
    ];
    out.extend(fields.map(|(name, json)| (name.to_owned(), json)));
    Json::Object(out)
}
