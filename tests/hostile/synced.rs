//! What the operating system sees of durability: each file is synced before it gets its name, each folder after.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::Sandbox;
use crate::skip::skipped;

/// Runs a command under `strace`; its lines, or `None` where there is none.
fn traced(sandbox: &Sandbox, options: &[&str], arguments: &[&str]) -> Option<(i32, String, String)> {
    let command = sandbox.command(arguments);
    let log = sandbox.around().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "4096", "-o"]).arg(&log).args(options);
    strace.arg(command.get_program()).args(arguments).env_clear().current_dir(sandbox.root());
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = strace.stdin(std::process::Stdio::null()).output().ok()?;
    let text = std::fs::read_to_string(log).ok().filter(|text| !text.is_empty())?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    Some((output.status.code().unwrap_or(-1), told, text))
}

/// The real path of one that may lead through a descriptor, as that is open then.
fn real(path: &str, open: &BTreeMap<String, String>, root: &Path) -> PathBuf {
    match path.strip_prefix("/proc/self/fd/").and_then(|rest| rest.split_once('/')) {
        Some((number, name)) => Path::new(&open[number]).join(name),
        None => root.join(path),
    }
}

/// The texts in quotes of a line.
fn quoted(line: &str) -> Vec<&str> {
    line.split('"').skip(1).step_by(2).collect()
}

/// Says what got a name in the repository without being synced before, or in a folder that was not synced after.
fn unsynced(trace: &str, root: &Path) -> (usize, Vec<String>) {
    let (mut open, mut synced) = (BTreeMap::new(), BTreeSet::new());
    let (mut named, mut problems) = (Vec::new(), Vec::new());
    for (at, line) in trace.lines().enumerate() {
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let path_of =
            |text: &str| text.split_once('<').and_then(|(_, rest)| Some(rest.split_once('>')?.0.to_owned()));
        if call.starts_with("open") || call.contains("resumed>") && call.contains(") = ") {
            if let Some((_, result)) = call.rsplit_once(" = ")
                && let (Some((number, _)), Some(path)) = (result.split_once('<'), path_of(result))
            {
                open.insert(number.to_owned(), path);
            }
        } else if call.starts_with("fsync(") || call.starts_with("fdatasync(") {
            synced.extend(path_of(call).map(|path| (path, at)));
        } else if call.starts_with("link") || call.starts_with("rename") {
            let paths: Vec<PathBuf> = quoted(call).into_iter().map(|path| real(path, &open, root)).collect();
            let [from, to] = paths.try_into().unwrap_or_else(|paths| panic!("{call}: {paths:?}"));
            named.push((at, from, to));
        }
    }
    let is_synced = |path: &Path, after: usize, before: usize| {
        synced.iter().any(|(other, at)| Path::new(other) == path && (after..before).contains(at))
    };
    let mdl = root.join(".mdl");
    let kept: Vec<_> = named
        .into_iter()
        .filter(|(_, _, to)| to.starts_with(&mdl) && !to.starts_with(mdl.join("cache")))
        .filter(|(_, _, to)| !to.starts_with(mdl.join("runs")) && !to.ends_with("CHECKOUT"))
        .collect();
    for (at, from, to) in &kept {
        if !is_synced(from, 0, *at) {
            problems.push(format!("{} was not synced before it was named", to.display()));
        }
        if !is_synced(to.parent().unwrap(), *at, usize::MAX) {
            problems.push(format!("the folder of {} was not synced after", to.display()));
        }
    }
    (kept.len(), problems)
}

const CALLS: &str = "trace=openat,openat2,fsync,fdatasync,link,linkat,rename,renameat,renameat2";

#[test]
fn what_is_named_was_synced_and_its_folder_is_synced_then() {
    let sandbox = Sandbox::project();
    for command in
        [&["commit", "-q", "-m", "one"][..], &["branch", "b"], &["checkout", "-q", "b"], &["tag", "t"]]
    {
        let Some((code, told, trace)) = traced(&sandbox, &["-e", CALLS], command) else {
            return skipped("there is no strace");
        };
        assert_eq!(code, 0, "{command:?}: {told}");
        let (named, problems) = unsynced(&trace, &sandbox.root());
        assert!(named >= 1 && (named >= 2 || command[0] != "commit"), "{command:?}: {named}\n{trace}");
        assert_eq!(problems, Vec::<String>::new(), "{command:?}\n{trace}");
    }
    // The check itself notices what is missing.
    let Some((_, _, trace)) = traced(&sandbox, &["-e", CALLS], &["branch", "c"]) else { return };
    let without: Vec<&str> = trace.lines().filter(|line| !line.contains("fsync(")).collect();
    let (named, problems) = unsynced(&without.join("\n"), &sandbox.root());
    assert_eq!(problems.len(), 2 * named);
}

#[test]
fn a_file_system_without_sync_is_told_and_nothing_counts_as_kept() {
    let commands: [&[&str]; 8] = [
        &["commit", "-q", "-m", "two"],
        &["branch", "b"],
        &["tag", "t"],
        &["checkout", "-q", "HEAD~1"],
        &["config", "user.name", "Eve"],
        &["run", "-q", "--", "true"],
        &["push", "-q", "hub"],
        &["remote", "add", "other", "../other"],
    ];
    for errno in ["EINVAL", "EOPNOTSUPP", "ENOSYS"] {
        for command in commands {
            let sandbox = Sandbox::history();
            sandbox.write("params.yaml", "lr: 5\n");
            if command[0] == "checkout" {
                sandbox.ok(&["commit", "-q", "-m", "three"]);
            }
            sandbox.ok(&["remote", "add", "hub", "../hub"]);
            let inject = format!("inject=fsync,fdatasync,syncfs:error={errno}");
            let options = ["-e", "trace=fsync,fdatasync,syncfs", "-e", &inject];
            let Some((code, told, _)) = traced(&sandbox, &options, command) else {
                return skipped("there is no strace");
            };
            assert_eq!(code, 6, "{errno} {command:?}: {told}");
            assert!(told.contains("durable") && told.contains("file system"), "{errno} {command:?}: {told}");
        }
    }
}
