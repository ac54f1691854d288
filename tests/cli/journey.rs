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
