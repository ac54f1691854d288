//! Storages that others run: buckets of S3, Google Cloud Storage and Azure, and web servers, which are only read.
//!
//! A key is created by one conditional request, so that of many who create it one wins. Reading may be tried again at
//! will; creating is tried again too, but what an attempt without an answer has done stays unknown, and is told so.
//! All that is asynchronous is in this room, and waited for in `runtime`.

mod url;

#[cfg(feature = "bucket")]
mod attempt;
#[cfg(feature = "bucket")]
mod client;
#[cfg(feature = "bucket")]
mod environment;
#[cfg(feature = "bucket")]
mod gather;
#[cfg(feature = "bucket")]
mod objects;
#[cfg(feature = "bucket")]
mod open;
#[cfg(feature = "bucket")]
mod profile;
#[cfg(feature = "bucket")]
mod refused;
#[cfg(feature = "bucket")]
mod runtime;
#[cfg(feature = "bucket")]
mod web;

#[cfg(feature = "bucket")]
pub use environment::Environment;
#[cfg(feature = "bucket")]
pub use objects::Bucket;
pub use url::{BucketUrl, Scheme};
#[cfg(feature = "bucket")]
pub use web::Web;
