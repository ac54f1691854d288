//! A storage that answers from a record, so that a writer can be run again up to where it was.

use std::sync::{Arc, Mutex};

use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Request {
    List(String),
    Open(String),
    Create(String, Arc<[u8]>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reply {
    List(Vec<u64>),
    Open(Option<Arc<[u8]>>),
    Create(bool),
    Failed,
}

/// Answers from a record, and notes the first request that is not in it.
pub(super) struct Replay<'a> {
    state: Mutex<(std::slice::Iter<'a, Reply>, Option<Request>)>,
}

impl<'a> Replay<'a> {
    pub(super) fn of(replies: &'a [Reply]) -> Self {
        Self { state: Mutex::new((replies.iter(), None)) }
    }

    /// The first request that has no reply.
    pub(super) fn pending(self) -> Option<Request> {
        self.state.into_inner().unwrap().1
    }

    fn answer(&self, request: Request) -> Result<Reply, StorageError> {
        let mut state = self.state.lock().unwrap();
        match state.0.next() {
            Some(Reply::Failed) => {}
            Some(reply) => return Ok(reply.clone()),
            None => drop(state.1.get_or_insert(request)),
        }
        let source = std::io::Error::other("no reply");
        Err(StorageError { action: "reach", place: "the storage".into(), source })
    }
}

struct Bytes(Arc<[u8]>);

impl Body for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, _: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        buffer.copy_from_slice(&self.0);
        Ok(())
    }
}

impl Storage for Replay<'_> {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        match self.answer(Request::Create(key.to_string(), bytes.into()))? {
            Reply::Create(true) => Ok(Created::Created),
            Reply::Create(false) => Ok(Created::Exists),
            reply => panic!("{reply:?}"),
        }
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        unreachable!("refs are small")
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        match self.answer(Request::Open(key.to_string()))? {
            Reply::Open(body) => Ok(body.map(|bytes| Box::new(Bytes(bytes)) as Box<dyn Body>)),
            reply => panic!("{reply:?}"),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        match self.answer(Request::List(prefix.to_owned()))? {
            Reply::List(numbers) => {
                let listed = |n| Listed { key: Key::new(&format!("{prefix}/{n}")).unwrap(), size: 0 };
                Ok(numbers.into_iter().map(listed).collect())
            }
            reply => panic!("{reply:?}"),
        }
    }

    fn remove(&self, _: &Key) -> Result<(), StorageError> {
        unreachable!("writers remove nothing")
    }
}
