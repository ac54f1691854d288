//! Listings that come page by page from somebody who may be hostile, or broken: they end, and hold only what is below.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::attempt::Failure;
use crate::storage::Key;

/// Whoever lists more keys is no storage of ours, or never stops.
pub(super) const MAX_KEYS: usize = 8 << 20;
/// Pages in a row without a new key: there are some where much was deleted.
const MAX_EMPTY_PAGES: usize = 1000;

/// Keys and what is told of each, gathered from pages.
pub(super) struct Gather<T> {
    /// The prefix of the whole storage, without a slash at its end.
    root: String,
    /// What all names have to begin with: empty, or with a slash at its end.
    below: String,
    keys: BTreeMap<Key, T>,
    empty: usize,
    token: Option<String>,
}

impl<T> Gather<T> {
    /// Nothing yet of what is below a prefix, in a storage that is below `root`.
    pub(super) fn new(root: &str, prefix: &str) -> Self {
        let components = [root, prefix].into_iter().filter(|part| !part.is_empty());
        let below = components.flat_map(|part| [part, "/"]).collect();
        Self { root: root.to_owned(), below, keys: BTreeMap::new(), empty: 0, token: None }
    }

    /// What all names have to begin with.
    pub(super) fn below(&self) -> &str {
        &self.below
    }

    /// What leads to the next page.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Takes a page, and what leads to the next; returns whether there is one.
    pub(super) fn page<'a>(
        &mut self,
        names: impl IntoIterator<Item = (&'a str, T)>,
        next: Option<String>,
    ) -> Result<bool, Failure> {
        let before = self.keys.len();
        for (name, told) in names {
            if let Some(key) = self.key(name)? {
                self.keys.insert(key, told);
            }
        }
        let next = next.filter(|token| !token.is_empty());
        self.empty = if self.keys.len() > before { 0 } else { self.empty + 1 };
        let repeats = next.is_some() && next == self.token;
        if repeats || self.keys.len() > MAX_KEYS || self.empty > MAX_EMPTY_PAGES {
            return Err(Failure::hopeless(ErrorKind::InvalidData, "its listing does not end"));
        }
        self.token = next;
        Ok(self.token.is_some())
    }

    /// The key of a name; `None` if it is nothing of ours.
    fn key(&self, name: &str) -> Result<Option<Key>, Failure> {
        // Consoles create empty objects that stand for folders, with or without the slash at the end.
        if name == self.below || self.below.strip_suffix('/') == Some(name) {
            return Ok(None);
        }
        if !name.starts_with(&self.below) {
            let reason = format!("its listing shows {name:?}, which does not lie below {:?}", self.below);
            return Err(Failure::hopeless(ErrorKind::InvalidData, reason));
        }
        let own = if self.root.is_empty() { Some(name) } else { name[self.root.len()..].strip_prefix('/') };
        Ok(own.and_then(Key::new))
    }

    /// All that was gathered, sorted.
    pub(super) fn finish(self) -> BTreeMap<Key, T> {
        self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(gather: Gather<u64>) -> Vec<String> {
        gather.finish().into_keys().map(|key| key.to_string()).collect()
    }

    #[test]
    fn pages_are_gathered_and_sorted() {
        let mut gather = Gather::new("team/x", "packs");
        assert_eq!(gather.below(), "team/x/packs/");
        assert!(gather.page([("team/x/packs/b", 2)], Some("1".to_owned())).unwrap());
        assert!(gather.page([], Some("2".to_owned())).unwrap());
        let last = [("team/x/packs/a", 1), ("team/x/packs/", 0), ("team/x/packs", 0), ("team/x/packs/é", 3)];
        assert!(!gather.page(last, Some(String::new())).unwrap());
        assert_eq!(names(gather), ["packs/a", "packs/b"]);
    }

    #[test]
    fn what_is_not_below_is_an_error_and_what_is_no_key_is_not_there() {
        for name in
            ["../../x", "/etc/passwd", "team/y/packs/a", "team/x", "team/xpacks/a", "http://h/team/x/a"]
        {
            let refused = Gather::new("team/x", "packs").page([(name, 0)], None).unwrap_err();
            assert_eq!(refused.error.kind(), ErrorKind::InvalidData, "{name}");
        }
        let mut gather = Gather::new("", "");
        gather
            .page([("../../x", 0), ("/x", 0), ("a//b", 0), ("a/../b", 0), ("", 0), ("ok", 0)], None)
            .unwrap();
        assert_eq!(names(gather), ["ok"]);
    }

    #[test]
    fn endless_listings_end() {
        let mut gather = Gather::new("", "");
        gather.page([("a", 0)], Some("1".to_owned())).unwrap();
        assert!(gather.page([("b", 0)], Some("1".to_owned())).is_err(), "the same page again");
        let mut gather = Gather::new("", "");
        let mut pages = 0;
        while gather.page([("a", 0)], Some(format!("{pages}"))).is_ok_and(|more| more) {
            pages += 1;
        }
        assert!(pages <= MAX_EMPTY_PAGES + 1, "{pages} pages that bring nothing new");
    }
}
