//! Clones: what they need, what becomes of one that was interrupted, and one of nothing yet.

use super::{ada, clone, commit, flip, noise, told};
use crate::sandbox::Sandbox;

#[test]
fn a_clone_that_was_interrupted_goes_on() {
    let ada = ada();
    let bob = ada.beside("bob");
    for millis in [0, 10, 30, 60, 100, 150, 200, 300, 400] {
        let mut child = ada.command(&["clone", "-q", "../team.mdl", "../bob"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        child.kill().unwrap();
        if child.wait().unwrap().success() || bob.root().join(".mdl/format").exists() {
            std::fs::remove_dir_all(bob.root()).unwrap();
        }
    }
    bob_is_whole(&ada, &bob);
    // As it is where nothing but the last step is missing.
    std::fs::remove_dir_all(bob.root()).unwrap();
    clone(&ada, "bob", &["--no-checkout"]);
    std::fs::remove_file(bob.root().join(".mdl/format")).unwrap();
    assert_eq!(bob.mdl(&["log"]).code, 3);
    bob_is_whole(&ada, &bob);
}

#[test]
fn a_clone_that_came_as_far_as_its_files_goes_on_and_overwrites_nothing() {
    let ada = ada();
    let bob = clone(&ada, "bob", &[]);
    std::fs::remove_file(bob.root().join(".mdl/format")).unwrap();
    // Somebody else's is no continuation.
    ada.ok(&["remote", "add", "other", "../other.mdl"]);
    ada.ok(&["push", "-q", "other"]);
    insta::assert_snapshot!(told(&ada, &["clone", "../other.mdl", "../bob"]), @r#"
    ---
    error: "<folder>/bob" is not empty
    hint: name a folder that is new or empty
    [exit 4]
    "#);
    bob.write("train.py", "print('bob was faster')\n");
    insta::assert_snapshot!(told(&ada, &["clone", "../team.mdl", "../bob"]), @r"
    ---
    error: cloned into <folder>/bob, and its files could not be written
      because: a file has uncommitted changes
    hint: the history is there; once this is put right, `mdl checkout --force main` in it writes the files
    [exit 4]
    ");
    assert_eq!(bob.read("train.py"), "print('bob was faster')\n");
    bob.ok(&["checkout", "-q", "--force", "main"]);
    assert_eq!(bob.read("train.py"), "print('training')\n");
}

#[test]
fn a_clone_with_data_has_that_of_every_commit() {
    let ada = ada();
    for number in 0..3 {
        commit(&ada, "data/train.csv", &format!("x,y\n1,{number}\n"), "another row");
    }
    ada.ok(&["push", "-q"]);
    let bob = clone(&ada, "bob", &["--data"]);
    let carol = clone(&ada, "carol", &["--data", "--no-checkout"]);
    std::fs::remove_dir_all(ada.around().join("team.mdl")).unwrap();
    for who in [&bob, &carol] {
        for revision in ["HEAD", "HEAD~1", "HEAD~2"] {
            assert!(who.ok(&["cat", &format!("{revision}:data/train.csv")]).starts_with("x,y\n1,"));
        }
        who.ok(&["fsck", "--data"]);
    }
}

#[test]
fn where_one_remote_breaks_off_another_one_helps() {
    let ada = ada();
    for seed in 0..12 {
        ada.write(&format!("data/noise-{seed}.txt"), &noise(seed));
    }
    ada.ok(&["commit", "-q", "-m", "noise"]);
    ada.ok(&["push", "-q"]);
    ada.ok(&["remote", "add", "other", "../other.mdl"]);
    ada.ok(&["push", "-q", "other"]);
    let bob = clone(&ada, "bob", &["--no-checkout"]);
    bob.ok(&["remote", "add", "other", "../other.mdl"]);
    // The end of what is sent is damaged, so that some files are there when it is met.
    let packs = std::fs::read_dir(ada.around().join("team.mdl/packs/data")).unwrap();
    let largest =
        packs.map(|pack| pack.unwrap().path()).max_by_key(|pack| pack.metadata().unwrap().len()).unwrap();
    flip(&largest, largest.metadata().unwrap().len() as usize * 9 / 10);
    bob.ok(&["checkout", "-q", "--force", "main"]);
    for seed in 0..12 {
        assert_eq!(bob.read(&format!("data/noise-{seed}.txt")), noise(seed));
    }
    bob.ok(&["fsck", "--data"]);
    assert!(bob.ok(&["status"]).contains("nothing to commit"));
}

fn bob_is_whole(ada: &Sandbox, bob: &Sandbox) {
    ada.ok(&["clone", "-q", "../team.mdl", "../bob"]);
    assert_eq!(bob.read("train.py"), "print('training')\n");
    bob.ok(&["fsck", "--data"]);
    assert!(bob.ok(&["status"]).contains("nothing to commit"));
}

#[test]
fn a_clone_needs_an_empty_folder_and_a_repository() {
    let ada = ada();
    ada.write("../bob/thesis.txt", "important");
    insta::assert_snapshot!(told(&ada, &["clone", "../team.mdl", "../bob"]), @r#"
    ---
    error: "<folder>/bob" is not empty
    hint: name a folder that is new or empty
    [exit 4]
    "#);
    assert_eq!(std::fs::read_dir(ada.around().join("bob")).unwrap().count(), 1);
    insta::assert_snapshot!(told(&ada, &["clone", "../team.mdl", "../project"]), @r#"
    ---
    error: "<project>" is not empty
    hint: name a folder that is new or empty
    [exit 4]
    "#);
    insta::assert_snapshot!(told(&ada, &["clone", "../nowhere.mdl", "../eve"]), @r"
    ---
    error: remote <folder>/nowhere.mdl
      because: there is no repository
    hint: check where it should be; a first `mdl push` makes a repository there
    [exit 3]
    ");
    insta::assert_snapshot!(told(&ada, &["clone", "../bob", "../eve"]), @r"
    ---
    error: remote <folder>/bob
      because: cannot open <folder>/bob
      because: the folder holds something else than mdl's
    hint: name a repository, or a folder that is new or empty; nothing was changed
    [exit 4]
    ");
    insta::assert_snapshot!(told(&ada, &["clone", "../team.mdl", "../eve", "-b", "nosuch"]), @r#"
    ---
    error: "nosuch" is not the name of a branch
    hint: `mdl branch` lists the branches
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&ada, &["clone", "../team.mdl"]), @r"
    cloned <folder>/team.mdl into <project>/team
    received <n> objects, <size>
    on branch main, with 5 files (1.3 kB)
    [exit 0]
    ");
    assert!(ada.root().join("team/.mdl/format").exists());
}

#[test]
fn a_clone_of_nothing_yet() {
    let ada = Sandbox::project();
    ada.ok(&["remote", "add", "origin", "../team.mdl"]);
    insta::assert_snapshot!(told(&ada, &["push"]), @r"
    ---
    error: there is no commit yet
    hint: record the first one with `mdl commit -m MESSAGE`
    [exit 3]
    ");
    ada.ok(&["push", "-q", "--runs"]);
    insta::assert_snapshot!(told(&ada, &["clone", "../team.mdl", "../bob"]), @r"
    cloned <folder>/team.mdl into <folder>/bob
    received <n> objects, <size>
    there is no branch yet
    [exit 0]
    ");
    let bob = ada.beside("bob");
    commit(&bob, "params.yaml", "lr: 1\n", "first");
    bob.ok(&["push", "-q"]);
    ada.ok(&["commit", "-q", "-m", "also first"]);
    insta::assert_snapshot!(told(&ada, &["push"]), @r"
    to origin (<folder>/team.mdl)
      main   not pushed: it has commits there that are not here
    ---
    hint: get what is there first: `mdl pull`, then push again
    [exit 4]
    ");
    insta::assert_snapshot!(told(&ada, &["pull"]), @r"
    ---
    error: <id> and <id> have no commit in common
    hint: they are of different projects; if they are to be one: `--allow-unrelated-histories`
    [exit 4]
    ");
}

#[test]
fn a_clone_without_files_says_how_to_get_them() {
    let ada = ada();
    insta::assert_snapshot!(told(&ada, &["clone", "--no-checkout", "../team.mdl", "../bob"]), @r"
    cloned <folder>/team.mdl into <folder>/bob
    received <n> objects, <size>
    on branch main
    ---
    hint: get its files with `mdl checkout --force main`
    [exit 0]
    ");
    let bob = ada.beside("bob");
    bob.ok(&["checkout", "-q", "--force", "main"]);
    assert_eq!(bob.read("params.yaml"), ada.read("params.yaml"));
}
