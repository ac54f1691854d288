//! Sweeps: many runs of one command, each in a folder of its own.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::Sandbox;
use crate::training::{files, ids, make_executable, newest, project, runs, shown, states, steady, told};

const SIX: [&str; 5] = ["run", "--set", "train.lr=0.1,0.2,0.3", "--set", "model.depth=2,3"];

fn six<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SIX, more].concat()
}

#[test]
fn six_runs_and_nothing_of_the_users_is_touched() {
    let sandbox = project();
    let before = files(&sandbox);
    let named = six(&["--sweep", "grid", "--", "./train.sh"]);
    insta::assert_snapshot!(told(&sandbox, &named), @r"
    trained 0.1 2
    trained 0.1 3
    trained 0.2 2
    trained 0.2 3
    trained 0.3 2
    trained 0.3 3
    ---
    sweep grid: 6 runs, each in a folder of its own
    [1/6] <run__1>  model.depth 2, train.lr 0.1  finished in <time>  accuracy 0.2
    [2/6] <run__2>  model.depth 3, train.lr 0.1  finished in <time>  accuracy 0.3
    [3/6] <run__3>  model.depth 2, train.lr 0.2  finished in <time>  accuracy 0.2
    [4/6] <run__4>  model.depth 3, train.lr 0.2  finished in <time>  accuracy 0.3
    [5/6] <run__5>  model.depth 2, train.lr 0.3  finished in <time>  accuracy 0.2
    [6/6] <run__6>  model.depth 3, train.lr 0.3  finished in <time>  accuracy 0.3
    hint: compare them: `mdl runs --sweep grid`
    [exit 0]
    ");
    assert_eq!(files(&sandbox), before);
    let mut grid: Vec<_> = runs(&sandbox, &["--sweep", "grid"])
        .iter()
        .map(|run| (run["set"].to_string(), run["metrics"]["accuracy"].to_string()))
        .collect();
    grid.sort();
    insta::assert_snapshot!(format!("{grid:#?}"), @r#"
    [
        (
            "{\"model.depth\":2,\"train.lr\":0.1}",
            "0.2",
        ),
        (
            "{\"model.depth\":2,\"train.lr\":0.2}",
            "0.2",
        ),
        (
            "{\"model.depth\":2,\"train.lr\":0.3}",
            "0.2",
        ),
        (
            "{\"model.depth\":3,\"train.lr\":0.1}",
            "0.3",
        ),
        (
            "{\"model.depth\":3,\"train.lr\":0.2}",
            "0.3",
        ),
        (
            "{\"model.depth\":3,\"train.lr\":0.3}",
            "0.3",
        ),
    ]
    "#);
    insta::assert_snapshot!(told(&sandbox, &["runs", "--sweep", "grid"]), @r"
    sweep grid  6 runs: 6 finished
      run  state  started  took  model.depth  train.lr  accuracy  loss
      <run__6>  finished  just now  <time>  3  0.3  * 0.3  0.6
      <run__4>  finished  just now  <time>  3  0.2  * 0.3  0.6
      <run__2>  finished  just now  <time>  3  0.1  * 0.3  0.6
      <run__5>  finished  just now  <time>  2  0.3  0.2  0.6
      <run__3>  finished  just now  <time>  2  0.2  0.2  0.6
      <run__1>  finished  just now  <time>  2  0.1  0.2  0.6

    1 sweep
    [exit 0]
    ");
    let left = std::fs::read_dir(sandbox.root().join(".mdl/runs")).unwrap().count();
    assert_eq!(left, 0, "folders of runs that ended");
    // The same again finds all of it done, unless it is to be done again.
    insta::assert_snapshot!(told(&sandbox, &named), @r"
    ---
    sweep grid: 6 runs, each in a folder of its own
    [1/6] <run__1>  model.depth 2, train.lr 0.1  finished before  accuracy 0.2
    [2/6] <run__2>  model.depth 3, train.lr 0.1  finished before  accuracy 0.3
    [3/6] <run__3>  model.depth 2, train.lr 0.2  finished before  accuracy 0.2
    [4/6] <run__4>  model.depth 3, train.lr 0.2  finished before  accuracy 0.3
    [5/6] <run__5>  model.depth 2, train.lr 0.3  finished before  accuracy 0.2
    [6/6] <run__6>  model.depth 3, train.lr 0.3  finished before  accuracy 0.3
    hint: compare them: `mdl runs --sweep grid`
    [exit 0]
    ");
    assert_eq!(ids(&sandbox).len(), 6);
    sandbox.ok(&six(&["-q", "--again", "-j", "2", "--sweep", "grid", "--", "./train.sh"]));
    assert_eq!(ids(&sandbox).len(), 12);
    assert_eq!(files(&sandbox), before);
    sandbox.ok(&["fsck", "--data"]);
}

#[test]
fn an_interrupted_sweep_goes_on_with_the_same_command() {
    let sandbox = project();
    let script = "./train.sh; sleep 0.3";
    let command = six(&["-j", "2", "--", "sh", "-c", script]);
    let mut started = sandbox.command(&command);
    let child = started.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while ids(&sandbox).len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran = sandbox.ran(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, 130, "{}", ran.told());
    assert!(ran.stderr.contains("the same command goes on with them"), "{}", ran.stderr);
    let first = states(&sandbox);
    assert!(first.contains(&"interrupted".to_owned()) && first.len() < 6, "{first:?}");
    let finished = first.iter().filter(|state| *state == "finished").count();
    sandbox.ok(&command);
    let all = states(&sandbox);
    assert_eq!(all.iter().filter(|state| *state == "finished").count(), 6, "{all:?}");
    assert_eq!(all.len(), first.len() + 6 - finished, "what had finished was not run again");
    let sweeps: std::collections::BTreeSet<_> =
        runs(&sandbox, &[]).iter().map(|run| run["sweep"].to_string()).collect();
    assert_eq!(sweeps.len(), 1, "one sweep: {sweeps:?}");
}

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let sandbox = project();
    let script = "grep -q 'depth: 3' params.yaml && exit 9; ./train.sh";
    let ran =
        sandbox.mdl(&["run", "--sweep", "deep", "--set", "model.depth=2,3,4", "--", "sh", "-c", script]);
    insta::assert_snapshot!(steady(&sandbox, &ran), @r"
    trained 0.1 2
    trained 0.1 4
    ---
    sweep deep: 3 runs, each in a folder of its own
    [1/3] <run__1>  model.depth 2  finished in <time>  accuracy 0.2
    warning: metrics is not there: metrics.json does not exist
    warning: output model is not there: model.txt does not exist
    [2/3] <run__2>  model.depth 3  failed (exit 9) after <time>
    [3/3] <run__3>  model.depth 4  finished in <time>  accuracy 0.4
    hint: compare them: `mdl runs --sweep deep`
    [exit 1]
    ");
    assert_eq!(states(&sandbox), ["finished", "failed", "finished"]);
}

#[test]
fn mistyped() {
    let sandbox = project();
    insta::assert_snapshot!(told(&sandbox, &["run", "--set", "trian.lr=1", "--", "true"]), @r"
    ---
    error: the files of parameters: there is no trian.lr; did you mean train.lr?
    hint: `mdl show HEAD:params` and the files themselves show what there is; nothing was run
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "--set", "train.lr", "--", "true"]), @r#"
    ---
    error: invalid value 'train.lr' for '--set <KEY=VALUE[,VALUE...]>': "train.lr" is not KEY=VALUE
    hint: --help tells more
    [exit 2]
    "#);
    insta::assert_snapshot!(told(&sandbox, &["run", "--set", "train=1", "--", "true"]), @r"
    ---
    error: params.yaml: train has the type map and cannot become of type integer
    hint: `mdl show HEAD:params` and the files themselves show what there is; nothing was run
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "--set", "train.lr=1,1", "--", "true"]), @r"
    ---
    error: invalid value 'train.lr=1,1' for '--set <KEY=VALUE[,VALUE...]>': train.lr has the value 1 twice
    hint: --help tells more
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "--set", "seed=1", "--set", "seed=2", "--", "true"]), @r"
    ---
    error: seed is set beside seed
    hint: a key is set once, with all its values: `--set train.lr=0.1,0.01`
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "--set", "seed=1,2", "-m", "x", "--", "true"]), @r"
    ---
    error: the branch can move to one run only, and this is a sweep
    hint: leave -m out, and move the branch to the best run afterwards with `mdl merge RUN`
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "--set", "seed=1", "-j", "0", "--", "true"]), @r"
    ---
    error: invalid value '0' for '--jobs <NUMBER>': it is a number from 1 to 1024
    hint: --help tells more
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "-j", "2", "--", "true"]), @r"
    ---
    error: the following required arguments were not provided: --set <KEY=VALUE[,VALUE...]>
    hint: write mdl run --set <KEY=VALUE[,VALUE...]> --jobs <NUMBER> <COMMAND>...; --help tells more
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "--set", "seed=1", "--", "no-such-program"]), @r#"
    ---
    error: "no-such-program": command not found
    hint: check how it is written, and PATH; nothing was run
    [exit 127]
    "#);
    assert!(ids(&sandbox).is_empty());
}

#[test]
fn a_value_may_be_of_another_kind() {
    let sandbox = project();
    sandbox.ok(&["run", "-q", "--set", "train.lr=\"adaptive\"", "--", "sh", "-c", "cat params.yaml"]);
    let file = sandbox.ok(&["cat", &format!("{}:params", newest(&sandbox))]);
    assert_eq!(file, "train:\n  lr: adaptive  # the rate\nmodel:\n  depth: 2\nseed: 7\n");
    assert_eq!(shown(&sandbox, &newest(&sandbox))["params"]["train"]["lr"], "adaptive");
}

#[test]
fn what_a_run_does_to_its_data_stays_there() {
    let sandbox = project();
    sandbox.write("data/fixed.csv", "x\n1\n");
    let fixed = sandbox.root().join("data/fixed.csv");
    let mut mode = std::fs::metadata(&fixed).unwrap().permissions();
    mode.set_readonly(true);
    std::fs::set_permissions(&fixed, mode).unwrap();
    sandbox.ok(&["commit", "-q", "-m", "more data"]);
    let before = files(&sandbox);
    let script = "for f in data/* train.sh mdl.toml; do chmod u+w $f; echo spoilt >> $f; done; rm data/train.csv; mkdir -p x/y; touch x/y/z; chmod 000 x";
    sandbox.ok(&["run", "-q", "--set", "seed=8", "--", "sh", "-c", script]);
    assert_eq!(files(&sandbox), before);
    sandbox.ok(&["fsck", "--data"]);
    assert!(sandbox.ok(&["status"]).contains("nothing to commit"));
}

#[test]
fn parameters_in_every_syntax_keep_their_looks() {
    let sandbox = Sandbox::new();
    sandbox.write("a.yaml", "# the model\nmodel: {depth: 2, width: [1, 2]}  # small\n");
    sandbox.write("b.json", "{\n  \"train\" : { \"lr\": 1e-3 }\n}\n");
    sandbox.write("c.toml", "# data\n[data]\nrows = 10 # few\n");
    sandbox.write("mdl.toml", "[params]\nfiles = [\"a.yaml\", \"b.json\", \"c.toml\"]\n");
    sandbox.ok(&["init", "-q"]);
    let all = ["run", "-q", "--set", "model.depth=3", "--set", "train.lr=0.5", "--set", "data.rows=20", "--"];
    let printed = sandbox.ok(&[&all[..], &["cat", "a.yaml", "b.json", "c.toml"]].concat());
    insta::assert_snapshot!(printed, @r#"
    # the model
    model: {depth: 3, width: [1, 2]}  # small
    {
      "train" : { "lr": 0.5 }
    }
    # data
    [data]
    rows = 20 # few
    "#);
}

#[test]
fn a_program_beside_the_code_runs_in_the_folder_of_the_run() {
    let sandbox = project();
    sandbox.write("tools/where.sh", "#!/bin/sh\ncd \"$(dirname \"$0\")\" && pwd && echo spoilt > note\n");
    make_executable(&sandbox.root().join("tools/where.sh"));
    // One that is not recorded, such as of a virtual environment, is found where it is.
    sandbox.write("venv/python.sh", "#!/bin/sh\necho \"$0\"; pwd\n");
    make_executable(&sandbox.root().join("venv/python.sh"));
    sandbox.write(".gitignore", "venv\n");
    let before = files(&sandbox);
    let place = |id: &str| format!("<project>/.mdl/runs/{id}/work");
    let told = sandbox.ok(&["run", "-q", "--set", "seed=1", "--", "./tools/where.sh"]);
    assert_eq!(told, format!("{}/tools\n", place(&ids(&sandbox)[0])));
    let told = sandbox.ok(&["run", "-q", "--set", "seed=1", "--", "venv/python.sh"]);
    assert_eq!(told, format!("<project>/venv/python.sh\n{}\n", place(&ids(&sandbox)[1])));
    let told = sandbox.ok(&["-C", "tools", "run", "-q", "--set", "seed=1", "--", "./where.sh"]);
    assert_eq!(told, format!("{}/tools\n", place(&ids(&sandbox)[2])));
    assert_eq!(files(&sandbox), before);
}

#[test]
fn one_run_with_other_parameters_may_be_merged() {
    let sandbox = project();
    sandbox.ok(&["run", "-q", "--name", "wide", "--set", "model.depth=3", "--", "./train.sh"]);
    insta::assert_snapshot!(told(&sandbox, &["merge", "wide"]), @r"
    main is now at <id>, from <id>
    files: 1 created, 2 replaced (87 B)
    [exit 0]
    ");
    assert!(sandbox.read("params.yaml").contains("depth: 3"));
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    // One that was run before, from a commit that is not the branch's last, does not take the branch back.
    sandbox.ok(&["commit", "-q", "--allow-empty", "-m", "later"]);
    let ran = sandbox.mdl(&["run", "--set", "model.depth=3", "-m", "again", "--", "./train.sh"]);
    assert!(sandbox.ok(&["log", "--oneline"]).contains("later"), "{}", ran.told());
}
