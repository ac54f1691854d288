//! Whether a command can be started at all, said before anything else is done.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::launch::LaunchError;

/// The file that would be executed. What only the attempt can tell is told by the attempt.
pub fn find(
    command: &[OsString],
    directory: &Path,
    environment: &[(OsString, OsString)],
) -> Result<PathBuf, LaunchError> {
    let name = command.first().filter(|name| !name.is_empty()).ok_or(LaunchError::Empty)?;
    if !directory.is_dir() {
        return Err(LaunchError::NoDirectory(directory.to_owned()));
    }
    let mut found = false;
    for path in candidates(name, directory, environment) {
        match executable(&path) {
            Some(true) => return Ok(path),
            Some(false) => found = true,
            None => {}
        }
    }
    Err(if found { LaunchError::NotExecutable(name.clone()) } else { LaunchError::NotFound(name.clone()) })
}

/// Where it may lie: where its path says, or in the directories of `PATH`.
fn candidates(name: &OsStr, directory: &Path, environment: &[(OsString, OsString)]) -> Vec<PathBuf> {
    if Path::new(name).components().count() > 1 || name.to_string_lossy().contains('/') {
        return vec![directory.join(name)];
    }
    let set = environment.iter().rev().find(|(variable, _)| variable == "PATH");
    let path = set.map(|(_, value)| value.clone()).or_else(|| std::env::var_os("PATH"));
    let path = path.unwrap_or_else(|| "/bin:/usr/bin".into());
    std::env::split_paths(&path).map(|folder| directory.join(folder).join(name)).collect()
}

/// Whether a file can be executed; nothing if there is none. A directory is none that can.
#[cfg(unix)]
fn executable(path: &Path) -> Option<bool> {
    let found = std::fs::metadata(path).ok()?;
    Some(found.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok())
}

#[cfg(not(unix))]
fn executable(path: &Path) -> Option<bool> {
    [path, &path.with_added_extension("exe")].iter().any(|path| path.is_file()).then_some(true)
}
