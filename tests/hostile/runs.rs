//! Runs of a stranger: what their commits say, and what lies where this machine keeps a run.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use mdl::object::{self, Commit, Metrics, Phase, Run};
use mdl::progress::Silent;
use mdl::refs::{self, Family, Move, Ref, Target};
use mdl::storage::Folder;
use mdl::value::Value;

use crate::forge::Forge;
use crate::terminal::{EVIL, check};

/// In seconds, longer than anything here takes.
const SOON: &str = "30";

fn id() -> mdl::name::RunId {
    mdl::name::RunId::from_parts(1_700_000_000_000, [7; 10])
}

/// Adds an unfinished run, or one that ended, to a repository.
fn forge_run(forge: &Forge, run: Run, ended: bool) {
    let text = run.name.clone().unwrap_or_default();
    let values: std::collections::BTreeMap<_, _> =
        [(text.clone(), Value::Text(text.clone())), (format!("{text}2"), Value::Float(0.5))].into();
    let base = forge.commit(None, |_, definition, outcome| {
        definition.command = Some(vec![text.clone(), text.clone()]);
        definition.seeds = values.clone();
        let better = Default::default();
        outcome.metrics = Some(Metrics { values: values.clone(), files: Vec::new(), better });
        outcome.exit = Some(1);
        outcome.observations = [
            ("interrupted".to_owned(), Value::Text(text.clone())),
            ("host".to_owned(), Value::Text(text.clone())),
        ]
        .into();
    });
    let store = forge.repository.store();
    let commit: Commit = object::get(store, base).unwrap();
    let writer = store.writer(&Silent);
    let outcome = commit.outcome.filter(|_| ended);
    let (id, message) = (run.id.clone(), text.clone());
    let commit = object::put(&writer, &Commit { run: Some(run), message, outcome, ..commit }).unwrap();
    writer.finish().unwrap();
    let storage = Folder::new(forge.sandbox.root().join(".mdl"), std::sync::Arc::new(mdl::disk::OsDisk));
    let name = Ref { family: Family::Runs, name: id.as_str().parse().unwrap() };
    let by = Move { who: "a".into(), when: forge.base.time.clone(), why: "run".into() };
    let target = if ended { Target::Finished(commit) } else { Target::Commit(commit) };
    refs::stand(&storage, &name, &by).unwrap();
    refs::advance(&storage, &name, None, target, &by, &mut |_| Ok(()), &|_, _| Ok(true)).unwrap();
}

fn plain(name: &str) -> Run {
    Run {
        id: id(),
        name: Some(name.to_owned()),
        phase: Phase::Train,
        sweep: None,
        set: Default::default(),
        reproduces: None,
    }
}

/// Where this machine keeps that run.
fn place(forge: &Forge) -> PathBuf {
    let place = forge.sandbox.root().join(".mdl/runs").join(id().as_str());
    std::fs::create_dir_all(place.join("log")).unwrap();
    place
}

fn fifo(path: PathBuf) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// What is said of the run, in time, and with nothing from outside.
fn told(forge: &Forge) -> String {
    let mut all = String::new();
    for arguments in [
        &["runs"][..],
        &["show", id().as_str()],
        &["show", "--json", id().as_str()],
        &["merge", "--dry-run", id().as_str()],
    ] {
        let inner = forge.sandbox.command(arguments);
        let mut command = Command::new("timeout");
        command.arg(SOON).arg(inner.get_program()).args(inner.get_args()).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ran = forge.sandbox.ran(&command.current_dir(forge.sandbox.root()).output().unwrap());
        assert_ne!(ran.code, 124, "{arguments:?} hangs");
        all += &ran.told();
    }
    assert!(!all.contains("untouched"), "{all}");
    assert_eq!(std::fs::read_to_string(forge.sandbox.root().join("../canary")).unwrap(), "untouched");
    all
}

#[test]
fn nothing_that_a_run_says_of_itself_steers_a_terminal() {
    for ended in [false, true] {
        for text in
            [EVIL.to_owned(), format!("{EVIL}\n\nrun 00000000\nfinished"), "x".repeat(10_000), " ".into()]
        {
            let forge = Forge::new();
            let values = |text: &str| [(text.to_owned(), Value::Text(text.to_owned()))].into();
            let run = Run { sweep: Some(text.clone()), set: values(&text), ..plain(&text) };
            forge_run(&forge, run, ended);
            let id = id();
            let commands: [&[&str]; 7] = [
                &["runs"],
                &["runs", "--all"],
                &["runs", "--sweep"],
                &["show", id.as_str()],
                &["show", id.short()],
                &["merge", "--dry-run", id.as_str()],
                &["runs", "--json"],
            ];
            for command in commands {
                let ran = forge.sandbox.mdl(command);
                assert!(ran.code < 8, "{command:?}: {}", ran.told());
                check(&ran.stdout, command);
                check(&ran.stderr, command);
                assert!(!ran.stdout.lines().any(|line| line.starts_with("run 00000000")), "{}", ran.stdout);
            }
        }
    }
}

#[test]
fn what_lies_in_the_place_of_a_run_is_not_waited_for_and_not_followed() {
    let forge = Forge::new();
    forge_run(&forge, plain("strange"), false);
    let (at, outside) = (place(&forge), forge.sandbox.root().join("../canary"));
    for name in ["recorder.json", "metrics.jsonl", "log/00000000000000000000"] {
        fifo(at.join(name));
    }
    assert!(told(&forge).contains("unfinished"));
    for name in ["recorder.json", "metrics.jsonl", "log/00000000000000000000"] {
        std::fs::remove_file(at.join(name)).unwrap();
        symlink(&outside, at.join(name)).unwrap();
    }
    assert!(told(&forge).contains("unfinished"));
    for name in ["recorder.json", "metrics.jsonl", "log/00000000000000000000"] {
        std::fs::remove_file(at.join(name)).unwrap();
        std::fs::create_dir(at.join(name)).unwrap();
    }
    assert!(told(&forge).contains("unfinished"));
}

#[test]
fn files_of_any_size_and_name_are_borne() {
    let forge = Forge::new();
    forge_run(&forge, plain("large"), false);
    let at = place(&forge);
    let large = |name: &str, size: u64| std::fs::File::create(at.join(name)).unwrap().set_len(size).unwrap();
    large("recorder.json", 1 << 30);
    large("metrics.jsonl", 1 << 24);
    large("log/00000000000000000000", 1 << 40);
    large("log/18446744073709551615", 1 << 20);
    std::fs::write(at.join("log/00000000000000000001 "), "x").unwrap();
    std::fs::write(at.join("log/\u{1b}[2J"), "x").unwrap();
    std::fs::write(at.join("log/99999999999999999999"), "x").unwrap();
    let said = told(&forge);
    assert!(said.contains("unfinished"));
    check(&said, &["show"]);
}

#[test]
fn a_place_that_is_a_link_is_nobodys() {
    let forge = Forge::new();
    forge_run(&forge, plain("linked"), false);
    let (at, outside) = (place(&forge), forge.sandbox.root().join("../outside"));
    std::fs::remove_dir_all(&at).unwrap();
    std::fs::create_dir_all(outside.join("log")).unwrap();
    std::fs::write(outside.join("metrics.jsonl"), "{\"name\": \"untouched\", \"value\": 1}\n").unwrap();
    std::fs::write(outside.join("log/00000000000000000000"), "untouched\n").unwrap();
    symlink(&outside, &at).unwrap();
    told(&forge);
    // And neither are runs begun there.
    let runs = forge.sandbox.root().join(".mdl/runs");
    std::fs::remove_file(&at).unwrap();
    std::fs::remove_dir_all(&runs).unwrap();
    symlink(&outside, &runs).unwrap();
    let ran = forge.sandbox.mdl(&["run", "--", "true"]);
    assert_eq!(ran.code, 6, "{}", ran.told());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 2);
}

#[test]
fn what_a_program_does_to_its_own_place_harms_nobody() {
    let forge = Forge::new();
    let outside = forge.sandbox.root().join("../outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), "untouched").unwrap();
    let script = r#"
        place=$(dirname "$MDL_METRICS")
        rm -rf "$place/log"; ln -s "$1" "$place/log"
        rm -f "$MDL_METRICS"; ln -s "$1/../canary" "$MDL_METRICS"
        rm -rf "$MDL_RUN_DIR"; ln -s "$1" "$MDL_RUN_DIR"
    "#;
    let ran = forge.sandbox.mdl(&["run", "--", "sh", "-c", script, "sh", outside.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.told());
    assert_eq!(std::fs::read_to_string(outside.join("file")).unwrap(), "untouched");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    let ran = forge.sandbox.mdl(&[
        "run",
        "--",
        "sh",
        "-c",
        "mkfifo \"$MDL_METRICS\"; rm metrics.json; mkfifo metrics.json",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.told());
    let ran = forge.sandbox.mdl(&["run", "--", "sh", "-c", "rm -rf .mdl/runs/*"]);
    assert_eq!(ran.code, 0, "{}", ran.told());
    forge.sandbox.ok(&["fsck"]);
}
