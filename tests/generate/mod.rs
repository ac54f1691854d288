//! Objects of every kind from arbitrary bytes: the same bytes make the same object, and fewer bytes a smaller one.

use std::collections::BTreeMap;

use mdl::encoding::to_bytes;
use mdl::id::{self, Digest, Kind};
use mdl::name::{EntryName, PartName, RunId, TreePath};
use mdl::object::*;
use mdl::value::{Int, Value};

/// Bytes that decide what is made; zeros when they are used up.
pub struct Source<'a> {
    bytes: &'a [u8],
    depth: usize,
}

impl<'a> Source<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, depth: 0 }
    }

    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn len(&mut self) -> usize {
        usize::from(self.byte() % 4)
    }
}

/// Something that can be made of bytes.
pub trait Make {
    fn make(source: &mut Source<'_>) -> Self;
}

macro_rules! make {
    ($($type:ident { $($field:ident),* })*) => {
        $(impl Make for $type {
            fn make(source: &mut Source<'_>) -> Self {
                Self { $($field: Make::make(source)),* }
            }
        })*
    };
}

make! {
    Accelerators { devices, driver, runtime, libraries, gap }
    Accelerator {
        kind, vendor, model, memory, units, capability, clocks, bus_width, bandwidth, pcie, nvlinks, ecc, mig,
        power_limit, limits
    }
    Pcie { generation, width }
    Code { root }
    Commit { definition, outcome, parents, author, time, message, git, run }
    Time { millis, zone }
    GitState { commit, branch, remote, dirty }
    Dataset { root, stored, format, source, licence, profile }
    Definition { datasets, features, params, code, command, directory, seeds, environment }
    PlacedDataset { path, dataset }
    PlacedFeatures { file, features }
    PlacedParams { files, params }
    Environment { packages, system, accelerators, variables }
    Features { features, datasets, profile }
    Feature { name, dtype, columns, transform, description }
    Outcome { metrics, series, outputs, utilisation, log, exit, started, finished, observations, receipt }
    Metrics { values, files, better }
    Utilisation { series, summary }
    Log { content, size }
    Packages { interpreter, packages, locks }
    Run { id, name, phase, sweep, set, reproduces }
    Receipt { grade, first }
    Divergence { what, step, recorded, found }
    Interpreter { implementation, version }
    Package { ecosystem, name, version, origin }
    Params { values }
    Profile { rows, columns, tensors, gap }
    Column { name, dtype, count, missing, distinct, min, max, moments, quantiles, top }
    Moments { count, mean, m2 }
    TopValue { value, count }
    Tensor { name, dtype, shape }
    System {
        os, release, kernel, arch, libc, cpu, memory, numa_nodes, container, limits, blas, allocation
    }
    Cpu { model, vendor, cores, threads, extensions }
    Limits { cpus, memory }
    Runs { runs, batches }
    Tag { name, commit, author, time, message }
    Placed { path, node }
}

macro_rules! make_with {
    ($($type:ty: |$source:ident| $make:expr;)*) => {
        $(impl Make for $type {
            fn make($source: &mut Source<'_>) -> Self {
                $make
            }
        })*
    };
}

make_with! {
    bool: |source| source.byte() & 1 == 1;
    u64: |source| match source.byte() % 4 {
        0 => source.byte().into(),
        1 => [23, 24, 255, 256, 65_535, 65_536, 1 << 32, u64::MAX][usize::from(source.byte() % 8)],
        2 => u16::from_le_bytes(source.array()).into(),
        _ => u64::from_le_bytes(source.array()),
    };
    i64: |source| u64::make(source) as i64;
    f64: |source| match source.byte() % 4 {
        0 => source.byte().into(),
        1 => [0.0, -0.0, f64::NAN, f64::INFINITY, 0.1, 65504.0, 5.960464477539063e-8, 1e300]
            [usize::from(source.byte() % 8)],
        2 => f32::from_le_bytes(source.array()).into(),
        _ => f64::from_le_bytes(source.array()),
    };
    Int: |source| {
        let magnitude = i128::from(u64::make(source));
        Int::new(if bool::make(source) { -1 - magnitude } else { magnitude }).unwrap()
    };
    String: |source| {
        let words = ["", "a", "lr", "größe", "a much longer text that needs two bytes of length", "\0\n\"", "模型", "no"];
        let len = source.len();
        (0..len).map(|_| words[usize::from(source.byte() % 8)]).collect()
    };
    Digest: |source| Digest::new([source.byte(); 32]);
    Value: |source| value(source);
    PartName: |source| PartName::new(&format!("part{}", source.byte())).unwrap();
    EntryName: |source| EntryName::new(&format!("{}é{}", source.byte(), "x".repeat(source.len() * 60))).unwrap();
    TreePath: |source| TreePath::new(&format!("a/{}", source.byte())).unwrap();
    AcceleratorKind: |source| {
        use AcceleratorKind::{Fpga, Gpu, Npu, Other};
        [Gpu, Npu, Fpga, Other][source.len()]
    };
    Phase: |source| [Phase::Train, Phase::Build, Phase::Production][usize::from(source.byte() % 3)];
    Grade: |source| {
        [Grade::Identical, Grade::WithinTolerance, Grade::Diverged, Grade::Failed][usize::from(source.byte() % 4)]
    };
    RunId: |source| RunId::from_parts(Make::make(source), source.array());
    Direction: |source| if bool::make(source) { Direction::Higher } else { Direction::Lower };
    Node: |source| match source.byte() % 3 {
        0 => Node::File { content: Make::make(source), size: Make::make(source), executable: Make::make(source) },
        1 => Node::Symlink { content: Make::make(source), size: Make::make(source) },
        _ => Node::Directory { tree: Make::make(source), files: Make::make(source), bytes: Make::make(source) },
    };
    Tree: |source| tree(source);
    Series: |source| series(source);
}

macro_rules! make_ids {
    ($($id:ident)*) => {
        $(impl Make for id::$id {
            fn make(source: &mut Source<'_>) -> Self {
                Digest::make(source).into()
            }
        })*
    };
}

make_ids! {
    ContentId TreeId DatasetId ProfileId FeaturesId ParamsId CodeId PackagesId SystemId AcceleratorsId
    EnvironmentId DefinitionId SeriesId OutcomeId CommitId RunsId
}

impl<T: Make> Make for Option<T> {
    fn make(source: &mut Source<'_>) -> Self {
        bool::make(source).then(|| T::make(source))
    }
}

impl<T: Make> Make for Vec<T> {
    fn make(source: &mut Source<'_>) -> Self {
        (0..source.len()).map(|_| T::make(source)).collect()
    }
}

impl<K: Make + Ord, V: Make> Make for BTreeMap<K, V> {
    fn make(source: &mut Source<'_>) -> Self {
        (0..source.len()).map(|_| (K::make(source), V::make(source))).collect()
    }
}

fn value(source: &mut Source<'_>) -> Value {
    source.depth += 1;
    let kinds = if source.depth > 8 { 5 } else { 7 };
    let value = match source.byte() % kinds {
        0 => Value::Null,
        1 => Value::Bool(Make::make(source)),
        2 => Value::Int(Make::make(source)),
        3 => Value::Float(Make::make(source)),
        4 => Value::Text(Make::make(source)),
        5 => Value::List(Make::make(source)),
        _ => Value::Map(Make::make(source)),
    };
    source.depth -= 1;
    value
}

fn tree(source: &mut Source<'_>) -> Tree {
    let names: BTreeMap<EntryName, ()> = (0..source.byte() % 16).map(|_| (Make::make(source), ())).collect();
    if names.is_empty() || bool::make(source) {
        return Tree::Leaf(names.into_keys().map(|name| Entry { name, node: Make::make(source) }).collect());
    }
    let page = |first| Page {
        first,
        tree: Make::make(source),
        files: Make::make(source),
        bytes: Make::make(source),
    };
    let pages = names.into_keys().map(page).collect();
    Tree::Branch { level: u64::from(source.byte() % 16) + 1, pages }
}

fn series(source: &mut Source<'_>) -> Series {
    let values: Vec<f64> = Make::make(source);
    let mut column = || {
        let there = bool::make(source) && !values.is_empty();
        there.then(|| values.iter().map(|_| i64::make(source)).collect())
    };
    Series { steps: column(), times: column(), values: values.clone() }
}

/// The canonical bytes of an object of a kind, and how it looks.
pub fn object(kind: Kind, bytes: &[u8]) -> (Vec<u8>, String) {
    fn of<T: Object + Make + std::fmt::Debug>(bytes: &[u8]) -> (Vec<u8>, String) {
        let object = T::make(&mut Source::new(bytes));
        (to_bytes(&object), format!("{object:?}"))
    }
    match kind {
        Kind::Tree => of::<Tree>(bytes),
        Kind::Dataset => of::<Dataset>(bytes),
        Kind::Profile => of::<Profile>(bytes),
        Kind::Features => of::<Features>(bytes),
        Kind::Params => of::<Params>(bytes),
        Kind::Code => of::<Code>(bytes),
        Kind::Packages => of::<Packages>(bytes),
        Kind::System => of::<System>(bytes),
        Kind::Accelerators => of::<Accelerators>(bytes),
        Kind::Environment => of::<Environment>(bytes),
        Kind::Definition => of::<Definition>(bytes),
        Kind::Series => of::<Series>(bytes),
        Kind::Outcome => of::<Outcome>(bytes),
        Kind::Commit => of::<Commit>(bytes),
        Kind::Tag => of::<Tag>(bytes),
        Kind::Runs => of::<Runs>(bytes),
    }
}
