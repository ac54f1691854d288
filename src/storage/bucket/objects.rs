//! A bucket as a storage.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::list::PaginatedListOptions;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStoreExt, PutMode, PutPayload};

use super::attempt::{Effect, Failure, Patience};
use super::environment::Environment;
use super::gather::Gather;
use super::open::{Objects, objects};
use super::refused::Refused;
use super::runtime::wait;
use super::url::BucketUrl;
use crate::storage::{Body, Created, Draft, Key, Listed, Storage, StorageError, too_short};

/// Keys of which something is remembered.
const MAX_KNOWN: usize = 200_000;
/// A draft is kept in memory and sent at once. The longest pack is one frame of 64 MiB and a footer of 16.
const MAX_DRAFT: usize = 96 << 20;

/// A bucket of S3, Google Cloud Storage or Azure. Its clones are the same storage.
///
/// A body is read as what it was when it was opened: where a key was removed and created again with other bytes,
/// reading fails, if the service tells versions of objects apart (as all three do). [`Storage::read`] reads a key
/// as it is at that time.
#[derive(Clone)]
pub struct Bucket {
    inner: Arc<Inner>,
}

struct Inner {
    objects: Arc<dyn Objects>,
    url: BucketUrl,
    patience: Patience,
    /// What listings and creations have told, so that opening what is known costs no request. Keys never change; where
    /// one was removed and created anew, the next range that is read tells that it is another.
    known: Mutex<HashMap<Key, Known>>,
}

/// What tells a body from another of the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    size: u64,
    tag: Option<Box<str>>,
}

impl Known {
    /// Listings of some services leave out the quotes of a tag, and a proxy that compresses makes it a weak one.
    fn new(size: u64, tag: Option<&str>) -> Self {
        let bare = tag.map(|tag| tag.trim_start_matches("W/").trim_matches('"'));
        Self { size, tag: bare.filter(|tag| !tag.is_empty()).map(Into::into) }
    }

    fn of(meta: &ObjectMeta) -> Self {
        Self::new(meta.size, meta.e_tag.as_deref())
    }

    /// Whether this may be the body that was known before.
    fn may_be(&self, before: &Self) -> bool {
        let tags = self.tag.as_ref().zip(before.tag.as_ref());
        self.size == before.size && tags.is_none_or(|(now, before)| now == before)
    }
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
        Self::with_patience(url, environment, Patience::within(answer))
    }

    fn with_patience(
        url: &BucketUrl,
        environment: &Environment,
        patience: Patience,
    ) -> Result<Self, StorageError> {
        let open = |source| StorageError { action: "open", place: url.to_string(), source };
        let objects = objects(url, environment).map_err(open)?;
        let inner = Inner { objects, url: url.clone(), patience, known: Mutex::default() };
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

    fn known(&self) -> MutexGuard<'_, HashMap<Key, Known>> {
        // Each change is one call on the map, so a panic elsewhere leaves it whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, key: &Key, told: Known) {
        let mut known = self.known();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(key.clone(), told);
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
                Ok(put) => {
                    self.remember(key, Known::new(size, put.e_tag.as_deref()));
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
    async fn get(&self, path: &Path, known: &Known, offset: u64, buffer: &mut [u8]) -> Result<(), Failure> {
        let end = offset + buffer.len() as u64;
        let range = Some(GetRange::Bounded(offset..end));
        let options = GetOptions { range, ..GetOptions::default() };
        let got = self.patience.head(self.objects.get_opts(path, options)).await??;
        if !Known::of(&got.meta).may_be(known) {
            let reason = format!(
                "what it was is not there any more: it had {} bytes, and is now another of {}",
                known.size, got.meta.size
            );
            return Err(Failure::hopeless(io::ErrorKind::NotFound, reason));
        }
        let (mut stream, mut filled) = (got.into_stream(), 0);
        while let Some(piece) = self.patience.piece(stream.next()).await? {
            let piece = piece?;
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

    /// The whole body, unless it is longer.
    async fn get_whole(&self, path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
        let got = self.patience.head(self.objects.get_opts(path, GetOptions::default())).await??;
        let size = got.meta.size;
        if size > limit {
            let reason = format!("it has {size} bytes, more than {limit}");
            return Err(Failure::hopeless(io::ErrorKind::Other, reason));
        }
        let (mut stream, mut bytes) = (got.into_stream(), Vec::new());
        while let Some(piece) = self.patience.piece(stream.next()).await? {
            bytes.extend_from_slice(&piece?);
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
    fn pages(&self, prefix: &str) -> Result<BTreeMap<Key, Known>, Failure> {
        let mut gather = Gather::new(self.url.prefix(), prefix);
        loop {
            let page = self.patience.repeat(0, async || {
                let page_token = gather.token().map(str::to_owned);
                let options = PaginatedListOptions { page_token, ..Default::default() };
                let below = Some(gather.below()).filter(|below| !below.is_empty());
                Ok(self.objects.list_paginated(below, options).await?)
            })?;
            let objects = &page.result.objects;
            let names = objects.iter().map(|object| (object.location.as_ref(), Known::of(object)));
            if !gather.page(names, page.page_token)? {
                return self.without_folders(gather.finish());
            }
        }
    }

    /// Consoles create empty objects that stand for folders. Their names end in a slash, which the client of object
    /// stores takes away, so whether there is a key is asked.
    fn without_folders(&self, mut keys: BTreeMap<Key, Known>) -> Result<BTreeMap<Key, Known>, Failure> {
        let empty = keys.iter().filter(|(_, known)| known.size == 0).map(|(key, _)| key.clone());
        for key in empty.collect::<Vec<_>>() {
            let path = self.path(&key)?;
            match self.patience.repeat(0, async || Ok(self.objects.head(&path).await?)) {
                Err(failure) if is_missing(&failure) => keys.remove(&key),
                told => told.map(|_| None)?,
            };
        }
        Ok(keys)
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
        let known = inner.known().get(key).cloned();
        let known = match known {
            Some(known) => known,
            None => match inner.patience.repeat(0, async || Ok(inner.objects.head(&path).await?)) {
                Ok(meta) => Known::of(&meta),
                Err(failure) if is_missing(&failure) => return Ok(None),
                Err(failure) => return Err(error(failure.error)),
            },
        };
        inner.remember(key, known.clone());
        Ok(Some(Box::new(BucketBody { inner: inner.clone(), key: key.clone(), path, known })))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        let inner = &self.inner;
        let keys = inner.pages(prefix).map_err(|failure| inner.error("list", prefix)(failure.error))?;
        let listed = keys.into_iter().map(|(key, known)| {
            let size = known.size;
            inner.remember(&key, known);
            Listed { key, size }
        });
        Ok(listed.collect())
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        let inner = &self.inner;
        let error = inner.error("remove", key.as_str());
        let path = inner.path(key).map_err(&error)?;
        inner.known().remove(key);
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
        if self.bytes.len() + bytes.len() > MAX_DRAFT {
            let reason =
                format!("it grows beyond {} MiB, more than is sent to a bucket at once", MAX_DRAFT >> 20);
            let source = io::Error::new(io::ErrorKind::FileTooLarge, reason);
            return Err(self.bucket.inner.error("write", "a body")(source));
        }
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
    known: Known,
}

impl Body for BucketBody {
    fn size(&self) -> u64 {
        self.known.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let length = buffer.len() as u64;
        if offset.checked_add(length).is_none_or(|end| end > self.known.size) {
            return Err(too_short(&self.key));
        }
        if buffer.is_empty() {
            return Ok(());
        }
        let get = async || self.inner.get(&self.path, &self.known, offset, buffer).await;
        self.inner.patience.repeat(length, get).map_err(|failure| {
            self.inner.known().remove(&self.key);
            self.inner.error("read", self.key.as_str())(failure.error)
        })
    }
}
