//! Paging, reading back, and what is refused.

use super::*;
use crate::name::EntryName;
use crate::object::{Memory, ObjectError, get, put};

fn build(memory: &Memory, names: impl Iterator<Item = String>) -> Node {
    let mut builder = TreeBuilder::new(memory);
    for name in names {
        let content = ContentId::of(name.as_bytes());
        let node = Node::File { content, size: name.len() as u64, executable: false };
        builder.push(Entry { name: EntryName::new(&name).unwrap(), node }).unwrap();
    }
    builder.finish().unwrap()
}

#[test]
fn large_directories_are_paged_and_read_back() {
    let memory = Memory::default();
    let names = || (0..200_000).map(|i| format!("f{i:06}"));
    let Node::Directory { tree, files, bytes } = build(&memory, names()) else { unreachable!() };
    assert_eq!((files, bytes), (200_000, 1_400_000));
    assert!(matches!(get::<Tree>(&memory, tree).unwrap(), Tree::Branch { .. }));
    let read = TreeEntries::new(&memory, tree).unwrap().map(|entry| entry.unwrap().name.to_string());
    assert!(read.eq(names()));
    assert!(lookup(&memory, tree, "f123456").unwrap().is_some());
    assert!(lookup(&memory, tree, "f1234567").unwrap().is_none());
    assert!(lookup(&memory, tree, "a").unwrap().is_none());
}

/// Whether a page of this level ends after a name, as the format says.
fn ends_after(name: &EntryName, level: u32) -> bool {
    let word = blake3::hash(name.as_str().as_bytes()).as_bytes().first_chunk().copied().unwrap();
    u64::from_be_bytes(word).rotate_left(8 * level) < 1 << 56
}

#[test]
fn pages_of_every_level_end_where_the_format_says() {
    let memory = Memory::default();
    let node = build(&memory, (0..100_000).map(|i| format!("f{i:06}")));
    let Node::Directory { tree: root, .. } = node else { unreachable!() };
    let Tree::Branch { level: top, .. } = get(&memory, root).unwrap() else { panic!("one page") };
    assert_eq!(top, 2, "two levels of pages above the leaves");
    let (mut pages, mut seen) = (vec![root], 0);
    for level in (0..=top).rev() {
        let mut below = Vec::new();
        let last = pages.len() - 1;
        for (at, id) in pages.into_iter().enumerate() {
            let names: Vec<EntryName> = match get(&memory, id).unwrap() {
                Tree::Leaf(entries) if level == 0 => entries.into_iter().map(|entry| entry.name).collect(),
                Tree::Branch { level: found, pages } if found == level => {
                    below.extend(pages.iter().map(|page| page.tree));
                    pages.into_iter().map(|page| page.first).collect()
                }
                tree => panic!("level {level} has {tree:?}"),
            };
            let (end, inner) = names.split_last().unwrap();
            assert!(inner.iter().all(|name| !ends_after(name, level as u32)), "level {level} goes on");
            assert!(
                at == last || names.len() == 1_024 || ends_after(end, level as u32),
                "level {level} ends"
            );
            seen += usize::from(level == 0) * names.len();
        }
        pages = below;
    }
    assert_eq!(seen, 100_000);
}

#[test]
fn one_more_file_changes_few_pages() {
    let (memory, again) = (Memory::default(), Memory::default());
    build(&memory, (0..50_000).map(|i| format!("f{i:06}")));
    build(
        &again,
        (0..50_000).map(|i| format!("f{i:06}")).flat_map(|name| {
            let extra = (name == "f031415").then(|| format!("{name}x"));
            std::iter::once(name).chain(extra)
        }),
    );
    assert!(again.object_count_not_in(&memory) <= 4);
}

#[test]
fn pages_that_contradict_their_branch_are_refused() {
    let memory = Memory::default();
    let name = |text: &str| EntryName::new(text).unwrap();
    let leaf = |names: &[&str]| {
        let node = Node::File { content: ContentId::of(b""), size: 0, executable: false };
        let entries = names.iter().map(|text| Entry { name: name(text), node }).collect();
        put(&memory, &Tree::Leaf(entries)).unwrap()
    };
    let branch = |level, pages: &[(&str, TreeId)]| {
        let page =
            |(first, tree): &(&str, TreeId)| Page { first: name(first), tree: *tree, files: 1, bytes: 0 };
        put(&memory, &Tree::Branch { level, pages: pages.iter().map(page).collect() }).unwrap()
    };
    let read = |tree| TreeEntries::new(&memory, tree)?.collect::<Result<Vec<_>, _>>();
    assert_eq!(read(branch(1, &[("a", leaf(&["a", "b"])), ("c", leaf(&["c"]))])).unwrap().len(), 3);
    let hostile = [
        branch(1, &[("a", leaf(&["a", "c"])), ("b", leaf(&["b"]))]),
        branch(1, &[("a", leaf(&["x"]))]),
        branch(1, &[("a", leaf(&[]))]),
        branch(2, &[("a", leaf(&["a"]))]),
    ];
    for tree in hostile {
        assert!(matches!(read(tree), Err(ObjectError::Malformed { .. })));
    }
    assert!(lookup(&memory, hostile[1], "x").is_err());
}

#[test]
fn unsorted_and_doubled_names_are_refused() {
    let file = |name: &str| Entry {
        name: EntryName::new(name).unwrap(),
        node: Node::File { content: ContentId::of(b""), size: 0, executable: true },
    };
    for names in [["b", "a"], ["a", "a"]] {
        let bytes = crate::encoding::to_bytes(&Tree::Leaf(names.map(file).to_vec()));
        assert!(crate::encoding::from_bytes::<Tree>(&bytes).is_err());
    }
}
