//! Packs that rotted, and packs that were made to do harm.

use std::sync::Arc;

use super::{damage, floats, insert, noise, read_all, rows, store};
use crate::id::{ContentId, Digest, Kind};
use crate::object::{Find, FindContent, Insert, InsertContent};
use crate::progress::Silent;
use crate::storage::{Key, Memory, Storage};
use crate::store::layout::{Trailer, pack_name};
use crate::store::{Depth, PackName, Section, Store};

type Repository = (Arc<Memory>, Vec<(ContentId, u64)>, Vec<(Kind, Digest)>);

fn small_repository() -> Repository {
    let (storage, store) = store();
    let writer = store.writer(&Silent);
    let contents = [rows(0, 50), noise(3, 3000), floats(500), noise(4, 270_000)];
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
        broken.verify(&|_| Depth::Frames, &Silent, &mut |_| found += 1).unwrap();
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
    let content = noise(4, 5 << 20);
    let (ids, _) = insert(&store, &[&content]);
    let pack = storage.list("packs/data").unwrap().remove(0);
    let mut body = storage.read(&pack.key, u64::MAX).unwrap().unwrap();
    body[3 << 20] ^= 1;
    let broken = Store::open(with_body(&storage, &pack.key, &body), None);
    let error = read_all(&broken, &[(ids[0], content.len() as u64)]).unwrap_err();
    assert!(error.to_string().contains("its chunk"), "{error}");
}

/// A pack with these frames (codec, raw length, stored bytes) and entries, under its right name.
pub(super) fn forge(frames: &[(u8, u32, &[u8])], entries: &[[u8; 45]]) -> (PackName, Vec<u8>) {
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
