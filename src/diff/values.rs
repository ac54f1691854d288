//! Changes of a tree of values: each leaf by its dotted path, old and new.

use std::collections::{BTreeMap, BTreeSet};

use crate::value::{KeyPath, Value};

/// A value that was added, removed or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueChange {
    /// Where it is in the tree.
    pub path: KeyPath,
    /// What it was.
    pub old: Option<Value>,
    /// What it is.
    pub new: Option<Value>,
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueChangeKind {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It has another type, perhaps with an equal number: `1` → `1.0`.
    Retyped,
    /// It is another value of the same type.
    Changed,
}

impl ValueChange {
    /// What became of the value.
    pub fn kind(&self) -> ValueChangeKind {
        match (&self.old, &self.new) {
            (None, _) => ValueChangeKind::Added,
            (_, None) => ValueChangeKind::Removed,
            (Some(old), Some(new)) if old.type_name() != new.type_name() => ValueChangeKind::Retyped,
            _ => ValueChangeKind::Changed,
        }
    }

    /// New divided by old, for two finite numbers of which the old is not zero, and that have one sign.
    pub fn ratio(&self) -> Option<f64> {
        let (old, new) = (self.old.as_ref()?.as_f64()?, self.new.as_ref()?.as_f64()?);
        let ratio = new / old;
        (ratio.is_finite() && ratio > 0.0 && ratio != 1.0).then_some(ratio)
    }
}

/// Lists and maps of more leaves than this are compared as wholes: a change of each leaf would take far more memory than
/// the leaves.
const MOST_LEAVES: usize = 100_000;

/// The leaves that differ between two maps of values, in the order of their paths. Lists are compared
/// element by element, unless they have very many.
pub fn values(old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Vec<ValueChange> {
    let mut out = Vec::new();
    maps(&KeyPath::default(), old, new, &mut out);
    out
}

/// Depth is bounded by what the encoding allows ([`crate::encoding::MAX_DEPTH`]).
fn walk(path: KeyPath, old: Option<&Value>, new: Option<&Value>, out: &mut Vec<ValueChange>) {
    match (old, new) {
        (Some(old), Some(new)) if old == new => {}
        (old, new) if [old, new].into_iter().flatten().any(|it| it.has_more_leaves_than(MOST_LEAVES)) => {
            out.push(ValueChange { path, old: old.cloned(), new: new.cloned() });
        }
        (Some(Value::Map(old)), Some(Value::Map(new))) => maps(&path, old, new, out),
        (Some(Value::List(old)), Some(Value::List(new))) => {
            for i in 0..old.len().max(new.len()) {
                walk(path.child(&i.to_string()), old.get(i), new.get(i), out);
            }
        }
        (None, Some(value)) | (Some(value), None) => {
            for (leaf, value) in value.leaves() {
                let path = leaf.keys().iter().fold(path.clone(), |path, key| path.child(key));
                let value = Some(value.clone());
                let (old, new) = if old.is_some() { (value, None) } else { (None, value) };
                out.push(ValueChange { path, old, new });
            }
        }
        (old, new) => out.push(ValueChange { path, old: old.cloned(), new: new.cloned() }),
    }
}

fn maps(
    path: &KeyPath,
    old: &BTreeMap<String, Value>,
    new: &BTreeMap<String, Value>,
    out: &mut Vec<ValueChange>,
) {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        walk(path.child(key), old.get(key), new.get(key), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Int;

    fn map(entries: &[(&str, Value)]) -> BTreeMap<String, Value> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    fn int(value: i64) -> Value {
        Value::Int(Int::from(value))
    }

    #[test]
    fn leaves_are_compared_by_path() {
        let old =
            map(&[("lr", Value::Float(0.1)), ("n", int(1)), ("gone", Value::Map(map(&[("x", int(1))])))]);
        let new =
            map(&[("lr", Value::Float(0.01)), ("n", Value::Float(1.0)), ("l", Value::List(vec![int(5)]))]);
        let changes = values(&old, &new);
        let shown: Vec<(String, ValueChangeKind)> =
            changes.iter().map(|change| (change.path.to_string(), change.kind())).collect();
        use ValueChangeKind::*;
        let expected = [("gone.x", Removed), ("l.0", Added), ("lr", Changed), ("n", Retyped)];
        assert_eq!(shown, expected.map(|(path, kind)| (path.to_owned(), kind)));
        assert!((changes[2].ratio().unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(changes[3].ratio(), None);
    }

    #[test]
    fn lists_are_compared_by_element() {
        let old = map(&[("layers", Value::List(vec![int(64), int(64)]))]);
        let new = map(&[("layers", Value::List(vec![int(64), int(32), int(16)]))]);
        let paths: Vec<String> = values(&old, &new).iter().map(|change| change.path.to_string()).collect();
        assert_eq!(paths, ["layers.1", "layers.2"]);
    }

    #[test]
    fn very_long_lists_are_compared_as_wholes() {
        let long = |last| {
            let mut list = vec![int(0); MOST_LEAVES + 1];
            list.push(int(last));
            map(&[("l", Value::List(list)), ("n", int(last))])
        };
        let paths = |old: &BTreeMap<_, _>, new: &BTreeMap<_, _>| {
            values(old, new).iter().map(|it| it.path.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(paths(&long(1), &long(2)), ["l", "n"]);
        assert_eq!(paths(&BTreeMap::new(), &long(2)), ["l", "n"]);
    }

    #[test]
    fn ratios_are_only_given_where_they_mean_something() {
        let ratio = |old: f64, new: f64| {
            let (old, new) = (Some(Value::Float(old)), Some(Value::Float(new)));
            ValueChange { path: KeyPath::default(), old, new }.ratio()
        };
        assert_eq!(ratio(2.0, 4.0), Some(2.0));
        for (old, new) in [(0.0, 1.0), (1.0, -1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (1.0, 0.0)] {
            assert_eq!(ratio(old, new), None, "{old} to {new}");
        }
    }
}
