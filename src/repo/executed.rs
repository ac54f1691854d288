//! What this person has committed, executed or approved here: a list in their own folder, outside of any repository.
//!
//! `reproduce` executes what a commit defines. A commit can be made by anybody, under any name, and a repository can
//! come from a stranger's archive with all of its `.mdl`, so that nothing in it proves whose commit it is. The list
//! lies in `$XDG_STATE_HOME/mdl/executed` or `~/.local/state/mdl/executed`. An entry is a hash of the place of the
//! repository, of its `.mdl` as the file system knows it, and of a definition, which covers the command, code, data,
//! parameters and variables. The place is in it since a program of the work tree that is not recorded may be used.
//!
//! The list may be lost at any time: then the question is asked once more.

use std::env;
use std::path::{Path, PathBuf};

use crate::disk::{self, OsDisk, create_dirs};
use crate::id::DefinitionId;
use crate::repo::{Repository, plain};

const CONTEXT: &str = "mdl v1 executed";
/// A list that is longer becomes the older one, which is forgotten when the next is full: some 120,000 entries each.
const MAX_BYTES: u64 = 4 << 20;

impl Repository {
    /// Whether this person committed, executed or approved this definition in this repository.
    pub(super) fn is_executed(&self, definition: DefinitionId) -> bool {
        let (Some(list), Some(entry)) = (list(), self.entry(definition)) else { return false };
        [older(&list), list].iter().any(|list| {
            // One line may be longer than the bound by what was appended meanwhile.
            let text = plain::read_to_string(list, 2 * MAX_BYTES).ok().flatten();
            text.is_some_and(|text| text.lines().any(|line| line == entry))
        })
    }

    /// Remembers that this person committed, executed or approved a definition. A failure costs a question later.
    pub(super) fn remember_executed(&self, definition: DefinitionId) {
        let (Some(list), Some(entry)) = (list(), self.entry(definition)) else { return };
        let append = || disk::append_private(&list, format!("{entry}\n").as_bytes());
        let appended = match (append(), list.parent()) {
            (Err(_), Some(folder)) => create_dirs(&OsDisk, folder).and_then(|()| append()),
            (appended, _) => appended,
        };
        if appended.is_ok_and(|before| before > MAX_BYTES) {
            let _ = disk::Disk::rename(&OsDisk, &list, &older(&list));
        }
    }

    /// The line that stands for a definition in this repository.
    fn entry(&self, definition: DefinitionId) -> Option<String> {
        let place = inode(&self.directory)?;
        let mut hash = blake3::Hasher::new_derive_key(CONTEXT);
        let path = self.directory.as_os_str().as_encoded_bytes();
        hash.update(&(path.len() as u64).to_le_bytes()).update(path);
        hash.update(&place.to_le_bytes()).update(definition.digest().as_bytes());
        Some(hash.finalize().to_hex()[..32].to_owned())
    }
}

fn list() -> Option<PathBuf> {
    let absolute =
        |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    Some(state?.join("mdl").join("executed"))
}

fn older(list: &Path) -> PathBuf {
    list.with_extension("old")
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    Some(std::fs::metadata(path).ok()?.ino())
}

#[cfg(not(unix))]
fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|_| 0)
}
