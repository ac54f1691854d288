//! Profiles: how they are made of nothing, and how those of several files become one.
//!
//! Merging is deterministic and keeps only what is true of the whole: what one part does not know,
//! the whole does not know.

mod merge;

pub use merge::{merge, merge_columns};

use crate::object::Profile;

/// A profile that says nothing.
pub fn empty() -> Profile {
    Profile { rows: None, columns: Vec::new(), tensors: Vec::new(), gap: None }
}

/// A profile that says only why it says nothing.
pub fn gap(reason: impl Into<String>) -> Profile {
    Profile { gap: Some(reason.into()), ..empty() }
}
