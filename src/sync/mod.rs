//! Work between sets of keys, and on one as a whole: what is needed is copied, what is not is collected.

mod collect;
#[cfg(test)]
mod tests;

pub use collect::{CollectError, CollectOptions, Collected, collect};
