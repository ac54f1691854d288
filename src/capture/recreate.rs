//! How to make the Python environment of a record again: which commands, and what they cannot bring back.
//!
//! A plan, and nothing but: it starts and writes nothing. The recorded packages are the truth, so each is installed at its
//! exact version and nothing beside them. What installs a package may run code of that package: whoever performs the
//! plan has been asked to.

use std::path::{Path, PathBuf};

use crate::format::{LeftOut, requirements};
use crate::object::{Interpreter, Packages};

/// How to make an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Makes an interpreter in a folder. Alternatives, best first: the first that ends with 0 will do.
    pub create: Vec<(Command, Closeness)>,
    /// Installs the packages; nothing where there are none.
    pub install: Option<Command>,
    /// The file that the installation reads, and what has to be in it.
    pub requirements: (PathBuf, String),
    /// Packages that will be installed.
    pub count: usize,
    /// Packages that will not be there.
    pub left_out: Vec<LeftOut>,
    /// The interpreter that will be there.
    pub interpreter: PathBuf,
    /// Where its programs lie: to be the first of `PATH`.
    pub programs: PathBuf,
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program: a path, or a name that `PATH` finds.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// How close an interpreter comes to the recorded one, if the command succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closeness {
    /// It is the same version.
    Version,
    /// It is the same minor version, so that compiled packages fit.
    Minor,
    /// It may be any: whoever asks has to look.
    Any,
}

/// Plans the environment that was recorded, in a folder that must not be there yet. The requirements will lie beside it.
/// With `uv` where it is given, else with the interpreter's own `venv` and pip. `None` where no interpreter of Python
/// was recorded, or the folder's path is not text.
pub fn plan(packages: &Packages, folder: &Path, uv: Option<&Path>) -> Option<Plan> {
    let python = packages.interpreter.as_ref().and_then(Version::of)?;
    let folder_text = folder.to_str()?;
    let wanted = requirements(&packages.packages);
    let file = PathBuf::from(format!("{folder_text}.requirements.txt"));
    let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let interpreter = programs.join(if cfg!(windows) { "python.exe" } else { "python" });
    let (create, install) = match uv {
        Some(uv) => (python.with_uv(uv, folder_text), install_with_uv(uv, &interpreter, &file)),
        None => (python.with_venv(folder_text), install_with_pip(&interpreter, &file)),
    };
    Some(Plan {
        create,
        install: install.filter(|_| wanted.count > 0),
        requirements: (file, wanted.text),
        count: wanted.count,
        left_out: wanted.left_out,
        interpreter,
        programs,
    })
}

fn command(program: &Path, arguments: &[&str]) -> Command {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    Command { program: program.to_owned(), arguments }
}

fn install_with_uv(uv: &Path, interpreter: &Path, file: &Path) -> Option<Command> {
    let (python, file) = (interpreter.to_str()?, file.to_str()?);
    let arguments = ["pip", "install", "--python", python, "--no-deps", "-r", file];
    Some(command(uv, &arguments))
}

fn install_with_pip(interpreter: &Path, file: &Path) -> Option<Command> {
    let arguments = [
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--no-deps",
        "-r",
        file.to_str()?,
    ];
    Some(command(interpreter, &arguments))
}

/// A version of an implementation of Python.
struct Version {
    implementation: String,
    /// The release numbers, with what belongs to a pre-release: `3.13.0rc1`.
    full: String,
    minor: String,
}

impl Version {
    /// What a record says, if it is an interpreter of Python: nothing that could be an option or a path.
    fn of(interpreter: &Interpreter) -> Option<Self> {
        let implementation = interpreter.implementation.to_ascii_lowercase();
        if !matches!(implementation.as_str(), "cpython" | "pypy" | "graalpy") {
            return None;
        }
        // `3.11.2+` is what distributions make of a version.
        let full = interpreter.version.split('+').next()?.to_owned();
        let mut numbers = full.split('.');
        let (major, minor) = (numbers.next()?, numbers.next()?);
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_sound = full.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        let is_sound = is_sound && is_number(major) && is_number(minor);
        let minor = format!("{major}.{minor}");
        is_sound.then_some(Self { implementation, minor, full })
    }

    fn with_uv(&self, uv: &Path, folder: &str) -> Vec<(Command, Closeness)> {
        let wanted = [(&self.full, Closeness::Version), (&self.minor, Closeness::Minor)];
        let make = |(version, closeness): (&String, Closeness)| {
            let request = format!("{}@{version}", self.implementation);
            (command(uv, &["venv", "--no-project", "--python", &request, folder]), closeness)
        };
        wanted.into_iter().map(make).collect()
    }

    fn with_venv(&self, folder: &str) -> Vec<(Command, Closeness)> {
        let name = match self.implementation.as_str() {
            "cpython" => "python",
            other => other,
        };
        let major = self.minor.split('.').next().unwrap_or_default();
        let candidates = [
            (format!("{name}{}", self.minor), Closeness::Minor),
            (format!("{name}{major}"), Closeness::Any),
            (name.to_owned(), Closeness::Any),
        ];
        // What an alternative that failed left behind would be in the way of the next.
        let arguments = ["-m", "venv", "--clear", folder];
        let make =
            |(program, closeness): (String, Closeness)| (command(Path::new(&program), &arguments), closeness);
        candidates.into_iter().map(make).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Package;

    fn recorded(implementation: &str, version: &str, names: &[(&str, &str)]) -> Packages {
        let package = |(name, version): &(&str, &str)| Package {
            ecosystem: "pypi".into(),
            name: (*name).into(),
            version: (*version).into(),
            origin: None,
        };
        let interpreter = Interpreter { implementation: implementation.into(), version: version.into() };
        let packages = names.iter().map(package).collect();
        Packages { interpreter: Some(interpreter), packages, locks: None }
    }

    fn words(command: &Command) -> String {
        format!("{} {}", command.program.display(), command.arguments.join(" ")).replace('\\', "/")
    }

    #[test]
    fn with_uv() {
        let packages = recorded("cpython", "3.11.7", &[("numpy", "1.26.4")]);
        let plan = plan(&packages, Path::new("/t/env"), Some(Path::new("/x/uv"))).unwrap();
        let create: Vec<String> = plan.create.iter().map(|(command, _)| words(command)).collect();
        assert_eq!(
            create,
            [
                "/x/uv venv --no-project --python cpython@3.11.7 /t/env",
                "/x/uv venv --no-project --python cpython@3.11 /t/env"
            ]
        );
        assert_eq!(
            plan.create.iter().map(|(_, closeness)| *closeness).collect::<Vec<_>>(),
            [Closeness::Version, Closeness::Minor]
        );
        let python = plan.interpreter.display().to_string().replace('\\', "/");
        let expected = format!("/x/uv pip install --python {python} --no-deps -r /t/env.requirements.txt");
        assert_eq!(plan.install.as_ref().map(words), Some(expected));
        assert_eq!(plan.requirements.1, "numpy==1.26.4\n");
        assert!(plan.interpreter.starts_with(&plan.programs) && plan.left_out.is_empty());
    }

    #[test]
    fn with_what_python_has() {
        let first = |implementation: &str, version: &str| {
            let packages = recorded(implementation, version, &[]);
            let plan = plan(&packages, Path::new("env"), None).unwrap();
            assert_eq!((plan.install, plan.count), (None, 0));
            plan.create.iter().map(|(command, _)| words(command)).collect::<Vec<_>>()
        };
        let rest = "-m venv --clear env";
        let expected = ["python3.11", "python3", "python"].map(|name| format!("{name} {rest}"));
        assert_eq!(first("cpython", "3.11.2+"), expected);
        assert_eq!(first("pypy", "3.10.14")[0], format!("pypy3.10 {rest}"));
        assert_eq!(first("CPython", "3.13.0rc1")[0], format!("python3.13 {rest}"));
    }

    #[test]
    fn what_is_no_python_has_no_plan() {
        let none = Packages { interpreter: None, packages: Vec::new(), locks: None };
        assert_eq!(plan(&none, Path::new("env"), None), None);
        for (implementation, version) in [
            ("julia", "1.10.2"),
            ("cpython", "3"),
            ("cpython", "-c.1"),
            ("cpython", "3.11/../x"),
            ("cpython", ""),
        ] {
            let packages = recorded(implementation, version, &[]);
            assert_eq!(plan(&packages, Path::new("env"), None), None, "{implementation} {version}");
        }
    }

    /// The plan is performed, as far as that goes without a network: the interpreter is made, and pip understands what it
    /// is asked for, and finds nothing to do.
    #[test]
    fn it_works_on_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let run = |command: &Command| {
            let mut process = std::process::Command::new(&command.program);
            process.args(&command.arguments).env("PIP_NO_INDEX", "1").output()
        };
        let ask = "import platform; print(platform.python_implementation(), platform.python_version())";
        let here = std::process::Command::new("python3").args(["-I", "-c", ask]).output();
        let Some(here) = here.ok().filter(|output| output.status.success()) else {
            crate::skip::skipped("there is no python3 to make an environment of");
            return;
        };
        let text = String::from_utf8(here.stdout).unwrap();
        let (implementation, version) = text.trim().split_once(' ').unwrap();
        let plan = plan(&recorded(implementation, version, &[]), &dir.path().join("env"), None).unwrap();
        let made =
            plan.create.iter().any(|(command, _)| run(command).is_ok_and(|output| output.status.success()));
        if !made {
            crate::skip::skipped("this python3 cannot make environments");
            return;
        }
        assert!(plan.interpreter.exists(), "{:?}", plan.interpreter);
        std::fs::write(&plan.requirements.0, "pip\n").unwrap();
        let install = install_with_pip(&plan.interpreter, &plan.requirements.0).unwrap();
        let output = run(&install).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
