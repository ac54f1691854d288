//! The receipt of a reproduction: what was run again, where, and how faithfully it came out.

use std::io::{self, Write};

use serde_json::{Value as Json, json};
use unicode_width::UnicodeWidthStr;

use crate::id::CommitId;
use crate::name::RunId;
use crate::object::{Grade, Node, Receipt};
use crate::render::elapsed::duration;
use crate::render::escape::escape;
use crate::render::json::{node_json, value_json};
use crate::render::layout::{Facts, INDENT, and_more, clipped, heading};
use crate::render::number::{count, measured, short_id, signed, sizes};
use crate::render::run::{grade_role, receipt_object_json, receipt_text};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, dim, plain};
use crate::value::Value;

/// Rows that are shown of a list.
const MAX_ROWS: usize = 20;
/// A terminal that is narrower than this has no room for all columns.
const NARROW: usize = 72;
/// A rule that is cut shorter than this tells nothing.
const MIN_RULE: usize = 8;
/// Between columns.
const GAP: usize = 3;

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

/// What a reproduction executes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownProposal {
    /// The command.
    pub command: Vec<String>,
    /// Where it runs, seen from the root.
    pub directory: Option<String>,
    /// Who made the commit, as it says itself.
    pub author: String,
    /// Whether this person committed, executed or approved the same before.
    pub known: bool,
    /// Recorded variables that are set.
    pub set: Vec<(String, String)>,
    /// Recorded variables that are not taken over, and why.
    pub kept_out: Vec<(String, String)>,
    /// Packages that come from an address, and from which.
    pub origins: Vec<(String, String)>,
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
    /// What is executed.
    pub proposal: ShownProposal,
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
    let nothing = shown.metrics.is_empty() && shown.outputs.is_empty();
    let (role, grade) = match &shown.receipt {
        Some(receipt) if nothing && receipt.grade == Grade::Identical => {
            (Role::Plain, "ended as recorded; no metric and no output says more".to_owned())
        }
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

/// Writes what a reproduction is going to execute, for somebody to read before it does. Nothing is cut or left out,
/// however narrow the terminal is: what is not seen could not be agreed to.
pub fn proposal(out: &mut dyn Write, of: CommitId, shown: &ShownProposal, installs: bool) -> io::Result<()> {
    let mut fact = |label: &str, text: &str| writeln!(out, "{:INDENT$}{label:11}{}", "", escape(text));
    fact("commit", &format!("{} by {}", short_id(of), shown.author))?;
    fact("executes", &words(&shown.command))?;
    fact("in", shown.directory.as_deref().unwrap_or("the root of the folder"))?;
    shown.set.iter().try_for_each(|(name, value)| fact("sets", &format!("{name}={value}")))?;
    shown.kept_out.iter().try_for_each(|(name, why)| fact("leaves out", &format!("{name}, which {why}")))?;
    match installs {
        true => {
            shown.origins.iter().try_for_each(|(name, url)| fact("installs", &format!("{name} from {url}")))
        }
        false => Ok(()),
    }
}

/// Words as they could be typed into a shell.
fn words(command: &[String]) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    let quoted = |word: &String| match !word.is_empty() && word.chars().all(plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    command.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn environment(out: &mut dyn Write, style: &Style, all: &[EnvironmentDifference]) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    heading(out, style, "environment", "the likeliest to matter first")?;
    let part = style.width.saturating_sub(INDENT + 2 * GAP).min(140) / 4;
    let listed = &all[..all.len().min(MAX_ROWS)];
    let cells = |text: &dyn Fn(&EnvironmentDifference) -> String| -> Vec<String> {
        listed.iter().map(|it| clipped(style, &text(it), part)).collect()
    };
    let (classes, names) = (cells(&|it| it.class.clone()), cells(&|it| it.what.clone()));
    let widest = |texts: &[String]| texts.iter().map(|text| text.width()).max().unwrap_or(0);
    // What changed has the room that is left.
    let used = INDENT + widest(&classes) + widest(&names) + 2 * GAP;
    let room = style.width.saturating_sub(used).min(100);
    let mut table = Table::default();
    for ((difference, class), name) in listed.iter().zip(classes).zip(names) {
        table.row([dim(class), plain(name), plain(style.clip(&change(style, difference, room), room))]);
    }
    table.write(out, style, INDENT)?;
    and_more(out, style, all.len().saturating_sub(MAX_ROWS))
}

/// `1.26.4 → 2.0.0`, each side with half of the room.
fn change(style: &Style, difference: &EnvironmentDifference, room: usize) -> String {
    let half = room.saturating_sub(style.arrow().width() + 2) / 2;
    let side = |side: &Option<String>, room: usize| side.as_ref().map(|text| clipped(style, text, room));
    match (side(&difference.before, half), side(&difference.after, half)) {
        (Some(before), Some(after)) => style.change(&before, &after),
        (Some(before), None) => format!("{before}, not here"),
        (None, after) => format!("{}, not then", after.unwrap_or_default()),
    }
}

fn metrics(out: &mut dyn Write, style: &Style, shown: &ShownReceipt) -> io::Result<()> {
    if shown.metrics.is_empty() {
        return Ok(());
    }
    heading(out, style, "metrics", "")?;
    // What came out otherwise is never among those left out.
    let mut all: Vec<&MetricFound> = shown.metrics.iter().collect();
    all.sort_by_key(|metric| std::cmp::Reverse(metric.grade));
    let listed = &all[..all.len().min(MAX_ROWS)];
    // A narrow terminal has room for what was found, and for the difference.
    let ran = shown.receipt.is_some();
    let columns: &[(&str, Figure)] = match (ran, style.width < NARROW) {
        (false, _) => &[RECORDED],
        (true, true) => &[FOUND, DIFFERENCE],
        (true, false) => &[RECORDED, FOUND, DIFFERENCE],
    };
    let names = (style.width / 3).min(40);
    let cut = if style.width < NARROW { 10 } else { 14 };
    let titles = columns.iter().map(|(title, _)| Cell::right(Role::Dim, *title));
    let mut rows: Vec<Vec<Cell>> = vec![[plain("")].into_iter().chain(titles).collect()];
    for metric in listed {
        let figure =
            |(_, text): &(&str, Figure)| Cell::right(Role::Plain, style.clip(&text(style, metric), cut));
        let name = plain(clipped(style, &metric.path, names));
        rows.push([name].into_iter().chain(columns.iter().map(figure)).collect());
    }
    if ran {
        rules(style, &mut rows, listed);
    }
    let mut table = Table::default();
    rows.into_iter().for_each(|row| table.row(row));
    table.write(out, style, INDENT)?;
    and_more(out, style, all.len() - listed.len())
}

/// Adds the rules in what room is left beside the figures.
fn rules(style: &Style, rows: &mut [Vec<Cell>], metrics: &[&MetricFound]) {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let used: usize = (0..columns).map(|column| widest(column) + GAP).sum();
    let room = style.width.saturating_sub(used + INDENT).min(40);
    if room < MIN_RULE {
        return;
    }
    // The first row has the titles.
    for (row, metric) in rows.iter_mut().skip(1).zip(metrics) {
        let role = metric.grade.map_or(Role::Dim, grade_role);
        row.push(Cell::new(role, clipped(style, &metric.rule, room)));
    }
}

/// What a column says of a metric.
type Figure = fn(&Style, &MetricFound) -> String;

const RECORDED: (&str, Figure) = ("recorded", |_, metric| value(&metric.recorded));
const FOUND: (&str, Figure) = ("found", |_, metric| value(&metric.found));
const DIFFERENCE: (&str, Figure) = ("difference", difference);

fn value(value: &Option<Value>) -> String {
    value.as_ref().map_or("none".to_owned(), measured)
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
            (Some(_), None) => (Role::Worse, "not written now".to_owned()),
            (None, _) => (Role::Worse, "not written then".to_owned()),
        };
        let name = clipped(style, &output.name, style.width.saturating_sub(INDENT + GAP + 20).min(48));
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
        "command": shown.proposal.command,
        "directory": shown.proposal.directory,
        "author": shown.proposal.author,
        "known": shown.proposal.known,
        "variables": {
            "set": shown.proposal.set.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "kept_out": shown.proposal.kept_out.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        },
        "origins": shown.proposal.origins.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "environment": environment.collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "notes": shown.notes,
    })
}

#[cfg(test)]
mod tests;
