//! Where a team shares: naming it, looking at it, and what is said of places that are none.

use serde_json::Value;

use super::{ada, clone, commit, flip, team, told};
use crate::sandbox::Sandbox;

#[test]
fn remotes_are_named_listed_and_forgotten() {
    let (ada, bob) = team();
    bob.ok(&["switch", "-q", "-c", "wide/er"]);
    bob.ok(&["push", "-q", "origin", "wide/er"]);
    ada.ok(&["fetch", "-q"]);
    insta::assert_snapshot!(told(&ada, &["remote"]), @r"
      origin   <folder>/team.mdl
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["remote", "show", "origin"]), @r"
      branch main      <id>
      branch wide/er   <id>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["remote", "add", "origin", "../other.mdl"]), @r#"
    ---
    error: "origin" exists already
    hint: choose another name, or remove origin first
    [exit 4]
    "#);
    insta::assert_snapshot!(told(&ada, &["remote", "add", "backup", "../backup.mdl", "--no-check"]), @r"
    remote backup is <folder>/backup.mdl; it was not tried
    ---
    hint: send what you have with `mdl push`
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["remote", "list"]), @r"
      backup   <folder>/backup.mdl
      origin   <folder>/team.mdl
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["remote", "set-url", "backup", "../team.mdl"]), @r"
    remote backup is <folder>/team.mdl; who pushes there at once is kept apart
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["remote", "set-url", "bakcup", "../team.mdl"]), @r#"
    ---
    error: no remote is called "bakcup"
    hint: did you mean backup?
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&ada, &["remote", "remove", "backup"]), @r"
    forgot backup; what is at <folder>/team.mdl stays
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["remote", "remove", "backup"]), @r#"
    ---
    error: no remote is called "backup"
    hint: `mdl remote list` lists them
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&ada, &["remote", "show", "backup"]), @r#"
    ---
    error: no remote is called "backup"
    hint: `mdl remote list` lists them
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&ada, &["remote", "add", "a/b", "../x.mdl"]), @r#"
    ---
    error: "a/b" is not a name: it has the character '/'
    hint: use letters, digits, '-', '_' and '.', and for branches and tags also '/'
    [exit 2]
    "#);
    insta::assert_snapshot!(told(&ada, &["push", "nowhere"]), @r#"
    ---
    error: no remote is called "nowhere"
    hint: `mdl remote list` lists them
    [exit 3]
    "#);
    // All that is known of it goes with it.
    ada.ok(&["remote", "remove", "origin"]);
    insta::assert_snapshot!(told(&ada, &["push"]), @r"
    ---
    error: no remote is named, and none is the one that is meant
    hint: add one: `mdl remote add origin /shared/team.mdl`, or ssh://…, s3://…, gs://…, az://…
    [exit 3]
    ");
    insta::assert_snapshot!(told(&ada, &["log", "origin/main"]), @r#"
    ---
    error: no revision is called "origin/main"
    hint: `mdl log` shows commits, `mdl runs` runs, `mdl branch` and `mdl tag` names
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&ada, &["remote"]), @r"
    ---
    hint: there is none yet: `mdl remote add origin /shared/team.mdl`
    [exit 0]
    ");
    ada.ok(&["fsck"]);
}

#[test]
fn what_nobody_needs_there_is_deleted() {
    let (ada, bob) = team();
    bob.ok(&["switch", "-q", "-c", "side"]);
    commit(&bob, "params.yaml", "lr: 0.5\n", "slower");
    bob.ok(&["tag", "v1"]);
    bob.ok(&["push", "-q", "origin", "side", "v1"]);
    ada.ok(&["fetch", "-q"]);
    insta::assert_snapshot!(told(&ada, &["push", "--delete", "origin", "side", "v1"]), @r"
    to origin (<folder>/team.mdl)
      side     deleted, was at <id>
      tag v1   deleted, was at <id>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["push", "--delete", "origin", "refs/heads/side"]), @r"
    to origin (<folder>/team.mdl)
      side   is gone already
    [exit 0]
    ");
    insta::assert_snapshot!(told(&ada, &["push", "-d", "origin", "sid", "v1"]), @r"
    to origin (<folder>/team.mdl)
      sid      not deleted: it is no branch or tag there, and never was
      tag v1   is gone already
    ---
    hint: `mdl ls-remote` lists what is there
    [exit 3]
    ");
    insta::assert_snapshot!(told(&ada, &["push", "--delete", "origin"]), @r"
    ---
    error: the following required arguments were not provided: <REF>...
    hint: write mdl push --delete <REMOTE> <REF>...; --help tells more
    [exit 2]
    ");
    insta::assert_snapshot!(told(&ada, &["push", "--delete", "origin", "side", "--runs"]), @r"
    ---
    error: the argument '--delete' cannot be used with '--runs'
    hint: write mdl push --delete <REMOTE> <REF>...; --help tells more
    [exit 2]
    ");
    insta::assert_snapshot!(told(&ada, &["push", "origin", ":side"]), @r"
    ---
    error: :side says nothing of what is here
    hint: to delete side there: `mdl push --delete REMOTE side`
    [exit 2]
    ");
    insta::assert_snapshot!(told(&ada, &["log", "origin/side"]), @r#"
    ---
    error: no revision is called "origin/side"
    hint: `mdl log` shows commits, `mdl runs` runs, `mdl branch` and `mdl tag` names
    [exit 3]
    "#);
    insta::assert_snapshot!(told(&bob, &["fetch"]), @r"
    from origin (<folder>/team.mdl)
      origin/side   is gone there; forget it with `mdl remote prune origin`
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["status"]), @r"
    On branch side
    as origin/side is
    nothing to commit, the work tree is as HEAD says
    [exit 0]
    ");
    // It is there again once somebody wants it.
    insta::assert_snapshot!(told(&bob, &["push", "origin", "side"]), @r"
    to origin (<folder>/team.mdl)
      side   new, at <id>
    [exit 0]
    ");
    // Where files are checked out, their branch stays.
    bob.ok(&["remote", "add", "ada", "../project"]);
    insta::assert_snapshot!(told(&bob, &["push", "--delete", "ada", "main"]), @r"
    to ada (<folder>/project)
      main   not deleted: it is checked out there, and its files would no longer fit
    ---
    hint: switch to another branch there first
    [exit 4]
    ");
}

#[test]
fn branches_that_are_gone_are_pruned() {
    let ada = Sandbox::history();
    ada.ok(&["branch", "-q", "side"]);
    ada.ok(&["clone", "-q", "../project", "../bob"]);
    let bob = ada.beside("bob");
    ada.ok(&["branch", "-q", "-D", "side"]);
    insta::assert_snapshot!(told(&bob, &["fetch"]), @r"
    from origin (<folder>/project)
      origin/side   is gone there; forget it with `mdl remote prune origin`
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["remote", "prune", "origin", "--dry-run"]), @r"
    would forget origin/side
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["remote", "prune", "origin"]), @r"
    forgot origin/side
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["remote", "prune", "origin"]), @r"
    every branch that is remembered is there still
    [exit 0]
    ");
    insta::assert_snapshot!(told(&bob, &["fetch"]), @r"
    nothing new at origin (<folder>/project)
    [exit 0]
    ");
}

#[test]
fn what_is_at_a_location_can_be_listed_from_anywhere() {
    let ada = ada();
    let nowhere = ada.beside("empty");
    std::fs::create_dir(nowhere.root()).unwrap();
    insta::assert_snapshot!(told(&nowhere, &["ls-remote", "../team.mdl"]), @r"
      branch main   <id>
    [exit 0]
    ");
    insta::assert_snapshot!(told(&nowhere, &["ls-remote"]), @r"
    ---
    error: no remote is named, and none is the one that is meant
    hint: add one: `mdl remote add origin /shared/team.mdl`, or ssh://…, s3://…, gs://…, az://…
    [exit 3]
    ");
    insta::assert_snapshot!(told(&nowhere, &["ls-remote", "../empty"]), @r"
    ---
    error: remote <project>
      because: there is no repository
    hint: check where it should be; a first `mdl push` makes a repository there
    [exit 3]
    ");
    assert_eq!(ada.ok(&["ls-remote"]), ada.ok(&["ls-remote", "origin"]));
    let keys = ada.ok(&["ls-remote", "--keys"]);
    assert!(keys.lines().any(|line| line.ends_with(" refs/heads/main/1")), "{keys}");
    assert!(keys.lines().all(|line| {
        let (size, key) = line.split_once(' ').unwrap();
        let file = ada.around().join("team.mdl").join(key);
        // Ids in keys are not shown by tests.
        key.contains('<') || std::fs::metadata(file).unwrap().len().to_string() == size
    }));
    // Of a work tree, what it alone needs is left out.
    let own = ada.ok(&["ls-remote", "--keys", "../project/.mdl"]);
    assert!(!own.contains("HEAD") && !own.contains("cache") && !own.contains("config"), "{own}");
}

/// Places that are none, and the secrets in them.
const WRONG: [&str; 12] = [
    "ftp://host/x",
    "ssh://me:geheim@host/x",
    "https://geheim@host/x",
    "s3://key:geheim@bucket/x",
    "ssh://-oProxyCommand=touch${IFS}pwned/x",
    "-oProxyCommand=touch:pwned",
    "ext::sh -c touch% pwned",
    "ssh://host",
    "",
    "host:",
    "a\nb",
    "../nowhere/team.mdl",
];

#[test]
fn places_that_are_none() {
    let sandbox = Sandbox::history();
    let mut all = String::new();
    for url in WRONG {
        let clone = sandbox.mdl(&["clone", "--", url, "../copy"]);
        let add = sandbox.mdl(&["remote", "add", "origin", "--", url]);
        for ran in [&clone, &add] {
            assert!(!ran.told().contains("geheim"), "{url}: {}", ran.told());
            assert!(ran.stdout.is_empty() && ran.code > 0, "{url}: {}", ran.told());
        }
        all += &format!("{url:?}\n{}\n", add.told());
        if clone.told() != add.told() {
            all += &format!("clone: {}\n", clone.told());
        }
        assert!(!sandbox.around().join("copy").exists(), "{url}");
    }
    insta::assert_snapshot!(all.replace("geheim", "<secret>"), @r#"
    "ftp://host/x"
    ---
    error: this is no location of a repository: "ftp" is no scheme of mdl: there are file, ssh, s3, gs, az, https, http, scp-like host:path
    hint: `mdl help remote` shows the forms
    [exit 2]
    "ssh://me:<secret>@host/x"
    ---
    error: this is no location of a repository: it holds a password or token, which would end up in configuration and logs: use a key or an agent of ssh
    hint: correct it; nothing was changed
    [exit 2]
    "https://<secret>@host/x"
    ---
    error: this is no location of a repository: it holds a password or token, which would end up in configuration and logs: use a server that needs none
    hint: correct it; nothing was changed
    [exit 2]
    "s3://key:<secret>@bucket/x"
    ---
    error: this is no location of a repository: it holds a password or token, which would end up in configuration and logs: use the credentials that the tools of the cloud use (environment, profile, metadata service)
    hint: correct it; nothing was changed
    [exit 2]
    "ssh://-oProxyCommand=touch${IFS}pwned/x"
    ---
    error: this is no location of a repository: its host begins with '-', which programs read as an option
    hint: correct it; nothing was changed
    [exit 2]
    "-oProxyCommand=touch:pwned"
    ---
    error: this is no location of a repository: its host begins with '-', which programs read as an option
    hint: correct it; nothing was changed
    [exit 2]
    "ext::sh -c touch% pwned"
    ---
    error: this is no location of a repository: "ext" is no scheme of mdl: there are file, ssh, s3, gs, az, https, http, scp-like host:path
    hint: `mdl help remote` shows the forms
    [exit 2]
    "ssh://host"
    ---
    error: this is no location of a repository: it names no folder of the host
    hint: correct it; nothing was changed
    [exit 2]
    ""
    ---
    error: this is no location of a repository: it is empty
    hint: correct it; nothing was changed
    [exit 2]
    "host:"
    ---
    error: this is no location of a repository: it names no folder of the host
    hint: correct it; nothing was changed
    [exit 2]
    "a\nb"
    ---
    error: this is no location of a repository: it has control characters, also where they are written as %0a and the like
    hint: correct it; nothing was changed
    [exit 2]
    "../nowhere/team.mdl"
    ---
    error: remote <folder>/nowhere/team.mdl
      because: cannot open <folder>/nowhere/team.mdl
      because: there is no folder <folder>/nowhere to make it in
    [exit 3]
    "#);
    assert_eq!(sandbox.ok(&["remote", "-q"]), "");
    let everywhere = [sandbox.root(), sandbox.around()];
    assert!(everywhere.iter().all(|folder| !folder.join("pwned").exists()));
}

#[test]
fn a_folder_of_something_else_is_no_place_to_push_to() {
    let sandbox = Sandbox::history();
    sandbox.write("../thesis/chapter.txt", "1");
    insta::assert_snapshot!(told(&sandbox, &["remote", "add", "origin", "../thesis"]), @r"
    ---
    error: remote <folder>/thesis
      because: cannot open <folder>/thesis
      because: the folder holds something else than mdl's
    hint: name a repository, or a folder that is new or empty; nothing was changed
    [exit 4]
    ");
    sandbox.ok(&["remote", "add", "origin", "../thesis", "--no-check"]);
    insta::assert_snapshot!(told(&sandbox, &["push"]), @r"
    ---
    error: remote <folder>/thesis
      because: cannot open <folder>/thesis
      because: the folder holds something else than mdl's
    hint: name a repository, or a folder that is new or empty; nothing was changed
    [exit 4]
    ");
    insta::assert_snapshot!(told(&sandbox, &["fetch"]), @r"
    ---
    error: remote <folder>/thesis
      because: cannot open <folder>/thesis
      because: the folder holds something else than mdl's
    hint: name a repository, or a folder that is new or empty; nothing was changed
    [exit 4]
    ");
    let names: Vec<_> = std::fs::read_dir(sandbox.around().join("thesis")).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn a_remote_that_can_only_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let ada = ada().unprivileged();
    let team = ada.around().join("team.mdl");
    let set = |mode| {
        for folder in ["", "tmp", "probe", "refs/heads/main", "packs/meta", "packs/data"] {
            let folder = team.join(folder);
            if folder.exists() {
                std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    };
    set(0o555);
    let bob = clone(&ada, "bob", &[]);
    commit(&bob, "params.yaml", "lr: 3\n", "three");
    assert!(told(&bob, &["push"]).contains("[exit 6]"), "{}", told(&bob, &["push"]));
    let added = told(&bob, &["remote", "add", "again", "../team.mdl"]);
    assert!(added.contains("it can only be read"), "{added}");
    set(0o755);
}

#[test]
fn every_command_has_a_document() {
    let (ada, bob) = team();
    bob.ok(&["run", "-q", "--", "true"]);
    let document = |sandbox: &Sandbox, arguments: &[&str]| -> Value {
        let output = sandbox.command(&[&["--json"], arguments].concat()).output().unwrap();
        let text = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
        serde_json::from_slice(text)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(text)))
    };
    commit(&ada, "params.yaml", "lr: 0.5\nlayers: [128, 64]\n", "half");
    for (sandbox, arguments, schema) in [
        (&ada, &["push"][..], "mdl.push/1"),
        (&ada, &["push"], "mdl.push/1"),
        (&bob, &["push", "--runs"], "mdl.push/1"),
        (&ada, &["fetch"], "mdl.fetch/1"),
        (&ada, &["fetch"], "mdl.fetch/1"),
        (&ada, &["fetch", "--all"], "mdl.fetch/1"),
        (&bob, &["fetch", "--data", "HEAD"], "mdl.fetch_data/1"),
        (&bob, &["pull"], "mdl.pull/1"),
        (&bob, &["pull"], "mdl.pull/1"),
        (&bob, &["remote"], "mdl.remotes/1"),
        (&bob, &["remote", "list"], "mdl.remotes/1"),
        (&bob, &["remote", "show", "origin"], "mdl.ls_remote/1"),
        (&bob, &["ls-remote"], "mdl.ls_remote/1"),
        (&bob, &["ls-remote", "--keys"], "mdl.keys/1"),
        (&bob, &["remote", "prune", "origin"], "mdl.prune/1"),
        (&bob, &["remote", "add", "more", "../more.mdl"], "mdl.remote/1"),
        (&bob, &["remote", "set-url", "more", "../most.mdl"], "mdl.remote/1"),
        (&bob, &["remote", "remove", "more"], "mdl.remote/1"),
        (&bob, &["fsck", "origin"], "mdl.fsck/1"),
        (&bob, &["clone", "../team.mdl", "../eve"], "mdl.clone/1"),
        (&bob, &["clone", "../team.mdl", "../eve"], "mdl.error/1"),
        (&bob, &["push", "origin", "nothing"], "mdl.error/1"),
    ] {
        assert_eq!(document(sandbox, arguments)["schema"], schema, "{arguments:?}");
    }
    // A push that was refused, and a pull of what conflicts.
    commit(&bob, "params.yaml", "lr: 0.6\nlayers: [128, 64]\n", "more");
    bob.ok(&["push", "-q"]);
    commit(&ada, "params.yaml", "lr: 0.7\nlayers: [128, 64]\n", "yet more");
    let refused = document(&ada, &["push"]);
    assert_eq!((&refused["schema"], &refused["refs"][0]["fate"]), (&"mdl.push/1".into(), &"behind".into()));
    let conflict = document(&ada, &["pull"]);
    assert_eq!(conflict["schema"], "mdl.pull/1", "{conflict}");
    assert_eq!(conflict["fetch"]["refs"][0]["name"], "origin/main", "{conflict}");
}

#[test]
fn every_command_has_help() {
    let sandbox = Sandbox::new();
    let overview = sandbox.ok(&["help"]);
    for command in ["remote", "push", "fetch", "pull", "clone", "ls-remote"] {
        let help = sandbox.ok(&["help", command]);
        assert_eq!(sandbox.ok(&[command, "--help"]), help, "{command}");
        assert!(help.contains(&format!("Usage: mdl {command}")) && help.contains("Examples:"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        assert!(overview.contains(&format!("\n  {command} ")), "{command}: {overview}");
    }
}

#[test]
fn a_flipped_byte_at_the_remote_is_found() {
    let ada = ada();
    assert!(ada.ok(&["fsck", "origin", "--data"]).starts_with("all is well: "));
    for section in ["data", "meta"] {
        let folder = ada.around().join("team.mdl/packs").join(section);
        let pack = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        flip(&pack, 20);
        let ran = ada.mdl(&["fsck", "origin", "--data"]);
        assert_eq!(ran.code, 5, "{section}: {}", ran.told());
        assert!(ran.stdout.contains("pack"), "{section}: {}", ran.told());
        flip(&pack, 20);
    }
    ada.ok(&["fsck", "origin", "--data"]);
    ada.ok(&["fsck", "../team.mdl"]);
    // A clone of what is damaged is refused, and nothing here names what is not here.
    let folder = ada.around().join("team.mdl/packs/meta");
    let pack = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    flip(&pack, 20);
    insta::assert_snapshot!(told(&ada, &["clone", "../team.mdl", "../bob"]), @r"
    ---
    error: remote origin (<folder>/team.mdl)
      because: pack packs/meta/<id> is corrupt: frame 0 does not have its hash
    hint: `mdl fsck REMOTE` tells what else is damaged there, and `mdl fsck` what is here
    [exit 5]
    ");
    assert!(!ada.around().join("bob/.mdl/format").exists());
}
