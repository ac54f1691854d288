//! Runs every seed of every fuzz target, without a fuzzer.
//!
//! `cargo test --test corpora -- --ignored` writes the seeds that are made and not found.

#[path = "../fuzz/bodies.rs"]
#[allow(dead_code)]
mod bodies;
#[allow(dead_code)]
mod generate;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mdl::encoding::to_bytes;
use mdl::id::{ContentId, Digest};
use mdl::object;
use mdl::refs;
use mdl::storage::Storage;
use mdl::store::recipe::{Child, Root};

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn every_seed_keeps_the_promises() {
    let targets: Vec<PathBuf> = entries(&seeds());
    assert!(targets.len() >= 5);
    for folder in targets {
        let target = bodies::target(name(&folder)).expect("seeds of an unknown target");
        let files = entries(&folder);
        assert!(!files.is_empty());
        for file in files {
            println!("{}", file.display());
            target(&std::fs::read(file).unwrap());
        }
    }
}

/// What a fuzzer would try first: each seed with a few bytes changed, taken out, doubled or cut off.
#[test]
fn mutated_seeds_keep_the_promises() {
    for folder in entries(&seeds()) {
        let target = bodies::target(name(&folder)).unwrap();
        for file in entries(&folder) {
            let seed = std::fs::read(file).unwrap();
            (0..MUTATIONS).for_each(|i| target(&mutated(&seed, i)));
        }
    }
}

/// More would find more; this many take a second or two.
const MUTATIONS: u64 = 40;

fn mutated(seed: &[u8], number: u64) -> Vec<u8> {
    let (mut bytes, choices) = (seed.to_vec(), noise(number ^ (seed.len() as u64) << 32));
    for choice in choices.chunks_exact(4).take(1 + number as usize % 4) {
        let at = usize::from(u16::from_le_bytes([choice[0], choice[1]])) % bytes.len().max(1);
        match choice[2] % 5 {
            _ if bytes.is_empty() => {}
            0 => bytes[at] ^= 1 << (choice[3] % 8),
            1 => bytes[at] = choice[3],
            2 => _ = bytes.remove(at),
            3 => bytes.truncate(at + 1),
            _ => {
                let tail = bytes[at..].to_vec();
                bytes.extend(tail);
            }
        }
    }
    bytes
}

#[test]
fn every_target_has_seeds_and_is_built() {
    let fuzz = seeds().parent().unwrap().to_owned();
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for target in entries(&fuzz.join("fuzz_targets")) {
        let name = name(&target).strip_suffix(".rs").unwrap();
        assert!(bodies::target(name).is_some(), "{name} has no body");
        assert!(seeds().join(name).is_dir(), "{name} has no seeds");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not built");
    }
}

/// Bytes without a pattern, the same every time (splitmix64).
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb)
    };
    (0..40).flat_map(|_| next().to_le_bytes()).collect()
}

#[test]
#[ignore = "writes into fuzz/seeds"]
fn write_the_seeds_of_objects() {
    for (number, kind) in mdl::id::Kind::ALL.into_iter().enumerate() {
        for i in 0..3 {
            let (bytes, _) = generate::object(kind, &noise(i + 1));
            let with_kind: Vec<u8> = std::iter::once(number as u8).chain(bytes.iter().copied()).collect();
            std::fs::write(seeds().join("objects").join(format!("{kind}-{i}")), with_kind).unwrap();
            if kind == mdl::id::Kind::Tree {
                std::fs::write(seeds().join("tree").join(format!("tree-{i}")), bytes).unwrap();
            }
        }
    }
}

#[test]
#[ignore = "writes into fuzz/seeds"]
fn write_the_seeds_of_packs() {
    let storage = mdl::storage::Memory::new();
    let store = mdl::store::Store::open(Arc::new(storage.clone()), None);
    let writer = store.writer(&mdl::progress::Silent);
    object::put(&writer, &object::Params { values: Default::default() }).unwrap();
    writer.finish().unwrap();
    let listed = storage.list("packs/meta").unwrap();
    let pack = storage.read(&listed[0].key, 1 << 20).unwrap().unwrap();
    write("pack", "plain", &[&[0], &pack[..]].concat());
    let footer_len = u64::from_le_bytes(pack[pack.len() - 48..][..8].try_into().unwrap()) as usize;
    write("pack", "footer", &[&[1], &pack[pack.len() - 48 - footer_len..pack.len() - 48]].concat());
    let floats: Vec<u8> = (0..64u32).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let planes: Vec<u8> = (0..4).flat_map(|plane| floats.iter().skip(plane).step_by(4).copied()).collect();
    let params = [&[0xa1, 0x66][..], b"values", &[0xa0]].concat();
    let frame = |codec: u8, raw: &[u8], stored: &[u8]| {
        let lengths = [raw.len() as u16, stored.len() as u16].map(u16::to_le_bytes).concat();
        [&[codec], &lengths[..], stored].concat()
    };
    let frames = [
        frame(0, &params, &params),
        frame(1, &floats, &zstd::bulk::compress(&floats, 1).unwrap()),
        frame(3, &floats, &zstd::bulk::compress(&planes, 1).unwrap()),
    ]
    .concat();
    let entries = [
        [20, 0, 0, 0, params.len() as u8, 0, 0],
        [1, 0, 0, 0, 4, 0, 0],
        [1, 1, 0, 0, 64, 0, 255],
        [1, 2, 8, 0, 16, 0, 1],
    ];
    write("pack", "frames", &[&[2, 3], &frames[..], &entries.concat()].concat());
}

#[test]
#[ignore = "writes into fuzz/seeds"]
fn write_the_seeds_of_recipes() {
    let child = |byte: u8, size: u64| Child { id: Digest::new([byte; 32]), size };
    let root = Root { level: 1, top: child(3, 9) }.to_bytes(ContentId::of(b"content"));
    write("recipe", "root", &[&[0, 0], &root[..]].concat());
    let children = [child(1, 4), child(2, 5)];
    let children = children.map(|child| [&child.id.as_bytes()[..], &child.size.to_le_bytes()].concat());
    write("recipe", "node", &[&[1, 0, 0], &children.concat()[..]].concat());
    // Three chunks; a node of level 0 with the first and last, one with the second; one of level 1 with both.
    let chunks = [&[3, 2][..], b"ab", &[1], b"c", &[2], b"de"].concat();
    let nodes = [&[3][..], &[0, 2, 0, 0, 2, 0], &[0, 0, 1, 0], &[1, 0, 3, 0, 4, 0]].concat();
    write("recipe", "whole", &[&[2, 0], &chunks[..], &nodes, &[1]].concat());
}

#[test]
#[ignore = "writes into fuzz/seeds"]
fn write_the_seeds_of_refs_and_caches() {
    let time = object::Time { millis: 1_767_268_800_000, zone: 60 };
    let birth = refs::Entry {
        target: refs::Target::Birth,
        previous: None,
        nonce: [1; 16],
        recent: Vec::new(),
        stepped_back: None,
        epoch: 0,
        who: "A <a@b>".to_owned(),
        when: time.clone(),
        why: "birth".to_owned(),
    };
    let commit = refs::Target::Commit(Digest::new([5; 32]).into());
    let moved = refs::Entry {
        target: commit,
        previous: Some(refs::Target::Birth),
        nonce: [2; 16],
        recent: vec![[1; 16]],
        stepped_back: Some(1),
        ..birth.clone()
    };
    let mark = refs::Mark {
        doomed: vec![format!("packs/data/{}", "0".repeat(64))],
        nonce: [3; 16],
        who: birth.who.clone(),
        when: time.clone(),
    };
    let (birth, moved, mark) = (to_bytes(&birth), to_bytes(&moved), to_bytes(&mark));
    write("refs", "entry", &[&[0], &moved[..]].concat());
    write("refs", "mark", &[&[1], &mark[..]].concat());
    let keys = [("refs/heads/main/0", &birth), ("refs/heads/main/1", &moved), ("gc/0", &mark)];
    let keys = keys.map(|(key, body)| {
        [&[key.len() as u8], key.as_bytes(), &(body.len() as u16).to_le_bytes(), body].concat()
    });
    write("refs", "logs", &[&[2], &keys.concat()[..]].concat());

    let record = |name: &str| [&[name.len() as u8, 0x80], name.as_bytes(), &[9; 64]].concat();
    let records = [record("a"), record("b")].concat();
    let chunk = [&[1, b'a'], &(records.len() as u16).to_le_bytes()[..], &records].concat();
    write("caches", "stat", &[&[0, 2, 1], &chunk[..]].concat());
    let entry = |id: u8, kind: u8| [&[id; 32][..], &[kind, 0, 0, 0], &[0; 12]].concat();
    write("caches", "index", &[&[1, 2, 1], &entry(1, 16)[..], &entry(2, 1), &[1, 7]].concat());
}

#[test]
#[ignore = "writes into fuzz/seeds"]
fn write_the_seeds_of_streams() {
    use mdl::storage::stream::message::{self, Reply, Request};
    use mdl::storage::stream::{Access, frame};
    use mdl::storage::{Key, Listed};
    let key = |text: &str| Key::new(text).unwrap();
    let requests = [
        Request::Create { key: key("a/1"), bytes: b"one" },
        Request::Draft(7),
        Request::Write { draft: 7, bytes: b"two" },
        Request::Publish { draft: 7, key: key("a/2") },
        Request::Fetch { key: key("a/0"), limit: 100 },
        Request::Read { key: key("a/0"), offset: 1, length: 2 },
        Request::List("a"),
        Request::Settle(""),
        Request::Remove(key("a/0")),
    ];
    let keys = vec![Listed { key: key("packs/a"), size: 1 }, Listed { key: key("packs/b"), size: 1 << 40 }];
    let replies = [Reply::Keys { more: false, keys }, Reply::Bytes(b"body"), Reply::Alive];
    let framed = |frames: Vec<Vec<u8>>| {
        let mut bytes = Vec::new();
        frames.iter().for_each(|of| frame::write(&mut bytes, of).unwrap());
        bytes
    };
    let requests = requests.iter().zip(1..).map(|(request, id)| request.to_frame(id)).collect::<Vec<_>>();
    let replies = replies.iter().zip(1..).map(|(reply, id)| reply.to_frame(id)).collect::<Vec<_>>();
    let failure = mdl::storage::StorageError {
        action: "read",
        place: "a".to_owned(),
        source: std::io::ErrorKind::NotFound.into(),
    };
    let failed = message::welcome(&Err(message::Failure::of(&failure)));
    let access = message::welcome(&Ok(Access::AppendOnly));
    for (name, first, bytes) in [
        ("request", 0, &requests[0]),
        ("reply", 1, &replies[0]),
        ("hello", 2, &message::hello("srv/team.mdl")),
        ("refused", 2, &failed),
        ("welcome", 2, &access),
        ("frames", 3, &framed(requests.clone())),
        ("client", 4, &framed(requests.clone())),
        ("server", 5, &framed(replies.clone())),
    ] {
        write("streams", name, &[&[first], &bytes[..]].concat());
    }
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    std::fs::create_dir_all(seeds().join(target)).unwrap();
    std::fs::write(seeds().join(target).join(name), bytes).unwrap();
}
