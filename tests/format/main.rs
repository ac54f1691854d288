//! The repository in `v1/`: what this version's format is, once and for all.
//!
//! `v1/repository` was written by the first version, `v1/expected.txt` says what is in it. They are **never
//! generated again** once version 1 is released: a test that fails here has found a change of the format, which
//! makes repositories unreadable that people have. Such a change needs a `v2/` beside it (docs/format.md, "Changes").
//!
//! `independent.rs`, with `packs.rs`, reads the same repository by the rules of `docs/format.md` alone, without the library.

mod build;
mod content;
mod cuts;
#[path = "../generate/mod.rs"]
#[allow(dead_code)]
mod generate;
mod independent;
mod newer;
mod packs;
mod v1;

use std::path::{Path, PathBuf};

/// The folder of version 1.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format/v1")
}

/// What is in the repository, a line each, sorted: refs with their values, and the files of every commit.
fn expected() -> String {
    std::fs::read_to_string(folder().join("expected.txt")).unwrap()
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Every path below a folder, with the bytes of files.
fn snapshot(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
                found.push((entry.path(), None));
            } else {
                found.push((entry.path(), Some(std::fs::read(entry.path()).unwrap())));
            }
        }
    }
    found.sort();
    found
}
