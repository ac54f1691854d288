//! Writers that are blind to packs that are about to be removed, and contents of which not all is here.

use std::collections::HashSet;
use std::sync::Arc;

use super::{insert, noise, reopened, store};
use crate::disk::OsDisk;
use crate::id::{ContentId, Kind};
use crate::object::{Find, FindContent, Insert, InsertContent};
use crate::progress::Silent;
use crate::storage::{Memory, Storage};
use crate::store::packs::{PackName, Section};
use crate::store::{IndexCache, Store, Written};

fn packs(storage: &Memory, section: Section) -> HashSet<PackName> {
    let listed = storage.list(section.prefix()).unwrap();
    listed.iter().map(|listed| PackName::parse(listed.key.as_str()).unwrap()).collect()
}

fn all_packs(storage: &Memory) -> HashSet<PackName> {
    Section::ALL.into_iter().flat_map(|section| packs(storage, section)).collect()
}

fn remove(storage: &Memory, doomed: &HashSet<PackName>) {
    doomed.iter().for_each(|name| storage.remove(&name.key()).unwrap());
}

/// Inserts an object, a small content and a large one.
fn write(store: &Store, doomed: HashSet<PackName>) -> Written {
    let writer = store.writer_without(doomed, &Silent);
    writer.insert(Kind::Params, b"an object".to_vec()).unwrap();
    for bytes in [b"small".to_vec(), noise(1, 900_000)] {
        let (id, _) = writer.insert_content(&mut &bytes[..], bytes.len() as u64).unwrap();
        assert!(writer.has_content(id).unwrap());
    }
    writer.finish().unwrap()
}

#[test]
fn what_only_doomed_packs_have_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = || {
        let (file, tmp_dir) = (folder.path().join("index"), folder.path().to_owned());
        Some(IndexCache { disk: Arc::new(OsDisk), file, tmp_dir, intact: None })
    };
    let storage = Arc::new(Memory::new());
    // Whether the doomed packs are in the merged index or younger.
    for store in [Store::open(storage.clone(), cache()), Store::open(storage.clone(), None)] {
        write(&store, HashSet::new());
        let doomed = all_packs(&storage);
        assert!(write(&store, doomed.clone()).stored_bytes > 900_000);
        assert_eq!(write(&store, doomed.clone()), Written::default(), "the new packs have it all");
        remove(&storage, &doomed);
        let reopened = reopened(&storage);
        let object = Kind::Params.digest(b"an object");
        assert!(reopened.find(Kind::Params, object).unwrap().is_some());
        for bytes in [b"small".to_vec(), noise(1, 900_000)] {
            assert_eq!(reopened.content(ContentId::of(&bytes), 1 << 20).unwrap(), bytes);
        }
    }
}

#[test]
fn an_entry_in_a_doomed_pack_and_in_another_is_found_in_the_other() {
    let (storage, store) = store();
    write(&store, HashSet::new());
    let first = all_packs(&storage);
    write(&store, first.clone());
    let second: HashSet<_> = all_packs(&storage).difference(&first).copied().collect();
    for doomed in [first, second] {
        assert_eq!(write(&reopened(&storage), doomed), Written::default());
    }
}

#[test]
fn a_large_content_is_here_only_with_all_of_its_chunks() {
    let (storage, store) = store();
    let large = noise(7, 2_000_000);
    let (ids, _) = insert(&store, &[&large]);
    assert!(store.has_content(ids[0]).unwrap());
    // As in a clone of the metadata alone.
    let data = packs(&storage, Section::Data);
    let blind = store.writer_without(data.clone(), &Silent);
    assert!(!blind.has_content(ids[0]).unwrap());
    remove(&storage, &data);
    let store = reopened(&storage);
    assert!(!store.has_content(ids[0]).unwrap());
    assert!(!store.writer(&Silent).has_content(ids[0]).unwrap());
    let (again, written) = insert(&store, &[&large]);
    assert!(again == ids && written.stored_bytes > 1_900_000, "{written:?}");
    assert!(store.has_content(ids[0]).unwrap());
    assert_eq!(reopened(&storage).content(ids[0], 1 << 22).unwrap(), large);
}

#[test]
fn one_chunk_that_is_missing_is_noticed() {
    let (storage, store) = store();
    let large = noise(7, 2_000_000);
    // The front is in a pack of its own.
    insert(&store, &[&large[..1_000_000]]);
    let front = packs(&storage, Section::Data);
    let (ids, _) = insert(&store, &[&large]);
    assert!(store.has_content(ids[0]).unwrap());
    remove(&storage, &front);
    assert!(!reopened(&storage).has_content(ids[0]).unwrap());
}
