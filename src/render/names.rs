//! Lists of names: branches, tags, the history of a ref, settings.
//!
//! Colours are always in the text; whoever prints it takes them out where nobody wants them.

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::refs::{Entry, Target};
use crate::render::{actions, escape};
use crate::repo::{Branch, Config, Head, Tagged};

const ID: Style = AnsiColor::Yellow.on_default();
const CURRENT: Style = AnsiColor::Green.on_default();

/// A column's cells, filled up to the widest.
fn column(cells: Vec<String>) -> Vec<String> {
    let width = cells.iter().map(|cell| cell.width()).max().unwrap_or(0);
    let fill = |cell: String| format!("{cell}{}", " ".repeat(width - cell.width()));
    cells.into_iter().map(fill).collect()
}

/// The branches, the current one marked.
pub fn branches(branches: &[Branch], head: &Head) -> String {
    let mut text = String::new();
    match head {
        Head::Detached(commit) => {
            text += &format!("* (on no branch)  {ID}{}{ID:#}\n", actions::short(*commit))
        }
        Head::Branch(name, None) => text += &format!("* {CURRENT}{name}{CURRENT:#}  (no commit yet)\n"),
        Head::Branch(..) => {}
    }
    let names = column(branches.iter().map(|branch| escape(branch.name.as_str())).collect());
    for (branch, name) in branches.iter().zip(names) {
        let id = actions::short(branch.commit);
        text += &match branch.current {
            true => format!("* {CURRENT}{name}{CURRENT:#}  {ID}{id}{ID:#}\n"),
            false => format!("  {name}  {ID}{id}{ID:#}\n"),
        };
    }
    text
}

/// The branches, as JSON.
pub fn branches_json(branches: &[Branch]) -> Value {
    let branch = |branch: &Branch| json!({ "name": branch.name.as_str(), "commit": branch.commit.to_string(), "current": branch.current });
    json!({ "branches": branches.iter().map(branch).collect::<Vec<_>>() })
}

/// The tags, each with the first line of its message.
pub fn tags(tags: &[Tagged]) -> String {
    let names = column(tags.iter().map(|tag| escape(tag.name.as_str())).collect());
    tags.iter().zip(names).fold(String::new(), |text, (tagged, name)| {
        let title = escape(tagged.tag.message.lines().next().unwrap_or_default());
        let line = format!("{name}  {ID}{}{ID:#}  {title}", actions::short(tagged.tag.commit));
        text + line.trim_end() + "\n"
    })
}

/// A tag, as JSON.
pub fn tag_json(tagged: &Tagged) -> Value {
    json!({
        "name": tagged.name.as_str(),
        "id": tagged.id.to_string(),
        "commit": tagged.tag.commit.to_string(),
        "author": tagged.tag.author,
        "time": super::time_json(&tagged.tag.time),
        "message": tagged.tag.message,
    })
}

/// The tags, as JSON.
pub fn tags_json(tags: &[Tagged]) -> Value {
    json!({ "tags": tags.iter().map(tag_json).collect::<Vec<_>>() })
}

/// The values that a branch has had, newest first.
pub fn history(name: &str, entries: &[(u64, Entry)]) -> String {
    let name = escape(name);
    let steps = column((0..entries.len()).map(|n| format!("{name}@{{{n}}}")).collect());
    entries.iter().zip(steps).fold(String::new(), |text, ((_, entry), step)| {
        let target = column_of_target(&entry.target);
        let (when, who) = (super::time(&entry.when), escape(&entry.who));
        text + &format!("{step}  {ID}{target:10}{ID:#}  {when}  {}  ({who})\n", escape(&entry.why))
    })
}

fn column_of_target(target: &Target) -> String {
    match target {
        Target::Birth => "-".to_owned(),
        Target::Deleted => "deleted".to_owned(),
        Target::Commit(commit) => actions::short(*commit),
        Target::Tag(tag) => tag.to_string()[..10].to_owned(),
    }
}

/// The values that a branch has had, newest first, as JSON.
pub fn history_json(entries: &[(u64, Entry)]) -> Value {
    let target = |target: &Target| match target {
        Target::Birth | Target::Deleted => Value::Null,
        Target::Commit(commit) => commit.to_string().into(),
        Target::Tag(tag) => tag.to_string().into(),
    };
    let entry = |(number, entry): &(u64, Entry)| {
        json!({
            "number": number,
            "target": target(&entry.target),
            "previous": entry.previous.as_ref().map(target),
            "who": entry.who,
            "when": super::time_json(&entry.when),
            "why": entry.why,
        })
    };
    json!({ "history": entries.iter().map(entry).collect::<Vec<_>>() })
}

/// The settings, and where each comes from.
pub fn settings(config: &Config) -> String {
    let keys = column(config.values().iter().map(|(key, ..)| key.as_str().to_owned()).collect());
    config.values().iter().zip(keys).fold(String::new(), |text, ((_, value, local), key)| {
        let of = if *local { "this repository" } else { "yours" };
        text + &format!("{key}  {}  ({of})\n", escape(value))
    })
}

/// The settings, and where each comes from, as JSON.
pub fn settings_json(config: &Config) -> Value {
    let setting = |(key, value, local): &(crate::repo::ConfigKey, String, bool)| json!({ "key": key.as_str(), "value": value, "from": if *local { "repository" } else { "user" } });
    json!({ "settings": config.values().iter().map(setting).collect::<Vec<_>>() })
}
