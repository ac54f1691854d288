//! Who commits, and when.
//!
//! The name and address come from `MDL_AUTHOR_NAME` and `MDL_AUTHOR_EMAIL`, else from mdl's
//! configuration, else from git's, else from the login name: a newcomer's first commit never fails.

use std::env;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::object::Time;
use crate::repo::{ConfigKey, Repository};

impl Repository {
    /// `Name <address>`.
    pub(super) fn identity(&self) -> String {
        let own = |variable: &str, key| {
            let from_variable = env::var(variable).ok().filter(|value| !value.trim().is_empty());
            from_variable.or_else(|| self.config.get(key).map(str::to_owned))
        };
        let (mut name, mut email) =
            (own("MDL_AUTHOR_NAME", ConfigKey::UserName), own("MDL_AUTHOR_EMAIL", ConfigKey::UserEmail));
        if name.is_none() || email.is_none() {
            let (git_name, git_email) = from_git();
            (name, email) = (name.or(git_name), email.or(git_email));
        }
        let login =
            || env::var("USER").or_else(|_| env::var("USERNAME")).unwrap_or_else(|_| "unknown".to_owned());
        let name = name.unwrap_or_else(login);
        match email {
            Some(email) => format!("{} <{}>", clean(&name), clean(&email)),
            None => clean(&name),
        }
    }

    /// The moment, in the local time zone.
    pub fn now(&self) -> Time {
        let now = jiff::Timestamp::now();
        let zone = if is_zone_sane() { TimeZone::system() } else { TimeZone::UTC };
        Time { millis: now.as_millisecond(), zone: i64::from(zone.to_offset(now).seconds() / 60) }
    }
}

/// Whether what `TZ` and `TZDIR` name can be read to its end. Both are read by a library that believes them: a device
/// in place of a file would never end. Where nothing can be read, the time is in UTC.
fn is_zone_sane() -> bool {
    /// The largest zone has some kilobytes.
    const MOST: u64 = 1 << 20;
    let is_file = |metadata: std::fs::Metadata| metadata.is_file() && metadata.len() <= MOST;
    let folder = env::var_os("TZDIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    // Every folder of zones has this one; any other would be walked through.
    let folder_is_sane =
        folder.as_ref().is_none_or(|folder| folder.join("UTC").metadata().is_ok_and(is_file));
    let Some(name) = env::var_os("TZ") else { return folder_is_sane };
    let name = name.to_string_lossy();
    let name = name.strip_prefix(':').unwrap_or(&name);
    let places = [Some(PathBuf::from(name)), folder.map(|folder| folder.join(name))];
    // What is not there is looked for elsewhere.
    folder_is_sane && places.iter().flatten().all(|place| place.metadata().map_or(true, is_file))
}

/// Without the characters that mark where the address begins and ends, and where lines do.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect::<String>().trim().to_owned()
}

/// From the files that git reads for a person; without their includes, and without running git.
#[cfg(feature = "git")]
fn from_git() -> (Option<String>, Option<String>) {
    use gix::config::{File, Source};
    let home = env::var_os("HOME").map(PathBuf::from);
    let xdg = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| home.as_ref().map(|home| home.join(".config")));
    let files = [home.map(|home| home.join(".gitconfig")), xdg.map(|xdg| xdg.join("git").join("config"))];
    let files: Vec<_> = files
        .into_iter()
        .flatten()
        .filter_map(|path| File::from_path_no_includes(path, Source::User).ok())
        .collect();
    let value = |key: &str| files.iter().find_map(|file| file.string(key)).map(|value| value.to_string());
    (value("user.name"), value("user.email"))
}

#[cfg(not(feature = "git"))]
fn from_git() -> (Option<String>, Option<String>) {
    (None, None)
}
