//! `mdl run`, as a person and a script meet it.

use crate::sandbox::Sandbox;
use crate::training::{ids, newest, project, runs, short, shown, states, told};

#[test]
fn a_run_on_its_good_day() {
    let sandbox = project();
    insta::assert_snapshot!(told(&sandbox, &["run", "--name", "first", "--", "./train.sh"]), @r"
    trained 0.1 2
    ---
    run <run__1> started, definition <id>
    run <run__1> finished in <time>: accuracy 0.2, loss 0.6; mdl show <run__1>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    Changes since HEAD: metrics (1), outputs (1)

    metrics
      accuracy  0.5 → 0.2  −0.3  −60.0 %  worse

    outputs/model  added: 14 B
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["runs"]), @r"
    run  name  state  started  took  accuracy  loss
    <run__1>  first  finished  just now  <time>  0.2  0.6

    1 run: 1 finished
    [exit 0]
    ");
    assert!(sandbox.ok(&["show", "first"]).contains("finished"));
    insta::assert_snapshot!(told(&sandbox, &["log", "--oneline"]), @r"
    <id> (HEAD → main) baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["commit", "-m", "results"]), @r"
    [main <id>] results
    the definition is identical; the outcome differs: metrics (1), outputs (1)
    <n> new objects, <size> stored
    [exit 0]
    ");
}

#[test]
fn it_ends_as_the_command_does() {
    let sandbox = project();
    let code = |command: &[&str]| sandbox.mdl(&[&["run", "-q", "--"], command].concat()).code;
    assert_eq!(code(&["true"]), 0);
    assert_eq!(code(&["sh", "-c", "exit 7"]), 7);
    assert_eq!(code(&["sh", "-c", "exit 255"]), 255);
    assert_eq!(code(&["sh", "-c", "kill -TERM $$"]), 143);
    assert_eq!(code(&["sh", "-c", "kill -KILL $$"]), 137);
    assert_eq!(code(&["sh", "-c", "kill -SEGV $$"]), 139);
    assert_eq!(sandbox.mdl(&["run", "-q", "--timeout", "0.2s", "--", "sleep", "30"]).code, 124);
    let ended = ["timed out", "failed", "interrupted", "interrupted", "failed", "failed", "finished"];
    assert_eq!(states(&sandbox), ended);
    insta::assert_snapshot!(told(&sandbox, &["run", "--", "sh", "-c", "echo no; echo why >&2; exit 7"]), @r"
    no
    ---
    run <run__8> started, definition <id>
    why
    warning: output model is not there: model.txt does not exist
    run <run__8> failed (exit 7) after <time>; mdl show <run__8>
    [exit 7]
    ");
}

#[test]
fn what_cannot_be_run_leaves_no_run() {
    let sandbox = project();
    insta::assert_snapshot!(told(&sandbox, &["run"]), @r"
    ---
    error: no command is given, and the manifest has none
    hint: write it after `--`: `mdl run -- python3 train.py`; or name it in mdl.toml: command, in [run]
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "--"]), @r"
    ---
    error: no command is given, and the manifest has none
    hint: write it after `--`: `mdl run -- python3 train.py`; or name it in mdl.toml: command, in [run]
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "--", "no-such-program"]), @r#"
    ---
    error: "no-such-program": command not found
    hint: check how it is written, and PATH; nothing was run
    [exit 127]
    "#);
    insta::assert_snapshot!(told(&sandbox, &["run", "--", "./params.yaml"]), @r#"
    ---
    error: "./params.yaml": not executable
    hint: make it executable with `chmod +x`, or name the program that runs it: `python3 train.py`
    [exit 126]
    "#);
    insta::assert_snapshot!(told(&sandbox, &["run", "--", "./data"]), @r#"
    ---
    error: "./data": not executable
    hint: make it executable with `chmod +x`, or name the program that runs it: `python3 train.py`
    [exit 126]
    "#);
    insta::assert_snapshot!(told(&sandbox, &["run", "--frobnicate", "true"]), @r"
    ---
    error: unexpected argument '--frobnicate' found
    hint: to pass '--frobnicate' as a value, use '-- --frobnicate'
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "--name", "", "true"]), @r"
    ---
    error: a value is required for '--name <NAME>' but none was supplied
    hint: --help tells more
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "-m", " ", "true"]), @r"
    ---
    error: the message is empty
    hint: leave -m out, or say why the branch moves
    [exit 2]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "--timeout", "soon", "true"]), @r"
    ---
    error: invalid value 'soon' for '--timeout <TIME>': a time is written as 90, 90s, 30m, 12h or 2d
    hint: --help tells more
    [exit 2]
    ");
    assert_eq!(ids(&sandbox).len(), 0);
}

#[test]
fn options_after_the_command_are_the_commands() {
    let sandbox = project();
    assert_eq!(sandbox.ok(&["run", "-q", "echo", "--json", "-q", "--name", "x"]), "--json -q --name x\n");
    assert_eq!(sandbox.ok(&["run", "-q", "--", "echo", "--", "-C"]), "-- -C\n");
    assert_eq!(runs(&sandbox, &[])[0]["name"], serde_json::Value::Null);
}

#[test]
fn quiet_leaves_the_output_of_the_command_alone() {
    let sandbox = project();
    let ran =
        sandbox.mdl(&["run", "-q", "--", "sh", "-c", "echo out; echo err >&2; echo '{' > metrics.json"]);
    assert_eq!((&*ran.stdout, ran.code), ("out\n", 0));
    assert!(ran.stderr.starts_with("err\n") && !ran.stderr.contains("run "), "{}", ran.stderr);
}

#[test]
fn json_is_all_there_is_on_standard_output() {
    let sandbox = project();
    let output =
        sandbox.command(&["run", "--json", "--", "sh", "-c", "echo out; ./train.sh"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("out\ntrained 0.1 2\n"));
    assert_eq!(json["run"]["state"], "finished", "{json}");
    assert_eq!(json["run"]["id"].as_str(), ids(&sandbox).last().map(String::as_str), "{json}");
}

#[test]
fn it_runs_where_one_is() {
    let sandbox = project();
    let at = sandbox.ok(&["-C", "data", "run", "-q", "--", "sh", "-c", "pwd; ls"]);
    assert_eq!(at, "<project>/data\ntrain.csv\n");
    let mut inside = sandbox.command(&["run", "-q", "--", "../train.sh"]);
    inside.current_dir(sandbox.root().join("data"));
    assert!(inside.output().unwrap().status.success());
    assert!(sandbox.root().join("data/model.txt").exists());
    let definition = sandbox.ok(&["show", &format!("{}:definition", newest(&sandbox))]);
    assert!(definition.contains("data"), "{definition}");
}

#[test]
fn the_environment_is_as_it_was_but_for_three_variables() {
    let sandbox = project();
    let mut command = sandbox.command(&["run", "-q", "--", "env"]);
    command.env("PLAIN", "a b\nc").env("MDL_OTHER", "1");
    let output = sandbox.ran(&command.output().unwrap()).stdout;
    let mut direct = std::process::Command::new("env");
    direct
        .env_clear()
        .current_dir(sandbox.root())
        .envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let direct = sandbox.ran(&direct.output().unwrap()).stdout;
    let id = ids(&sandbox).pop().unwrap();
    let is_ours =
        |line: &&str| ["MDL_RUN_ID", "MDL_RUN_DIR", "MDL_METRICS"].iter().any(|it| line.starts_with(it));
    let (mut ours, others): (Vec<&str>, Vec<&str>) = output.lines().partition(|line| is_ours(line));
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    let owned = |lines: Vec<&str>| sorted(lines.into_iter().map(str::to_owned).collect());
    assert_eq!(owned(others), owned(direct.lines().collect()));
    ours.sort_unstable();
    let place = format!("<project>/.mdl/runs/{id}");
    assert_eq!(
        ours,
        [
            format!("MDL_METRICS={place}/metrics.jsonl"),
            format!("MDL_RUN_DIR={place}/files"),
            format!("MDL_RUN_ID={id}"),
        ]
    );
}

#[test]
fn what_a_program_keeps_in_its_folder_stays() {
    let sandbox = project();
    sandbox.ok(&["run", "-q", "--", "sh", "-c", "echo checkpoint > $MDL_RUN_DIR/state"]);
    let id = ids(&sandbox).pop().unwrap();
    assert_eq!(sandbox.read(&format!(".mdl/runs/{id}/files/state")), "checkpoint\n");
    sandbox.ok(&["run", "-q", "--", "true"]);
    assert!(!sandbox.root().join(".mdl/runs").join(ids(&sandbox).pop().unwrap()).exists());
}

#[test]
fn results_of_an_earlier_training_are_not_recorded() {
    let sandbox = project();
    sandbox.write("model.txt", "weights of old\n");
    sandbox.write(".gitignore", "model.txt\n");
    insta::assert_snapshot!(told(&sandbox, &["run", "--", "true"]), @r"
    ---
    run <run__1> started, definition <id>
    warning: metrics.json is from before and is not recorded: this run did not write it
    warning: model.txt is from before and is not recorded: this run did not write it
    run <run__1> finished in <time>; mdl show <run__1>
    [exit 0]
    ");
    let run = shown(&sandbox, &newest(&sandbox));
    assert!(!run.to_string().contains("accuracy"), "{run}");
    // The same bytes, written again, are a result.
    sandbox.ok(&["run", "-q", "--", "sh", "-c", "cat metrics.json > m; cat m > metrics.json; rm m"]);
    assert!(shown(&sandbox, &newest(&sandbox)).to_string().contains("accuracy"));
}

#[test]
fn metrics_come_as_lines_while_it_runs() {
    let sandbox = project();
    sandbox.write(
        "report.sh",
        r#"
        say() { printf '%s\n' "$1" >> "$MDL_METRICS"; }
        say '{"name": "loss", "step": 1, "value": 0.5, "context": "val"}'
        say '{"phase": "train"}'
        say '{"name": "loss", "step": 2, "value": NaN, "context": "val"}'
        say 'this is no JSON'
        say '{"step": 3, "val": {"loss": Infinity}, "rate": 0.25}'
        say '[]'
        say '{"phase": "eval"}'
        printf '{"name": "loss", "st' >> "$MDL_METRICS"
    "#,
    );
    insta::assert_snapshot!(told(&sandbox, &["run", "--", "sh", "report.sh"]), @r"
    ---
    run <run__1> started, definition <id>
    warning: output model is not there: model.txt does not exist
    warning: metrics.json is from before and is not recorded: this run did not write it
    warning: a line of MDL_METRICS could not be seen: line 4: not JSON: expected ident, and another one
    run <run__1> finished in <time>: val.loss inf, rate 0.25; mdl show <run__1>
    [exit 0]
    ");
    let run = shown(&sandbox, &newest(&sandbox));
    insta::assert_snapshot!(run["metrics"].to_string(), @r#"
    [{"path":"val.loss","value":"inf","direction":"lower","best":{"value":0.5,"step":1},"curve":{"steps":[1,2,3],"times":null,"values":[0.5,"nan","inf"]}},{"path":"rate","value":0.25,"direction":null,"best":null,"curve":{"steps":[3],"times":null,"values":[0.25]}}]
    "#);
}

#[test]
fn a_secret_beside_bytes_that_are_no_text_is_not_kept() {
    let sandbox = project();
    let script = r"printf 'caf\351 ghp_%s%s end\n' 0123456789abcdefgh 0123456789abcdefgh; exit 1";
    let output = sandbox.command(&["run", "-q", "--", "sh", "-c", script]).output().unwrap();
    assert_eq!(output.stdout, b"caf\xe9 ghp_0123456789abcdefgh0123456789abcdefgh end\n");
    let log = shown(&sandbox, &newest(&sandbox))["log_tail"].to_string();
    assert!(log.contains("end") && log.contains("caf") && !log.contains("0123456789"), "{log}");
}

#[test]
fn an_interruption_while_inputs_are_recorded_starts_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("data/large.bin", "");
    let large = std::fs::OpenOptions::new().write(true).open(sandbox.root().join("data/large.bin")).unwrap();
    large.set_len(8 << 30).unwrap();
    sandbox.ok(&["init", "-q"]);
    let mut child = sandbox.command(&["run", "--", "sh", "-c", "echo > started"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(400));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(2), "{status}");
    assert!(!sandbox.root().join("started").exists());
    assert!(states(&sandbox).is_empty());
    sandbox.ok(&["fsck"]);
}

#[test]
fn runs_are_revisions() {
    let sandbox = project();
    sandbox.ok(&["run", "-q", "--name", "low", "--", "./train.sh"]);
    sandbox.write("params.yaml", "train:\n  lr: 0.2\nmodel:\n  depth: 3\nseed: 7\n");
    sandbox.ok(&["run", "-q", "--name", "high", "--", "./train.sh"]);
    let all = ids(&sandbox);
    assert_eq!(sandbox.ok(&["cat", &format!("{}:params", short(&all[1]))]), sandbox.read("params.yaml"));
    insta::assert_snapshot!(told(&sandbox, &["diff", "low", "high"]), @r"
    1 part differs: params (2); data, features, code and environment are identical

    params
      model.depth  2 → 3  ×1.5
      train.lr  0.1 → 0.2  ×2

    metrics
      accuracy  0.2 → 0.3  +0.1  +50.0 %  better

    outputs/model  other bytes, 14 B
    [exit 0]
    ");
    for word in
        [&all[0][..], short(&all[0]), &all[0][all[0].len() - 4..], "low", &short(&all[0]).to_uppercase()]
    {
        assert_eq!(shown(&sandbox, word)["id"].as_str(), Some(&*all[0]), "{word}");
    }
    insta::assert_snapshot!(told(&sandbox, &["show", &all[0][..4]]), @r#"
    ---
    error: "01m8" is the beginning of 2 ids
    hint: write more of its digits
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&sandbox, &["show", "lo"]), @r#"
    ---
    error: no revision is called "lo"
    hint: `mdl log` shows commits, `mdl runs` runs, `mdl branch` and `mdl tag` names
    [exit 3]
    "#);
}
