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
    ");
    insta::assert_snapshot!(sandbox.mdl(&["commit", "-m", "  "]).told(), @r"
    ");
}

#[test]
fn before_the_first_commit() {
    let sandbox = Sandbox::project();
    insta::assert_snapshot!(sandbox.mdl(&["show"]).told(), @r"
    ");
    insta::assert_snapshot!(sandbox.mdl(&["undo"]).told(), @r"
    ");
}

#[test]
fn names_that_are_none() {
    let sandbox = Sandbox::project();
    insta::assert_snapshot!(sandbox.mdl(&["branch", "a b"]).told(), @r"
    ");
    insta::assert_snapshot!(sandbox.mdl(&["switch", "-c", "../x"]).told(), @r"
    ");
    insta::assert_snapshot!(sandbox.mdl(&["add", "params.yaml", "--name", "a/b"]).told(), @r"
    ");
}

#[test]
fn parts_that_are_none() {
    let sandbox = Sandbox::project();
    insta::assert_snapshot!(sandbox.mdl(&["log", "--", "parms.lr"]).told(), @r"
    ");
    insta::assert_snapshot!(sandbox.mdl(&["add", "nowhere.csv"]).told(), @r"
    ");
    insta::assert_snapshot!(sandbox.mdl(&["add", "../outside.csv"]).told(), @r"
    ");
    insta::assert_snapshot!(sandbox.mdl(&["rm", "nothing"]).told(), @r"
    ");
}

#[test]
fn settings_that_are_none() {
    let sandbox = Sandbox::project();
    insta::assert_snapshot!(sandbox.mdl(&["config", "user.nme", "Ada"]).told(), @r"
    ");
    insta::assert_snapshot!(sandbox.mdl(&["config", "ui.color", "blue"]).told(), @r"
    ");
    insta::assert_snapshot!(sandbox.mdl(&["config", "user.name"]).told(), @r"
    ");
}

#[test]
fn a_manifest_that_cannot_be_read() {
    let sandbox = Sandbox::project();
    sandbox.write("mdl.toml", "[datsets]\n");
    insta::assert_snapshot!(sandbox.mdl(&["status"]).told(), @r"
    ");
}

#[test]
fn a_repository_of_the_future() {
    let sandbox = Sandbox::project();
    std::fs::remove_file(sandbox.root().join(".mdl/format")).unwrap();
    sandbox.write(".mdl/format", "mdl 9\n");
    insta::assert_snapshot!(sandbox.mdl(&["log"]).told(), @r"
    ");
}
