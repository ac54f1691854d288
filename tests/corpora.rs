//! Runs every seed of every fuzz target, without a fuzzer.
//!
//! `cargo test --test corpora -- --ignored` writes the seeds that are made and not found.

#[path = "../fuzz/bodies.rs"]
#[allow(dead_code)]
mod bodies;
#[allow(dead_code)]
mod generate;

use std::path::{Path, PathBuf};

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
