//! Definitions for tests, and a small syntax of values: a line `key.path = value  # comment` each.

use std::collections::BTreeMap;

use crate::id::{ContentId, EnvironmentId, Kind};
use crate::merge::{Reader, values::Map};
use crate::name::{EntryName, PartName, TreePath};
use crate::object::*;
use crate::value::{Int, KeyPath, Value};

/// Reads the small syntax. A key that is there twice is refused, and `!` is no value.
pub(super) struct Small;

impl Reader for Small {
    fn values(&self, file_name: &str, bytes: &[u8]) -> Option<Map> {
        if !file_name.ends_with(".kv") {
            return None;
        }
        let mut root = Map::new();
        for line in std::str::from_utf8(bytes).ok()?.lines() {
            let text = line.split('#').next()?.trim();
            if text.is_empty() {
                continue;
            }
            let (key, value) = text.split_once('=')?;
            let value: i64 = value.trim().parse().ok()?;
            let path: KeyPath = key.trim().parse().ok()?;
            add(&mut root, path.keys(), Value::Int(Int::from(value)))?;
        }
        Some(root)
    }

    fn set(&self, _: &str, bytes: &[u8], path: &KeyPath, value: &Value) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(bytes).ok()?;
        let line = |line: &str| match line.split_once('=') {
            Some((key, rest)) if key.trim() == path.to_string() => {
                let comment = rest.split_once('#').map(|(_, comment)| format!("  #{comment}"));
                let end = if line.ends_with('\n') && comment.is_none() { "\n" } else { "" };
                format!("{key}= {value}{}{end}", comment.unwrap_or_default())
            }
            _ => line.to_owned(),
        };
        Some(text.split_inclusive('\n').map(line).collect::<String>().into_bytes())
    }

    fn features(&self, _: &str, bytes: &[u8]) -> Option<Vec<Feature>> {
        let feature = |name: &str| Feature {
            name: name.to_owned(),
            dtype: None,
            columns: Vec::new(),
            transform: None,
            description: None,
        };
        Some(std::str::from_utf8(bytes).ok()?.lines().map(feature).collect())
    }
}

fn add(map: &mut Map, keys: &[String], value: Value) -> Option<()> {
    let (key, below) = keys.split_first()?;
    if below.is_empty() {
        return map.insert(key.clone(), value).is_none().then_some(());
    }
    match map.entry(key.clone()).or_insert_with(Value::empty_map) {
        Value::Map(map) => add(map, below, value),
        _ => None,
    }
}

/// What a definition is made of, as texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Project {
    pub(super) params: Option<String>,
    pub(super) code: BTreeMap<String, String>,
    pub(super) data: BTreeMap<String, String>,
    pub(super) features: Option<String>,
    pub(super) command: Option<&'static str>,
    pub(super) seed: Option<i64>,
    pub(super) machine: &'static str,
}

pub(super) fn files(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

impl Project {
    pub(super) fn definition(&self, memory: &Memory) -> Definition {
        let placed =
            |path: &str, text: &str| Placed { path: TreePath::new(path).unwrap(), node: file(memory, text) };
        let params = self.params.as_ref().map(|text| PlacedParams {
            files: vec![placed("params.kv", text)],
            params: put(memory, &Params { values: Small.values("params.kv", text.as_bytes()).unwrap() })
                .unwrap(),
        });
        let features = self.features.iter().map(|text| {
            let features = Small.features("", text.as_bytes()).unwrap();
            let set = Features { features, datasets: Vec::new(), profile: None };
            let placed =
                PlacedFeatures { file: placed("features.txt", text), features: put(memory, &set).unwrap() };
            (PartName::new("base").unwrap(), placed)
        });
        let dataset = Dataset {
            root: tree(memory, &self.data),
            stored: true,
            format: None,
            source: None,
            licence: None,
            profile: None,
        };
        let placed =
            PlacedDataset { path: TreePath::new("data").unwrap(), dataset: put(memory, &dataset).unwrap() };
        Definition {
            datasets: BTreeMap::from([(PartName::new("train").unwrap(), placed)]),
            features: features.collect(),
            params,
            code: Some(put(memory, &Code { root: tree(memory, &self.code) }).unwrap()),
            command: self.command.map(|command| vec![command.to_owned()]),
            directory: None,
            seeds: self.seed.map(|seed| ("seed".to_owned(), Value::Int(seed.into()))).into_iter().collect(),
            environment: EnvironmentId::from(Kind::Environment.digest(self.machine.as_bytes())),
        }
    }

    /// The texts of a definition, where only those of the default's parts are looked at.
    pub(super) fn of(memory: &Memory, definition: &Definition) -> Self {
        let text = |node: Node| String::from_utf8(memory.content(content(node), u64::MAX).unwrap()).unwrap();
        let code: Code = get(memory, definition.code.unwrap()).unwrap();
        let data =
            definition.datasets.values().next().map(|placed| get::<Dataset>(memory, placed.dataset).unwrap());
        Self {
            params: definition.params.as_ref().map(|placed| text(placed.files[0].node)),
            code: paths(memory, code.root),
            data: data.map(|data| paths(memory, data.root)).unwrap_or_default(),
            features: definition.features.values().next().map(|placed| text(placed.file.node)),
            ..Self::default()
        }
    }
}

fn content(node: Node) -> ContentId {
    let (Node::File { content, .. } | Node::Symlink { content, .. }) = node else { panic!("a directory") };
    content
}

pub(super) fn file(memory: &Memory, text: &str) -> Node {
    let content = memory.insert_content(text.as_bytes().to_vec());
    Node::File { content, size: text.len() as u64, executable: false }
}

/// A directory with these files, by their paths.
pub(super) fn tree(memory: &Memory, files: &BTreeMap<String, String>) -> Node {
    let mut below: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    let mut entries: BTreeMap<&str, Node> = BTreeMap::new();
    for (path, text) in files {
        match path.split_once('/') {
            Some((name, rest)) => drop(below.entry(name).or_default().insert(rest.to_owned(), text.clone())),
            None => drop(entries.insert(path, file(memory, text))),
        }
    }
    entries.extend(below.iter().map(|(name, files)| (*name, tree(memory, files))));
    let mut builder = TreeBuilder::new(memory);
    for (name, node) in entries {
        builder.push(Entry { name: EntryName::new(name).unwrap(), node }).unwrap();
    }
    builder.finish().unwrap()
}

/// The texts of a directory by path.
pub(super) fn paths(memory: &Memory, root: Node) -> BTreeMap<String, String> {
    let Node::Directory { tree, .. } = root else { panic!("a file") };
    let mut out = BTreeMap::new();
    for entry in TreeEntries::new(memory, tree).unwrap() {
        let entry = entry.unwrap();
        if let Node::Directory { .. } = entry.node {
            out.extend(
                paths(memory, entry.node)
                    .into_iter()
                    .map(|(path, text)| (format!("{}/{path}", entry.name), text)),
            );
        } else {
            let bytes = memory.content(content(entry.node), u64::MAX).unwrap();
            out.insert(entry.name.to_string(), String::from_utf8(bytes).unwrap());
        }
    }
    out
}
