//! What a command did, in a few lines or as JSON.
//!
//! Colours are always in the text; whoever prints it takes them out where nobody wants them.

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::id::CommitId;
use crate::object::Direction;
use crate::render::{escape, short_id, size};
use crate::repo::{CheckedOut, FsckReport, Head, Initialised, Part, Step};

const ID: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// Paths that are listed; of more, only their number is told.
const MAX_LISTED: usize = 20;

fn id(commit: CommitId) -> String {
    format!("{ID}{}{ID:#}", short_id(commit))
}

/// What `init` did.
pub fn initialised(done: &Initialised) -> String {
    let place = done.repository.directory().display().to_string();
    let place = escape(&place);
    if done.existed {
        return format!("{place} is a repository already; nothing was changed\n");
    }
    let mut text = format!("made a repository in {place}\n");
    if !done.manifest_written {
        return text + "mdl.toml was here already and stays as it is\n";
    }
    if done.detected.found.is_empty() {
        return text
            + "wrote mdl.toml; nothing was recognised: name what makes up the model with `mdl add`\n";
    }
    text += "wrote mdl.toml, with what was recognised:\n";
    for line in &done.detected.found {
        text += &format!("  {}\n", escape(line));
    }
    text + &directions(&done.better)
}

/// What `init` did, as JSON.
pub fn initialised_json(done: &Initialised) -> Value {
    json!({
        "root": done.repository.root().display().to_string(),
        "existed": done.existed,
        "manifest_written": done.manifest_written,
        "detected": done.detected.found,
        "hints": done.detected.hints,
        "better": directions_json(&done.better),
    })
}

/// Parts that were added.
pub fn added(parts: &[Part]) -> String {
    parts.iter().fold(String::new(), |text, part| {
        let done = if part.changed { "added" } else { "already there:" };
        text + &format!("{done} {}\n{}", named(part), directions(&part.better))
    })
}

/// Directions that were declared, a line each.
fn directions(better: &[(String, Direction)]) -> String {
    let line = |(key, direction): &(String, Direction)| {
        format!("  {}: {} is better\n", escape(key), direction.as_str())
    };
    better.iter().map(line).collect()
}

fn directions_json(better: &[(String, Direction)]) -> Value {
    better.iter().map(|(key, direction)| (key.clone(), json!(direction.as_str()))).collect()
}

/// Parts that were removed.
pub fn removed(parts: &[Part]) -> String {
    parts
        .iter()
        .fold(String::new(), |text, part| text + &format!("removed {}; its files stay\n", named(part)))
}

fn named(part: &Part) -> String {
    let (name, path) = (escape(&part.name), escape(&part.path));
    let at = if name == path { String::new() } else { format!("  {path}") };
    format!("{} {name}{at}", part.role.as_str())
}

/// Parts that were added or removed, as JSON.
pub fn parts_json(what: &str, parts: &[Part]) -> Value {
    let part = |part: &Part| json!({ "role": part.role.as_str(), "name": part.name, "path": part.path, "changed": part.changed, "better": directions_json(&part.better) });
    json!({ what: parts.iter().map(part).collect::<Vec<_>>() })
}

/// What `undo` did.
pub fn undone(step: &Step) -> String {
    format!("the branch is back at {}, from {}; your files are as they were\n", id(step.to), id(step.from))
}

/// What `undo` did, as JSON.
pub fn undone_json(step: &Step) -> Value {
    json!({ "from": step.from.to_string(), "to": step.to.to_string() })
}

/// A branch or tag that was made or moved.
pub fn created(kind: &str, name: &str, at: CommitId) -> String {
    format!("{kind} {GOOD}{}{GOOD:#} is at {}\n", escape(name), id(at))
}

/// A branch or tag that was made or moved, as JSON.
pub fn created_json(name: &str, at: CommitId) -> Value {
    json!({ "created": name, "commit": at.to_string() })
}

/// A branch or tag that was deleted.
pub fn deleted(kind: &str, name: &str, was: CommitId) -> String {
    format!("deleted {kind} {}, which was at {}\n", escape(name), id(was))
}

/// A branch or tag that was deleted, as JSON.
pub fn deleted_json(name: &str, was: CommitId) -> Value {
    json!({ "deleted": name, "commit": was.to_string() })
}

/// A branch that was renamed.
pub fn renamed(from: &str, to: &str) -> String {
    format!("{} is now called {GOOD}{}{GOOD:#}\n", escape(from), escape(to))
}

/// A branch that was renamed, as JSON.
pub fn renamed_json(from: &str, to: &str) -> Value {
    json!({ "renamed": from, "to": to })
}

/// What a checkout did, or would do.
pub fn checked_out(done: &CheckedOut, dry_run: bool) -> String {
    let mut text = String::new();
    let would = |done, would| if dry_run { would } else { done };
    let new = done.written.iter().filter(|(_, existed)| !existed).count();
    let replaced = done.written.len() - new;
    let counts = [(new, would("created", "to create")), (replaced, would("replaced", "to replace"))]
        .into_iter()
        .chain([(done.removed.len(), would("removed", "to remove"))])
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect::<Vec<_>>();
    if dry_run {
        let changes =
            done.written.iter().map(|(path, existed)| (if *existed { "replace" } else { "create" }, path));
        text += &listed(changes.chain(done.removed.iter().map(|path| ("remove", path))));
    }
    text += &match counts.as_slice() {
        [] if done.head.is_some() => String::new(),
        [] => "every file is as it should be\n".to_owned(),
        counts => format!("files: {} ({})\n", counts.join(", "), size(done.bytes)),
    };
    match &done.head {
        Some(Head::Branch(name, _)) => {
            text += &format!("{} {GOOD}{name}{GOOD:#}\n", would("on branch", "would be on branch"));
        }
        Some(Head::Detached(commit)) => {
            text += &format!("{} {}, on no branch\n", would("at", "would be at"), id(*commit));
        }
        None => {}
    }
    text
}

fn listed<'a>(changes: impl Iterator<Item = (&'static str, &'a String)>) -> String {
    let mut text = String::new();
    let mut more = 0;
    for (i, (what, path)) in changes.enumerate() {
        if i < MAX_LISTED {
            text += &format!("  would {what} {}\n", escape(path));
        } else {
            more += 1;
        }
    }
    if more > 0 { text + &format!("  and {more} more\n") } else { text }
}

/// What a checkout did, or would do, as JSON.
pub fn checked_out_json(done: &CheckedOut, dry_run: bool) -> Value {
    let paths = |existing: bool| {
        let those = done.written.iter().filter(move |(_, existed)| *existed == existing);
        those.map(|(path, _)| path.as_str()).collect::<Vec<_>>()
    };
    let (branch, detached) = match &done.head {
        Some(Head::Branch(name, _)) => (Some(name.to_string()), false),
        Some(Head::Detached(_)) => (None, true),
        None => (None, false),
    };
    json!({
        "dry_run": dry_run,
        "commit": done.commit.map(|commit| commit.to_string()),
        "branch": branch,
        "detached": detached,
        "created": paths(false),
        "replaced": paths(true),
        "removed": done.removed,
        "references": done.references,
        "bytes": done.bytes,
    })
}

/// What a check of the repository found.
pub fn checked(report: &FsckReport) -> String {
    let mut text = String::new();
    for damage in &report.damage {
        text += &format!("{BAD}damaged{BAD:#} {}: {}\n", escape(&damage.what), escape(&damage.problem));
        if let Some(needed_by) = &damage.needed_by {
            text += &format!("  needed by {}\n", escape(needed_by));
        }
    }
    let counts = format!("{} objects, {} contents", report.objects, report.contents);
    text += &match report.damage.len() {
        0 => format!("{GOOD}all is well{GOOD:#}: {counts}\n"),
        1 => format!("{BAD}1 thing is damaged{BAD:#}, of {counts}\n"),
        n => format!("{BAD}{n} things are damaged{BAD:#}, of {counts}\n"),
    };
    if report.unreachable > 0 {
        text += &format!("{} objects are referred to by nothing, which is harmless\n", report.unreachable);
    }
    if report.elsewhere > 0 {
        text += &format!("{} contents are not there: a remote should have them\n", report.elsewhere);
    }
    text
}

/// What a check of the repository found, as JSON.
pub fn checked_json(report: &FsckReport) -> Value {
    let damage = report.damage.iter().map(
        |damage| json!({ "what": damage.what, "problem": damage.problem, "needed_by": damage.needed_by }),
    );
    json!({
        "objects": report.objects,
        "contents": report.contents,
        "damage": damage.collect::<Vec<_>>(),
        "unreachable": report.unreachable,
        "elsewhere": report.elsewhere,
    })
}
