//! Checkouts that did not come to their end: what they were about to make of the work tree.
//!
//! Written before the first file changes and removed once HEAD has moved, it tells what such a checkout left apart from
//! the user's own changes: a file that is as one of the commits has it, or gone as there, is none. It licenses nothing
//! but to replace what is recorded, and holds only for the commit that HEAD was on. It is no promise: a power cut may
//! take it, and then what was left looks like changes, as it is.

use crate::diff::State;
use crate::disk::{read_cache, replace_cache};
use crate::id::{CommitId, Digest};
use crate::repo::checkout::parts;
use crate::repo::{RepoError, Repository};
use crate::worktree::plan::Part;

/// The file below `.mdl/`: the commit that HEAD is on, a newline, and for each checkout its commit and a newline; then
/// the BLAKE3 of that.
const FILE: &str = "CHECKOUT";
/// So many checkouts are remembered; of more, the last.
const MOST: usize = 16;
/// No file of them is longer.
const MAX_BYTES: u64 = 65 * (MOST as u64 + 1) + 32;

/// Checkouts that were begun since HEAD is where it is, and not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Where HEAD was, and is.
    pub head: CommitId,
    /// What was to be checked out, the last at the end.
    pub others: Vec<CommitId>,
}

impl Unfinished {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let ids = text.split('\n').map(|line| line.parse::<Digest>().ok().map(CommitId::from));
        let mut ids = ids.collect::<Option<Vec<CommitId>>>()?.into_iter();
        let (head, others) = (ids.next()?, ids.collect::<Vec<_>>());
        (1..=MOST).contains(&others.len()).then_some(Self { head, others })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let ids = std::iter::once(&self.head).chain(&self.others);
        ids.flat_map(|id| format!("{id}\n").into_bytes()).collect()
    }
}

impl Repository {
    /// The checkouts that were begun from where HEAD is, and not finished.
    pub fn unfinished(&self) -> Result<Option<Unfinished>, RepoError> {
        let read = read_cache(&self.directory.join(FILE), MAX_BYTES);
        let Some(found) = read.and_then(|bytes| Unfinished::parse(&bytes)) else { return Ok(None) };
        Ok((self.head()?.commit() == Some(found.head)).then_some(found))
    }

    /// The parts of what was to be checked out, as far as it is still known.
    pub(super) fn states_of(&self, begun: &Unfinished) -> Result<Vec<Vec<Part>>, RepoError> {
        let parts = |commit: &CommitId| {
            let state = State::of_commit(&self.store, *commit)?;
            parts(&self.store, &state)
        };
        Ok(begun.others.iter().filter_map(|commit| parts(commit).ok()).collect())
    }

    /// Remembers that a checkout of a commit begins.
    pub(super) fn remember_files(
        &self,
        begun: Option<&Unfinished>,
        commit: CommitId,
    ) -> Result<(), RepoError> {
        let Some(head) = self.head()?.commit() else { return Ok(()) };
        let mut others = begun.map(|begun| begun.others.clone()).unwrap_or_default();
        others.retain(|other| *other != commit);
        others.push(commit);
        let others = others.split_off(others.len().saturating_sub(MOST));
        self.write_unfinished(&Unfinished { head, others })
    }

    fn write_unfinished(&self, unfinished: &Unfinished) -> Result<(), RepoError> {
        let path = self.directory.join(FILE);
        replace_cache(&*self.disk, &self.directory.join("tmp"), &path, unfinished.to_bytes())
            .map_err(|source| RepoError::Io { action: "write", path, source })
    }

    /// What was begun has come to its end, and HEAD with it.
    pub(in crate::repo) fn finish_files(&self) {
        // What cannot be removed holds only for where HEAD was.
        let _ = self.disk.remove_file(&self.directory.join(FILE));
    }

    /// Goes back to what was remembered before a checkout that was taken back.
    pub(super) fn forget_files(&self, begun: Option<&Unfinished>) {
        match begun {
            Some(begun) => drop(self.write_unfinished(begun)),
            None => self.finish_files(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let id = |byte| CommitId::from(Digest::new([byte; 32]));
        let unfinished = Unfinished { head: id(1), others: vec![id(2), id(3)] };
        let bytes = unfinished.to_bytes();
        assert_eq!(Unfinished::parse(&bytes), Some(unfinished.clone()));
        for cut in 0..bytes.len() {
            assert_ne!(Unfinished::parse(&bytes[..cut]), Some(unfinished.clone()));
        }
        assert_eq!(Unfinished::parse(&bytes[..65]), None, "no checkout");
        let many = Unfinished { head: id(1), others: vec![id(2); MOST + 1] };
        assert_eq!(Unfinished::parse(&many.to_bytes()), None);
        assert_eq!(Unfinished::parse(b"\xff\n"), None);
    }
}
