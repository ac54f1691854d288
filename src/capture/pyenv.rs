//! Shims of pyenv: scripts in the place of programs, which choose a version when they are run.
//!
//! Here the choice is made as pyenv makes it, by reading: `$PYENV_VERSION`, the nearest `.python-version`, then the
//! version that is set for the user. Tests are with the interpreter's.

use std::path::{Path, PathBuf};

use crate::capture::interpreter::Environment;
use crate::capture::small_file;

/// What pyenv would run.
pub(super) enum Choice {
    /// The interpreter with this prefix.
    Version(PathBuf),
    /// pyenv is told to step aside.
    System,
}

/// What pyenv would choose for one of its shims; `None` if it is not one, or what is chosen is not installed.
pub(super) fn choice(shim: &Path, root: &Path, environment: Environment<'_>) -> Option<Choice> {
    let shims = shim.parent()?;
    if shims.file_name()? != "shims" || !shims.parent()?.join("versions").is_dir() {
        return None;
    }
    let home = shims.parent()?;
    let chosen = environment("PYENV_VERSION")
        .and_then(|text| text.into_string().ok())
        .filter(|text| !text.is_empty())
        .or_else(|| root.ancestors().find_map(|dir| small_file::line(&dir.join(".python-version"))))
        .or_else(|| small_file::line(&home.join("version")));
    let Some(chosen) = chosen else { return Some(Choice::System) };
    let name = chosen.split([':', ' ']).next()?;
    if name == "system" {
        return Some(Choice::System);
    }
    // A name, possibly of an environment in a version (`3.11.7/envs/x`), and never a way out.
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return None;
    }
    let exact = home.join("versions").join(name);
    if exact.is_dir() {
        return Some(Choice::Version(exact));
    }
    newest(&home.join("versions"), &format!("{name}.")).map(Choice::Version)
}

/// The folder with the highest number after a prefix: `3.11` stands for the newest `3.11.x`.
fn newest(versions: &Path, prefix: &str) -> Option<PathBuf> {
    let names =
        std::fs::read_dir(versions).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let numbered = names.filter_map(|name| Some((name.strip_prefix(prefix)?.parse::<u32>().ok()?, name)));
    numbered.max().map(|(_, name)| versions.join(name))
}
