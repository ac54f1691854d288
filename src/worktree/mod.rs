//! The work tree: the manifest, what is there now, and how to make it what a commit says.
//!
//! [`manifest`] says what makes up the model and [`detect`] writes its first version; [`scan`] turns files into
//! nodes, helped by [`cache`]; [`plan`] decides what a checkout would do, as a value; [`apply`] does it. [`fresh`]
//! makes folders for runs of their own, and removes them.

pub mod apply;
pub mod cache;
pub mod detect;
pub mod fresh;
pub mod manifest;
pub mod plan;
pub mod scan;

mod look;

#[cfg(test)]
mod testing;
