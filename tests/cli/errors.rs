//! What a person is told who writes something wrong.

use crate::sandbox::Sandbox;

#[test]
fn outside_of_a_repository() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.mdl(&["status"]).told(), @r"
    ---
    error: no repository here or in any folder above <project>
    hint: make one with `mdl init`, or name another folder with -C DIR
    [exit 3]
    ");
}

#[test]
fn a_mistyped_command() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.mdl(&["comit"]).told(), @r#"
    ---
    error: "comit" is not a command
    hint: did you mean `mdl commit`?
    [exit 2]
    "#);
}

#[test]
fn a_missing_argument() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.mdl(&["checkout"]).told(), @r"
    ---
    error: the following required arguments were not provided: <REV>
    hint: write mdl checkout <REV>; --help tells more
    [exit 2]
    ");
}

#[test]
fn amending_is_refused_with_what_to_do_instead() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.mdl(&["commit", "--amend"]).told(), @r"
    ---
    error: a commit is never changed
    hint: step back with `mdl undo`, which keeps your files as they are, and commit again
    [exit 2]
    ");
}

#[test]
fn a_commit_without_a_message() {
    let sandbox = Sandbox::project();
    insta::assert_snapshot!(sandbox.mdl(&["commit"]).told(), @r"
    ---
    error: a commit needs a message
    hint: say why with `mdl commit -m MESSAGE`
    [exit 2]
    ");
    insta::assert_snapshot!(sandbox.mdl(&["commit", "-m", "  "]).told(), @r"
    ---
    error: the message is empty
    hint: nothing was committed; say in a few words why this state is worth keeping: `mdl commit -m MESSAGE`
    [exit 2]
    ");
}

#[test]
fn a_revision_that_is_no_word() {
    let sandbox = Sandbox::history();
    for arguments in [&["tag", "v9", ""][..], &["show", ""], &["branch", "side", ""], &["checkout", ""]] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(sandbox.mdl(arguments).told(), @r#"
            ---
            error: no revision is called ""
            hint: `mdl log` shows commits, `mdl runs` runs, `mdl branch` and `mdl tag` names
            [exit 3]
            "#);
        }
    }
    sandbox.ok(&["show", ":params"]);
}

#[test]
fn before_the_first_commit() {
    let sandbox = Sandbox::project();
    insta::assert_snapshot!(sandbox.mdl(&["show"]).told(), @r"
    ---
    error: there is no commit yet
    hint: record the first one with `mdl commit -m MESSAGE`
    [exit 3]
    ");
    insta::assert_snapshot!(sandbox.mdl(&["undo"]).told(), @r"
    ---
    error: there is no commit yet
    hint: record the first one with `mdl commit -m MESSAGE`
    [exit 3]
    ");
}

#[test]
fn names_that_are_none() {
    let sandbox = Sandbox::project();
    insta::assert_snapshot!(sandbox.mdl(&["branch", "a b"]).told(), @r"
    ---
    error: there is no commit yet
    hint: record the first one with `mdl commit -m MESSAGE`
    [exit 3]
    ");
    insta::assert_snapshot!(sandbox.mdl(&["switch", "-c", "../x"]).told(), @r#"
    ---
    error: "../x" is not a name: it is '.' or '..'
    hint: use letters, digits, '-', '_' and '.', and for branches and tags also '/'
    [exit 2]
    "#);
    insta::assert_snapshot!(sandbox.mdl(&["add", "params.yaml", "--name", "a/b"]).told(), @r#"
    ---
    error: "a/b" is not a name: it has the character '/'
    hint: use letters, digits, '-', '_' and '.', and for branches and tags also '/'
    [exit 2]
    "#);
}

#[test]
fn parts_that_are_none() {
    let sandbox = Sandbox::project();
    insta::assert_snapshot!(sandbox.mdl(&["log", "--", "parms.lr"]).told(), @r#"
    ---
    error: "parms.lr" is neither a part nor a file of one
    hint: did you mean params?
    [exit 3]
    "#);
    insta::assert_snapshot!(sandbox.mdl(&["add", "nowhere.csv"]).told(), @r"
    ---
    error: cannot find <project>/nowhere.csv
      because: No such file or directory (os error 2)
    [exit 3]
    ");
    insta::assert_snapshot!(sandbox.mdl(&["add", "../outside.csv"]).told(), @r#"
    ---
    error: "../outside.csv": it is outside of the work tree
    hint: correct it and run the command again; nothing was recorded
    [exit 2]
    "#);
    insta::assert_snapshot!(sandbox.mdl(&["rm", "nothing"]).told(), @r#"
    ---
    error: "nothing" is not a part that the manifest names
    hint: mdl.toml names the parts of the model
    [exit 3]
    "#);
}

#[test]
fn parts_that_a_revision_does_not_have() {
    let sandbox = Sandbox::history();
    let told = |what: &str| sandbox.mdl(&["show", what]).told();
    insta::assert_snapshot!(told("HEAD:parms"), @r#"
    ---
    error: "parms" is neither a part nor a file of one
    hint: did you mean params?
    [exit 3]
    "#);
    insta::assert_snapshot!(told("HEAD:params.lrr"), @r#"
    ---
    error: <id> has no part "params.lrr"
    hint: did you mean params.lr?
    [exit 3]
    "#);
    insta::assert_snapshot!(told("HEAD:seeds"), @r#"
    ---
    error: <id> has no part "seeds"
    hint: `mdl show` lists the parts of a commit
    [exit 3]
    "#);
    insta::assert_snapshot!(told("HEAD:code/../x"), @r#"
    ---
    error: "code/../x" is neither a part nor a file of one
      because: 'code/../x' does not name anything: it is '.' or '..'
    hint: name a file, or a part: datasets, params, features, code, command, seeds, packages, system, accelerators, variables, metrics, outputs, exit; within one: params.lr, datasets/train
    [exit 3]
    "#);
}

#[test]
fn settings_that_are_none() {
    let sandbox = Sandbox::project();
    insta::assert_snapshot!(sandbox.mdl(&["config", "user.nme", "Ada"]).told(), @r#"
    ---
    error: "user.nme" is not a setting
    hint: did you mean user.name?
    [exit 2]
    "#);
    insta::assert_snapshot!(sandbox.mdl(&["config", "ui.color", "blue"]).told(), @r#"
    ---
    error: <project>/.mdl/config.toml: ui.color cannot be "blue"
    hint: correct it and run the command again; nothing was recorded
    [exit 2]
    "#);
    insta::assert_snapshot!(sandbox.mdl(&["config", "user.name"]).told(), @r"
    ---
    error: user.name is not set
    hint: set it with `mdl config user.name VALUE`
    [exit 3]
    ");
}

#[test]
fn a_manifest_that_cannot_be_read() {
    let sandbox = Sandbox::project();
    sandbox.write("mdl.toml", "[datsets]\n");
    insta::assert_snapshot!(sandbox.mdl(&["status"]).told(), @r#"
    ---
    error: mdl.toml: line 1: unknown key "datsets" in the manifest; did you mean "datasets"?
    hint: correct mdl.toml and run the command again
    [exit 2]
    "#);
}

#[test]
fn a_repository_of_the_future() {
    let sandbox = Sandbox::project();
    std::fs::remove_file(sandbox.root().join(".mdl/format")).unwrap();
    sandbox.write(".mdl/format", "mdl 9\n");
    insta::assert_snapshot!(sandbox.mdl(&["log"]).told(), @r#"
    ---
    error: this repository has the format "mdl 9"
    hint: it was made by a newer mdl: update mdl; nothing was changed
    [exit 7]
    "#);
}

#[test]
fn what_is_left_out_is_said_also_where_nothing_differs() {
    let sandbox = Sandbox::history();
    sandbox.write("bell\u{7}.py", "print(1)\n");
    let ran = sandbox.mdl(&["commit", "-m", "a bell"]);
    assert!(ran.stdout.contains("nothing differs"), "{}", ran.told());
    assert!(ran.stderr.contains("is left out"), "{}", ran.told());
}

#[test]
#[cfg(unix)]
fn a_zone_without_end_is_none() {
    use std::time::{Duration, Instant};
    let begin = Instant::now();
    for (variable, value, folder) in
        [("TZ", ":/dev/zero", ""), ("TZ", "/dev/zero", ""), ("TZ", "zero", "/dev"), ("TZ", "Foo", "/")]
    {
        let env = [(variable, value), ("TZDIR", folder)];
        let sandbox = Sandbox::project().with(env.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let mut child = sandbox.command(&["commit", "-q", "-m", "now"]).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            if begin.elapsed() > Duration::from_secs(30) {
                child.kill().unwrap();
                panic!("{value} in {folder}: it does not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(sandbox.ok(&["log"]).contains("+0000") || sandbox.ok(&["log"]).contains("<time>"));
    }
}

/// `a..b` is a range where revisions are written.
#[test]
fn nothing_new_is_called_as_a_range() {
    let sandbox = Sandbox::history();
    for arguments in [
        &["branch", "a..b"][..],
        &["switch", "-c", "a..b"],
        &["tag", "v1..v2"],
        &["remote", "add", "a..b", "../team.mdl"],
    ] {
        let ran = sandbox.mdl(arguments);
        assert_eq!(ran.code, 2, "{arguments:?} {}", ran.stderr);
        assert!(ran.stderr.contains("range of revisions"), "{}", ran.stderr);
    }
    // One that an earlier version made is still read.
    let refs = sandbox.root().join(".mdl/refs/heads");
    std::fs::create_dir(refs.join("a..b")).unwrap();
    for entry in std::fs::read_dir(refs.join("main")).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), refs.join("a..b").join(entry.file_name())).unwrap();
    }
    assert!(sandbox.ok(&["branch"]).contains("a..b"));
}
