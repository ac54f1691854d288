//! The state of the work tree against HEAD.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::diff::Diff;
use crate::id::CommitId;
use crate::render::diff::{Detail, sections};
use crate::render::escape::escape;
use crate::render::first;
use crate::render::json::diff_json;
use crate::render::number::short_id;
use crate::render::style::{Role, Style};
use crate::repo::Ahead;

/// Where HEAD is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// On a branch; without a commit yet where there is no id.
    Branch(String, Option<CommitId>),
    /// On a commit and no branch.
    Detached(CommitId),
}

/// The state of the work tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Where HEAD is.
    pub head: Head,
    /// Where the branch stands beside the one that it follows.
    pub upstream: Option<Ahead>,
    /// What differs from HEAD; all of it where there is no commit yet.
    pub diff: Diff,
    /// What else is to be said: a file that is named and missing, a checkout that was interrupted.
    pub notes: Vec<String>,
}

/// Writes a status.
pub fn status(out: &mut dyn Write, style: &Style, status: &Status, detail: Detail) -> io::Result<()> {
    let unborn = matches!(status.head, Head::Branch(_, None));
    match &status.head {
        Head::Branch(name, _) => writeln!(out, "On branch {}", style.paint(Role::Changed, &escape(name)))?,
        Head::Detached(id) => writeln!(out, "HEAD is at {}", style.paint(Role::Id, &short_id(id)))?,
    }
    if let Some(upstream) = &status.upstream {
        writeln!(out, "{}", standing(upstream))?;
    }
    for note in &status.notes {
        writeln!(out, "{}", style.paint(Role::Worse, &escape(note)))?;
    }
    match (unborn, status.diff.is_empty()) {
        (true, true) => writeln!(out, "No commits yet, nothing to commit"),
        (false, true) => writeln!(out, "nothing to commit, the work tree is as HEAD says"),
        (true, false) => {
            writeln!(out, "No commits yet. The first one will record:\n")?;
            first::table(&status.diff).write(out, style, 2)
        }
        (false, false) => {
            writeln!(out, "Changes since HEAD: {}", escape(&status.diff.verdict().brief()))?;
            sections(out, style, &status.diff, detail)
        }
    }
}

fn standing(it: &Ahead) -> String {
    let (name, commits) =
        (escape(&it.upstream), |n| if n == 1 { "1 commit".to_owned() } else { format!("{n} commits") });
    match (it.ahead, it.behind) {
        (0, 0) => format!("as {name} is"),
        (ahead, 0) => format!("{} ahead of {name}", commits(ahead)),
        (0, behind) => format!("{} behind {name}", commits(behind)),
        (ahead, behind) => format!("{} ahead of {name} and {} behind", commits(ahead), commits(behind)),
    }
}

/// A status as JSON.
pub fn status_json(status: &Status) -> Json {
    let (branch, commit) = match &status.head {
        Head::Branch(name, id) => (Some(name), id.as_ref()),
        Head::Detached(id) => (None, Some(id)),
    };
    json!({
        "schema": "mdl.status/1",
        "branch": branch,
        "head": commit.map(ToString::to_string),
        "clean": status.diff.is_empty(),
        "upstream": status.upstream.as_ref().map(|it| json!({
            "name": it.upstream, "ahead": it.ahead, "behind": it.behind,
        })),
        "notes": status.notes,
        "diff": diff_json(&status.diff),
    })
}
