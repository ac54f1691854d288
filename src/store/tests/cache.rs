//! The merged index: what is found through it is what is found without it.

use std::path::Path;
use std::sync::Arc;

use super::{noise, rows};
use crate::disk::OsDisk;
use crate::id::{ContentId, Digest, Kind};
use crate::object::{Find, FindContent, Insert, InsertContent};
use crate::progress::Silent;
use crate::storage::{Memory, Storage};
use crate::store::{IndexCache, Store, Written};

fn commit(store: &Store, number: u64) -> (Digest, ContentId) {
    let writer = store.writer(&Silent);
    let id = writer.insert(Kind::Params, noise(number, 300)).unwrap();
    let (content, _) = writer.insert_content(&mut &rows(number as usize, 30)[..], 0).unwrap();
    assert_ne!(writer.finish().unwrap(), Written::default());
    (id, content)
}

fn open(storage: &Arc<Memory>, cache: &Path) -> Store {
    let (file, tmp_dir) = (cache.to_owned(), cache.parent().unwrap().to_owned());
    Store::open(storage.clone(), Some(IndexCache { disk: Arc::new(OsDisk), file, tmp_dir, intact: None }))
}

fn has_all(store: &Store, commits: &[(Digest, ContentId)]) {
    for (object, content) in commits {
        assert!(store.find(Kind::Params, *object).unwrap().is_some());
        assert_eq!(ContentId::of(&store.content(*content, 1 << 20).unwrap()), *content);
    }
}

fn all_objects(store: &Store) -> Vec<Digest> {
    let mut all = Vec::new();
    store.each_object(&mut |_, id| all.push(id)).unwrap();
    all.sort();
    all
}

#[test]
fn a_cache_of_any_age_finds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache/index");
    let storage = Arc::new(Memory::new());
    let commits: Vec<_> = (0..50).map(|n| commit(&open(&storage, &cache), n)).collect();
    assert!(cache.exists());
    assert_eq!(std::fs::read_dir(cache.parent().unwrap()).unwrap().count(), 1);
    has_all(&open(&storage, &cache), &commits);
    let old = std::fs::read(&cache).unwrap();
    let later: Vec<_> = (50..55).map(|n| commit(&open(&storage, &cache), n)).collect();
    std::fs::write(&cache, old).unwrap();
    let store = open(&storage, &cache);
    has_all(&store, &commits);
    has_all(&store, &later);
    let mut ids: Vec<_> = commits.iter().chain(&later).map(|(id, _)| *id).collect();
    ids.sort();
    assert_eq!(all_objects(&store), ids);
}

#[test]
fn a_damaged_cache_is_no_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("index");
    let storage = Arc::new(Memory::new());
    let commits: Vec<_> = (0..12).map(|n| commit(&open(&storage, &cache), n)).collect();
    let whole = std::fs::read(&cache).unwrap();
    for at in (0..whole.len()).step_by(37) {
        let mut broken = whole.clone();
        broken[at] ^= 0x10;
        // A new file each time: an index that is open is never changed.
        let cache = folder.path().join(at.to_string());
        std::fs::write(&cache, broken).unwrap();
        has_all(&open(&storage, &cache), &commits);
        std::fs::write(&cache, &whole[..at]).unwrap();
        has_all(&open(&storage, &cache), &commits[..1]);
    }
}

#[test]
fn packs_that_were_collected_are_not_counted_on() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("index");
    let storage = Arc::new(Memory::new());
    let (id, content) = commit(&open(&storage, &cache), 1);
    let kept = commit(&open(&storage, &cache), 2);
    let store = open(&storage, &cache);
    has_all(&store, &[(id, content), kept]);
    let doomed = storage.list("packs").unwrap();
    let copies = Arc::new(Memory::new());
    let (again, _) = commit(&Store::open(copies.clone(), None), 1);
    assert_eq!(again, id);
    for listed in copies.list("packs").unwrap() {
        storage.create(&listed.key, &copies.read(&listed.key, u64::MAX).unwrap().unwrap()).unwrap();
    }
    doomed.iter().for_each(|listed| storage.remove(&listed.key).unwrap());
    for store in [store, open(&storage, &cache)] {
        has_all(&store, &[(id, content)]);
        let writer = store.writer(&Silent);
        assert!(writer.has_content(content).unwrap());
        assert!(!writer.has_content(kept.1).unwrap());
    }
}
