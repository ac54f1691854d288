//! Tests of the store as a whole.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use crate::id::{ContentId, Digest, Kind};
use crate::object::{ContentSink, Find, FindContent, Insert, InsertContent, ObjectError, ReadContents};
use crate::progress::Silent;
use crate::storage::{Key, Memory, Storage};
use crate::store::layout::{EntryKind, Footer, TRAILER_LEN, Trailer, pack_name};
use crate::store::{Damage, Depth, Found, PackName, Section, Store, Written};

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
    store.verify(Depth::Everything, &Silent, &mut |one| damage.push(one)).unwrap();
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
        9_000_001,
    ];
    let mut contents: Vec<Vec<u8>> = sizes.iter().map(|size| noise(1, *size)).collect();
    contents.extend(sizes.iter().map(|size| rows(0, size / 20)));
    contents.extend(sizes.iter().map(|size| floats(size / 4)));
    contents.push(vec![0; 10 << 20]);
    let slices: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let (ids, _) = insert(&store, &slices);
    for store in [store, reopened(&storage)] {
        for (id, content) in ids.iter().zip(&contents) {
            assert_eq!(*id, ContentId::of(content));
            assert_eq!(store.content_size(*id).unwrap(), Some(content.len() as u64));
            assert!(store.content(*id, u64::MAX).unwrap() == *content);
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
    let mut content = rows(0, 1_500_000);
    insert(&store, &[&content]);
    let middle = content.len() / 2;
    content.splice(middle..middle, *b"1,user2,3.0,1\n");
    let (ids, written) = insert(&store, &[&content]);
    assert!(written.stored_bytes < 150_000, "{}", written.stored_bytes);
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
    let shared = rows(0, 200_000);
    let writer = store.writer(&Silent);
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let (writer, shared) = (&writer, &shared);
            scope.spawn(move || {
                for n in 0..50 {
                    let own = noise(thread << 32 | n, 5000);
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
        (0..400u64).map(|n| (ContentId::of(&noise((n / 50) << 32 | n % 50, 5000)), 5000)).collect();
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
    for size in [0, 100, 1 << 20, 20 << 20] {
        assert!(writer.insert_content(&mut Failing(size), size as u64).is_err());
    }
    let whole = vec![7; 20 << 20];
    let (id, _) = writer.insert_content(&mut &whole[..], 0).unwrap();
    writer.finish().unwrap();
    assert!(store.content(id, u64::MAX).unwrap() == whole);
}

fn small_repository() -> (Arc<Memory>, Vec<(ContentId, u64)>, Vec<(Kind, Digest)>) {
    let (storage, store) = store();
    let writer = store.writer(&Silent);
    let contents = [rows(0, 50), noise(3, 3000), floats(500), noise(4, 400_000)];
    let wanted = contents.iter().map(|bytes| writer.insert_content(&mut &bytes[..], 0).unwrap());
    let wanted = wanted.collect();
    let objects = [(Kind::Params, noise(5, 100)), (Kind::Tree, rows(0, 20))];
    let objects = objects.map(|(kind, bytes)| (kind, writer.insert(kind, bytes).unwrap()));
    writer.finish().unwrap();
    (storage, wanted, objects.to_vec())
}

/// The same keys, one of them with another body.
fn with_body(storage: &Memory, changed: &Key, body: &[u8]) -> Arc<Memory> {
    let copy = Memory::new();
    for listed in storage.list("packs").unwrap() {
        let old = storage.read(&listed.key, u64::MAX).unwrap().unwrap();
        copy.create(&listed.key, if listed.key == *changed { body } else { &old }).unwrap();
    }
    Arc::new(copy)
}

/// What can be read is right.
fn reads_nothing_wrong(store: &Store, wanted: &[(ContentId, u64)], objects: &[(Kind, Digest)]) {
    for (id, _) in wanted {
        if let Ok(bytes) = store.content(*id, 1 << 20) {
            assert_eq!(ContentId::of(&bytes), *id);
        }
    }
    for (kind, id) in objects {
        if let Ok(Some(bytes)) = store.find(*kind, *id) {
            assert_eq!(kind.digest(&bytes), *id);
        }
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let (storage, wanted, objects) = small_repository();
    let packs = storage.list("packs").unwrap();
    let mut choices = noise(77, 8 * 2000);
    for (n, choice) in choices.chunks_exact_mut(8).enumerate() {
        let choice = u64::from_le_bytes(choice.try_into().unwrap());
        let pack = &packs[n % packs.len()];
        let mut body = storage.read(&pack.key, u64::MAX).unwrap().unwrap();
        // Half of the flips near the end, where the footer is.
        let span = if n % 4 < 2 { body.len() as u64 } else { body.len().min(700) as u64 };
        let at = body.len() - 1 - (choice % span) as usize;
        body[at] ^= 1 << (choice >> 61);
        let broken = Store::open(with_body(&storage, &pack.key, &body), None);
        let mut found = 0;
        broken.verify(Depth::Frames, &Silent, &mut |_| found += 1).unwrap();
        assert!(found > 0, "byte {at} of {}", pack.key);
        if n % 10 == 0 {
            reads_nothing_wrong(&broken, &wanted, &objects);
        }
    }
}

#[test]
fn every_truncation_is_found() {
    let (storage, store) = store();
    let writer = store.writer(&Silent);
    let id = writer.insert(Kind::Params, rows(0, 20)).unwrap();
    writer.finish().unwrap();
    let pack = storage.list("packs").unwrap().remove(0);
    let body = storage.read(&pack.key, u64::MAX).unwrap().unwrap();
    for length in 0..body.len() {
        let broken = Store::open(with_body(&storage, &pack.key, &body[..length]), None);
        assert_eq!(damage(&broken).len(), 1, "{length}");
        assert!(broken.find(Kind::Params, id).is_err());
    }
}

#[test]
fn a_corrupt_chunk_is_named() {
    let (storage, store) = store();
    let content = noise(4, 9 << 20);
    let (ids, _) = insert(&store, &[&content]);
    let pack = storage.list("packs/data").unwrap().remove(0);
    let mut body = storage.read(&pack.key, u64::MAX).unwrap().unwrap();
    body[5 << 20] ^= 1;
    let broken = Store::open(with_body(&storage, &pack.key, &body), None);
    let error = read_all(&broken, &[(ids[0], content.len() as u64)]).unwrap_err();
    assert!(error.to_string().contains("its chunk"), "{error}");
}

/// A pack with these frames (codec, raw length, stored bytes) and entries, under its right name.
fn forge(frames: &[(u8, u32, &[u8])], entries: &[[u8; 45]]) -> (PackName, Vec<u8>) {
    let mut footer = vec![0; 16];
    footer.extend_from_slice(&(frames.len() as u32).to_le_bytes());
    footer.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    let mut pack = b"mdlpack1".to_vec();
    for (codec, raw, stored) in frames {
        pack.extend_from_slice(stored);
        footer.extend_from_slice(&(stored.len() as u32).to_le_bytes());
        footer.extend_from_slice(&raw.to_le_bytes());
        footer.push(*codec);
        footer.extend_from_slice(blake3::hash(stored).as_bytes());
    }
    entries.iter().for_each(|entry| footer.extend_from_slice(entry));
    finish_forgery(pack, &footer)
}

fn finish_forgery(mut pack: Vec<u8>, footer: &[u8]) -> (PackName, Vec<u8>) {
    let name = pack_name(footer);
    pack.extend_from_slice(footer);
    pack.extend_from_slice(&Trailer { footer_len: footer.len() as u64, name }.to_bytes());
    (PackName { section: Section::Data, digest: name }, pack)
}

fn entry(id: ContentId, frame: u32, offset: u32, length: u32) -> [u8; 45] {
    let mut entry = [0; 45];
    entry[..32].copy_from_slice(id.digest().as_bytes());
    entry[32] = 1;
    entry[33..37].copy_from_slice(&frame.to_le_bytes());
    entry[37..41].copy_from_slice(&offset.to_le_bytes());
    entry[41..].copy_from_slice(&length.to_le_bytes());
    entry
}

#[test]
fn hostile_packs_are_refused() {
    let (a, b) = (ContentId::of(b"abcd"), ContentId::of(b"other"));
    let (first, second) = if a < b { (a, b) } else { (b, a) };
    let bomb = zstd::bulk::compress(&vec![0; 32 << 20], 1).unwrap();
    let mut counts = vec![0; 24];
    counts[16..24].fill(0xff);
    let plain: &[(u8, u32, &[u8])] = &[(0, 4, b"abcd")];
    let forgeries = [
        ("outside of the frame", forge(plain, &[entry(a, 0, 1, 4)])),
        ("offset overflows", forge(plain, &[entry(a, 0, u32::MAX, u32::MAX)])),
        ("no such frame", forge(plain, &[entry(a, 1, 0, 4)])),
        ("unsorted", forge(plain, &[entry(second, 0, 0, 4), entry(first, 0, 0, 4)])),
        ("twice", forge(plain, &[entry(a, 0, 0, 4), entry(a, 0, 0, 4)])),
        ("overlap", forge(plain, &[entry(first, 0, 0, 3), entry(second, 0, 2, 2)])),
        ("wrong id", forge(plain, &[entry(b, 0, 0, 4)])),
        ("unknown codec", forge(&[(9, 4, b"abcd")], &[entry(a, 0, 0, 4)])),
        ("raw of another length", forge(&[(0, 5, b"abcd")], &[entry(a, 0, 0, 4)])),
        ("not zstd", forge(&[(1, 9, b"abcd")], &[entry(a, 0, 0, 4)])),
        ("claims 4 GiB", forge(&[(1, u32::MAX, &bomb)], &[entry(a, 0, 0, 4)])),
        ("is more than it claims", forge(&[(1, 16 << 20, &bomb)], &[entry(a, 0, 0, 4)])),
        ("is less than it claims", forge(&[(4, 40 << 20, &bomb)], &[entry(a, 0, 0, 4)])),
        ("huge counts", finish_forgery(b"mdlpack1".to_vec(), &counts)),
    ];
    for (what, (name, pack)) in forgeries {
        let storage = Memory::new();
        storage.create(&name.key(), &pack).unwrap();
        let store = Store::open(Arc::new(storage), None);
        assert!(!damage(&store).is_empty(), "{what}");
        assert!(store.content(a, 100).is_err() || what == "overlap", "{what}");
    }
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
    insta::assert_snapshot!(text, @"");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

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
