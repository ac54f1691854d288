//! For tests: a storage that does to each operation what a hook says.

use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError};

/// An operation on a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operation {
    Create(Key),
    Draft,
    Publish(Key),
    Open(Key),
    List(String),
    Settle(String),
    Remove(Key),
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Done,
    /// It fails, and has no effect.
    Failed,
    /// It is done, and its reply is lost.
    ReplyLost,
}

type Hook = dyn Fn(&Operation) -> Fate + Send + Sync;

/// A storage whose operations meet the fate that a hook chooses.
pub struct Hooked<S> {
    inner: S,
    hook: std::sync::Arc<Hook>,
}

impl<S: Storage> Hooked<S> {
    /// Puts a hook before every operation of a storage.
    pub fn new(inner: S, hook: impl Fn(&Operation) -> Fate + Send + Sync + 'static) -> Self {
        Self { inner, hook: std::sync::Arc::new(hook) }
    }

    fn meet<T>(
        &self,
        operation: Operation,
        act: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        meet(&*self.hook, operation, act)
    }
}

fn meet<T>(
    hook: &Hook,
    operation: Operation,
    act: impl FnOnce() -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    let error = |reason: &str| StorageError {
        action: "reach",
        place: format!("{operation:?}"),
        source: std::io::Error::other(reason.to_owned()),
    };
    match hook(&operation) {
        Fate::Done => act(),
        Fate::Failed => Err(error("it failed")),
        Fate::ReplyLost => {
            act()?;
            Err(error("the reply was lost"))
        }
    }
}

impl<S: Storage> Storage for Hooked<S> {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        self.meet(Operation::Create(key.clone()), || self.inner.create(key, bytes))
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        let inner = self.meet(Operation::Draft, || self.inner.draft())?;
        Ok(Box::new(HookedDraft { inner, hook: self.hook.clone() }))
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        self.meet(Operation::Open(key.clone()), || self.inner.open(key))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        self.meet(Operation::List(prefix.to_owned()), || self.inner.list(prefix))
    }

    fn is_remote(&self) -> bool {
        self.inner.is_remote()
    }

    fn settle(&self, prefix: &str) -> Result<(), StorageError> {
        self.meet(Operation::Settle(prefix.to_owned()), || self.inner.settle(prefix))
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        self.meet(Operation::Remove(key.clone()), || self.inner.remove(key))
    }
}

struct HookedDraft {
    inner: Box<dyn Draft>,
    hook: std::sync::Arc<Hook>,
}

impl Draft for HookedDraft {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.inner.write(bytes)
    }

    fn publish(self: Box<Self>, key: &Key) -> Result<Created, StorageError> {
        let Self { inner, hook } = *self;
        meet(&*hook, Operation::Publish(key.clone()), || inner.publish(key))
    }
}

#[cfg(test)]
thread_local! {
    /// What the randomness of this thread is drawn from: a seed, and how often it was.
    static DRAWS: std::cell::Cell<Option<(u64, u64)>> = const { std::cell::Cell::new(None) };
}

/// From now on, the randomness of this thread depends on nothing but a seed.
#[cfg(test)]
pub(crate) fn draw_from(seed: u64) {
    DRAWS.set(Some((seed, 0)));
}

/// Bytes of this thread's seed; `None` where there is none.
#[cfg(test)]
pub(super) fn drawn<const N: usize>() -> Option<[u8; N]> {
    let (seed, draws) = DRAWS.get()?;
    DRAWS.set(Some((seed, draws + 1)));
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&draws.to_le_bytes());
    let mut bytes = [0; N];
    hasher.finalize_xof().fill(&mut bytes);
    Some(bytes)
}
