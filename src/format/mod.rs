//! Readers of other people's files: parameters, metrics, features, and what data files tell of themselves.
//!
//! They are given bytes or a reader, never open a file, and never execute or evaluate what they read.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use crate::object::{Feature, Profile};
use crate::value::Value;

/// A syntax of trees of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Syntax {
    Yaml,
    Json,
    Toml,
}

/// A file that cannot be read: where, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct FormatError {
    /// The line, from 1.
    pub line: Option<u64>,
    /// What is wrong, in words.
    pub problem: String,
}

impl Syntax {
    /// The syntax that a file name's extension stands for.
    pub fn of(file_name: &str) -> Option<Self> {
        let _ = file_name;
        todo!()
    }
}

/// Reads a tree of values whose root is a map. An empty file is an empty map.
pub fn values(syntax: Syntax, bytes: &[u8]) -> Result<BTreeMap<String, Value>, FormatError> {
    let _ = (syntax, bytes);
    todo!()
}

/// Reads metrics: a tree of values, or a CSV table whose last row counts (`step` column allowed).
pub fn metrics(file_name: &str, bytes: &[u8]) -> Result<BTreeMap<String, Value>, FormatError> {
    let _ = (file_name, bytes);
    todo!()
}

/// Reads a feature list: YAML, JSON or TOML (a list of names, or of maps with `name`, `type`, `columns`,
/// `transform`, `description`; or a map from name to such a map, or `features:` holding either), or plain text, a name a line.
pub fn features(file_name: &str, bytes: &[u8]) -> Result<Vec<Feature>, FormatError> {
    let _ = (file_name, bytes);
    todo!()
}

/// The format that a file of data has, by its name: `csv`, `parquet`, `jsonl`, `npy`, `safetensors`, …
pub fn data_format(file_name: &str) -> Option<&'static str> {
    let _ = file_name;
    todo!()
}

/// A source of bytes that can be read anywhere.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// What a data file's header or footer tells, at a cost that does not grow with its size. Never fails:
/// what cannot be read is a gap with its reason.
pub fn profile(format: &str, file: &mut dyn ReadSeek, size: u64) -> Profile {
    let _ = (format, file, size);
    todo!()
}
