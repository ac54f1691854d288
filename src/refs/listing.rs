//! All refs of a family at once. What is read counts only if its number is still the highest afterwards.

use std::collections::BTreeMap;

use crate::name::RefName;
use crate::refs::entry::{Entry, Target};
use crate::refs::log::{Log, from_component, number_in};
use crate::refs::{Family, Ref, RefError, chain};
use crate::storage::Storage;

/// Entries that are read at a time, of a storage that may be far away.
const READERS: usize = 32;

/// All that a log holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged {
    /// Whose log it is.
    pub name: Ref,
    /// The entries that are there, newest first: the first one is the value of the ref.
    pub entries: Vec<(u64, Entry)>,
}

impl Logged {
    /// What the ref points to.
    pub fn value(&self) -> Target {
        // No log is listed that has no entry.
        self.entries.first().map_or(Target::Birth, |(_, entry)| entry.target)
    }

    /// All that it points and ever pointed to, newest first, as far as each entry is vouched for by the one after it:
    /// below a gap, one may have come to be by a writer who slept, and was never a value.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.entries.iter().take(chain::vouched(&self.entries)).map(|(_, entry)| entry.target)
    }

    /// The number of the entry that vouches for one which is not there, or is another one.
    pub fn broken_at(&self) -> Option<u64> {
        chain::broken_at(&self.entries)
    }
}

/// The log of a ref, whole; `None` if it never existed.
pub fn log(storage: &dyn Storage, name: &Ref) -> Result<Option<Logged>, RefError> {
    let entries = Log::of(storage, name).entries(BTreeMap::new())?;
    Ok((!entries.is_empty()).then(|| Logged { name: name.clone(), entries }))
}

/// The logs of all refs that ever were, family by family. Costs two listings of each family, and a read for each
/// entry. A run is found in its own log or in a batch, whatever is moved from the one to the other meanwhile.
pub fn all_logs(storage: &dyn Storage) -> Result<Vec<Logged>, RefError> {
    let mut logs = Vec::new();
    // Batches come after runs.
    for family in Family::ALL {
        logs.extend(logs_of(storage, family, true)?);
    }
    Ok(logs)
}

/// The refs of a family that ever were, sorted by name, with their values.
///
/// Costs two listings of the family, whatever the number of its refs, and a read for each.
pub fn list_all(storage: &dyn Storage, family: Family) -> Result<Vec<(RefName, Entry)>, RefError> {
    let value = |log: Logged| Some((log.name.name, log.entries.into_iter().next()?.1));
    Ok(logs_of(storage, family, false)?.into_iter().filter_map(value).collect())
}

/// The names of a family that ever were, also deleted ones, sorted.
pub fn names(storage: &dyn Storage, family: Family) -> Result<Vec<RefName>, RefError> {
    Ok(numbers_of(storage, family)?.into_keys().collect())
}

/// The names of a family that ever pointed to something, also deleted ones, sorted: who was stopped after the birth of
/// a ref has left no more than that.
pub fn moved_names(storage: &dyn Storage, family: Family) -> Result<Vec<RefName>, RefError> {
    let numbers = numbers_of(storage, family)?.into_iter();
    Ok(numbers
        .filter(|(_, numbers)| numbers.first().is_some_and(|last| *last > 0))
        .map(|(name, _)| name)
        .collect())
}

fn logs_of(storage: &dyn Storage, family: Family, whole: bool) -> Result<Vec<Logged>, RefError> {
    let mut before = numbers_of(storage, family)?;
    if !whole {
        before.values_mut().for_each(|numbers| numbers.truncate(1));
    }
    let wanted = before.iter().flat_map(|(name, numbers)| numbers.iter().map(move |number| (name, *number)));
    let mut found = read_many(storage, family, &wanted.collect::<Vec<_>>())?;
    let mut logs = Vec::with_capacity(before.len());
    for (name, numbers) in numbers_of(storage, family)? {
        let mut entries = found.remove(&name).unwrap_or_default();
        let name = Ref { family, name };
        if entries.first().map(|(number, _)| number) != numbers.first() {
            let log = Log::of(storage, &name);
            // All that came meanwhile: a gap would hide what is below it.
            entries = match whole {
                true => log.entries(entries.into_iter().collect())?,
                false => log.read()?.into_iter().collect(),
            };
        }
        if !entries.is_empty() {
            logs.push(Logged { name, entries });
        }
    }
    Ok(logs)
}

/// The numbers of every log of a family, the highest first.
fn numbers_of(storage: &dyn Storage, family: Family) -> Result<BTreeMap<RefName, Vec<u64>>, RefError> {
    let mut logs: BTreeMap<RefName, Vec<u64>> = BTreeMap::new();
    for listed in storage.list(family.prefix())? {
        let Some((log, _)) = listed.key.as_str().rsplit_once('/') else { continue };
        let component = log.strip_prefix(family.prefix()).and_then(|rest| rest.strip_prefix('/'));
        let Some(name) = component.and_then(from_component) else { continue };
        let Some(number) = number_in(log, &listed.key) else { continue };
        logs.entry(name).or_default().push(Log::new(storage, log.to_owned()).checked(number)?);
    }
    logs.values_mut().for_each(|numbers| numbers.sort_unstable_by(|a, b| b.cmp(a)));
    Ok(logs)
}

type Entries = BTreeMap<RefName, Vec<(u64, Entry)>>;

/// Reads entries, several at a time; what is gone by now is left out.
fn read_many(storage: &dyn Storage, family: Family, wanted: &[(&RefName, u64)]) -> Result<Entries, RefError> {
    let read = |(name, number): &(&RefName, u64)| {
        Log::of(storage, &Ref { family, name: (*name).clone() }).entry(*number)
    };
    // A thread for less than a few entries is not worth it.
    let share = wanted.len().div_ceil(READERS).max(16);
    let results: Vec<_> = std::thread::scope(|scope| {
        let mut shares = wanted.chunks(share);
        let first = shares.next().unwrap_or_default();
        let others: Vec<_> =
            shares.map(|share| scope.spawn(move || share.iter().map(read).collect::<Vec<_>>())).collect();
        let mut results: Vec<_> = first.iter().map(read).collect();
        for other in others {
            results.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    let mut entries = Entries::new();
    for ((name, number), entry) in wanted.iter().zip(results) {
        if let Some(entry) = entry? {
            entries.entry((*name).clone()).or_default().push((*number, entry));
        }
    }
    Ok(entries)
}
