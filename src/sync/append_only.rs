//! A storage that is lent for adding: what `mdl serve --append-only` lets its clients create.
//!
//! A deletion, a step back and a tag that moves are entries like others, so that a storage that merely removes nothing
//! does not keep them out. Here every key is looked at before it is created, whatever the client says of itself:
//! packs, the key `format`, probes, and entries that add to what their ref has. Refused are everything else, above
//! all marks of collections, which would make other writers give up packs that are needed.
//!
//! Who adds to a log is not known here: a client can end a run that another one began, if it records an outcome of
//! the same definition.

use std::collections::HashSet;
use std::sync::Arc;

use crate::graph;
use crate::id::{CommitId, Digest, Kind, RunsId};
use crate::name::{RefName, RunId};
use crate::object::{self, Commit, Find, ObjectError, Runs};
use crate::refs::{self, Entry, Family, Ref, RefError, Target};
use crate::storage::{Body, Created, Draft, Key, Listed, PROBE_PREFIX, Storage, StorageError};
use crate::store::{PackName, Store, version};
use crate::sync::checked_out;

/// No probe is longer.
const MAX_PROBE: usize = 64;

/// A storage to which clients may add.
pub struct AppendOnly {
    inner: Arc<dyn Storage>,
    store: Arc<Store>,
}

/// Why a key is not created.
enum Refused {
    /// It would do more than add.
    Rule(String),
    /// That could not be found out.
    Failed(StorageError),
}

type Allowed<T> = Result<T, Refused>;

impl From<StorageError> for Refused {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

impl From<RefError> for Refused {
    fn from(error: RefError) -> Self {
        match error {
            RefError::Storage(error) => Self::Failed(error),
            error => Self::Rule(error.to_string()),
        }
    }
}

impl From<ObjectError> for Refused {
    fn from(error: ObjectError) -> Self {
        Self::Rule(error.to_string())
    }
}

fn rule<T>(reason: &str) -> Allowed<T> {
    Err(Refused::Rule(reason.to_owned()))
}

impl Refused {
    fn into_error(self, key: &Key) -> StorageError {
        match self {
            Self::Failed(error) => error,
            Self::Rule(reason) => {
                let reason = format!("access to it is append-only: {reason}");
                let source = std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason);
                StorageError { action: "create", place: key.to_string(), source }
            }
        }
    }
}

impl AppendOnly {
    /// Lends a storage.
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        let store = Arc::new(Store::open(inner.clone(), None));
        Self { inner, store }
    }

    /// Whether a key may be created with these bytes; `Exists` where it is known to be too late for that.
    fn examine(&self, key: &Key, bytes: &[u8]) -> Allowed<Created> {
        let is_probe = key.as_str().strip_prefix(PROBE_PREFIX).is_some_and(|rest| rest.starts_with('/'));
        if PackName::parse(key.as_str()).is_some()
            || (is_probe && bytes.len() <= MAX_PROBE)
            || version::is_stamp(key, bytes)
        {
            return Ok(Created::Created);
        }
        match refs::of_key(key) {
            Some((name, number)) => self.entry(&name, number, bytes),
            None => rule("clients create packs and entries of branches, tags and runs, and nothing else"),
        }
    }

    fn entry(&self, name: &Ref, number: u64, bytes: &[u8]) -> Allowed<Created> {
        let last = refs::read(&*self.inner, name)?;
        if last.as_ref().is_some_and(|(at, _)| number <= *at) {
            // Somebody was faster. An entry that was pruned is not made again either.
            return Ok(Created::Exists);
        }
        let entry = Entry::from_bytes(bytes).map_err(|error| Refused::Rule(error.to_string()))?;
        // Read after the entry: an honest writer read it before.
        let epoch = refs::epoch(&*self.inner)?;
        entry
            .adds_to(name.family, number, last.as_ref(), epoch)
            .map_err(|why| Refused::Rule(why.to_owned()))?;
        let from = last.map(|(_, last)| last.target);
        if from != Some(entry.target) {
            self.target(name, from, entry.target)?;
        }
        Ok(Created::Created)
    }

    /// Whether what a ref is going to point to is there, and comes after what it points to.
    fn target(&self, name: &Ref, from: Option<Target>, to: Target) -> Allowed<()> {
        match (name.family, to) {
            (Family::Heads, Target::Commit(to)) => self.head(&name.name, from, to),
            (Family::Tags, Target::Tag(tag)) => self.has(Kind::Tag, tag.digest()),
            (Family::Runs, Target::Commit(to) | Target::Finished(to)) => self.run(&name.name, from, to),
            (Family::Batches, Target::Runs(batch)) => self.batch(batch),
            _ => Ok(()),
        }
    }

    fn has(&self, kind: Kind, id: Digest) -> Allowed<()> {
        if self.store.has(kind, id)? { Ok(()) } else { rule("what it points to is not there") }
    }

    fn head(&self, name: &RefName, from: Option<Target>, to: CommitId) -> Allowed<()> {
        if checked_out(&*self.inner)?.as_ref() == Some(name) {
            return rule("the branch is checked out there");
        }
        let _: Commit = object::get(&*self.store, to)?;
        match from {
            Some(Target::Commit(from)) if !graph::is_ancestor(&*self.store, from, to)? => {
                rule("a branch only goes forward")
            }
            _ => Ok(()),
        }
    }

    fn run(&self, name: &RefName, from: Option<Target>, to: CommitId) -> Allowed<()> {
        let next: Commit = object::get(&*self.store, to)?;
        if next.run.as_ref().is_none_or(|run| run.id.as_str() != name.as_str()) {
            return rule("the commit is not one of this run");
        }
        if let Some(from) = from.and_then(|from| from.commit()) {
            let before: Commit = object::get(&*self.store, from)?;
            if before.definition != next.definition {
                return rule("the commit has another definition than the run");
            }
        }
        Ok(())
    }

    /// A batch may tell of new runs, and of no run anything else than what is known.
    fn batch(&self, id: RunsId) -> Allowed<()> {
        let batch: Runs = object::get(&*self.store, id)?;
        if !batch.batches.is_empty() {
            return rule("a batch that replaces others is made by collections alone");
        }
        let packed = refs::runs(&*self.inner, &*self.store)?;
        let loose: HashSet<RunId> = packed.ids().into_iter().cloned().collect();
        for (id, commit) in &batch.runs {
            let known = match packed.packed(id) {
                Some(known) => Some(Target::Finished(known)),
                None if loose.contains(id) => {
                    refs::read(&*self.inner, &Ref::of_run(id))?.map(|(_, entry)| entry.target)
                }
                None => None,
            };
            if known.filter(Target::exists).is_some_and(|known| known != Target::Finished(*commit)) {
                return rule("the batch contradicts what is recorded of a run");
            }
            let commit: Commit = object::get(&*self.store, *commit)?;
            if commit.outcome.is_none() || commit.run.is_none_or(|run| run.id != *id) {
                return rule("the batch names a commit that does not end its run");
            }
        }
        Ok(())
    }
}

impl Storage for AppendOnly {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        match self.examine(key, bytes).map_err(|refused| refused.into_error(key))? {
            Created::Exists => Ok(Created::Exists),
            Created::Created => self.inner.create(key, bytes),
        }
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        Ok(Box::new(PackDraft(self.inner.draft()?)))
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        self.inner.open(key)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        self.inner.list(prefix)
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        let refused = Refused::Rule("nothing is removed".to_owned());
        Err(StorageError { action: "remove", ..refused.into_error(key) })
    }

    fn settle(&self, prefix: &str) -> Result<(), StorageError> {
        self.inner.settle(prefix)
    }

    fn read(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, StorageError> {
        self.inner.read(key, limit)
    }
}

/// A body that becomes a pack or nothing: the bytes of an entry are looked at, which those of a draft are not.
struct PackDraft(Box<dyn Draft>);

impl Draft for PackDraft {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.0.write(bytes)
    }

    fn publish(self: Box<Self>, key: &Key) -> Result<Created, StorageError> {
        match PackName::parse(key.as_str()) {
            Some(_) => self.0.publish(key),
            None => Err(Refused::Rule("only packs are written in pieces".to_owned()).into_error(key)),
        }
    }
}
