//! Each command on its good day, one after the other in one small project.

use crate::sandbox::Sandbox;

#[test]
fn beginning() {
    let sandbox = Sandbox::new();
    sandbox.write("params.yaml", "lr: 0.001\n");
    sandbox.write("corpus.csv", "x\n1\n");
    insta::assert_snapshot!(sandbox.mdl(&["init"]).told(), @r"
    made a repository in <project>/.mdl
    wrote mdl.toml, with what was recognised:
      dataset corpus: corpus.csv
      params: params.yaml
    ---
    hint: look at mdl.toml, then record the first state: `mdl commit -m MESSAGE`
    [exit 0]
    ");
    insta::assert_snapshot!(sandbox.mdl(&["init"]).told(), @r"
    <project>/.mdl is a repository already; nothing was changed
    [exit 0]
    ");
    insta::assert_snapshot!(sandbox.mdl(&["add", "corpus.csv", "--as", "dataset", "--licence", "CC0-1.0"]).told(), @r"
    added dataset corpus  corpus.csv
    [exit 0]
    ");
    insta::assert_snapshot!(sandbox.mdl(&["rm", "corpus"]).told(), @r"
    removed dataset corpus  corpus.csv; its files stay
    [exit 0]
    ");
}

#[test]
fn paths_are_seen_from_where_one_is() {
    let sandbox = Sandbox::project();
    sandbox.write("extra/more.csv", "x\n1\n");
    sandbox.ok(&["-C", "extra", "add", "more.csv"]);
    assert!(sandbox.read("mdl.toml").contains("extra/more.csv"));
    sandbox.ok(&["-C", "extra", "rm", "more.csv"]);
    assert!(!sandbox.read("mdl.toml").contains("extra/more.csv"));
}

#[test]
fn settings() {
    let sandbox = Sandbox::project();
    sandbox.ok(&["config", "--global", "user.name", "Ada Lovelace"]);
    sandbox.ok(&["config", "user.email", "ada@example.org"]);
    insta::assert_snapshot!(sandbox.ok(&["config"]), @r"
    user.name   Ada Lovelace  (yours)
    user.email  ada@example.org  (this repository)
    ");
    assert_eq!(sandbox.ok(&["config", "user.name"]), "Ada Lovelace\n");
    sandbox.ok(&["config", "--unset", "user.email"]);
    assert_eq!(sandbox.mdl(&["config", "user.email"]).code, 3);
}

#[test]
fn recording_looking_and_going_back() {
    let sandbox = Sandbox::project();
    let told = |arguments: &[&str]| sandbox.mdl(arguments).told();
    // What this machine has installed is not for a snapshot.
    let first = sandbox.ok(&["status"]);
    insta::assert_snapshot!(first.split("  environment").next().unwrap_or_default(), @r"
    On branch main
    No commits yet. The first one will record:

      datasets/data   1 file, 12 B
      params          3 values
      code            2 files, 1.2 kB
      command         python3 train.py
      metrics         1 value
    ");
    insta::assert_snapshot!(told(&["commit", "-m", "baseline", "-m", "As it was found."]), @r"
    [main <id>] (first commit) baseline
    1 dataset, 3 params, 2 code files, 1 metric
    <n> new objects, <size> stored
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["status"]), @r"
    On branch main
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["commit", "-m", "again"]), @r"
    nothing to commit: nothing differs from HEAD
    ---
    hint: to record a commit all the same, add --allow-empty
    [exit 0]
    ");
    sandbox.write("params.yaml", "lr: 0.01\nlayers: [128, 64]\n");
    sandbox.write("metrics.json", "{\"accuracy\": 0.93}\n");
    insta::assert_snapshot!(told(&["diff"]), @r"
    1 part differs: params (1); data, features, code and environment are identical

    params
      lr   0.001 → 0.01   ×10

    metrics
      accuracy   0.91 → 0.93   +0.02   +2.2 %   better
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["diff", "--stat", "--exit-code", "--", "params"]), @r"
    1 part differs: params (1)

    params   1 change
    [exit 1]
    ");
    sandbox.ok(&["commit", "-q", "-m", "faster"]);
    insta::assert_snapshot!(told(&["log", "--oneline"]), @r"
    <id> (HEAD → main) faster
    <id> baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["show", "HEAD~1:params"]), @r"
    params <id>

    layers.0   128
    layers.1   64
    lr         0.001
    [exit 0]
    ");
    assert_eq!(sandbox.ok(&["cat", "HEAD~1:params"]), "lr: 0.001\nlayers: [128, 64]\n");
    insta::assert_snapshot!(told(&["restore", "--from", "HEAD~1", "params", "--dry-run"]), @r"
      would replace params.yaml
    files: 1 to replace (28 B)
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["restore", "--from", "HEAD~1", "params"]), @r"
    files: 1 replaced (28 B)
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["checkout", "HEAD~1"]), @r"
    files: 1 replaced (19 B)
    at <id>, on no branch
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["switch", "main", "--force"]), @r"
    files: 2 replaced (46 B)
    on branch main
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["undo"]), @r"
    the branch is back at <id>, from <id>; your files are as they were
    ---
    hint: what was undone can still be seen: `mdl show <id>`
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["branch", "--history", "main"]), @r"
    3   <id>   <time>   undo               Ada <ada@example.org>
    2   <id>   <time>   commit: faster     Ada <ada@example.org>
    1   <id>   <time>   commit: baseline   Ada <ada@example.org>
    0   begun        <time>   birth              Ada <ada@example.org>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["fsck", "--data"]), @r"
    all is well: 17 objects, 7 contents
    [exit 0]
    ");
}

#[test]
fn a_log_tells_what_each_commit_changed() {
    let sandbox = Sandbox::history();
    sandbox.ok(&["tag", "-q", "v1", "HEAD~1"]);
    insta::assert_snapshot!(sandbox.ok(&["log"]), @r"
    commit <id> (HEAD → main)
    Author:  Ada <ada@example.org>
    Date:    <time>
    Changed: params (1), metrics (1)
    Metrics: accuracy 0.91 → 0.93

        faster

    commit <id> (tag: v1)
    Author:  Ada <ada@example.org>
    Date:    <time>
    Changed: first commit: 1 dataset, 3 params, 2 code files, 1 metric
    Metrics: accuracy 0.91

        baseline
    ");
    let shown = sandbox.ok(&["show", "v1~0"]);
    assert!(shown.contains("(tag: v1)") && shown.contains("Changed: first commit: 1 dataset"), "{shown}");
    let json = sandbox.ok(&["log", "--json", "-n", "1"]);
    assert!(json.contains(r#""changes":"params (1), metrics (1)""#), "{json}");
    assert!(json.contains(r#""judgement":"better""#), "{json}");
}

#[test]
fn a_path_means_the_part_that_owns_it() {
    let sandbox = Sandbox::history();
    let told = |arguments: &[&str]| sandbox.mdl(arguments).told();
    assert_eq!(sandbox.ok(&["cat", "HEAD~1:params.yaml"]), "lr: 0.001\nlayers: [128, 64]\n");
    assert_eq!(sandbox.ok(&["cat", "HEAD:data/train.csv"]), sandbox.read("data/train.csv"));
    insta::assert_snapshot!(told(&["diff", "HEAD~1", "HEAD", "--", "params.yaml"]), @r"
    1 part differs: params (1)

    params
      lr   0.001 → 0.01   ×10
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["log", "--oneline", "--", "train.py"]), @r"
    <id> baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["-C", "data", "log", "--oneline", "--", "train.csv", "../params.yaml"]), @r"
    <id> (HEAD → main) faster
    <id> baseline
    [exit 0]
    ");
    sandbox.write("data/train.csv", "lost\n");
    sandbox.ok(&["restore", "--force", "data/train.csv"]);
    assert_eq!(sandbox.read("data/train.csv"), "x,y\n1,2\n3,4\n");
    sandbox.write("new.py", "pass\n");
    assert!(sandbox.ok(&["diff", "--", "new.py"]).contains("+ new.py"));
}

#[test]
fn usual_directions_are_declared_visibly() {
    let sandbox = Sandbox::project();
    assert!(sandbox.read("mdl.toml").contains("better = { accuracy = \"higher\" }"));
    sandbox.write("scores.json", "{\"val\": {\"log_loss\": 0.1, \"f1\": 0.5, \"epoch\": 3}}\n");
    insta::assert_snapshot!(sandbox.mdl(&["add", "scores.json"]).told(), @r"
    added metrics scores.json
      f1: higher is better
      log_loss: lower is better
    [exit 0]
    ");
    insta::assert_snapshot!(sandbox.mdl(&["add", "scores.json"]).told(), @r"
    already there: metrics scores.json
    [exit 0]
    ");
}

#[test]
fn everything_recorded_can_be_shown() {
    let sandbox = Sandbox::history();
    let content = blake3::hash(sandbox.read("data/train.csv").as_bytes()).to_hex();
    // Not through `told`, which hides ids: this one is what b3sum prints.
    let output = sandbox.command(&["show", &content]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("content {content}\n12 B\n"));
    let output = sandbox.command(&["show", "--json"]).output().unwrap();
    let json = String::from_utf8(output.stdout).unwrap();
    let ids = json.split('"').filter(|word| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit()));
    let ids: std::collections::BTreeSet<&str> = ids.collect();
    assert!(ids.len() >= 6, "{json}");
    for id in ids {
        sandbox.ok(&["show", id]);
        sandbox.ok(&["show", id, "--json"]);
    }
    for part in [
        "definition",
        "outcome",
        "environment",
        "datasets",
        "code",
        "command",
        "packages",
        "metrics.accuracy",
    ] {
        sandbox.ok(&["show", &format!("HEAD:{part}")]);
    }
}

#[test]
fn lock_files_are_packages() {
    let sandbox = Sandbox::project();
    sandbox.write("uv.lock", "version = 1\n");
    sandbox.write("requirements-dev.txt", "pytest==8\n");
    sandbox.ok(&["commit", "-q", "-m", "locked"]);
    let output = |arguments: &[&str]| {
        let output = sandbox.command(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = output(&["show", "HEAD:packages"]);
    for name in ["uv.lock", "requirements-dev.txt"] {
        let line = shown.lines().find(|line| line.contains(name));
        assert!(line.is_some_and(|line| line.ends_with("lock file")), "{shown}");
    }
    sandbox.write("uv.lock", "version = 2\n");
    std::fs::remove_file(sandbox.root().join("requirements-dev.txt")).unwrap();
    let diff: serde_json::Value =
        serde_json::from_str(&output(&["diff", "--json", "--", "packages"])).unwrap();
    let text = diff.to_string();
    assert!(text.contains("\"locks\""), "{text}");
    let told = output(&["diff", "--", "packages"]);
    assert!(told.contains("uv.lock") && told.contains("requirements-dev.txt"), "{told}");
    assert!(output(&["diff", "--", "packages.uv.lock"]).contains("uv.lock"), "one of them can be asked for");
    sandbox.ok(&["commit", "-q", "-m", "another lock"]);
    assert!(output(&["diff", "HEAD~1", "HEAD", "--", "packages"]).contains("uv.lock"));
    sandbox.ok(&["fsck"]);
}

#[test]
fn a_state_in_a_folder_of_its_own() {
    let sandbox = Sandbox::history();
    sandbox.ok(&["checkout", "-q", "HEAD~1", "--to", "../again"]);
    assert_eq!(sandbox.read("../again/params.yaml"), "lr: 0.001\nlayers: [128, 64]\n");
    assert_eq!(sandbox.read("../again/train.py"), sandbox.read("train.py"));
    assert_eq!(sandbox.mdl(&["checkout", "HEAD", "--to", "../again"]).code, 4, "it is not empty");
}

#[test]
fn branches_and_tags() {
    let sandbox = Sandbox::history();
    let told = |arguments: &[&str]| sandbox.mdl(arguments).told();
    insta::assert_snapshot!(told(&["branch", "wider", "HEAD~1"]), @r"
    branch wider is at <id>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["switch", "wider"]), @r"
    files: 2 replaced (47 B)
    on branch wider
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["branch"]), @r"
      main    <id>   faster
    * wider   <id>   baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["branch", "-m", "wider", "wide"]), @r"
    wider is now called wide
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["tag", "v1", "main", "-m", "first release"]), @r"
    tag v1 is at <id>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["switch", "v1"]), @r#"
    ---
    error: "v1" is not a branch
    hint: go there without a branch with `mdl switch --detach v1`, or make one with -c NAME
    [exit 2]
    "#);
    insta::assert_snapshot!(told(&["switch", "mian"]), @r#"
    ---
    error: "mian" is not a branch, and neither is there a tag or commit of that name
    hint: did you mean main?
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&["branch", "-d", "wide"]), @r#"
    ---
    error: "wide" is checked out
    hint: switch to another branch first: `mdl switch NAME`
    [exit 4]
    "#);
    insta::assert_snapshot!(told(&["branch", "main"]), @r#"
    ---
    error: "main" exists already
    hint: choose another name, or remove main first
    [exit 4]
    "#);
    insta::assert_snapshot!(told(&["log", "--oneline", "--graph", "main"]), @r"
    * <id> (tag: v1, main) faster
    * <id> (HEAD → wide) baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&["show", "v2"]), @r#"
    ---
    error: no revision is called "v2"
    hint: did you mean v1?
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&["tag", "-d", "v1"]), @r"
    deleted tag v1, which was at <id>
    [exit 0]
    ");
}

#[test]
fn what_is_not_committed_is_kept() {
    let sandbox = Sandbox::history();
    sandbox.write("params.yaml", "lr: 5\n");
    insta::assert_snapshot!(sandbox.mdl(&["checkout", "HEAD~1"]).told(), @r"
    ---
    error: a file has uncommitted changes
      because: params.yaml was changed and is not committed
    hint: commit them first with `mdl commit`, or overwrite them with --force; --dry-run shows what would change
    [exit 4]
    ");
    assert_eq!(sandbox.read("params.yaml"), "lr: 5\n");
    sandbox.ok(&["checkout", "--force", "HEAD~1"]);
    assert_eq!(sandbox.read("params.yaml"), "lr: 0.001\nlayers: [128, 64]\n");
}

#[test]
fn what_a_run_will_write_can_be_named_before_it_is_there() {
    let sandbox = Sandbox::project();
    let ran = sandbox.mdl(&["add", "out/model.bin", "--as", "output"]);
    assert_eq!(ran.code, 0, "{}", ran.told());
    assert!(
        ran.stderr.contains("out/model.bin is not there yet: a run is expected to write it"),
        "{}",
        ran.told()
    );
    assert!(sandbox.read("mdl.toml").contains("path = \"out/model.bin\""));
    for arguments in [&["add", "gone.csv"][..], &["add", "gone.csv", "--as", "dataset"]] {
        assert_ne!(sandbox.mdl(arguments).code, 0, "{arguments:?}: data is there before it is named");
    }
}

#[test]
fn seeds_of_variables_and_arguments_are_recorded_and_do_not_disturb_status() {
    let sandbox = Sandbox::project();
    let manifest = sandbox.read("mdl.toml");
    let run = "[run]\ncommand = [\"true\", \"--seed\", \"7\"]\nseeds = [\"arg:--seed\", \"env:MY_SEED\"]\n";
    let from = manifest.find("[run]").unwrap();
    sandbox.write("mdl.toml", &format!("{}{run}", &manifest[..from]));
    let mut commit = sandbox.command(&["commit", "-m", "seeded"]);
    commit.env("MY_SEED", "5").env("PYTHONHASHSEED", "0");
    assert!(commit.output().unwrap().status.success());
    let seeds = |rev: &str| sandbox.ok(&["show", rev]);
    let shown = seeds("HEAD");
    assert!(["--seed", "MY_SEED", "PYTHONHASHSEED"].iter().all(|name| shown.contains(name)), "{shown}");
    let status = sandbox.ok(&["status"]);
    assert!(!status.contains("seed"), "a variable that is not set now: {status}");
}
