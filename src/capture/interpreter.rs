//! The Python interpreter that a command in the project would use, found by reading, never by running it.
//!
//! In this order: `$VIRTUAL_ENV`, `$CONDA_PREFIX`, `.venv` or `venv` in the project, the first `python3` (else `python`)
//! on PATH. Shims of pyenv are followed through the version that pyenv would choose; a shim of another kind
//! gives no answer, rather than a wrong one. `PYTHONPATH` is not looked at.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::capture::{pyenv, small_file};
use crate::object::Interpreter;

/// Reads an environment variable.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// An interpreter and where its packages are.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) interpreter: Interpreter,
    /// Folders with installed packages, in the order in which the interpreter looks into them.
    pub(super) folders: Vec<PathBuf>,
    /// What conda says it installed, if this is a conda environment.
    pub(super) conda: Option<PathBuf>,
}

/// Finds the interpreter of a project.
pub(super) fn find(root: &Path, environment: Environment<'_>) -> Option<Found> {
    let folder =
        |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute() && path.is_dir());
    let active = folder("VIRTUAL_ENV").or_else(|| folder("CONDA_PREFIX"));
    let local = || {
        [".venv", "venv"].iter().map(|name| root.join(name)).find(|path| path.join("pyvenv.cfg").is_file())
    };
    match active.or_else(local) {
        Some(prefix) => at_prefix(&prefix, None, environment),
        None => on_path(root, environment),
    }
}

fn on_path(root: &Path, environment: Environment<'_>) -> Option<Found> {
    let path = environment("PATH")?;
    // A relative entry would let the working directory choose.
    let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|path| path.is_absolute()).collect();
    let programs = ["python3", "python"].iter().flat_map(|name| {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        folders.iter().map(move |folder| folder.join(&name))
    });
    for program in programs.filter(|program| program.is_file()) {
        if !is_script(&program) {
            return of_program(&program, environment);
        }
        match pyenv::choice(&program, root, environment)? {
            pyenv::Choice::Version(prefix) => return at_prefix(&prefix, None, environment),
            pyenv::Choice::System => {}
        }
    }
    None
}

/// The environment of a program: a virtual or conda environment if it lies in one, else where its link leads.
pub(super) fn of_program(program: &Path, environment: Environment<'_>) -> Option<Found> {
    let real = program.canonicalize().ok()?;
    let name = real.file_name()?.to_str()?;
    // A link to another program is one that chooses an interpreter by itself.
    if !["python", "pypy"].iter().any(|python| name.to_ascii_lowercase().starts_with(python)) {
        return None;
    }
    let near = program.parent()?.parent()?;
    if near.join("pyvenv.cfg").is_file() || near.join("conda-meta").is_dir() {
        return at_prefix(near, None, environment);
    }
    let series = series_of(name);
    at_prefix(real.parent()?.parent()?, series, environment)
}

pub(super) fn is_script(program: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 2];
    std::fs::File::open(program).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start == b"#!"
}

/// The interpreter at a prefix: a virtual environment, a conda environment or an installation.
pub(super) fn at_prefix(
    prefix: &Path,
    series: Option<String>,
    environment: Environment<'_>,
) -> Option<Found> {
    if let Some(config) = small_file::text(&prefix.join("pyvenv.cfg")) {
        return virtual_environment(prefix, &config, environment);
    }
    let (implementation, series) = match series {
        Some(series) => (library(prefix, &series).0, series),
        None => the_library(prefix)?,
    };
    let conda = Some(prefix.join("conda-meta")).filter(|path| path.is_dir());
    let version = conda.as_deref().and_then(conda_version).or_else(|| full_version(prefix, &series));
    let version = version.unwrap_or_else(|| series.clone());
    let folders = site_folders(prefix, &series, environment);
    Some(Found { interpreter: Interpreter { implementation, version }, folders, conda })
}

fn virtual_environment(prefix: &Path, config: &str, environment: Environment<'_>) -> Option<Found> {
    let value = |wanted: &str| {
        config
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(key, _)| key.trim() == wanted)
            .map(|(_, v)| v.trim())
    };
    let base =
        value("home").map(Path::new).and_then(|bin| Some(bin.canonicalize().ok()?.parent()?.to_owned()));
    let said = value("version").or_else(|| value("version_info")).and_then(|text| first_version(text, 2));
    let (found, series) =
        the_library(prefix).or_else(|| Some(("cpython".into(), series_of(said.as_deref()?)?)))?;
    // The file may say less than the whole version; the interpreter that it leads to may say it.
    let said = said.filter(|version| series_of(version).as_ref() == Some(&series));
    let version = said.clone().filter(|version| version.split('.').count() > 2);
    let version = version
        .or_else(|| full_version(base.as_deref()?, &series))
        .or(said)
        .unwrap_or_else(|| series.clone());
    let implementation = value("implementation").map_or(found, str::to_ascii_lowercase);
    let mut folders = library_folders(prefix, &series);
    if value("include-system-site-packages").is_some_and(|text| text.eq_ignore_ascii_case("true"))
        && let Some(base) = base
    {
        folders.extend(site_folders(&base, &series, environment));
    }
    Some(Found { interpreter: Interpreter { implementation, version }, folders, conda: None })
}

/// Implementation and series (`3.11`) of the one library below a prefix.
fn the_library(prefix: &Path) -> Option<(String, String)> {
    // The link in `bin` decides where there are several.
    let link = prefix.join("bin/python3").canonicalize().ok();
    let linked = link.as_deref().and_then(|path| series_of(path.file_name()?.to_str()?));
    if let Some(series) =
        linked.filter(|series| library_folders(prefix, series).iter().any(|path| path.is_dir()))
    {
        return Some((library(prefix, &series).0, series));
    }
    let names = std::fs::read_dir(prefix.join("lib"))
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<(String, String)> = names
        .filter_map(|name| {
            let implementation = if name.starts_with("python3.") { "cpython" } else { "pypy" };
            let series = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"))?;
            (series_of(series)? == series).then(|| (implementation.to_owned(), series.to_owned()))
        })
        .collect();
    found.sort_by_key(|(_, series)| series.rsplit('.').next().and_then(|minor| minor.parse::<u32>().ok()));
    found.pop()
}

/// Implementation, and the name of its folder in `lib`.
fn library(prefix: &Path, series: &str) -> (String, String) {
    let pypy = format!("pypy{series}");
    match prefix.join("lib").join(&pypy).is_dir() {
        true => ("pypy".into(), pypy),
        false => ("cpython".into(), format!("python{series}")),
    }
}

fn library_folders(prefix: &Path, series: &str) -> Vec<PathBuf> {
    let name = library(prefix, series).1;
    let mut folders = vec![prefix.join("lib").join(&name).join("site-packages")];
    folders.push(prefix.join("lib64").join(&name).join("site-packages"));
    folders.push(prefix.join("Lib").join("site-packages"));
    let mut seen = Vec::new();
    // `lib64` is often a link to `lib`.
    folders.retain(|folder| match folder.canonicalize() {
        Ok(real) if !seen.contains(&real) => {
            seen.push(real);
            true
        }
        _ => false,
    });
    folders
}

/// The folders of an installation: the user's own first, then what Debian and others call theirs.
fn site_folders(prefix: &Path, series: &str, environment: Environment<'_>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let wants_own = environment("PYTHONNOUSERSITE").is_none_or(|value| value.is_empty());
    if let Some(home) = environment("HOME").filter(|_| wants_own) {
        folders.extend(library_folders(&PathBuf::from(home).join(".local"), series));
    }
    if prefix == Path::new("/usr") {
        folders.push(format!("/usr/local/lib/python{series}/dist-packages").into());
        folders.extend(library_folders(Path::new("/usr/local"), series));
    }
    folders.extend(library_folders(prefix, series));
    folders.push(prefix.join("lib/python3/dist-packages"));
    folders.retain(|folder| folder.is_dir());
    folders
}

/// The whole version of an installation: from the name of its folder (pyenv, uv), or from its header.
/// Where neither tells, as with Debian's own Python, the series has to do.
fn full_version(prefix: &Path, series: &str) -> Option<String> {
    let named = prefix.file_name().and_then(|name| first_version(name.to_str()?, 3));
    if let Some(version) = named.filter(|version| series_of(version).as_deref() == Some(series)) {
        return Some(version);
    }
    let header =
        |suffix: &str| small_file::text(&prefix.join(format!("include/python{series}{suffix}/patchlevel.h")));
    let header = header("").or_else(|| header("m"))?;
    let line = header.lines().find(|line| line.starts_with("#define PY_VERSION "))?;
    line.split('"').nth(1).map(str::to_owned)
}

/// The version in the name of conda's record of Python: `python-3.11.7-h955ad1f_0.json`.
fn conda_version(records: &Path) -> Option<String> {
    let names =
        std::fs::read_dir(records).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter_map(|name| {
            Some(crate::capture::packages::conda_name(&name)?.1.to_owned())
                .filter(|_| name.starts_with("python-3"))
        })
        .max()
}

/// `3.11` of `python3.11`, `3.11.7` or `3.11`.
fn series_of(text: &str) -> Option<String> {
    let version = first_version(text, 2)?;
    let mut parts = version.split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

/// The first run of digits and dots with at least so many numbers; at most three of them.
fn first_version(text: &str, at_least: usize) -> Option<String> {
    let candidates = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    candidates.map(|run| run.trim_matches('.')).find_map(|run| {
        let parts: Vec<&str> = run.split('.').take(3).collect();
        (parts.len() >= at_least && parts.iter().all(|part| !part.is_empty())).then(|| parts.join("."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Host {
        dir: tempfile::TempDir,
        variables: Vec<(&'static str, OsString)>,
    }

    impl Host {
        fn new(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for (path, text) in files {
                let path = dir.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text.replace("ROOT", dir.path().to_str().unwrap())).unwrap();
            }
            Self { dir, variables: Vec::new() }
        }

        fn with(mut self, name: &'static str, path: &str) -> Self {
            self.variables.push((name, self.dir.path().join(path).into()));
            self
        }

        fn find(&self) -> Option<(String, String, Vec<String>)> {
            let environment = |name: &str| {
                self.variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
            };
            let found = find(&self.dir.path().join("project"), &environment)?;
            let relative =
                |path: &PathBuf| path.strip_prefix(self.dir.path()).unwrap().to_str().unwrap().to_owned();
            let folders = found.folders.iter().map(relative).collect();
            Some((found.interpreter.implementation, found.interpreter.version, folders))
        }
    }

    #[test]
    fn a_virtual_environment_in_the_project() {
        let config = "home = ROOT/base/bin\ninclude-system-site-packages = false\nversion = 3.11.7\n";
        let host = Host::new(&[
            ("project/.venv/pyvenv.cfg", config),
            ("project/.venv/lib/python3.11/site-packages/a.py", ""),
            ("base/bin/python3.11", ""),
            ("base/lib/python3.11/site-packages/b.py", ""),
        ]);
        let own = "project/.venv/lib/python3.11/site-packages".to_owned();
        assert_eq!(host.find(), Some(("cpython".into(), "3.11.7".into(), vec![own.clone()])));
        let path = host.dir.path().join("project/.venv/pyvenv.cfg");
        let config = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, config.replace("= false", "= true").replace("version", "version_info"))
            .unwrap();
        let folders = vec![own, "base/lib/python3.11/site-packages".to_owned()];
        assert_eq!(host.find(), Some(("cpython".into(), "3.11.7".into(), folders)));
    }

    #[test]
    fn variables_come_before_the_project() {
        let host = Host::new(&[
            ("project/.venv/pyvenv.cfg", "version = 3.9.1\n"),
            ("env/pyvenv.cfg", "implementation = PyPy\nversion_info = 3.10.13.final.0\n"),
            ("env/lib/pypy3.10/site-packages/a.py", ""),
            ("conda/lib/python3.12/site-packages/a.py", ""),
            ("conda/conda-meta/python-3.12.2-h123_0.json", "{}"),
            ("conda/conda-meta/python-dateutil-2.9.0-pyh_0.json", "{}"),
        ])
        .with("CONDA_PREFIX", "conda");
        let conda = vec!["conda/lib/python3.12/site-packages".to_owned()];
        assert_eq!(host.find(), Some(("cpython".into(), "3.12.2".into(), conda)));
        let host = host.with("VIRTUAL_ENV", "env");
        let pypy = vec!["env/lib/pypy3.10/site-packages".to_owned()];
        assert_eq!(host.find(), Some(("pypy".into(), "3.10.13".into(), pypy)));
    }

    #[test]
    fn shims_are_followed_without_running_them() {
        let host = Host::new(&[
            ("pyenv/shims/python3", "#!/usr/bin/env bash\nexit 1\n"),
            ("pyenv/version", "3.10\n"),
            ("pyenv/versions/3.10.2/lib/python3.10/site-packages/a.py", ""),
            ("pyenv/versions/3.10.13/lib/python3.10/site-packages/a.py", ""),
            ("pyenv/versions/3.11.7/lib/python3.11/site-packages/a.py", ""),
        ])
        .with("PATH", "pyenv/shims");
        assert_eq!(host.find().unwrap().1, "3.10.13");
        std::fs::write(host.dir.path().join(".python-version"), "3.11.7\n").unwrap();
        assert_eq!(host.find().unwrap().1, "3.11.7");
        std::fs::write(host.dir.path().join(".python-version"), "../../etc\n").unwrap();
        assert_eq!(host.find(), None);
        std::fs::write(host.dir.path().join(".python-version"), "system\n").unwrap();
        assert_eq!(host.find(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_program_on_path() {
        let host = Host::new(&[
            ("usr/bin/python3.11", "\u{7f}ELF"),
            ("usr/lib/python3/dist-packages/a.py", ""),
            (
                "usr/include/python3.11/patchlevel.h",
                "#define PY_MAJOR 3\n#define PY_VERSION      \t\"3.11.2\"\n",
            ),
            ("home/.local/lib/python3.11/site-packages/a.py", ""),
        ])
        .with("PATH", "usr/bin")
        .with("HOME", "home");
        std::os::unix::fs::symlink("python3.11", host.dir.path().join("usr/bin/python3")).unwrap();
        let folders =
            vec!["home/.local/lib/python3.11/site-packages".into(), "usr/lib/python3/dist-packages".into()];
        assert_eq!(host.find(), Some(("cpython".into(), "3.11.2".into(), folders)));
    }

    #[test]
    fn no_python_is_no_error() {
        let host = Host::new(&[("other/shims/python3", "#!/bin/sh\n")]);
        assert_eq!(host.find(), None);
        assert_eq!(host.with("PATH", "other/shims").find(), None);
    }

    #[test]
    fn versions_in_names() {
        assert_eq!(first_version("cpython-3.11.7-linux-x86_64-gnu", 3).as_deref(), Some("3.11.7"));
        assert_eq!(first_version("3.10.13.final.0", 2).as_deref(), Some("3.10.13"));
        assert_eq!(series_of("python3.11").as_deref(), Some("3.11"));
        assert_eq!(series_of("python3"), None);
    }
}
