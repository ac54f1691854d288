//! `mdl run -m` and `mdl merge`: the branch moves to a run.

use std::process::Stdio;

use crate::sandbox::Sandbox;
use crate::training::{files, newest, project, states, steady, told};

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
    main is now at <id>, which merges <id> into <id>
    files: 1 removed (0 B)
    [exit 0]
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

/// What two people made of one commit: `main`, which is checked out, and `other`.
fn two(ours: &[(&str, &str)], theirs: &[(&str, &str)]) -> Sandbox {
    let sandbox = project();
    sandbox.write("train.py", PROGRAM);
    sandbox.ok(&["commit", "-q", "-m", "a program"]);
    sandbox.ok(&["switch", "-q", "-c", "other"]);
    commit(&sandbox, theirs, "theirs");
    sandbox.ok(&["switch", "-q", "main"]);
    commit(&sandbox, ours, "ours");
    sandbox
}

/// Commits these files; one without a text is removed.
fn commit(sandbox: &Sandbox, files: &[(&str, &str)], message: &str) {
    for (path, text) in files {
        match text.is_empty() {
            true => std::fs::remove_file(sandbox.root().join(path)).unwrap(),
            false => sandbox.write(path, text),
        }
    }
    sandbox.ok(&["commit", "-q", "-m", message]);
}

const PROGRAM: &str = "import a\n\n\ndef load():\n    pass\n\n\ndef train():\n    pass\n\n\nload()\n";
const BASE: &str = "train:\n  lr: 0.1  # the rate\nmodel:\n  depth: 2\nseed: 7\n";

/// All keys of the repository, and HEAD.
fn keys(sandbox: &Sandbox) -> Vec<String> {
    let (mut keys, mut pending) = (Vec::new(), vec![sandbox.root().join(".mdl")]);
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => pending.push(entry),
                false => keys.push(entry.display().to_string()),
            }
        }
    }
    keys.retain(|key| !key.contains("/cache/"));
    keys.sort();
    keys
}

#[test]
fn two_people_who_amend_the_same_parameter_are_told_all_three_values() {
    let ours = BASE.replace("0.1", "0.2").replace("depth: 2", "depth: 3");
    let theirs = BASE.replace("0.1", "0.05").replace("seed: 7", "seed: 8");
    let sandbox = two(&[("params.yaml", &ours)], &[("params.yaml", &theirs)]);
    let (untouched, before) = (files(&sandbox), keys(&sandbox));
    insta::assert_snapshot!(told(&sandbox, &["merge", "other"]), @r"
    <id> and <id> both changed what <id> has, in different ways:
      place  base  ours  theirs
      params.train.lr  0.1  0.2  0.05
    nothing was changed
    ---
    hint: `mdl merge --ours other` or `mdl merge --theirs other` decides all of it
    hint: to decide each: merge with --ours, then `mdl restore --from other PART` and `mdl commit`
    [exit 4]
    ");
    assert_eq!(files(&sandbox), untouched, "no file is touched");
    assert_eq!(keys(&sandbox), before, "nothing is written");
    insta::assert_snapshot!(told(&sandbox, &["merge", "--json", "other"]), @r#"
    {"schema":"mdl.merge/1","branch":"main","from":"<id>","theirs":"<id>","base":"<id>","to":null,"kind":"conflicts","already":false,"conflicts":[{"place":"params.train.lr","base":{"value":0.1},"ours":{"value":0.2},"theirs":{"value":0.05}}],"environments_differ":false,"has_outcome":true,"files":{"dry_run":false,"commit":null,"branch":null,"detached":false,"created":[],"replaced":[],"removed":[],"references":[],"bytes":0}}
    [exit 4]
    "#);
    insta::assert_snapshot!(told(&sandbox, &["merge", "--theirs", "--dry-run", "other"]), @r"
    main would be at a merge of <id> into <id>
    where both changed the same, theirs was taken:
      place  base  ours  theirs
      params.train.lr  0.1  0.2  0.05
      would replace params.yaml
      would remove metrics.json
    files: 1 to replace, 1 to remove (56 B)
    what comes out of it is not known yet: nobody has run it
    [exit 0]
    ");
    assert_eq!((files(&sandbox), keys(&sandbox)), (untouched, before));
    insta::assert_snapshot!(told(&sandbox, &["merge", "--theirs", "other"]), @r"
    main is now at <id>, which merges <id> into <id>
    where both changed the same, theirs was taken:
      place  base  ours  theirs
      params.train.lr  0.1  0.2  0.05
    files: 1 replaced, 1 removed (56 B)
    what comes out of it is not known yet: nobody has run it
    [exit 0]
    ");
    assert_eq!(sandbox.read("params.yaml"), theirs.replace("depth: 2", "depth: 3"));
    insta::assert_snapshot!(told(&sandbox, &["log", "--oneline", "--graph"]), @r"
    *  <id> (HEAD → main) merge other
    |\
    * | <id> ours
    | * <id> (other) theirs
    |/
    * <id> a program
    * <id> baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    metrics is not there: metrics.json does not exist
    output model is not there: model.txt does not exist
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    assert_eq!(sandbox.mdl(&["merge", "other"]).stdout, "main has it already; nothing was changed\n");
}

#[test]
fn each_place_can_be_decided_for_itself() {
    let sandbox = two(
        &[("params.yaml", &BASE.replace("0.1", "0.2")), ("train.py", "ours\n")],
        &[("params.yaml", &BASE.replace("0.1", "0.05")), ("train.py", "theirs\n"), ("new.py", "new\n")],
    );
    insta::assert_snapshot!(told(&sandbox, &["merge", "other"]), @r"
    <id> and <id> both changed what <id> has, in different ways:
      place  base  ours  theirs
      params.train.lr  0.1  0.2  0.05
      code/train.py  <id> (65 B)  <id> (5 B)  <id> (7 B)
    nothing was changed
    ---
    hint: `mdl merge --ours other` or `mdl merge --theirs other` decides all of it
    hint: to decide each: merge with --ours, then `mdl restore --from other PART` and `mdl commit`
    [exit 4]
    ");
    sandbox.ok(&["restore", "-q", "--from", "other", "params", "new.py"]);
    insta::assert_snapshot!(told(&sandbox, &["merge", "--as-is", "-m", "both", "other"]), @r"
    main is now at <id>, which merges <id> into <id>: your files as they are
    ---
    warning: output model is not there: model.txt does not exist
    [exit 0]
    ");
    assert_eq!(sandbox.read("params.yaml"), BASE.replace("0.1", "0.05"));
    assert_eq!((sandbox.read("train.py"), sandbox.read("new.py")), ("ours\n".into(), "new\n".into()));
    insta::assert_snapshot!(told(&sandbox, &["log", "--oneline"]), @r"
    <id> (HEAD → main) both
    <id> ours
    <id> (other) theirs
    <id> a program
    <id> baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    output model is not there: model.txt does not exist
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
}

#[test]
fn what_only_one_changed_is_merged_and_comments_stay() {
    let ours = BASE.replace("lr: 0.1  # the rate", "lr: 0.2  # the rate, doubled") + "ours: 1  # new\n";
    let theirs = BASE.replace("depth: 2", "depth: 4  # deeper") + "theirs: 2\n";
    let sandbox = two(
        &[
            ("params.yaml", &ours),
            ("train.py", &PROGRAM.replace("import a", "import a, b")),
            ("a/one.py", "1\n"),
        ],
        &[
            ("params.yaml", &theirs),
            ("train.py", &PROGRAM.replace("\nload()\n", "\ntrain()\n")),
            ("a/two.py", "2\n"),
            ("data/more.csv", "x,y\n5,6\n"),
        ],
    );
    insta::assert_snapshot!(told(&sandbox, &["merge", "--dry-run", "other"]), @r"
    main would be at a merge of <id> into <id>
      would replace params.yaml
      would replace train.py
      would create data/more.csv
      would create a/two.py
      would remove metrics.json
    files: 2 to create, 2 to replace, 1 to remove (178 B)
    what comes out of it is not known yet: nobody has run it
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["merge", "other"]), @r"
    main is now at <id>, which merges <id> into <id>
    files: 2 created, 2 replaced, 1 removed (178 B)
    what comes out of it is not known yet: nobody has run it
    [exit 0]
    ");
    insta::assert_snapshot!(sandbox.read("params.yaml"), @r"
    train:
      lr: 0.2  # the rate, doubled
    model:
      depth: 4  # deeper
    seed: 7
    ours: 1  # new
    theirs: 2
    ");
    insta::assert_snapshot!(sandbox.read("train.py"), @r"
    import a, b


    def load():
        pass


    def train():
        pass


    train()
    ");
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    metrics is not there: metrics.json does not exist
    output model is not there: model.txt does not exist
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["show", "HEAD:params"]), @r"
    params <id>

    model.depth  4
    ours  1
    seed  7
    theirs  2
    train.lr  0.2
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["fsck"]), @r"
    all is well: 38 objects, 15 contents
    [exit 0]
    ");
}

#[test]
fn parts_that_both_add_to_the_manifest_are_both_there() {
    let sandbox = project();
    let add = |name: &str| {
        sandbox.write(&format!("{name}/x.csv"), "a,b\n1,2\n");
        sandbox.ok(&["add", "-q", "--as", "dataset", name]);
        sandbox.ok(&["commit", "-q", "-m", name]);
    };
    sandbox.ok(&["switch", "-q", "-c", "other"]);
    add("extra");
    sandbox.ok(&["switch", "-q", "main"]);
    add("valid");
    sandbox.ok(&["merge", "-q", "other"]);
    insta::assert_snapshot!(told(&sandbox, &["show", "HEAD:datasets"]), @r"
    datasets/data  <id>
    datasets/extra  <id>
    datasets/valid  <id>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    metrics is not there: metrics.json does not exist
    output model is not there: model.txt does not exist
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
}

#[test]
fn datasets_are_merged_by_path() {
    let sandbox = two(
        &[("data/a.csv", "x,y\n1,1\n"), ("data/train.csv", "x,y\n1,2\n")],
        &[("data/b.csv", "x,y\n2,2\n")],
    );
    insta::assert_snapshot!(told(&sandbox, &["merge", "other"]), @r"
    main is now at <id>, which merges <id> into <id>
    files: 1 created, 1 removed (8 B)
    what comes out of it is not known yet: nobody has run it
    [exit 0]
    ");
    assert_eq!(sandbox.read("data/b.csv"), "x,y\n2,2\n");
    // What the format tells is told of the merged data as well.
    assert!(sandbox.ok(&["show", "HEAD:datasets/data"]).contains("\nprofile  "));
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    metrics is not there: metrics.json does not exist
    output model is not there: model.txt does not exist
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    // Removed here, changed there; and added by both.
    let sandbox = two(
        &[("data/train.csv", ""), ("data/a.csv", "x,y\n1,1\n")],
        &[("data/train.csv", "x,y\n7,7\n"), ("data/a.csv", "x,y\n2,1\n")],
    );
    insta::assert_snapshot!(told(&sandbox, &["merge", "other"]), @r"
    <id> and <id> both changed what <id> has, in different ways:
      place  base  ours  theirs
      datasets/data/a.csv  none  <id> (8 B)  <id> (8 B)
      datasets/data/train.csv  <id> (12 B)  none  <id> (8 B)
    nothing was changed
    ---
    hint: `mdl merge --ours other` or `mdl merge --theirs other` decides all of it
    hint: to decide each: merge with --ours, then `mdl restore --from other PART` and `mdl commit`
    [exit 4]
    ");
}

#[test]
fn changes_of_ones_own_are_carried_or_stop_the_merge() {
    let sandbox = two(&[("notes.py", "1\n")], &[("train.py", "theirs\n")]);
    sandbox.write("train.py", "mine\n");
    let (before, untouched) = (keys(&sandbox), files(&sandbox));
    insta::assert_snapshot!(told(&sandbox, &["merge", "other"]), @r"
    ---
    error: a file has uncommitted changes
      because: train.py was changed and is not committed
    hint: commit them first with `mdl commit`, or overwrite them with --force; --dry-run shows what would change
    [exit 4]
    ");
    assert_eq!((keys(&sandbox), files(&sandbox)), (before, untouched));
    sandbox.write("train.py", PROGRAM);
    sandbox.write("params.yaml", "seed: 1\n");
    sandbox.ok(&["merge", "-q", "other"]);
    assert_eq!(
        (sandbox.read("train.py"), sandbox.read("params.yaml")),
        ("theirs\n".into(), "seed: 1\n".into())
    );
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    metrics is not there: metrics.json does not exist
    output model is not there: model.txt does not exist
    Changes since HEAD: params (3), seeds (1)

    params
      − model.depth  2
      seed  7 → 1  ×0.143
      − train.lr  0.1

    seeds
      seed  7 → 1  ×0.143
    [exit 0]
    ");
}

#[test]
fn of_several_common_commits_the_newest_is_the_base() {
    let sandbox = two(&[("a.py", "ours\n")], &[("b.py", "theirs\n")]);
    // Each is merged into the other before either knows.
    sandbox.ok(&["branch", "ours-before"]);
    sandbox.ok(&["merge", "-q", "other"]);
    sandbox.ok(&["switch", "-q", "other"]);
    sandbox.ok(&["merge", "-q", "ours-before"]);
    commit(&sandbox, &[("a.py", "on\n"), ("b.py", "on\n")], "on");
    sandbox.ok(&["switch", "-q", "main"]);
    // The newest is `ours`, which has `a.py` and not yet `b.py`: the one is merged, the other to be decided.
    insta::assert_snapshot!(told(&sandbox, &["merge", "other"]), @r"
    <id> and <id> both changed what <id> has, in different ways:
      place  base  ours  theirs
      code/b.py  none  <id> (7 B)  <id> (3 B)
    nothing was changed
    ---
    hint: `mdl merge --ours other` or `mdl merge --theirs other` decides all of it
    hint: to decide each: merge with --ours, then `mdl restore --from other PART` and `mdl commit`
    [exit 4]
    ");
    sandbox.ok(&["merge", "-q", "--theirs", "other"]);
    assert_eq!((sandbox.read("a.py"), sandbox.read("b.py")), ("on\n".into(), "on\n".into()));
}

#[test]
fn what_has_nothing_in_common_is_merged_only_if_that_is_meant() {
    let sandbox = project();
    sandbox.write(".mdl/HEAD", "ref: orphan\n");
    sandbox.write("b.py", "1\n");
    sandbox.ok(&["commit", "-q", "-m", "another beginning"]);
    insta::assert_snapshot!(told(&sandbox, &["merge", "main"]), @r"
    ---
    error: <id> and <id> have no commit in common
    hint: they are of different projects; if they are to be one: `--allow-unrelated-histories`
    [exit 4]
    ");
    insta::assert_snapshot!(told(&sandbox, &["merge", "--ff-only", "main"]), @r"
    ---
    error: <id> does not come after <id>, which is checked out
    hint: both have gone on; to merge them: `mdl merge <id>`
    [exit 4]
    ");
    insta::assert_snapshot!(told(&sandbox, &["merge", "--allow-unrelated-histories", "main"]), @r"
    orphan is now at <id>, which merges <id> into <id>
    every file is as it should be
    [exit 0]
    ");
}

#[test]
fn a_run_is_merged_also_when_the_branch_has_gone_on() {
    let sandbox = project();
    sandbox.ok(&["run", "-q", "--name", "deep", "--set", "model.depth=5", "--", "./train.sh"]);
    commit(&sandbox, &[("params.yaml", &BASE.replace("0.1", "0.3"))], "faster");
    insta::assert_snapshot!(told(&sandbox, &["merge", "deep"]), @r"
    main is now at <id>, which merges <id> into <id>
    files: 1 replaced, 1 removed (55 B)
    what comes out of it is not known yet: nobody has run it
    [exit 0]
    ");
    assert_eq!(sandbox.read("params.yaml"), BASE.replace("0.1", "0.3").replace("depth: 2", "depth: 5"));
    insta::assert_snapshot!(told(&sandbox, &["status"]), @r"
    On branch main
    metrics is not there: metrics.json does not exist
    output model is not there: model.txt does not exist
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
}

#[test]
fn files_of_every_syntax_are_merged_by_key() {
    let sandbox = Sandbox::new();
    let write = |toml: [&str; 2], json: [&str; 2]| {
        sandbox.write("a.toml", &format!("[opt]\nlr = {} # rate\nwd = {}\n", toml[0], toml[1]));
        sandbox.write("b.json", &format!("{{\"x\": {}, \"y\": [{}]}}\n", json[0], json[1]));
    };
    write(["0.1", "0.0"], ["1", "1, 2"]);
    sandbox.ok(&["init", "-q"]);
    sandbox.ok(&["add", "-q", "--as", "params", "a.toml", "b.json"]);
    sandbox.ok(&["commit", "-q", "-m", "base"]);
    sandbox.ok(&["switch", "-q", "-c", "other"]);
    write(["0.1", "1e-4"], ["1", "1, 2, 3"]);
    sandbox.ok(&["commit", "-q", "-m", "theirs"]);
    sandbox.ok(&["switch", "-q", "main"]);
    write(["0.2", "0.0"], ["5", "1, 2"]);
    sandbox.ok(&["commit", "-q", "-m", "ours"]);
    sandbox.ok(&["merge", "-q", "other"]);
    assert_eq!(sandbox.read("a.toml"), "[opt]\nlr = 0.2 # rate\nwd = 1e-4\n");
    assert_eq!(sandbox.read("b.json"), "{\"x\": 5, \"y\": [1, 2, 3]}\n");
    assert!(sandbox.ok(&["status"]).ends_with("the work tree is as HEAD says\n"));
}

#[test]
fn a_merge_that_was_interrupted_before_the_branch_moved_goes_on() {
    let sandbox = two(&[("a.py", "ours\n")], &[("b.py", "theirs\n"), ("train.py", "theirs\n")]);
    sandbox.ok(&["merge", "-q", "other"]);
    // The files are those of the merge, and the branch is where it was.
    sandbox.ok(&["undo", "-q"]);
    insta::assert_snapshot!(told(&sandbox, &["merge", "other"]), @r"
    main is now at <id>, which merges <id> into <id>
    every file is as it should be
    what comes out of it is not known yet: nobody has run it
    [exit 0]
    ");
    assert!(sandbox.ok(&["status"]).ends_with("the work tree is as HEAD says\n"));
}

#[test]
fn a_merge_that_is_what_one_side_ran_has_its_outcome() {
    // Both came to the same, and theirs alone has gone further than the base in what is no input.
    let sandbox =
        two(&[("params.yaml", &BASE.replace("0.1", "0.2"))], &[("params.yaml", &BASE.replace("0.1", "0.2"))]);
    sandbox.ok(&["merge", "-q", "other"]);
    assert_eq!(sandbox.read("metrics.json"), "{\"accuracy\": 0.5}\n");
    assert!(sandbox.ok(&["status"]).ends_with("the work tree is as HEAD says\n"));
}
