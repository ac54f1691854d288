//! What a collection keeps that no branch of this repository has.

use crate::sandbox::Sandbox;

/// The id of the commit at HEAD.
fn head(sandbox: &Sandbox) -> String {
    let repository = mdl::repo::Repository::open(&sandbox.root()).unwrap();
    repository.resolve("HEAD").unwrap().commit.to_string()
}

fn collect(sandbox: &Sandbox) {
    for _ in 0..2 {
        sandbox.ok(&["gc", "--all"]);
    }
}

#[test]
fn a_commit_that_was_made_without_a_branch_stays_after_one_is_switched_to() {
    let sandbox = Sandbox::history();
    sandbox.ok(&["checkout", "-q", "HEAD~0"]);
    sandbox.write("params.yaml", "lr: 0.875\n");
    sandbox.ok(&["commit", "-q", "-m", "apart"]);
    let apart = head(&sandbox);
    collect(&sandbox);
    sandbox.ok(&["switch", "-q", "main"]);
    collect(&sandbox);
    assert!(sandbox.ok(&["show", &apart]).contains("apart"));
    sandbox.ok(&["checkout", "-q", &apart]);
    assert_eq!(sandbox.read("params.yaml"), "lr: 0.875\n");
    sandbox.ok(&["fsck", "--data"]);
}

#[test]
fn a_branch_of_a_remote_is_kept_as_it_was_seen() {
    let ours = Sandbox::history();
    ours.ok(&["remote", "add", "origin", "../team.mdl"]);
    ours.ok(&["push", "-q"]);
    ours.ok(&["clone", "-q", "../team.mdl", "../theirs"]);
    let theirs = ours.beside("theirs");
    theirs.ok(&["switch", "-q", "-c", "side"]);
    theirs.write("params.yaml", "lr: 0.625\n");
    theirs.ok(&["commit", "-q", "-m", "aside"]);
    theirs.ok(&["push", "-q", "origin", "side"]);
    ours.ok(&["fetch", "-q"]);
    collect(&ours);
    assert!(ours.ok(&["show", "origin/side"]).contains("aside"));
    ours.ok(&["fsck"]);
    // Also when it is gone there, as long as it is remembered, and what it was before.
    theirs.ok(&["push", "-q", "--delete", "origin", "side"]);
    ours.ok(&["fetch", "-q"]);
    collect(&ours);
    assert!(ours.ok(&["show", "origin/side"]).contains("aside"));
}
