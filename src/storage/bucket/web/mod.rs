//! Files that a web server shows, as a storage that is only read.

mod fetch;
mod listing;
mod parse;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Client, Url};

use crate::storage::bucket::attempt::{Failure, Patience};
use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError, too_short};
use fetch::get;
use listing::Style;

/// A body that a server sends only whole is held in memory, up to this size.
const MAX_WHOLE: u64 = 128 << 20;
/// Sizes that are remembered.
const MAX_SIZES: usize = 200_000;

/// Files of a web server. Its clones are the same storage.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    /// Ends in a slash.
    root: Url,
    patience: Patience,
    style: Mutex<Option<Style>>,
    sizes: Mutex<HashMap<Key, u64>>,
    /// The last body that came whole although a range was asked for: more of it will be.
    whole: Mutex<Option<(Key, Arc<Vec<u8>>)>>,
}

impl Web {
    /// Prepares to read what is below a URL.
    pub fn open(url: &str) -> Result<Self, StorageError> {
        Self::with_patience(url, Patience::default())
    }

    /// As [`Web::open`], and waits for each answer only so long.
    pub fn open_within(url: &str, answer: Duration) -> Result<Self, StorageError> {
        Self::with_patience(url, Patience::within(answer))
    }

    fn with_patience(url: &str, patience: Patience) -> Result<Self, StorageError> {
        let open = |source| StorageError { action: "open", place: url.to_owned(), source };
        let root = Url::parse(&format!("{}/", url.trim_end_matches('/')));
        let root = root.map_err(|error| open(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let client = fetch::client(&patience).map_err(|failure| open(failure.error))?;
        let (style, sizes, whole) = Default::default();
        Ok(Self { inner: Arc::new(Inner { client, root, patience, style, sizes, whole }) })
    }

    fn read_only<T>(&self, action: &'static str, name: &str) -> Result<T, StorageError> {
        let source = io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a web server is only read");
        Err(self.inner.error(action, name)(Failure::from(source)))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change replaces a whole value, so a panic elsewhere leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    fn error(&self, action: &'static str, name: &str) -> impl Fn(Failure) -> StorageError {
        let place = format!("{name} of {}", self.root);
        move |failure| StorageError { action, place: place.clone(), source: failure.error }
    }

    /// The URL of a key: its `%` is no escape.
    fn url(&self, name: &str) -> Result<Url, Failure> {
        let url = self.root.join(&format!("./{}", name.replace('%', "%25")));
        url.map_err(|error| Failure::hopeless(io::ErrorKind::InvalidInput, error.to_string()))
    }

    fn remember(&self, key: &Key, size: u64) {
        let mut sizes = locked(&self.sizes);
        if sizes.len() >= MAX_SIZES {
            sizes.clear();
        }
        sizes.insert(key.clone(), size);
    }

    fn known_size(&self, key: &Key) -> Option<u64> {
        locked(&self.sizes).get(key).copied()
    }

    /// The size of a key, told by the answer to a request for its first byte; `None` if it does not exist.
    async fn size(&self, key: &Key) -> Result<Option<u64>, Failure> {
        let Some(part) = get(&self.client, self.url(key.as_str())?, Some(0..1)).await? else {
            return Ok(None);
        };
        if let Some(size) = part.size {
            return Ok(Some(size));
        }
        let whole = part.bytes(MAX_WHOLE).await?;
        let size = whole.len() as u64;
        *locked(&self.whole) = Some((key.clone(), Arc::new(whole)));
        Ok(Some(size))
    }

    async fn range(&self, key: &Key, size: u64, offset: u64, buffer: &mut [u8]) -> Result<(), Failure> {
        let end = offset + buffer.len() as u64;
        let part = get(&self.client, self.url(key.as_str())?, Some(offset..end)).await?;
        let Some(part) = part else {
            return Err(Failure::hopeless(io::ErrorKind::NotFound, "it is not there any more"));
        };
        if let Some(now) = part.size.filter(|now| *now != size) {
            let reason = format!("it had {size} bytes before, and has {now} now");
            return Err(Failure::hopeless(io::ErrorKind::InvalidData, reason));
        }
        if part.range.as_ref().is_some_and(|range| *range == (offset..end)) {
            return part.fill(offset, buffer).await;
        }
        let starts_whole = part.range.as_ref().is_none_or(|range| range.start == 0);
        if !starts_whole {
            return Err(Failure::bad_answer("another range came than was asked for"));
        }
        let whole = Arc::new(part.bytes(size.min(MAX_WHOLE)).await?);
        let bytes = usize::try_from(offset).ok().and_then(|offset| whole.get(offset..offset + buffer.len()));
        buffer.copy_from_slice(bytes.ok_or_else(|| Failure::bad_answer("fewer bytes came than were said"))?);
        *locked(&self.whole) = Some((key.clone(), whole));
        Ok(())
    }

    fn held(&self, key: &Key) -> Option<Arc<Vec<u8>>> {
        locked(&self.whole).as_ref().filter(|(held, _)| held == key).map(|(_, whole)| whole.clone())
    }
}

impl Storage for Web {
    fn is_remote(&self) -> bool {
        true
    }

    fn create(&self, key: &Key, _: &[u8]) -> Result<Created, StorageError> {
        self.read_only("create", key.as_str())
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        self.read_only("write to", "anything")
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        let inner = &self.inner;
        let size = match inner.known_size(key) {
            Some(size) => Some(size),
            None => {
                let size = inner.patience.repeat(0, async || inner.size(key).await);
                size.map_err(inner.error("open", key.as_str()))?
            }
        };
        let Some(size) = size else { return Ok(None) };
        inner.remember(key, size);
        Ok(Some(Box::new(WebBody { inner: inner.clone(), key: key.clone(), size })))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        let keys = self.inner.keys(prefix).map_err(self.inner.error("list", prefix))?;
        let listed = keys.into_iter().map(|(key, size)| Listed { key, size });
        Ok(listed.inspect(|listed| self.inner.remember(&listed.key, listed.size)).collect())
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        self.read_only("remove", key.as_str())
    }

    fn read(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let inner = &self.inner;
        inner.text(key.as_str(), limit).map_err(inner.error("read", key.as_str()))
    }
}

struct WebBody {
    inner: Arc<Inner>,
    key: Key,
    size: u64,
}

impl Body for WebBody {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let length = buffer.len() as u64;
        let end = offset.checked_add(length).filter(|end| *end <= self.size);
        let end = end.ok_or_else(|| too_short(&self.key))?;
        if buffer.is_empty() {
            return Ok(());
        }
        if let Some(whole) = self.inner.held(&self.key).filter(|whole| whole.len() as u64 >= end) {
            buffer.copy_from_slice(&whole[offset as usize..end as usize]);
            return Ok(());
        }
        let range = async || self.inner.range(&self.key, self.size, offset, buffer).await;
        // The server may send the whole.
        let read = self.inner.patience.repeat(self.size.min(MAX_WHOLE).max(length), range);
        read.map_err(self.inner.error("read", self.key.as_str()))
    }
}
