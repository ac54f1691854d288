//! Packs, contents and recipes by the rules of docs/format.md alone: a part of `independent.rs`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ciborium::Value;

use crate::cuts;

pub type Id = [u8; 32];

const NAMES: [&str; 15] = [
    "tree",
    "dataset",
    "profile",
    "features",
    "params",
    "code",
    "packages",
    "system",
    "accelerators",
    "environment",
    "definition",
    "series",
    "outcome",
    "commit",
    "tag",
];

/// What all packs hold, by kind and id.
pub struct Packs {
    pub entries: BTreeMap<(u8, Id), Vec<u8>>,
    pub codecs: BTreeSet<u8>,
    pub used: RefCell<BTreeSet<(u8, Id)>>,
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

pub fn id(bytes: &[u8]) -> Id {
    bytes.try_into().unwrap()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

impl Packs {
    pub fn read(repository: &Path) -> Self {
        let mut packs = Self { entries: BTreeMap::new(), codecs: BTreeSet::new(), used: Default::default() };
        for section in ["meta", "data"] {
            for (name, pack) in files_of(&repository.join("packs").join(section)) {
                packs.add(section, &name, &pack);
            }
        }
        packs
    }

    fn add(&mut self, section: &str, name: &str, pack: &[u8]) {
        let (rest, trailer) = pack.split_at(pack.len() - 48);
        let (rest, footer) = rest.split_at(rest.len() - number(&trailer[..8]) as usize);
        assert_eq!((&rest[..8], &trailer[40..]), (&b"mdlpack1"[..], &b"mdlpend1"[..]));
        assert_eq!(hex(&trailer[8..40]), name);
        assert_eq!(blake3::derive_key("mdl v1 pack", footer), trailer[8..40]);
        let (frame_count, entry_count) = (number(&footer[16..20]) as usize, number(&footer[20..24]) as usize);
        let (frames, entries) = footer[24..].split_at(41 * frame_count);
        assert_eq!(entries.len(), 45 * entry_count);
        let mut stored = &rest[8..];
        let mut raw = Vec::new();
        for frame in frames.chunks_exact(41) {
            let (bytes, after) = stored.split_at(number(&frame[..4]) as usize);
            assert_eq!(blake3::hash(bytes).as_bytes(), &frame[9..]);
            self.codecs.insert(frame[8]);
            raw.push(decoded(frame[8], bytes, number(&frame[4..8]) as usize));
            stored = after;
        }
        assert!(stored.is_empty());
        assert!(entries.chunks_exact(45).map(|entry| &entry[..33]).is_sorted_by(|a, b| a < b));
        for entry in entries.chunks_exact(45) {
            let frame = &raw[number(&entry[33..37]) as usize];
            let bytes = &frame[number(&entry[37..41]) as usize..][..number(&entry[41..45]) as usize];
            let (kind, id) = (entry[32], id(&entry[..32]));
            verify(kind, id, bytes);
            let is_data = kind == 1 || kind == 27;
            assert!(if section == "data" { is_data } else { kind != 1 });
            self.entries.insert((kind, id), bytes.to_vec());
        }
    }

    pub fn get(&self, kind: u8, id: Id) -> &[u8] {
        self.used.borrow_mut().insert((kind, id));
        self.entries.get(&(kind, id)).unwrap_or_else(|| panic!("{kind} {} is missing", hex(&id)))
    }

    pub fn object(&self, kind: u8, id: Id) -> Value {
        let bytes = self.get(kind, id);
        let value: Value = ciborium::from_reader(bytes).unwrap();
        let mut again = Vec::new();
        ciborium::into_writer(&value, &mut again).unwrap();
        assert_eq!(again, bytes, "it is not canonical");
        value
    }

    /// The bytes of a content, whose chunks end where they should.
    pub fn content(&self, content: Id) -> Vec<u8> {
        if content == *blake3::hash(b"").as_bytes() {
            return Vec::new();
        }
        if self.entries.contains_key(&(1, content)) {
            return self.get(1, content).to_vec();
        }
        let root = self.get(2, content);
        let mut chunks = Vec::new();
        self.node(id(&root[9..41]), root[0], number(&root[1..9]), true, &mut chunks);
        let bytes = chunks.concat();
        assert_eq!(blake3::hash(&bytes).as_bytes(), &content);
        assert_eq!(chunks.iter().map(Vec::len).collect::<Vec<_>>(), cuts::chunks(&bytes));
        bytes
    }

    fn node(&self, node: Id, level: u8, size: u64, is_last: bool, chunks: &mut Vec<Vec<u8>>) {
        let bytes = self.get(3, node);
        assert_eq!(bytes[0], level);
        let children = &bytes[1..];
        let count = children.len() / 40;
        for (i, child) in children.chunks_exact(40).enumerate() {
            let (child, size) = (id(&child[..32]), number(&child[32..]));
            let ends = i + 1 == 1024 || (i + 1 >= 64 && child[0] == 0);
            assert!((ends && i + 1 == count) || (!ends && (i + 1 < count || is_last)));
            if level == 0 {
                chunks.push(self.get(1, child).to_vec());
                assert_eq!(chunks.last().unwrap().len() as u64, size);
            } else {
                self.node(child, level - 1, size, is_last && i + 1 == count, chunks);
            }
        }
        assert_eq!(children.chunks_exact(40).map(|child| number(&child[32..])).sum::<u64>(), size);
    }
}

fn decoded(codec: u8, stored: &[u8], length: usize) -> Vec<u8> {
    if codec == 0 {
        assert_eq!(stored.len(), length);
        return stored.to_vec();
    }
    let bytes = zstd::bulk::decompress(stored, length).unwrap();
    assert_eq!(bytes.len(), length);
    if codec == 1 {
        return bytes;
    }
    let (stride, numbers) = (usize::from(codec), length / usize::from(codec));
    let byte = |at: usize| {
        if at < numbers * stride { bytes[at % stride * numbers + at / stride] } else { bytes[at] }
    };
    (0..length).map(byte).collect()
}

fn verify(kind: u8, id: Id, bytes: &[u8]) {
    let actual = match kind {
        1 => *blake3::hash(bytes).as_bytes(),
        2 => {
            let check = [&id[..], &bytes[..41]].concat();
            assert_eq!(blake3::derive_key("mdl v1 recipe root", &check), bytes[41..]);
            id
        }
        3 => blake3::derive_key("mdl v1 recipe node", bytes),
        kind => blake3::derive_key(&format!("mdl v1 {}", NAMES[usize::from(kind) - 16]), bytes),
    };
    assert_eq!(actual, id);
}
