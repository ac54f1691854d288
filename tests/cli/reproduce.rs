//! `mdl reproduce`, over small projects of shell scripts.

use crate::sandbox::Sandbox;

/// A project whose script writes a metric, with its last commit a run of it.
fn recorded(script: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("train.sh", script);
    sandbox.write("mdl.toml", "[metrics]\nfiles = [\"metrics.json\"]\n");
    sandbox.ok(&["init", "-q"]);
    sandbox.ok(&["run", "-q", "-m", "first", "--", "sh", "train.sh"]);
    sandbox
}

#[test]
fn what_computes_the_same_is_identical_and_leaves_no_folder() {
    let sandbox = recorded("echo '{\"loss\": 0.25}' > metrics.json\n");
    let ran = sandbox.mdl(&["reproduce"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("identical"), "{}", ran.stdout);
    assert!(ran.stdout.contains("loss"), "{}", ran.stdout);
    let left: Vec<_> = std::fs::read_dir(sandbox.root().join(".mdl/runs")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_name_goes_on_meaning_the_original() {
    let sandbox = recorded("echo '{\"loss\": 0.25}' > metrics.json\n");
    sandbox.ok(&["run", "-q", "--name", "best", "--", "sh", "train.sh"]);
    let meant = |sandbox: &Sandbox| sandbox.ok(&["show", "best"]).lines().next().unwrap().to_owned();
    let before = meant(&sandbox);
    sandbox.ok(&["reproduce", "best"]);
    assert_eq!(meant(&sandbox), before);
}

#[test]
fn what_reads_something_outside_diverges_and_its_folder_stays() {
    let sandbox = recorded("");
    let outside = sandbox.root().parent().unwrap().join("outside");
    std::fs::write(&outside, "0.25").unwrap();
    let script = format!("echo \"{{\\\"loss\\\": $(cat '{}')}}\" > metrics.json\n", outside.display());
    sandbox.write("train.sh", &script);
    sandbox.ok(&["run", "-q", "-m", "second", "--", "sh", "train.sh"]);
    std::fs::write(&outside, "0.5").unwrap();
    let ran = sandbox.mdl(&["reproduce", "--to", "../again"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("diverged"), "{}", ran.stdout);
    assert!(ran.stdout.contains("loss"), "{}", ran.stdout);
    assert!(sandbox.root().parent().unwrap().join("again/metrics.json").is_file());
    let near = sandbox.mdl(&["reproduce", "--tolerance", "loss=1"]);
    assert_eq!(near.code, 0, "{}{}", near.stdout, near.stderr);
    assert!(near.stdout.contains("within"), "{}", near.stdout);
}

#[test]
fn what_ends_badly_has_failed() {
    let sandbox = recorded("");
    let flag = sandbox.root().parent().unwrap().join("flag");
    std::fs::write(&flag, "").unwrap();
    sandbox.write("train.sh", &format!("test -e '{}'\n", flag.display()));
    sandbox.ok(&["run", "-q", "-m", "second", "--", "sh", "train.sh"]);
    std::fs::remove_file(&flag).unwrap();
    let ran = sandbox.mdl(&["reproduce"]);
    assert_eq!(ran.code, 8, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("failed"), "{}", ran.stdout);
}

#[test]
fn a_check_runs_nothing() {
    let sandbox = recorded("echo '{\"loss\": 0.25}' > metrics.json\n");
    let before = sandbox.ok(&["runs", "--json"]);
    let ran = sandbox.mdl(&["reproduce", "--check"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("nothing was run"), "{}", ran.stdout);
    assert_eq!(sandbox.ok(&["runs", "--json"]), before);
}
