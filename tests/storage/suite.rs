//! What every storage must do. Each check gets a storage that is empty.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use mdl::storage::{Created, Key, Storage, StorageError};

type Check = fn(&dyn Storage);

const CHECKS: [Check; 11] = [
    a_key_is_created_once,
    one_of_many_racing_creators_wins,
    a_dropped_draft_leaves_nothing,
    a_draft_is_published_once,
    listings_go_by_whole_components_and_are_sorted,
    listings_show_what_was_created,
    ranges_are_read_and_overlong_ones_refused,
    bodies_longer_than_the_limit_are_refused,
    keys_are_removed_and_created_again,
    empty_and_large_bodies_come_back,
    unusual_keys_are_keys,
];

/// Runs every check on a storage of its own, which `with` provides.
pub fn run(with: &dyn Fn(Check)) {
    CHECKS.into_iter().for_each(with);
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn body(storage: &dyn Storage, text: &str) -> Option<Vec<u8>> {
    storage.read(&key(text), 1 << 30).unwrap()
}

fn keys(storage: &dyn Storage, prefix: &str) -> Vec<(String, u64)> {
    let listed = storage.list(prefix).unwrap();
    listed.into_iter().map(|listed| (listed.key.to_string(), listed.size)).collect()
}

fn a_key_is_created_once(storage: &dyn Storage) {
    assert_eq!(body(storage, "a/b"), None);
    assert_eq!(storage.create(&key("a/b"), b"first").unwrap(), Created::Created);
    assert_eq!(storage.create(&key("a/b"), b"second").unwrap(), Created::Exists);
    assert_eq!(storage.create(&key("a/b"), b"first").unwrap(), Created::Exists);
    assert_eq!(body(storage, "a/b").unwrap(), b"first");
    assert_eq!(body(storage, "a"), None, "a prefix is no key");
    storage.settle("a").unwrap();
    storage.settle("none").unwrap();
}

fn one_of_many_racing_creators_wins(storage: &dyn Storage) {
    const RACERS: u8 = 32;
    let (barrier, wins) = (Barrier::new(RACERS.into()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for racer in 0..RACERS {
            let (barrier, wins) = (&barrier, &wins);
            scope.spawn(move || {
                let mut draft = storage.draft().unwrap();
                draft.write(&[racer; 1000]).unwrap();
                barrier.wait();
                let created = match racer % 2 {
                    0 => draft.publish(&key("race/1")).unwrap(),
                    _ => storage.create(&key("race/1"), &[racer; 1000]).unwrap(),
                };
                if created == Created::Created {
                    wins.fetch_add(1 + 1000 * usize::from(racer), Ordering::SeqCst);
                }
            });
        }
    });
    let (winner, wins) = (wins.load(Ordering::SeqCst) / 1000, wins.load(Ordering::SeqCst) % 1000);
    assert_eq!(wins, 1);
    assert_eq!(body(storage, "race/1").unwrap(), [winner as u8; 1000]);
}

fn a_dropped_draft_leaves_nothing(storage: &dyn Storage) {
    let mut draft = storage.draft().unwrap();
    draft.write(b"half a body").unwrap();
    drop(draft);
    assert_eq!(keys(storage, ""), []);
}

fn a_draft_is_published_once(storage: &dyn Storage) {
    for (expected, piece) in [(Created::Created, b"one"), (Created::Exists, b"two")] {
        let mut draft = storage.draft().unwrap();
        draft.write(piece).unwrap();
        draft.write(b" and on").unwrap();
        assert_eq!(draft.publish(&key("packs/data/00")).unwrap(), expected);
    }
    assert_eq!(body(storage, "packs/data/00").unwrap(), b"one and on");
    assert_eq!(keys(storage, ""), [("packs/data/00".to_owned(), 10)]);
}

fn listings_go_by_whole_components_and_are_sorted(storage: &dyn Storage) {
    for name in ["a/b/2", "a/b/10", "a/b-c/1", "a/bc/1", "a/b/1", "ab/1", "b"] {
        storage.create(&key(name), name.as_bytes()).unwrap();
    }
    let names = |prefix| keys(storage, prefix).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names("a/b"), ["a/b/1", "a/b/10", "a/b/2"]);
    assert_eq!(names("a"), ["a/b-c/1", "a/b/1", "a/b/10", "a/b/2", "a/bc/1"]);
    assert_eq!(names(""), ["a/b-c/1", "a/b/1", "a/b/10", "a/b/2", "a/bc/1", "ab/1", "b"]);
    assert_eq!(names("b"), [""; 0], "a key is not below itself");
    assert_eq!(names("none"), [""; 0]);
}

fn listings_show_what_was_created(storage: &dyn Storage) {
    for number in 0..50 {
        storage.create(&key(&format!("log/{number}")), &vec![0; number]).unwrap();
        let listed = keys(storage, "log");
        assert_eq!(listed.len(), number + 1);
        assert!(listed.contains(&(format!("log/{number}"), number as u64)));
    }
}

fn ranges_are_read_and_overlong_ones_refused(storage: &dyn Storage) {
    storage.create(&key("r"), b"0123456789").unwrap();
    let body = storage.open(&key("r")).unwrap().unwrap();
    assert_eq!(body.size(), 10);
    let read = |offset, len| {
        let mut buffer = vec![0; len];
        body.read_at(offset, &mut buffer).map(|()| buffer)
    };
    assert_eq!(read(0, 10).unwrap(), b"0123456789");
    assert_eq!(read(3, 4).unwrap(), b"3456");
    assert_eq!(read(10, 0).unwrap(), b"");
    for (offset, len) in [(0, 11), (9, 2), (10, 1), (1 << 40, 1), (u64::MAX, 1)] {
        assert!(read(offset, len).is_err(), "{len} bytes at {offset}");
    }
    storage.remove(&key("r")).unwrap();
    never_other_bytes(&read(5, 5));
    storage.create(&key("r"), b"abcdefghijk").unwrap();
    never_other_bytes(&read(5, 5));
}

/// Where a storage cannot hold what is open, as buckets cannot, it has to say so.
fn never_other_bytes(read: &Result<Vec<u8>, StorageError>) {
    assert!(read.as_ref().is_ok_and(|bytes| bytes == b"56789") || read.is_err(), "{read:?}");
}

/// For storages that hold what is open.
pub fn what_is_open_stays_readable(storage: &dyn Storage) {
    storage.create(&key("r"), b"0123456789").unwrap();
    let body = storage.open(&key("r")).unwrap().unwrap();
    storage.remove(&key("r")).unwrap();
    let mut buffer = [0; 5];
    body.read_at(5, &mut buffer).unwrap();
    assert_eq!(&buffer, b"56789");
}

fn bodies_longer_than_the_limit_are_refused(storage: &dyn Storage) {
    storage.create(&key("long"), &[1; 100]).unwrap();
    assert!(storage.read(&key("long"), 99).is_err());
    assert_eq!(storage.read(&key("long"), 100).unwrap().unwrap(), [1; 100]);
}

fn keys_are_removed_and_created_again(storage: &dyn Storage) {
    storage.create(&key("a/1"), b"old").unwrap();
    storage.create(&key("a/2"), b"").unwrap();
    storage.remove(&key("a/1")).unwrap();
    storage.remove(&key("a/1")).unwrap();
    storage.remove(&key("never/was")).unwrap();
    assert_eq!(body(storage, "a/1"), None);
    assert_eq!(keys(storage, "a"), [("a/2".to_owned(), 0)]);
    assert_eq!(storage.create(&key("a/1"), b"new").unwrap(), Created::Created);
    assert_eq!(body(storage, "a/1").unwrap(), b"new");
}

fn empty_and_large_bodies_come_back(storage: &dyn Storage) {
    storage.create(&key("empty"), b"").unwrap();
    assert_eq!(body(storage, "empty").unwrap(), b"");
    let large: Vec<u8> = (0..10u32 << 20).map(|at| (at % 251) as u8).collect();
    let mut draft = storage.draft().unwrap();
    large.chunks(1 << 20).for_each(|piece| draft.write(piece).unwrap());
    assert_eq!(draft.publish(&key("large")).unwrap(), Created::Created);
    assert!(body(storage, "large").unwrap() == large);
    assert_eq!(keys(storage, ""), [("empty".to_owned(), 0), ("large".to_owned(), 10 << 20)]);
}

fn unusual_keys_are_keys(storage: &dyn Storage) {
    let long = "x".repeat(255);
    for name in ["-rf", "...", ".hidden", "a%2Fb/0", "%00", "CON", "a.b-c_d", &long] {
        let Some(key) = Key::new(name) else { continue };
        assert_eq!(storage.create(&key, name.as_bytes()).unwrap(), Created::Created, "{name}");
        assert_eq!(body(storage, name).unwrap(), name.as_bytes());
        assert!(keys(storage, "").contains(&(name.to_owned(), name.len() as u64)));
    }
    for name in ["", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a\\b", "a b", "a\0", "ä", "a:b"] {
        assert_eq!(Key::new(name), None, "{name:?}");
    }
}
