//! Every storage passes the same suite; what only one kind can do wrong is in a file of its own.

#[cfg(feature = "bucket")]
mod buckets;
#[cfg(feature = "bucket")]
mod faulty;
mod folder;
#[cfg(feature = "bucket")]
#[path = "../support/gcs.rs"]
mod gcs;
#[cfg(feature = "bucket")]
#[path = "../support/http.rs"]
mod http;
#[cfg(feature = "bucket")]
#[path = "../support/servers.rs"]
mod servers;
#[path = "../support/skip.rs"]
mod skip;
#[cfg(all(unix, feature = "cli"))]
mod ssh;
#[cfg(all(unix, feature = "cli"))]
#[path = "../support/sshd.rs"]
mod sshd;
#[cfg(unix)]
mod stream;
mod suite;
#[cfg(feature = "bucket")]
mod web;

use std::sync::Arc;

use mdl::disk::OsDisk;
use mdl::storage::{Folder, Memory};

#[test]
fn memory_conforms() {
    suite::run(&|check| check(&Memory::new()));
    suite::what_is_open_stays_readable(&Memory::new());
}

#[test]
fn a_folder_conforms() {
    suite::run(&|check| {
        let dir = tempfile::tempdir().unwrap();
        check(&Folder::new(dir.path().join("keys"), Arc::new(OsDisk)));
    });
    let dir = tempfile::tempdir().unwrap();
    suite::what_is_open_stays_readable(&Folder::new(dir.path(), Arc::new(OsDisk)));
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
