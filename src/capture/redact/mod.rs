//! Takes secrets out of what is recorded: URLs, commands, values of variables, and any other text.
//!
//! A secret is known by the name that it is given (`--api-key`, `password:`), or by a shape that only secrets have
//! (`ghp_…`, a private key). What is named is taken out whatever it looks like; words of machine learning that look
//! like such names (`--tokenizer`, `--pad-token`, `--key-dim`) are let be. In place of a secret stands
//! [`PLACEHOLDER`]. All is linear in the length of the text.

mod command;
mod name;
mod shape;
mod text;
mod url;

pub use command::command;
pub(super) use name::{is_harmless, is_secret};
pub use text::text;
pub use url::url;

/// What stands in place of a secret.
pub const PLACEHOLDER: &str = "<redacted>";
