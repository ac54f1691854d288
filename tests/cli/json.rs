//! `--json`: one document with a schema on standard output, or one error on standard error.

use serde_json::Value;

use crate::sandbox::Sandbox;

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn schema(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let text = sandbox.ok(&[&["--json"], arguments].concat());
    document(&text)["schema"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_changes_something_says_what() {
    let sandbox = Sandbox::new();
    sandbox.write("params.yaml", "lr: 1\n");
    sandbox.write("data.csv", "a\n1\n");
    assert_eq!(schema(&sandbox, &["init"]), "mdl.init/1");
    assert_eq!(schema(&sandbox, &["add", "data.csv", "--name", "train"]), "mdl.add/1");
    assert_eq!(schema(&sandbox, &["rm", "train"]), "mdl.rm/1");
    assert_eq!(schema(&sandbox, &["branch"]), "mdl.branch/1");
    assert_eq!(schema(&sandbox, &["tag"]), "mdl.tag/1");
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
