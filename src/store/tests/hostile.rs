//! Packs that rotted, and packs that were made to do harm.

use std::sync::Arc;

use super::{damage, floats, insert, noise, read_all, reopened, rows, store};
use crate::id::{ContentId, Digest, Kind};
use crate::object::{Find, FindContent, Insert, InsertContent};
use crate::progress::Silent;
use crate::storage::{Key, Memory, Storage};
use crate::store::layout::{Footer, MAX_RAW, PackProblem, TRAILER_LEN, Trailer, pack_name};
use crate::store::recipe::{Child, Root, node_id};
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
        assert!(broken.find(Kind::Params, id).unwrap().is_none());
        assert_eq!(broken.damaged_packs().found().len(), 1, "{length}");
    }
}

#[test]
fn a_damaged_pack_counts_as_absent() {
    let (storage, store) = store();
    let (first, second) = (rows(0, 20), rows(50, 20));
    let insert = |bytes: &Vec<u8>| {
        let writer = store.writer(&Silent);
        let id = writer.insert(Kind::Params, bytes.clone()).unwrap();
        writer.finish().unwrap();
        id
    };
    let lost = insert(&first);
    let pack = storage.list("packs").unwrap().remove(0);
    let kept = insert(&second);
    let body = storage.read(&pack.key, u64::MAX).unwrap().unwrap();
    let broken = Store::open(with_body(&storage, &pack.key, &body[..body.len() / 2]), None);
    assert_eq!(broken.find(Kind::Params, kept).unwrap().unwrap(), second);
    assert_eq!(broken.find(Kind::Params, lost).unwrap(), None);
    let mut seen = Vec::new();
    broken.each_object(&mut |_, id| seen.push(id)).unwrap();
    assert_eq!(seen, [kept]);
    let found = broken.damaged_packs().found();
    assert!(found.len() == 1 && found[0].0.key() == pack.key, "{found:?}");
    // Whoever writes it again does not rely on the damaged one.
    let writer = broken.writer(&Silent);
    writer.insert(Kind::Params, first.clone()).unwrap();
    assert_eq!(writer.finish().unwrap().objects, 1);
    assert_eq!(broken.find(Kind::Params, lost).unwrap().unwrap(), first);
}

#[test]
fn what_another_pack_has_too_is_read_from_there() {
    let (storage, store) = store();
    let writer = store.writer(&Silent);
    let id = writer.insert(Kind::Params, rows(0, 20)).unwrap();
    writer.finish().unwrap();
    // A second pack with the same, of somebody who did not know of the first.
    let other = Store::open(Arc::new(Memory::new()), None);
    let writer = other.writer(&Silent);
    writer.insert(Kind::Params, rows(0, 20)).unwrap();
    writer.finish().unwrap();
    let second = other.packs().unwrap()[0].name.key();
    storage.create(&second, &other.storage.read(&second, u64::MAX).unwrap().unwrap()).unwrap();
    let packs = storage.list("packs").unwrap();
    assert_eq!(packs.len(), 2);
    let mut broken = storage.clone();
    for pack in &packs {
        let mut body = storage.read(&pack.key, u64::MAX).unwrap().unwrap();
        body[10] ^= 1;
        let one = Store::open(with_body(&storage, &pack.key, &body), None);
        assert_eq!(one.find(Kind::Params, id).unwrap().unwrap(), rows(0, 20));
        broken = with_body(&broken, &pack.key, &body);
    }
    let error = Store::open(broken, None).find(Kind::Params, id).unwrap_err().to_string();
    assert!(error.contains(&id.to_string()) && error.contains("packs/meta/"), "{error}");
}

#[test]
fn a_frame_that_claims_too_much_is_refused_before_it_is_made_room_for() {
    for raw in [MAX_RAW + 1, u32::MAX] {
        let (_, pack) = forge(&[(1, raw, b"abcd")], &[]);
        let trailer = pack.last_chunk::<TRAILER_LEN>().unwrap();
        let end = pack.len() - TRAILER_LEN;
        let start = end - Trailer::parse(trailer, pack.len() as u64).unwrap().footer_len as usize;
        let parsed = Footer::parse(&pack[start..end], pack.len() as u64);
        assert_eq!(parsed.unwrap_err(), PackProblem::Footer("a frame has impossible lengths"), "{raw}");
    }
}

/// A store with a recipe of this content that leads to chunks of another.
fn with_forged_recipe(claimed: ContentId, chunks: &[&[u8]]) -> Store {
    let (storage, _) = store();
    let mut node = vec![0];
    let (mut data, mut raw) = (Vec::new(), Vec::new());
    for chunk in chunks {
        node.extend_from_slice(ContentId::of(chunk).digest().as_bytes());
        node.extend_from_slice(&(chunk.len() as u64).to_le_bytes());
        data.push(entry(ContentId::of(chunk), 0, raw.len() as u32, chunk.len() as u32));
        raw.extend_from_slice(chunk);
    }
    data.sort_unstable();
    let (name, pack) = forge(&[(0, raw.len() as u32, &raw)], &data);
    storage.create(&name.key(), &pack).unwrap();
    let top = Child { id: node_id(&node), size: raw.len() as u64 };
    let root = Root { level: 0, top }.to_bytes(claimed);
    let of = |id: Digest, kind: u8, frame: u32, bytes: &[u8]| {
        let mut record = entry(id.into(), frame, 0, bytes.len() as u32);
        record[32] = kind;
        record
    };
    let mut entries = vec![of(claimed.digest(), 2, 0, &root), of(node_id(&node), 3, 1, &node)];
    entries.sort_unstable();
    let (name, pack) = forge(&[(0, root.len() as u32, &root), (0, node.len() as u32, &node)], &entries);
    storage.create(&PackName { section: Section::Meta, ..name }.key(), &pack).unwrap();
    reopened(&storage)
}

#[test]
fn a_recipe_that_makes_something_else_is_found_out() {
    let chunks: [&[u8]; 2] = [b"one chunk, ", b"and another"];
    let honest = ContentId::of(b"one chunk, and another");
    let mut out = Vec::new();
    with_forged_recipe(honest, &chunks).write_content(honest, &mut out).unwrap();
    assert_eq!(out, b"one chunk, and another");
    let lie = ContentId::of(b"something else, as long");
    let store = with_forged_recipe(lie, &chunks);
    let corrupt =
        |error: &str| assert!(error.contains("is corrupt") && error.contains(&lie.to_string()), "{error}");
    corrupt(&store.write_content(lie, &mut Vec::new()).unwrap_err().to_string());
    corrupt(&store.content(lie, 1 << 20).unwrap_err().to_string());
    corrupt(&read_all(&store, &[(lie, 22)]).unwrap_err().to_string());
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
