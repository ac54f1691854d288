//! Refs as one client meets them; `races` has several at once, `folder` power cuts and faults.

mod collecting;
mod folder;
mod races;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::id::{CommitId, Digest};
use crate::storage::testing::{Fate, Hooked, Operation};
use crate::storage::{Key, Memory};

/// A commit of a test: `commit(2)` comes after `commit(1)`, and 100 and up are another line of history.
fn commit(number: u8) -> CommitId {
    Digest::new([number; 32]).into()
}

fn target(number: u8) -> Option<Target> {
    Some(Target::Commit(commit(number)))
}

fn is_ancestor(a: CommitId, b: CommitId) -> Result<bool, RefError> {
    let (a, b) = (a.digest().as_bytes()[0], b.digest().as_bytes()[0]);
    Ok(a <= b && (a < 100) == (b < 100))
}

fn branch(name: &str) -> Ref {
    Ref { family: Family::Heads, name: RefName::new(name).unwrap() }
}

fn by(why: &str) -> Move {
    Move { who: "A <a@b>".into(), when: Time { millis: 0, zone: 0 }, why: why.into() }
}

fn go(
    storage: &dyn Storage,
    name: &str,
    base: Option<Target>,
    target: Option<Target>,
) -> Result<Advanced, RefError> {
    let target = target.unwrap_or(Target::Deleted);
    advance(storage, &branch(name), base, target, &by("test"), &mut |_| Ok(()), &is_ancestor)
}

fn value(storage: &dyn Storage, name: &str) -> (u64, Target) {
    let (number, entry) = read(storage, &branch(name)).unwrap().unwrap();
    (number, entry.target)
}

fn put(storage: &dyn Storage, key: &str, bytes: &[u8]) {
    storage.create(&Key::new(key).unwrap(), bytes).unwrap();
}

/// A collection's fence after the last entry.
fn fence_by_hand(storage: &dyn Storage, name: &str, epoch: u64) {
    let (number, last) = read(storage, &branch(name)).unwrap().unwrap();
    let entry = Entry {
        nonce: [number as u8 ^ 0x80; 16],
        recent: last.recent_after(),
        previous: Some(last.target),
        epoch,
        ..last
    };
    put(storage, &format!("refs/heads/{name}/{}", number + 1), &crate::encoding::to_bytes(&entry));
}

#[test]
fn a_branch_is_born_moves_and_remembers() {
    let storage = Memory::new();
    assert_eq!(read(&storage, &branch("main")).unwrap(), None);
    assert_eq!(go(&storage, "main", None, target(1)).unwrap(), Advanced::Done);
    for number in 2..=99 {
        assert_eq!(go(&storage, "main", target(number - 1), target(number)).unwrap(), Advanced::Done);
    }
    assert_eq!(value(&storage, "main"), (99, target(99).unwrap()));
    let history = history(&storage, &branch("main")).unwrap();
    assert_eq!(history.len(), 100);
    assert_eq!(history[99].1.target, Target::Birth);
    assert!(history.iter().all(|(_, entry)| entry.recent.len() <= entry::RECENT));
    assert!(history.windows(2).all(|pair| pair[0].1.previous == Some(pair[1].1.target)));
}

#[test]
fn a_move_from_elsewhere_is_lost_and_a_repeated_one_is_done() {
    let storage = Memory::new();
    go(&storage, "main", None, target(1)).unwrap();
    go(&storage, "main", target(1), target(3)).unwrap();
    let Advanced::Lost(entry) = go(&storage, "main", target(1), target(100)).unwrap() else { panic!() };
    assert_eq!(Some(entry.target), target(3));
    assert_eq!(go(&storage, "main", target(1), target(3)).unwrap(), Advanced::Done);
    assert_eq!(go(&storage, "main", target(1), target(2)).unwrap(), Advanced::Done, "3 comes after 2");
    assert_eq!(value(&storage, "main"), (2, target(3).unwrap()));
}

#[test]
fn undo_steps_back_and_says_so() {
    let storage = Memory::new();
    go(&storage, "main", None, target(1)).unwrap();
    go(&storage, "main", target(1), target(2)).unwrap();
    assert_eq!(go(&storage, "main", target(2), target(1)).unwrap(), Advanced::Done);
    assert_eq!(value(&storage, "main"), (3, target(1).unwrap()));
    go(&storage, "main", target(1), target(5)).unwrap();
    let entries = history(&storage, &branch("main")).unwrap();
    let stepped: Vec<_> = entries.iter().map(|(_, entry)| entry.stepped_back).collect();
    assert_eq!(stepped, [Some(3), Some(3), None, None, None]);
    // An undo of what is no longer there is lost, although what is there comes after its target.
    assert!(matches!(go(&storage, "main", target(2), target(1)).unwrap(), Advanced::Lost(_)));
}

#[test]
fn a_deleted_branch_is_not_listed_and_numbers_on() {
    let storage = Memory::new();
    go(&storage, "main", None, target(1)).unwrap();
    assert_eq!(go(&storage, "main", target(1), None).unwrap(), Advanced::Done);
    assert_eq!(list(&storage, Family::Heads).unwrap(), []);
    assert_eq!(go(&storage, "main", target(1), None).unwrap(), Advanced::Done, "it is deleted already");
    assert_eq!(go(&storage, "main", None, target(100)).unwrap(), Advanced::Done);
    assert_eq!(value(&storage, "main"), (3, target(100).unwrap()));
}

#[test]
fn tags_move_by_nonce_alone() {
    let storage = Memory::new();
    let name = Ref { family: Family::Tags, name: RefName::new("staging").unwrap() };
    let tag = |n| Target::Tag(Digest::new([n; 32]).into());
    let go = |base, target| {
        advance(&storage, &name, base, target, &by("tag"), &mut |_| Ok(()), &is_ancestor).unwrap()
    };
    assert_eq!(go(None, tag(1)), Advanced::Done);
    assert_eq!(go(Some(tag(1)), tag(2)), Advanced::Done);
    assert!(matches!(go(Some(tag(1)), tag(3)), Advanced::Lost(_)));
    assert_eq!(list(&storage, Family::Tags).unwrap()[0].1.target, tag(2));
}

#[test]
fn listing_costs_two_listings_whatever_the_number_of_refs() {
    let memory = Memory::new();
    let names = ["Main", "a", "a/b", "main", "ünï"];
    names.iter().for_each(|name| drop(go(&memory, name, None, target(1)).unwrap()));
    put(&memory, "refs/heads/main/.nfs0001", b"not an entry");
    put(&memory, "refs/heads/%zz/0", b"not a name");
    put(&memory, "refs/heads/stray", b"not a log");
    let listings = Arc::new(AtomicUsize::new(0));
    let counter = listings.clone();
    let counted = Hooked::new(memory, move |operation| {
        counter.fetch_add(usize::from(matches!(operation, Operation::List(_))), Ordering::SeqCst);
        Fate::Done
    });
    let listed: Vec<_> = list(&counted, Family::Heads).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed.iter().map(RefName::as_str).collect::<Vec<_>>(), names);
    assert_eq!(listings.load(Ordering::SeqCst), 2);
}

#[test]
fn a_fence_makes_the_writer_verify_again() {
    let storage = Memory::new();
    go(&storage, "main", None, target(1)).unwrap();
    let mut epochs = Vec::new();
    let mark = Mark { doomed: Vec::new(), nonce: [0; 16], who: "gc".into(), when: by("").when };
    let mut upload = |footing: &Footing| {
        if epochs.is_empty() {
            put(&storage, "gc/1", &crate::encoding::to_bytes(&mark));
            fence_by_hand(&storage, "main", 1);
        }
        epochs.push(footing.epoch);
        Ok(())
    };
    let done =
        advance(&storage, &branch("main"), target(1), target(2).unwrap(), &by(""), &mut upload, &is_ancestor);
    assert_eq!(done.unwrap(), Advanced::Done);
    assert_eq!(epochs, [0, 1]);
    assert_eq!(read(&storage, &branch("main")).unwrap().unwrap().1.epoch, 1);
}

#[test]
fn a_footing_begins_the_log_and_names_what_is_doomed() {
    let storage = Memory::new();
    let first = stand(&storage, &branch("main"), &by("commit")).unwrap();
    assert_eq!((first.number, first.entry.target, first.epoch), (0, Target::Birth, 0));
    assert!(first.doomed.is_empty());
    let pack = "packs/meta/00".to_owned();
    let mark = Mark { doomed: vec![pack.clone()], nonce: [0; 16], who: "gc".into(), when: by("").when };
    put(&storage, "gc/3", &crate::encoding::to_bytes(&mark));
    let second = stand(&storage, &branch("main"), &by("commit")).unwrap();
    assert_eq!((second.number, second.epoch), (0, 3));
    assert_eq!(second.doomed.keys().collect::<Vec<_>>(), [&pack]);
    assert!(second.doomed.contains(&Key::new(&pack).unwrap()) && !second.is_as(&first));
}

#[test]
fn the_mark_is_read_after_the_ref_and_before_the_upload() {
    let memory = Memory::new();
    go(&memory, "main", None, target(1)).unwrap();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (notes, note) = (seen.clone(), seen.clone());
    let storage = Hooked::new(memory, move |operation| {
        let (word, place) = match operation {
            Operation::List(prefix) => ("list", prefix.to_owned()),
            Operation::Create(key) => ("create", key.to_string()),
            other => ("other", format!("{other:?}")),
        };
        notes.lock().unwrap().push(format!("{word} {place}"));
        Fate::Done
    });
    let mut upload = |_: &Footing| {
        note.lock().unwrap().push("upload".to_owned());
        Ok(())
    };
    let (main, to) = (branch("main"), target(2).unwrap());
    advance(&storage, &main, target(1), to, &by(""), &mut upload, &is_ancestor).unwrap();
    let seen = seen.lock().unwrap();
    let at = |what: &str| seen.iter().position(|note| note == what).unwrap();
    let last_of_ref = seen[..at("upload")].iter().rposition(|note| note == "list refs/heads/main").unwrap();
    assert!(last_of_ref < at("list gc") && at("list gc") < at("upload"), "{seen:?}");
    assert!(at("upload") < at("create refs/heads/main/2"), "{seen:?}");
}

#[test]
fn a_footing_that_was_fenced_is_not_used_again() {
    let storage = Memory::new();
    go(&storage, "main", None, target(1)).unwrap();
    let footing = stand(&storage, &branch("main"), &by("")).unwrap();
    fence_by_hand(&storage, "main", 0);
    let mut tries = Vec::new();
    let mut upload = |attempt: &Footing| {
        tries.push(attempt.number);
        if attempt.is_as(&footing) { Ok(()) } else { Err(RefError::Collected { name: "main".into() }) }
    };
    let (main, to) = (branch("main"), target(2).unwrap());
    let moved = advance_from(&storage, &main, &footing, target(1), to, &by(""), &mut upload, &is_ancestor);
    assert!(matches!(moved, Err(RefError::Collected { .. })), "{moved:?}");
    assert_eq!((tries, value(&storage, "main")), (vec![1, 2], (2, target(1).unwrap())));
}

/// Fails the creates of a ref's entries as told: the n-th of them meets the n-th fate.
fn losing(memory: &Memory, fates: &'static [Fate]) -> Hooked<Memory> {
    let count = AtomicUsize::new(0);
    Hooked::new(memory.clone(), move |operation| match operation {
        Operation::Create(_) => {
            fates.get(count.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or(Fate::Done)
        }
        _ => Fate::Done,
    })
}

#[test]
fn lost_replies_are_found_out() {
    use Fate::{Failed, ReplyLost};
    for fates in [&[ReplyLost][..], &[Failed], &[Failed, ReplyLost], &[ReplyLost, Failed]] {
        let memory = Memory::new();
        go(&memory, "main", None, target(1)).unwrap();
        let storage = losing(&memory, fates);
        assert_eq!(go(&storage, "main", target(1), target(2)).unwrap(), Advanced::Done, "{fates:?}");
        assert_eq!(value(&memory, "main"), (2, target(2).unwrap()));
    }
}

#[test]
fn a_storage_out_of_reach_leaves_it_unknown() {
    let memory = Memory::new();
    go(&memory, "main", None, target(1)).unwrap();
    let storage = losing(&memory, &[Fate::Failed; 3]);
    assert!(matches!(go(&storage, "main", target(1), target(2)), Err(RefError::Unknown { .. })));
    assert_eq!(value(&memory, "main"), (1, target(1).unwrap()));
}

#[test]
fn a_full_storage_is_no_riddle() {
    struct Full(Memory);
    impl Storage for Full {
        fn create(&self, key: &Key, _: &[u8]) -> Result<crate::storage::Created, StorageError> {
            let source = std::io::ErrorKind::StorageFull.into();
            Err(StorageError { action: "create", place: key.to_string(), source })
        }
        fn draft(&self) -> Result<Box<dyn crate::storage::Draft>, StorageError> {
            self.0.draft()
        }
        fn open(&self, key: &Key) -> Result<Option<Box<dyn crate::storage::Body>>, StorageError> {
            self.0.open(key)
        }
        fn list(&self, prefix: &str) -> Result<Vec<crate::storage::Listed>, StorageError> {
            self.0.list(prefix)
        }
        fn remove(&self, key: &Key) -> Result<(), StorageError> {
            self.0.remove(key)
        }
    }
    let memory = Memory::new();
    go(&memory, "main", None, target(1)).unwrap();
    assert!(matches!(go(&Full(memory), "main", target(1), target(2)), Err(RefError::Storage(_))));
}

#[test]
fn an_undo_by_others_does_not_hide_that_a_move_arrived() {
    // Ours lands and its reply is lost; before we look, others undo it and go on elsewhere.
    for others in [&[1u8][..], &[1, 100], &[1, 5, 1, 6]] {
        let memory = Memory::new();
        go(&memory, "main", None, target(1)).unwrap();
        let looker = memory.clone();
        let lists = AtomicUsize::new(0);
        let created = AtomicUsize::new(0);
        let storage = Hooked::new(memory.clone(), move |operation| match operation {
            Operation::Create(_) => {
                created.store(1, Ordering::SeqCst);
                Fate::Done
            }
            Operation::List(_) if created.load(Ordering::SeqCst) == 1 => {
                if lists.fetch_add(1, Ordering::SeqCst) == 0 {
                    let mut base = target(2);
                    for number in others {
                        go(&looker, "main", base, target(*number)).unwrap();
                        base = target(*number);
                    }
                }
                Fate::Done
            }
            _ => Fate::Done,
        });
        assert_eq!(go(&storage, "main", target(1), target(2)).unwrap(), Advanced::Done, "{others:?}");
        assert_eq!(
            value(&memory, "main").1,
            target(*others.last().unwrap()).unwrap(),
            "it is not done again"
        );
    }
}

#[test]
fn hostile_logs_are_errors() {
    let bad: HashMap<&str, Vec<u8>> = HashMap::from([
        ("refs/heads/main/0", b"".to_vec()),
        ("refs/heads/main/1", vec![0xff; 100]),
        ("refs/heads/main/2", vec![0; 100_000]),
        ("refs/heads/main/18446744073709551615", vec![]),
        ("refs/heads/main/9007199254740992", vec![]),
    ]);
    for (key, body) in bad {
        let storage = Memory::new();
        put(&storage, key, &body);
        assert!(read(&storage, &branch("main")).is_err(), "{key}");
        assert!(list(&storage, Family::Heads).is_err(), "{key}");
        assert!(go(&storage, "main", None, target(1)).is_err(), "{key}");
        assert_eq!(storage.list("").unwrap().len(), 1, "nothing was written");
    }
}

#[test]
fn too_long_a_reason_is_refused_before_anything_is_written() {
    let storage = Memory::new();
    go(&storage, "main", None, target(1)).unwrap();
    let by = by(&"x".repeat(70_000));
    let moved =
        advance(&storage, &branch("main"), target(1), target(2).unwrap(), &by, &mut |_| Ok(()), &is_ancestor);
    assert!(matches!(moved, Err(RefError::TooLarge { .. })));
    assert_eq!(value(&storage, "main").0, 1);
}
