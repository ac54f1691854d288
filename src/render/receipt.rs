//! The receipt of a reproduction: what was run again, where, and how faithfully it came out.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::id::CommitId;
use crate::name::RunId;
use crate::object::{Grade, Node, Receipt};
use crate::render::elapsed::duration;
use crate::render::json::{node_json, value_json};
use crate::render::layout::{Facts, INDENT, and_more, clipped, heading};
use crate::render::number::{count, measured, short_id, signed, sizes};
use crate::render::run::{grade_role, receipt_object_json, receipt_text};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, dim, plain};
use crate::value::Value;

/// Rows that are shown of a list.
const MAX_ROWS: usize = 20;

/// A difference between the recorded environment and this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentDifference {
    /// What sort it is, in a word or two: `package, major`, `accelerator`.
    pub class: String,
    /// What differs: `numpy`, `CUDA`.
    pub what: String,
    /// As recorded; absent where there was none.
    pub before: Option<String>,
    /// As found here; absent where there is none.
    pub after: Option<String>,
}

/// A metric, as recorded and as it came out now.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFound {
    /// Its dotted path.
    pub path: String,
    /// What was recorded.
    pub recorded: Option<Value>,
    /// What came out now; absent where nothing was run.
    pub found: Option<Value>,
    /// How close it came; absent where nothing was run.
    pub grade: Option<Grade>,
    /// The rule that admitted or refused it: `relative 1e-6`, `spread of 5 runs`.
    pub rule: String,
}

/// An output, as recorded and as it came out now.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputFound {
    /// Its name.
    pub name: String,
    /// What was recorded.
    pub recorded: Option<Node>,
    /// What came out now.
    pub found: Option<Node>,
}

/// A reproduction with all that is to be shown of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownReceipt {
    /// The commit that was reproduced.
    pub of: CommitId,
    /// Why that was made, in words.
    pub message: String,
    /// The run that reproduced it; absent where nothing was run.
    pub run: Option<RunId>,
    /// How faithful it is; absent where nothing was run.
    pub receipt: Option<Receipt>,
    /// The exit status, and how long it took.
    pub exit: Option<i64>,
    /// How long it took.
    pub seconds: Option<f64>,
    /// Where it lies.
    pub folder: Option<String>,
    /// What differs in the environment, the likeliest to matter first.
    pub environment: Vec<EnvironmentDifference>,
    /// The metrics.
    pub metrics: Vec<MetricFound>,
    /// The outputs.
    pub outputs: Vec<OutputFound>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// Writes a receipt.
pub fn receipt(out: &mut dyn Write, style: &Style, shown: &ShownReceipt) -> io::Result<()> {
    let subject = shown.message.lines().next().unwrap_or_default();
    let id = short_id(shown.of);
    let subject = clipped(style, subject, style.width.saturating_sub("reproduce ".len() + id.len() + 2));
    writeln!(out, "reproduce {}  {}", style.paint(Role::Id, &id), style.paint(Role::Heading, &subject))?;
    let (role, grade) = match &shown.receipt {
        Some(receipt) => (grade_role(receipt.grade), receipt_text(style, receipt)),
        None => (Role::Plain, "checked; nothing was run".to_owned()),
    };
    writeln!(out, "{}\n", style.paint(role, &style.clip(&grade, style.width)))?;
    let mut facts = Facts::default();
    if let Some(run) = &shown.run {
        let exit = shown.exit.map(|exit| format!(", exit {exit}")).unwrap_or_default();
        let took = shown.seconds.map(|seconds| format!(", {}", duration(seconds))).unwrap_or_default();
        facts.push("run", format!("{}{exit}{took}", run.short()));
    }
    if let Some(folder) = &shown.folder {
        facts.push("folder", clipped(style, folder, style.width));
    }
    match shown.environment.len() {
        0 => facts.push("environment", "as recorded"),
        number => facts.push_as("environment", Role::Id, count(number as u64, "difference")),
    }
    shown.notes.iter().take(MAX_ROWS).for_each(|note| facts.push("note", clipped(style, note, style.width)));
    facts.write(out, style)?;
    environment(out, style, &shown.environment)?;
    metrics(out, style, shown)?;
    outputs(out, style, shown)
}

fn environment(out: &mut dyn Write, style: &Style, all: &[EnvironmentDifference]) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    heading(out, style, "environment", "the likeliest to matter first")?;
    let room = style.width.saturating_sub(INDENT + 6).min(140);
    let mut table = Table::default();
    for difference in all.iter().take(MAX_ROWS) {
        let side = |side: &Option<String>| side.as_ref().map(|text| clipped(style, text, room / 4));
        let change = match (side(&difference.before), side(&difference.after)) {
            (Some(before), Some(after)) => style.change(&before, &after),
            (Some(before), None) => format!("{before}, not here"),
            (None, after) => format!("{}, not then", after.unwrap_or_default()),
        };
        let class = dim(clipped(style, &difference.class, room / 4));
        table.row([
            class,
            plain(clipped(style, &difference.what, room / 4)),
            plain(style.clip(&change, room / 2)),
        ]);
    }
    table.write(out, style, INDENT)?;
    and_more(out, style, all.len().saturating_sub(MAX_ROWS))
}

fn metrics(out: &mut dyn Write, style: &Style, shown: &ShownReceipt) -> io::Result<()> {
    if shown.metrics.is_empty() {
        return Ok(());
    }
    heading(out, style, "metrics", "")?;
    let ran = shown.receipt.is_some();
    let mut table = Table::default();
    let titles = ["recorded", "found", "difference"].map(|title| Cell::right(Role::Dim, title));
    let titles = titles.into_iter().take(if ran { 3 } else { 1 });
    table.row([plain("")].into_iter().chain(titles));
    // What came out otherwise is never among those left out.
    let mut rows: Vec<&MetricFound> = shown.metrics.iter().collect();
    rows.sort_by_key(|metric| std::cmp::Reverse(metric.grade));
    for metric in rows.iter().take(MAX_ROWS) {
        let name = plain(clipped(style, &metric.path, (style.width / 3).min(40)));
        let value = |value: &Option<Value>| value.as_ref().map_or("none".to_owned(), measured);
        let cut = |text: String| Cell::right(Role::Plain, style.clip(&text, 14));
        let mut cells = vec![name, cut(value(&metric.recorded))];
        if ran {
            cells.extend([cut(value(&metric.found)), Cell::right(Role::Plain, difference(style, metric))]);
            // A narrow terminal has no room for the rules.
            let rule = clipped(style, &metric.rule, style.width.saturating_sub(64).min(40));
            let role = metric.grade.map_or(Role::Dim, grade_role);
            cells.extend((style.width >= 72).then(|| Cell::new(role, rule)));
        }
        table.row(cells);
    }
    table.write(out, style, INDENT)?;
    and_more(out, style, rows.len().saturating_sub(MAX_ROWS))
}

fn difference(style: &Style, metric: &MetricFound) -> String {
    if metric.recorded == metric.found && metric.found.is_some() {
        return "equal".to_owned();
    }
    let numbers =
        (metric.recorded.as_ref().and_then(Value::as_f64), metric.found.as_ref().and_then(Value::as_f64));
    match numbers {
        (Some(recorded), Some(found)) if (found - recorded).is_finite() => signed(style, found - recorded),
        _ => "differs".to_owned(),
    }
}

fn outputs(out: &mut dyn Write, style: &Style, shown: &ShownReceipt) -> io::Result<()> {
    if shown.outputs.is_empty() || shown.receipt.is_none() {
        return Ok(());
    }
    heading(out, style, "outputs", "")?;
    let mut table = Table::default();
    let mut rows: Vec<&OutputFound> = shown.outputs.iter().collect();
    rows.sort_by_key(|output| output.recorded == output.found);
    for output in rows.iter().take(MAX_ROWS) {
        let (role, text) = match (&output.recorded, &output.found) {
            (Some(recorded), Some(found)) if recorded == found => (Role::Better, "identical".to_owned()),
            (Some(recorded), Some(found)) => {
                let (old, new) = sizes(recorded.bytes(), found.bytes());
                let text = if old == new { format!("differs, {old}") } else { style.change(&old, &new) };
                (Role::Worse, text)
            }
            (Some(_), None) => (Role::Worse, "was not written".to_owned()),
            (None, _) => (Role::Worse, "was not written then".to_owned()),
        };
        let name = clipped(style, &output.name, (style.width / 2).min(48));
        table.row([plain(name), Cell::new(role, text)]);
    }
    table.write(out, style, INDENT)?;
    and_more(out, style, rows.len().saturating_sub(MAX_ROWS))
}

/// A receipt as JSON.
pub fn receipt_json(shown: &ShownReceipt) -> Json {
    let environment = shown
        .environment
        .iter()
        .map(|it| json!({"class": it.class, "what": it.what, "before": it.before, "after": it.after}));
    let value = |value: &Option<Value>| value.as_ref().map(value_json);
    let metrics = shown.metrics.iter().map(|it| {
        json!({
            "path": it.path,
            "recorded": value(&it.recorded),
            "found": value(&it.found),
            "grade": it.grade.map(|grade| grade.as_str()),
            "rule": it.rule,
        })
    });
    let outputs = shown.outputs.iter().map(|it| {
        json!({
            "name": it.name,
            "recorded": it.recorded.as_ref().map(node_json),
            "found": it.found.as_ref().map(node_json),
            "identical": it.recorded == it.found,
        })
    });
    json!({
        "reproduces": shown.of.to_string(),
        "message": shown.message,
        "run": shown.run.as_ref().map(|run| run.as_str()),
        "receipt": shown.receipt.as_ref().map(receipt_object_json),
        "exit": shown.exit,
        "seconds": shown.seconds,
        "folder": shown.folder,
        "environment": environment.collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "notes": shown.notes,
    })
}
