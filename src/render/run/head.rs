//! The first lines of a run: which it is, what became of it, what it did.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::object::{Grade, Receipt};
use crate::render::elapsed::{ago, clock_ahead, duration};
use crate::render::escape::escape;
use crate::render::layout::{Facts, clipped};
use crate::render::number::{date, short, short_id, value_text};
use crate::render::run::ShownRun;
use crate::render::run_state::role;
use crate::render::style::{Role, Style};
use crate::repo::RunState;
use crate::value::Value;

/// Items that are named in a line.
const MAX_ITEMS: usize = 8;

pub(super) fn write(out: &mut dyn Write, style: &Style, shown: &ShownRun) -> io::Result<()> {
    let id = shown.run.id.short();
    let room = style.width.saturating_sub("run ".len() + id.len() + 2);
    let name = shown.run.name.as_deref().map(|name| clipped(style, name, room)).unwrap_or_default();
    let gap = if name.is_empty() { "" } else { "  " };
    writeln!(
        out,
        "run {}{gap}{}\n{}\n",
        style.paint(Role::Id, id),
        style.paint(Role::Heading, &name),
        verdict(style, shown)
    )?;
    facts(style, shown).write(out, style)
}

/// `finished in 12 min 4 s, 2 h ago`.
fn verdict(style: &Style, shown: &ShownRun) -> String {
    let (state, took) = (&shown.state, shown.seconds().map(duration));
    let word = style.paint(role(state), state.word());
    let reason =
        state.reason().map(|reason| format!(" ({})", clipped(style, &reason, 16))).unwrap_or_default();
    let began = ago(shown.now.millis, shown.started().millis);
    let end = shown.outcome().and_then(|outcome| outcome.finished.as_ref());
    let ended = end.map(|time| ago(shown.now.millis, time.millis));
    let rest = match (state, took, ended) {
        (RunState::Running, Some(took), _) => format!(" for {took}"),
        (RunState::Finished, Some(took), Some(ended)) => format!(" in {took}, {ended}"),
        (_, Some(took), Some(ended)) => format!(" after {took}, {ended}"),
        _ => format!(", started {began}"),
    };
    let used = state.word().len() + reason.width();
    let rest = style.paint(Role::Dim, &style.clip(&rest, style.width.saturating_sub(used)));
    format!("{word}{reason}{rest}")
}

fn facts(style: &Style, shown: &ShownRun) -> Facts {
    let (run, room) = (&shown.run, style.width.min(400));
    let mut facts = Facts::default();
    let subject = shown.message.lines().next().unwrap_or_default();
    facts.push("commit", format!("{}  {}", short_id(shown.commit), clipped(style, subject, room)).trim_end());
    let author_host = shown.outcome().and_then(|outcome| outcome.observations.get("host"));
    let host = author_host.map(|host| format!(" on {}", clipped(style, &value_text(host), room)));
    let ahead = clock_ahead(shown.now.millis, shown.started().millis);
    let ahead = ahead.map(|span| format!(", by a clock that is {span} ahead")).unwrap_or_default();
    facts.push("started", format!("{}{}{ahead}", date(&shown.started()), host.unwrap_or_default()));
    facts.push("phase", run.phase.as_str());
    let set = items(style, run.set.iter().map(|(name, value)| (name.as_str(), value)), run.set.len());
    match &run.sweep {
        Some(sweep) => facts.push("sweep", format!("{}  {set}", clipped(style, sweep, 24)).trim_end()),
        None if !set.is_empty() => facts.push("set", set),
        None => {}
    }
    if let Some(of) = run.reproduces {
        let receipt = shown.outcome().and_then(|outcome| outcome.receipt.as_ref());
        let role = receipt.map_or(Role::Plain, |receipt| grade_role(receipt.grade));
        let text = receipt.map(|receipt| format!("  {}", receipt_text(style, receipt))).unwrap_or_default();
        facts.push_as("reproduces", role, format!("{}{text}", short_id(of)));
    }
    if let Some(definition) = &shown.snapshot.state.definition {
        if let Some(command) = &definition.command {
            facts.push("command", clipped(style, &quoted(command), room));
        }
        let seeds = definition.seeds.iter().map(|(name, value)| (name.as_str(), value));
        match definition.seeds.is_empty() {
            true => facts.push_as("seeds", Role::Id, "unseeded"),
            false => facts.push("seeds", items(style, seeds, definition.seeds.len())),
        }
    }
    facts
}

/// `train.lr 0.01, model.depth 3`.
fn items<'a>(style: &Style, items: impl Iterator<Item = (&'a str, &'a Value)>, number: usize) -> String {
    let one = |(name, value): (&str, &Value)| {
        format!("{} {}", clipped(style, name, 40), style.clip(&value_text(value), 24))
    };
    let mut texts: Vec<String> = items.take(MAX_ITEMS).map(one).collect();
    texts.extend((number > MAX_ITEMS).then(|| format!("and {} more", number - MAX_ITEMS)));
    texts.join(", ")
}

/// A command as it could be typed: arguments with blanks are quoted.
fn quoted(command: &[String]) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=./:,+@%".contains(c);
    let quote = |argument: &String| match !argument.is_empty() && argument.chars().all(plain) {
        true => argument.clone(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    };
    command.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// A grade in words.
pub(in crate::render) fn grade_text(grade: Grade) -> &'static str {
    match grade {
        Grade::Identical => "identical",
        Grade::WithinTolerance => "within tolerance",
        Grade::Diverged => "diverged",
        Grade::Failed => "failed",
    }
}

pub(in crate::render) fn grade_role(grade: Grade) -> Role {
    match grade {
        Grade::Identical | Grade::WithinTolerance => Role::Better,
        Grade::Diverged | Grade::Failed => Role::Worse,
    }
}

/// `diverged at val.loss, step 30: 0.31 → 0.35`.
pub(in crate::render) fn receipt_text(style: &Style, receipt: &Receipt) -> String {
    let mut text = grade_text(receipt.grade).to_owned();
    if let Some(first) = &receipt.first {
        text += &format!(" at {}", clipped(style, &first.what, 40));
        text += &first.step.map(|step| format!(", step {step}")).unwrap_or_default();
        if first.recorded.is_some() || first.found.is_some() {
            let value = |value: Option<f64>| value.map_or("none".to_owned(), short);
            text += &format!(": {}", style.change(&value(first.recorded), &value(first.found)));
        }
    }
    escape(&text).into_owned()
}
