//! What every command is given: where it works and how it speaks.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::cli::bars::Bars;
use crate::cli::error::CliError;
use crate::cli::options::{Color, Options};
use crate::cli::terminal::Terminal;
use crate::cli::views;
use crate::render::{Style, escape, escape_json};
use crate::repo::{CheckedOut, Config, ConfigKey, RepoError, Repository, Warning, tidy_path};
use crate::store::DamagedPacks;

/// Where a command works, and how it speaks.
pub struct Context {
    /// The one that prints.
    pub terminal: Terminal,
    options: Options,
    directory: PathBuf,
    /// What the last repository that was opened told of damaged packs.
    damaged: Option<DamagedPacks>,
}

impl Context {
    /// The context that these options ask for.
    pub fn new(options: Options) -> Result<Self, CliError> {
        let asked = options.directory();
        let inaccessible = |source| CliError::Directory { path: asked.clone(), source };
        let here = env::current_dir().map_err(inaccessible)?;
        let directory = if asked.as_os_str().is_empty() { here } else { here.join(&asked) };
        if !directory.metadata().map_err(inaccessible)?.is_dir() {
            return Err(inaccessible(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { terminal: Terminal::new(&options), options, directory, damaged: None })
    }

    /// Where the command works.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The repository that it works in.
    pub fn repository(&mut self) -> Result<Repository, CliError> {
        let repository = Repository::open(&self.directory)?;
        self.configure(repository.config());
        self.damaged = Some(repository.store().damaged_packs());
        Ok(repository)
    }

    /// Warns of packs that were found to be damaged, once in the end.
    pub fn warn_of_damage(&self) {
        for (pack, problem) in self.damaged.iter().flat_map(DamagedPacks::found) {
            let text = format!(
                "pack {pack} is damaged and counts as absent: {problem}; `mdl fsck` tells what is missing"
            );
            self.terminal.warn(&text);
        }
    }

    /// The settings: of the repository and the person, or where there is no repository, of the person.
    pub fn config(&mut self) -> Result<Config, CliError> {
        let config = match Repository::open(&self.directory) {
            Ok(repository) => repository.config().clone(),
            Err(RepoError::NotARepository(_)) => Config::global()?,
            Err(error) => return Err(error.into()),
        };
        self.configure(&config);
        Ok(config)
    }

    /// Follows a configuration in what no option says.
    fn configure(&mut self, config: &Config) {
        let wanted = config.get(ConfigKey::UiColor);
        if let (None, Some(color)) = (self.options.color, wanted) {
            self.terminal.prefer(match color {
                "always" => Color::Always,
                "never" => Color::Never,
                _ => Color::Auto,
            });
        }
    }

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        self.options.json
    }

    /// Whether only what was asked for is said.
    pub fn is_quiet(&self) -> bool {
        self.options.quiet
    }

    /// Prints what was asked for: text for a person, or a JSON document of this schema.
    pub fn answer(
        &self,
        schema: &str,
        text: impl FnOnce() -> String,
        json: impl FnOnce() -> Value,
    ) -> Result<(), CliError> {
        let printed = if self.is_json() { document(schema, json()) } else { text() };
        self.terminal.print(&printed).map_err(CliError::Output)
    }

    /// As [`Context::answer`], for what a command did: a person who wants it quiet hears nothing.
    pub fn report(
        &self,
        schema: &str,
        text: impl FnOnce() -> String,
        json: impl FnOnce() -> Value,
    ) -> Result<(), CliError> {
        if self.is_quiet() && !self.is_json() {
            return Ok(());
        }
        self.answer(schema, text, json)
    }

    /// How results look.
    pub fn style(&self) -> Style {
        let terminal = &self.terminal;
        Style { color: terminal.is_colored(), unicode: terminal.is_unicode(), width: terminal.width() }
    }

    /// Says what could not be recorded or seen as one would expect.
    pub fn warn_of(&self, warnings: &[Warning]) {
        warnings.iter().for_each(|warning| self.terminal.warn(&views::warning(warning)));
    }

    /// Says which data is only referred to and has to be brought by the person.
    pub fn warn_of_references(&self, done: &CheckedOut) {
        for reference in &done.references {
            let place = escape(reference);
            self.terminal.warn(&format!(
                "{place} is recorded by reference and is not here as it was: bring it yourself"
            ));
        }
    }

    /// Progress of work that may take long.
    pub fn progress(&self) -> Bars {
        Bars::new(self.terminal.is_watched())
    }

    /// A path on the command line, seen from where the command works.
    pub fn path(&self, written: &str) -> PathBuf {
        tidy_path(&self.directory.join(written))
    }
}

/// A JSON document: its schema, which it may have already, then what it holds.
pub fn document(schema: &str, value: Value) -> String {
    if value.get("schema").is_some() {
        return escape_json(&value) + "\n";
    }
    let mut document = Map::new();
    document.insert("schema".to_owned(), format!("mdl.{schema}/1").into());
    match value {
        Value::Object(fields) => document.extend(fields),
        other => drop(document.insert("value".to_owned(), other)),
    }
    escape_json(&Value::Object(document)) + "\n"
}
