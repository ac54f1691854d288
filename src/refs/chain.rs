//! The chain of a log: each entry vouches for the one before it, down to the first.
//!
//! Entries of branches, tags, remembered branches and detached heads are never removed, so that a chain that ends
//! anywhere but at number 0 is damage: what is below would be forgotten, and collected. Logs of runs and batches are
//! removed as a whole, lowest numbers first: of such a log a part may be left by who was stopped, or one entry may come to be
//! anew by who slept.

use crate::refs::entry::Entry;

/// Where the chain breaks: the number of the entry that vouches for one which is not there, or is another one. `None`
/// if it goes down to the first. Entries are newest first.
pub(super) fn broken_at(entries: &[(u64, Entry)]) -> Option<u64> {
    let mut below = entries.iter().skip(1);
    entries.iter().find_map(|(number, entry)| {
        let before = below.next();
        let is_whole = match number.checked_sub(1) {
            None => entry.recent.is_empty(),
            Some(expected) => before
                .is_some_and(|(found, before)| *found == expected && entry.recent == before.recent_after()),
        };
        // What is listed below number 0 cannot be; and below a break nothing counts.
        (!is_whole).then_some(*number)
    })
}

/// How many of the entries, newest first, are vouched for by the one after them.
pub(super) fn vouched(entries: &[(u64, Entry)]) -> usize {
    let follows = |pair: &[(u64, Entry)]| {
        let [(number, entry), (below, before)] = pair else { return false };
        number.checked_sub(1) == Some(*below) && entry.recent.first() == Some(&before.nonce)
    };
    1 + entries.windows(2).take_while(|pair| follows(pair)).count()
}
