//! Looking at what is recorded: any revision, part or object.

use std::io::Write;

use crate::id::CommitId;
use crate::id::{ContentId, Digest, Kind, TreeId};
use crate::object::{Commit, Definition, Environment, Node, Outcome, Tag};
use crate::repo::{RepoError, Repository};
use crate::value::Value;

/// Something recorded, read for a person.
#[derive(Debug)]
pub enum Shown {
    /// A commit, with what it holds.
    Commit {
        id: CommitId,
        commit: Commit,
        definition: Box<Definition>,
        environment: Box<Environment>,
        outcome: Option<Box<Outcome>>,
    },
    /// A tag, and the commit that it points to.
    Tag { tag: Tag },
    /// A value of the parameters, metrics or seeds.
    Value(Value),
    /// A directory, or one of its pages: names and what they name.
    Tree { id: TreeId, entries: Vec<(String, Node)> },
    /// A content, and its size in bytes.
    Content { id: ContentId, size: u64 },
    /// Any other object.
    Object { kind: Kind, id: Digest },
}

impl Repository {
    /// What a text names: a revision, a part of one (`HEAD:params.lr`), or an object's id or prefix.
    pub fn show(&self, what: &str) -> Result<Shown, RepoError> {
        let _ = what;
        todo!()
    }

    /// Writes the bytes of a file (`HEAD:params.yaml`, `main:datasets/train/a.csv`, a content's id).
    pub fn cat(&self, what: &str, to: &mut dyn Write) -> Result<(), RepoError> {
        let _ = (what, to);
        todo!()
    }
}
