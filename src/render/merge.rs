//! What a merge did, and where the two sides disagree: a line a place, with the base, ours and theirs beside each other.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::merge::{Conflict, Held, Side};
use crate::object::Node;
use crate::render::actions::{checked_out, checked_out_json};
use crate::render::escape::escape;
use crate::render::json::{node_json, value_json};
use crate::render::number::{short_id, size};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, dim, plain};
use crate::repo::{MergeKind, Merged};

/// Widest that a version is shown.
const MAX_HELD: usize = 24;
/// Conflicts that are listed; of more, only their number is told.
const MAX_LISTED: usize = 50;

/// What a merge did, or would do; the side that was favoured decided the conflicts.
pub fn merged(
    out: &mut dyn Write,
    style: &Style,
    done: &Merged,
    favour: Option<Side>,
    dry_run: bool,
) -> io::Result<()> {
    let name = done.branch.as_ref().map_or("HEAD".to_owned(), |name| escape(name.as_str()).into_owned());
    let name = style.paint(Role::Added, &name);
    let id = |id| style.paint(Role::Id, &short_id(id));
    let theirs = id(done.theirs);
    let from = done.from.map(&id).unwrap_or_default();
    match (done.kind, done.to) {
        (MergeKind::Already, _) => return writeln!(out, "{name} has it already; nothing was changed"),
        (MergeKind::Conflicts, _) => {
            let base = done.base.map_or_else(|| "nothing".to_owned(), &id);
            writeln!(out, "{from} and {theirs} both changed what {base} has, in different ways:")?;
            conflicts(out, style, &done.conflicts)?;
            return writeln!(out, "nothing was changed");
        }
        (MergeKind::Forward, _) => {
            let moved = if dry_run { "would be" } else { "is now" };
            let from = if from.is_empty() { String::new() } else { format!(", from {from}") };
            writeln!(out, "{name} {moved} at {theirs}{from}")?;
        }
        (MergeKind::AsIs, to) => {
            let at =
                to.map_or_else(|| "would be at a commit".to_owned(), |to| format!("is now at {}", id(to)));
            return writeln!(out, "{name} {at}, which merges {theirs} into {from}: your files as they are");
        }
        (MergeKind::Merged, Some(to)) => {
            writeln!(out, "{name} is now at {}, which merges {theirs} into {from}", id(to))?;
        }
        (MergeKind::Merged, None) => writeln!(out, "{name} would be at a merge of {theirs} into {from}")?,
    }
    if let Some(favour) = favour.filter(|_| !done.conflicts.is_empty()) {
        let whose = if favour == Side::Ours { "ours" } else { "theirs" };
        writeln!(out, "where both changed the same, {whose} was taken:")?;
        conflicts(out, style, &done.conflicts)?;
    }
    if done.environments_differ {
        let taken = if favour == Some(Side::Theirs) { theirs } else { from };
        writeln!(out, "the environment is that of {taken}: both were recorded in one of their own")?;
    }
    out.write_all(checked_out(&done.files, dry_run).as_bytes())?;
    match done.has_outcome {
        true => Ok(()),
        false => writeln!(out, "what comes out of it is not known yet: nobody has run it"),
    }
}

fn conflicts(out: &mut dyn Write, style: &Style, conflicts: &[Conflict]) -> io::Result<()> {
    let mut table = Table::default();
    table.row(["place", "base", "ours", "theirs"].map(dim));
    for conflict in conflicts.iter().take(MAX_LISTED) {
        let held = |held: &Option<Held>| match held {
            Some(held) => plain(style.clip(&text(held), MAX_HELD)),
            None => dim("none"),
        };
        let place = Cell::new(Role::Changed, escape(&conflict.place));
        table.row([place, held(&conflict.base), held(&conflict.ours), held(&conflict.theirs)]);
    }
    table.write(out, style, 2)?;
    match conflicts.len().saturating_sub(MAX_LISTED) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

fn text(held: &Held) -> String {
    match held {
        Held::Value(value) => escape(&value.to_string()).into_owned(),
        Held::Node(Node::File { content, size: bytes, .. } | Node::Symlink { content, size: bytes }) => {
            format!("{} ({})", short_id(*content), size(*bytes))
        }
        Held::Node(Node::Directory { tree, files, .. }) => {
            format!("{} ({files} file{})", short_id(*tree), if *files == 1 { "" } else { "s" })
        }
    }
}

/// What a merge did, or would do, as JSON.
pub fn merged_json(done: &Merged, dry_run: bool) -> Json {
    let kind = match done.kind {
        MergeKind::Already => "already",
        MergeKind::Forward => "forward",
        MergeKind::Merged => "merged",
        MergeKind::AsIs => "as-is",
        MergeKind::Conflicts => "conflicts",
    };
    let held = |held: &Option<Held>| match held {
        Some(Held::Value(value)) => json!({"value": value_json(value)}),
        Some(Held::Node(node)) => json!({"node": node_json(node)}),
        None => Json::Null,
    };
    let conflict = |it: &Conflict| {
        json!({
            "place": it.place,
            "base": held(&it.base),
            "ours": held(&it.ours),
            "theirs": held(&it.theirs),
        })
    };
    json!({
        "branch": done.branch.as_ref().map(|name| name.as_str()),
        "from": done.from.map(|from| from.to_string()),
        "theirs": done.theirs.to_string(),
        "base": done.base.map(|base| base.to_string()),
        "to": done.to.map(|to| to.to_string()),
        "kind": kind,
        "already": done.kind == MergeKind::Already,
        "conflicts": done.conflicts.iter().map(conflict).collect::<Json>(),
        "environments_differ": done.environments_differ,
        "has_outcome": done.has_outcome,
        "files": checked_out_json(&done.files, dry_run),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_steers_no_terminal() {
        let conflict =
            Conflict { place: "code/a\u{1b}[2J\u{202e}b".into(), base: None, ours: None, theirs: None };
        let mut out = Vec::new();
        conflicts(&mut out, &Style::PLAIN, &[conflict]).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("code/a\\u{1b}[2J\\u{202e}b"), "{out}");
    }
}
