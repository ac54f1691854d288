//! What each fuzz target does with its input. `tests/corpora.rs` does the same with the seeds, without a fuzzer.
//!
//! A target panics where a promise is broken: that a decoder accepts canonical bytes only, and that what a
//! reader of files accepts can be stored.

mod cut;
pub mod packs;
pub mod state;
pub mod streams;
pub mod words;

use std::io::Cursor;

use mdl::encoding::{from_bytes, to_bytes};
use mdl::format::{self, Syntax};
use mdl::id::{Kind, TypedId};
use mdl::object::{self, Memory, Object};
use mdl::value::{KeyPath, Value};

/// The target of this name.
pub fn target(name: &str) -> Option<fn(&[u8])> {
    match name {
        "objects" => Some(objects),
        "tree" => Some(tree),
        "params" => Some(params),
        "lists" => Some(lists),
        "reports" => Some(reports),
        "set" => Some(set),
        "profiles" => Some(profiles),
        "pack" => Some(packs::pack),
        "recipe" => Some(packs::recipe),
        "refs" => Some(state::refs),
        "caches" => Some(state::caches),
        "streams" => Some(streams::streams),
        "names" => Some(words::names),
        "manifest" => Some(words::manifest),
        _ => None,
    }
}

/// The bytes that the object which these bytes are has again; `None` if they are none of this kind.
pub fn reencoded(kind: Kind, bytes: &[u8]) -> Option<(Vec<u8>, String)> {
    fn of<T: Object + std::fmt::Debug>(bytes: &[u8]) -> Option<(Vec<u8>, String)> {
        from_bytes::<T>(bytes).ok().map(|object| (to_bytes(&object), format!("{object:?}")))
    }
    match kind {
        Kind::Tree => of::<object::Tree>(bytes),
        Kind::Dataset => of::<object::Dataset>(bytes),
        Kind::Profile => of::<object::Profile>(bytes),
        Kind::Features => of::<object::Features>(bytes),
        Kind::Params => of::<object::Params>(bytes),
        Kind::Code => of::<object::Code>(bytes),
        Kind::Packages => of::<object::Packages>(bytes),
        Kind::System => of::<object::System>(bytes),
        Kind::Accelerators => of::<object::Accelerators>(bytes),
        Kind::Environment => of::<object::Environment>(bytes),
        Kind::Definition => of::<object::Definition>(bytes),
        Kind::Series => of::<object::Series>(bytes),
        Kind::Outcome => of::<object::Outcome>(bytes),
        Kind::Commit => of::<object::Commit>(bytes),
        Kind::Tag => of::<object::Tag>(bytes),
        Kind::Runs => of::<object::Runs>(bytes),
    }
}

/// An object of any kind: the first byte says which.
pub fn objects(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    check_object(Kind::ALL[usize::from(*first) % Kind::ALL.len()], bytes);
}

fn check_object(kind: Kind, bytes: &[u8]) {
    let again = reencoded(kind, bytes);
    if let Some((again, _)) = &again {
        assert_eq!(again, bytes, "{kind} has two encodings");
    }
    let linked = object::links(kind, kind.digest(bytes), bytes, &mut |_| {});
    assert_eq!(linked.is_ok(), again.is_some());
}

/// A page of a directory: also looked into, in a repository that has nothing else.
pub fn tree(data: &[u8]) {
    check_object(Kind::Tree, data);
    let memory = Memory::default();
    if let Ok(tree) = from_bytes::<object::Tree>(data) {
        let id = object::put(&memory, &tree).unwrap();
        assert_eq!(id.digest(), <mdl::id::TreeId as TypedId>::KIND.digest(data));
        let entries = object::TreeEntries::new(&memory, id).unwrap();
        for entry in entries.take_while(Result::is_ok).flatten() {
            assert_eq!(object::lookup(&memory, id, entry.name.as_str()).unwrap(), Some(entry.node));
        }
        let _ = object::lookup(&memory, id, "m");
    }
}

/// A file of parameters: the first byte says which syntax.
pub fn params(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let syntax = [Syntax::Yaml, Syntax::Json, Syntax::Toml][usize::from(*first) % 3];
    if let Ok(values) = format::values(syntax, bytes) {
        let params = object::Params { values };
        assert_eq!(from_bytes(&to_bytes(&params)), Ok(params));
    }
}

/// A file of metrics or of features: the first byte says which syntax.
pub fn lists(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let extension = ["yaml", "json", "toml", "csv", "jsonl", "txt"][usize::from(*first) % 6];
    let name = format!("file.{extension}");
    let _ = format::metrics(&name, bytes);
    if let Ok(features) = format::features(&name, bytes) {
        let features = object::Features { features, datasets: Vec::new(), profile: None };
        assert_eq!(from_bytes(&to_bytes(&features)), Ok(features));
    }
}

/// What a program reports: the series can be stored, and end with the values.
pub fn reports(data: &[u8]) {
    let read = format::reports(data).unwrap();
    assert_eq!(read.bad > 0, read.first_bad.is_some());
    let values = Value::Map(read.values);
    for (name, series) in read.series {
        let path: KeyPath = name.parse().unwrap();
        assert_eq!(
            values.get(&path).and_then(Value::as_f64).map(f64::is_nan),
            series.values.last().map(|v| v.is_nan())
        );
        for column in [&series.steps, &series.times].into_iter().flatten() {
            assert_eq!(column.len(), series.values.len());
        }
        let encoded = to_bytes(&series);
        assert_eq!(reencoded(Kind::Series, &encoded).map(|(again, _)| again), Some(encoded));
    }
}

/// A file of parameters in which each value in turn is set to others: the first byte says which syntax. What is
/// set reads as it was wanted, and is set back to what it was.
pub fn set(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let syntax = [Syntax::Yaml, Syntax::Json, Syntax::Toml][usize::from(*first) % 3];
    let Ok(values) = format::values(syntax, bytes) else { return };
    let tree = Value::Map(values);
    let given =
        [Value::Float(1e-7), Value::Text("no: #'\"\n".to_owned()), Value::List(vec![Value::Bool(true)])];
    for (path, leaf) in tree.leaves().into_iter().take(16) {
        for value in &given {
            let Ok(changed) = format::set(syntax, bytes, &path, value) else { continue };
            let read = Value::Map(format::values(syntax, &changed).unwrap());
            assert_eq!(read.get(&path), Some(value));
            let others = |tree: &Value| {
                let leaves = tree.leaves().into_iter().filter(|(other, _)| !other.is_within(&path));
                leaves.map(|(path, value)| (path, value.clone())).collect::<Vec<_>>()
            };
            assert_eq!(others(&read), others(&tree));
            // An integer for the float that is there now would become one.
            if !matches!(leaf, Value::Int(_))
                && let Ok(back) = format::set(syntax, &changed, &path, leaf)
            {
                assert_eq!(Value::Map(format::values(syntax, &back).unwrap()), tree);
            }
        }
    }
}

/// A file of data: the first byte says which format.
pub fn profiles(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let format = ["csv", "tsv", "jsonl", "npy", "safetensors", "parquet"][usize::from(*first) % 6];
    let profile = format::profile(format, &mut Cursor::new(bytes), bytes.len() as u64);
    let encoded = to_bytes(&profile);
    assert_eq!(reencoded(Kind::Profile, &encoded).map(|(again, _)| again), Some(encoded));
}
