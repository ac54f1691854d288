//! Every storage passes the same suite; what only one kind can do wrong is in a file of its own.

mod folder;
#[cfg(all(unix, feature = "cli"))]
mod ssh;
#[cfg(all(unix, feature = "cli"))]
#[path = "../support/sshd.rs"]
mod sshd;
#[cfg(unix)]
mod stream;
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
