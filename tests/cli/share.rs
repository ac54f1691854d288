//! Working together: push, pull, fetch and clone, as two people meet them who share a folder.

#[path = "share/clones.rs"]
mod clones;
#[path = "share/crowd.rs"]
mod crowd;
#[path = "share/interrupts.rs"]
mod interrupts;
#[path = "share/remotes.rs"]
mod remotes;
#[cfg(feature = "bucket")]
#[path = "share/weather.rs"]
mod weather;

use std::path::Path;

use crate::sandbox::{Ran, Sandbox};

/// What a command said, without the amounts that depend on the machine.
fn told(sandbox: &Sandbox, arguments: &[&str]) -> String {
    steady(&sandbox.mdl(arguments))
}

fn steady(ran: &Ran) -> String {
    let line = |line: &str| match line.split_once(' ') {
        Some((word @ ("sent" | "received"), rest)) => {
            let objects = if rest.contains(" object") { "<n> objects, " } else { "" };
            format!("{word} {objects}<size>\n")
        }
        _ => format!("{line}\n"),
    };
    ran.told().lines().map(line).collect()
}

/// Where they share, if nothing else is said.
const TEAM: &str = "../team.mdl";

/// Ada's project with two commits, which she pushed.
fn ada() -> Sandbox {
    shared(Sandbox::history(), TEAM)
}

/// A project that is pushed to there.
fn shared(sandbox: Sandbox, team: &str) -> Sandbox {
    sandbox.ok(&["remote", "add", "origin", team]);
    sandbox.ok(&["push", "-q"]);
    sandbox
}

/// Ada, and Bob who cloned what she pushed.
fn team() -> (Sandbox, Sandbox) {
    let ada = ada();
    let bob = clone(&ada, "bob", &[]);
    (ada, bob)
}

/// A clone of what they share.
fn clone(of: &Sandbox, name: &str, options: &[&str]) -> Sandbox {
    of.ok(&[&["clone", "-q", TEAM, &format!("../{name}")], options].concat());
    of.beside(name)
}

/// Bob, whose clone was stopped: it goes on, or says what brings the files that are missing.
fn clone_goes_on(of: &Sandbox, team: &str) -> Sandbox {
    let bob = of.beside("bob");
    match bob.root().join(".mdl/format").exists() {
        true => bob.ok(&["checkout", "-q", "--force", "main"]),
        false => of.ok(&["clone", "-q", team, "../bob"]),
    };
    assert!(bob.ok(&["status"]).contains("nothing to commit"));
    bob
}

/// Some hundred thousand bytes that nothing else has.
fn noise(seed: u64) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let line = |number: u64| {
        let mut hasher = DefaultHasher::new();
        (seed, number).hash(&mut hasher);
        format!("{:016x}\n", hasher.finish())
    };
    (0..20_000).map(line).collect()
}

/// Writes a file and commits it.
fn commit(sandbox: &Sandbox, path: &str, text: &str, message: &str) {
    sandbox.write(path, text);
    sandbox.ok(&["commit", "-q", "-m", message]);
}

/// Flips a bit of a pack, which nobody may write to.
fn flip(pack: &Path, at: usize) {
    let mut permissions = std::fs::metadata(pack).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(pack, permissions).unwrap();
    let mut bytes = std::fs::read(pack).unwrap();
    bytes[at] ^= 1;
    std::fs::write(pack, &bytes).unwrap();
}

/// A copy of a folder.
fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-R").args([from, to]).status().unwrap();
    assert!(copied.success());
}

#[test]
fn a_day_with_two() {
    let ada = Sandbox::history();
    insta::assert_snapshot!(told(&ada, &["remote", "add", "origin", "../team.mdl"]), @r"
    remote origin is <folder>/team.mdl; who pushes there at once is kept apart
    ---
    hint: send what you have with `mdl push`
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["push"]), @r"
    to origin (<folder>/team.mdl)
      main   new, at <id>
    sent <n> objects, <size>
    main follows origin/main from now on
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["push"]), @r"
    to origin (<folder>/team.mdl)
      main   is up to date
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["clone", "../team.mdl", "../bob"]), @r"
    cloned <folder>/team.mdl into <folder>/bob
    received <n> objects, <size>
    on branch main, with 5 files (1.3 kB)
    [exit 0]
    ");
    let bob = ada.beside("bob");
    insta::assert_snapshot!(told(&bob, &["status"]), @r"
    On branch main
    as origin/main is
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["log", "--oneline"]), @r"
    <id> (HEAD → main, origin/main) faster
    <id> baseline
    [exit 0]
    ");
    commit(&bob, "params.yaml", "lr: 0.02\nlayers: [128, 64]\n", "twice as fast");
    insta::assert_snapshot!(told(&bob, &["status"]), @r"
    On branch main
    1 commit ahead of origin/main
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["push"]), @r"
    to origin (<folder>/team.mdl)
      main   <id> .. <id>
    sent <n> objects, <size>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["pull"]), @r"
    from origin (<folder>/team.mdl)
      origin/main   <id> .. <id>
    received <n> objects, <size>
    main is now at <id>, from <id>
    files: 1 replaced (27 B)
    [exit 0]
    ");
    assert_eq!(ada.read("params.yaml"), "lr: 0.02\nlayers: [128, 64]\n");
    insta::assert_snapshot!(told(&ada, &["pull"]), @r"
    nothing new at origin (<folder>/team.mdl)
    main has it already; nothing was changed
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["log", "--oneline"]), @r"
    <id> (HEAD → main, origin/main) twice as fast
    <id> faster
    <id> baseline
    [exit 0]
    ");
    for sandbox in [&ada, &bob] {
        sandbox.ok(&["fsck", "--data"]);
    }
}

#[test]
fn a_push_that_would_lose_work_is_refused() {
    let (ada, bob) = team();
    commit(&bob, "params.yaml", "lr: 0.02\nlayers: [128, 64]\n", "faster still");
    bob.ok(&["push", "-q"]);
    commit(&ada, "train.py", "print('training better')\n", "a better loop");
    insta::assert_snapshot!(told(&ada, &["push"]), @r"
    to origin (<folder>/team.mdl)
      main   not pushed: it has commits there that are not here
    ---
    hint: get what is there first: `mdl pull`, then push again
    [exit 4]
    ");
    insta::assert_snapshot!(told(&ada, &["pull"]), @r"
    from origin (<folder>/team.mdl)
      origin/main   <id> .. <id>
    received <n> objects, <size>
    main is now at <id>, which merges <id> into <id>
    files: 1 replaced, 1 removed (27 B)
    what comes out of it is not known yet: nobody has run it
    [exit 0]
    ");
    assert_eq!(ada.read("params.yaml"), "lr: 0.02\nlayers: [128, 64]\n");
    insta::assert_snapshot!(told(&ada, &["push"]), @r"
    to origin (<folder>/team.mdl)
      main   <id> .. <id>
    sent <n> objects, <size>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["pull", "--ff-only"]), @r"
    from origin (<folder>/team.mdl)
      origin/main   <id> .. <id>
    received <n> objects, <size>
    main is now at <id>, from <id>
    files: 1 replaced, 1 removed (25 B)
    [exit 0]
    ");
    assert_eq!(bob.read("train.py"), "print('training better')\n");
    let heads = |sandbox: &Sandbox| sandbox.command(&["log", "--json", "-n", "1"]).output().unwrap().stdout;
    assert_eq!(heads(&ada), heads(&bob));
}

#[test]
fn two_who_amend_the_same_parameter() {
    let (ada, bob) = team();
    commit(&bob, "params.yaml", "lr: 0.02\nlayers: [128, 64]\n", "faster still");
    bob.ok(&["push", "-q"]);
    commit(&ada, "params.yaml", "lr: 0.005\nlayers: [128, 64]\n", "slower");
    insta::assert_snapshot!(told(&ada, &["pull"]), @r"
    from origin (<folder>/team.mdl)
      origin/main   <id> .. <id>
    received <n> objects, <size>
    <id> and <id> both changed what <id> has, in different ways:
      place       base   ours    theirs
      params.lr   0.01   0.005   0.02
    nothing was changed
    ---
    hint: `mdl merge --ours origin/main` or `mdl merge --theirs origin/main` decides all of it
    hint: to decide each: merge with --ours, then `mdl restore --from origin/main PART` and `mdl commit`
    [exit 4]
    ");
    assert_eq!(ada.read("params.yaml"), "lr: 0.005\nlayers: [128, 64]\n");
    insta::assert_snapshot!(told(&ada, &["status"]), @r"
    On branch main
    1 commit ahead of origin/main and 1 commit behind
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["merge", "--theirs", "origin/main"]), @r"
    main is now at <id>, which merges <id> into <id>
    where both changed the same, theirs was taken:
      place       base   ours    theirs
      params.lr   0.01   0.005   0.02
    files: 1 replaced (27 B)
    [exit 0]
    ");
    assert_eq!(ada.read("params.yaml"), "lr: 0.02\nlayers: [128, 64]\n");
    insta::assert_snapshot!(told(&ada, &["push"]), @r"
    to origin (<folder>/team.mdl)
      main   <id> .. <id>
    sent <n> objects, <size>
    [exit 0]
    ");
    bob.ok(&["pull", "-q"]);
    insta::assert_snapshot!(told(&bob, &["log", "--oneline"]), @r"
    <id> (HEAD → main, origin/main) merge origin/main
    <id> slower
    <id> faster still
    <id> faster
    <id> baseline
    [exit 0]
    ");
}

#[test]
fn a_work_tree_can_be_cloned_and_its_branch_not_be_pushed_to() {
    let ada = Sandbox::history();
    insta::assert_snapshot!(told(&ada, &["clone", "../project/.mdl", "../bob"]), @r"
    cloned <project>/.mdl into <folder>/bob
    received <n> objects, <size>
    on branch main, with 5 files (1.3 kB)
    [exit 0]
    ");
    let bob = ada.beside("bob");
    commit(&bob, "train.py", "print('mine')\n", "mine");
    insta::assert_snapshot!(told(&bob, &["push"]), @r"
    to origin (<folder>/project/.mdl)
      main   not pushed: it is checked out there, and its files would no longer fit
    ---
    hint: push to another branch, such as `mdl push REMOTE HERE:THERE`, and merge that one there
    [exit 4]
    ");
    insta::assert_snapshot!(told(&bob, &["push", "origin", "main:of-bob"]), @r"
    to origin (<folder>/project/.mdl)
      of-bob   new, at <id>
    sent <n> objects, <size>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["merge", "of-bob"]), @r"
    main is now at <id>, from <id>
    files: 1 replaced (14 B)
    [exit 0]
    ");
    assert_eq!(ada.read("train.py"), "print('mine')\n");
    insta::assert_snapshot!(told(&bob, &["push"]), @r"
    to origin (<folder>/project/.mdl)
      main   is up to date
    [exit 0]
    ");
}

#[test]
fn runs_and_tags_are_shared() {
    let (ada, bob) = team();
    ada.ok(&["run", "-q", "--name", "long", "--", "true"]);
    ada.ok(&["tag", "-q", "v1", "-m", "first"]);
    insta::assert_snapshot!(told(&ada, &["push", "--runs", "--tags"]), @r"
    to origin (<folder>/team.mdl)
      tag v1   new, at <id>
      1 run    new
    sent <n> objects, <size>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["push", "--runs", "--tags"]), @r"
    to origin (<folder>/team.mdl)
      tag v1   is up to date
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["fetch"]), @r"
    from origin (<folder>/team.mdl)
      tag v1   new, at <id>
      1 run    new
    received <n> objects, <size>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["fetch"]), @r"
    nothing new at origin (<folder>/team.mdl)
    [exit 0]
    ");
    assert!(bob.ok(&["runs"]).contains("long"));
    assert!(bob.ok(&["tag"]).contains("v1"));
    // Another tag of that name.
    bob.ok(&["tag", "-q", "v2", "HEAD~1"]);
    bob.ok(&["push", "-q", "origin", "v2"]);
    ada.ok(&["tag", "-q", "v2"]);
    insta::assert_snapshot!(told(&ada, &["push", "origin", "v2"]), @r"
    to origin (<folder>/team.mdl)
      tag v2   not pushed: it exists there already, and is another one
    ---
    hint: give the tag another name: others may rely on that one
    [exit 4]
    ");
    insta::assert_snapshot!(told(&ada, &["push", "origin", "v3"]), @r#"
    ---
    error: no revision is called "v3"
    hint: did you mean v1?
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&ada, &["fetch", "origin", "v3"]), @r#"
    ---
    error: "origin/v3" is not the name of a branch
    hint: `mdl branch` lists the branches
    [exit 3]
    "#);
}

#[test]
fn without_the_remote_everything_but_data_is_there() {
    let ada = ada();
    ada.ok(&["run", "-q", "--name", "long", "--", "true"]);
    ada.ok(&["push", "-q", "--runs"]);
    let bob = clone(&ada, "bob", &["--no-checkout"]);
    let (team, away) = (ada.around().join("team.mdl"), ada.around().join("away.mdl"));
    std::fs::rename(&team, &away).unwrap();
    insta::assert_snapshot!(told(&bob, &["log", "--oneline"]), @r"
    <id> (HEAD → main, origin/main) faster
    <id> baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["diff", "HEAD~1", "HEAD"]), @r"
    1 part differs: params (1); data, features, code and environment are identical

    params
      lr   0.001 → 0.01   ×10

    metrics
      accuracy   0.91 → 0.93   +0.02   +2.2 %   better
    [exit 0]
    ");
    assert!(bob.ok(&["runs"]).contains("long"));
    insta::assert_snapshot!(told(&bob, &["status"]), @r"
    On branch main
    as origin/main is
    5 files of HEAD are not here (1.3 kB): get them with `mdl fetch --data HEAD`
    Changes since HEAD: data (1 file), params (3), code (2 files), metrics (1)

    datasets/data   removed: 1 file, 12 B

    params
      − layers.0   128
      − layers.1   64
      − lr         0.01

    code
      − mdl.toml   1.2 kB
      − train.py   18 B

    metrics
      − accuracy   0.93
    ---
    hint: mdl.toml names nothing yet: name what makes up the model with `mdl add`
    [exit 0]
    ");
    let checked = bob.ok(&["fsck"]);
    assert!(
        checked.starts_with("all is well: ") && checked.contains("a remote should have them"),
        "{checked}"
    );
    insta::assert_snapshot!(told(&bob, &["cat", "HEAD:train.py"]), @r"
    ---
    error: remote origin (<folder>/team.mdl)
      because: there is no repository
    hint: check where it should be; a first `mdl push` makes a repository there
    [exit 3]
    ");
    insta::assert_snapshot!(told(&bob, &["checkout", "--force", "main"]), @r"
    ---
    error: remote origin (<folder>/team.mdl)
      because: there is no repository
    hint: check where it should be; a first `mdl push` makes a repository there
    [exit 3]
    ");
    insta::assert_snapshot!(told(&bob, &["fetch"]), @r"
    ---
    error: remote origin (<folder>/team.mdl)
      because: there is no repository
    hint: check where it should be; a first `mdl push` makes a repository there
    [exit 3]
    ");
    std::fs::rename(&away, &team).unwrap();
    assert_eq!(bob.ok(&["cat", "HEAD:train.py"]), "print('training')\n");
    insta::assert_snapshot!(told(&bob, &["checkout", "--force", "main"]), @r"
    files: 5 created (1.3 kB)
    on branch main
    [exit 0]
    ");
    assert_eq!(bob.read("train.py"), "print('training')\n");
    insta::assert_snapshot!(told(&bob, &["status"]), @r"
    On branch main
    as origin/main is
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["fetch", "--data", "HEAD~1"]), @r"
    received <size>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["fetch", "--data", "HEAD~1"]), @r"
    all of it is here already
    [exit 0]
    ");
    bob.ok(&["fsck", "--data"]);
}

#[test]
fn data_of_a_part_is_fetched_alone() {
    let ada = ada();
    let bob = clone(&ada, "bob", &["--no-checkout"]);
    bob.ok(&["fetch", "-q", "--data", "HEAD", "params"]);
    std::fs::rename(ada.around().join("team.mdl"), ada.around().join("away.mdl")).unwrap();
    assert_eq!(bob.ok(&["cat", "HEAD:params.yaml"]), "lr: 0.01\nlayers: [128, 64]\n");
    assert_ne!(bob.mdl(&["cat", "HEAD:train.py"]).code, 0);
}

#[test]
fn data_that_was_left_out_is_sent_later() {
    let ada = Sandbox::history();
    ada.ok(&["remote", "add", "origin", "../team.mdl"]);
    insta::assert_snapshot!(told(&ada, &["push", "--no-data"]), @r"
    to origin (<folder>/team.mdl)
      main   new, at <id>
    sent <n> objects, <size>
    main follows origin/main from now on
    ---
    hint: the data stays here; send it with `mdl push --data`
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["clone", "../team.mdl", "../bob"]), @r"
    ---
    error: cloned into <folder>/bob, and its files could not be written
      because: 5 contents are not here, and no remote has them
    hint: the history is there; once this is put right, `mdl checkout --force main` in it writes the files
    [exit 5]
    ");
    let bob = ada.beside("bob");
    insta::assert_snapshot!(told(&bob, &["log", "--oneline"]), @r"
    <id> (HEAD → main, origin/main) faster
    <id> baseline
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["push", "--data"]), @r"
    to origin (<folder>/team.mdl)
      main   is up to date
    sent <n> objects, <size>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["push", "--data"]), @r"
    to origin (<folder>/team.mdl)
      main   is up to date
    [exit 0]
    ");
    bob.ok(&["checkout", "--force", "-q", "main"]);
    assert_eq!(bob.read("train.py"), "print('training')\n");
    // Who has not the data of a commit can push what comes after it to where the data is.
    let eve = clone(&ada, "eve", &[]);
    commit(&eve, "train.py", "print('eve')\n", "eve's");
    eve.ok(&["push", "-q"]);
    // And to nowhere else.
    eve.ok(&["remote", "add", "other", "../other.mdl"]);
    insta::assert_snapshot!(told(&eve, &["push", "other"]), @r"
    ---
    error: remote other (<folder>/other.mdl)
      because: 2 contents of what should be sent are neither here nor there
    hint: get them first with `mdl fetch --data REV`, or push without data: `mdl push --no-data`
    [exit 3]
    ");
    insta::assert_snapshot!(told(&eve, &["push", "--no-data", "other"]), @r"
    to other (<folder>/other.mdl)
      main   new, at <id>
    sent <n> objects, <size>
    ---
    hint: the data stays here; send it with `mdl push --data`
    [exit 0]
    ");
}
