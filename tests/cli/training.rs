//! A project with a training that takes no time, and what is said of its runs, the same wherever and whenever.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use crate::sandbox::{Ran, Sandbox};

/// Reports a curve, writes a metric that depends on the parameters, and an output.
const TRAIN: &str = r#"#!/bin/sh
lr=$(sed -n 's/^ *lr: *\([0-9.]*\).*/\1/p' params.yaml)
depth=$(sed -n 's/^ *depth: *\([0-9]*\).*/\1/p' params.yaml)
for step in 1 2 3; do
    echo "{\"name\": \"loss\", \"step\": $step, \"value\": 0.$((9 - step))}" >> "$MDL_METRICS"
done
echo "{\"accuracy\": 0.$depth}" > metrics.json
echo "weights $lr $depth" > model.txt
echo "trained $lr $depth"
"#;

/// A repository with one commit, `baseline`.
pub fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("params.yaml", "train:\n  lr: 0.1  # the rate\nmodel:\n  depth: 2\nseed: 7\n");
    sandbox.write("metrics.json", "{\"accuracy\": 0.5}\n");
    sandbox.write("data/train.csv", "x,y\n1,2\n3,4\n");
    sandbox.write("train.sh", TRAIN);
    make_executable(&sandbox.root().join("train.sh"));
    sandbox.ok(&["init", "-q"]);
    let manifest = sandbox.read("mdl.toml");
    sandbox.write(
        "mdl.toml",
        &format!("{manifest}\n[outputs.model]\npath = \"model.txt\"\n\n[run]\nseeds = [\"seed\"]\n"),
    );
    sandbox.ok(&["commit", "-q", "-m", "baseline"]);
    sandbox
}

pub fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The ids of all runs, oldest first.
pub fn ids(sandbox: &Sandbox) -> Vec<String> {
    let runs = std::fs::read_dir(sandbox.root().join(".mdl/refs/runs")).into_iter().flatten();
    let mut ids: Vec<String> = runs.map(|run| run.unwrap().file_name().into_string().unwrap()).collect();
    ids.sort();
    ids
}

/// The short id of the newest run.
pub fn newest(sandbox: &Sandbox) -> String {
    short(ids(sandbox).last().unwrap()).to_owned()
}

/// What is shown of an id: its end.
pub fn short(id: &str) -> &str {
    &id[id.len() - 8..]
}

/// What became of all runs, newest first.
pub fn states(sandbox: &Sandbox) -> Vec<String> {
    runs(sandbox, &["--all"]).iter().map(|run| run["state"].as_str().unwrap().to_owned()).collect()
}

/// `mdl runs --json`.
pub fn runs(sandbox: &Sandbox, arguments: &[&str]) -> Vec<Value> {
    json(sandbox, &[&["runs"], arguments].concat())["runs"].as_array().unwrap().clone()
}

/// `mdl show --json` of a run.
pub fn shown(sandbox: &Sandbox, run: &str) -> Value {
    json(sandbox, &["show", run])["run"].clone()
}

/// What a command says as JSON, ids and times included.
fn json(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let output = sandbox.command(&[arguments, &["--json"]].concat()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the binary says, with the runs by their numbers and without times.
pub fn told(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let ran = sandbox.mdl(arguments);
    steady(sandbox, &ran)
}

/// The same of what a process said.
pub fn steady(sandbox: &Sandbox, ran: &Ran) -> String {
    let mut text = ran.told();
    for (number, id) in ids(sandbox).iter().enumerate() {
        // As wide as what it stands for, for the columns of tables.
        text = text.replace(id, &format!("<full {}>", number + 1));
        text = text.replace(short(id), &format!("<run{:03}>", number + 1).replace('0', "_"));
    }
    timeless(&text)
}

/// Text without durations, and with columns two spaces apart, however wide they are.
fn timeless(text: &str) -> String {
    let line = |line: &str| {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let columns = rest.split("  ").map(|column| column_without_times(column.trim()));
        let columns: Vec<String> = columns.filter(|column| !column.is_empty()).collect();
        format!("{indent}{}", columns.join("  "))
    };
    let text = text.replace(&host(), " on <host>");
    text.lines().map(line).collect::<Vec<_>>().join("\n").replace("<time> ago", "just now")
}

/// `3 ms` or `0.4 s;` as `<time>` and what follows the unit.
fn column_without_times(column: &str) -> String {
    let is_number = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let unit_end = |word: &str| {
        ["ms", "s", "min"].into_iter().find_map(|unit| {
            let end = word.strip_prefix(unit)?;
            end.chars().all(|c| c.is_ascii_punctuation()).then(|| end.to_owned())
        })
    };
    let mut out: Vec<String> = Vec::new();
    for word in column.split(' ') {
        match (out.last().is_some_and(|last| is_number(last)), unit_end(word)) {
            (true, Some(end)) => *out.last_mut().unwrap() = format!("<time>{end}"),
            _ => out.push(word.to_owned()),
        }
    }
    out.join(" ")
}

/// What this machine is called.
fn host() -> String {
    format!(" on {}", rustix::system::uname().nodename().to_string_lossy())
}

/// Every file of the user: its bytes and when it was changed.
pub fn files(sandbox: &Sandbox) -> BTreeMap<String, (Vec<u8>, SystemTime, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let (root, mut found, mut pending) = (sandbox.root(), BTreeMap::new(), vec![sandbox.root()]);
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let (metadata, name) = (path.symlink_metadata().unwrap(), path.strip_prefix(&root).unwrap());
            if name == Path::new(".mdl") {
                continue;
            }
            let bytes = if metadata.is_dir() { Vec::new() } else { std::fs::read(&path).unwrap() };
            let what = (bytes, metadata.modified().unwrap(), metadata.permissions().mode());
            found.insert(name.to_str().unwrap().to_owned(), what);
            pending.extend(metadata.is_dir().then_some(path));
        }
    }
    found
}
