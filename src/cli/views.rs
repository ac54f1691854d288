//! What the façade returns, as the values that `render` shows.

use std::io::{self, Write};

use serde_json::Value;

use crate::cli::error::CliError;
use crate::diff::part::Resolved;
use crate::diff::{Snapshot, State};
use crate::id::{Digest, Kind};
use crate::object::{self, Commit, Find, Node};
use crate::render::{self, BranchLine, LabelKind, RefLabel, Role, ShownCommit, Style, TagLine, escape};
use crate::repo::{Branch, Changes, Head, LogEntry, Repository, Shown, Status, Tagged, Warning};

/// What a renderer writes, as text.
pub fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<String, CliError> {
    let mut out = Vec::new();
    write(&mut out).map_err(CliError::Output)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// A commit of the log, and what it changed.
pub fn log_entry(entry: LogEntry, changes: Option<Changes>) -> render::LogEntry {
    let LogEntry { id, commit, names } = entry;
    let labels = names.iter().map(|name| label(name)).collect();
    let line = changes.as_ref().map(changed);
    let metrics = changes.map(|changes| changes.diff.metrics.values).unwrap_or_default();
    render::LogEntry { id, commit, labels, changes: line, metrics }
}

fn changed(changes: &Changes) -> String {
    if changes.first {
        return format!("first commit: {}", render::inventory(&changes.diff));
    }
    let brief = changes.diff.verdict().brief();
    if brief.is_empty() { "nothing".to_owned() } else { brief }
}

/// A name as the façade writes it: `HEAD -> main`, `HEAD`, `tag: v1`, `wider`.
fn label(name: &str) -> RefLabel {
    let (kind, name) = if let Some(branch) = name.strip_prefix("HEAD -> ") {
        (LabelKind::Head, branch)
    } else if let Some(tag) = name.strip_prefix("tag: ") {
        (LabelKind::Tag, tag)
    } else if name == "HEAD" {
        (LabelKind::Head, name)
    } else {
        (LabelKind::Branch, name)
    };
    RefLabel { kind, name: name.to_owned() }
}

/// The state of the work tree.
pub fn status(status: Status) -> render::Status {
    let head = match status.head {
        Head::Branch(name, commit) => render::Head::Branch(name.to_string(), commit),
        Head::Detached(commit) => render::Head::Detached(commit),
    };
    let mut notes: Vec<String> = status.warnings.iter().map(warning).collect();
    if let (count @ 1.., bytes) = status.absent {
        let of = if count == 1 { "file of HEAD is" } else { "files of HEAD are" };
        notes.push(format!(
            "{count} {of} not here ({}): get them with `mdl fetch --data HEAD`",
            render::size(bytes)
        ));
    }
    if let Some(to) = status.unfinished.as_ref().and_then(|begun| begun.others.last()) {
        let back = match &head {
            render::Head::Branch(name, _) => name,
            render::Head::Detached(_) => "HEAD",
        };
        notes.push(format!(
            "a checkout of {0} was not finished, and what differs may be its doing: `mdl checkout {0}` goes on, \
             `mdl checkout {back}` goes back",
            render::short_id(*to)
        ));
    }
    render::Status { head, upstream: status.upstream, diff: status.diff, notes }
}

/// What could not be recorded or seen as one would expect, in a line.
pub fn warning(warning: &Warning) -> String {
    match warning {
        Warning::Missing { part, path } => {
            format!("{} is not there: {} does not exist", escape(part), escape(path))
        }
        Warning::Refused { path, reason } => format!("{} is left out: {}", escape(path), escape(reason)),
        Warning::Secret { what } => format!(
            "{} looks like a secret, and the file is recorded as it is: keep it in an environment variable instead",
            escape(what)
        ),
        Warning::Absent { what } => format!("{} is not in the file that should have it", escape(what)),
        Warning::NotWritten { path } => {
            format!("{} is from before and is not recorded: this run did not write it", escape(path))
        }
        Warning::Gap { what, reason } => format!("{} could not be seen: {}", escape(what), escape(reason)),
    }
}

/// The branches, each with the title of its last commit.
pub fn branches(repository: &Repository, branches: &[Branch]) -> Result<Vec<BranchLine>, CliError> {
    let line = |branch: &Branch| {
        let commit: Commit = object::get(repository.store(), branch.commit)?;
        let subject = commit.message.lines().next().unwrap_or_default().to_owned();
        Ok(BranchLine {
            name: branch.name.to_string(),
            current: branch.current,
            commit: branch.commit,
            subject,
        })
    };
    branches.iter().map(line).collect()
}

/// A tag.
pub fn tag(tagged: &Tagged) -> TagLine {
    let object::Tag { commit, author, time, message, .. } = tagged.tag.clone();
    TagLine { name: tagged.name.to_string(), commit, time, author, message }
}

/// Anything recorded, as text.
pub fn shown(repository: &Repository, shown: &Shown, style: &Style) -> Result<String, CliError> {
    match shown {
        Shown::Commit { .. } => {
            let commit = commit(repository, shown)?;
            text(|out| commit.map_or(Ok(()), |it| render::show_commit(out, style, &it)))
        }
        Shown::Tag { tag, .. } => text(|out| render::tags(out, style, &[tag_line(tag)])),
        Shown::Part { part: Resolved::Object(kind, id), .. } => object_text(repository, *kind, *id, style),
        Shown::Part { part, .. } => text(|out| render::resolved(out, style, part)),
        Shown::Content { id, size } => Ok(format!("content {id}\n{}\n", render::size(*size))),
        Shown::Tree { id, .. } => object_text(repository, Kind::Tree, id.digest(), style),
        Shown::Object { kind, id } => object_text(repository, *kind, *id, style),
    }
}

/// Anything recorded, as JSON.
pub fn shown_json(repository: &Repository, shown: &Shown) -> Result<Value, CliError> {
    Ok(match shown {
        Shown::Commit { .. } => {
            commit(repository, shown)?.map_or(Value::Null, |it| render::show_commit_json(&it))
        }
        Shown::Tag { tag, .. } => render::tags_json(&[tag_line(tag)]),
        Shown::Part { part: Resolved::Object(kind, id), .. } => object_json(repository, *kind, *id)?,
        Shown::Part { part, .. } => render::resolved_json(part),
        Shown::Content { id, size } => serde_json::json!({ "content": id.to_string(), "size": size }),
        Shown::Tree { id, .. } => object_json(repository, Kind::Tree, id.digest())?,
        Shown::Object { kind, id } => object_json(repository, *kind, *id)?,
    })
}

fn commit(repository: &Repository, shown: &Shown) -> Result<Option<ShownCommit>, CliError> {
    let Shown::Commit { id, commit, snapshot } = shown else { return Ok(None) };
    let entry = LogEntry { id: *id, commit: (**commit).clone(), names: repository.names_of(*id)? };
    let changes = repository.changes_of(commit)?;
    Ok(Some(ShownCommit { entry: log_entry(entry, Some(changes)), snapshot: (**snapshot).clone() }))
}

fn tag_line(tag: &object::Tag) -> TagLine {
    let object::Tag { name, commit, author, time, message } = tag.clone();
    TagLine { name, commit, time, author, message }
}

fn bytes(repository: &Repository, kind: Kind, id: Digest) -> Result<Vec<u8>, CliError> {
    Ok(repository.store().find(kind, id)?.ok_or(object::ObjectError::Missing { kind, id })?)
}

fn object_text(repository: &Repository, kind: Kind, id: Digest, style: &Style) -> Result<String, CliError> {
    let object = bytes(repository, kind, id)?;
    if let Some(snapshot) = snapshot(repository, kind, id)? {
        let head = style.paint(Role::Id, &format!("{kind} {id}"));
        return text(|out| {
            writeln!(out, "{head}")?;
            render::show_snapshot(out, style, &snapshot)
        });
    }
    let told = text(|out| render::any_object(out, style, kind, id, &object))?;
    match root(repository, kind, id)? {
        Some(Node::Directory { tree, .. }) => {
            let entries = bytes(repository, Kind::Tree, tree.digest())?;
            let below = text(|out| render::any_object(out, style, Kind::Tree, tree.digest(), &entries))?;
            Ok(format!("{told}\n{below}"))
        }
        _ => Ok(told),
    }
}

/// A definition or outcome with what it refers to.
fn snapshot(repository: &Repository, kind: Kind, id: Digest) -> Result<Option<Snapshot>, CliError> {
    let store = repository.store();
    let state = match kind {
        Kind::Definition => State { definition: Some(object::get(store, id.into())?), outcome: None },
        Kind::Outcome => State { definition: None, outcome: Some(object::get(store, id.into())?) },
        _ => return Ok(None),
    };
    Ok(Some(Snapshot::load(store, state)?))
}

/// What a dataset or the code is made of.
fn root(repository: &Repository, kind: Kind, id: Digest) -> Result<Option<Node>, CliError> {
    let store = repository.store();
    Ok(match kind {
        Kind::Dataset => Some(object::get::<object::Dataset>(store, id.into())?.root),
        Kind::Code => Some(object::get::<object::Code>(store, id.into())?.root),
        _ => None,
    })
}

fn object_json(repository: &Repository, kind: Kind, id: Digest) -> Result<Value, CliError> {
    let bytes = bytes(repository, kind, id)?;
    render::object_json(kind, id, &bytes)
        .map_err(|problem| object::ObjectError::Malformed { kind, id, problem }.into())
}
