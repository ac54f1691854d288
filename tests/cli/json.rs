//! `--json`: one document with a schema on standard output, or one error on standard error.

use serde_json::Value;

use crate::sandbox::Sandbox;

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn schema(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.command(&[&["--json"], arguments].concat()).output().unwrap();
    document(std::str::from_utf8(&output.stdout).unwrap())["schema"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_changes_something_says_what() {
    let sandbox = Sandbox::new();
    sandbox.write("params.yaml", "lr: 1\n");
    assert_eq!(schema(&sandbox, &["init"]), "mdl.init/1");
    sandbox.write("more.csv", "a\n1\n");
    assert_eq!(schema(&sandbox, &["add", "more.csv", "--name", "train"]), "mdl.add/1");
    assert_eq!(schema(&sandbox, &["rm", "train"]), "mdl.rm/1");
    sandbox.ok(&["config", "user.name", "Ada"]);
    assert_eq!(schema(&sandbox, &["config", "--list"]), "mdl.config/1");
}

#[test]
fn errors_are_documents_too() {
    let sandbox = Sandbox::new();
    for (arguments, code) in
        [(&["status", "--json"][..], 3), (&["--json", "stauts"], 2), (&["add", "--json"], 2)]
    {
        let ran = sandbox.mdl(arguments);
        let error = document(&ran.stderr);
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{arguments:?}");
        assert_eq!(error["schema"], "mdl.error/1");
        assert_eq!(error["code"], code);
        assert!(
            error["error"].as_str().is_some_and(|text| !text.is_empty() && !text.contains('\n')),
            "{error}"
        );
    }
}

#[test]
fn what_is_looked_at_has_a_schema() {
    let sandbox = Sandbox::history();
    for (arguments, expected) in [
        (&["status"][..], "mdl.status/1"),
        (&["log"], "mdl.log/1"),
        (&["log", "-n", "0"], "mdl.log/1"),
        (&["show"], "mdl.show/1"),
        (&["show", "HEAD:params.lr"], "mdl.part/1"),
        (&["diff", "HEAD~1", "HEAD"], "mdl.diff/1"),
        (&["branch"], "mdl.branches/1"),
        (&["branch", "--history", "main"], "mdl.history/1"),
        (&["branch", "wider"], "mdl.branch/1"),
        (&["tag", "v1"], "mdl.tag/1"),
        (&["tag"], "mdl.tags/1"),
        (&["switch", "wider"], "mdl.switch/1"),
        (&["restore", "--from", "HEAD~1", "params"], "mdl.restore/1"),
        (&["checkout", "--force", "main"], "mdl.checkout/1"),
        (&["commit", "-m", "nothing"], "mdl.commit/1"),
        (&["commit", "-m", "nothing", "--allow-empty"], "mdl.commit/1"),
        (&["undo"], "mdl.undo/1"),
        (&["fit"], "mdl.fit/1"),
        (&["fsck"], "mdl.fsck/1"),
        (&["gc", "--dry-run"], "mdl.gc/1"),
    ] {
        assert_eq!(schema(&sandbox, arguments), expected, "{arguments:?}");
    }
}
