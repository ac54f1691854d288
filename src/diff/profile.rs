//! Changes of what a dataset looks like: rows, columns and arrays.

/// How profiles differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileDiff {
    /// Rows, old and new, if they differ.
    pub rows: Option<(Option<u64>, Option<u64>)>,
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
