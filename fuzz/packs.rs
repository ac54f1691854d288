//! Packs and recipes that a stranger wrote: hashes and names are right, so that everything behind them is reached.

use std::io::Write;
use std::sync::Arc;

use mdl::id::{ContentId, Digest, Kind};
use mdl::object::{Find, FindContent};
use mdl::progress::Silent;
use mdl::storage::{Key, Memory, Storage};
use mdl::store::layout::{
    Entry, EntryKind, Footer, FooterBuilder, Frame, MAGIC, Place, TRAILER_LEN, Trailer, pack_name,
};
use mdl::store::recipe::{Child, Root, node_id, parse_node};
use mdl::store::{Codec, Depth, Found, Store};

use super::cut::Cut;

/// Contents of more bytes than this are not gathered.
const MOST: u64 = 1 << 20;

/// A pack. The first byte says what the rest is: a pack as it is, a footer, or frames and entries.
pub fn pack(data: &[u8]) {
    let mut input = Cut(data);
    match input.u8() % 3 {
        0 => plain(input.0),
        1 => footer(input.0),
        _ => framed(input),
    }
}

fn plain(bytes: &[u8]) {
    let Some((_, trailer)) = bytes.split_last_chunk::<TRAILER_LEN>() else { return };
    let Ok(parsed) = Trailer::parse(trailer, bytes.len() as u64) else { return };
    assert_eq!(parsed.to_bytes(), *trailer);
    examine(&Memory::new(), parsed.name, bytes);
}

fn footer(bytes: &[u8]) {
    let count = bytes.get(16..20).map_or(0, |count| u32::from_le_bytes(count.try_into().unwrap()));
    let records = bytes.get(24..).unwrap_or_default().chunks_exact(41).take(count as usize);
    let stored: u64 =
        records.map(|record| u64::from(u32::from_le_bytes(record[..4].try_into().unwrap()))).sum();
    let size = (MAGIC.len() + bytes.len() + TRAILER_LEN) as u64 + stored;
    let Ok(footer) = Footer::parse(bytes, size) else { return };
    let mut again = FooterBuilder::default();
    for frame in &footer.frames {
        again.frame(frame);
    }
    for number in 0..footer.entries.len() {
        let entry = footer.entries.get(number);
        assert_eq!(footer.entries.find(entry.kind, &entry.id), Some(entry.place));
        assert!(footer.entries.from(&entry.id).next().is_some_and(|first| first.id == entry.id));
        again.entry(&entry);
    }
    assert_eq!(again.finish(bytes[..16].try_into().unwrap()), bytes, "a footer has two encodings");
}

/// Frames (codec, raw length, stored length, stored bytes) after their count, then entries (kind, frame, offset,
/// length, id) to the end. An id of 0 stands for the right one, where the frame is not encoded.
fn framed(mut input: Cut<'_>) {
    let (mut pack, mut builder, mut frames) = (MAGIC.to_vec(), FooterBuilder::default(), Vec::new());
    for _ in 0..input.u8() % 8 {
        let codec = [0, 1, 2, 4, 8][usize::from(input.u8()) % 5];
        let codec = Codec::from_number(codec).expect("a codec");
        let (raw, stored) = (input.u16().into(), input.u16());
        let stored = input.bytes(stored.into());
        let hash = Digest::new(*blake3::hash(stored).as_bytes());
        builder.frame(&Frame { offset: 0, stored: stored.len() as u32, raw, codec, hash });
        pack.extend_from_slice(stored);
        frames.push((codec, stored));
    }
    while !input.is_empty() {
        let number = input.u8();
        let Some(kind) = EntryKind::from_number(number) else { return };
        let (frame, offset, length, id) = (input.u8(), input.u16(), input.u16(), input.u8());
        let place = Place { frame: frame.into(), offset: offset.into(), length: length.into() };
        let raw = frames.get(usize::from(frame)).filter(|(codec, _)| id == 0 && *codec == Codec::Raw);
        let bytes =
            raw.and_then(|(_, raw)| raw.get(offset.into()..usize::from(offset) + usize::from(length)));
        let id = bytes.map_or(Digest::new([id; 32]), |bytes| right_id(kind, bytes));
        builder.entry(&Entry { id, kind, place });
    }
    let footer = builder.finish([0; 16]);
    let name = pack_name(&footer);
    pack.extend_from_slice(&footer);
    pack.extend_from_slice(&Trailer { footer_len: footer.len() as u64, name }.to_bytes());
    examine(&Memory::new(), name, &pack);
}

fn right_id(kind: EntryKind, bytes: &[u8]) -> Digest {
    match kind {
        EntryKind::Node => node_id(bytes),
        EntryKind::Object(kind) => kind.digest(bytes),
        EntryKind::Chunk | EntryKind::Recipe => ContentId::of(bytes).digest(),
    }
}

fn put(storage: &Memory, name: Digest, pack: &[u8]) {
    for section in ["meta", "data"] {
        let key = Key::new(&format!("packs/{section}/{name}")).expect("a key");
        storage.create(&key, pack).expect("memory");
    }
}

/// Does everything with the packs of a storage that can be done. What comes back has its id.
fn examine(storage: &Memory, name: Digest, pack: &[u8]) {
    put(storage, name, pack);
    let store = Store::open(Arc::new(storage.clone()), None);
    let mut damaged = false;
    let _ = store.verify(&|_| Depth::Everything, &Silent, &mut |_| damaged = true);
    let mut objects: Vec<(Kind, Digest)> = Vec::new();
    let _ = store.each_object(&mut |kind, id| objects.push((kind, id)));
    for (kind, id) in objects {
        let found = store.find(kind, id);
        assert!(damaged || found.is_ok_and(|bytes| bytes.is_some_and(|bytes| kind.digest(&bytes) == id)));
    }
    let everything = "0000".parse().into_iter().chain("ffff".parse()).chain("0101".parse());
    for found in everything.flat_map(|prefix| store.with_prefix(&prefix).unwrap_or_default()) {
        if let Found::Content(id) = found {
            check_content(&store, id);
        }
    }
}

fn check_content(store: &Store, id: ContentId) {
    if let Ok(bytes) = store.content(id, MOST) {
        assert_eq!(ContentId::of(&bytes), id);
    }
    if store.content_size(id).is_ok_and(|size| size.is_some_and(|size| size <= MOST)) {
        let mut written = Vec::new();
        if store.write_content(id, &mut written as &mut dyn Write).is_ok() {
            assert_eq!(ContentId::of(&written), id);
        }
    }
}

/// A recipe: the first byte says whether the rest is a root or node as it is, or what a whole recipe is made of.
pub fn recipe(data: &[u8]) {
    let mut input = Cut(data);
    let (mode, level) = (input.u8() % 3, input.u8());
    match mode {
        0 => root(input.0),
        1 => {
            let sizes = input.0.get(1..).unwrap_or_default().chunks_exact(40);
            let size = sizes.fold(0u64, |sum, child| {
                sum.wrapping_add(u64::from_le_bytes(child[32..].try_into().unwrap()))
            });
            let Some(children) = parse_node(input.0, level, size) else { return };
            assert_eq!(children.iter().map(|child| child.size).sum::<u64>(), size);
        }
        _ => assembled(input),
    }
}

fn root(bytes: &[u8]) {
    let content = ContentId::of(b"content");
    if let Some(root) = Root::parse(bytes, content) {
        assert_eq!(root.to_bytes(content)[..], *bytes);
    }
    let Some(claimed) = bytes.first_chunk::<41>() else { return };
    let top = Child {
        id: Digest::from_slice(&claimed[9..]).expect("32 bytes"),
        size: u64::from_le_bytes(claimed[1..9].try_into().unwrap()),
    };
    let root = Root { level: claimed[0], top };
    assert_eq!(Root::parse(&root.to_bytes(content), content).is_some(), root.level <= 8);
}

/// Chunks, then nodes of any of what came before, then the root of whatever content that would be.
fn assembled(mut input: Cut<'_>) {
    let (mut pack, mut builder) = (MAGIC.to_vec(), FooterBuilder::default());
    let mut parts: Vec<Child> = Vec::new();
    let mut raw = Vec::new();
    let mut keep = |kind, id, bytes: &[u8]| {
        let place = Place { frame: 0, offset: raw.len() as u32, length: bytes.len() as u32 };
        builder.entry(&Entry { id, kind, place });
        raw.extend_from_slice(bytes);
    };
    for number in 0..input.u8() % 8 {
        let bytes = [&[number], input.text().as_bytes()].concat();
        let id = ContentId::of(&bytes).digest();
        keep(EntryKind::Chunk, id, &bytes);
        parts.push(Child { id, size: bytes.len() as u64 });
    }
    for number in 0..input.u8() % 8 {
        let (level, count) = (input.u8(), input.u8());
        // Another number of repetitions makes another node.
        let mut node = vec![level];
        let mut size = 0u64;
        for _ in 0..usize::from(count) + usize::from(number) {
            let Some(part) = parts.get(usize::from(input.u8())) else { continue };
            // Now and then a child says that it has another size than it has.
            let claimed = part.size.wrapping_add(u64::from(input.u8() / 250));
            node.extend_from_slice(part.id.as_bytes());
            node.extend_from_slice(&claimed.to_le_bytes());
            size = size.wrapping_add(claimed);
        }
        keep(EntryKind::Node, node_id(&node), &node);
        parts.push(Child { id: node_id(&node), size });
    }
    let Some(top) = parts.last().copied() else { return };
    let content = ContentId::from(Digest::new([1; 32]));
    let root = Root { level: input.u8() % 9, top }.to_bytes(content);
    keep(EntryKind::Recipe, content.digest(), &root);
    let hash = Digest::new(*blake3::hash(&raw).as_bytes());
    let length = raw.len() as u32;
    builder.frame(&Frame { offset: 0, stored: length, raw: length, codec: Codec::Raw, hash });
    let footer = builder.finish([0; 16]);
    let name = pack_name(&footer);
    pack.extend_from_slice(&raw);
    pack.extend_from_slice(&footer);
    pack.extend_from_slice(&Trailer { footer_len: footer.len() as u64, name }.to_bytes());
    examine(&Memory::new(), name, &pack);
}
