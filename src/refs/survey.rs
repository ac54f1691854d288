//! All refs at one moment, at the cost of what changed since an earlier one.
//!
//! The value of a ref is proven by a listing in which its number is the highest: so what was read before need not be
//! read again. One listing tells of all families.

use std::collections::BTreeMap;

use crate::refs::entry::Entry;
use crate::refs::log::{Log, from_component, number_in};
use crate::refs::{Family, Ref, RefError};
use crate::storage::{Key, Storage};

/// The last entry of every ref that ever was, with its number.
pub type Survey = BTreeMap<Ref, (u64, Entry)>;

/// Entries that are read at a time, of a storage that may be far away.
const READERS: usize = 16;

/// The refs of a storage, of which some may be known from before. A run that is moved into a batch meanwhile may be
/// missed in both.
pub fn survey(storage: &dyn Storage, known: &Survey) -> Result<Survey, RefError> {
    let numbers = highest(storage)?;
    let mut found = Survey::new();
    let mut wanted = Vec::new();
    for (name, number) in &numbers {
        match known.get(name).filter(|(known, _)| known == number) {
            Some(value) => drop(found.insert(name.clone(), value.clone())),
            None => wanted.push((name, *number)),
        }
    }
    if wanted.is_empty() {
        return Ok(found);
    }
    let read = read_all(storage, &wanted)?;
    let after = highest(storage)?;
    for (name, number) in &after {
        let steady = found.get(name).is_some_and(|(known, _)| known == number);
        let value = match read.get(name).filter(|(read, _)| read == number) {
            _ if steady => continue,
            Some(value) => Some(value.clone()),
            None => Log::of(storage, name).read()?,
        };
        if let Some(value) = value {
            found.insert(name.clone(), value);
        }
    }
    found.retain(|name, _| after.contains_key(name));
    Ok(found)
}

/// Whether the refs of a family have the values that a survey saw.
pub fn is_current(storage: &dyn Storage, family: Family, survey: &Survey) -> Result<bool, RefError> {
    let mut numbers = BTreeMap::new();
    for listed in storage.list(family.prefix())? {
        note(storage, &listed.key, &mut numbers)?;
    }
    let seen = survey.iter().filter(|(name, _)| name.family == family);
    Ok(numbers.iter().eq(seen.map(|(name, (number, _))| (name, number))))
}

/// The highest number of every log.
fn highest(storage: &dyn Storage) -> Result<BTreeMap<Ref, u64>, RefError> {
    let mut numbers = BTreeMap::new();
    for listed in storage.list("refs")? {
        note(storage, &listed.key, &mut numbers)?;
    }
    Ok(numbers)
}

pub(super) fn note(
    storage: &dyn Storage,
    key: &Key,
    numbers: &mut BTreeMap<Ref, u64>,
) -> Result<(), RefError> {
    let Some((name, log)) = ref_of(key) else { return Ok(()) };
    let Some(number) = number_in(log, key) else { return Ok(()) };
    let number = Log::new(storage, log.to_owned()).checked(number)?;
    let known = numbers.entry(name).or_insert(number);
    *known = number.max(*known);
    Ok(())
}

/// The ref that a key is an entry of, and the prefix of its log.
fn ref_of(key: &Key) -> Option<(Ref, &str)> {
    let (log, _) = key.as_str().rsplit_once('/')?;
    let (prefix, component) = log.rsplit_once('/')?;
    let family = Family::ALL.into_iter().find(|family| family.prefix() == prefix)?;
    Some((Ref { family, name: from_component(component)? }, log))
}

/// Reads entries, several at a time; what is gone by now is left out.
pub(super) fn read_all(storage: &dyn Storage, wanted: &[(&Ref, u64)]) -> Result<Survey, RefError> {
    let read = |(name, number): &(&Ref, u64)| Log::of(storage, name).entry(*number);
    let share = wanted.len().div_ceil(READERS).max(1);
    let results: Vec<Result<Vec<_>, RefError>> = std::thread::scope(|scope| {
        let mut shares = wanted.chunks(share);
        let first = shares.next().unwrap_or_default();
        let others: Vec<_> =
            shares.map(|share| scope.spawn(move || share.iter().map(read).collect())).collect();
        let mut results = vec![first.iter().map(read).collect()];
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        results.extend(others.into_iter().map(join));
        results
    });
    let mut entries = Vec::with_capacity(wanted.len());
    for result in results {
        entries.extend(result?);
    }
    let found = wanted
        .iter()
        .zip(entries)
        .filter_map(|((name, number), entry)| Some(((*name).clone(), (*number, entry?))));
    Ok(found.collect())
}
