//! Refs, and the caches of a work tree that came with a repository from elsewhere.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use mdl::disk::OsDisk;
use mdl::encoding::to_bytes;
use mdl::id::Digest;
use mdl::name::{RefName, TreePath};
use mdl::object::{self, Find};
use mdl::refs::{self, Entry, Family, Mark, Ref};
use mdl::storage::{Key, Memory, Storage};
use mdl::store::{IndexCache, Store};
use mdl::worktree::cache::StatCache;
use mdl::worktree::scan::{HashOnly, ScanOptions, scan};

use tempfile::TempDir;

use super::cut::Cut;

/// An entry of a ref, a mark of a collection, or a repository's refs: keys, each with a body.
pub fn refs(data: &[u8]) {
    let mut input = Cut(data);
    match input.u8() % 3 {
        0 => {
            if let Ok(entry) = Entry::from_bytes(input.0) {
                assert_eq!(to_bytes(&entry), input.0);
            }
        }
        1 => {
            if let Ok(mark) = Mark::from_bytes(input.0) {
                assert_eq!(to_bytes(&mark), input.0);
            }
        }
        _ => logs(input),
    }
}

fn logs(mut input: Cut<'_>) {
    let storage = Memory::new();
    while !input.is_empty() {
        let key = Key::new(input.text());
        let length = input.u16();
        let body = input.bytes(length.into());
        if let Some(key) = key {
            storage.create(&key, body).expect("memory");
        }
    }
    for family in [Family::Heads, Family::Tags, Family::Runs] {
        let Ok(names) = refs::names(&storage, family) else { continue };
        for name in &names {
            let name = Ref { family, name: name.clone() };
            let (last, history) = (refs::read(&storage, &name), refs::history(&storage, &name));
            if let (Ok(last), Ok(history)) = (last, history) {
                assert_eq!(last.as_ref(), history.first());
            }
        }
        if let Ok(listed) = refs::list(&storage, family) {
            assert!(listed.iter().all(|(name, entry)| names.contains(name) && entry.target.exists()));
        }
    }
    let _ = refs::mark(&storage);
    let _ = refs::read(&storage, &Ref { family: Family::Heads, name: RefName::new("main").expect("a name") });
}

/// A stat cache or a merged index, with the hashes that it should have.
pub fn caches(data: &[u8]) {
    let mut input = Cut(data);
    match input.u8() % 2 {
        0 => WORK.with(|work| stat_cache(work.path(), input)),
        _ => WORK.with(|work| merged_index(work.path(), input)),
    }
}

thread_local! {
    /// A work tree of two files in `d`.
    static WORK: TempDir = {
        let folder = TempDir::new().expect("a folder");
        fs::create_dir_all(folder.path().join("d")).expect("a folder");
        fs::create_dir_all(folder.path().join(".mdl/cache")).expect("a folder");
        fs::write(folder.path().join("d/a"), "a").expect("a file");
        fs::write(folder.path().join("d/b"), "b").expect("a file");
        folder
    };
}

/// Replaces a file under another name: what is mapped is never written to.
fn replace(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).expect("a file");
}

/// The block of directory `d`: its level, then chunks, each with its first name, a length and its records.
fn stat_cache(root: &Path, mut input: Cut<'_>) {
    let mut file = b"mdl stat cache 1".to_vec();
    let mut index = Vec::new();
    let text = |index: &mut Vec<u8>, text: &str| {
        index.extend_from_slice(&(text.len() as u32).to_le_bytes());
        index.extend_from_slice(text.as_bytes());
    };
    text(&mut index, "w:d");
    index.extend_from_slice(&[7; 32 + 8 + 8]);
    index.push(input.u8() % 3);
    let count = input.u8() % 4;
    index.extend_from_slice(&u32::from(count).to_le_bytes());
    for _ in 0..count {
        text(&mut index, input.text());
        let length = input.u16();
        let records = input.bytes(length.into());
        index.extend_from_slice(&(file.len() as u64).to_le_bytes());
        index.extend_from_slice(&(records.len() as u32).to_le_bytes());
        index.extend_from_slice(&blake3::hash(records).as_bytes()[..16]);
        file.extend_from_slice(records);
    }
    // What is left is more of the index, as it is.
    index.extend_from_slice(input.0);
    let place = [file.len() as u64, index.len() as u64, 0].map(u64::to_le_bytes).concat();
    let hash = blake3::Hasher::new().update(&index).update(&place).finalize();
    file.extend_from_slice(&index);
    file.extend_from_slice(&place);
    file.extend_from_slice(hash.as_bytes());
    let memory = object::Memory::default();
    replace(&root.join(".mdl/cache/stat"), &file);
    let cache = StatCache::open(&root.join(".mdl"), 0, &OsDisk);
    let options = ScanOptions::default();
    let path = TreePath::new("d").expect("a path");
    let _ = scan(root, &path, &cache, &HashOnly::new(root, &memory), options);
}

/// Entries, then packs, after their numbers: heads and hashes are added.
fn merged_index(root: &Path, mut input: Cut<'_>) {
    let (entries, packs) = (input.u8(), input.u8() % 8);
    let entries = input.bytes(48 * usize::from(entries));
    let entries = &entries[..entries.len() / 48 * 48];
    let mut table: Vec<u8> = Vec::new();
    for _ in 0..packs {
        table.push(input.u8());
        table.extend_from_slice(&[input.u8(); 32]);
    }
    if let Some(first) = entries.get(..32) {
        table.extend_from_slice(first);
        table.extend_from_slice(blake3::hash(entries).as_bytes());
    }
    let counts = [&u32::from(packs).to_le_bytes()[..], &((entries.len() / 48) as u64).to_le_bytes()].concat();
    let hash = blake3::Hasher::new().update(&table).update(&counts).finalize();
    let file = [entries, &table, &counts, hash.as_bytes(), b"mdlindx1"].concat();
    let index = root.join(".mdl/cache/index");
    replace(&index, &file);
    let cache =
        IndexCache { disk: Arc::new(OsDisk), file: index, tmp_dir: root.join(".mdl/tmp"), intact: None };
    let store = Store::open(Arc::new(Memory::new()), Some(cache));
    let mut objects = Vec::new();
    let _ = store.each_object(&mut |kind, id| objects.push((kind, id)));
    assert!(objects.is_empty(), "there is no pack that could have them");
    for entry in entries.chunks_exact(48).take(4) {
        let id = Digest::from_slice(&entry[..32]).expect("32 bytes");
        assert!(matches!(store.find(mdl::id::Kind::Tree, id), Ok(None)));
        assert!(matches!(store.content_size(id.into()), Ok(None)) || id.as_bytes()[0] == 0xaf);
    }
}
