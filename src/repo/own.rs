//! Whether a repository is our own, in all of its parts that we write to: for one that a stranger packed.
//!
//! What lies below `.mdl` is written through a disk that follows nothing (`disk::confined`). Here it is said in words,
//! before anything is done, what such a repository has in the place of its folders and files.

use std::path::Path;

use crate::repo::{Config, RepoError};

/// Folders that only mdl has to do with, below `.mdl`.
const FOLDERS: [&str; 3] = ["tmp", "cache", "runs"];
/// Files that are read before all others.
const FILES: [&str; 3] = ["HEAD", "config.toml", "format"];

/// Refuses a repository of another user, root not exempt, unless the person's own configuration has it as safe; and one
/// that has a link, a mount, or something of another user in the place of what is ours.
#[cfg(unix)]
pub(super) fn check(directory: &Path) -> Result<(), RepoError> {
    use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
    use rustix::io::Errno;
    let io = |path: &Path, errno: Errno| RepoError::Io {
        action: "open",
        path: path.to_owned(),
        source: errno.into(),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(CWD, directory, flags, Mode::empty());
    let handle = handle.map_err(|errno| io(directory, errno))?;
    let found = rustix::fs::fstat(&handle).map_err(|errno| io(directory, errno))?;
    let us = rustix::process::geteuid().as_raw();
    if found.st_uid != us && !is_safe(directory) {
        return Err(RepoError::ForeignOwner(directory.to_owned()));
    }
    for (name, is_folder) in
        FOLDERS.map(|name| (name, true)).into_iter().chain(FILES.map(|name| (name, false)))
    {
        let path = directory.join(name);
        let part = match rustix::fs::statat(&handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            part => part.map_err(|errno| io(&path, errno))?,
        };
        let kind = FileType::from_raw_mode(part.st_mode);
        let problem = match (kind, is_folder) {
            (FileType::Symlink, _) => "it is a symbolic link, and mdl makes none there",
            (FileType::Directory, false) => "it is a directory, where a file belongs",
            (FileType::Directory, true) if part.st_dev != found.st_dev => "something else is mounted there",
            (FileType::Directory, true) if ![us, found.st_uid, 0].contains(&part.st_uid) => {
                "it belongs to another user"
            }
            (FileType::Directory, true) | (FileType::RegularFile, false) => continue,
            (_, true) => "it is no directory, where one belongs",
            (_, false) => "it is not a regular file",
        };
        return Err(RepoError::NotOurs { path, problem });
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn check(_: &Path) -> Result<(), RepoError> {
    Ok(())
}

/// Whether the person's own configuration has a repository, or its work tree, as safe. Only one that really is the
/// person's own counts: `sudo` may leave `HOME` as it was.
#[cfg(unix)]
fn is_safe(directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let us = rustix::process::geteuid().as_raw();
    let is_own = |path: &Path| path.metadata().is_ok_and(|file| file.uid() == us);
    if !super::config::global_path().is_some_and(|path| is_own(&path)) {
        return false;
    }
    let Ok(config) = Config::global() else { return false };
    let root = directory.parent().unwrap_or(directory);
    config
        .safe_directories()
        .any(|safe| safe == "*" || Path::new(safe) == root || Path::new(safe) == directory)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::repo::Repository;

    fn problem(directory: &Path) -> String {
        match check(directory) {
            Err(RepoError::NotOurs { path, problem }) => {
                format!("{}: {problem}", path.strip_prefix(directory).unwrap().display())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_part_of_a_repository_is_told() {
        let dir = tempfile::tempdir().unwrap();
        Repository::init(dir.path()).unwrap();
        let mdl = dir.path().join(".mdl");
        check(&mdl).unwrap();
        let away = tempfile::tempdir().unwrap();
        for (name, is_folder) in
            FOLDERS.map(|name| (name, true)).into_iter().chain(FILES.map(|name| (name, false)))
        {
            let (path, kept) = (mdl.join(name), away.path().join(name));
            let was = std::fs::rename(&path, &kept).is_ok();
            check(&mdl).unwrap();
            symlink(away.path(), &path).unwrap();
            assert!(problem(&mdl).contains("symbolic link"), "{name}");
            std::fs::remove_file(&path).unwrap();
            if is_folder {
                std::fs::write(&path, "").unwrap();
                assert!(problem(&mdl).contains("no directory"), "{name}");
                std::fs::remove_file(&path).unwrap();
            } else {
                std::fs::create_dir(&path).unwrap();
                assert!(problem(&mdl).contains("a directory"), "{name}");
                std::fs::remove_dir(&path).unwrap();
            }
            let made = std::process::Command::new("mkfifo").arg(&path).status();
            assert!(made.is_ok_and(|made| made.success()));
            assert!(problem(&mdl).starts_with(name), "{name}");
            std::fs::remove_file(&path).unwrap();
            if was {
                std::fs::rename(&kept, &path).unwrap();
            }
        }
        check(&mdl).unwrap();
    }
}
