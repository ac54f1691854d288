//! Where tools that run commands in an environment of their making have it: uv, poetry, conda and their like.
//!
//! By reading alone. Where a tool would have to make the environment first, or has several and only its own arithmetic
//! tells which, there is no answer, rather than a wrong one.

use std::path::{Path, PathBuf};

use crate::capture::interpreter::Environment;
use crate::capture::small_file;

/// What a tool's `run` leads to.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    /// An environment with this prefix.
    Prefix(PathBuf),
    /// This interpreter.
    Program(PathBuf),
    /// What the project uses anyway.
    Default,
}

/// The environment that `TOOL run …` would use.
pub(super) fn place(
    tool: &str,
    words: &[String],
    folder: &Path,
    environment: Environment<'_>,
) -> Option<Place> {
    if words.first()? != "run" {
        return None;
    }
    let options = &words[1..];
    match tool {
        "uv" => uv(options, folder, environment),
        "conda" | "mamba" | "micromamba" => conda(options, environment).map(Place::Prefix),
        "pixi" => {
            let name = option(options, &["-e", "--environment"]).unwrap_or("default");
            let at = |dir: &Path| dir.join(".pixi/envs").join(name);
            (!name.contains('/'))
                .then(|| folder.ancestors().map(at).find(|path| path.is_dir()))?
                .map(Place::Prefix)
        }
        _ => of_project(tool, folder, environment),
    }
}

fn uv(options: &[String], folder: &Path, environment: Environment<'_>) -> Option<Place> {
    let active = || environment("VIRTUAL_ENV").map(PathBuf::from).filter(|path| path.is_dir());
    let own = &options[..options.iter().position(|word| !word.starts_with('-')).unwrap_or(options.len())];
    if own.iter().any(|word| word == "--active")
        && let Some(prefix) = active()
    {
        return Some(Place::Prefix(prefix));
    }
    let folder = match option(options, &["--project", "--directory"]) {
        Some(path) => folder.join(path),
        None => folder.to_owned(),
    };
    let Some(project) = folder.ancestors().find(|dir| dir.join("pyproject.toml").is_file()) else {
        return Some(Place::Default);
    };
    let named = environment("UV_PROJECT_ENVIRONMENT").map(PathBuf::from);
    let prefix = project.join(named.unwrap_or_else(|| ".venv".into()));
    // Of a workspace, the environment is that of its root.
    let above = || project.ancestors().map(|dir| dir.join(".venv")).find(|path| is_virtual(path));
    Some(prefix).filter(|path| is_virtual(path)).or_else(above).map(Place::Prefix)
}

/// poetry, pipenv, pdm, rye, hatch: the active environment, the project's own, or the only one of its name that
/// the tool keeps for it.
fn of_project(tool: &str, folder: &Path, environment: Environment<'_>) -> Option<Place> {
    let variable = |name: &str| environment(name).map(PathBuf::from);
    if let Some(program) = small_file::line(&folder.join(".pdm-python")).filter(|_| tool == "pdm") {
        return Some(Place::Program(program.into()));
    }
    if let Some(prefix) = variable("VIRTUAL_ENV").filter(|path| is_virtual(path)) {
        return Some(Place::Prefix(prefix));
    }
    if let Some(prefix) = folder.ancestors().map(|dir| dir.join(".venv")).find(|path| is_virtual(path)) {
        return Some(Place::Prefix(prefix));
    }
    let home = variable("HOME");
    let (kept, name) = match tool {
        "poetry" => {
            let cache = || Some(home.clone()?.join(".cache/pypoetry/virtualenvs"));
            let cache = variable("POETRY_CACHE_DIR").map(|path| path.join("virtualenvs")).or_else(cache);
            (variable("POETRY_VIRTUALENVS_PATH").or(cache)?, project_name(folder)?)
        }
        "pipenv" => {
            let kept = || Some(home.clone()?.join(".local/share/virtualenvs"));
            (variable("WORKON_HOME").or_else(kept)?, folder.file_name()?.to_str()?.to_owned())
        }
        _ => return None,
    };
    only(&kept, &format!("{name}-")).map(Place::Prefix)
}

/// The name of a project, as it stands in its `pyproject.toml`.
fn project_name(folder: &Path) -> Option<String> {
    let text = small_file::text(&folder.join("pyproject.toml"))?;
    let document: toml_edit::DocumentMut = text.parse().ok()?;
    let name = |item: Option<&toml_edit::Item>| item?.get("name")?.as_str().map(str::to_lowercase);
    name(document.get("project")).or_else(|| name(document.get("tool").and_then(|tool| tool.get("poetry"))))
}

/// The only environment in a folder whose name begins so.
fn only(folder: &Path, start: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.take(10_000).filter_map(Result::ok);
    let named =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(start)));
    let mut found = named.map(|entry| entry.path()).filter(|path| is_virtual(path));
    found.next().filter(|_| found.next().is_none())
}

/// The prefix of the environment that `conda run` names; the active one if it names none.
fn conda(options: &[String], environment: Environment<'_>) -> Option<PathBuf> {
    if let Some(prefix) = option(options, &["-p", "--prefix"]) {
        return Some(prefix.into());
    }
    match option(options, &["-n", "--name"]) {
        Some(name) => conda_environment(name, environment),
        None => environment("CONDA_PREFIX").map(PathBuf::from),
    }
}

/// The prefix of conda's environment with this name.
pub(super) fn conda_environment(name: &str, environment: Environment<'_>) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(name.into());
    }
    let variable = |name: &str| environment(name).map(PathBuf::from);
    let above = |path: Option<PathBuf>| Some(path?.parent()?.parent()?.to_owned());
    let home = variable("HOME");
    let usual = ["miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba"];
    let usual = usual.iter().filter_map(|name| Some(home.as_ref()?.join(name)));
    let roots: Vec<PathBuf> =
        [variable("MAMBA_ROOT_PREFIX"), above(variable("CONDA_EXE")), variable("CONDA_PREFIX")]
            .into_iter()
            .chain([above(variable("CONDA_PREFIX"))])
            .flatten()
            .chain(usual)
            .chain(["/opt/conda".into()])
            .collect();
    let is_environment = |path: &PathBuf| path.join("conda-meta").is_dir();
    if name == "base" || name == "root" {
        return roots.into_iter().find(|root| is_environment(root) && root.join("condabin").is_dir());
    }
    let listed = ["CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"].iter().filter_map(|name| environment(name));
    let listed: Vec<PathBuf> =
        listed.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>()).collect();
    let own = home.iter().map(|home| home.join(".conda/envs"));
    let folders = listed.into_iter().chain(roots.iter().map(|root| root.join("envs"))).chain(own);
    let mut known = folders.map(|folder| folder.join(name));
    known.find(is_environment).or_else(|| {
        // What conda has made anywhere, a prefix a line.
        let text = small_file::text(&home?.join(".conda/environments.txt"))?;
        let mut lines = text.lines().map(PathBuf::from);
        lines.find(|path| path.file_name().is_some_and(|last| last == name) && is_environment(path))
    })
}

fn is_virtual(path: &Path) -> bool {
    path.join("pyvenv.cfg").is_file()
}

/// The value of an option: the next word, or behind `=`.
fn option<'a>(words: &'a [String], names: &[&str]) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(at, word)| {
        if names.contains(&word.as_str()) {
            return words.get(at + 1).map(String::as_str);
        }
        let (name, value) = word.split_once('=')?;
        names.contains(&name).then_some(value)
    })
}
