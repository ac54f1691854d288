//! Looking at what is recorded: any revision, part or object.

use std::io::Write;

use crate::diff::{self, Snapshot, State};
use crate::id::{CommitId, ContentId, Digest, Kind, Prefix, TagId, TreeId};
use crate::name::RefName;
use crate::object::{self, Commit, Find, Node, ObjectError, Placed, Tag, TreeEntries};
use crate::progress::Progress;
use crate::repo::{RepoError, Repository, Resolved};
use crate::store::Found;

/// Something recorded, read for a person.
#[derive(Debug)]
pub enum Shown {
    /// A commit, with what it holds.
    Commit {
        /// Its id.
        id: CommitId,
        /// The commit.
        commit: Box<Commit>,
        /// What it holds.
        snapshot: Box<Snapshot>,
    },
    /// A tag.
    Tag {
        /// Its id.
        id: TagId,
        /// The tag.
        tag: Tag,
    },
    /// A part of a revision.
    Part {
        /// The commit that has it.
        commit: CommitId,
        /// The part.
        part: diff::part::Resolved,
    },
    /// A directory: names and what they name.
    Tree {
        /// Its id.
        id: TreeId,
        /// Its entries.
        entries: Vec<(String, Node)>,
    },
    /// A content.
    Content {
        /// Its id.
        id: ContentId,
        /// Its size in bytes.
        size: u64,
    },
    /// Any other object.
    Object {
        /// What it is.
        kind: Kind,
        /// Its id.
        id: Digest,
    },
}

impl Repository {
    /// What a text names: a revision, a part of one (`HEAD:params.lr`), a tag, or an object's id or prefix.
    pub fn show(&self, what: &str) -> Result<Shown, RepoError> {
        if let Ok(name) = RefName::new(what)
            && self.tip(&name)?.is_none()
            && let Some(id) = self.tag_id(&name)?
        {
            return Ok(Shown::Tag { id, tag: object::get(&self.store, id)? });
        }
        match self.resolve(what) {
            Ok(resolved) => self.show_resolved(resolved),
            Err(RepoError::UnknownRevision(_)) => self.show_found(self.find_one(what)?),
            Err(error) => Err(error),
        }
    }

    fn show_resolved(&self, resolved: Resolved) -> Result<Shown, RepoError> {
        let Resolved { commit: id, part } = resolved;
        let commit: Commit = object::get(&self.store, id)?;
        let state = State::of(&self.store, &commit)?;
        match part {
            None => {
                let snapshot = Box::new(Snapshot::load(&self.store, state)?);
                Ok(Shown::Commit { id, commit: Box::new(commit), snapshot })
            }
            Some(selector) => {
                let part = diff::part::get(&self.store, &state, &selector)?;
                let missing = || RepoError::NoSuchPart { commit: id.to_string(), part: selector.to_string() };
                Ok(Shown::Part { commit: id, part: part.ok_or_else(missing)? })
            }
        }
    }

    fn show_found(&self, found: Found) -> Result<Shown, RepoError> {
        match found {
            Found::Object(Kind::Commit, id) => self.show_resolved(Resolved { commit: id.into(), part: None }),
            Found::Object(Kind::Tag, id) => {
                Ok(Shown::Tag { id: id.into(), tag: object::get(&self.store, id.into())? })
            }
            Found::Object(Kind::Tree, id) => {
                Ok(Shown::Tree { id: id.into(), entries: self.entries(id.into())? })
            }
            Found::Object(kind, id) => Ok(Shown::Object { kind, id }),
            Found::Content(id) => {
                let size = self.store.content_size(id)?.ok_or(ObjectError::MissingContent(id))?;
                Ok(Shown::Content { id, size })
            }
        }
    }

    /// The names in a directory, and what they name.
    pub fn entries(&self, tree: TreeId) -> Result<Vec<(String, Node)>, RepoError> {
        let entries = TreeEntries::new(&self.store, tree)?;
        Ok(entries
            .map(|entry| entry.map(|entry| (entry.name.to_string(), entry.node)))
            .collect::<Result<_, _>>()?)
    }

    /// The one thing whose id is this or begins like this.
    fn find_one(&self, text: &str) -> Result<Found, RepoError> {
        let unknown = || RepoError::UnknownRevision(text.to_owned());
        let prefix: Prefix = text.parse().map_err(|_| unknown())?;
        match self.store.with_prefix(&prefix)?[..] {
            [found] => Ok(found),
            [] => Err(unknown()),
            ref found => Err(RepoError::Ambiguous { prefix: text.to_owned(), count: found.len() }),
        }
    }

    /// Writes the bytes of a file (`HEAD:params`, `main:datasets/train/a.csv`, a content's id).
    pub fn cat(&self, what: &str, to: &mut dyn Write, progress: &dyn Progress) -> Result<(), RepoError> {
        let id = match self.resolve(what) {
            Ok(Resolved { commit, part: Some(selector) }) => {
                let state = State::of_commit(&self.store, commit)?;
                let mut files = diff::part::files(&self.store, &state, &selector)?;
                // Of a part that is made of several files, the one that was written.
                if let (2.., Some((_, path))) = (files.len(), what.split_once(':')) {
                    files.retain(|file| file.path.as_str() == path);
                }
                match &files[..] {
                    [Placed { node: Node::File { content, .. } | Node::Symlink { content, .. }, .. }] => {
                        *content
                    }
                    [] => {
                        return Err(RepoError::NoSuchPart {
                            commit: commit.to_string(),
                            part: selector.to_string(),
                        });
                    }
                    _ => return Err(RepoError::NotAFile(what.to_owned())),
                }
            }
            Ok(_) => return Err(RepoError::NotAFile(what.to_owned())),
            Err(RepoError::UnknownRevision(_)) => match self.find_one(what)? {
                Found::Content(id) => id,
                Found::Object(..) => return Err(RepoError::NotAFile(what.to_owned())),
            },
            Err(error) => return Err(error),
        };
        Ok(self.contents(progress).write(id, to)?)
    }

    /// Whether an object is here.
    pub fn has(&self, kind: Kind, id: Digest) -> Result<bool, RepoError> {
        Ok(self.store.has(kind, id)?)
    }
}
