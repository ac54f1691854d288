//! Changes of what a dataset looks like: rows, columns and arrays.

use std::collections::BTreeMap;

use crate::diff::Replaced;
use crate::object::{Column, Profile};

/// How profiles differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileDiff {
    /// Rows, if they differ.
    pub rows: Option<Replaced<u64>>,
    /// Columns and arrays that were added, removed or have another type.
    pub columns: Vec<ColumnChange>,
    /// Whether the columns that are on both sides come in another order.
    pub reordered: bool,
    /// Columns of the same type whose statistics differ.
    pub restated: Vec<String>,
}

/// A column or array that was added, removed or has another type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnChange {
    /// Its name.
    pub name: String,
    /// What type it was; for an array, with its shape.
    pub old: Option<String>,
    /// What type it is.
    pub new: Option<String>,
}

/// The columns and arrays of a profile with their types, in its order.
fn typed(profile: &Profile) -> Vec<(&str, String)> {
    let columns = profile.columns.iter().map(|column| (column.name.as_str(), column.dtype.clone()));
    let tensors = profile.tensors.iter().map(|tensor| {
        let shape: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
        (tensor.name.as_str(), format!("{}[{}]", tensor.dtype, shape.join(", ")))
    });
    columns.chain(tensors).collect()
}

/// How two profiles differ.
pub(super) fn diff(old: &Profile, new: &Profile) -> ProfileDiff {
    let (before, after) = (typed(old), typed(new));
    let old_types: BTreeMap<&str, &String> = before.iter().map(|(name, dtype)| (*name, dtype)).collect();
    let new_types: BTreeMap<&str, &String> = after.iter().map(|(name, dtype)| (*name, dtype)).collect();
    let change = |name: &&str| {
        let (old, new) = (old_types.get(name).copied().cloned(), new_types.get(name).copied().cloned());
        (old != new).then(|| ColumnChange { name: (*name).to_owned(), old, new })
    };
    let gone = before.iter().map(|(name, _)| name).filter(|name| !new_types.contains_key(*name));
    let columns = after.iter().map(|(name, _)| name).chain(gone).filter_map(change).collect();
    let order = |names: &[(&str, String)], others: &BTreeMap<&str, &String>| -> Vec<String> {
        names
            .iter()
            .filter(|(name, _)| others.contains_key(name))
            .map(|(name, _)| (*name).to_owned())
            .collect()
    };
    let statistics: BTreeMap<&str, &Column> = old.columns.iter().map(|c| (c.name.as_str(), c)).collect();
    let is_restated = |column: &&Column| {
        statistics.get(column.name.as_str()).is_some_and(|was| was.dtype == column.dtype && *was != *column)
    };
    ProfileDiff {
        rows: Replaced::of(old.rows, new.rows),
        columns,
        reordered: order(&before, &new_types) != order(&after, &old_types),
        restated: new.columns.iter().filter(is_restated).map(|column| column.name.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(rows: u64, columns: &[(&str, &str, u64)]) -> Profile {
        let column = |(name, dtype, missing): &(&str, &str, u64)| Column {
            name: (*name).to_owned(),
            dtype: (*dtype).to_owned(),
            count: None,
            missing: Some(*missing),
            distinct: None,
            min: None,
            max: None,
            moments: None,
            quantiles: None,
            top: None,
        };
        let columns = columns.iter().map(column).collect();
        Profile { rows: Some(rows), columns, tensors: Vec::new(), gap: None }
    }

    #[test]
    fn columns_are_compared_by_name() {
        let old = profile(10, &[("a", "int", 0), ("b", "int", 0), ("c", "int", 0), ("d", "text", 1)]);
        let new = profile(12, &[("b", "int", 0), ("a", "float", 0), ("d", "text", 2), ("e", "int", 0)]);
        let diff = diff(&old, &new);
        let names: Vec<&str> = diff.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["a", "e", "c"]);
        assert_eq!(diff.rows, Replaced::of(Some(10), Some(12)));
        assert!(diff.reordered);
        assert_eq!(diff.restated, ["d"]);
    }
}
