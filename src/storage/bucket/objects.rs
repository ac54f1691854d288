//! A bucket as a storage.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::list::PaginatedListOptions;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStoreExt, PutMode, PutPayload};

use super::attempt::{Effect, Failure, Patience};
use super::environment::Environment;
use super::gather::Gather;
use super::open::{Objects, objects};
use super::refused::Refused;
use super::runtime::wait;
use super::url::BucketUrl;
use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError, too_short};

/// Sizes that are remembered.
const MAX_SIZES: usize = 200_000;

/// A bucket of S3, Google Cloud Storage or Azure. Its clones are the same storage.
#[derive(Clone)]
pub struct Bucket {
    inner: Arc<Inner>,
}

struct Inner {
    objects: Arc<dyn Objects>,
    url: BucketUrl,
    patience: Patience,
    /// What listings and creations have told, so that opening what is known costs no request. Keys never change; where
    /// one was removed and created anew, the next range that is read tells the other size.
    sizes: Mutex<HashMap<Key, u64>>,
}

impl Bucket {
    /// Prepares to use a bucket with the credentials of this process. Whether it exists is told by the first use.
    pub fn open(url: &BucketUrl) -> Result<Self, StorageError> {
        Self::open_in(url, &Environment::of_process())
    }

    /// Prepares to use a bucket with the credentials that these environment variables lead to.
    pub fn open_in(url: &BucketUrl, environment: &Environment) -> Result<Self, StorageError> {
        Self::with_patience(url, environment, Patience::default())
    }

    /// As [`Bucket::open_in`], and waits for each answer only so long.
    pub fn open_within(
        url: &BucketUrl,
        environment: &Environment,
        answer: Duration,
    ) -> Result<Self, StorageError> {
        Self::with_patience(url, environment, Patience { answer, pause: answer, ..Patience::default() })
    }

    fn with_patience(
        url: &BucketUrl,
        environment: &Environment,
        patience: Patience,
    ) -> Result<Self, StorageError> {
        let open = |source| StorageError { action: "open", place: url.to_string(), source };
        let objects = objects(url, environment).map_err(open)?;
        let inner = Inner { objects, url: url.clone(), patience, sizes: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Inner {
    fn error(&self, action: &'static str, name: &str) -> impl Fn(io::Error) -> StorageError {
        let place = format!("{} in {}", name, self.url);
        move |source| StorageError { action, place: place.clone(), source }
    }

    fn path(&self, key: &Key) -> io::Result<Path> {
        let path = Path::parse(format!("{}/{key}", self.url.prefix()));
        path.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))
    }

    fn sizes(&self) -> MutexGuard<'_, HashMap<Key, u64>> {
        // Each change is one call on the map, so a panic elsewhere leaves it whole.
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, key: &Key, size: u64) {
        let mut sizes = self.sizes();
        if sizes.len() >= MAX_SIZES {
            sizes.clear();
        }
        sizes.insert(key.clone(), size);
    }

    /// One conditional request, and again while it is known that it had no effect, or may be found out.
    async fn put(&self, key: &Key, bytes: Bytes) -> io::Result<Created> {
        let (path, size) = (self.path(key)?, bytes.len() as u64);
        let payload = PutPayload::from_bytes(bytes);
        let mut unanswered = None;
        for number in 1.. {
            let put = async {
                let put = self.objects.put_opts(&path, payload.clone(), PutMode::Create.into());
                put.await.map_err(Failure::from)
            };
            let failure = match self.patience.once(size, put).await {
                Ok(_) => {
                    self.remember(key, size);
                    return Ok(Created::Created);
                }
                Err(failure) => failure,
            };
            let exists = failure.refused().is_some_and(Refused::exists);
            match failure.effect {
                // What exists may be what the attempt without an answer created.
                _ if exists => return unanswered.map_or(Ok(Created::Exists), Err),
                Effect::Refused => return Err(unanswered.unwrap_or(failure.error)),
                Effect::Unknown if unanswered.is_none() => unanswered = Some(failure.error),
                _ if self.patience.pause(number).await.is_none() => {
                    return Err(unanswered.unwrap_or(failure.error));
                }
                _ => continue,
            }
            if self.patience.pause(number).await.is_none() {
                break;
            }
        }
        Err(unanswered.unwrap_or_else(|| io::ErrorKind::TimedOut.into()))
    }

    /// Fills the buffer from an offset.
    async fn get(&self, path: &Path, size: u64, offset: u64, buffer: &mut [u8]) -> Result<(), Failure> {
        let end = offset + buffer.len() as u64;
        let range = Some(GetRange::Bounded(offset..end));
        let got = self.objects.get_opts(path, GetOptions { range, ..GetOptions::default() }).await?;
        if got.meta.size != size {
            let reason = format!("it had {size} bytes before, and has {} now", got.meta.size);
            return Err(Failure::hopeless(io::ErrorKind::InvalidData, reason));
        }
        let (mut stream, mut filled) = (got.into_stream(), 0);
        while let Some(piece) = self.next(&mut stream).await? {
            let room = buffer.get_mut(filled..filled + piece.len());
            room.ok_or_else(|| Failure::bad_answer("more bytes came than were asked for"))?
                .copy_from_slice(&piece);
            filled += piece.len();
        }
        match filled == buffer.len() {
            true => Ok(()),
            false => Err(Failure::bad_answer("fewer bytes came than were asked for")),
        }
    }

    /// The next piece of a body, for which nobody waits longer than for an answer.
    async fn next(
        &self,
        body: &mut BoxStream<'static, object_store::Result<Bytes>>,
    ) -> Result<Option<Bytes>, Failure> {
        let stalled = || {
            let reason = format!("nothing came for {} s", self.patience.answer.as_secs_f32());
            Failure { error: io::Error::new(io::ErrorKind::TimedOut, reason), effect: Effect::Unknown }
        };
        let piece = tokio::time::timeout(self.patience.answer, body.next()).await;
        Ok(piece.map_err(|_| stalled())?.transpose()?)
    }

    /// The whole body, unless it is longer.
    async fn get_whole(&self, path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
        let got = self.objects.get_opts(path, GetOptions::default()).await?;
        let size = got.meta.size;
        if size > limit {
            let reason = format!("it has {size} bytes, more than {limit}");
            return Err(Failure::hopeless(io::ErrorKind::Other, reason));
        }
        let (mut stream, mut bytes) = (got.into_stream(), Vec::new());
        while let Some(piece) = self.next(&mut stream).await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > size {
                break;
            }
        }
        match bytes.len() as u64 == size {
            true => Ok(bytes),
            false => Err(Failure::bad_answer("the body has another length than was said")),
        }
    }

    /// All keys below a prefix, page by page.
    fn pages(&self, prefix: &str) -> Result<BTreeMap<Key, u64>, Failure> {
        let mut gather = Gather::new(self.url.prefix(), prefix);
        loop {
            let page = self.patience.repeat(0, async || {
                let page_token = gather.token().map(str::to_owned);
                let options = PaginatedListOptions { page_token, ..Default::default() };
                let below = Some(gather.below()).filter(|below| !below.is_empty());
                Ok(self.objects.list_paginated(below, options).await?)
            })?;
            let objects = &page.result.objects;
            let names = objects.iter().map(|object| (object.location.as_ref(), object.size));
            if !gather.page(names, page.page_token)? {
                return Ok(gather.finish());
            }
        }
    }
}

impl Storage for Bucket {
    fn is_remote(&self) -> bool {
        true
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        let put = self.inner.put(key, Bytes::copy_from_slice(bytes));
        wait(put).map_err(self.inner.error("create", key.as_str()))
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        Ok(Box::new(BucketDraft { bucket: self.clone(), bytes: Vec::new() }))
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        let inner = &self.inner;
        let error = inner.error("open", key.as_str());
        let path = inner.path(key).map_err(&error)?;
        let known = inner.sizes().get(key).copied();
        let size = match known {
            Some(size) => size,
            None => match inner.patience.repeat(0, async || Ok(inner.objects.head(&path).await?)) {
                Ok(meta) => meta.size,
                Err(failure) if is_missing(&failure) => return Ok(None),
                Err(failure) => return Err(error(failure.error)),
            },
        };
        inner.remember(key, size);
        Ok(Some(Box::new(BucketBody { inner: inner.clone(), key: key.clone(), path, size })))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        let inner = &self.inner;
        let keys = inner.pages(prefix).map_err(|failure| inner.error("list", prefix)(failure.error))?;
        let listed = keys.into_iter().map(|(key, size)| Listed { key, size });
        Ok(listed.inspect(|listed| inner.remember(&listed.key, listed.size)).collect())
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        let inner = &self.inner;
        let error = inner.error("remove", key.as_str());
        let path = inner.path(key).map_err(&error)?;
        inner.sizes().remove(key);
        let Err(failure) = inner.patience.repeat(0, async || Ok(inner.objects.delete(&path).await?)) else {
            return Ok(());
        };
        // Azure refuses to remove what is not there, and not in words that could be relied on.
        match inner.patience.repeat(0, async || Ok(inner.objects.head(&path).await?)) {
            Err(missing) if is_missing(&missing) => Ok(()),
            _ => Err(error(failure.error)),
        }
    }

    fn read(&self, key: &Key, limit: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let inner = &self.inner;
        let error = inner.error("read", key.as_str());
        let path = inner.path(key).map_err(&error)?;
        match inner.patience.repeat(limit, async || inner.get_whole(&path, limit).await) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(failure) if is_missing(&failure) => Ok(None),
            Err(failure) => Err(error(failure.error)),
        }
    }
}

fn is_missing(failure: &Failure) -> bool {
    failure.refused().is_some_and(Refused::is_missing_key)
}

struct BucketDraft {
    bucket: Bucket,
    bytes: Vec<u8>,
}

impl Draft for BucketDraft {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn publish(self: Box<Self>, key: &Key) -> Result<Created, StorageError> {
        let inner = &self.bucket.inner;
        wait(inner.put(key, self.bytes.into())).map_err(inner.error("create", key.as_str()))
    }
}

struct BucketBody {
    inner: Arc<Inner>,
    key: Key,
    path: Path,
    size: u64,
}

impl Body for BucketBody {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let length = buffer.len() as u64;
        if offset.checked_add(length).is_none_or(|end| end > self.size) {
            return Err(too_short(&self.key));
        }
        if buffer.is_empty() {
            return Ok(());
        }
        let get = async || self.inner.get(&self.path, self.size, offset, buffer).await;
        self.inner.patience.repeat(length, get).map_err(|failure| {
            self.inner.sizes().remove(&self.key);
            self.inner.error("read", self.key.as_str())(failure.error)
        })
    }
}
