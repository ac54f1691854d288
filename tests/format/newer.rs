//! A repository of a format that this version does not know is refused, and nothing in it is touched.

use std::fs;

use mdl::repo::{RepoError, Repository};

use crate::{copy, folder, snapshot};

#[test]
fn a_newer_format_is_refused_with_nothing_written() {
    for format in ["mdl 2\n", "mdl 2 packs=zip\n", "mdl 1", "mdl 1\n\n", "MDL 1\n", "", "git\n"] {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join(".mdl");
        copy(&folder().join("repository"), &directory);
        fs::write(directory.join("format"), format).unwrap();
        let before = snapshot(root.path());
        for attempt in
            [Repository::open(root.path()), Repository::init(root.path()).map(|done| done.repository)]
        {
            let Err(RepoError::UnknownFormat { found }) = attempt else { panic!("{format:?} was opened") };
            assert_eq!(found, format.trim_end());
        }
        assert!(snapshot(root.path()) == before, "{format:?}: something was written");
    }
}

#[test]
fn a_format_that_is_too_long_is_not_read() {
    let root = tempfile::tempdir().unwrap();
    copy(&folder().join("repository"), &root.path().join(".mdl"));
    fs::write(root.path().join(".mdl/format"), "mdl 1\n".repeat(100)).unwrap();
    assert!(Repository::open(root.path()).is_err());
}
