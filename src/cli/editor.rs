//! The message of a commit, written in the person's editor.
//!
//! The editor is the person's own choice, from the environment, and never taken from a repository.

use std::env;
use std::fs;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::pager::shell;
use crate::disk::{Durability, OsDisk, replace};
use crate::repo::Repository;

/// The file that is edited, in the repository's directory. It stays, so that no message is lost.
const FILE: &str = "COMMIT_MESSAGE";

/// Asks a person at a terminal for a message; lines that begin with `#` are left out.
pub fn message(repository: &Repository, context: &Context) -> Result<String, CliError> {
    if !context.terminal.is_interactive() {
        return Err(CliError::usage("a commit needs a message", "say why with `mdl commit -m MESSAGE`"));
    }
    let path = repository.directory().join(FILE);
    let file = |action| {
        let path = path.clone();
        move |source| CliError::File { action, path, source }
    };
    let template = "\n# Why is this state worth keeping? The first line is its title.\n\
                    # Lines that begin with '#' are left out; an empty message commits nothing.\n";
    let tmp = repository.directory().join("tmp");
    replace(&OsDisk, &tmp, &path, template.as_bytes(), Durability::Cache).map_err(file("write"))?;
    let editor = chosen();
    let command = format!("{editor} {}", quoted(&path.display().to_string()));
    let status =
        shell(&command).status().map_err(|source| CliError::Editor { editor: editor.clone(), source })?;
    if !status.success() {
        return Err(CliError::EditorFailed { editor });
    }
    Ok(without_comments(&fs::read_to_string(&path).map_err(file("read"))?))
}

fn chosen() -> String {
    let set = |variable: &&str| env::var(variable).ok().filter(|editor| !editor.trim().is_empty());
    let fallback = if cfg!(windows) { "notepad" } else { "vi" };
    ["MDL_EDITOR", "VISUAL", "EDITOR"].iter().find_map(set).unwrap_or_else(|| fallback.to_owned())
}

/// A path as one word of a shell's command line.
fn quoted(path: &str) -> String {
    if cfg!(windows) { format!("\"{path}\"") } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

fn without_comments(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_edges_are_left_out() {
        assert_eq!(
            without_comments("\n# why?\nwider net  \n\n#1\nit is better\n\n"),
            "wider net\n\nit is better"
        );
        assert_eq!(without_comments("\n# nothing\n"), "");
    }

    #[test]
    #[cfg(unix)]
    fn a_path_is_one_word() {
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
