//! Readers of other people's files: parameters, metrics, features, and what data files tell of themselves.
//!
//! They are given bytes or a reader, never open a file, and never execute or evaluate what they read.
//! Whatever the bytes are, depth and memory are bounded: a tree of values nests at most [`MAX_DEPTH`]
//! deep and has at most [`MAX_VALUES`] values, aliases expanded.

mod csv;
mod data;
mod features;
mod imports;
mod item;
mod json;
mod jsonl;
mod literal;
mod metrics;
mod npy;
#[cfg(feature = "parquet")]
mod parquet;
mod reports;
mod requirements;
mod safetensors;
mod scalar;
mod set;
mod sweep;
mod toml;
mod yaml;

use std::collections::BTreeMap;

pub use data::{ReadSeek, data_format, profile};
pub use features::features;
pub use imports::{distributions, imports};
pub use metrics::{Measured, metrics};
pub use reports::{MAX_METRICS, MAX_POINTS, PhaseMark, Reports, reports};
pub use requirements::{LeftOut, Reason, Requirements, origins, requirements};
pub use set::{Indirection, SetError, set};
pub use sweep::{MAX_SWEEP, Setting, Sweep, SweepError};

use crate::value::Value;
use item::Item;

/// Deepest nesting of lists and maps in a file, its root included.
pub const MAX_DEPTH: usize = 48;

// Values lie some records deep in the objects that hold them, and must be encodable there.
const _: () = assert!(MAX_DEPTH + 8 <= crate::encoding::MAX_DEPTH);

/// Most values (scalars, lists and maps) in a file.
pub const MAX_VALUES: usize = 1_000_000;

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

impl FormatError {
    fn new(line: impl Into<Option<u64>>, problem: impl Into<String>) -> Self {
        Self { line: line.into(), problem: problem.into() }
    }
}

impl Syntax {
    /// The syntax that a file name's extension stands for.
    pub fn of(file_name: &str) -> Option<Self> {
        let (_, extension) = file_name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Syntax::Yaml),
            "json" => Some(Syntax::Json),
            "toml" => Some(Syntax::Toml),
            _ => None,
        }
    }
}

/// Reads a tree of values whose root is a map. An empty file is an empty map.
///
/// YAML is read by the core schema of YAML 1.2: `no` is text and `1e-3` a float. Keys that are not text
/// become text as they are written; merge keys (`<<`) are honoured. A key that is there twice is refused.
pub fn values(syntax: Syntax, bytes: &[u8]) -> Result<BTreeMap<String, Value>, FormatError> {
    match item(syntax, bytes)?.map(Item::into_value) {
        None => Ok(BTreeMap::new()),
        Some(Value::Map(map)) => Ok(map),
        Some(other) => Err(FormatError::new(1, format!("the root is a {}, not a map", other.type_name()))),
    }
}

/// Reads a tree whose root may be anything, or nothing in an empty file.
fn item(syntax: Syntax, bytes: &[u8]) -> Result<Option<Item>, FormatError> {
    let text = utf8(bytes)?;
    match syntax {
        Syntax::Yaml => yaml::item(text),
        Syntax::Json => json::item(text),
        Syntax::Toml => toml::item(text).map(Some),
    }
}

/// The bytes as text, without the byte order mark that some editors put before it.
fn utf8(bytes: &[u8]) -> Result<&str, FormatError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| FormatError::new(line_of(bytes, error.valid_up_to()), "the text is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The line, from 1, in which a byte lies.
fn line_of(bytes: &[u8], at: usize) -> u64 {
    1 + bytes[..at.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests;
