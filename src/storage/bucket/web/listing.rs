//! What a web server has: told by a file `listing`, by a bucket's own listing, or by indexes in HTML.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use futures_util::{StreamExt, TryStreamExt};
use reqwest::Url;

use super::fetch::get;
use super::parse::{Page, lines, links, page};
use super::{Inner, locked};
use crate::storage::bucket::attempt::Failure;
use crate::storage::bucket::gather::{Gather, MAX_KEYS};
use crate::storage::bucket::runtime::wait;
use crate::storage::{Key, below};

/// The file in which `mdl ls-remote --keys` has put what there is.
const LISTING: &str = "listing";
/// A file `listing` that is longer is no answer, nor is a page of a listing or an index.
const MAX_TEXT: u64 = 256 << 20;
const MAX_PAGE: u64 = 16 << 20;
/// Folders in folders, and folders in all.
const MAX_DEPTH: usize = 8;
const MAX_FOLDERS: usize = 100_000;
/// Sizes that are asked for at once, where an index tells none.
const SIZES_AT_ONCE: usize = 16;

/// How a server tells what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    File,
    /// A bucket, whose root is so many components of the path below the server's.
    Bucket(usize),
    Index,
}

type Keys = BTreeMap<Key, u64>;

impl Inner {
    /// The body behind a name below the root, if there is one.
    pub(super) fn text(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        let url = self.url(name)?;
        self.text_at(&url, limit)
    }

    fn text_at(&self, url: &Url, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        self.patience.repeat(limit, async || match get(&self.client, url.clone(), None).await? {
            Some(part) => part.bytes(limit).await.map(Some),
            None => Ok(None),
        })
    }

    /// All keys below a prefix.
    pub(super) fn keys(&self, prefix: &str) -> Result<Keys, Failure> {
        let known = *locked(&self.style);
        let styles =
            [Style::File, Style::Bucket(self.depth()), Style::Bucket(0), Style::Bucket(1), Style::Index];
        for style in known.map_or_else(|| styles.to_vec(), |style| vec![style]) {
            let keys = match style {
                Style::File => self.of_file(prefix)?,
                Style::Bucket(depth) if depth <= self.depth() => self.of_bucket(prefix, depth)?,
                Style::Bucket(_) => None,
                Style::Index => self.of_indexes(prefix)?,
            };
            if let Some(keys) = keys {
                *locked(&self.style) = Some(style);
                return Ok(keys);
            }
        }
        let reason =
            "it does not tell what it has: there is no file 'listing', no listing of a bucket and no index";
        Err(Failure::hopeless(ErrorKind::NotFound, reason))
    }

    fn components(&self) -> Vec<String> {
        let components = self.root.path().split('/').filter(|component| !component.is_empty());
        components.map(str::to_owned).collect()
    }

    fn depth(&self) -> usize {
        self.components().len()
    }

    fn of_file(&self, prefix: &str) -> Result<Option<Keys>, Failure> {
        let Some(bytes) = optional(self.text(LISTING, MAX_TEXT))? else { return Ok(None) };
        let bad = |reason: String| Failure::hopeless(ErrorKind::InvalidData, reason);
        let text = String::from_utf8(bytes).map_err(|_| bad("its listing is no UTF-8".to_owned()))?;
        let keys = lines(&text).map_err(bad)?;
        Ok(Some(keys.into_iter().filter(|(key, _)| below(prefix, key)).collect()))
    }

    /// Asks for S3's listing at a part of the path: that is the bucket then, and the rest lies in it.
    fn of_bucket(&self, prefix: &str, depth: usize) -> Result<Option<Keys>, Failure> {
        let components = self.components();
        let decoded = crate::storage::location::decoded_bytes(&components[depth..].join("/"));
        let Some(root) = decoded.and_then(|root| String::from_utf8(root).ok()) else { return Ok(None) };
        let mut gather = Gather::new(&root, prefix);
        let mut url = self.root.clone();
        url.set_path(&components[..depth].iter().flat_map(|component| [component, "/"]).collect::<String>());
        loop {
            let mut query = url.query_pairs_mut();
            query.clear().append_pair("list-type", "2").append_pair("prefix", gather.below());
            query.extend_pairs(gather.token().map(|token| ("continuation-token", token)));
            drop(query);
            let first = gather.token().is_none();
            let answer =
                if first { optional(self.text_at(&url, MAX_PAGE))? } else { self.text_at(&url, MAX_PAGE)? };
            let text = answer.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            let Some(Page { names, next }) = page(&text) else {
                return if first {
                    Ok(None)
                } else {
                    Err(Failure::bad_answer("a page of its listing is none"))
                };
            };
            if !gather.page(names.iter().map(|(name, size)| (name.as_str(), *size)), next)? {
                return Ok(Some(gather.finish()));
            }
        }
    }

    /// Follows the links of indexes downwards, and asks for the sizes of what is not known yet.
    fn of_indexes(&self, prefix: &str) -> Result<Option<Keys>, Failure> {
        let Some(_) = self.text("", MAX_PAGE)? else { return Ok(None) };
        let mut folders = vec![prefix.trim_end_matches('/').to_owned()];
        let (mut visited, mut keys) = (0, Vec::new());
        while let Some(folder) = folders.pop() {
            visited += 1;
            let many = visited + folders.len() > MAX_FOLDERS || keys.len() > MAX_KEYS;
            if many || folder.split('/').count() > MAX_DEPTH {
                return Err(Failure::hopeless(ErrorKind::InvalidData, "its folders do not end"));
            }
            let path = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            let Some(index) = self.text(&path, MAX_PAGE)? else { continue };
            for link in links(&String::from_utf8_lossy(&index)) {
                let name = format!("{path}{link}");
                match name.strip_suffix('/') {
                    Some(folder) => folders.push(folder.to_owned()),
                    None => keys.extend(Key::new(&name)),
                }
            }
        }
        self.with_sizes(keys).map(Some)
    }

    fn with_sizes(&self, keys: Vec<Key>) -> Result<Keys, Failure> {
        let sizes = futures_util::stream::iter(keys).map(|key| async move {
            let size = match self.known_size(&key) {
                Some(size) => Some(size),
                None => self.patience.again(0, async || self.size(&key).await).await?,
            };
            Ok::<_, Failure>(size.map(|size| (key, size)))
        });
        let sized = sizes.buffer_unordered(SIZES_AT_ONCE).try_collect::<Vec<_>>();
        let sized = wait(async { Ok(sized.await) })??;
        Ok(sized.into_iter().flatten().collect())
    }
}

/// What a server does not show to us may be told in another way.
fn optional<T>(found: Result<Option<T>, Failure>) -> Result<Option<T>, Failure> {
    match found {
        Err(failure) if failure.refused().is_some_and(|refused| matches!(refused.status, 400..=499)) => {
            Ok(None)
        }
        found => found,
    }
}
