//! The files in which package managers fix what they install, at the project's root, as they are.

use std::path::Path;

use crate::name::TreePath;

/// Names of lock files, and of manifests that serve as such: Python, conda, Rust, JavaScript, R, Julia.
const NAMES: &[&str] = &[
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pylock.toml",
    "Pipfile.lock",
    "conda-lock.yml",
    "conda-lock.yaml",
    "environment.yml",
    "environment.yaml",
    "pixi.lock",
    "Cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "renv.lock",
    "Manifest.toml",
    "Project.toml",
];

/// A larger file is something else.
const LARGEST: u64 = 64 << 20;
/// More names than are looked through at a project's root.
const MOST: usize = 100_000;

/// The lock files of a project, sorted. Links are left out: what they lead to is not the project's.
pub(super) fn list(root: &Path) -> Vec<TreePath> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let lock_file = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok().filter(|name| is_lock(name))?;
        let metadata = entry.metadata().ok()?;
        let fits = metadata.is_file() && metadata.len() <= LARGEST;
        TreePath::new(&name).ok().filter(|_| fits)
    };
    let mut found: Vec<TreePath> = entries.take(MOST).filter_map(lock_file).collect();
    found.sort_unstable();
    found
}

fn is_lock(name: &str) -> bool {
    let numbered = name.starts_with("requirements") && name.ends_with(".txt");
    let named = name.starts_with("pylock.") && name.ends_with(".toml");
    numbered || named || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_at_the_root() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "uv.lock",
            "requirements.txt",
            "requirements-dev.txt",
            "train.py",
            "requirements.in",
            "pylock.gpu.toml",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        std::fs::create_dir_all(dir.path().join("poetry.lock")).unwrap();
        std::fs::create_dir_all(dir.path().join("sub")).unwrap();
        std::fs::write(dir.path().join("sub/Cargo.lock"), "").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("Cargo.lock")).unwrap();
        let found = list(dir.path());
        let names: Vec<&str> = found.iter().map(TreePath::as_str).collect();
        assert_eq!(names, ["pylock.gpu.toml", "requirements-dev.txt", "requirements.txt", "uv.lock"]);
        assert_eq!(list(&dir.path().join("nowhere")), []);
    }
}
