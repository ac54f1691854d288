//! Configuration: an allow-list of keys, none of which can make anything run.

use std::path::PathBuf;

use crate::repo::{RepoError, Repository};

/// A key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigKey {
    /// `user.name`
    UserName,
    /// `user.email`
    UserEmail,
    /// `ui.color`: `auto`, `always` or `never`
    UiColor,
}

impl ConfigKey {
    /// Every key.
    pub const ALL: [ConfigKey; 3] = [ConfigKey::UserName, ConfigKey::UserEmail, ConfigKey::UiColor];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            ConfigKey::UserName => "user.name",
            ConfigKey::UserEmail => "user.email",
            ConfigKey::UiColor => "ui.color",
        }
    }
}

/// The configuration of a person and of a repository, which goes before.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Values, and whether each comes from the repository.
    values: Vec<(ConfigKey, String, bool)>,
}

impl Config {
    /// The value of a key.
    pub fn get(&self, key: ConfigKey) -> Option<&str> {
        let found = self.values.iter().rev().find(|(k, ..)| *k == key);
        found.map(|(_, value, _)| value.as_str())
    }

    /// All values that are set, and whether each comes from the repository.
    pub fn values(&self) -> &[(ConfigKey, String, bool)] {
        &self.values
    }
}

/// Where a person's own configuration lies.
pub fn global_path() -> Option<PathBuf> {
    todo!()
}

impl Repository {
    /// Sets a key (`None` removes it), in the repository's or the person's own configuration.
    pub fn configure(&self, key: ConfigKey, value: Option<&str>, global: bool) -> Result<(), RepoError> {
        let _ = (key, value, global);
        todo!()
    }
}
