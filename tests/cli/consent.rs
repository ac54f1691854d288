//! `mdl reproduce` of what another person made: nothing is executed before it was agreed to, and nothing of a record
//! chooses what is executed.

use crate::sandbox::Sandbox;

/// Variables that a stranger would set for us, each naming something that could be executed or read.
const HOSTILE: &[&str] = &[
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "BASH_ENV",
    "ENV",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "GIT_SSH_COMMAND",
    "NODE_OPTIONS",
    "EDITOR",
    "NCCL_NET_PLUGIN",
    "CUDA_INJECTION64_PATH",
    "OMP_TOOL_LIBRARIES",
    "HTTPS_PROXY",
    "XDG_CONFIG_HOME",
];

/// A project of somebody who recorded all of their variables, and its clone by somebody else.
fn stranger() -> (Sandbox, Sandbox) {
    let theirs = Sandbox::new().with(HOSTILE.iter().map(|name| (*name, "x-evil")));
    let theirs = theirs.with([("OMP_NUM_THREADS", "3"), ("FOLD", "2"), ("PLACE", "/etc")]);
    theirs.write("train.sh", "env > seen; echo '{\"loss\": 0.25}' > metrics.json\n");
    let manifest = "[metrics]\nfiles = [\"metrics.json\"]\n[run]\nvariables = [\"*\"]\n[outputs.seen]\npath = \"seen\"\n";
    theirs.write("mdl.toml", manifest);
    theirs.ok(&["init", "-q"]);
    theirs.ok(&["run", "-q", "-m", "first", "--", "sh", "train.sh"]);
    let home = theirs.around().join("other");
    std::fs::create_dir_all(&home).unwrap();
    let home = home.to_str().unwrap().to_owned();
    let quiet = HOSTILE.iter().map(|name| ((*name).to_owned(), String::new()));
    let ours = theirs.beside("ours").with(quiet.chain([
        ("HOME".to_owned(), home.clone()),
        ("XDG_CONFIG_HOME".to_owned(), format!("{home}/config")),
        // A name proves nothing: it is the one that the stranger wrote.
        ("MDL_AUTHOR_NAME".to_owned(), "Ada".to_owned()),
        ("FOLD".to_owned(), "7".to_owned()),
        ("PLACE".to_owned(), "here".to_owned()),
    ]));
    std::fs::create_dir_all(ours.root()).unwrap();
    ours.ok(&["-C", "..", "clone", "-q", "project", "ours"]);
    (theirs, ours)
}

#[test]
fn what_a_stranger_made_needs_consent_once() {
    let (_, ours) = stranger();
    let runs = || std::fs::read_dir(ours.root().join(".mdl/refs/runs")).map_or(0, Iterator::count);
    let before = runs();
    for arguments in [&["reproduce"][..], &["reproduce", "--json"], &["reproduce", "--env", "recreate"]] {
        let ran = ours.mdl(arguments);
        assert_eq!(ran.code, 8, "{}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stderr.contains("was not approved") || ran.stdout.contains("was not approved"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("--yes") || ran.stdout.contains("--yes"), "{}", ran.stderr);
    }
    let checked = ours.ok(&["reproduce", "--check"]);
    assert_eq!(runs(), before, "nothing was begun");
    assert!(checked.contains("sh train.sh") && checked.contains("Ada <ada@example.org>"), "{checked}");
    assert!(checked.contains("sets       OMP_NUM_THREADS=3"), "{checked}");
    assert!(checked.contains("leaves out LD_AUDIT, which chooses what is executed"), "{checked}");
    assert!(checked.contains("leaves out PLACE, which holds a path"), "{checked}");
    assert!(!checked.contains("environment   as recorded"), "{checked}");
    let json: serde_json::Value =
        serde_json::from_str(&ours.ok(&["reproduce", "--check", "--json"])).unwrap();
    assert_eq!(json["known"], false);
    assert_eq!(json["command"], serde_json::json!(["sh", "train.sh"]));
    assert_eq!(json["variables"]["set"]["FOLD"], "2");
    assert!(json["variables"]["kept_out"]["HOME"].is_string(), "{json}");

    let ran = ours.mdl(&["reproduce", "--yes", "--to", "../again"]);
    assert!(ran.stderr.contains("executes   sh train.sh"), "what is executed is shown: {}", ran.stderr);
    let seen = std::fs::read_to_string(ours.around().join("again/seen")).unwrap();
    assert!(!seen.contains("x-evil"), "{seen}");
    let home = format!("HOME={}\n", ours.around().join("other").display());
    assert!(seen.contains(&home) && seen.contains("FOLD=2\n") && seen.contains("PLACE=here\n"), "{seen}");
    assert!(seen.contains("OMP_NUM_THREADS=3\n"), "{seen}");
    // Agreed to once.
    assert_ne!(ours.mdl(&["reproduce"]).code, 8);
    assert_eq!(runs(), before + 2);
    // That holds for this repository, and not for another one with the same history.
    let moved = ours.beside("moved");
    std::fs::create_dir_all(moved.root()).unwrap();
    ours.ok(&["-C", "..", "clone", "-q", "ours", "moved"]);
    assert_eq!(moved.mdl(&["reproduce"]).code, 8);
}

#[test]
fn what_was_made_here_needs_none() {
    let (theirs, ours) = stranger();
    assert_ne!(theirs.mdl(&["reproduce"]).code, 8);
    // A commit on top of a stranger's has the stranger's command.
    ours.write("notes.txt", "mine\n");
    ours.ok(&["commit", "-q", "-m", "mine"]);
    let json: serde_json::Value =
        serde_json::from_str(&theirs.ok(&["reproduce", "--check", "--json"])).unwrap();
    assert_eq!(json["known"], true);
    ours.ok(&["run", "-q", "-m", "mine", "--", "sh", "train.sh"]);
    assert_ne!(ours.mdl(&["reproduce"]).code, 8);
}

/// A repository that was unpacked from an archive brings its own `.mdl` along, and whatever a stranger wrote in it.
#[test]
fn an_unpacked_repository_proves_nothing() {
    let (theirs, _) = stranger();
    let copy = theirs.beside("copy");
    let copied = std::process::Command::new("cp").args(["-a"]).arg(theirs.root()).arg(copy.root()).status();
    assert!(copied.unwrap().success());
    assert_ne!(theirs.mdl(&["reproduce"]).code, 8);
    assert_eq!(copy.mdl(&["reproduce"]).code, 8);
}
