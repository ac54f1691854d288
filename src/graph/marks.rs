//! A set of what was seen already, in 16 bytes each.
//!
//! A thing is remembered as two hashes under keys drawn at random for each set: that another one has the
//! same has a chance of 2^-88 among a million, and cannot be brought about from outside.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

/// A set of things that cannot be asked for again.
#[derive(Default)]
pub struct Marks {
    keys: [RandomState; 2],
    marks: HashSet<u128, BuildHasherDefault<Low>>,
}

impl Marks {
    /// Adds a thing; whether it is new.
    pub fn insert(&mut self, thing: impl Hash) -> bool {
        let mark = self.mark(thing);
        self.marks.insert(mark)
    }

    /// Whether a thing was added.
    pub fn contains(&self, thing: impl Hash) -> bool {
        self.marks.contains(&self.mark(thing))
    }

    fn mark(&self, thing: impl Hash) -> u128 {
        let [high, low] = [&self.keys[0], &self.keys[1]].map(|key| key.hash_one(&thing));
        (u128::from(high) << 64) | u128::from(low)
    }
}

/// Takes the low half of what is a hash already.
#[derive(Default)]
struct Low(u64);

impl Hasher for Low {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, mark: u128) {
        self.0 = mark as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_new_once() {
        let mut marks = Marks::default();
        assert!(!marks.contains((1, "a")));
        assert!(marks.insert((1, "a")));
        assert!(!marks.insert((1, "a")));
        assert!(marks.contains((1, "a")));
        assert!(!marks.contains((2, "a")));
    }
}
