//! `mdl run -m` and `mdl merge`: the branch moves to a run.

use std::process::Stdio;

use crate::training::{newest, project, states, steady, told};

#[test]
fn a_branch_moves_to_a_run_that_ends_well() {
    let sandbox = project();
    insta::assert_snapshot!(told(&sandbox, &["run", "-m", "it converges", "--", "./train.sh"]), @r"
    trained 0.1 2
    ---
    run <run__1> started, definition <id>
    run <run__1> finished in <time>: accuracy 0.2, loss 0.6; mdl show <run__1>
    main is at this run now
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["log", "--oneline"]), @r"
    <id> (HEAD → main) it converges
    <id> baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["run", "-m", "it does not", "--", "false"]), @r"
    ---
    run <run__2> started, definition <id>
    run <run__2> failed (exit 1) after <time>; mdl show <run__2>
    the branch stays where it was, since the run did not end well
    [exit 1]
    ");
    insta::assert_snapshot!(told(&sandbox, &["log", "--oneline"]), @r"
    <id> (HEAD → main) it converges
    <id> baseline
    [exit 0]
    ");
}

#[test]
fn a_branch_that_somebody_else_moved_stays() {
    let sandbox = project();
    let (mdl, mut command) =
        (env!("CARGO_BIN_EXE_mdl"), sandbox.command(&["run", "-m", "late", "--", "sh", "-c"]));
    command.arg(format!("{mdl} commit -q --allow-empty -m meanwhile"));
    let ran = sandbox.ran(&command.output().unwrap());
    insta::assert_snapshot!(steady(&sandbox, &ran), @r"
    ---
    run <run__1> started, definition <id>
    warning: output model is not there: model.txt does not exist
    warning: output model is not there: model.txt does not exist
    warning: metrics.json is from before and is not recorded: this run did not write it
    run <run__1> finished in <time>; mdl show <run__1>
    warning: the run is recorded, and the branch was not moved: main was moved by somebody else meanwhile
    hint: to see what moved it: `mdl log`; to move it: `mdl merge <run__1>`
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["log", "--oneline"]), @r"
    <id> (HEAD → main) meanwhile
    <id> baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["merge", &newest(&sandbox)]), @r"
    ---
    error: <id> does not come after <id>, which is checked out
    hint: take over parts of it and commit them: `mdl restore --from <id> params`
    [exit 4]
    ");
    // And neither does HEAD itself, where it was put on a branch meanwhile.
    sandbox.ok(&["checkout", "-q", "HEAD~1"]);
    let mut command = sandbox.command(&["run", "-q", "-m", "late", "--", "sh", "-c"]);
    command.arg(format!("{mdl} switch -q main"));
    assert_eq!(sandbox.ran(&command.output().unwrap()).code, 0);
    assert!(sandbox.ok(&["status"]).starts_with("On branch main"));
}

#[test]
fn a_run_is_merged_later() {
    let sandbox = project();
    sandbox.ok(&["run", "-q", "--name", "good", "--", "./train.sh"]);
    sandbox.write("metrics.json", "{\"accuracy\": 0.2}\n");
    insta::assert_snapshot!(told(&sandbox, &["merge", "--dry-run", "good"]), @r"
    main would be at <id>, from <id>
    every file is as it should be
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["merge", "good"]), @r"
    main is now at <id>, from <id>
    every file is as it should be
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["merge", "good"]), @r"
    main has it already; nothing was changed
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["merge", "nobody"]), @r#"
    ---
    error: no revision is called "nobody"
    hint: `mdl log` shows commits, `mdl runs` runs, `mdl branch` and `mdl tag` names
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
}

#[test]
fn a_run_that_goes_on_is_not_merged() {
    let sandbox = project();
    let mut command =
        sandbox.command(&["run", "-q", "--name", "long", "--", "sh", "-c", "echo up; read line"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut up = [0; 3];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut up).unwrap();
    insta::assert_snapshot!(told(&sandbox, &["merge", "long"]), @r#"
    ---
    error: run "long" has not ended yet
    hint: `mdl runs --watch` shows when it has
    [exit 4]
    "#);
    assert_eq!(states(&sandbox), ["running"]);
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!(states(&sandbox), ["failed"]);
}
