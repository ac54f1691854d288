//! Every storage passes the same suite; what only a folder can do wrong is in `folder`.

mod folder;
mod suite;

use std::sync::Arc;

use mdl::disk::OsDisk;
use mdl::storage::{Folder, Memory};

#[test]
fn memory_conforms() {
    suite::run(&|check| check(&Memory::new()));
}

#[test]
fn a_folder_conforms() {
    suite::run(&|check| {
        let dir = tempfile::tempdir().unwrap();
        check(&Folder::new(dir.path().join("keys"), Arc::new(OsDisk)));
    });
}

/// Where a file system has no hard links, a rename that replaces nothing stands in.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_without_links_conforms() {
    suite::run(&|check| {
        let dir = tempfile::tempdir().unwrap();
        check(&Folder::new(dir.path().join("keys"), Arc::new(folder::NoLinks)));
    });
}
