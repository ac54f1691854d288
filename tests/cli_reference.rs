//! Keeps the reference in `docs/cli.md` what the program says of itself. `MDL_WRITE_DOCS=1` writes it anew.

#![cfg(feature = "cli")]

use std::path::Path;
use std::process::Command;

const MARK: &str = "<!-- REFERENCE: ";

/// What `mdl` prints with these arguments, at the width that it has without a terminal.
fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mdl"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .env_remove("COLUMNS")
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "mdl {arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("help is UTF-8");
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The commands that the overview lists, in its order.
fn commands(overview: &str) -> Vec<String> {
    let indented = overview.lines().filter(|line| line.starts_with("  "));
    let first_words = indented.filter_map(|line| line.split_whitespace().next());
    first_words.filter(|word| !word.starts_with('-') && *word != "help").map(str::to_owned).collect()
}

fn reference() -> String {
    let overview = help(&["--help"]);
    let commands = commands(&overview);
    assert!(commands.len() > 10, "the commands were not found in:\n{overview}");
    let mut text = format!("\n```text\n{overview}\n```\n");
    for command in commands {
        text.push_str(&format!("\n### mdl {command}\n\n```text\n{}\n```\n", help(&[&command, "--help"])));
    }
    text
}

#[test]
fn the_reference_is_what_the_program_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let document = std::fs::read_to_string(&path).expect("docs/cli.md can be read");
    let mark = document.find(MARK).expect("docs/cli.md has the mark");
    let start = mark + document[mark..].find("-->\n").expect("the mark ends") + 4;
    let (before, written) = document.split_at(start);
    let expected = reference();
    if std::env::var_os("MDL_WRITE_DOCS").is_some() {
        return std::fs::write(&path, format!("{before}{expected}")).expect("docs/cli.md can be written");
    }
    assert_eq!(written, expected, "docs/cli.md is behind: MDL_WRITE_DOCS=1 cargo test --test cli_reference");
}
