//! What a commit recorded.

use anstyle::{AnsiColor, Style as Ansi};
use serde_json::{Value, json};

use crate::render::number::count;
use crate::render::{diff_json, escape, inventory, short_id, size};
use crate::repo::Committed;

const ID: Ansi = AnsiColor::Yellow.on_default();
const BRANCH: Ansi = AnsiColor::Green.on_default();

/// `[main 3f2a9c1e04] wider net`, what differs from its parent, and what it cost.
pub fn text(made: &Committed, message: &str) -> String {
    let branch =
        made.branch.as_ref().map_or("on no branch".to_owned(), |name| format!("{BRANCH}{name}{BRANCH:#}"));
    let title = escape(message.lines().next().unwrap_or_default());
    let first = if made.first { " (first commit)" } else { "" };
    let id = short_id(made.id);
    let verdict = if made.first {
        inventory(&made.diff)
    } else {
        escape(&made.diff.verdict().to_string()).into_owned()
    };
    let (objects, bytes) = (count(made.written.objects, "new object"), size(made.written.stored_bytes));
    format!("[{branch} {ID}{id}{ID:#}]{first} {title}\n{verdict}\n{objects}, {bytes} stored\n")
}

/// What a commit recorded, as JSON.
pub fn json(made: &Committed) -> Value {
    json!({
        "commit": made.id.to_string(),
        "branch": made.branch.as_ref().map(|name| name.as_str()),
        "first": made.first,
        "verdict": made.diff.verdict().to_string(),
        "diff": diff_json(&made.diff),
        "objects": made.written.objects,
        "stored_bytes": made.written.stored_bytes,
    })
}
