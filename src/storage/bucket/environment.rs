//! The environment variables that tell clouds apart and hold credentials.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Environment variables, as of some moment.
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// Only these.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// The value of a variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first of these variables that is set.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// All whose names begin so.
    pub(super) fn starting(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        variables.filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty())
    }

    /// A file below the home folder.
    pub(super) fn in_home(&self, path: &str) -> Option<PathBuf> {
        self.first(&["HOME", "USERPROFILE"]).map(|home| PathBuf::from(home).join(path))
    }
}
