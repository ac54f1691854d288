//! Which packs are worth removing.
//!
//! A pack goes if nothing of it is needed, or if what is not makes up a good part of it. Small packs are gathered
//! so that their sizes stay a geometric progression: each byte is moved once for each doubling of what lies
//! beside it, and there are never more packs than a logarithm of their sizes, and a few. What is big and needed stays.

use std::collections::HashSet;

use crate::store::{PackName, Section};

/// Packs of more bytes than this are not gathered.
const SMALL: u64 = 16 << 20;
/// So few small packs are not worth a mark and its fences.
const FEW: usize = 8;
/// One part in so many may be garbage.
const TOLERATED: u64 = 4;

/// How much of a pack is needed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) name: PackName,
    /// Its length in bytes.
    pub(super) size: u64,
    /// Bytes of entries, before compression.
    pub(super) needed: u64,
    /// The same, of entries that are not needed or are in another pack too.
    pub(super) garbage: u64,
    /// Whether something in it was needed until this collection: nobody is about to refer to it any more.
    pub(super) superseded: bool,
}

impl Usage {
    /// About how many bytes are left of it.
    pub(super) fn needed_size(&self) -> u64 {
        let share = u128::from(self.size) * u128::from(self.needed);
        (share / u128::from((self.needed + self.garbage).max(1))) as u64
    }
}

/// What was chosen.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Choice {
    pub(super) doomed: HashSet<PackName>,
    pub(super) young: Vec<PackName>,
}

pub(super) fn choose(usage: &[Usage], is_young: &dyn Fn(&PackName) -> bool, thorough: bool) -> Choice {
    let mut choice = Choice::default();
    for usage in usage {
        let tolerated = if thorough { 0 } else { (usage.needed + usage.garbage) / TOLERATED };
        if usage.needed == 0 && !usage.superseded && is_young(&usage.name) {
            choice.young.push(usage.name);
        } else if usage.needed == 0 || usage.garbage > tolerated {
            choice.doomed.insert(usage.name);
        }
    }
    choice.young.sort_unstable();
    for section in Section::ALL {
        let stays = |usage: &&Usage| usage.name.section == section && usage.needed > 0 && usage.size < SMALL;
        let mut small: Vec<&Usage> = usage.iter().filter(stays).collect();
        small.sort_unstable_by_key(|usage| (usage.needed_size(), usage.name));
        choice.doomed.extend(gathered(&small).iter().map(|usage| usage.name));
    }
    choice
}

/// The smallest packs, up to the last that is less than twice as large as all below it.
fn gathered<'a, 'b>(small: &'a [&'b Usage]) -> &'a [&'b Usage] {
    let (mut below, mut count) = (0, 0);
    for (at, usage) in small.iter().enumerate() {
        let size = usage.needed_size();
        if at > 0 && size < 2 * below {
            count = at + 1;
        }
        below += size;
    }
    if count < FEW { &[] } else { &small[..count] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Digest;

    fn pack(number: u8, size: u64, needed: u64) -> Usage {
        let name = PackName { section: Section::Meta, digest: Digest::new([number; 32]) };
        Usage { name, size, needed, garbage: size - needed, superseded: false }
    }

    fn chosen(usage: &[Usage], thorough: bool) -> Vec<u8> {
        let choice = choose(usage, &|name| name.digest == Digest::new([99; 32]), thorough);
        let mut numbers: Vec<u8> = choice.doomed.iter().map(|name| name.digest.as_bytes()[0]).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn garbage_goes_unless_it_is_little_or_young() {
        let packs = [pack(1, 100, 0), pack(2, 100, 70), pack(3, 100, 80), pack(4, 100, 100), pack(99, 9, 0)];
        assert_eq!(chosen(&packs, false), [1, 2]);
        assert_eq!(chosen(&packs, true), [1, 2, 3]);
        assert_eq!(choose(&packs, &|_| true, false).young.len(), 2);
        let packs = packs.map(|pack| Usage { superseded: true, ..pack });
        assert_eq!(choose(&packs, &|_| true, false).young.len(), 0);
    }

    #[test]
    fn what_is_big_and_needed_stays() {
        let packs: Vec<Usage> = (0..50).map(|number| pack(number, SMALL, SMALL)).collect();
        assert!(chosen(&packs, true).is_empty());
    }

    #[test]
    fn small_packs_are_gathered_in_a_geometric_progression() {
        let mut sizes: Vec<u64> = Vec::new();
        let (mut moved, mut most) = (0, 0);
        for _ in 0..10_000 {
            sizes.push(1000);
            let packs: Vec<Usage> = sizes.iter().map(|size| pack(0, *size, *size)).collect();
            let mut small: Vec<&Usage> = packs.iter().collect();
            small.sort_unstable_by_key(|usage| usage.size);
            let gathered: Vec<u64> = gathered(&small).iter().map(|usage| usage.size).collect();
            sizes.sort_unstable();
            sizes.drain(..gathered.len());
            let sum: u64 = gathered.iter().sum();
            moved += sum;
            sizes.extend((sum > 0).then_some(sum));
            most = most.max(sizes.len());
        }
        assert!(most <= FEW + 14, "{most} packs");
        assert!(moved / 1000 < 10_000 * 14, "each was moved {} times", moved / 10_000_000);
    }
}
