//! Logs of numbered keys, and how a ref's name becomes the key of its log.

use std::collections::{BTreeMap, btree_map};
use std::fmt::Write as _;

use crate::encoding::DecodeError;
use crate::name::RefName;
use crate::refs::entry::{self, Entry};
use crate::refs::{Family, Ref, RefError};
use crate::storage::{Key, Storage, StorageError};

/// No log has as many entries. It leaves room to add one without an overflow.
const MAX_NUMBER: u64 = 1 << 53;

/// A log that changes between two looks at it this often in a row is given up.
const PATIENCE: usize = 1000;

impl Family {
    /// The prefix of its keys.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Family::Heads => "refs/heads",
            Family::Tags => "refs/tags",
            Family::Runs => "refs/runs",
            Family::Batches => "refs/packed",
            Family::Remotes => "refs/remotes",
            Family::Detached => "refs/detached",
        }
    }
}

/// A log: keys `<prefix>/<n>`.
pub(super) struct Log<'a> {
    storage: &'a dyn Storage,
    prefix: String,
}

impl<'a> Log<'a> {
    pub(super) fn new(storage: &'a dyn Storage, prefix: String) -> Self {
        Self { storage, prefix }
    }

    /// The log of a ref.
    pub(super) fn of(storage: &'a dyn Storage, name: &Ref) -> Self {
        Self::new(storage, format!("{}/{}", name.family.prefix(), to_component(&name.name)))
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of an entry.
    pub(super) fn key(&self, number: u64) -> Result<Key, RefError> {
        Key::new(&format!("{}/{number}", self.prefix)).ok_or_else(|| self.beyond(number))
    }

    fn beyond(&self, number: u64) -> RefError {
        RefError::Number { name: self.prefix.clone(), number }
    }

    /// The number of the last entry.
    pub(super) fn highest(&self) -> Result<Option<u64>, RefError> {
        let keys = self.storage.list(&self.prefix)?;
        let numbers = keys.iter().filter_map(|listed| number_in(&self.prefix, &listed.key));
        numbers.max().map(|number| self.checked(number)).transpose()
    }

    /// The numbers of all entries, ascending.
    pub(super) fn numbers(&self) -> Result<Vec<u64>, RefError> {
        let keys = self.storage.list(&self.prefix)?;
        let numbers = keys.iter().filter_map(|listed| number_in(&self.prefix, &listed.key));
        let mut numbers = numbers.map(|number| self.checked(number)).collect::<Result<Vec<_>, _>>()?;
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A number, if there can be one more after it.
    pub(super) fn checked(&self, number: u64) -> Result<u64, RefError> {
        if number < MAX_NUMBER { Ok(number) } else { Err(self.beyond(number)) }
    }

    /// The last entry with its number: `read_log` of the protocol.
    ///
    /// An entry counts only if its number is the highest after it was read, as before. Else it may be one that
    /// was pruned and then created again, with another body, by a writer who had slept.
    pub(super) fn read_with<T>(
        &self,
        limit: u64,
        decode: fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<Option<(u64, T)>, RefError> {
        let mut number = self.highest()?;
        for _ in 0..PATIENCE {
            let Some(last) = number else { return Ok(None) };
            let body = self.storage.read(&self.key(last)?, limit)?;
            let again = self.highest()?;
            match body {
                Some(body) if again == number => {
                    let value = decode(&body).map_err(|problem| self.malformed(problem))?;
                    return Ok(Some((last, value)));
                }
                _ => number = again,
            }
        }
        Err(RefError::Contended { name: self.prefix.clone() })
    }

    /// A log that had entries has none.
    pub(super) fn vanished(&self) -> RefError {
        RefError::Vanished { name: self.prefix.clone() }
    }

    fn malformed(&self, problem: DecodeError) -> RefError {
        RefError::Malformed { name: self.prefix.clone(), problem }
    }

    /// The last entry of a ref's log.
    pub(super) fn read(&self) -> Result<Option<(u64, Entry)>, RefError> {
        self.read_with(entry::MAX_BYTES, Entry::from_bytes)
    }

    /// What is at a number now, which need not be what was there first.
    pub(super) fn entry(&self, number: u64) -> Result<Option<Entry>, RefError> {
        let body = self.storage.read(&self.key(number)?, entry::MAX_BYTES)?;
        body.map(|body| Entry::from_bytes(&body).map_err(|problem| self.malformed(problem))).transpose()
    }

    /// All entries that are there, newest first, together with these, which were read before.
    pub(super) fn entries(&self, mut found: BTreeMap<u64, Entry>) -> Result<Vec<(u64, Entry)>, RefError> {
        for _ in 0..PATIENCE {
            let numbers = self.numbers()?;
            let Some(last) = numbers.last().copied() else { return Ok(Vec::new()) };
            // The value counts as it is now; what is above it was never one.
            drop(found.split_off(&last));
            for number in numbers {
                if let btree_map::Entry::Vacant(place) = found.entry(number)
                    && let Some(entry) = self.entry(number)?
                {
                    place.insert(entry);
                }
            }
            if self.highest()? == Some(last) && found.contains_key(&last) {
                return Ok(found.into_iter().rev().collect());
            }
        }
        Err(RefError::Contended { name: self.prefix.clone() })
    }

    /// All entries that are vouched for by the one after them, newest first.
    pub(super) fn history(&self) -> Result<Vec<(u64, Entry)>, RefError> {
        let mut entries: Vec<_> = self.read()?.into_iter().collect();
        while let Some((number, last)) = entries.last() {
            let (Some(number), Some(nonce)) = (number.checked_sub(1), last.recent.first()) else { break };
            let Some(entry) = self.entry(number)?.filter(|entry| entry.nonce == *nonce) else { break };
            entries.push((number, entry));
        }
        Ok(entries)
    }

    /// Makes durable what was read.
    pub(super) fn settle(&self) -> Result<(), StorageError> {
        self.storage.settle(&self.prefix)
    }
}

/// The number of an entry; `None` for a key that is not of this log.
pub(super) fn number_in(prefix: &str, key: &Key) -> Option<u64> {
    let text = key.as_str().strip_prefix(prefix)?.strip_prefix('/')?;
    let number: u64 = text.parse().ok()?;
    // Only the plain form: two keys must not be one number.
    (number.to_string() == text).then_some(number)
}

/// A ref's name as one component of a key. Capitals are escaped too, so that `Main` and `main` are two
/// also where a file system does not tell them apart.
pub(super) fn to_component(name: &RefName) -> String {
    let mut component = String::with_capacity(name.as_str().len());
    for byte in name.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => component.push(byte.into()),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(component, "%{byte:02X}");
            }
        }
    }
    component
}

/// The name that has this component, if any has.
pub(super) fn from_component(component: &str) -> Option<RefName> {
    let mut bytes = Vec::with_capacity(component.len());
    let mut rest = component.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    let name = RefName::new(std::str::from_utf8(&bytes).ok()?).ok()?;
    (to_component(&name) == component).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_component_and_come_back() {
        for (name, component) in [
            ("main", "main"),
            ("Main", "%4Dain"),
            ("a/b", "a%2Fb"),
            ("v1.0-rc_2", "v1.0-rc_2"),
            ("ünï", "%C3%BCn%C3%AF"),
            (".x", ".x"),
        ] {
            let name = RefName::new(name).unwrap();
            assert_eq!(to_component(&name), component);
            assert_eq!(from_component(component), Some(name));
        }
    }

    #[test]
    fn every_name_fits_into_a_folder() {
        let longest = "x".repeat(RefName::MAX_LEN);
        assert!(to_component(&RefName::new(&longest).unwrap()).len() <= 255);
        for text in ["Ä".repeat(RefName::MAX_LEN / 2), "X".repeat(RefName::MAX_LEN)] {
            assert!(RefName::new(&text).map_or(0, |name| to_component(&name).len()) <= 255, "{text}");
        }
    }

    #[test]
    fn foreign_components_name_nothing() {
        for component in ["Main", "a%2fb", "a%", "a%4", "%6D", "%2E%2E", "..", "%FF", "a%2F%2E%2E", "%+1"] {
            assert_eq!(from_component(component), None, "{component}");
        }
    }

    #[test]
    fn numbers_have_one_form() {
        let number = |text: &str| number_in("gc", &Key::new(&format!("gc/{text}")).unwrap());
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("17"), Some(17));
        for text in ["017", "-1", "1.", "1/2", "x", ".nfs001", "99999999999999999999"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
