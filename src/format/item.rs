//! A tree of values as it stands in a file: the order of keys is kept, since it means something in some files.

use std::collections::HashSet;

use super::{FormatError, MAX_DEPTH, MAX_VALUES};
use crate::value::{Int, Value};

/// A value of a file. Scalars are never lists or maps.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Scalar(Value),
    List(Vec<Item>),
    Map(Vec<(String, Item)>),
}

impl Item {
    /// The value, which has forgotten the order of keys.
    pub(super) fn into_value(self) -> Value {
        match self {
            Item::Scalar(value) => value,
            Item::List(items) => Value::List(items.into_iter().map(Item::into_value).collect()),
            Item::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, item)| (key, item.into_value())).collect())
            }
        }
    }

    /// What kind of value this is, in a word.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Item::Scalar(value) => value.type_name(),
            Item::List(_) => "list",
            Item::Map(_) => "map",
        }
    }

    /// The text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Item::Scalar(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one that is not negative.
    pub(super) fn as_u64(&self) -> Option<u64> {
        match self {
            Item::Scalar(Value::Int(int)) => u64::try_from(int.get()).ok(),
            _ => None,
        }
    }
}

/// The entries of a map that is being read; refuses a key that is there twice.
#[derive(Default)]
pub(super) struct Entries {
    seen: HashSet<String>,
    entries: Vec<(String, Item)>,
}

impl Entries {
    /// Notes a key before its value is read, so that the line is the key's.
    pub(super) fn claim(&mut self, key: &str, line: impl Into<Option<u64>>) -> Result<(), FormatError> {
        if self.seen.insert(key.to_owned()) {
            Ok(())
        } else {
            Err(FormatError::new(line, format!("the key {key:?} is there twice")))
        }
    }

    /// Adds the value of a key that was claimed.
    pub(super) fn push(&mut self, key: String, item: Item) {
        self.entries.push((key, item));
    }

    /// Adds entries whose keys are not there yet.
    pub(super) fn merge(&mut self, entries: Vec<(String, Item)>) {
        for (key, item) in entries {
            if self.seen.insert(key.clone()) {
                self.entries.push((key, item));
            }
        }
    }

    /// The map.
    pub(super) fn finish(self) -> Item {
        Item::Map(self.entries)
    }
}

/// How many values a file may still have.
pub(super) struct Budget(usize);

impl Budget {
    /// What a file may have.
    pub(super) fn new() -> Self {
        Self(MAX_VALUES)
    }

    /// Takes values off the budget.
    pub(super) fn take(&mut self, values: usize, line: impl Into<Option<u64>>) -> Result<(), FormatError> {
        match self.0.checked_sub(values) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(FormatError::new(line, format!("more than {MAX_VALUES} values"))),
        }
    }
}

/// Refuses a list or map that has this many others around it, if they are too many.
pub(super) fn check_depth(around: usize, line: impl Into<Option<u64>>) -> Result<(), FormatError> {
    if around < MAX_DEPTH { Ok(()) } else { Err(too_deep(line)) }
}

/// The error of a tree that nests too deep.
pub(super) fn too_deep(line: impl Into<Option<u64>>) -> FormatError {
    FormatError::new(line, format!("nested deeper than {MAX_DEPTH}"))
}

/// An integer in the range that values have.
pub(super) fn int(value: Option<i128>, line: impl Into<Option<u64>>) -> Result<Value, FormatError> {
    match value.and_then(Int::new) {
        Some(int) => Ok(Value::Int(int)),
        None => Err(FormatError::new(line, "the integer is beyond -2^64 to 2^64-1")),
    }
}
