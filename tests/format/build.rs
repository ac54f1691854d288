//! Writes `v1/` with the library: every kind of object, refs that moved in every way, packs of every codec.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mdl::disk::OsDisk;
use mdl::id::{CommitId, ContentId, DefinitionId, EnvironmentId, Kind, OutcomeId, SeriesId, TagId};
use mdl::name::{EntryName, PartName, RefName, TreePath};
use mdl::object::*;
use mdl::progress::Silent;
use mdl::refs::{self, Advanced, Family, Move, Ref, Target};
use mdl::storage::{Folder, Key, Storage};
use mdl::store::{Store, Writer};
use mdl::value::{Int, Value};

use crate::content::{self, COMMITS, File, noise};
use crate::generate;

const AUTHOR: &str = "Ada <ada@example.org>";

fn part(name: &str) -> PartName {
    PartName::new(name).unwrap()
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

/// A minute after the last.
fn time(minute: usize) -> Time {
    Time { millis: 1_767_268_800_000 + 60_000 * minute as i64, zone: 60 }
}

/// One commit being written.
struct Work<'a> {
    writer: Writer<'a>,
    files: BTreeMap<String, File>,
    number: usize,
}

impl Work<'_> {
    fn content(&self, bytes: &[u8]) -> ContentId {
        self.writer.insert_content(&mut &bytes[..], bytes.len() as u64).unwrap().0
    }

    fn file(&self, path: &str) -> Node {
        let (bytes, executable) = match &self.files[path] {
            File::Plain(bytes) => (bytes, false),
            File::Executable(bytes) => (bytes, true),
            File::Symlink(target) => {
                let content = self.content(target.as_bytes());
                return Node::Symlink { content, size: target.len() as u64 };
            }
        };
        Node::File { content: self.content(bytes), size: bytes.len() as u64, executable }
    }

    fn placed(&self, name: &str) -> Placed {
        Placed { path: path(name), node: self.file(name) }
    }

    /// The directory at a path (with a `/` at its end, empty for the root), of those files that are `wanted`.
    fn directory(&self, above: &str, wanted: &dyn Fn(&str) -> bool) -> Node {
        let below = self.files.keys().filter(|path| wanted(path)).filter_map(|path| path.strip_prefix(above));
        let mut names: Vec<&str> = below.map(|path| path.split('/').next().unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        let mut builder = TreeBuilder::new(&self.writer);
        for name in names {
            let full = format!("{above}{name}");
            let node = if self.files.contains_key(&full) {
                self.file(&full)
            } else {
                self.directory(&format!("{full}/"), wanted)
            };
            builder.push(Entry { name: EntryName::new(name).unwrap(), node }).unwrap();
        }
        builder.finish().unwrap()
    }

    /// An object with something in most of its fields.
    fn made<I: From<mdl::id::Digest>>(&self, kind: Kind) -> I {
        let (bytes, _) = generate::object(kind, &noise(kind.name(), 2_000));
        self.writer.insert(kind, bytes).unwrap().into()
    }

    fn environment(&self) -> EnvironmentId {
        let variables = BTreeMap::from([("OMP_NUM_THREADS".to_owned(), "8".to_owned())]);
        let (packages, system, accelerators) =
            (self.made(Kind::Packages), self.made(Kind::System), self.made(Kind::Accelerators));
        put(&self.writer, &Environment { packages, system, accelerators, variables }).unwrap()
    }

    fn dataset(&self, at: &str, root: Node, stored: bool) -> PlacedDataset {
        let dataset = Dataset {
            root,
            stored,
            format: at.rsplit_once('.').map(|(_, format)| format.to_owned()),
            source: Some(format!("https://example.org/{at}")),
            licence: Some("CC0-1.0".to_owned()),
            profile: (at == "data/table.csv").then(|| self.made(Kind::Profile)),
        };
        PlacedDataset { path: path(at), dataset: put(&self.writer, &dataset).unwrap() }
    }

    fn definition(&self) -> DefinitionId {
        let named = ContentId::of(content::REFERENCE);
        let named = Node::File { content: named, size: content::REFERENCE.len() as u64, executable: false };
        let many = self.directory("data/many/", &|path| path.starts_with("data/many/"));
        let datasets = BTreeMap::from([
            (part("large"), self.dataset("data/large.bin", self.file("data/large.bin"), true)),
            (part("floats"), self.dataset("data/floats.f32", self.file("data/floats.f32"), true)),
            (part("table"), self.dataset("data/table.csv", self.file("data/table.csv"), true)),
            (part("many"), self.dataset("data/many", many, true)),
            (part("named"), self.dataset("data/named.txt", named, false)),
        ]);
        let feature = |name: &str| Feature {
            name: name.to_owned(),
            dtype: Some("float".to_owned()),
            columns: vec![format!("{name}_raw")],
            transform: None,
            description: Some("in SI units".to_owned()),
        };
        let features = Features {
            features: vec![feature("mass"), feature("length")],
            datasets: vec![part("table")],
            profile: None,
        };
        let features = put(&self.writer, &features).unwrap();
        let features = PlacedFeatures { file: self.placed("features.txt"), features };
        let int = |value: i64| Value::Int(Int::from(value));
        let train = BTreeMap::from([("width".to_owned(), int(64 << self.number))]);
        let values = BTreeMap::from([("seed".to_owned(), int(7)), ("train".to_owned(), Value::Map(train))]);
        let params = put(&self.writer, &Params { values }).unwrap();
        let is_code =
            |path: &str| path.starts_with("src/") || ["latest.py", "mdl.toml", "run.sh"].contains(&path);
        let code = put(&self.writer, &Code { root: self.directory("", &is_code) }).unwrap();
        let definition = Definition {
            datasets,
            features: BTreeMap::from([(part("small"), features)]),
            params: Some(PlacedParams { files: vec![self.placed("params.yaml")], params }),
            code: Some(code),
            command: Some(vec!["./run.sh".to_owned()]),
            directory: None,
            seeds: BTreeMap::from([("seed".to_owned(), int(7))]),
            environment: self.environment(),
        };
        put(&self.writer, &definition).unwrap()
    }

    fn series(&self, points: i64) -> SeriesId {
        let values = (1..=points).map(|i| 1.0 / i as f64).collect();
        let times = (0..points).map(|i| time(self.number).millis * 1000 + i * i).collect();
        let series =
            Series { steps: Some((0..points).map(|i| 10 * i).collect()), times: Some(times), values };
        put(&self.writer, &series).unwrap()
    }

    fn outcome(&self) -> OutcomeId {
        let accuracy = Value::Float((90 + self.number) as f64 / 100.0);
        let log = b"training\ndone\n";
        let model = self.directory("model/", &|path| path.starts_with("model/"));
        let outcome = Outcome {
            metrics: Some(Metrics {
                values: BTreeMap::from([("accuracy".to_owned(), accuracy)]),
                files: vec![self.placed("metrics.json")],
                better: BTreeMap::from([("accuracy".to_owned(), Direction::Higher)]),
            }),
            series: BTreeMap::from([("loss".to_owned(), self.series(100))]),
            outputs: BTreeMap::from([
                (part("model"), Placed { path: path("model"), node: model }),
                (part("log"), self.placed("train.log")),
            ]),
            utilisation: Some(Utilisation {
                series: BTreeMap::from([("gpu".to_owned(), self.series(7))]),
                summary: BTreeMap::from([("gpu".to_owned(), Value::Null)]),
            }),
            log: Some(Log { content: self.content(log), size: log.len() as u64 }),
            exit: Some(0),
            started: Some(time(self.number)),
            finished: Some(time(self.number + 1)),
            observations: BTreeMap::from([("seconds".to_owned(), Value::Float(60.5))]),
            receipt: None,
        };
        put(&self.writer, &outcome).unwrap()
    }
}

fn commit(store: &Store, number: usize, parents: &[CommitId]) -> CommitId {
    let work = Work { writer: store.writer(&Silent), files: content::files(number), number };
    let git = GitState {
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        branch: Some("main".to_owned()),
        remote: None,
        dirty: number > 0,
    };
    let commit = Commit {
        definition: work.definition(),
        outcome: (number != 2).then(|| work.outcome()),
        parents: parents.to_vec(),
        author: AUTHOR.to_owned(),
        time: time(number),
        message: COMMITS[number].to_owned(),
        git: Some(git).filter(|_| number < 3),
        run: None,
    };
    let id = put(&work.writer, &commit).unwrap();
    work.writer.finish().unwrap();
    id
}

/// Moves refs, one minute after another.
struct Refs<'a> {
    storage: &'a Folder,
    store: &'a Store,
    minute: Cell<usize>,
}

impl Refs<'_> {
    fn advance(&self, family: Family, name: &str, base: Option<Target>, target: Target, why: &str) {
        let name = Ref { family, name: RefName::new(name).unwrap() };
        self.minute.set(self.minute.get() + 1);
        let by = Move { who: AUTHOR.to_owned(), when: time(self.minute.get()), why: why.to_owned() };
        let is_ancestor = |a, b| Ok(mdl::graph::is_ancestor(self.store, a, b)?);
        let done = refs::advance(self.storage, &name, base, target, &by, &mut |_| Ok(()), &is_ancestor);
        assert_eq!(done.unwrap(), Advanced::Done);
    }

    fn head(&self, name: &str, base: Option<CommitId>, target: Option<CommitId>, why: &str) {
        let target = target.map_or(Target::Deleted, Target::Commit);
        self.advance(Family::Heads, name, base.map(Target::Commit), target, why);
    }
}

fn tag(store: &Store, commit: CommitId, message: &str) -> TagId {
    let writer = store.writer(&Silent);
    let (author, message) = (AUTHOR.to_owned(), message.to_owned());
    let tag = Tag { name: "v1.0".to_owned(), commit, author, time: time(10), message };
    let id = put(&writer, &tag).unwrap();
    writer.finish().unwrap();
    id
}

/// Writes the repository into a folder that is not there yet.
pub fn write(folder: &Path) {
    let storage = Folder::new(folder, Arc::new(OsDisk));
    let store = Store::open(Arc::new(storage.clone()), None);
    let refs = Refs { storage: &storage, store: &store, minute: Cell::new(20) };
    let baseline = commit(&store, 0, &[]);
    refs.head("main", None, Some(baseline), "commit: baseline");
    refs.head("gone", None, Some(baseline), "branch: created");
    let wider = commit(&store, 1, &[baseline]);
    refs.head("main", Some(baseline), Some(wider), "commit: wider");
    refs.head("gone", Some(baseline), None, "branch: deleted");
    let worse = commit(&store, 2, &[wider]);
    refs.head("main", Some(wider), Some(worse), "commit: worse");
    refs.head("main", Some(worse), Some(wider), "undo");
    refs.head("experiment/Wide", None, Some(wider), "branch: created");
    let experiment = commit(&store, 3, &[wider]);
    refs.head("experiment/Wide", Some(wider), Some(experiment), "commit: experiment");
    let first = tag(&store, wider, "first");
    refs.advance(Family::Tags, "v1.0", None, Target::Tag(first), "tag: created");
    let mark = refs::Mark {
        doomed: vec![format!("packs/data/{}", "0".repeat(64))],
        nonce: [7; 16],
        who: AUTHOR.to_owned(),
        when: time(19),
    };
    for epoch in 0..2 {
        let key = Key::new(&format!("gc/{epoch}")).unwrap();
        storage.create(&key, &mdl::encoding::to_bytes(&mark)).unwrap();
    }
    let merge = commit(&store, 4, &[wider, experiment]);
    refs.head("main", Some(wider), Some(merge), "merge: experiment/Wide");
    let second = tag(&store, merge, "second");
    refs.advance(Family::Tags, "v1.0", Some(Target::Tag(first)), Target::Tag(second), "tag: moved");
    storage.create(&Key::new("format").unwrap(), b"mdl 1\n").unwrap();
    std::fs::write(folder.join("HEAD"), "ref: main\n").unwrap();
    std::fs::remove_dir(folder.join("tmp")).unwrap();
}
