//! A storage at the other end of a pair of byte streams.

mod access;
mod address;
pub mod ssh;

pub use access::{Access, Limited};
