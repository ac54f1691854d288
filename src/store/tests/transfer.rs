//! Transfers: the target has what was wanted and nothing else, whatever happens on the way.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::{damage, floats, insert, noise, read_all, reopened, rows, store};
use crate::disk::OsDisk;
use crate::id::{ContentId, Digest, Kind};
use crate::object::{Find, Insert, InsertContent};
use crate::progress::{Amount, Progress, Silent};
use crate::storage::testing::{Fate, Hooked, Operation};
use crate::storage::{Body, Created, Draft, Folder, Key, Listed, Memory, Storage, StorageError};
use crate::store::layout::{Entry, EntryKind};
use crate::store::{IndexCache, PackName, Section, Sent, Store, StoreError, Transfer, Trust, Wanted};

/// What to copy.
#[derive(Clone, Copy, Debug)]
enum Thing {
    Object(Kind, Digest),
    Content(ContentId, u64),
}

/// Inserts objects and contents with one writer.
fn fill(store: &Store, objects: &[(Kind, Vec<u8>)], contents: &[Vec<u8>]) -> Vec<Thing> {
    let writer = store.writer(&Silent);
    let mut things = Vec::new();
    for (kind, bytes) in objects {
        things.push(Thing::Object(*kind, writer.insert(*kind, bytes.clone()).unwrap()));
    }
    for bytes in contents {
        let (id, size) = writer.insert_content(&mut &bytes[..], bytes.len() as u64).unwrap();
        things.push(Thing::Content(id, size));
    }
    writer.finish().unwrap();
    things
}

fn none() -> &'static HashSet<PackName> {
    static NONE: std::sync::OnceLock<HashSet<PackName>> = std::sync::OnceLock::new();
    NONE.get_or_init(HashSet::new)
}

fn take(transfer: &mut Transfer<'_>, thing: Thing) -> Wanted {
    match thing {
        Thing::Object(kind, id) => transfer.object(kind, id).unwrap(),
        Thing::Content(id, _) => transfer.content(id).unwrap(),
    }
}

fn copy(from: &Store, to: &Store, things: &[Thing], trust: Trust) -> Result<Sent, StoreError> {
    let mut transfer = Transfer::new(from, to, none(), trust, &Silent)?;
    for thing in things {
        assert_ne!(take(&mut transfer, *thing), Wanted::Nowhere);
    }
    transfer.send()
}

/// Every entry, once, with its length.
fn entries(store: &Store) -> BTreeMap<(Digest, EntryKind), u32> {
    let mut all = BTreeMap::new();
    store
        .each_entry(&mut |_, Entry { id, kind, place }| {
            assert!(all.insert((id, kind), place.length).is_none(), "{kind} {id} lies there twice");
        })
        .unwrap();
    all
}

/// The entries that a thing is made of.
fn parts(store: &Store, thing: Thing) -> BTreeMap<(Digest, EntryKind), u32> {
    let (target, to) = super::store();
    copy(store, &to, &[thing], Trust::Own).unwrap();
    entries(&reopened(&target))
}

fn packs_of(storage: &dyn Storage, section: Section) -> HashSet<PackName> {
    let listed = storage.list(section.prefix()).unwrap();
    listed.iter().filter_map(|listed| PackName::from_key(section, &listed.key)).collect()
}

fn has(store: &Store, thing: Thing) -> bool {
    match thing {
        Thing::Object(kind, id) => store.find(kind, id).unwrap().is_some_and(|b| kind.digest(&b) == id),
        Thing::Content(id, size) => {
            store.has_content(id).unwrap() && ContentId::of(&read_all(store, &[(id, size)]).unwrap()[0]) == id
        }
    }
}

#[test]
fn what_is_there_is_not_sent_again() {
    let ((_, from), (storage, to)) = (store(), store());
    let large = rows(0, 60_000);
    let things = fill(&from, &[(Kind::Params, noise(1, 300))], &[rows(1, 9), large.clone(), Vec::new()]);
    let sent = copy(&from, &to, &things, Trust::Own).unwrap();
    assert_eq!((sent.objects, sent.packs.len()), (1, 2));
    assert_eq!(sent.packs.iter().map(|pack| pack.bytes).sum::<u64>(), sent.bytes);
    assert_eq!(
        sent.packs.iter().map(|pack| pack.name.section).collect::<Vec<_>>(),
        [Section::Data, Section::Meta]
    );
    let listed: u64 = storage.list("packs").unwrap().iter().map(|listed| listed.size).sum();
    assert_eq!(listed, sent.bytes);
    let mut transfer = Transfer::new(&from, &to, none(), Trust::Own, &Silent).unwrap();
    assert!(things.iter().all(|thing| take(&mut transfer, *thing) == Wanted::Here));
    assert_eq!(transfer.amount().unwrap(), Amount::default());
    assert_eq!(transfer.send().unwrap(), Sent::default());
    // One more row: only the chunks around it, and the recipe.
    let mut changed = large.clone();
    changed.splice(600_000..600_000, *b"1,user2,3.0,1\n");
    let things = fill(&from, &[], &[changed]);
    let sent = copy(&from, &to, &things, Trust::Own).unwrap();
    assert!(sent.bytes < large.len() as u64 / 4, "{sent:?}");
    assert!(has(&to, things[0]) && damage(&reopened(&storage)).is_empty());
}

#[test]
fn what_is_nowhere_is_said_to_be() {
    let ((_, from), (_, to)) = (store(), store());
    let mut transfer = Transfer::new(&from, &to, none(), Trust::Own, &Silent).unwrap();
    assert_eq!(transfer.object(Kind::Tree, Digest::new([1; 32])).unwrap(), Wanted::Nowhere);
    assert_eq!(transfer.content(ContentId::of(b"x")).unwrap(), Wanted::Nowhere);
    assert_eq!(transfer.content(ContentId::of(b"")).unwrap(), Wanted::Here);
    assert_eq!(transfer.send().unwrap(), Sent::default());
}

#[test]
fn a_content_without_its_chunks_is_not_here_and_completed_from_elsewhere() {
    let ((_, from), (storage, to)) = (store(), store());
    let things = fill(&from, &[(Kind::Params, noise(1, 9))], &[noise(2, 3 << 20)]);
    let Thing::Content(id, _) = things[1] else { unreachable!() };
    let mut transfer = Transfer::new(&from, &to, none(), Trust::Foreign, &Silent).unwrap();
    transfer.everything_in(Section::Meta).unwrap();
    let sent = transfer.send().unwrap();
    assert_eq!((sent.objects, sent.chunks, sent.packs.len()), (1, 0, 1));
    assert!(!to.has_content(id).unwrap());
    assert_eq!(to.lacking([id, ContentId::of(b"")]).unwrap(), [id]);
    // Nothing of what cannot be made whole.
    let (_, other) = super::store();
    let mut from_part = Transfer::new(&to, &other, none(), Trust::Own, &Silent).unwrap();
    assert_eq!(from_part.content(id).unwrap(), Wanted::Nowhere);
    assert_eq!(from_part.send().unwrap(), Sent::default());
    let sent = copy(&from, &to, &things, Trust::Own).unwrap();
    assert_eq!((sent.objects, sent.packs.len()), (0, 1));
    assert!(to.has_content(id).unwrap() && has(&reopened(&storage), things[1]));
}

#[test]
fn inserted_objects_travel_with_the_others() {
    let ((_, from), (_, to)) = (store(), store());
    let mut transfer = Transfer::new(&from, &to, none(), Trust::Own, &Silent).unwrap();
    let id = transfer.insert(Kind::Commit, b"new".to_vec()).unwrap();
    assert_eq!(transfer.insert(Kind::Commit, b"new".to_vec()).unwrap(), id);
    assert_eq!(transfer.object(Kind::Commit, id).unwrap(), Wanted::Taken);
    assert_eq!(transfer.send().unwrap().objects, 1);
    assert_eq!(to.find(Kind::Commit, id).unwrap().unwrap(), b"new");
    let mut transfer = Transfer::new(&from, &to, none(), Trust::Own, &Silent).unwrap();
    transfer.insert(Kind::Commit, b"new".to_vec()).unwrap();
    assert_eq!(transfer.send().unwrap(), Sent::default());
}

#[test]
fn doomed_packs_are_not_relied_on() {
    let (storage, own) = store();
    let kept = fill(&own, &[(Kind::Params, noise(1, 300))], &[noise(2, 9000)]);
    let safe: HashSet<PackName> = Section::ALL.iter().flat_map(|s| packs_of(&*storage, *s)).collect();
    let live = fill(&own, &[(Kind::Code, noise(3, 300))], &[noise(4, 9000), rows(0, 60_000)]);
    let dead = fill(&own, &[(Kind::Code, noise(5, 300))], &[noise(6, 9000)]);
    let all: HashSet<PackName> = own.packs().unwrap().iter().map(|pack| pack.name).collect();
    let doomed: HashSet<PackName> = all.difference(&safe).copied().collect();
    let mut transfer = Transfer::new(&own, &own, &doomed, Trust::Own, &Silent).unwrap();
    assert!(kept.iter().all(|thing| take(&mut transfer, *thing) == Wanted::Here));
    assert!(live.iter().all(|thing| take(&mut transfer, *thing) == Wanted::Taken));
    transfer.send().unwrap();
    doomed.iter().for_each(|pack| storage.remove(&pack.key()).unwrap());
    for store in [&reopened(&storage), &own] {
        assert!(kept.iter().chain(&live).all(|thing| has(store, *thing)));
    }
    let left = reopened(&storage);
    let mut lost = Transfer::new(&left, &left, none(), Trust::Own, &Silent).unwrap();
    assert!(dead.iter().all(|thing| take(&mut lost, *thing) == Wanted::Nowhere));
    assert_eq!(damage(&left), []);
}

#[test]
fn a_flipped_byte_is_refused_and_its_pack_named() {
    let (source, from) = store();
    let things = fill(&from, &[(Kind::Params, noise(1, 3000))], &[rows(0, 100), noise(2, 400_000)]);
    for listed in source.list("packs").unwrap() {
        let body = source.read(&listed.key, u64::MAX).unwrap().unwrap();
        // The first frame; and one entry alone of it, or all that there is.
        for wanted in [&things[..], &things[..2], &things[2..]] {
            let broken = Arc::new(Memory::new());
            for other in source.list("packs").unwrap() {
                let mut bytes = source.read(&other.key, u64::MAX).unwrap().unwrap();
                if other.key == listed.key {
                    bytes[20] ^= 1;
                }
                broken.create(&other.key, &bytes).unwrap();
            }
            assert!(body.len() > 20);
            let (target, to) = store();
            let from = Store::open(broken.clone(), None);
            for trust in [Trust::Own, Trust::Foreign] {
                let mut transfer = Transfer::new(&from, &to, none(), trust, &Silent).unwrap();
                let asked = wanted.iter().try_for_each(|thing| match thing {
                    Thing::Object(kind, id) => transfer.object(*kind, *id).map(drop),
                    Thing::Content(id, _) => transfer.content(*id).map(drop),
                });
                let result = asked.and_then(|()| transfer.send());
                if let Err(error) = result {
                    assert!(error.to_string().contains(listed.key.as_str()), "{error}");
                    assert_eq!(target.list("packs/meta").unwrap(), []);
                } else {
                    assert_eq!(damage(&reopened(&target)), [], "nothing that is wrong was taken");
                }
            }
        }
    }
}

#[test]
fn a_whole_frame_with_a_wrong_hash_is_refused_also_when_all_is_wanted() {
    let (source, from) = store();
    let things = fill(&from, &[], &[noise(2, 5000)]);
    let key = source.list("packs/data").unwrap()[0].key.clone();
    let mut bytes = source.read(&key, u64::MAX).unwrap().unwrap();
    bytes[100] ^= 1;
    source.remove(&key).unwrap();
    source.create(&key, &bytes).unwrap();
    for trust in [Trust::Own, Trust::Foreign] {
        let (target, to) = store();
        let error = copy(&reopened(&source), &to, &things, trust).unwrap_err();
        assert!(error.to_string().contains(key.as_str()) && error.to_string().contains("frame 0"), "{error}");
        assert_eq!(target.list("").unwrap(), []);
    }
}

#[test]
fn what_a_stranger_calls_by_a_wrong_id_is_refused() {
    let lie = Digest::new([7; 32]);
    let record = |id: Digest, kind: u8, length: u32| -> [u8; 45] {
        let mut record = [0; 45];
        record[..32].copy_from_slice(id.as_bytes());
        record[32] = kind;
        record[41..].copy_from_slice(&length.to_le_bytes());
        record
    };
    let (name, body) = super::hostile::forge(&[(0, 4, b"lies")], &[record(lie, Kind::Params as u8, 4)]);
    for whole in [false, true] {
        let (source, (target, to)) = (Arc::new(Memory::new()), store());
        let name = PackName { section: Section::Meta, ..name };
        source.create(&name.key(), &body).unwrap();
        let from = Store::open(source, None);
        let mut transfer = Transfer::new(&from, &to, none(), Trust::Foreign, &Silent).unwrap();
        if whole {
            transfer.everything_in(Section::Meta).unwrap();
        } else {
            assert_eq!(transfer.object(Kind::Params, lie).unwrap(), Wanted::Taken);
        }
        let error = transfer.send().unwrap_err();
        assert!(error.to_string().contains(&name.to_string()), "{error}");
        assert!(error.to_string().contains(&lie.to_string()), "{error}");
        assert_eq!(target.list("").unwrap(), []);
    }
}

#[test]
fn an_interrupted_transfer_goes_on_where_it_was() {
    let ((_, from), target) = (store(), Memory::new());
    let contents: Vec<Vec<u8>> = (0..14).map(|n| noise(n, 5 << 20)).collect();
    let things = fill(&from, &[(Kind::Params, noise(1, 300))], &contents);
    let published = Arc::new(AtomicUsize::new(0));
    let count = published.clone();
    let hooked = Hooked::new(target.clone(), move |operation| match operation {
        Operation::Publish(_) if count.fetch_add(1, Ordering::Relaxed) > 0 => Fate::Failed,
        _ => Fate::Done,
    });
    let to = Store::open(Arc::new(hooked), None);
    assert!(copy(&from, &to, &things, Trust::Own).is_err());
    assert_eq!(packs_of(&target, Section::Data).len(), 1);
    assert!(packs_of(&target, Section::Meta).is_empty());
    let to = Store::open(Arc::new(target.clone()), None);
    let sent = copy(&from, &to, &things, Trust::Own).unwrap();
    assert!(sent.bytes < (14 * 5 - 25) << 20, "{}", sent.bytes);
    assert_eq!(entries(&to), entries(&from));
    assert!(things.iter().all(|thing| has(&to, *thing)));
}

#[test]
fn a_pack_that_vanishes_is_looked_for_again() {
    let (source, from) = store();
    let things = fill(&from, &[(Kind::Params, noise(1, 300))], &[noise(2, 9000), rows(0, 40_000)]);
    let old: Vec<_> = from.packs().unwrap();
    let (_, to) = store();
    let lent = reopened(&source);
    let mut transfer = Transfer::new(&lent, &to, none(), Trust::Foreign, &Silent).unwrap();
    assert!(things.iter().all(|thing| take(&mut transfer, *thing) == Wanted::Taken));
    // A collection between what was told and what is sent.
    let doomed: HashSet<PackName> = old.iter().map(|pack| pack.name).collect();
    let mut collection = Transfer::new(&from, &from, &doomed, Trust::Own, &Silent).unwrap();
    things.iter().for_each(|thing| assert_eq!(take(&mut collection, *thing), Wanted::Taken));
    collection.send().unwrap();
    doomed.iter().for_each(|pack| source.remove(&pack.key()).unwrap());
    lent.catalog.reader.forget_all();
    transfer.send().unwrap();
    assert!(things.iter().all(|thing| has(&to, *thing)));
    // Where it is nowhere else, that is an error.
    let lent = reopened(&source);
    let (target, to) = super::store();
    let mut transfer = Transfer::new(&lent, &to, none(), Trust::Own, &Silent).unwrap();
    things.iter().for_each(|thing| assert_eq!(take(&mut transfer, *thing), Wanted::Taken));
    source.list("packs").unwrap().iter().for_each(|listed| source.remove(&listed.key).unwrap());
    lent.catalog.reader.forget_all();
    assert!(transfer.send().is_err());
    assert_eq!(target.list("packs/meta").unwrap(), []);
}

/// A remote that counts its requests: a listing, an opening with what is read of the end, a range.
struct Far {
    memory: Arc<Memory>,
    requests: Arc<AtomicU64>,
}

struct FarBody(Box<dyn Body>, Arc<AtomicU64>);

impl Body for FarBody {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read_at(offset, buffer)
    }
}

impl Storage for Far {
    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Created, StorageError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.memory.create(key, bytes)
    }

    fn draft(&self) -> Result<Box<dyn Draft>, StorageError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.memory.draft()
    }

    fn open(&self, key: &Key) -> Result<Option<Box<dyn Body>>, StorageError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let body = self.memory.open(key)?;
        Ok(body.map(|body| Box::new(FarBody(body, self.requests.clone())) as Box<dyn Body>))
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.memory.list(prefix)
    }

    fn remove(&self, key: &Key) -> Result<(), StorageError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.memory.remove(key)
    }

    fn is_remote(&self) -> bool {
        true
    }
}

fn far(memory: &Arc<Memory>, cache: &std::path::Path) -> (Arc<AtomicU64>, Store) {
    let requests = Arc::new(AtomicU64::new(0));
    let storage = Far { memory: memory.clone(), requests: requests.clone() };
    let tmp_dir = cache.parent().unwrap().to_owned();
    let cache = IndexCache { disk: Arc::new(OsDisk), file: cache.to_owned(), tmp_dir, intact: None };
    (requests, Store::open(Arc::new(storage), Some(cache)))
}

#[test]
fn round_trips_are_few() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("index");
    let (memory, (_, own)) = (Arc::new(Memory::new()), store());
    let objects = |first: u64, count: u64| -> Vec<_> {
        (first..first + count).map(|n| (Kind::ALL[n as usize % 15], noise(n, 400))).collect()
    };
    let mut things = Vec::new();
    for pack in 0..3 {
        things.extend(fill(&own, &objects(pack * 400, 334), &[noise(pack, 3000)]));
        // A push: it lists, and writes a data pack and a metadata pack.
        let (requests, to) = far(&memory, &cache);
        copy(&own, &to, &things, Trust::Own).unwrap();
        assert!(requests.load(Ordering::Relaxed) <= 3, "{requests:?}");
    }
    // Nothing new, with what is there known from the pushes: one listing.
    let (requests, to) = far(&memory, &cache);
    assert_eq!(copy(&own, &to, &things, Trust::Own).unwrap(), Sent::default());
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    // A clone of everything but data, knowing nothing: a listing, and each pack opened and read once.
    let empty = folder.path().join("other");
    let (requests, from) = far(&memory, &empty);
    let (_, to) = store();
    let mut transfer = Transfer::new(&from, &to, none(), Trust::Foreign, &Silent).unwrap();
    transfer.everything_in(Section::Meta).unwrap();
    assert_eq!(transfer.send().unwrap().objects, 3 * 334);
    assert_eq!(requests.load(Ordering::Relaxed), 7);
    // Ten new objects.
    let new = fill(&own, &objects(9000, 10), &[]);
    copy(&own, &far(&memory, &cache).1, &new, Trust::Own).unwrap();
    let (requests, from) = far(&memory, &empty);
    let mut transfer = Transfer::new(&from, &to, none(), Trust::Foreign, &Silent).unwrap();
    transfer.everything_in(Section::Meta).unwrap();
    assert_eq!(transfer.send().unwrap().objects, 10);
    assert!(requests.load(Ordering::Relaxed) <= 3, "{requests:?}");
    assert!(new.iter().all(|thing| has(&to, *thing)));
}

#[test]
fn footers_of_many_packs_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("index");
    let memory = Arc::new(Memory::new());
    let plain = Store::open(memory.clone(), None);
    let things: Vec<Thing> =
        (0..200).flat_map(|n| fill(&plain, &[(Kind::Params, noise(n, 50))], &[])).collect();
    let (requests, far_one) = far(&memory, &cache);
    far_one.prepare().unwrap();
    assert_eq!(requests.load(Ordering::Relaxed), 1 + 2 * 200);
    let (requests, far_one) = far(&memory, &cache);
    far_one.prepare().unwrap();
    assert_eq!(copy(&plain, &far_one, &things, Trust::Own).unwrap(), Sent::default());
    assert_eq!(requests.load(Ordering::Relaxed), 2);
}

#[test]
fn progress_tells_what_was_told_before() {
    #[derive(Default)]
    struct Sum(Mutex<Amount>);
    impl Progress for Sum {
        fn begin(&self, _: &'static str, _: Option<Amount>) {}
        fn advance(&self, done: Amount) {
            let mut sum = self.0.lock().unwrap();
            (sum.items, sum.bytes) = (sum.items + done.items, sum.bytes + done.bytes);
        }
    }
    let ((_, from), (_, to), sum) = (store(), store(), Sum::default());
    let contents = [noise(1, 700_000), rows(0, 30_000), floats(90_000)];
    let things = fill(&from, &[(Kind::Params, noise(1, 300))], &contents);
    let mut transfer = Transfer::new(&from, &to, none(), Trust::Own, &sum).unwrap();
    things[..3].iter().for_each(|thing| assert_eq!(take(&mut transfer, *thing), Wanted::Taken));
    transfer.insert(Kind::Tag, noise(5, 100)).unwrap();
    let amount = transfer.amount().unwrap();
    let sent = transfer.send().unwrap();
    assert_eq!(*sum.0.lock().unwrap(), amount);
    assert!(amount.bytes.abs_diff(sent.bytes) < sent.bytes / 20, "{amount:?} {sent:?}");
}

#[test]
fn folders_receive_from_folders() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        |name: &str| Store::open(Arc::new(Folder::new(folder.path().join(name), Arc::new(OsDisk))), None);
    let (from, to) = (open("from"), open("to"));
    let contents: Vec<Vec<u8>> = (0..40).map(|n| noise(n, 40_000 * n as usize)).collect();
    let things = fill(&from, &[(Kind::Params, noise(1, 300))], &contents);
    copy(&from, &to, &things, Trust::Own).unwrap();
    assert_eq!(entries(&open("to")), entries(&from));
    assert_eq!(damage(&open("to")), []);
    assert_eq!(std::fs::read_dir(folder.path().join("to/tmp")).unwrap().count(), 0);
}

#[test]
fn what_was_inserted_is_found_by_ids_of_contents() {
    let (_, from) = store();
    let (ids, _) = insert(&from, &[&rows(0, 10), &rows(0, 30_000)]);
    assert_eq!(from.lacking(ids).unwrap(), []);
    assert!(!from.has_content(ContentId::of(b"else")).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the stores have, and whatever of it is wanted: the target has that, once, and nothing else.
    #[test]
    fn the_target_has_what_was_wanted(
        batches in proptest::collection::vec(
            (proptest::collection::vec((0..15usize, 0..40u64, 0..900usize), 0..12),
             proptest::collection::vec(super::any_content(), 0..4)), 1..4),
        chosen in proptest::collection::vec(any::<bool>(), 64),
        had in proptest::collection::vec(0..6u8, 64),
        foreign: bool,
        shared in any::<bool>(),
    ) {
        let ((_, from), (target, to)) = (store(), store());
        let mut things = Vec::new();
        for (objects, mut contents) in batches {
            let objects: Vec<_> = objects.iter().map(|(k, seed, n)| (Kind::ALL[*k], noise(*seed, *n))).collect();
            if shared {
                contents.extend([rows(0, 30_000), rows(7, 30_000)].into_iter().take(objects.len()));
            }
            things.extend(fill(&from, &objects, &contents));
        }
        let before: Vec<Thing> =
            things.iter().zip(&had).filter(|(_, had)| **had == 0).map(|(thing, _)| *thing).collect();
        copy(&from, &to, &before, Trust::Own).unwrap();
        let wanted: Vec<Thing> =
            things.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(thing, _)| *thing).collect();
        let trust = if foreign { Trust::Foreign } else { Trust::Own };
        copy(&from, &to, &wanted, trust).unwrap();
        let expected: BTreeMap<_, _> =
            before.iter().chain(&wanted).flat_map(|thing| parts(&from, *thing)).collect();
        let to = reopened(&target);
        prop_assert_eq!(entries(&to), expected);
        prop_assert!(before.iter().chain(&wanted).all(|thing| has(&to, *thing)));
        prop_assert_eq!(damage(&to), []);
    }
}
