//! Text that steers terminals, in every place where text can be.

use mdl::object::{self, Commit, Metrics, Params};
use mdl::progress::Silent;
use mdl::value::Value;

use crate::forge::{Forge, dataset, file};

pub const EVIL: &str = "a\x1b[31mb\x1b]52;c;ZXZpbA==\x07c\rd\u{202e}e\u{9b}2Jf\u{2066}g\0h\u{2028}i\u{7f}";

pub fn check(text: &str, command: &[&str]) {
    let bad = text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(*c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}')
    });
    assert_eq!(bad, None, "{command:?} printed {bad:?} in {text:?}");
}

#[test]
fn nothing_recorded_steers_a_terminal_or_forges_a_line() {
    let forge = Forge::new();
    let forged = format!("{EVIL}\n\ncommit 0000000000000000\nAuthor: Somebody Else");
    let commit = forge.commit(None, |w, definition, outcome| {
        let values: std::collections::BTreeMap<_, _> =
            [(forged.clone(), Value::Text(forged.clone())), ("lr".into(), Value::Text(forged.clone()))]
                .into();
        let params = definition.params.as_mut().unwrap();
        params.params = object::put(w, &Params { values: values.clone() }).unwrap();
        definition.seeds = values.clone();
        definition.command = Some(vec![forged.clone(), forged.clone()]);
        let Some(Metrics { values: metrics, .. }) = &mut outcome.metrics else { panic!("no metrics") };
        *metrics = values.clone();
        outcome.observations = values;
        dataset(w, definition, "evil", "evil", file(w, b"1"));
    });
    let writer = forge.repository.store().writer(&Silent);
    let evil: Commit = object::get(forge.repository.store(), commit).unwrap();
    let git = object::GitState {
        commit: Some(forged.clone()),
        branch: Some(forged.clone()),
        remote: Some(forged.clone()),
        dirty: true,
    };
    let author = format!("{forged} <evil>");
    let evil = Commit { message: forged.clone(), author, git: Some(git), ..evil };
    let id = object::put(&writer, &evil).unwrap().to_string();
    writer.finish().unwrap();
    let part = format!("{id}:params");
    let commands: [&[&str]; 12] = [
        &["log", &id],
        &["log", "--oneline", "--graph", &id],
        &["show", &id],
        &["show", &part],
        &["diff", "main", &id],
        &["diff", &id, "main"],
        &["tag", "-m", EVIL, "evil", &id],
        &["tag"],
        &["show", "evil"],
        &["branch", "evil", &id],
        &["checkout", &id],
        &["checkout", EVIL.trim_end_matches('\0')],
    ];
    for command in commands {
        if command.iter().any(|argument| argument.contains('\0')) {
            continue;
        }
        let ran = forge.sandbox.mdl(command);
        check(&ran.stdout, command);
        check(&ran.stderr, command);
        let lines = || ran.stdout.lines().chain(ran.stderr.lines());
        assert!(!lines().any(|line| line.starts_with("commit 0000") || line.starts_with("Author: Somebody")));
    }
    assert_eq!(forge.sandbox.ok(&["log", "--oneline", &id]).lines().count(), 1);
    for command in [&["log", &id][..], &["show", &id], &["diff", "main", &id], &["tag"], &["branch"]] {
        let output = forge.sandbox.command(&[command, &["--json"]].concat()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        check(&text, command);
    }
}

#[test]
fn names_of_files_and_arguments_steer_no_terminal() {
    let forge = Forge::new();
    forge.sandbox.write("data\u{1b}[2J/evil\r.csv", "a\n1\n");
    forge.sandbox.write("evil\u{1b}[2J.py", "x");
    let commands: [&[&str]; 8] = [
        &["status"],
        &["add", "data\u{1b}[2J"],
        &["add", "data\u{1b}[2J/evil\r.csv"],
        &["commit", "-m", "x\u{1b}[2J"],
        &["show", "evil\u{1b}[2J"],
        &["switch", "evil\u{1b}[2J"],
        &["evil\u{1b}[2J"],
        &["diff", "evil\u{1b}]52;c;eA==\u{7}", "--", "x\u{1b}"],
    ];
    for command in commands {
        let ran = forge.sandbox.mdl(command);
        check(&ran.stdout, command);
        check(&ran.stderr, command);
    }
}
