//! The folder that a server serves: clients name storages in it, and reach none outside.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::Disk;
use crate::storage::{Folder, Storage, StorageError};

/// A folder whose storages are served.
pub struct Root {
    path: PathBuf,
    disk: Arc<dyn Disk>,
}

impl Root {
    /// Serves what is in this folder.
    pub fn new(path: impl Into<PathBuf>, disk: Arc<dyn Disk>) -> Self {
        Self { path: path.into(), disk }
    }

    /// The storage at a path that a client wants: `/a/b` and `a/b` are both the folder `a/b` of the root.
    ///
    /// `..` is refused, and so is a symbolic link that leads out of the root. A project is a storage by its `.mdl`.
    pub fn open(&self, wanted: &str) -> Result<Arc<dyn Storage>, StorageError> {
        let place = self.place(wanted);
        let failed = |source| StorageError { action: "open", place: wanted.to_owned(), source };
        Ok(Arc::new(Folder::around(&place.map_err(failed)?, self.disk.clone())?))
    }

    fn place(&self, wanted: &str) -> io::Result<PathBuf> {
        let outside =
            || io::Error::new(io::ErrorKind::PermissionDenied, "it is not in the folder that is served");
        let odd = |c: char| c.is_control() || (cfg!(windows) && matches!(c, '\\' | ':'));
        let components: Vec<&str> = wanted.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if wanted.chars().any(odd) || components.contains(&"..") {
            return Err(outside());
        }
        let root = fs::canonicalize(&self.path)?;
        let Some((last, above)) = components.split_last() else { return Ok(root) };
        let above = above.iter().fold(root.clone(), |path, part| path.join(part));
        let place = fs::canonicalize(above)?.join(last);
        // A name that is free may be taken by the client; what it leads to, if it is a link, has to be here too.
        let place = match fs::symlink_metadata(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => place,
            _ => fs::canonicalize(&place)?,
        };
        if place.starts_with(&root) { Ok(place) } else { Err(outside()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::OsDisk;

    fn root(path: PathBuf) -> Root {
        Root::new(path, Arc::new(OsDisk))
    }

    #[test]
    fn what_is_wanted_is_below_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(base.join("x/tree/.mdl")).unwrap();
        let root = root(base.clone());
        for (wanted, place) in
            [("", ""), (".", ""), ("/", ""), ("/x/y.mdl", "x/y.mdl"), ("x//./y.mdl", "x/y.mdl")]
        {
            assert_eq!(root.place(wanted).unwrap(), base.join(place), "{wanted}");
        }
        assert!(root.open("x/tree").is_ok());
        for wanted in ["..", "../../etc/passwd", "/x/../../etc", "x/..", "a\0b", "a\nb"] {
            let error = root.place(wanted).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{wanted:?}");
        }
        assert!(root.open("none/y.mdl").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nobody_out() {
        use std::os::unix::fs::symlink;
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let base = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(base.join("inside")).unwrap();
        fs::create_dir_all(outside.path().join("packs")).unwrap();
        symlink(outside.path(), base.join("out")).unwrap();
        symlink(outside.path().join("new"), base.join("dangling")).unwrap();
        symlink("inside", base.join("alias")).unwrap();
        fs::create_dir(base.join("project")).unwrap();
        symlink(outside.path(), base.join("project/.mdl")).unwrap();
        let root = root(base.clone());
        for wanted in ["out", "out/packs", "out/new", "dangling", "project", "project/.mdl"] {
            assert!(root.open(wanted).is_err(), "{wanted}");
        }
        assert_eq!(root.place("alias/new").unwrap(), base.join("inside/new"));
    }
}
