//! Reads the examples of `docs/format.md` and checks each against the library, byte by byte.
//!
//! A block fenced as `hex NAME` holds canonical bytes, with comments after `#`; one fenced as `id NAME`, the id of
//! the object of that name. Every block has a builder here, every builder a block, and what is printed decodes.

use std::collections::{BTreeMap, BTreeSet};

use mdl::encoding::{Decode, Encode, from_bytes, to_bytes};
use mdl::id::{CommitId, ContentId, DefinitionId, Digest, EnvironmentId, Kind, ParamsId, TreeId};
use mdl::name::{EntryName, PartName, RunId, TreePath};
use mdl::object::{
    Commit, Definition, Entry, Feature, Features, FindContent, Node, Object, Page, Params, Phase, Placed,
    PlacedParams, Run, Runs, Series, Tag, Time, Tree,
};
use mdl::refs;
use mdl::storage::{Key, Memory, Storage};
use mdl::store::layout::{self, Entry as PackEntry, EntryKind, FooterBuilder, Frame, Place, Trailer};
use mdl::store::recipe::{Child, Root, parse_node};
use mdl::store::{Codec, Depth, Store};
use mdl::value::{Int, Value};

/// An example: its bytes, its id if it has one, and what its type makes of any bytes, written again.
struct Example {
    bytes: Vec<u8>,
    id: Option<Digest>,
    again: fn(&[u8]) -> Option<Vec<u8>>,
    is_cbor: bool,
}

fn plain<T: Encode + Decode>(value: T) -> Example {
    let again = |bytes: &[u8]| from_bytes::<T>(bytes).ok().map(|decoded| to_bytes(&decoded));
    Example { bytes: to_bytes(&value), id: None, again, is_cbor: true }
}

/// A record with a check, which is no part of its type.
fn checked(bytes: Vec<u8>, again: fn(&[u8]) -> Option<Vec<u8>>) -> Example {
    Example { bytes, id: None, again, is_cbor: true }
}

fn object<T: Object>(object: T) -> Example {
    let id = object.id().into();
    Example { id: Some(id), ..plain(object) }
}

/// An id that is easy to recognise in a hex dump.
fn id<I: From<Digest>>(byte: u8) -> I {
    Digest::new([byte; 32]).into()
}

fn file(content: &[u8], executable: bool) -> Node {
    Node::File { content: ContentId::of(content), size: content.len() as u64, executable }
}

fn entry(name: &str, node: Node) -> Entry {
    Entry { name: EntryName::new(name).expect("a name"), node }
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).expect("a path")
}

fn values<const N: usize>(entries: [(&str, Value); N]) -> BTreeMap<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn noon() -> Time {
    Time { millis: 1_767_268_800_000, zone: 60 }
}

/// Two chunks: three letters as they are, and 32 times the number 1 in byte planes.
fn pack() -> Example {
    let stored: [&[u8]; 2] = [b"mdl", &hex_bytes("28b52ffd2080 02020000 02010080 0301003f")];
    let ones = 1f32.to_le_bytes().repeat(32);
    let mut builder = FooterBuilder::default();
    for ((stored, raw), codec) in stored.iter().zip([&b"mdl"[..], &ones]).zip([0, 4]) {
        let codec = Codec::from_number(codec).expect("a codec");
        let (hash, raw_len) = (ContentId::of(stored).digest(), raw.len() as u32);
        let frame =
            builder.frame(&Frame { offset: 0, stored: stored.len() as u32, raw: raw_len, codec, hash });
        let place = Place { frame, offset: 0, length: raw_len };
        builder.entry(&PackEntry { id: ContentId::of(raw).digest(), kind: EntryKind::Chunk, place });
    }
    let footer = builder.finish([0xaa; 16]);
    let name = layout::pack_name(&footer);
    let trailer = Trailer { footer_len: footer.len() as u64, name }.to_bytes();
    let bytes = [&layout::MAGIC[..], &stored.concat(), &footer, &trailer].concat();
    Example { bytes, id: Some(name), again: whole_pack, is_cbor: false }
}

/// A pack again, if every byte of it is as it should be and both chunks come back.
fn whole_pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let trailer = Trailer::parse(bytes.last_chunk()?, bytes.len() as u64).ok()?;
    let storage = Memory::new();
    storage.create(&Key::new(&format!("packs/data/{}", trailer.name))?, bytes).ok()?;
    let store = Store::open(std::sync::Arc::new(storage), None);
    let mut damaged = false;
    store.verify(&|_| Depth::Everything, &mdl::progress::Silent, &mut |_| damaged = true).ok()?;
    let contents = [b"mdl".to_vec(), 1f32.to_le_bytes().repeat(32)];
    let found = contents
        .iter()
        .all(|content| store.content(ContentId::of(content), 1000).is_ok_and(|bytes| bytes == *content));
    (!damaged && found).then(|| bytes.to_vec())
}

fn recipe_root() -> Example {
    let top = Child { id: id(0x99), size: 400_000 };
    let again = |bytes: &[u8]| Root::parse(bytes, id(0x88)).map(|root| root.to_bytes(id(0x88)).to_vec());
    let bytes = Root { level: 0, top }.to_bytes(id(0x88)).to_vec();
    Example { bytes, id: None, again, is_cbor: false }
}

fn node_again(bytes: &[u8]) -> Option<Vec<u8>> {
    let child = |child: Child| [&child.id.as_bytes()[..], &child.size.to_le_bytes()].concat();
    let children = parse_node(bytes, 0, 400_000)?;
    Some([vec![0], children.into_iter().flat_map(child).collect()].concat())
}

fn recipe_node() -> Example {
    let child = |byte, size: u64| [&[byte; 32][..], &size.to_le_bytes()].concat();
    let bytes = [vec![0], child(0x0a, 250_000), child(0x0b, 150_000)].concat();
    let id = mdl::store::recipe::node_id(&bytes);
    Example { bytes, id: Some(id), again: node_again, is_cbor: false }
}

fn ref_entry() -> refs::Entry {
    refs::Entry {
        target: refs::Target::Commit(id(0x77)),
        previous: Some(refs::Target::Birth),
        nonce: [2; 16],
        recent: vec![[1; 16]],
        stepped_back: None,
        epoch: 0,
        who: "Ada <ada@example.org>".to_owned(),
        when: noon(),
        why: "commit: baseline".to_owned(),
    }
}

fn batch_entry() -> refs::Entry {
    let target = refs::Target::Runs(id(0x99));
    let why = "gc: 2 runs".to_owned();
    refs::Entry { target, stepped_back: Some(1), epoch: 5, why, ..ref_entry() }
}

fn mark() -> refs::Mark {
    let doomed = vec![format!("packs/data/{}", id::<Digest>(0))];
    refs::Mark { doomed, nonce: [7; 16], who: "Ada <ada@example.org>".to_owned(), when: noon() }
}

fn hex_bytes(text: &str) -> Vec<u8> {
    let digits = without_spaces(text);
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn examples() -> BTreeMap<&'static str, Example> {
    let int = |value: i128| Value::Int(Int::new(value).expect("in range"));
    let scalars = [
        Value::Null,
        Value::Bool(true),
        int(0),
        int(24),
        int(-1),
        int((1 << 64) - 1),
        Value::Float(0.5),
        Value::Float(0.1),
        Value::Float(f64::NAN),
        Value::Text("µ".to_owned()),
    ];
    let train = values([("lr", Value::Float(0.05)), ("epochs", int(400))]);
    let params = Params { values: values([("seed", int(7)), ("train", Value::Map(train))]) };
    let directory = Node::Directory { tree: id::<TreeId>(0x11), files: 2, bytes: 300 };
    let link = Node::Symlink { content: ContentId::of(b"data"), size: 4 };
    let leaf = Tree::Leaf(vec![
        entry("data", directory),
        entry("latest", link),
        entry("run.sh", file(b"#!/bin/sh\n", true)),
        entry("train.py", file(b"print(1)\n", false)),
    ]);
    let page = |first, byte, files, bytes| Page {
        first: EntryName::new(first).expect("a name"),
        tree: id::<TreeId>(byte),
        files,
        bytes,
    };
    let branch =
        Tree::Branch { level: 1, pages: vec![page("a", 0x22, 256, 4096), page("k", 0x33, 44, 70_000)] };
    let features = Features {
        features: vec![Feature {
            name: "mass".to_owned(),
            dtype: Some("float".to_owned()),
            columns: vec!["body_mass_g".to_owned()],
            transform: Some("log".to_owned()),
            description: None,
        }],
        datasets: vec![PartName::new("penguins").expect("a name")],
        profile: None,
    };
    let definition = Definition {
        datasets: BTreeMap::new(),
        features: BTreeMap::new(),
        params: Some(PlacedParams {
            files: vec![Placed { path: path("params.yaml"), node: file(b"seed: 7\n", false) }],
            params: id::<ParamsId>(0x44),
        }),
        code: None,
        command: Some(vec!["python3".to_owned(), "train.py".to_owned()]),
        directory: None,
        seeds: values([("python", int(7))]),
        environment: id::<EnvironmentId>(0x55),
    };
    let commit = Commit {
        definition: id::<DefinitionId>(0x66),
        outcome: None,
        parents: vec![id::<CommitId>(0x77)],
        author: "Ada <ada@example.org>".to_owned(),
        time: noon(),
        message: "baseline".to_owned(),
        git: None,
        run: None,
    };
    let tag = Tag {
        name: "v1".to_owned(),
        commit: id::<CommitId>(0x77),
        author: "Ada <ada@example.org>".to_owned(),
        time: noon(),
        message: "first".to_owned(),
    };
    let run = Run {
        id: RunId::from_parts(1_767_268_800_000, [7; 10]),
        name: Some("wide".to_owned()),
        phase: Phase::Train,
        sweep: Some("rates".to_owned()),
        set: values([("train.lr", Value::Float(0.1))]),
        reproduces: None,
    };
    let runs = Runs {
        runs: [([7; 10], 0x77), ([8; 10], 0x88)]
            .map(|(random, byte)| (RunId::from_parts(1_767_268_800_000, random), id::<CommitId>(byte)))
            .into(),
        batches: vec![id(0x99)],
    };
    let series = Series { steps: Some(vec![10, 20, 25]), times: None, values: vec![0.5, 0.25, f64::NAN] };
    BTreeMap::from([
        ("values", plain(Value::List(scalars.to_vec()))),
        ("params", object(params)),
        ("tree-leaf", object(leaf)),
        ("tree-branch", object(branch)),
        ("features", object(features)),
        ("definition", object(definition)),
        ("series", object(series)),
        ("commit", object(commit)),
        ("run", plain(run)),
        ("tag", object(tag)),
        ("runs", object(runs)),
        ("pack", pack()),
        ("recipe-root", recipe_root()),
        ("recipe-node", recipe_node()),
        (
            "ref-entry",
            checked(ref_entry().to_bytes(), |bytes| Some(refs::Entry::from_bytes(bytes).ok()?.to_bytes())),
        ),
        ("ref-batch", plain(batch_entry())),
        ("gc-mark", checked(mark().to_bytes(), |bytes| Some(refs::Mark::from_bytes(bytes).ok()?.to_bytes()))),
    ])
}

/// The fenced blocks of the document: (language and name, text).
fn blocks(document: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(info), false) => blocks.push((info.trim().to_owned(), String::new())),
            (Some(_), true) => {}
            (None, true) => {
                let block = &mut blocks.last_mut().expect("a block was opened").1;
                block.push_str(line.split('#').next().unwrap_or_default());
                block.push('\n');
            }
            (None, false) => continue,
        }
        if line.starts_with("```") {
            inside = !inside;
        }
    }
    blocks
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn the_examples_are_what_the_library_writes() {
    let (document, examples) = (include_str!("../docs/format.md"), examples());
    let mut shown = BTreeSet::new();
    for (info, text) in blocks(document) {
        let Some((language, name)) = info.split_once(' ') else { continue };
        let written = without_spaces(&text);
        let expected = match language {
            "hex" => hex(&examples[name].bytes),
            "id" => examples[name].id.expect("an object").to_string(),
            _ => continue,
        };
        assert_eq!(
            written, expected,
            "the block `{info}` of docs/format.md differs from what the library says"
        );
        shown.insert(name.to_owned());
    }
    for (name, example) in &examples {
        assert_eq!(
            (example.again)(&example.bytes).as_ref(),
            Some(&example.bytes),
            "{name} does not come back"
        );
        assert!(shown.contains(*name), "docs/format.md does not show `{name}`: {}", hex(&example.bytes));
    }
}

/// The second implementation of the encoding: what ciborium reads and writes again has the same bytes.
#[test]
fn another_reader_of_cbor_agrees() {
    for (name, example) in examples().into_iter().filter(|(_, example)| example.is_cbor) {
        let value: ciborium::Value = ciborium::from_reader(&*example.bytes).expect("it is CBOR");
        let mut again = Vec::new();
        ciborium::into_writer(&value, &mut again).expect("it can be written");
        assert_eq!(hex(&again), hex(&example.bytes), "{name}");
    }
}

#[test]
fn every_kind_is_in_the_table() {
    let document = include_str!("../docs/format.md");
    for kind in Kind::ALL {
        let row = format!("| {} | {kind} | `mdl v1 {kind}` |", kind as u8);
        assert!(document.contains(&row), "docs/format.md lacks the row {row}");
        let expected = blake3::derive_key(&format!("mdl v1 {kind}"), b"bytes");
        assert_eq!(kind.digest(b"bytes"), Digest::new(expected));
    }
}

/// Bytes that are damaged are refused, or are the canonical bytes of something else, which then has another id.
#[test]
fn damaged_examples_are_refused() {
    for (name, Example { bytes, again, .. }) in examples() {
        for at in 0..bytes.len() {
            assert_eq!(again(&bytes[..at]), None, "{name} was read though it ends at byte {at}");
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let read = again(&damaged);
                assert!(read.is_none_or(|written| written == damaged), "{name}: byte {at}, bit {bit}");
            }
        }
        assert_eq!(again(&[&bytes[..], &[0]].concat()), None, "{name} was read with a byte after it");
    }
}
