//! Setting a value in somebody's file of parameters: only the value's own bytes change.
//!
//! Comments, order, indentation, quotation marks and line ends stay to the byte. What was written is read
//! again: unless it is exactly the tree that was wanted, nothing is returned but the reason.

mod json;
mod toml;
mod write;
mod yaml;

use std::ops::Range;

use super::{FormatError, Syntax, utf8, values};
use crate::suggest;
use crate::value::{Int, KeyPath, Value};

/// Why a value cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum SetError {
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("there is no {path}{}", nearest.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    NoSuchKey { path: KeyPath, nearest: Option<KeyPath> },
    #[error("{path} has the type {has} and cannot become of type {given}")]
    Shape { path: KeyPath, has: &'static str, given: &'static str },
    #[error("{path} has its value through {how}")]
    Indirect { path: KeyPath, how: Indirection },
    #[error("{given} cannot be written here as {path}")]
    Unwritable { path: KeyPath, given: String },
    #[error("{path} cannot be changed without changing something else")]
    NotAlone { path: KeyPath },
}

/// How a value comes from another place of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Indirection {
    Alias,
    Merge,
}

impl std::fmt::Display for Indirection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Indirection::Alias => "an alias",
            Indirection::Merge => "a merge key or an alias",
        })
    }
}

/// Where a value stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spot {
    range: Range<usize>,
    /// What must stand before a new value: there may be no space where there is no value.
    before: &'static str,
}

/// Why a value that is in the tree has no place of its own.
enum Lost {
    Indirect(Indirection),
    Unknown,
}

/// The file with another value under a key that is there.
///
/// A scalar may become any scalar or a list, a list another list; either may be null. Maps stay. An integer
/// for a float is written as a float, so that the type follows the file.
pub fn set(syntax: Syntax, bytes: &[u8], path: &KeyPath, value: &Value) -> Result<Vec<u8>, SetError> {
    let mut tree = Value::Map(values(syntax, bytes)?);
    let Some(has) = tree.get(path) else {
        return Err(SetError::NoSuchKey { path: path.clone(), nearest: nearest(&tree, path) });
    };
    let value = fitting(has, value).ok_or_else(|| {
        let (has, given) = (has.type_name(), value.type_name());
        SetError::Shape { path: path.clone(), has, given }
    })?;
    if *has == value {
        return Ok(bytes.to_vec());
    }
    let text = utf8(bytes)?;
    let found = match syntax {
        Syntax::Yaml => yaml::find(text, path.keys()),
        Syntax::Json => json::find(text, path.keys()).ok_or(Lost::Unknown),
        Syntax::Toml => toml::find(text, path.keys()).ok_or(Lost::Unknown),
    };
    let not_alone = || SetError::NotAlone { path: path.clone() };
    let spot = found.map_err(|lost| match lost {
        Lost::Indirect(how) => SetError::Indirect { path: path.clone(), how },
        Lost::Unknown => not_alone(),
    })?;
    let old = text.get(spot.range.clone()).ok_or_else(not_alone)?;
    let written = write::value(syntax, &value, old)
        .ok_or_else(|| SetError::Unwritable { path: path.clone(), given: value.to_string() })?;
    let mark = bytes.len() - text.len();
    let (head, tail) = (&bytes[..mark + spot.range.start], &bytes[mark + spot.range.end..]);
    let new = [head, spot.before.as_bytes(), written.as_bytes(), tail].concat();
    if let Some(place) = get_mut(&mut tree, path) {
        *place = value;
    }
    let read = values(syntax, &new).map(Value::Map);
    if read == Ok(tree) { Ok(new) } else { Err(not_alone()) }
}

/// The value as it may replace another one.
fn fitting(has: &Value, given: &Value) -> Option<Value> {
    use Value::{Float, Int as Integer, List, Map, Null};
    match (has, given) {
        (Map(_), _) | (_, Map(_)) => None,
        (List(_), List(_) | Null) | (_, List(_)) => Some(given.clone()),
        (List(_), _) => None,
        (Float(_), Integer(int)) => Some(exact(*int).map_or_else(|| given.clone(), Float)),
        _ => Some(given.clone()),
    }
}

/// The float that is an integer, if there is one.
fn exact(int: Int) -> Option<f64> {
    let float = int.get() as f64;
    (float as i128 == int.get()).then_some(float)
}

fn get_mut<'a>(tree: &'a mut Value, path: &KeyPath) -> Option<&'a mut Value> {
    path.keys().iter().try_fold(tree, |value, key| match value {
        Value::Map(map) => map.get_mut(key),
        Value::List(list) => list.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    })
}

/// So many keys are looked through for one that may have been meant.
const MAX_CANDIDATES: usize = 10_000;

/// The key that may have been meant: a near one beside where the path ends, or one of the same name elsewhere.
fn nearest(tree: &Value, path: &KeyPath) -> Option<KeyPath> {
    let (mut at, mut known) = (tree, KeyPath::default());
    for (depth, key) in path.keys().iter().enumerate() {
        let below = known.child(key);
        if let Some(next) = at.get(&KeyPath::default().child(key)) {
            (at, known) = (next, below);
            continue;
        }
        if let Value::Map(map) = at
            && let Some(near) = suggest::nearest(key, map.keys().take(MAX_CANDIDATES).map(String::as_str))
        {
            let rest = path.keys()[depth + 1..].iter();
            let whole = rest.fold(known.child(near), |path, key| path.child(key));
            return Some(if tree.get(&whole).is_some() { whole } else { known.child(near) });
        }
        break;
    }
    let leaves = tree.leaves().into_iter().take(MAX_CANDIDATES).map(|(leaf, _)| leaf);
    leaves.into_iter().find(|leaf| !path.keys().is_empty() && leaf.keys().ends_with(path.keys()))
}

#[cfg(test)]
mod tests;
