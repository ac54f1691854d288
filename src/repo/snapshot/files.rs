//! Files that a manifest names, as nodes and as bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::format::FormatError;
use crate::id::ContentId;
use crate::name::TreePath;
use crate::object::{Node, Placed};
use crate::progress::Progress;
use crate::repo::{RepoError, Warning};
use crate::value::Value;
use crate::worktree::cache::StatCache;
use crate::worktree::scan::{ScanError, ScanOptions, Sink, scan};

/// Parameters, feature lists and metrics are read whole up to this many bytes.
const MAX_PARSED: u64 = 16 << 20;

/// A folder that files are read from, and where what they hold goes.
pub(in crate::repo) struct Files<'a, S> {
    /// The folder: the root of a work tree.
    pub root: &'a Path,
    pub cache: &'a StatCache<'a>,
    pub sink: &'a S,
    pub progress: &'a dyn Progress,
}

impl<S: Sink> Files<'_, S> {
    pub fn options(&self) -> ScanOptions<'_> {
        ScanOptions { reference: false, traced: true, progress: self.progress }
    }

    /// What is at a path; a warning if nothing is.
    pub fn node(
        &self,
        part: impl Fn() -> String,
        path: &TreePath,
        options: ScanOptions<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Node>, RepoError> {
        match scan(self.root, path, self.cache, self.sink, options) {
            Ok(node) => Ok(Some(node)),
            Err(ScanError::Missing { .. }) => {
                warnings.push(Warning::Missing { part: part(), path: path.to_string() });
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A file that is parsed, with the bytes that were recorded of it.
    pub fn file(
        &self,
        part: impl Fn() -> String,
        path: &TreePath,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<(Placed, Vec<u8>)>, RepoError> {
        let Some(node) = self.node(&part, path, self.options(), warnings)? else { return Ok(None) };
        let invalid =
            |problem: &str| RepoError::Invalid { what: path.to_string(), problem: problem.to_owned() };
        let full = self.root.join(path.as_str());
        let io = |source| RepoError::Io { action: "read", path: full.clone(), source };
        let mut bytes = Vec::new();
        File::open(&full).map_err(io)?.take(MAX_PARSED + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > MAX_PARSED {
            return Err(invalid("it is too long to be read as parameters, features or metrics"));
        }
        match node {
            Node::File { content, .. } if content != ContentId::of(&bytes) => {
                Err(ScanError::Changed { path: full }.into())
            }
            Node::Directory { .. } => Err(invalid("it is a directory, and should be a file")),
            _ => Ok(Some((Placed { path: path.clone(), node }, bytes))),
        }
    }
}

/// The error of a file whose text cannot be read.
pub(in crate::repo) fn unreadable(path: &TreePath, error: FormatError) -> RepoError {
    RepoError::Invalid { what: path.to_string(), problem: error.to_string() }
}

/// Adds a tree of values to another, and says the first leaf that both have.
pub(in crate::repo) fn merge(
    into: &mut BTreeMap<String, Value>,
    from: BTreeMap<String, Value>,
) -> Result<(), String> {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (None, value) => drop(into.insert(key, value)),
            (Some(Value::Map(ours)), Value::Map(theirs)) => {
                merge(ours, theirs).map_err(|below| format!("{key}.{below}"))?;
            }
            (Some(_), _) => return Err(key),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{self, Syntax};

    #[test]
    fn files_of_parameters_merge_unless_they_say_the_same_thing_twice() {
        let map = |text: &str| format::values(Syntax::Json, text.as_bytes()).unwrap();
        let mut values = map(r#"{"train": {"lr": 0.1}}"#);
        merge(&mut values, map(r#"{"train": {"epochs": 3}, "seed": 1}"#)).unwrap();
        assert_eq!(values, map(r#"{"train": {"lr": 0.1, "epochs": 3}, "seed": 1}"#));
        assert_eq!(merge(&mut values, map(r#"{"train": {"lr": 0.1}}"#)), Err("train.lr".to_owned()));
    }
}
