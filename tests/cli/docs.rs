//! `docs/cli.md` is made from the parser, and so never says anything else.

use std::fmt::Write;
use std::path::Path;

use clap::Command;
use mdl::cli::Exit;

/// The whole page.
fn page() -> String {
    let mut root = mdl::cli::command();
    root.build();
    let mut page = String::from(
        "# The command line\n\n<!-- Made from the parser by `MDL_BLESS=1 cargo test --test cli docs`. -->\n\n\
         Results go to standard output; progress, hints and warnings to standard error. Every command has the global\n\
         options, before its name or after it, and `--help`. `mdl help revisions` tells how states and their parts are named.\n\n",
    );
    page += "## Commands\n\n| command | |\n|---|---|\n";
    let commands: Vec<Command> = root.get_subcommands().cloned().collect();
    for command in &commands {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(page, "| [`mdl {0}`](#mdl-{0}) | {about} |", command.get_name()).unwrap();
    }
    page += "\n## Global options\n\n";
    page += &table(&root, true);
    page += "\n## Exit codes\n\n| code | |\n|---|---|\n";
    for exit in Exit::ALL {
        writeln!(page, "| {} | {} |", exit.code(), exit.meaning()).unwrap();
    }
    page += "\nWith `--json`, an error is one object on standard error:\n\
             `{\"schema\": \"mdl.error/1\", \"error\": …, \"causes\": […], \"hint\": …, \"code\": …}`.\n\n\
             ## Environment\n\n| variable | |\n|---|---|\n\
             | `MDL_PAGER`, `PAGER` | the pager for output longer than the screen; `less -FRXK` if neither is set |\n\
             | `MDL_EDITOR`, `VISUAL`, `EDITOR` | the editor for messages of commits |\n\
             | `MDL_AUTHOR_NAME`, `MDL_AUTHOR_EMAIL` | who commits, before any setting |\n\
             | `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` | whether colours are used, where neither `--color` nor `ui.color` says |\n\
             | `COLUMNS`, `LINES` | the size of the screen, where it is not to be asked |\n\
             | `XDG_CONFIG_HOME` | where your own settings lie, in `mdl/config.toml` |\n";
    for mut command in commands {
        section(&mut command, &mut page);
    }
    page
}

fn section(command: &mut Command, page: &mut String) {
    writeln!(page, "\n## mdl {}\n", command.get_name()).unwrap();
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    writeln!(page, "{}\n", about.trim()).unwrap();
    let usage = command.render_usage().to_string();
    writeln!(page, "```text\n{}\n```\n", usage.trim_start_matches("Usage: ")).unwrap();
    let options = table(command, false);
    if !options.is_empty() {
        writeln!(page, "{options}").unwrap();
    }
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples: Vec<&str> = examples.lines().skip(1).map(|line| line.trim()).collect();
    writeln!(page, "```sh\n{}\n```", examples.join("\n").replace("  ", "  # ").replace("#   ", "  # "))
        .unwrap();
}

/// The arguments of a command: only those that every command has, or only the others.
fn table(command: &Command, global: bool) -> String {
    let mut rows = String::new();
    for argument in command.get_arguments() {
        let is_global = argument.get_help_heading() == Some("Global options");
        if is_global != global || argument.is_hide_set() {
            continue;
        }
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let values: Vec<String> = argument
            .get_possible_values()
            .iter()
            .filter(|_| argument.get_action().takes_values())
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
        writeln!(rows, "| `{}` | {help}{values} |", argument.to_string().replace('|', "\\|")).unwrap();
    }
    if rows.is_empty() { rows } else { format!("| | |\n|---|---|\n{rows}") }
}

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let page = page();
    if std::env::var_os("MDL_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/cli.md is out of date: run `MDL_BLESS=1 cargo test --test cli docs`");
}
