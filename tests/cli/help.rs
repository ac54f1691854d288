//! The help, as a newcomer reads it.

use crate::sandbox::Sandbox;

#[test]
fn the_overview() {
    let sandbox = Sandbox::new();
    let overview = sandbox.ok(&[]);
    for arguments in [&["help"][..], &["--help"], &["-h"]] {
        assert_eq!(sandbox.ok(arguments), overview, "{arguments:?}");
    }
    insta::assert_snapshot!(overview, @r"
    ");
}

#[test]
fn the_help_of_a_command() {
    let sandbox = Sandbox::new();
    let help = sandbox.ok(&["help", "restore"]);
    assert_eq!(sandbox.ok(&["restore", "--help"]), help);
    insta::assert_snapshot!(help, @r"
    ");
}

#[test]
fn topics() {
    let sandbox = Sandbox::new();
    assert!(sandbox.ok(&["help", "revisions"]).contains("HEAD:params.optim.lr"));
    assert!(sandbox.ok(&["help", "exit-codes"]).contains("130  interrupted"));
    insta::assert_snapshot!(sandbox.mdl(&["help", "comit"]).told(), @r"
    ");
}

#[test]
fn the_version() {
    let version = concat!("mdl ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(Sandbox::new().ok(&["--version"]), version);
}

#[test]
fn completions_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = sandbox.ok(&["completions", shell]);
        assert!(script.contains("checkout") && script.contains("--dry-run"), "{shell}");
    }
}
