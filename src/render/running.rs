//! What `mdl run` says of its own: a line when a run starts, a line when it ends, a line for each run of a sweep.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;

use crate::id::DefinitionId;
use crate::name::RunId;
use crate::render::elapsed::duration;
use crate::render::layout::clipped;
use crate::render::number::{measured, short, short_id, value_text};
use crate::render::run_state::role;
use crate::render::style::{Role, Style};
use crate::repo::RunState;
use crate::value::Value;

/// Metrics that are named in a line.
const MAX_METRICS: usize = 3;
/// Parameters that are named in a line.
const MAX_VARIED: usize = 4;

/// The end of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd<'a> {
    /// The run.
    pub run: &'a RunId,
    /// What became of it.
    pub state: &'a RunState,
    /// How long it took.
    pub seconds: f64,
    /// Its metrics, the most important first: the dotted path, and the value.
    pub metrics: Vec<(&'a str, &'a Value)>,
    /// The command that shows it.
    pub command: &'a str,
}

/// A run of a sweep that ended, or was there before.
#[derive(Clone, Debug, PartialEq)]
pub struct SweptRun<'a> {
    /// How many runs of the sweep are done, this one included.
    pub done: u64,
    /// How many the sweep has.
    pub total: u64,
    /// The run.
    pub run: &'a RunId,
    /// What it varied.
    pub varied: &'a BTreeMap<String, Value>,
    /// What became of it.
    pub state: &'a RunState,
    /// How long it took; absent if it was recorded before and is not run again.
    pub seconds: Option<f64>,
    /// Its most important metric.
    pub metric: Option<(&'a str, &'a Value)>,
}

/// `run k7w2q9xm started, definition 2ee0a46bf1`.
pub fn run_started(style: &Style, run: &RunId, definition: DefinitionId) -> String {
    let id = style.paint(Role::Id, run.short());
    format!("run {id} started{}", style.paint(Role::Dim, &format!(", definition {}", short_id(definition))))
}

/// `run k7w2q9xm finished in 3.2 s: accuracy 0.97, loss 0.1; mdl show k7w2q9xm`.
pub fn run_finished(style: &Style, end: &RunEnd<'_>) -> String {
    let plain = Style { color: false, ..*style };
    // As many metrics as have room in the line.
    let fits = |count: &usize| finished_line(&plain, end, *count).width() <= style.width;
    finished_line(style, end, (1..=MAX_METRICS).rev().find(fits).unwrap_or(0))
}

fn finished_line(style: &Style, end: &RunEnd<'_>, count: usize) -> String {
    let id = style.paint(Role::Id, end.run.short());
    let one = |(path, value): &(&str, &Value)| metric(style, path, value);
    let metrics: Vec<String> = end.metrics.iter().take(count).map(one).collect();
    let metrics = if metrics.is_empty() { String::new() } else { format!(": {}", metrics.join(", ")) };
    let command = style.paint(Role::Dim, &format!("; {}", clipped(style, end.command, 80)));
    format!("run {id} {} {}{metrics}{command}", state(style, end.state), took(end.state, end.seconds))
}

/// `[3/6] k7w2q9xm  train.lr 0.01, model.depth 3  finished in 3.2 s  accuracy 0.97`.
pub fn sweep_progress(style: &Style, swept: &SweptRun<'_>) -> String {
    let total = swept.total.to_string();
    let done = style.paint(Role::Dim, &format!("[{:>1$}/{total}]", swept.done, total.len()));
    let one = |(path, value): (&String, &Value)| {
        format!("{} {}", clipped(style, path, 24), style.clip(&value_text(value), 16))
    };
    let mut varied: Vec<String> = swept.varied.iter().take(MAX_VARIED).map(one).collect();
    if swept.varied.len() > MAX_VARIED {
        varied.push(format!("and {} more", swept.varied.len() - MAX_VARIED));
    }
    let end = match swept.seconds {
        Some(seconds) => took(swept.state, seconds),
        None => "before".to_owned(),
    };
    let metric = swept.metric.map(|(path, value)| format!("  {}", metric(style, path, value)));
    format!(
        "{done} {}  {}  {} {end}{}",
        style.paint(Role::Id, swept.run.short()),
        varied.join(", "),
        state(style, swept.state),
        metric.unwrap_or_default()
    )
}

fn took(state: &RunState, seconds: f64) -> String {
    let word = if *state == RunState::Finished { "in" } else { "after" };
    format!("{word} {}", duration(seconds))
}

fn state(style: &Style, state: &RunState) -> String {
    let reason = state.reason().map(|reason| format!(" ({})", clipped(style, &reason, 24)));
    format!("{}{}", style.paint(role(state), state.word()), reason.unwrap_or_default())
}

fn metric(style: &Style, path: &str, value: &Value) -> String {
    let value = match value {
        Value::Float(number) => short(*number),
        value => style.clip(&measured(value), 16),
    };
    format!("{} {value}", clipped(style, path, 32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Kind;
    use crate::render::run::fixture::run_id;

    #[test]
    fn a_run_says_when_it_starts_and_ends() {
        let (style, id) = (Style::PLAIN, run_id(1));
        let definition = Kind::Definition.digest(b"d").into();
        assert_eq!(run_started(&style, &id, definition), "run 8e503j91 started, definition 2617e3133a");
        let (accuracy, loss) = (Value::Float(0.97), Value::Float(0.1));
        let mut end = RunEnd {
            run: &id,
            state: &RunState::Finished,
            seconds: 3.21,
            metrics: vec![("accuracy", &accuracy), ("loss", &loss)],
            command: "mdl show 8e503j91",
        };
        assert_eq!(
            run_finished(&style, &end),
            "run 8e503j91 finished in 3.2 s: accuracy 0.97, loss 0.1; mdl show 8e503j91"
        );
        end.state = &RunState::Failed(Some(3));
        end.metrics.clear();
        let text = "run 8e503j91 failed (exit 3) after 3.2 s; mdl show 8e503j91";
        assert_eq!(run_finished(&style, &end), text);
    }

    #[test]
    fn a_sweep_says_a_line_for_each_run() {
        let (style, id, accuracy) = (Style::PLAIN, run_id(1), Value::Float(0.97));
        let varied = BTreeMap::from([
            ("model.depth".to_owned(), Value::Int(3i64.into())),
            ("train.lr".to_owned(), Value::Text("\u{1b}[31m".into())),
        ]);
        let mut swept = SweptRun {
            done: 3,
            total: 12,
            run: &id,
            varied: &varied,
            state: &RunState::Finished,
            seconds: Some(3.21),
            metric: Some(("accuracy", &accuracy)),
        };
        assert_eq!(
            sweep_progress(&style, &swept),
            "[ 3/12] 8e503j91  model.depth 3, train.lr \\u{1b}[31m  finished in 3.2 s  accuracy 0.97"
        );
        swept.seconds = None;
        assert!(sweep_progress(&style, &swept).contains("  finished before  "));
    }
}
