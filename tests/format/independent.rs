//! A second reader of repositories, written from docs/format.md alone: BLAKE3, zstd and CBOR, and nothing of the
//! library. It verifies every hash, and that pages, recipes and chunks end where the document says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use ciborium::Value;

use crate::packs::{Id, Packs, files_of, hex, id};

const COMMIT: u8 = 29;

fn field<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    let fields = record.as_map().unwrap();
    fields.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

fn id_of(value: &Value) -> Id {
    id(value.as_bytes().unwrap())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn integer(value: &Value) -> u64 {
    value.as_integer().unwrap().try_into().unwrap()
}

/// One commit being walked: its files, as lines.
struct Walk<'a> {
    packs: &'a Packs,
    files: Vec<String>,
}

impl Walk<'_> {
    /// Reads what a node stands for, and says how many files and bytes that are.
    fn node(&mut self, path: &str, node: &Value) -> (u64, u64) {
        let node = list(node);
        let kind = integer(&node[0]);
        if kind == 2 {
            let sums = self.tree(path, id_of(&node[1]), None, true).0;
            assert_eq!(sums, (integer(&node[2]), integer(&node[3])), "{path}");
            return sums;
        }
        let bytes = self.packs.content(id_of(&node[1]));
        assert_eq!(bytes.len() as u64, integer(&node[2]), "{path}");
        let mode = ["file", "executable", "", "link"][kind as usize];
        let id = hex(blake3::hash(&bytes).as_bytes());
        self.files.push(format!("{mode} {id} {} {path}\n", bytes.len()));
        (1, bytes.len() as u64)
    }

    /// A page with everything below it: files and bytes, and its first and last name.
    fn tree(
        &mut self,
        path: &str,
        tree: Id,
        above: Option<u64>,
        is_last: bool,
    ) -> ((u64, u64), Option<(String, String)>) {
        let tree = self.packs.object(16, tree);
        let (level, entries) = (integer(&list(&tree)[0]), list(&list(&tree)[1]));
        assert!(above.is_none_or(|above| above == level + 1));
        let (mut sums, mut names) = ((0, 0), Vec::new());
        let mut last = None;
        for (i, entry) in entries.iter().enumerate() {
            let entry = list(entry);
            let name = entry[0].as_text().unwrap().to_owned();
            let (files, bytes) = if level == 0 {
                let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                last = Some(name.clone());
                self.node(&path, &entry[1])
            } else {
                let is_last = is_last && i + 1 == entries.len();
                let (sums, inside) = self.tree(path, id_of(&entry[1]), Some(level), is_last);
                assert_eq!(sums, (integer(&entry[2]), integer(&entry[3])));
                let (first, after) = inside.unwrap();
                assert!(first == name && last.is_none_or(|last| last < name));
                last = Some(after);
                sums
            };
            sums = (sums.0 + files, sums.1 + bytes);
            let hash = blake3::hash(name.as_bytes());
            let word =
                u64::from_be_bytes(hash.as_bytes()[..8].try_into().unwrap()).rotate_left(8 * level as u32);
            let ends = word < 1 << 56 || i + 1 == 1024;
            // A root may end anywhere; a page within ends where it should, unless the directory ends there.
            let is_end = i + 1 == entries.len();
            assert!(above.is_none() || (ends && is_end) || (!ends && (!is_end || is_last)), "{path}: {name}");
            names.push(name);
        }
        assert!(names.is_sorted_by(|a, b| a < b));
        (sums, names.first().cloned().zip(last))
    }

    fn placed(&mut self, placed: &Value) {
        self.node(field(placed, "path").unwrap().as_text().unwrap(), field(placed, "node").unwrap());
    }

    fn definition(&mut self, definition: &Value) {
        for (_, placed) in field(definition, "datasets").unwrap().as_map().unwrap() {
            let dataset = self.packs.object(17, id_of(field(placed, "dataset").unwrap()));
            field(&dataset, "profile")
                .into_iter()
                .for_each(|profile| drop(self.packs.object(18, id_of(profile))));
            let path = field(placed, "path").unwrap().as_text().unwrap();
            let root = field(&dataset, "root").unwrap();
            if field(&dataset, "stored").unwrap().as_bool().unwrap() {
                self.node(path, root);
            } else {
                self.files.push(format!(
                    "named {} {} {path}\n",
                    hex(&id_of(&list(root)[1])),
                    integer(&list(root)[2])
                ));
            }
        }
        for (_, placed) in field(definition, "features").unwrap().as_map().unwrap() {
            self.placed(field(placed, "file").unwrap());
            self.packs.object(19, id_of(field(placed, "features").unwrap()));
        }
        if let Some(params) = field(definition, "params") {
            list(field(params, "files").unwrap()).iter().for_each(|file| self.placed(file));
            self.packs.object(20, id_of(field(params, "params").unwrap()));
        }
        if let Some(code) = field(definition, "code") {
            let code = self.packs.object(21, id_of(code));
            self.node("", field(&code, "root").unwrap());
        }
        let environment = self.packs.object(25, id_of(field(definition, "environment").unwrap()));
        for (name, kind) in [("packages", 22), ("system", 23), ("accelerators", 24)] {
            self.packs.object(kind, id_of(field(&environment, name).unwrap()));
        }
    }

    fn outcome(&mut self, outcome: &Value) {
        if let Some(metrics) = field(outcome, "metrics") {
            list(field(metrics, "files").unwrap()).iter().for_each(|file| self.placed(file));
        }
        let outputs = field(outcome, "outputs").unwrap().as_map().unwrap();
        outputs.iter().for_each(|(_, output)| self.placed(output));
        let utilisation =
            field(outcome, "utilisation").map(|utilisation| field(utilisation, "series").unwrap());
        for series in [field(outcome, "series"), utilisation].into_iter().flatten() {
            for (_, series) in series.as_map().unwrap() {
                let series = self.packs.object(27, id_of(series));
                let (count, columns) = (integer(&list(&series)[0]) as usize, &list(&series)[1..]);
                assert!(
                    columns.iter().all(|column| [0, 8 * count].contains(&column.as_bytes().unwrap().len()))
                );
            }
        }
        if let Some(log) = field(outcome, "log") {
            let bytes = self.packs.content(id_of(field(log, "content").unwrap()));
            assert_eq!(bytes.len() as u64, integer(field(log, "size").unwrap()));
        }
    }
}

/// The name that a component of a key stands for.
fn unescaped(component: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = component.as_bytes();
    while let [first, after @ ..] = rest {
        assert!(!first.is_ascii_uppercase());
        (bytes, rest) = match first {
            b'%' => {
                let digits = std::str::from_utf8(&after[..2]).unwrap();
                ([bytes, vec![u8::from_str_radix(digits, 16).unwrap()]].concat(), &after[2..])
            }
            plain => ([bytes, vec![*plain]].concat(), after),
        };
    }
    String::from_utf8(bytes).unwrap()
}

/// The values of a ref, each with its number, newest first: as long as each is vouched for by the one after it.
fn history(folder: &Path) -> Vec<(u64, Value)> {
    let entries: BTreeMap<u64, Vec<u8>> =
        files_of(folder).into_iter().map(|(name, body)| (name.parse().unwrap(), body)).collect();
    let mut values: Vec<(u64, Value)> = Vec::new();
    for (number, body) in entries.into_iter().rev() {
        let value: Value = ciborium::from_reader(&body[..]).unwrap();
        if let Some((after, last)) = values.last() {
            let vouched = list(field(last, "recent").unwrap()).first();
            assert_eq!((*after, vouched), (number + 1, field(&value, "nonce")));
        }
        values.push((number, value));
    }
    values
}

/// What is in a repository, a line each, sorted.
pub fn listing(repository: &Path) -> String {
    assert_eq!(fs::read(repository.join("format")).unwrap(), b"mdl 1\n");
    let packs = Packs::read(repository);
    let (mut lines, mut commits) = (BTreeSet::new(), Vec::new());
    for family in ["heads", "tags"] {
        for component in fs::read_dir(repository.join("refs").join(family)).unwrap() {
            let component = component.unwrap();
            let name = unescaped(component.file_name().to_str().unwrap());
            for (number, entry) in history(&component.path()) {
                let target = list(field(&entry, "target").unwrap());
                let word = target[0].as_text().unwrap();
                let id = target.get(1).map(id_of);
                let shown = id.map(|id| format!(" {}", hex(&id))).unwrap_or_default();
                lines.insert(format!("ref {family}/{name} {number} {word}{shown}\n"));
                match word {
                    "commit" => commits.extend(id),
                    "tag" => commits.push(id_of(field(&packs.object(30, id.unwrap()), "commit").unwrap())),
                    word => assert!(word == "birth" || word == "deleted"),
                }
            }
        }
    }
    while let Some(id) = commits.pop() {
        let commit = packs.object(COMMIT, id);
        commits.extend(list(field(&commit, "parents").unwrap()).iter().map(id_of));
        let message = field(&commit, "message").unwrap().as_text().unwrap();
        if !lines.insert(format!("commit {} {message}\n", hex(&id))) {
            continue;
        }
        let mut walk = Walk { packs: &packs, files: Vec::new() };
        walk.definition(&packs.object(26, id_of(field(&commit, "definition").unwrap())));
        if let Some(outcome) = field(&commit, "outcome") {
            walk.outcome(&packs.object(28, id_of(outcome)));
        }
        walk.files.sort();
        let files = walk.files.concat();
        lines.insert(format!("files {} {} {}\n", hex(&id), walk.files.len(), blake3::hash(files.as_bytes())));
        let outside = walk.files.iter().filter(|line| !line.contains(" data/many/"));
        for line in outside {
            let mut text = String::new();
            write!(text, "file {} {line}", hex(&id)).unwrap();
            lines.insert(text);
        }
    }
    let unused = packs.entries.keys().filter(|key| !packs.used.borrow().contains(key)).count();
    assert_eq!(unused, 0, "something is in no commit");
    assert_eq!(packs.codecs, BTreeSet::from([0, 1, 4]), "the fixture should have every codec");
    lines.into_iter().collect()
}

#[test]
fn a_stranger_reads_the_repository() {
    assert_eq!(listing(&crate::folder().join("repository")), crate::expected());
}

#[test]
fn this_reader_owes_nothing_to_the_library() {
    let name = ["mdl", "::"].concat();
    for source in [include_str!("independent.rs"), include_str!("packs.rs")] {
        assert!(!source.contains(&name));
    }
}
