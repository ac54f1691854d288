//! The typed tree of values that parameters and metrics are made of.
//!
//! Integers and floats stay distinct, integers have the exact range of CBOR, NaN and infinities are
//! values, and keys are sorted: two trees are equal exactly when their canonical bytes are.

use std::collections::BTreeMap;
use std::fmt;

/// A value, or a tree of them.
#[derive(Clone, Debug)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(Int),
    /// A number with a fraction, NaN or an infinity. All NaN are one value.
    Float(f64),
    /// Text. Dates are text, in the form of RFC 3339.
    Text(String),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name.
    Map(BTreeMap<String, Value>),
}

/// An integer from -2⁶⁴ to 2⁶⁴-1, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Int(i128);

impl Int {
    const MIN: i128 = -(1 << 64);
    const MAX: i128 = (1 << 64) - 1;

    /// The integer, unless it is out of range.
    pub fn new(value: i128) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&value).then_some(Self(value))
    }

    /// The integer as a number.
    pub fn get(self) -> i128 {
        self.0
    }
}

impl From<i64> for Int {
    fn from(value: i64) -> Self {
        Self(value.into())
    }
}

impl From<u64> for Int {
    fn from(value: u64) -> Self {
        Self(value.into())
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Value {
    /// A map without entries.
    pub fn empty_map() -> Self {
        Value::Map(BTreeMap::new())
    }

    /// What kind of value this is, in a word.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::Float(_) => "float",
            Value::Text(_) => "text",
            Value::List(_) => "list",
            Value::Map(_) => "map",
        }
    }

    /// The value as a float, if it is a number. Large integers are rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(i) => Some(i.get() as f64),
            Value::Float(f) => Some(*f),
            _ => None,
        }
    }

    /// The value at a path, if there is one.
    pub fn get(&self, path: &KeyPath) -> Option<&Value> {
        path.keys.iter().try_fold(self, |value, key| match value {
            Value::Map(map) => map.get(key),
            Value::List(list) => list.get(key.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Whether there are more than so many leaves. Costs no more than to count so far.
    pub fn has_more_leaves_than(&self, most: usize) -> bool {
        fn count(value: &Value, left: &mut usize) -> bool {
            match value {
                Value::Map(map) if !map.is_empty() => map.values().any(|value| count(value, left)),
                Value::List(list) if !list.is_empty() => list.iter().any(|value| count(value, left)),
                _ => left.checked_sub(1).map(|less| *left = less).is_none(),
            }
        }
        count(self, &mut most.clone())
    }

    /// Every leaf (scalar, or empty list or map) with its path, in the order of the paths' keys.
    pub fn leaves(&self) -> Vec<(KeyPath, &Value)> {
        fn walk<'a>(value: &'a Value, path: &KeyPath, out: &mut Vec<(KeyPath, &'a Value)>) {
            match value {
                Value::Map(map) if !map.is_empty() => {
                    map.iter().for_each(|(key, value)| walk(value, &path.child(key), out));
                }
                Value::List(list) if !list.is_empty() => {
                    list.iter()
                        .enumerate()
                        .for_each(|(i, value)| walk(value, &path.child(&i.to_string()), out));
                }
                _ => out.push((path.clone(), value)),
            }
        }
        let mut out = Vec::new();
        walk(self, &KeyPath::default(), &mut out);
        out
    }
}

/// Scalars as a person would write them: text is quoted only where it could be taken for something else.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(i) => write!(f, "{}", i.get()),
            Value::Float(x) if x.is_nan() => f.write_str("nan"),
            Value::Float(x) if x.is_infinite() => f.write_str(if *x > 0.0 { "inf" } else { "-inf" }),
            // Debug keeps the ".0" that tells a float from an integer.
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Text(text) if is_plain(text) => f.write_str(text),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::List(list) => {
                f.write_str("[")?;
                for (i, value) in list.iter().enumerate() {
                    write!(f, "{}{value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Value::Map(map) => {
                f.write_str("{")?;
                for (i, (key, value)) in map.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

fn is_plain(text: &str) -> bool {
    let starts_like_a_word = text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '/' | '.'));
    let reserved = matches!(text, "null" | "true" | "false" | "nan" | "inf");
    starts_like_a_word
        && !reserved
        && !text.chars().any(|c| c.is_control() || matches!(c, '"' | ',' | ':' | '[' | ']' | '{' | '}'))
        && !text.ends_with(' ')
}

/// The way to a value in a tree, written with dots: `model.layers.0`. Keys that have a dot or a quotation mark are
/// quoted; a mark within is doubled.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath {
    keys: Vec<String>,
}

impl KeyPath {
    /// The path one key further down.
    pub fn child(&self, key: &str) -> Self {
        let mut keys = self.keys.clone();
        keys.push(key.to_owned());
        Self { keys }
    }

    /// The keys, topmost first.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Whether this path is `other` or lies below it.
    pub fn is_within(&self, other: &KeyPath) -> bool {
        self.keys.starts_with(&other.keys)
    }
}

impl std::str::FromStr for KeyPath {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut keys, mut key, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.next_if_eq(&'"').is_some() => key.push('"'),
                '"' => (quoted, any) = (!quoted, true),
                '.' if !quoted => (any, _) = (true, keys.push(std::mem::take(&mut key))),
                c => (any, _) = (true, key.push(c)),
            }
        }
        if any {
            keys.push(key);
        }
        Ok(Self { keys })
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, key) in self.keys.iter().enumerate() {
            let dot = if i > 0 { "." } else { "" };
            if key.is_empty() || key.contains(['.', '"']) {
                write!(f, "{dot}\"{}\"", key.replace('"', "\"\""))?;
            } else {
                write!(f, "{dot}{key}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        let inner = BTreeMap::from([("lr".into(), Value::Float(0.1)), ("a.b".into(), Value::Null)]);
        let list = Value::List(vec![Value::Bool(true), Value::Text("no".into())]);
        Value::Map(BTreeMap::from([("train".into(), Value::Map(inner)), ("layers".into(), list)]))
    }

    #[test]
    fn leaves_have_paths_that_lead_back() {
        let value = sample();
        let leaves = value.leaves();
        let paths: Vec<String> = leaves.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["layers.0", "layers.1", "train.\"a.b\"", "train.lr"]);
        for (path, leaf) in &leaves {
            assert_eq!(value.get(&path.to_string().parse().unwrap()), Some(*leaf));
        }
    }

    #[test]
    fn leaves_are_counted_as_far_as_it_matters() {
        let value = sample();
        assert!(value.has_more_leaves_than(3) && !value.has_more_leaves_than(4));
        assert!(Value::List(Vec::new()).has_more_leaves_than(0));
    }

    #[test]
    fn every_key_has_a_path_that_leads_back() {
        for key in ["", ".", "\"", "\"\"", "a\"b", "\"a.b\"", "a.\"", " ", "ä"] {
            let path = KeyPath::default().child(key).child("x");
            assert_eq!(path.to_string().parse(), Ok(path), "{key}");
        }
    }

    #[test]
    fn numbers_keep_their_type() {
        assert_ne!(Value::Int(Int::from(1i64)), Value::Float(1.0));
        assert_eq!(Value::Float(f64::NAN), Value::Float(-f64::NAN));
        assert_ne!(Value::Float(0.0), Value::Float(-0.0));
        assert_eq!(Value::Float(1.0).to_string(), "1.0");
        assert_eq!(Int::new(1 << 64), None);
        assert!(Int::new(-(1 << 64)).is_some());
    }
}
