//! Labelled values of a record, and how two lists of them differ: for parts that are shown field by field.

use std::collections::BTreeMap;

use crate::value::{Int, Value};

/// What a number counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Nothing in particular.
    #[default]
    Plain,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    Bandwidth,
    /// Megahertz.
    Megahertz,
    /// Milliwatts.
    Milliwatts,
}

/// A value with its label and unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What it is, as a dotted path.
    pub label: String,
    /// What it counts.
    pub unit: Unit,
    /// The value.
    pub value: Value,
}

/// A field that was added, removed or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// What it is, as a dotted path.
    pub label: String,
    /// What it counts.
    pub unit: Unit,
    /// What it was.
    pub old: Option<Value>,
    /// What it is.
    pub new: Option<Value>,
}

/// Collects fields in the order in which they are shown.
#[derive(Default)]
pub(super) struct FieldList(Vec<Field>);

impl FieldList {
    pub(super) fn text(&mut self, label: &str, value: impl Into<Option<String>>) {
        self.push(label, Unit::Plain, value.into().map(Value::Text));
    }

    pub(super) fn number(&mut self, label: &str, unit: Unit, value: impl Into<Option<u64>>) {
        self.push(label, unit, value.into().map(|number| Value::Int(Int::from(number))));
    }

    pub(super) fn push(&mut self, label: &str, unit: Unit, value: Option<Value>) {
        self.0.extend(value.map(|value| Field { label: label.to_owned(), unit, value }));
    }

    pub(super) fn finish(self) -> Vec<Field> {
        self.0
    }
}

/// The fields that differ: those of the new list in its order, then those that are gone.
pub(super) fn changes(old: &[Field], new: &[Field]) -> Vec<FieldChange> {
    let mut before: BTreeMap<&str, &Field> = old.iter().map(|field| (field.label.as_str(), field)).collect();
    let mut out = Vec::new();
    for field in new {
        let was = before.remove(field.label.as_str()).map(|was| &was.value);
        if was != Some(&field.value) {
            let (label, unit) = (field.label.clone(), field.unit);
            out.push(FieldChange { label, unit, old: was.cloned(), new: Some(field.value.clone()) });
        }
    }
    for field in old.iter().filter(|field| before.contains_key(field.label.as_str())) {
        let (label, unit) = (field.label.clone(), field.unit);
        out.push(FieldChange { label, unit, old: Some(field.value.clone()), new: None });
    }
    out
}
