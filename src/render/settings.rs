//! The settings, and where each comes from.

use serde_json::{Value, json};

use crate::render::escape;
use crate::repo::{Config, ConfigKey};

/// A line a setting.
pub fn settings(config: &Config) -> String {
    let width = config.values().iter().map(|(key, ..)| key.as_str().len()).max().unwrap_or(0);
    config.values().iter().fold(String::new(), |text, (key, value, local)| {
        let of = if *local { "this repository" } else { "yours" };
        text + &format!("{:width$}  {}  ({of})\n", key.as_str(), escape(value))
    })
}

/// The settings as JSON.
pub fn settings_json(config: &Config) -> Value {
    let setting = |(key, value, local): &(ConfigKey, String, bool)| json!({ "key": key.as_str(), "value": value, "from": if *local { "repository" } else { "user" } });
    json!({ "settings": config.values().iter().map(setting).collect::<Vec<_>>() })
}
