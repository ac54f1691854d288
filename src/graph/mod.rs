//! History and reachability: ancestors, merge base, everything that is reachable, and lanes to draw it.
//!
//! Everything is iterative: a million commits in a chain need no stack. Times order what history leaves
//! open and are never trusted for what is an ancestor of what.

mod ancestors;
mod between;
mod closure;
#[cfg(test)]
pub(crate) mod fixture;
mod lanes;
mod marks;
mod merge_base;

pub use ancestors::{Ancestors, ancestors, is_ancestor, reachable};
pub use between::{between, new_since};
pub use closure::{Closure, walk};
pub use lanes::{Edge, Lanes, Row};
pub use marks::Marks;
pub use merge_base::merge_base;
