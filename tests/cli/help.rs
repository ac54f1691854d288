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
    mdl records what a model is made of (data, features, parameters, code, environment) and what came
    of it, so that you can compare any two states and put any of them back.

    Usage: mdl [OPTIONS] COMMAND

    Start
      init         Make a repository of this project, and a manifest that fits what is here
      clone        Make a repository out of one that is elsewhere
      add          Name files or folders as parts of the model
      rm           Take parts out of the manifest; their files stay where they are

    Record what you have
      status       Show what differs from the last commit
      commit       Record what the manifest names, as it is now
      run          Run a command, and record what went in and what came out
      merge        Bring a run, or another branch, into the branch
      undo         Step the branch back to the commit before; your files stay as they are

    Look and compare
      log          Show the commits, newest first
      show         Show a commit or run, a part of one, a tag or any object
      runs         List the runs that are recorded, newest first
      diff         Show what differs between two states, part by part
      cat          Write the bytes of a recorded file to standard output
      fit          Tell on which accelerators a recorded run would fit

    Go back, or reuse a part
      checkout     Put a recorded state back, here or into a new folder
      restore      Put some parts of a state back, and leave the rest as it is
      reproduce    Run what a commit defines again, and say how faithfully it came out

    Name states and lines of work
      branch       List branches, or make, rename or delete one
      switch       Go to a branch, and make it first with -c
      tag          List tags, or make, move or delete one

    Share with others
      remote       Name the places that this repository shares with, or list them
      push         Send branches, tags and runs to a remote, with the data that it does not have yet
      fetch        Get what is new at a remote, or the data of a state
      pull         Get what is new at a remote, and merge the branch that yours follows
      ls-remote    List the branches, tags and runs of a remote, or of what is at a location

    Look after it
      fsck         Check that everything recorded is there and undamaged
      gc           Remove what nothing refers to, and gather many small files into few
      config       Show or change settings
      serve        Serve repositories to an mdl elsewhere, over standard input and output
      completions  Print a script that lets your shell complete mdl's command lines
      help         Show the help of a command, or of a topic: revisions, exit-codes

    Options, before or after the command
      -C DIR             run as if started in DIR
      -q, --quiet        no summaries, hints or progress
      --json             results as JSON, for programs
      --color WHEN       auto, always or never
      --no-pager         do not page long output
      -V, --version      print the version

    `mdl help COMMAND` tells more, with examples. Also: `mdl help revisions`, `mdl help exit-codes`.
    ");
}

#[test]
fn the_help_of_a_command() {
    let sandbox = Sandbox::new();
    let help = sandbox.ok(&["help", "restore"]);
    assert_eq!(sandbox.ok(&["restore", "--help"]), help);
    insta::assert_snapshot!(help, @r"
    Put some parts of a state back, and leave the rest as it is

    Reuses the parameters, the features or a dataset of another run. The branch does not move.

    Usage: mdl restore [OPTIONS] <PART>...

    Arguments:
      <PART>...  The parts, or paths of their files

    Options:
          --from <REV>  The state that they are taken from [default: HEAD]
      -f, --force       Overwrite changes that are not committed
          --dry-run     Say what would be done, and do nothing

    Global options:
      -C <DIR>            Run as if started in DIR; each further -C is relative to the one before
      -q, --quiet         Say only what was asked for: no summaries, hints or progress
          --json          Print JSON, for programs; errors are JSON on standard error
          --color <WHEN>  When to use colours: auto, always or never
          --no-pager      Do not page long output
      -h, --help          Print help

    Examples:
      mdl restore --from HEAD~1 params                the parameters of an earlier commit
      mdl restore --from main features datasets/data  from another branch
      mdl restore --force train.py                    undo what you changed in a file
    ");
}

#[test]
fn topics() {
    let sandbox = Sandbox::new();
    assert!(sandbox.ok(&["help", "revisions"]).contains("HEAD:params.optim.lr"));
    assert!(sandbox.ok(&["help", "exit-codes"]).contains("130  interrupted"));
    insta::assert_snapshot!(sandbox.mdl(&["help", "comit"]).told(), @r#"
    ---
    error: there is no command or topic "comit"
    hint: did you mean `mdl help commit`?
    [exit 2]
    "#);
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
        assert!(script.contains("checkout") && script.contains("dry-run"), "{shell}");
    }
}
