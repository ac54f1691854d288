//! Lists of branches and tags, and the history of a ref.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::id::CommitId;
use crate::object::Time;
use crate::refs::{Entry, Target};
use crate::render::escape::escape;
use crate::render::json::time_json;
use crate::render::number::{date, short_id};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, dim, plain};

/// A branch of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchLine {
    /// Its name.
    pub name: String,
    /// Whether HEAD is on it.
    pub current: bool,
    /// Its commit.
    pub commit: CommitId,
    /// The first line of the commit's message.
    pub subject: String,
}

/// Writes branches, the current one marked with `*`.
pub fn branches(out: &mut dyn Write, style: &Style, list: &[BranchLine]) -> io::Result<()> {
    let mut table = Table::default();
    for branch in list {
        let (sign, role) = if branch.current { ("*", Role::Changed) } else { (" ", Role::Plain) };
        let name = Cell::new(role, format!("{sign} {}", escape(&branch.name)));
        let id = Cell::new(Role::Id, short_id(branch.commit));
        table.row([name, id, plain(style.clip(&escape(&branch.subject), 60))]);
    }
    table.write(out, style, 0)
}

/// Branches as JSON.
pub fn branches_json(list: &[BranchLine]) -> Json {
    let branch = |it: &BranchLine| json!({"name": it.name, "current": it.current, "commit": it.commit.to_string(), "subject": it.subject});
    json!({"schema": "mdl.branches/1", "branches": list.iter().map(branch).collect::<Vec<_>>()})
}

/// A tag of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct TagLine {
    /// Its name.
    pub name: String,
    /// The commit that it names.
    pub commit: CommitId,
    /// When it was made.
    pub time: Time,
    /// Who made it.
    pub author: String,
    /// Why.
    pub message: String,
}

/// Writes tags.
pub fn tags(out: &mut dyn Write, style: &Style, list: &[TagLine]) -> io::Result<()> {
    let mut table = Table::default();
    for tag in list {
        let subject = tag.message.lines().next().unwrap_or_default();
        let subject = plain(style.clip(&escape(subject), 48));
        let id = Cell::new(Role::Id, short_id(tag.commit));
        table.row([plain(escape(&tag.name)), id, dim(date(&tag.time)), subject]);
    }
    table.write(out, style, 0)
}

/// Tags as JSON.
pub fn tags_json(list: &[TagLine]) -> Json {
    let tag = |it: &TagLine| {
        json!({
            "name": it.name,
            "commit": it.commit.to_string(),
            "time": time_json(&it.time),
            "author": it.author,
            "message": it.message,
        })
    };
    json!({"schema": "mdl.tags/1", "tags": list.iter().map(tag).collect::<Vec<_>>()})
}

fn target(target: &Target) -> String {
    match target {
        Target::Birth => "begun".to_owned(),
        Target::Deleted => "deleted".to_owned(),
        Target::Commit(id) | Target::Finished(id) => short_id(id),
        Target::Tag(id) => format!("tag {}", short_id(id)),
        Target::Runs(id) => format!("runs {}", short_id(id)),
    }
}

/// Writes the values of a ref as they come, newest first.
pub fn history(out: &mut dyn Write, style: &Style, entries: &[(u64, Entry)]) -> io::Result<()> {
    let mut table = Table::default();
    for (number, entry) in entries {
        let (number, id) =
            (Cell::right(Role::Dim, number.to_string()), Cell::new(Role::Id, target(&entry.target)));
        let why = plain(style.clip(&escape(&entry.why), 40));
        table.row([number, id, dim(date(&entry.when)), why, dim(style.clip(&escape(&entry.who), 30))]);
    }
    table.write(out, style, 0)
}

/// The values of a ref as JSON.
pub fn history_json(name: &str, entries: &[(u64, Entry)]) -> Json {
    let target = |target: &Target| match target {
        Target::Birth => json!({"state": "begun"}),
        Target::Deleted => json!({"state": "deleted"}),
        Target::Commit(id) | Target::Finished(id) => json!({"commit": id.to_string()}),
        Target::Tag(id) => json!({"tag": id.to_string()}),
        Target::Runs(id) => json!({"runs": id.to_string()}),
    };
    let entry = |(number, it): &(u64, Entry)| {
        json!({
            "number": number,
            "target": target(&it.target),
            "previous": it.previous.as_ref().map(target),
            "who": it.who,
            "when": time_json(&it.when),
            "why": it.why,
        })
    };
    json!({"schema": "mdl.history/1", "ref": name, "entries": entries.iter().map(entry).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_moved_a_ref_steers_no_terminal() {
        let entry = Entry {
            target: Target::Birth,
            previous: None,
            nonce: [0; 16],
            recent: Vec::new(),
            stepped_back: None,
            epoch: 0,
            who: "E\u{1b}[2J\u{202e}ve".into(),
            when: crate::object::Time { millis: 0, zone: 0 },
            why: "a\u{1b}[8m".into(),
        };
        let mut out = Vec::new();
        history(&mut out, &Style::PLAIN, &[(0, entry)]).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("E\\u{1b}[2J\\u{202e}ve") && out.contains("a\\u{1b}[8m"), "{out}");
    }
}
