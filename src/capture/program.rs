//! The Python interpreter that a command really runs, found by reading, never by running it.
//!
//! Programs that start others are followed: `env`, `nice`, `srun` and their like, shells and their scripts, uv, conda
//! and poetry, and the first line of any script (`torchrun`, `./train.py`). A command that is not Python has no
//! interpreter. `make` and its like start what a file of theirs says: there, the project's own interpreter is taken.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::capture::interpreter::{self, Environment, Found};
use crate::capture::tools::{self, Place};
use crate::capture::{pyenv, shell, small_file};

/// Programs that start the command behind their own options.
const WRAPPERS: &[&str] = &[
    "nohup",
    "time",
    "nice",
    "ionice",
    "chrt",
    "setsid",
    "stdbuf",
    "timeout",
    "srun",
    "mpirun",
    "mpiexec",
    "mpiexec.hydra",
    "horovodrun",
    "jsrun",
    "aprun",
    "taskset",
    "numactl",
    "sudo",
    "doas",
    "exec",
    "command",
    "unbuffer",
    "strace",
    "ltrace",
    "perf",
    "valgrind",
    "nsys",
    "ncu",
    "rocprof",
    "flock",
    "tini",
    "dumb-init",
    "xvfb-run",
    "gdb",
    "catchsegv",
    "systemd-run",
    "systemd-inhibit",
    "caffeinate",
    "script",
    "chronic",
    "firejail",
    "proxychains",
];
const SHELLS: &[&str] = &["sh", "bash", "zsh", "dash", "ksh", "ash"];
const TOOLS: &[&str] =
    &["uv", "conda", "mamba", "micromamba", "pixi", "poetry", "pipenv", "pdm", "rye", "hatch"];
/// Programs whose own files say what they start.
const MAKERS: &[&str] = &["make", "gmake", "just", "task", "ninja", "npm", "cargo-make", "mage", "rake"];

/// A command leads to another at most so often.
const DEEPEST: usize = 16;
/// The most that is read of a script.
const SCRIPT: u64 = 64 << 10;

/// Finds the interpreter that a command uses when it is started in this folder.
pub(super) fn find(root: &Path, command: &[String], environment: Environment<'_>) -> Option<Found> {
    let folder = root.to_owned();
    Search { environment, set: BTreeMap::new(), folder, left: DEEPEST }.follow(command)
}

struct Search<'a> {
    environment: Environment<'a>,
    /// Variables that were set on the way.
    set: BTreeMap<String, OsString>,
    /// Where the command is started.
    folder: PathBuf,
    left: usize,
}

impl Search<'_> {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.set.get(name).cloned().or_else(|| (self.environment)(name))
    }

    fn follow(&mut self, words: &[String]) -> Option<Found> {
        self.left = self.left.checked_sub(1)?;
        let assigned = words.iter().map_while(|word| shell::assignment(word));
        let assigned: Vec<(String, OsString)> =
            assigned.map(|(name, value)| (name.to_owned(), value.into())).collect();
        let words = &words[assigned.len()..];
        self.set.extend(assigned);
        let (program, rest) = words.split_first()?;
        match base(program) {
            "env" => self.env(rest),
            name if SHELLS.contains(&name) => self.shell(rest),
            name if TOOLS.contains(&name) => self.tool(name, rest),
            name if MAKERS.contains(&name) => interpreter::find(&self.folder, &|name| self.variable(name)),
            name if WRAPPERS.contains(&name) => self.wrapped(rest),
            _ => self.program(program, rest),
        }
    }

    /// `env [-i] [-u NAME] [-C DIR] [-S WORDS] [NAME=value…] COMMAND…`
    fn env(&mut self, mut words: &[String]) -> Option<Found> {
        while let [word, rest @ ..] = words {
            match (word.as_str(), rest) {
                ("-S" | "--split-string", [text, rest @ ..]) => {
                    let split = text.split_whitespace().map(str::to_owned);
                    return self.follow(&split.chain(rest.iter().cloned()).collect::<Vec<_>>());
                }
                ("-u" | "--unset", [_, rest @ ..]) => words = rest,
                ("-C" | "--chdir", [folder, rest @ ..]) => {
                    self.folder = self.folder.join(folder);
                    words = rest;
                }
                (option, rest) if option.starts_with('-') => words = rest,
                _ => break,
            }
        }
        self.follow(words)
    }

    /// The command behind options of which it is not known which take a value: the first word that is a program.
    fn wrapped(&mut self, words: &[String]) -> Option<Found> {
        let is_known = |word: &String| {
            let name = base(word);
            let known = [WRAPPERS, SHELLS, TOOLS, MAKERS].iter().any(|list| list.contains(&name));
            known || name == "env" || is_python(name) || (word.contains('/') && self.locate(word).is_some())
        };
        let plain = |word: &String| !word.starts_with('-');
        let at = words.iter().position(|word| plain(word) && is_known(word));
        let at = at.or_else(|| words.iter().position(|word| plain(word) && self.locate(word).is_some()))?;
        self.follow(&words[at..])
    }

    fn tool(&mut self, tool: &str, words: &[String]) -> Option<Found> {
        let environment = |name: &str| self.variable(name);
        match tools::place(tool, words, &self.folder, &environment)? {
            Place::Prefix(prefix) => interpreter::at_prefix(&prefix, None, &environment),
            Place::Program(program) => interpreter::of_program(&program, &environment),
            Place::Default => interpreter::find(&self.folder, &environment),
        }
    }

    /// A program by its name or path: an interpreter, or a script whose first line names one.
    fn program(&mut self, program: &str, rest: &[String]) -> Option<Found> {
        let path = self.locate(program)?;
        let environment = |name: &str| self.variable(name);
        if !interpreter::is_script(&path) {
            return is_python(base(program)).then(|| interpreter::of_program(&path, &environment))?;
        }
        match pyenv::choice(&path, &self.folder, &environment) {
            Some(pyenv::Choice::Version(prefix)) => {
                return interpreter::at_prefix(&prefix, None, &environment);
            }
            Some(pyenv::Choice::System) => {
                self.leave_path(path.parent()?)?;
                return self.follow(&[&[program.to_owned()], rest].concat());
            }
            None => {}
        }
        let text = small_file::start(&path, SCRIPT)?;
        let (first, body) = text.split_once('\n').unwrap_or((&text, ""));
        // Where the path of an interpreter is too long for the first line, installers write this.
        if let Some(exec) = body.strip_prefix("'''exec' ") {
            return self.follow(shell::commands(exec.lines().next()?).first()?);
        }
        let words: Vec<String> = first.strip_prefix("#!")?.split_whitespace().map(str::to_owned).collect();
        if words.first().is_some_and(|word| SHELLS.contains(&base(word))) {
            return self.script(body);
        }
        if words.get(1).is_some_and(|word| SHELLS.contains(&word.as_str())) {
            return self.script(body);
        }
        self.follow(&words)
    }

    fn leave_path(&mut self, folder: &Path) -> Option<()> {
        let path = self.variable("PATH")?;
        let others = std::env::split_paths(&path).filter(|other| other != folder);
        self.set.insert("PATH".to_owned(), std::env::join_paths(others).ok()?);
        Some(())
    }

    /// `sh [options] -c SCRIPT` or `sh [options] FILE`.
    fn shell(&mut self, words: &[String]) -> Option<Found> {
        let is_command =
            |word: &String| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c');
        if let Some(at) = words.iter().take_while(|word| word.starts_with('-')).position(is_command) {
            return self.script(words.get(at + 1)?);
        }
        let file = words.iter().find(|word| !word.starts_with('-'))?;
        let text = small_file::start(&self.folder.join(file), SCRIPT)?;
        self.script(&text)
    }

    /// The first command of a script that is Python.
    fn script(&mut self, text: &str) -> Option<Found> {
        self.left = self.left.checked_sub(1)?;
        for words in shell::commands(text) {
            let value = |name: &str| self.variable(name)?.into_string().ok();
            let words: Vec<String> = words.iter().map(|word| shell::expand(word, value)).collect();
            if self.prepares(&words).is_some() {
                continue;
            }
            // Each command has as far to go as the script itself.
            let left = self.left;
            let found = self.follow(&words);
            self.left = left;
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Commands that change what those behind them find.
    fn prepares(&mut self, words: &[String]) -> Option<()> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["cd" | "pushd", folder] => self.folder = self.folder.join(folder),
            ["source" | ".", file] => {
                let prefix = self.folder.join(file).parent()?.parent()?.to_owned();
                prefix.join("pyvenv.cfg").is_file().then_some(())?;
                self.activate("VIRTUAL_ENV", prefix)?;
            }
            ["conda" | "mamba" | "micromamba" | "source", "activate", name] => {
                let prefix = tools::conda_environment(name, &|name| self.variable(name))?;
                self.activate("CONDA_PREFIX", prefix)?;
            }
            ["export", assigned @ ..] => {
                let assigned = assigned.iter().filter_map(|word| shell::assignment(word));
                self.set.extend(assigned.map(|(name, value)| (name.to_owned(), value.into())));
            }
            ["echo" | "set" | "mkdir" | "module" | "ulimit" | "printf" | "test" | "[" | "true", ..] => {}
            _ => return None,
        }
        Some(())
    }

    fn activate(&mut self, variable: &str, prefix: PathBuf) -> Option<()> {
        let path = self.variable("PATH").unwrap_or_default();
        let folders = std::iter::once(prefix.join("bin")).chain(std::env::split_paths(&path));
        self.set.insert("PATH".to_owned(), std::env::join_paths(folders).ok()?);
        self.set.insert(variable.to_owned(), prefix.into_os_string());
        Some(())
    }

    /// The file of a program: by its path, or by its name on PATH.
    fn locate(&self, program: &str) -> Option<PathBuf> {
        if program.contains('/') {
            return Some(self.folder.join(program)).filter(|path| is_executable(path));
        }
        let path = self.variable("PATH")?;
        let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
        std::env::split_paths(&path)
            .map(|dir| self.folder.join(dir).join(&name))
            .find(|path| is_executable(path))
    }
}

/// The last part of a path.
fn base(program: &str) -> &str {
    program.rsplit(['/', '\\']).next().unwrap_or(program).trim_end_matches(".exe")
}

/// `python`, `python3`, `python3.11`, `python3.13t`, `pypy3`, `pythonw`.
fn is_python(name: &str) -> bool {
    let rest = name
        .strip_prefix("pythonw")
        .or_else(|| name.strip_prefix("python"))
        .or_else(|| name.strip_prefix("pypy"));
    rest.is_some_and(|rest| rest.trim_end_matches('t').bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
#[path = "program_tests.rs"]
mod tests;
