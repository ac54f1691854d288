//! `mdl runs` and `mdl show` of a run.

use std::io::Read;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::Sandbox;
use crate::training::{ids, newest, project, runs, shown, states, told};

/// A run that has printed a line and reported a metric, and waits.
pub fn waiting(sandbox: &Sandbox, name: &str) -> Child {
    let script =
        r#"echo '{"name": "loss", "step": 1, "value": 0.5}' >> $MDL_METRICS; echo up; exec sleep 60"#;
    let mut command = sandbox.command(&["run", "-q", "--name", name, "--", "sh", "-c", script]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut up = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
    // The log is on the disk a moment later.
    let log = sandbox.root().join(".mdl/runs").join(ids(sandbox).pop().unwrap()).join("log");
    while std::fs::read_dir(&log).unwrap().count() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn a_table_of_all_there_are() {
    let sandbox = project();
    insta::assert_snapshot!(told(&sandbox, &["runs"]), @r"
    no runs
    [exit 0]
    ");
    sandbox.ok(&["run", "-q", "--name", "one", "--", "./train.sh"]);
    sandbox.mdl(&["run", "-q", "--", "false"]);
    sandbox.ok(&["run", "-q", "--name", "a long name for a run", "--phase", "build", "--", "true"]);
    insta::assert_snapshot!(told(&sandbox, &["runs"]), @r"
    run  name  state  started  took  accuracy  loss
    <run__3>  a long name for a run  finished  just now  <time>
    <run__2>  failed (1)  just now  <time>
    <run__1>  one  finished  just now  <time>  0.2  0.6

    3 runs: 2 finished, 1 failed
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["runs", "-n", "1"]), @r"
    run  name  state  started  took
    <run__3>  a long name for a run  finished  just now  <time>

    1 run: 1 finished; 2 more: mdl runs --all
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["runs", "--sweep"]), @r"
    no sweeps
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["runs", "--sweep", "nothing"]), @r#"
    ---
    error: no run belongs to a sweep that is called "nothing"
    hint: `mdl runs --sweep` lists the sweeps
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&sandbox, &["runs", "-n", "few"]), @r"
    ---
    error: invalid value 'few' for '--limit <NUMBER>': it is a number
    hint: --help tells more
    [exit 2]
    ");
    assert_eq!(runs(&sandbox, &["-n", "2"]).len(), 2);
    assert_eq!(runs(&sandbox, &["--all"]).len(), 3);
    assert_eq!(runs(&sandbox, &["--watch"]).len(), 3, "it does not wait where nothing runs");
}

#[test]
fn a_run_that_goes_on_shows_what_it_has_said_so_far() {
    let sandbox = project();
    let mut child = waiting(&sandbox, "long");
    insta::assert_snapshot!(told(&sandbox, &["runs"]), @r"
    run  name  state  started  took  loss
    <run__1>  long  running  just now  <time>  0.5

    1 run: 1 running
    [exit 0]
    ");
    let run = shown(&sandbox, "long");
    assert_eq!((&run["state"], &run["metrics"][0]["value"]), (&"running".into(), &0.5.into()));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    insta::assert_snapshot!(told(&sandbox, &["runs"]), @r"
    run  name  state  started  took  loss
    <run__1>  long  interrupted  just now  <time>  0.5

    1 run: 1 interrupted
    [exit 0]
    ");
    let text = sandbox.ok(&["show", "long"]);
    assert!(text.contains("interrupted") && text.contains("SIGTERM") && text.contains("loss"), "{text}");
}

#[test]
fn a_run_whose_recorder_was_killed_is_unfinished() {
    let sandbox = project();
    let mut child = waiting(&sandbox, "lost");
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    insta::assert_snapshot!(told(&sandbox, &["runs"]), @r"
    run  name  state  started  loss
    <run__1>  lost  unfinished  just now  0.5

    1 run: 1 unfinished
    [exit 0]
    ");
    let run = shown(&sandbox, "lost");
    assert_eq!((&run["state"], &run["metrics"][0]["value"]), (&"unfinished".into(), &0.5.into()));
    assert_eq!(run["log_tail"][0], "up", "{run}");
    sandbox.ok(&["fsck", "--data"]);
    sandbox.ok(&["run", "-q", "--", "true"]);
    assert_eq!(states(&sandbox), ["finished", "unfinished"]);
}

#[test]
fn a_run_of_a_machine_that_is_gone_is_unfinished() {
    let sandbox = project();
    let mut child = waiting(&sandbox, "elsewhere");
    let recorder = format!(".mdl/runs/{}/recorder.json", ids(&sandbox)[0]);
    let here = sandbox.read(&recorder);
    let json: serde_json::Value = serde_json::from_str(&here).unwrap();
    let elsewhere = here.replace(json["boot"].as_str().unwrap(), "00000000-0000-0000-0000-000000000000");
    // Another machine is believed for a while after it showed itself.
    sandbox.write(&recorder, &elsewhere);
    assert_eq!(states(&sandbox), ["running"]);
    let file = std::fs::File::options().write(true).open(sandbox.root().join(&recorder)).unwrap();
    let ago = |seconds| std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
    file.set_modified(ago(600)).unwrap();
    assert_eq!(states(&sandbox), ["unfinished"]);
    // The number of our process by now is another's.
    sandbox.write(&recorder, &here.replace(&json["process_start"].to_string(), "1"));
    assert_eq!(states(&sandbox), ["unfinished"]);
    for nonsense in ["", "{", "[]", "{\"pid\": -1}", "null"] {
        sandbox.write(&recorder, nonsense);
        file.set_modified(ago(600)).unwrap();
        assert_eq!(states(&sandbox), ["unfinished"], "{nonsense}");
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    child.wait().unwrap();
    assert_eq!(states(&sandbox), ["interrupted"], "it records its end all the same");
}

#[test]
fn a_run_at_a_glance() {
    let sandbox = project();
    sandbox.ok(&["run", "-q", "--name", "good", "--", "./train.sh"]);
    let shown = |name: &str| {
        let text = told(&sandbox, &["show", name]);
        // What this machine is and does is not for a snapshot.
        text.split("\nusage").next().unwrap_or_default().to_owned()
    };
    insta::assert_snapshot!(shown("good"), @r"
    run <run__1>  good
    finished in <time>, just now

      commit  <id>  run: ./train.sh
      started  <time> on <host>
      phase  train
      command  ./train.sh
      seeds  seed 7

    params
      model.depth  2  seed  7  train.lr  0.1

    metrics
      accuracy  0.2
      loss  █▄▁  0.6  best

    outputs
      model  model.txt  14 B
    ");
    sandbox.mdl(&["run", "-q", "--name", "bad", "--", "sh", "-c", "seq 100; echo it broke >&2; exit 3"]);
    insta::assert_snapshot!(shown("bad"), @r"
    run <run__2>  bad
    failed (exit 3) after <time>, just now

      commit  <id>  run: sh -c seq 100; echo it broke >&2; exit 3
      started  <time> on <host>
      phase  train
      command  sh -c 'seq 100; echo it broke >&2; exit 3'
      seeds  seed 7

    params
      model.depth  2  seed  7  train.lr  0.1
    ");
    assert!(sandbox.ok(&["show", "bad"]).contains("it broke"));
    assert!(!sandbox.ok(&["show", "good"]).contains("trained"));
    sandbox.mdl(&["run", "-q", "--name", "killed", "--", "sh", "-c", "kill -KILL $$"]);
    assert!(shown("killed").contains("SIGKILL"));
}

#[test]
fn runs_are_kept_and_change_no_history() {
    let sandbox = project();
    let before = sandbox.ok(&["log"]);
    sandbox.ok(&["run", "-q", "--", "./train.sh"]);
    sandbox.mdl(&["run", "-q", "--", "false"]);
    assert_eq!(sandbox.ok(&["log"]), before);
    sandbox.ok(&["fsck", "--data"]);
    // What only a run refers to is missed.
    let content = shown(&sandbox, &newest(&sandbox));
    assert_eq!(content["state"], "failed");
    let packs = sandbox.root().join(".mdl/packs/meta");
    let newest = std::fs::read_dir(packs)
        .unwrap()
        .map(|it| it.unwrap())
        .max_by_key(|it| it.metadata().unwrap().modified().unwrap());
    std::fs::remove_file(newest.unwrap().path()).unwrap();
    assert_eq!(sandbox.mdl(&["fsck"]).code, 5);
    sandbox.ok(&["log"]);
}

#[test]
fn two_runs_of_one_name_and_an_id_that_fits_both() {
    let sandbox = project();
    for _ in 0..2 {
        sandbox.ok(&["run", "-q", "--name", "same", "--", "true"]);
    }
    let all = ids(&sandbox);
    assert_eq!(shown(&sandbox, "same")["id"].as_str(), Some(&*all[1]), "the newest is meant");
    insta::assert_snapshot!(told(&sandbox, &["show", &all[0][..5]]).replace(&all[0][..5], "<digits>"), @r#"
    ---
    error: "<digits>" is the beginning of 2 ids
    hint: write more of its digits
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&sandbox, &["show", &all[0][23..]]).replace(&all[0][23..], "<digits>"), @r#"
    ---
    error: no revision is called "<digits>"
    hint: `mdl log` shows commits, `mdl runs` runs, `mdl branch` and `mdl tag` names
    [exit 3]
    "#);
}
