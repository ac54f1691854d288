//! `mdl config`: settings of a person and of a repository.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::render::settings;
use crate::repo::{Config as Settings, ConfigKey};
use crate::suggest::nearest;

/// Show or change settings
///
/// Keys: user.name, user.email (who commits), ui.color (auto, always or never), safe.directory (with --global:
/// absolute paths of other users' work trees in which you work all the same, joined by `:`). A repository's
/// settings go before your own. No setting can make anything run.
#[derive(Args)]
pub struct Config {
    /// The setting
    #[arg(value_name = "KEY")]
    key: Option<String>,

    /// Its new value
    #[arg(value_name = "VALUE", requires = "key")]
    value: Option<String>,

    /// Remove the setting
    #[arg(long, requires = "key", conflicts_with = "value")]
    unset: bool,

    /// Change your own settings, for all repositories
    #[arg(long)]
    global: bool,

    /// Show all settings
    #[arg(short, long, conflicts_with = "key")]
    list: bool,
}

impl Run for Config {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl config --list", ""),
        ("mdl config --global user.name 'Ada Lovelace'", "who commits, in all repositories"),
        ("mdl config user.email ada@example.org", "in this one"),
        ("mdl config --unset user.email", ""),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let Some(written) = &self.key else {
            let config = context.config()?;
            context.answer("config", || settings::settings(&config), || settings::settings_json(&config))?;
            return Ok(Exit::Success);
        };
        let key = key(written)?;
        if self.unset || self.value.is_some() {
            self.change(context, key)?;
            return Ok(Exit::Success);
        }
        let config = context.config()?;
        let Some(value) = config.get(key) else {
            return Err(CliError::NotSet { key: key.as_str() });
        };
        let text = || format!("{}\n", crate::render::escape(value));
        context.answer("config", text, || serde_json::json!({ "key": key.as_str(), "value": value }))?;
        Ok(Exit::Success)
    }
}

impl Config {
    fn change(&self, context: &mut Context, key: ConfigKey) -> Result<(), CliError> {
        let value = self.value.as_deref();
        if self.global {
            return Ok(Settings::set_global(key, value)?);
        }
        Ok(context.repository()?.configure(key, value)?)
    }
}

fn key(written: &str) -> Result<ConfigKey, CliError> {
    let found = ConfigKey::ALL.into_iter().find(|key| key.as_str() == written);
    found.ok_or_else(|| {
        let keys = ConfigKey::ALL.map(ConfigKey::as_str);
        let hint = nearest(written, keys).map(|key| format!("did you mean {key}?"));
        let hint = hint.unwrap_or_else(|| format!("settings are {}", keys.join(", ")));
        CliError::usage(format!("{written:?} is not a setting"), hint)
    })
}
