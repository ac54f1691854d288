//! A repository whose author lies: objects that no honest program writes, stored under their right ids.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mdl::diff::State;
use mdl::encoding;
use mdl::id::{CommitId, ContentId, Kind};
use mdl::name::PartName;
use mdl::object::{
    self, Code, Commit, Dataset, Definition, Insert, InsertContent, Node, Outcome, PlacedDataset,
};
use mdl::progress::Silent;
use mdl::repo::{CheckoutOptions, CommitOptions, Repository};
use mdl::store::Writer;

use crate::sandbox::Sandbox;

/// An honest project with one commit, to which hostile ones are added.
pub struct Forge {
    pub sandbox: Sandbox,
    pub repository: Repository,
    pub base: Commit,
    state: State,
}

/// What is under a name: its kind and mode, and its bytes.
type Everything = BTreeMap<PathBuf, (u32, Vec<u8>)>;

impl Forge {
    pub fn new() -> Self {
        let sandbox = Sandbox::project();
        std::fs::write(sandbox.root().join("../canary"), "untouched").unwrap();
        let repository = Repository::open(&sandbox.root()).unwrap();
        let options = CommitOptions { message: "honest".into(), ..CommitOptions::default() };
        let id = repository.commit(&options, &Silent).unwrap().unwrap().id;
        let base: Commit = object::get(repository.store(), id).unwrap();
        let state = State::of_commit(repository.store(), id).unwrap();
        Self { sandbox, repository, base, state }
    }

    /// A commit with another state; in the bytes of its definition, one text is replaced by another as long.
    pub fn commit(
        &self,
        patch: Option<(&[u8], &[u8])>,
        change: impl FnOnce(&Writer<'_>, &mut Definition, &mut Outcome),
    ) -> CommitId {
        let writer = self.repository.store().writer(&Silent);
        let mut definition = self.state.definition.clone().unwrap();
        let mut outcome = self.state.outcome.clone().unwrap_or_default();
        change(&writer, &mut definition, &mut outcome);
        let mut bytes = encoding::to_bytes(&definition);
        if let Some((from, to)) = patch {
            assert_eq!(from.len(), to.len());
            let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
            bytes[at..at + from.len()].copy_from_slice(to);
        }
        let definition = writer.insert(Kind::Definition, bytes).unwrap().into();
        let outcome = Some(object::put(&writer, &outcome).unwrap());
        let id = object::put(&writer, &Commit { definition, outcome, ..self.base.clone() }).unwrap();
        writer.finish().unwrap();
        id
    }

    /// A commit whose code is this tree.
    pub fn code(&self, tree: impl FnOnce(&Writer<'_>) -> Node) -> CommitId {
        self.commit(None, |writer, definition, _| {
            let root = tree(writer);
            definition.code = Some(object::put(writer, &Code { root }).unwrap());
        })
    }

    /// Everything in the sandbox but caches and drafts.
    pub fn everything(&self) -> Everything {
        let top = self.sandbox.root().join("..");
        let mut found = Everything::new();
        let mut pending = vec![top];
        while let Some(folder) = pending.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = path.symlink_metadata().unwrap();
                let bytes = if metadata.is_dir() {
                    pending.push(path.clone());
                    Vec::new()
                } else if metadata.is_symlink() {
                    path.read_link().unwrap().into_os_string().into_encoded_bytes()
                } else if metadata.is_file() {
                    std::fs::read(&path).unwrap()
                } else {
                    Vec::new()
                };
                found.insert(path, (metadata.permissions().mode(), bytes));
            }
        }
        let own = |path: &Path| path.ends_with("cache") || path.ends_with("tmp");
        found.retain(|path, _| !path.ancestors().any(own));
        found
    }

    /// A commit is put back in no way, and trying changes nothing.
    pub fn is_refused(&self, commit: CommitId, case: &str) -> String {
        let before = self.everything();
        let mut told = String::new();
        for force in [false, true] {
            let options = CheckoutOptions { force, dry_run: false };
            match self.repository.checkout(&commit.to_string(), options, &Silent) {
                Ok(done) => panic!("{case} was checked out: {done:?}"),
                Err(error) => told = format!("{error}"),
            }
        }
        let to = self.sandbox.root().join("../fresh");
        let fresh = self.repository.checkout_to(commit, &to, &Silent);
        assert!(fresh.is_err(), "{case} was checked out into a folder");
        if to.exists() {
            std::fs::remove_dir(&to).expect(case);
        }
        let after = self.everything();
        for (path, what) in &before {
            assert_eq!(after.get(path), Some(what), "{case} changed {}", path.display());
        }
        assert_eq!(after.len(), before.len(), "{case} left something");
        told
    }
}

/// The head of a CBOR value.
fn head(bytes: &mut Vec<u8>, major: u8, argument: usize) {
    match argument {
        0..=23 => bytes.push(major << 5 | argument as u8),
        24..=0xff => bytes.extend([major << 5 | 24, argument as u8]),
        _ => {
            bytes.push(major << 5 | 25);
            bytes.extend(u16::try_from(argument).unwrap().to_be_bytes());
        }
    }
}

/// A directory with these names, whatever they are, in this order.
pub fn tree(writer: &Writer<'_>, entries: &[(&[u8], Node)]) -> Node {
    let mut bytes = vec![0x82, 0x00];
    head(&mut bytes, 4, entries.len());
    for (name, node) in entries {
        bytes.push(0x82);
        head(&mut bytes, 3, name.len());
        bytes.extend_from_slice(name);
        bytes.extend(encoding::to_bytes(node));
    }
    let (files, total) = entries.iter().fold((0u64, 0u64), |(files, total), (_, node)| {
        (files.saturating_add(node.files()), total.saturating_add(node.bytes()))
    });
    Node::Directory { tree: writer.insert(Kind::Tree, bytes).unwrap().into(), files, bytes: total }
}

pub fn content(writer: &Writer<'_>, bytes: &[u8]) -> (ContentId, u64) {
    writer.insert_content(&mut &bytes[..], bytes.len() as u64).unwrap()
}

pub fn file(writer: &Writer<'_>, bytes: &[u8]) -> Node {
    let (content, size) = content(writer, bytes);
    Node::File { content, size, executable: false }
}

pub fn link(writer: &Writer<'_>, target: &[u8]) -> Node {
    let (content, size) = content(writer, target);
    Node::Symlink { content, size }
}

/// A dataset at a path, under a name of its own.
pub fn dataset(writer: &Writer<'_>, definition: &mut Definition, name: &str, path: &str, root: Node) {
    let dataset = Dataset { root, stored: true, format: None, source: None, licence: None, profile: None };
    let dataset = object::put(writer, &dataset).unwrap();
    let placed = PlacedDataset { path: mdl::name::TreePath::new(path).unwrap(), dataset };
    definition.datasets.insert(PartName::new(name).unwrap(), placed);
}
