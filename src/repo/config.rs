//! Configuration: an allow-list of keys, none of which can make anything run.
//!
//! A person's own lies in `$XDG_CONFIG_HOME/mdl/config.toml` or `~/.config/mdl/config.toml`, a
//! repository's in `.mdl/config.toml`, which goes before. Only a repository's has remotes, and which of their
//! branches its own branches follow.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, TableLike};

use crate::disk::{Disk, Durability, OsDisk, create_dirs, replace};
use crate::name::{NameError, RefName, RemoteName};
use crate::repo::{RepoError, Repository, plain};

/// No configuration is longer.
const MAX_BYTES: u64 = 1 << 20;

/// A key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigKey {
    /// `user.name`
    UserName,
    /// `user.email`
    UserEmail,
    /// `ui.color`: `auto`, `always` or `never`
    UiColor,
    /// `safe.directory`: work trees of other users in which the person works all the same, by their absolute paths,
    /// joined by `:`; `*` is all of them. Only a person's own configuration has it.
    SafeDirectory,
}

impl ConfigKey {
    /// Every key.
    pub const ALL: [ConfigKey; 4] =
        [ConfigKey::UserName, ConfigKey::UserEmail, ConfigKey::UiColor, ConfigKey::SafeDirectory];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            ConfigKey::UserName => "user.name",
            ConfigKey::UserEmail => "user.email",
            ConfigKey::UiColor => "ui.color",
            ConfigKey::SafeDirectory => "safe.directory",
        }
    }

    fn table_and_name(self) -> (&'static str, &'static str) {
        self.as_str().split_once('.').unwrap_or(("", self.as_str()))
    }

    /// Whether the key may have this value.
    fn accepts(self, value: &str) -> bool {
        match self {
            ConfigKey::UserName | ConfigKey::UserEmail => {
                !value.trim().is_empty()
                    && !value.contains(|c: char| c.is_control() || matches!(c, '<' | '>'))
            }
            ConfigKey::UiColor => matches!(value, "auto" | "always" | "never"),
            ConfigKey::SafeDirectory => {
                let is_absolute = |path: &str| path == "*" || Path::new(path).is_absolute();
                !value.contains(char::is_control) && value.split(':').all(is_absolute)
            }
        }
    }
}

/// The branch of a remote that a branch follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The remote.
    pub remote: RemoteName,
    /// The branch there.
    pub branch: RefName,
}

/// The configuration of a person and of a repository, which goes before.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Values, and whether each comes from the repository. Later ones go before.
    values: Vec<(ConfigKey, String, bool)>,
    remotes: BTreeMap<RemoteName, String>,
    upstreams: BTreeMap<RefName, Upstream>,
}

/// The table of the remotes: `[remotes.origin]`, with a `url`.
const REMOTES: &str = "remotes";
/// The table of what branches follow: `[branches.main]`, with a `remote` and a `branch`.
const BRANCHES: &str = "branches";

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

    /// Work trees of others that the person has as safe. A repository has no say in it.
    pub(super) fn safe_directories(&self) -> impl Iterator<Item = &str> {
        let own = self.values.iter().filter(|(key, _, local)| *key == ConfigKey::SafeDirectory && !local);
        own.flat_map(|(_, value, _)| value.split(':'))
    }

    /// The remotes with their locations.
    pub fn remotes(&self) -> &BTreeMap<RemoteName, String> {
        &self.remotes
    }

    /// What a branch follows.
    pub fn upstream(&self, branch: &RefName) -> Option<&Upstream> {
        self.upstreams.get(branch)
    }

    /// A person's own configuration, where there is no repository.
    pub fn global() -> Result<Config, RepoError> {
        let mut config = Config::default();
        if let Some(path) = global_path() {
            config.read(&path, false)?;
        }
        Ok(config)
    }

    pub(super) fn load(directory: &Path) -> Result<Config, RepoError> {
        let mut config = Config::global()?;
        config.read(&local_path(directory), true)?;
        Ok(config)
    }

    fn read(&mut self, path: &Path, from_repository: bool) -> Result<(), RepoError> {
        let document = parse(path)?;
        for (table_name, table) in document.iter() {
            let Some(table) = table.as_table_like() else {
                return Err(invalid(path, format!("{table_name} is not a table")));
            };
            match table_name {
                REMOTES if from_repository => {
                    self.remotes =
                        entries(path, table, |name, table| Ok((RemoteName::new(name)?, text(table, "url"))))?;
                    continue;
                }
                BRANCHES if from_repository => {
                    self.upstreams = entries(path, table, |name, table| {
                        let (remote, branch) = (text(table, "remote"), text(table, "branch"));
                        let upstream = match (remote, branch) {
                            (Some(remote), Some(branch)) => Some(Upstream {
                                remote: RemoteName::new(&remote)?,
                                branch: RefName::new(&branch)?,
                            }),
                            _ => None,
                        };
                        Ok((RefName::new(name)?, upstream))
                    })?;
                    continue;
                }
                _ => {}
            }
            for (name, item) in table.iter() {
                let written = format!("{table_name}.{name}");
                let key = ConfigKey::ALL.into_iter().find(|key| key.as_str() == written);
                let key = key.ok_or_else(|| invalid(path, format!("{written} is not a key")))?;
                if from_repository {
                    key.require_local(path)?;
                }
                let value = item.as_str().filter(|value| key.accepts(value));
                let value = value
                    .ok_or_else(|| invalid(path, format!("{written} has a value that it cannot have")))?;
                self.values.push((key, value.to_owned(), from_repository));
            }
        }
        Ok(())
    }
}

/// The tables in a table, each under a name of its own.
fn entries<K: Ord, V>(
    path: &Path,
    table: &dyn TableLike,
    read: impl Fn(&str, &dyn TableLike) -> Result<(K, Option<V>), NameError>,
) -> Result<BTreeMap<K, V>, RepoError> {
    let entry = |(name, item): (&str, &toml_edit::Item)| {
        let incomplete = || invalid(path, format!("{name} lacks something, or has what it cannot have"));
        let (key, value) = read(name, item.as_table_like().ok_or_else(incomplete)?)
            .map_err(|reason| invalid(path, format!("{name:?}: {reason}")))?;
        Ok((key, value.ok_or_else(incomplete)?))
    };
    table.iter().map(entry).collect()
}

fn text(table: &dyn TableLike, key: &str) -> Option<String> {
    table.get(key)?.as_str().map(str::to_owned)
}

fn local_path(directory: &Path) -> PathBuf {
    directory.join("config.toml")
}

/// Where a person's own configuration lies.
pub fn global_path() -> Option<PathBuf> {
    let absolute =
        |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    folder.map(|folder| folder.join("mdl").join("config.toml"))
}

fn invalid(path: &Path, problem: String) -> RepoError {
    RepoError::Invalid { what: path.display().to_string(), problem }
}

/// A missing file is an empty one.
fn parse(path: &Path) -> Result<DocumentMut, RepoError> {
    let Some(text) = plain::read_to_string(path, MAX_BYTES)? else { return Ok(DocumentMut::new()) };
    text.parse().map_err(|error: toml_edit::TomlError| invalid(path, error.message().to_owned()))
}

impl Repository {
    /// Sets a key (`None` removes it) in the repository's configuration.
    pub fn configure(&self, key: ConfigKey, value: Option<&str>) -> Result<(), RepoError> {
        key.require_local(&local_path(&self.directory))?;
        key.set(value, &local_path(&self.directory), &self.directory.join("tmp"), &*self.disk)
    }

    /// Sets what a branch follows, or that it follows nothing.
    pub(super) fn set_upstream(&mut self, branch: &RefName, to: Option<&Upstream>) -> Result<(), RepoError> {
        let fields = to.map(|to| vec![("remote", to.remote.to_string()), ("branch", to.branch.to_string())]);
        self.set_entry(BRANCHES, branch.as_str(), fields)
    }

    /// Sets where a remote is, or that there is none of this name.
    pub(super) fn set_remote(&mut self, name: &RemoteName, url: Option<String>) -> Result<(), RepoError> {
        self.set_entry(REMOTES, name.as_str(), url.map(|url| vec![("url", url)]))
    }

    /// Replaces or removes one table in a table, and leaves everything else, comments too, as it is.
    fn set_entry(
        &mut self,
        table: &str,
        name: &str,
        fields: Option<Vec<(&str, String)>>,
    ) -> Result<(), RepoError> {
        let path = local_path(&self.directory);
        let mut document = parse(&path)?;
        let tables = document.entry(table).or_insert_with(|| {
            let mut tables = toml_edit::Table::new();
            tables.set_implicit(true);
            tables.into()
        });
        let tables = tables.as_table_like_mut();
        let tables = tables.ok_or_else(|| invalid(&path, format!("{table} is not a table")))?;
        match fields {
            None => drop(tables.remove(name)),
            Some(fields) => {
                let mut entry = toml_edit::Table::new();
                fields.into_iter().for_each(|(key, value)| entry[key] = toml_edit::value(value));
                tables.insert(name, entry.into());
            }
        }
        write(&document, &path, &self.directory.join("tmp"), &*self.disk)?;
        self.config = Config::load(&self.directory)?;
        Ok(())
    }
}

fn write(document: &DocumentMut, path: &Path, tmp: &Path, disk: &dyn Disk) -> Result<(), RepoError> {
    let io = |source| RepoError::Io { action: "write", path: path.to_owned(), source };
    create_dirs(disk, path.parent().unwrap_or(path)).map_err(io)?;
    replace(disk, tmp, path, document.to_string().as_bytes(), Durability::Durable).map_err(io)
}

impl Config {
    /// Sets a key (`None` removes it) in a person's own configuration. Needs no repository.
    pub fn set_global(key: ConfigKey, value: Option<&str>) -> Result<(), RepoError> {
        let path = global_path().ok_or_else(|| RepoError::Invalid {
            what: "HOME".to_owned(),
            problem: "it is not set, so there is no place for a configuration".to_owned(),
        })?;
        let folder = path.parent().unwrap_or(&path);
        key.set(value, &path, folder, &OsDisk)
    }
}

impl ConfigKey {
    /// Refuses a key that a repository's configuration cannot have.
    fn require_local(self, path: &Path) -> Result<(), RepoError> {
        match self {
            ConfigKey::SafeDirectory => {
                Err(invalid(path, format!("{} is for your own settings alone (--global)", self.as_str())))
            }
            _ => Ok(()),
        }
    }

    /// Sets the key (`None` removes it) in a file. `tmp` is on the same file system.
    fn set(self, value: Option<&str>, path: &Path, tmp: &Path, disk: &dyn Disk) -> Result<(), RepoError> {
        if let Some(value) = value.filter(|value| !self.accepts(value)) {
            return Err(invalid(path, format!("{} cannot be {value:?}", self.as_str())));
        }
        let mut document = parse(path)?;
        let (table, name) = self.table_and_name();
        match value {
            Some(value) => document[table][name] = toml_edit::value(value),
            None => {
                document
                    .get_mut(table)
                    .and_then(|table| table.as_table_like_mut())
                    .map(|table| table.remove(name));
            }
        }
        write(&document, path, tmp, disk)
    }
}
