//! Trees and a small project for tests.

use std::collections::BTreeMap;

use crate::diff::State;
use crate::id::ContentId;
use crate::name::{EntryName, PartName, TreePath};
use crate::object::*;
use crate::value::Value;

/// A file whose content is this text, without storing it.
pub(crate) fn file(text: &str) -> Node {
    Node::File { content: ContentId::of(text.as_bytes()), size: text.len() as u64, executable: false }
}

/// A file whose content is this text, stored.
pub(crate) fn stored(memory: &Memory, text: &str) -> Node {
    memory.insert_content(text.as_bytes().to_vec());
    file(text)
}

/// A directory of entries that come sorted by name.
pub(crate) fn directory(memory: &Memory, entries: impl IntoIterator<Item = (String, Node)>) -> Node {
    let mut builder = TreeBuilder::new(memory);
    for (name, node) in entries {
        builder.push(Entry { name: EntryName::new(&name).unwrap(), node }).unwrap();
    }
    builder.finish().unwrap()
}

/// A directory of stored files.
pub(crate) fn folder(memory: &Memory, files: &[(&str, &str)]) -> Node {
    let mut files = files.to_vec();
    files.sort();
    directory(memory, files.into_iter().map(|(name, text)| (name.to_owned(), stored(memory, text))))
}

/// A small project. The default is the baseline that tests start from.
pub(crate) struct Project {
    pub(crate) params: Vec<(&'static str, Value)>,
    pub(crate) features: Vec<&'static str>,
    pub(crate) data: Vec<(&'static str, &'static str)>,
    pub(crate) code: Vec<(&'static str, String)>,
    pub(crate) packages: Vec<(&'static str, &'static str)>,
    pub(crate) kernel: &'static str,
    pub(crate) metrics: Vec<(&'static str, f64)>,
}

/// The source file of the baseline.
pub(crate) fn train_py() -> String {
    let body = (1..=12).map(|i| format!("step_{i}()\n"));
    format!("import csv\n\nlr = load('lr')\n{}", body.collect::<String>())
}

impl Default for Project {
    fn default() -> Self {
        Self {
            params: vec![("lr", Value::Float(0.1)), ("epochs", Value::Int(100i64.into()))],
            features: vec!["bill_length_mm", "bill_depth_mm"],
            data: vec![("penguins.csv", "species,bill\nAdelie,39.1\n"), ("README", "CC0\n")],
            code: vec![("train.py", train_py())],
            packages: vec![("numpy", "1.26.4"), ("pandas", "2.2.0")],
            kernel: "6.8",
            metrics: vec![("accuracy", 0.942), ("loss", 0.2)],
        }
    }
}

impl Project {
    /// The state of the project, with its objects and contents in memory.
    pub(crate) fn state(&self, memory: &Memory) -> State {
        State { definition: Some(self.definition(memory)), outcome: Some(self.outcome()) }
    }

    fn definition(&self, memory: &Memory) -> Definition {
        let dataset = Dataset {
            root: folder(memory, &self.data),
            stored: true,
            format: Some("csv".into()),
            source: None,
            licence: Some("CC0-1.0".into()),
            profile: None,
        };
        let datasets = PlacedDataset { path: path("data"), dataset: put(memory, &dataset).unwrap() };
        let file = Placed { path: path("features.txt"), node: stored(memory, &self.features.join("\n")) };
        let features = PlacedFeatures { file, features: put(memory, &self.feature_set()).unwrap() };
        let leaves = self.params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let values = BTreeMap::from([("train".to_owned(), Value::Map(leaves))]);
        let text = Value::Map(values.clone()).to_string();
        let files = vec![Placed { path: path("params.yaml"), node: stored(memory, &text) }];
        let code: Vec<(&str, &str)> = self.code.iter().map(|(name, text)| (*name, text.as_str())).collect();
        Definition {
            datasets: BTreeMap::from([(part("penguins"), datasets)]),
            features: BTreeMap::from([(part("base"), features)]),
            params: Some(PlacedParams { files, params: put(memory, &Params { values }).unwrap() }),
            code: Some(put(memory, &Code { root: folder(memory, &code) }).unwrap()),
            command: Some(vec!["python3".into(), "train.py".into()]),
            directory: None,
            seeds: BTreeMap::from([("python".into(), Value::Int(7i64.into()))]),
            environment: put(memory, &self.environment(memory)).unwrap(),
        }
    }

    fn feature_set(&self) -> Features {
        let feature = |name: &&str| Feature {
            name: (*name).to_owned(),
            dtype: Some("float".into()),
            columns: vec![(*name).to_owned()],
            transform: None,
            description: None,
        };
        let features = self.features.iter().map(feature).collect();
        Features { features, datasets: vec![part("penguins")], profile: None }
    }

    fn environment(&self, memory: &Memory) -> Environment {
        let package = |(name, version): &(&str, &str)| Package {
            ecosystem: "pypi".into(),
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            origin: None,
        };
        let interpreter = Interpreter { implementation: "cpython".into(), version: "3.12.3".into() };
        let packages = self.packages.iter().map(package).collect();
        let packages = Packages { interpreter: Some(interpreter), packages, locks: None };
        let devices = Vec::new();
        let accelerators = Accelerators { devices, driver: None, runtime: None, libraries: None, gap: None };
        Environment {
            packages: put(memory, &packages).unwrap(),
            system: put(memory, &self.system()).unwrap(),
            accelerators: put(memory, &accelerators).unwrap(),
            variables: BTreeMap::from([("OMP_NUM_THREADS".into(), "1".into())]),
        }
    }

    fn system(&self) -> System {
        let cpu = Cpu { model: "Xeon".into(), vendor: None, cores: Some(2), threads: 4, extensions: vec![] };
        System {
            os: "linux".into(),
            release: Some("Debian 13".into()),
            kernel: Some(self.kernel.into()),
            arch: "x86_64".into(),
            libc: None,
            cpu,
            memory: 16 << 30,
            numa_nodes: None,
            container: None,
            limits: Limits { cpus: None, memory: None },
            blas: None,
            allocation: None,
        }
    }

    fn outcome(&self) -> Outcome {
        let values = self.metrics.iter().map(|(name, value)| ((*name).to_owned(), Value::Float(*value)));
        let better =
            BTreeMap::from([("accuracy".into(), Direction::Higher), ("loss".into(), Direction::Lower)]);
        Outcome {
            metrics: Some(Metrics { values: values.collect(), files: Vec::new(), better }),
            series: BTreeMap::new(),
            outputs: BTreeMap::new(),
            utilisation: None,
            log: None,
            exit: Some(0),
            started: None,
            finished: None,
            observations: BTreeMap::new(),
            receipt: None,
        }
    }
}

fn part(name: &str) -> PartName {
    PartName::new(name).unwrap()
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}
