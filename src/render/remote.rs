//! What went to a remote and came from one, in a few lines or as JSON.
//!
//! Colours are always in the text; whoever prints it takes them out where nobody wants them.

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::refs::{Family, Ref, Survey, Target};
use crate::render::{escape, short_id, size};
use crate::repo::{Cloned, FetchDone, PushDone, RemoteAdded, RemoteInfo};
use crate::sync::{Distrust, Fate, Fetched, FetchedRef, PushedRef, SetAside};

const ID: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// Lines of a name and what is to be said of it, in two columns.
fn lines(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let line =
        |(name, what): &(String, String)| format!("  {name}{}   {what}\n", " ".repeat(width - name.width()));
    rows.iter().map(line).collect()
}

fn place(remote: &RemoteInfo) -> String {
    format!("{} ({})", escape(remote.name.as_str()), escape(&remote.url))
}

fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

fn id_of(target: Target) -> String {
    target.object().map(|(_, id)| format!("{ID}{}{ID:#}", short_id(id))).unwrap_or_default()
}

fn id_json(target: Option<Target>) -> Value {
    target.and_then(|target| target.object()).map(|(_, id)| id.to_string()).into()
}

/// A name as people write it: tags are told apart.
fn name_of(name: &Ref) -> String {
    let text = escape(name.name.as_str());
    match name.family {
        Family::Tags => format!("tag {text}"),
        Family::Runs => format!("run {text}"),
        Family::Batches => "runs".to_owned(),
        _ => text.into_owned(),
    }
}

/// `from..to`, or that it is new or gone.
fn moved(from: Option<Target>, to: Target) -> String {
    match from {
        Some(from) if to == Target::Deleted => format!("deleted, was at {}", id_of(from)),
        Some(from) => format!("{} .. {}", id_of(from), id_of(to)),
        None => format!("{GOOD}new{GOOD:#}, at {}", id_of(to)),
    }
}

/// Why a ref was not moved, if it was not.
fn refusal(fate: &Fate) -> Option<&'static str> {
    match fate {
        Fate::Done | Fate::UpToDate => None,
        Fate::Behind => Some("has commits there that are not here"),
        Fate::Taken => Some("exists there already, and is another one"),
        Fate::CheckedOut => Some("is checked out there, and its files would no longer fit"),
        Fate::Absent => Some("is no branch or tag there, and never was"),
        Fate::Ambiguous => Some("is a branch and a tag there, or was"),
        Fate::Lost => Some("was moved by somebody else in this moment"),
        Fate::Unknown(_) => Some("may have been moved or not: the remote broke off"),
    }
}

/// What a push did.
pub fn pushed(done: &PushDone) -> String {
    let row = |it: &PushedRef| {
        let what = match (&it.fate, refusal(&it.fate)) {
            (fate, Some(reason)) => {
                let word = match (fate, it.to) {
                    (Fate::Unknown(_), _) => "unknown",
                    (_, Target::Deleted) => "not deleted",
                    _ => "not pushed",
                };
                format!("{BAD}{word}{BAD:#}: it {reason}")
            }
            (Fate::UpToDate, None) if it.to == Target::Deleted => "is gone already".to_owned(),
            (Fate::UpToDate, None) => "is up to date".to_owned(),
            (_, None) => moved(it.from, it.to),
        };
        (name_of(&it.name), what)
    };
    let mut rows: Vec<_> = done.pushed.refs.iter().map(row).collect();
    if done.pushed.runs > 0 {
        rows.push((counted(done.pushed.runs, "run"), format!("{GOOD}new{GOOD:#}")));
    }
    let mut text = format!("to {}\n{}", place(&done.remote), lines(&rows));
    if rows.is_empty() {
        text = format!("{} has everything already\n", place(&done.remote));
    }
    if done.pushed.bytes > 0 {
        text += &format!("sent {}, {}\n", counted(done.pushed.objects, "object"), size(done.pushed.bytes));
    }
    if let Some((branch, upstream)) = &done.followed {
        let (branch, there) = (escape(branch.as_str()), format!("{}/{}", upstream.remote, upstream.branch));
        text += &format!("{branch} follows {} from now on\n", escape(&there));
    }
    text
}

/// What a push did, as JSON.
pub fn pushed_json(done: &PushDone) -> Value {
    let fate = |it: &PushedRef| {
        let fate = match &it.fate {
            Fate::Done => "done",
            Fate::UpToDate => "up to date",
            Fate::Behind => "behind",
            Fate::Taken => "taken",
            Fate::CheckedOut => "checked out",
            Fate::Absent => "absent",
            Fate::Ambiguous => "ambiguous",
            Fate::Lost => "lost",
            Fate::Unknown(_) => "unknown",
        };
        json!({
            "family": it.name.family.word(),
            "name": it.name.name.as_str(),
            "from": id_json(it.from),
            "to": id_json(Some(it.to)),
            "fate": fate,
        })
    };
    json!({
        "remote": done.remote.name.as_str(),
        "url": done.remote.url,
        "refs": done.pushed.refs.iter().map(fate).collect::<Vec<_>>(),
        "runs": done.pushed.runs,
        "objects": done.pushed.objects,
        "bytes": done.pushed.bytes,
        "followed": done.followed.as_ref().map(|(branch, _)| branch.as_str()),
    })
}

fn fetched_lines(FetchDone { remote, fetched }: &FetchDone) -> String {
    let row = |it: &FetchedRef| {
        let what = match it.to {
            None => "is gone there, and forgotten here".to_owned(),
            Some(to) if it.backwards => format!("{}  {BAD}went backwards{BAD:#}", moved(it.from, to)),
            Some(to) => moved(it.from, to),
        };
        (name_of(&it.name), what)
    };
    let mut rows: Vec<_> = fetched.refs.iter().map(row).collect();
    if fetched.runs > 0 {
        rows.push((counted(fetched.runs, "run"), format!("{GOOD}new{GOOD:#}")));
    }
    rows.extend(fetched.gone.iter().map(|gone| {
        (name_of(gone), format!("is gone there; forget it with `mdl remote prune {}`", remote.name))
    }));
    lines(&rows)
}

/// What a fetch did.
pub fn fetched(done: &FetchDone) -> String {
    let rows = fetched_lines(done);
    if rows.is_empty() {
        return format!("nothing new at {}\n", place(&done.remote));
    }
    let mut text = format!("from {}\n{rows}", place(&done.remote));
    if done.fetched.bytes > 0 {
        let objects = counted(done.fetched.objects, "object");
        text += &format!("received {objects}, {}\n", size(done.fetched.bytes));
    }
    text
}

/// So many lines that were set aside are told one by one.
const MOST_SET_ASIDE: usize = 10;

/// Warnings of what a remote said of runs and was not believed.
pub fn set_aside(FetchDone { remote, fetched }: &FetchDone) -> Vec<String> {
    set_aside_of(remote, fetched)
}

/// The same of a clone.
pub fn set_aside_of(remote: &RemoteInfo, fetched: &Fetched) -> Vec<String> {
    let place = place(remote);
    let one = |it: &SetAside| {
        let (run, commit) = (it.run.as_str(), short_id(it.commit.digest()));
        let why = match it.reason {
            Distrust::BegunHere => "the run was begun here and has no end here",
            Distrust::Differs => "something else is known of the run here",
            Distrust::Contradicts => "the remote says something else of it as well",
            Distrust::NotOfRun => "that commit is no record of it",
        };
        format!("{place} says that run {run} came to {commit}, which was set aside: {why}")
    };
    let mut told: Vec<String> = fetched.set_aside.iter().take(MOST_SET_ASIDE).map(one).collect();
    if let Some(more @ 1..) = fetched.set_aside.len().checked_sub(MOST_SET_ASIDE) {
        told.push(format!("{place} says more of {} that was set aside", counted(more as u64, "run")));
    }
    told
}

fn distrust(reason: Distrust) -> &'static str {
    match reason {
        Distrust::BegunHere => "begun here",
        Distrust::Differs => "differs",
        Distrust::Contradicts => "contradicts",
        Distrust::NotOfRun => "not of the run",
    }
}

/// What a fetch did, as JSON.
pub fn fetched_json(done: &FetchDone) -> Value {
    fields(&done.remote, &done.fetched)
}

fn fields(remote: &RemoteInfo, fetched: &Fetched) -> Value {
    let one = |it: &FetchedRef| {
        json!({
            "family": it.name.family.word(),
            "name": it.name.name.as_str(),
            "from": id_json(it.from),
            "to": id_json(it.to),
            "backwards": it.backwards,
        })
    };
    let aside = |it: &SetAside| {
        json!({
            "run": it.run.as_str(),
            "commit": it.commit.to_string(),
            "reason": distrust(it.reason),
        })
    };
    json!({
        "remote": remote.name.as_str(),
        "url": remote.url,
        "refs": fetched.refs.iter().map(one).collect::<Vec<_>>(),
        "gone": fetched.gone.iter().map(|gone| gone.name.as_str()).collect::<Vec<_>>(),
        "runs": fetched.runs,
        "set_aside": fetched.set_aside.iter().map(aside).collect::<Vec<_>>(),
        "objects": fetched.objects,
        "bytes": fetched.bytes,
    })
}

/// Data that was brought.
pub fn brought(bytes: u64) -> String {
    match bytes {
        0 => "all of it is here already\n".to_owned(),
        bytes => format!("received {}\n", size(bytes)),
    }
}

/// What a clone did.
pub fn cloned(done: &Cloned) -> String {
    let root = done.repository.root().display().to_string();
    let mut text = format!("cloned {} into {}\n", escape(&done.remote.url), escape(&root));
    text += &format!("received {}, {}\n", counted(done.fetched.objects, "object"), size(done.fetched.bytes));
    match &done.branch {
        Some(branch) => {
            let files = done.files.written.len() as u64;
            text += &format!("on branch {GOOD}{}{GOOD:#}", escape(branch.as_str()));
            if files > 0 {
                text += &format!(", with {} ({})", counted(files, "file"), size(done.files.bytes));
            }
            text + "\n"
        }
        None => text + "there is no branch yet\n",
    }
}

/// What a clone did, as JSON.
pub fn cloned_json(done: &Cloned) -> Value {
    let mut value = fields(&done.remote, &done.fetched);
    value["root"] = done.repository.root().display().to_string().into();
    value["branch"] = done.branch.as_ref().map(|branch| branch.as_str()).into();
    value["files"] = done.files.written.len().into();
    value
}

/// Remotes and where they are.
pub fn remotes(list: &[RemoteInfo]) -> String {
    let row = |it: &RemoteInfo| (escape(it.name.as_str()).into_owned(), escape(&it.url).into_owned());
    lines(&list.iter().map(row).collect::<Vec<_>>())
}

/// Remotes as JSON.
pub fn remotes_json(list: &[RemoteInfo]) -> Value {
    let one = |it: &RemoteInfo| json!({ "name": it.name.as_str(), "url": it.url });
    json!({ "remotes": list.iter().map(one).collect::<Vec<_>>() })
}

/// A remote that was added or moved.
pub fn added_remote(done: &RemoteAdded) -> String {
    let tried = match done.read_only {
        Some(false) => "; who pushes there at once is kept apart",
        Some(true) => "; it can only be read",
        None => "; it was not tried",
    };
    let RemoteInfo { name, url } = &done.remote;
    format!("remote {GOOD}{}{GOOD:#} is {}{tried}\n", escape(name.as_str()), escape(url))
}

/// A remote that was added or moved, as JSON.
pub fn added_remote_json(done: &RemoteAdded) -> Value {
    json!({
        "name": done.remote.name.as_str(),
        "url": done.remote.url,
        "read_only": done.read_only,
    })
}

/// The refs of a remote.
pub fn listed(survey: &Survey) -> String {
    let exists = survey.iter().filter(|(_, (_, entry))| entry.target.exists());
    let row = |(name, (_, entry)): (&Ref, &(u64, crate::refs::Entry))| {
        let name = format!("{} {}", name.family.word(), escape(name.name.as_str()));
        (name, id_of(entry.target))
    };
    lines(&exists.map(row).collect::<Vec<_>>())
}

/// The refs of a remote, as JSON.
pub fn listed_json(survey: &Survey) -> Value {
    let exists = survey.iter().filter(|(_, (_, entry))| entry.target.exists());
    let one = |(name, (number, entry)): (&Ref, &(u64, crate::refs::Entry))| {
        json!({
            "family": name.family.word(),
            "name": name.name.as_str(),
            "number": number,
            "id": id_json(Some(entry.target)),
        })
    };
    json!({ "refs": exists.map(one).collect::<Vec<_>>() })
}
