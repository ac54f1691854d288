//! Where output goes: pipes that close, colours, pagers, quiet.

use std::io::Read;
use std::process::Stdio;

use crate::sandbox::Sandbox;

#[test]
#[cfg(unix)]
fn a_reader_that_stops_reading_is_no_error() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["completions", "bash"]);
    // Gone before the program starts: all that it prints would fit into the pipe.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(141), ""));
}

#[test]
#[cfg(unix)]
fn a_large_file_into_a_pipe_that_closes() {
    let sandbox = Sandbox::project();
    sandbox.write("data/train.csv", &"1234567\n".repeat(1 << 18));
    sandbox.ok(&["commit", "-q", "-m", "large"]);
    let mut command = sandbox.command(&["cat", "HEAD:data/train.csv"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(141), ""));
    assert_eq!(&first, b"1234567\n1234567\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let sandbox = Sandbox::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = sandbox.command(&["help"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let ran = sandbox.ran(&output.wait_with_output().unwrap());
    assert_eq!(ran.code, 6);
    assert!(ran.stderr.contains("cannot write the result"), "{}", ran.stderr);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let sandbox = Sandbox::new();
    let colored = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = sandbox.command(arguments).envs(variables.iter().copied()).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(!colored(&["help"], &[]), "into a pipe");
    assert!(colored(&["help", "--color", "always"], &[]));
    assert!(
        colored(&["--color=always", "help"], &[("NO_COLOR", "1")]),
        "an option goes before the environment"
    );
    assert!(colored(&["help"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&["help"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colored(&["help", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn quiet_says_nothing_of_what_was_done() {
    let sandbox = Sandbox::new();
    sandbox.write("params.yaml", "lr: 1\n");
    for arguments in [&["-q", "init"][..], &["init", "--quiet"]] {
        let ran = sandbox.mdl(arguments);
        assert_eq!((ran.code, ran.stdout + &ran.stderr), (0, String::new()));
    }
}

#[test]
fn nothing_is_paged_into_a_pipe() {
    let sandbox = Sandbox::new();
    let output =
        sandbox.command(&["help"]).env("MDL_PAGER", "touch paged").env("LINES", "2").output().unwrap();
    assert!(output.status.success() && !sandbox.root().join("paged").exists());
}

#[test]
fn the_folder_is_chosen_before_or_after_the_command() {
    let sandbox = Sandbox::new();
    sandbox.write("a/b/params.yaml", "lr: 1\n");
    sandbox.ok(&["-C", "a", "init", "-C", "b"]);
    assert!(sandbox.root().join("a/b/.mdl/format").exists());
    let ran = sandbox.mdl(&["-C", "nowhere", "status"]);
    insta::assert_snapshot!(ran.told(), @r"
    ---
    error: cannot work in nowhere
      because: No such file or directory (os error 2)
    [exit 3]
    ");
}
