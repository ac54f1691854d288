//! Whether an entry that somebody else asks to create only adds to its log: what a server that lends a storage for
//! adding can tell from the entries alone.

use crate::refs::entry::{Entry, Target};
use crate::refs::log::{from_component, number_in};
use crate::refs::{Family, Ref};
use crate::storage::Key;

/// The ref and the number of the entry that a key names, if it names one.
pub fn of_key(key: &Key) -> Option<(Ref, u64)> {
    let (log, _) = key.as_str().rsplit_once('/')?;
    let number = number_in(log, key)?;
    Family::ALL.into_iter().find_map(|family| {
        let component = log.strip_prefix(family.prefix())?.strip_prefix('/')?;
        Some((Ref { family, name: from_component(component)? }, number))
    })
}

impl Entry {
    /// Why this entry does not only add to what its ref has, if that is so. `last` is the value of the ref with its
    /// number; `epoch` is that of the last collection. That a commit comes after another is for the caller to see.
    ///
    /// # Errors
    /// The reason, as the end of a sentence.
    pub fn adds_to(
        &self,
        family: Family,
        number: u64,
        last: Option<&(u64, Entry)>,
        epoch: u64,
    ) -> Result<(), &'static str> {
        // An epoch from the future would let a later collection pass this ref by.
        if self.epoch > epoch {
            return Err("it speaks of a collection that nobody began");
        }
        let Some((at, last)) = last else {
            let is_birth = number == 0 && self.target == Target::Birth && self.previous.is_none();
            let is_bare = self.recent.is_empty() && self.stepped_back.is_none();
            return if is_birth && is_bare { Ok(()) } else { Err("a log begins with its birth") };
        };
        let follows = number == at + 1
            && self.previous == Some(last.target)
            && self.recent == last.recent_after()
            && (self.stepped_back == last.stepped_back || self.stepped_back == Some(number));
        if !follows {
            return Err("it does not follow the last entry of its log");
        }
        if last.target.is_terminal() {
            return Err("its log has ended");
        }
        match (family, last.target, self.target) {
            (_, _, Target::Deleted) => Err("nothing can be deleted"),
            (_, from, to) if from == to => Ok(()),
            (Family::Heads, _, Target::Commit(_)) => Ok(()),
            (Family::Tags, Target::Birth | Target::Deleted, Target::Tag(_)) => Ok(()),
            (Family::Tags, Target::Tag(_), _) => Err("a tag cannot be moved"),
            (Family::Runs, Target::Birth | Target::Commit(_), Target::Commit(_) | Target::Finished(_)) => {
                Ok(())
            }
            (Family::Batches, Target::Birth, Target::Runs(_)) => Ok(()),
            _ => Err("such a ref does not point to that"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Digest;
    use crate::object::Time;

    fn entry(target: Target, last: Option<&(u64, Entry)>) -> Entry {
        Entry {
            target,
            previous: last.map(|(_, last)| last.target),
            nonce: [7; 16],
            recent: last.map(|(_, last)| last.recent_after()).unwrap_or_default(),
            stepped_back: None,
            epoch: 2,
            who: String::new(),
            when: Time { millis: 0, zone: 0 },
            why: String::new(),
        }
    }

    fn commit(byte: u8) -> Target {
        Target::Commit(Digest::new([byte; 32]).into())
    }

    fn tag(byte: u8) -> Target {
        Target::Tag(Digest::new([byte; 32]).into())
    }

    #[test]
    fn keys_name_refs() {
        let named = |key: &str| of_key(&Key::new(key).unwrap()).map(|(name, at)| format!("{name} {at}"));
        assert_eq!(named("refs/heads/a%2Fb/3"), Some("branch a/b 3".to_owned()));
        assert_eq!(named("refs/packed/x/0"), Some("batch x 0".to_owned()));
        for key in
            ["refs/heads/A/3", "refs/heads/a/b/3", "refs/heads/a/03", "refs/x/a/1", "gc/1", "refs/heads/a"]
        {
            assert_eq!(named(key), None, "{key}");
        }
    }

    #[test]
    fn what_only_adds_is_let_in() {
        let finished = Target::Finished(Digest::new([3; 32]).into());
        let runs = Target::Runs(Digest::new([4; 32]).into());
        for (family, from, to, adds) in [
            (Family::Heads, Target::Birth, commit(1), true),
            (Family::Heads, commit(1), commit(2), true),
            (Family::Heads, commit(1), commit(1), true),
            (Family::Heads, Target::Deleted, commit(1), true),
            (Family::Heads, commit(1), Target::Deleted, false),
            (Family::Heads, commit(1), Target::Birth, false),
            (Family::Heads, commit(1), finished, false),
            (Family::Heads, commit(1), tag(1), false),
            (Family::Tags, Target::Birth, tag(1), true),
            (Family::Tags, Target::Deleted, tag(1), true),
            (Family::Tags, tag(1), tag(2), false),
            (Family::Tags, tag(1), Target::Deleted, false),
            (Family::Tags, Target::Birth, commit(1), false),
            (Family::Runs, Target::Birth, commit(1), true),
            (Family::Runs, Target::Birth, finished, true),
            (Family::Runs, commit(1), finished, true),
            (Family::Runs, commit(1), Target::Deleted, false),
            (Family::Runs, finished, finished, false),
            (Family::Runs, finished, commit(1), false),
            (Family::Batches, Target::Birth, runs, true),
            (Family::Batches, Target::Birth, commit(1), false),
            (Family::Batches, runs, runs, false),
            (Family::Remotes, Target::Birth, commit(1), false),
            (Family::Detached, Target::Birth, commit(1), false),
        ] {
            let last = (4, entry(from, None));
            let next = entry(to, Some(&last));
            assert_eq!(next.adds_to(family, 5, Some(&last), 2).is_ok(), adds, "{family:?} {from:?} {to:?}");
        }
    }

    #[test]
    fn an_entry_follows_the_last_one() {
        let last = (4, entry(commit(1), None));
        let next = entry(commit(2), Some(&last));
        let adds =
            |next: &Entry, number, epoch| next.adds_to(Family::Heads, number, Some(&last), epoch).is_ok();
        assert!(adds(&next, 5, 2) && adds(&next, 5, 3));
        assert!(!adds(&next, 6, 2) && !adds(&next, 4, 2) && !adds(&next, u64::MAX, 2), "its number");
        assert!(!adds(&next, 5, 1), "its epoch");
        assert!(!adds(&Entry { previous: Some(commit(9)), ..next.clone() }, 5, 2));
        assert!(!adds(&Entry { recent: Vec::new(), ..next.clone() }, 5, 2));
        assert!(!adds(&Entry { stepped_back: Some(3), ..next.clone() }, 5, 2));
        assert!(adds(&Entry { stepped_back: Some(5), ..next.clone() }, 5, 2));
        let birth = entry(Target::Birth, None);
        let begins = |birth: &Entry, number| birth.adds_to(Family::Heads, number, None, 2).is_ok();
        assert!(begins(&birth, 0) && !begins(&birth, 1) && !begins(&birth, 1 << 52));
        assert!(!begins(&entry(commit(1), None), 0));
        assert!(!begins(&Entry { previous: Some(Target::Birth), ..birth.clone() }, 0));
        assert!(!begins(&Entry { stepped_back: Some(1 << 60), ..birth }, 0));
    }
}
