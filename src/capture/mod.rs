//! What surrounds a model: source code, packages, system and accelerators. One file a probe.
//!
//! A probe observes and never fails a command: what it cannot see is a gap that is recorded. It writes
//! nothing, starts no program, and records nothing that tells one machine from another of the same make.

mod accelerators;
mod amd;
mod blas;
mod cgroup;
mod code;
mod cpu;
#[cfg(feature = "nvml")]
mod cuda;
#[cfg(feature = "git")]
mod git;
mod host;
#[cfg(target_os = "linux")]
mod hypervisor;
mod interpreter;
mod libraries;
mod locks;
#[cfg(feature = "nvml")]
mod nvml;
mod packages;
mod pci;
mod pci_names;
mod program;
mod pyenv;
pub mod recreate;
mod redact;
mod replay;
mod sampler;
mod secrets;
mod shell;
mod small_file;
mod system;
mod tools;
mod variables;

use std::ffi::OsString;
use std::path::Path;

use crate::name::TreePath;
use crate::object::{Accelerators, GitState, Packages, System};

pub use crate::capture::host::Host;
pub use crate::capture::redact::{
    PLACEHOLDER as REDACTED, command as redact_command, text as redact_text, url as redact_url,
};
pub use crate::capture::replay::{KeptOut, kept_out};
pub use crate::capture::sampler::{Sampler, Samples, Tick};
pub use crate::capture::secrets::Secrets;
pub use crate::capture::variables::Variables;

/// The source files of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodeFiles {
    /// Paths of files and symbolic links from the project's root, sorted.
    pub paths: Vec<TreePath>,
    /// What git says, where there is a git repository.
    pub git: Option<GitState>,
    /// Names that cannot be recorded, with the reason, for a warning.
    pub refused: Vec<(String, crate::name::NameError)>,
}

/// A probe that failed where a gap is no answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot list the source code: {0}")]
pub struct CaptureError(pub String);

/// Lists the source code below a root: what git tracks, and what it does not track and does not ignore;
/// without git, what no ignore file excludes. `.mdl`, `.git` and everything below `without` is left out.
///
/// A `.mdlignore` at the root, in the syntax of `.gitignore`, leaves out more, also of what git tracks. What
/// tools leave behind (`__pycache__`, `.venv`, `node_modules`, …) is left out unless git tracks it. Other git
/// repositories below the root are left out, as are devices and sockets; symbolic links are listed, not followed.
pub fn code(root: &Path, without: &[TreePath]) -> Result<CodeFiles, CaptureError> {
    code::list(root, without, code::GitState::Ask)
}

/// As [`code`], with no question to git about its state: `git` is `None`.
pub fn code_paths(root: &Path, without: &[TreePath]) -> Result<CodeFiles, CaptureError> {
    code::list(root, without, code::GitState::Skip)
}

/// What git says of the project, at the cost that a `git status` has. `dirty` speaks of tracked files
/// below the root alone.
pub fn git_state(root: &Path) -> Option<GitState> {
    #[cfg(feature = "git")]
    return git::Git::find(root)?.state();
    #[cfg(not(feature = "git"))]
    return {
        let _ = root;
        None
    };
}

/// The packages of the Python interpreter that a command in this project would use: an active virtual environment
/// or conda environment, `.venv` in the project, else `python3` on PATH. Reads metadata files, runs nothing.
pub fn packages(root: &Path) -> Packages {
    let environment = |name: &str| std::env::var_os(name);
    match interpreter::find(root, &environment) {
        Some(found) => packages::of(&found),
        None => Packages { interpreter: None, packages: Vec::new(), locks: None },
    }
}

/// As [`packages`], of the interpreter that this command really runs when it is started at the root with this
/// environment. None for a command that is not Python.
pub fn packages_of(
    root: &Path,
    command: &[String],
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Packages {
    match program::find(root, command, environment) {
        Some(found) => packages::of(&found),
        None => Packages { interpreter: None, packages: Vec::new(), locks: None },
    }
}

/// What surrounds a command: packages, system and accelerators, each with what the others tell of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Surroundings {
    /// As [`packages_of`]; without lock files.
    pub packages: Packages,
    /// As [`system`], with the linear algebra library of the interpreter.
    pub system: System,
    /// As [`accelerators`], with the libraries that are used with them.
    pub accelerators: Accelerators,
}

/// Looks at all that surrounds a command when it is started at the root with this environment. Without a command, the
/// interpreter is the project's, as [`packages`] finds it. The interpreter is looked for once.
pub fn surroundings(
    root: &Path,
    command: Option<&[String]>,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Surroundings {
    // The accelerators take longest: they are asked beside all else.
    std::thread::scope(|scope| {
        let asked = scope.spawn(accelerators);
        let found = match command {
            Some(command) => program::find(root, command, environment),
            None => interpreter::find(root, environment),
        };
        let none = || Packages { interpreter: None, packages: Vec::new(), locks: None };
        let packages = found.as_ref().map_or_else(none, packages::of);
        let host = Path::new("/");
        let blas = blas::of(host, found.as_ref(), &packages);
        let system = System { blas, allocation: variables::allocation(environment), ..system::observe(host) };
        // A probe that panics is a bug and not to be hidden.
        let mut accelerators = asked.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if accelerators.devices.iter().any(|device| device.vendor == "NVIDIA") {
            let libraries = libraries::of(host, &packages);
            accelerators.libraries = (!libraries.is_empty()).then_some(libraries);
        }
        Surroundings { packages, system, accelerators }
    })
}

/// The operating system, processor, memory and limits, and what a scheduler allotted.
pub fn system() -> System {
    let allocation = variables::allocation(|name| std::env::var_os(name));
    System { allocation, ..system::observe(Path::new("/")) }
}

/// The accelerators that drivers show, asked for a bounded time.
pub fn accelerators() -> Accelerators {
    accelerators::observe()
}

/// The lock files of package managers at a project's root, sorted.
pub fn lock_files(root: &Path) -> Vec<TreePath> {
    locks::list(root)
}

/// The variables that a run depends on, by mdl's own list and these patterns, in which `*` stands for any text.
/// Secrets are taken out of them.
pub fn variables(
    patterns: &[String],
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Variables {
    variables::select(patterns, environment.into_iter())
}

/// A value without secrets: all of it is one where its name says so.
pub fn redact_value(name: &str, value: &str) -> String {
    variables::clean(name, value).0
}

/// Which host this is: an observation.
pub fn host() -> Host {
    host::observe()
}

/// When a process started, in a unit of the system's own: with the same number at the same pid on the same start of
/// the host, it is the same process. `None` if it does not run.
pub fn process_start(pid: u32) -> Option<u64> {
    host::process_start(pid)
}
