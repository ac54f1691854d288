//! Tests of the store as a whole.

mod cache;
mod doomed;
mod hostile;
mod shared;
mod transfer;

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use crate::id::{ContentId, Digest, Kind};
use crate::object::{ContentSink, Find, FindContent, Insert, InsertContent, ObjectError, ReadContents};
use crate::progress::Silent;
use crate::storage::{Memory, Storage};
use crate::store::layout::{EntryKind, Footer, TRAILER_LEN, Trailer};
use crate::store::{Damage, Depth, Found, Store, Written};

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn rows(first: usize, count: usize) -> Vec<u8> {
    let row = |n: usize| format!("{n},user{},{:.6},{}\n", n * 7919 % 500_000, (n as f64).sin(), n % 2);
    (first..first + count).flat_map(|n| row(n).into_bytes()).collect()
}

fn floats(count: usize) -> Vec<u8> {
    let random = noise(9, 4 * count);
    let value = |b: &[u8]| (f32::from(b[0]) - 127.0) * 1e-4 + f32::from(b[1]) * 1e-6 + f32::from(b[2]) * 1e-8;
    random.chunks_exact(4).flat_map(|b| value(b).to_le_bytes()).collect()
}

fn store() -> (Arc<Memory>, Store) {
    let storage = Arc::new(Memory::new());
    (storage.clone(), Store::open(storage, None))
}

fn insert(store: &Store, contents: &[&[u8]]) -> (Vec<ContentId>, Written) {
    let writer = store.writer(&Silent);
    let one = |bytes: &&[u8]| writer.insert_content(&mut &bytes[..], bytes.len() as u64).unwrap().0;
    let ids = contents.iter().map(one).collect();
    (ids, writer.finish().unwrap())
}

fn reopened(storage: &Arc<Memory>) -> Store {
    Store::open(storage.clone(), None)
}

fn damage(store: &Store) -> Vec<Damage> {
    let mut damage = Vec::new();
    store.verify(&|_| Depth::Everything, &Silent, &mut |one| damage.push(one)).unwrap();
    damage
}

/// Keeps contents, and which of them were verified.
#[derive(Default)]
struct Sink(Mutex<Vec<(Vec<u8>, bool)>>);

impl ContentSink for Sink {
    fn write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), ObjectError> {
        let (body, _) = &mut self.0.lock().unwrap()[index];
        let end = offset as usize + bytes.len();
        body.resize(body.len().max(end), 0);
        body[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn read_back(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), ObjectError> {
        buffer.copy_from_slice(&self.0.lock().unwrap()[index].0[offset as usize..][..buffer.len()]);
        Ok(())
    }

    fn verified(&self, index: usize) -> Result<(), ObjectError> {
        self.0.lock().unwrap()[index].1 = true;
        Ok(())
    }
}

fn read_all(store: &Store, wanted: &[(ContentId, u64)]) -> Result<Vec<Vec<u8>>, ObjectError> {
    let sink = Sink(Mutex::new(vec![Default::default(); wanted.len()]));
    store.read_contents(wanted, &sink)?;
    let contents = sink.0.into_inner().unwrap();
    assert!(contents.iter().all(|(_, verified)| *verified));
    Ok(contents.into_iter().map(|(bytes, _)| bytes).collect())
}

#[test]
fn contents_of_every_size_and_texture_come_back() {
    let (storage, store) = store();
    let sizes = [
        0,
        1,
        63,
        64,
        1000,
        65_536,
        262_143,
        262_144,
        262_145,
        300_000,
        4 << 20,
        (4 << 20) + 262_144,
        5_000_001,
    ];
    let mut contents: Vec<Vec<u8>> = sizes.iter().map(|size| noise(1, *size)).collect();
    contents.extend(sizes.iter().map(|size| rows(0, size / 20)));
    contents.extend(sizes.iter().map(|size| floats(size / 4)));
    contents.push(vec![0; 6 << 20]);
    let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let (ids, _) = insert(&store, &slices);
    for store in [store, reopened(&storage)] {
        for (id, content) in ids.iter().zip(&contents) {
            assert_eq!(*id, ContentId::of(content));
            assert_eq!(store.content_size(*id).unwrap(), Some(content.len() as u64));
            if content.len() <= 300_000 {
                assert!(store.content(*id, 300_000).unwrap() == *content);
            }
        }
        let wanted: Vec<_> = contents.iter().map(|c| (ContentId::of(c), c.len() as u64)).collect();
        assert!(read_all(&store, &wanted).unwrap() == contents);
    }
    assert_eq!(damage(&reopened(&storage)), []);
}

#[test]
fn size_hints_may_be_wrong() {
    let (_, store) = store();
    let writer = store.writer(&Silent);
    for (size, hint) in [(100, 9 << 20), (9 << 20, 0), (300_000, 262_144), (262_144, 262_145)] {
        let bytes = noise(size as u64, size);
        let inserted = writer.insert_content(&mut &bytes[..], hint).unwrap();
        assert_eq!(inserted, (ContentId::of(&bytes), size as u64));
    }
}

#[test]
fn what_is_there_is_not_written_again() {
    let (storage, store) = store();
    let (small, large) = (rows(0, 100), rows(5, 100_000));
    let (_, written) = insert(&store, &[&small, &large, &small, &large]);
    assert!(written.stored_bytes > 0 && written.stored_bytes < large.len() as u64);
    assert_eq!(insert(&store, &[&large, &small]).1, Written::default());
    assert_eq!(insert(&reopened(&storage), &[&large, &small]).1, Written::default());
    assert_eq!(storage.list("packs").unwrap().len(), 2);
}

#[test]
fn an_inserted_row_adds_little() {
    let (_, store) = store();
    let mut content = rows(0, 300_000);
    insert(&store, &[&content]);
    let middle = content.len() / 2;
    content.splice(middle..middle, *b"1,user2,3.0,1\n");
    let (ids, written) = insert(&store, &[&content]);
    assert!(written.stored_bytes < 100_000, "{}", written.stored_bytes);
    assert!(read_all(&store, &[(ids[0], content.len() as u64)]).unwrap() == [content]);
}

#[test]
fn objects_come_back_and_are_found_by_prefix() {
    let (storage, store) = store();
    let writer = store.writer(&Silent);
    let objects: Vec<(Kind, Vec<u8>)> =
        (0..3000u64).map(|n| (Kind::ALL[n as usize % 15], noise(n, n as usize % 700))).collect();
    let large = (Kind::Series, noise(1, 1 << 20));
    let objects: Vec<_> = objects.into_iter().chain([large]).collect();
    let ids: Vec<Digest> =
        objects.iter().map(|(kind, bytes)| writer.insert(*kind, bytes.clone()).unwrap()).collect();
    let distinct = objects.iter().collect::<std::collections::HashSet<_>>().len() as u64;
    assert_eq!(writer.finish().unwrap().objects, distinct);
    let store = reopened(&storage);
    for ((kind, bytes), id) in objects.iter().zip(&ids) {
        assert_eq!(store.find(*kind, *id).unwrap().as_ref(), Some(bytes));
        assert!(store.has(*kind, *id).unwrap());
    }
    assert_eq!(store.find(Kind::Tag, Digest::new([1; 32])).unwrap(), None);
    let prefix = ids[7].to_string()[..12].parse().unwrap();
    assert_eq!(store.with_prefix(&prefix).unwrap(), [Found::Object(objects[7].0, ids[7])]);
    let mut seen = std::collections::HashSet::new();
    store
        .each_object(&mut |kind, id| {
            seen.insert((kind, id));
        })
        .unwrap();
    assert_eq!(seen.len() as u64, distinct);
}

#[test]
fn threads_insert_at_once() {
    let (storage, store) = store();
    let shared = rows(0, 150_000);
    let writer = store.writer(&Silent);
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let (writer, shared) = (&writer, &shared);
            scope.spawn(move || {
                for n in 0..50 {
                    let own = noise((thread << 32) | n, 5000);
                    writer.insert_content(&mut &own[..], 5000).unwrap();
                }
                writer.insert_content(&mut &shared[..], shared.len() as u64).unwrap();
                writer.insert(Kind::Params, noise(thread, 100)).unwrap();
            });
        }
    });
    let written = writer.finish().unwrap();
    assert!(written.stored_bytes < 8 * 50 * 5000 + shared.len() as u64);
    let store = reopened(&storage);
    assert!(store.content(ContentId::of(&shared), u64::MAX).unwrap() == shared);
    let wanted: Vec<_> =
        (0..400u64).map(|n| (ContentId::of(&noise(((n / 50) << 32) | (n % 50), 5000)), 5000)).collect();
    assert!(read_all(&store, &wanted).unwrap().iter().zip(&wanted).all(|(b, w)| ContentId::of(b) == w.0));
    assert_eq!(damage(&store), []);
}

#[test]
fn a_reader_that_fails_leaves_the_writer_usable() {
    struct Failing(usize);
    impl std::io::Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = buffer.len().min(self.0);
            self.0 -= length;
            buffer[..length].fill(7);
            if length == 0 { Err(std::io::Error::other("gone")) } else { Ok(length) }
        }
    }
    let (_, store) = store();
    let writer = store.writer(&Silent);
    for size in [0, 100, 1 << 20, 9 << 20] {
        assert!(writer.insert_content(&mut Failing(size), size as u64).is_err());
    }
    let whole = vec![7; 9 << 20];
    let (id, _) = writer.insert_content(&mut &whole[..], 0).unwrap();
    writer.finish().unwrap();
    assert!(store.content(id, u64::MAX).unwrap() == whole);
}

#[test]
fn packs_have_the_bytes_of_the_format() {
    let (storage, store) = store();
    let writer = store.writer(&Silent).without_nonce();
    writer.insert(Kind::Params, b"params".to_vec()).unwrap();
    writer.insert_content(&mut &b"content"[..], 7).unwrap();
    writer.finish().unwrap();
    let mut text = String::new();
    for pack in storage.list("packs").unwrap() {
        let bytes = storage.read(&pack.key, u64::MAX).unwrap().unwrap();
        let hex =
            bytes.chunks(32).map(|line| line.iter().map(|b| format!("{b:02x}")).collect::<String>() + "\n");
        text += &format!("{}\n{}", pack.key, hex.collect::<String>());
    }
    insta::assert_snapshot!(text, @r"
    packs/data/6a544741666056951d97a30c61a2210054611d1fba3f96eab2aa7a9b64d74786
    6d646c7061636b31636f6e74656e740000000000000000000000000000000001
    000000010000000700000007000000003fba5250be9ac259c56e7250c526bc83
    bacb4be825f2799d3d59e5b4878dd74e3fba5250be9ac259c56e7250c526bc83
    bacb4be825f2799d3d59e5b4878dd74e010000000000000000070000006e0000
    00000000006a544741666056951d97a30c61a2210054611d1fba3f96eab2aa7a
    9b64d747866d646c70656e6431
    packs/meta/9462a899aa1a2128d861f885e8ceb0b14eded20fb2fb79497b26a6aa33bec4ba
    6d646c7061636b31706172616d73000000000000000000000000000000000100
    000001000000060000000600000000a15f1a1ae723480d69ab9071cb95a38b03
    943f317e93649c02509ef5f8b1b74f75d34ca5be7cacc0297a66b9d1862a55d6
    2e60d9d09ea1790ceb835091c9ecbd140000000000000000060000006e000000
    000000009462a899aa1a2128d861f885e8ceb0b14eded20fb2fb79497b26a6aa
    33bec4ba6d646c70656e6431
    ");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn any_contents_round_trip(contents in proptest::collection::vec(any_content(), 1..6)) {
        let (storage, store) = store();
        let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
        let (ids, _) = insert(&store, &slices);
        let wanted: Vec<_> = ids.iter().zip(&contents).map(|(id, c)| (*id, c.len() as u64)).collect();
        prop_assert!(read_all(&reopened(&storage), &wanted).unwrap() == contents);
    }

    #[test]
    fn no_footer_makes_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), size: u64) {
        let _ = Footer::parse(&bytes, size);
        if let Some(trailer) = bytes.first_chunk::<TRAILER_LEN>() {
            let _ = Trailer::parse(trailer, size);
        }
        prop_assert!(EntryKind::from_number(bytes.len() as u8).is_none_or(|k| k.number() == bytes.len() as u8));
    }
}

fn any_content() -> impl Strategy<Value = Vec<u8>> {
    let edge = prop_oneof![Just(0usize), Just(262_144), Just(1 << 20)];
    let size = (edge, 0..600usize).prop_map(|(edge, more)| (edge + more).saturating_sub(300));
    (size, 0..3, any::<u64>()).prop_map(|(size, texture, seed)| match texture {
        0 => noise(seed, size),
        1 => rows(seed as usize % 1000, size / 20),
        _ => floats(size / 4),
    })
}
