//! Where `ssh` goes, and the folder there.

use std::fmt;

use crate::storage::location::LocationError;

/// A folder of a machine that is reached by ssh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
}

impl Address {
    /// Checks an address: user and host are names that no program reads as an option, the path is absolute or seen from
    /// the home folder, without `..`.
    pub fn new(user: Option<&str>, host: &str, port: Option<u16>, path: &str) -> Result<Self, LocationError> {
        let option = |text: &str| text.starts_with('-');
        if user.is_some_and(option) {
            return Err(LocationError::Option { what: "user" });
        }
        if option(host) {
            return Err(LocationError::Option { what: "host" });
        }
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
        if user.is_some_and(|user| user.is_empty() || !user.chars().all(plain)) {
            return Err(LocationError::Malformed("its user is no name of letters, digits and . - _ +"));
        }
        if host.is_empty() || !host.chars().all(|c| plain(c) || c == ':') {
            return Err(LocationError::Malformed("its host is no name of letters, digits and . - _"));
        }
        let path = tidied(path)?;
        Ok(Self { user: user.map(str::to_owned), host: host.to_owned(), port, path })
    }

    /// The user, where it is not the one that ssh's configuration says.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The host, or the name that ssh's configuration has for it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where it is not the one that ssh's configuration says.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The folder: absolute, or seen from the home folder.
    pub fn path(&self) -> &str {
        &self.path
    }
}

fn tidied(path: &str) -> Result<String, LocationError> {
    if path.starts_with('~') || path.starts_with("/~") {
        return Err(LocationError::Malformed("of '~' only '~/' is understood: write the whole path"));
    }
    let components: Vec<&str> = path.split('/').filter(|component| !matches!(*component, "" | ".")).collect();
    if components.contains(&"..") {
        return Err(LocationError::Malformed("its path has '..'"));
    }
    match components.join("/") {
        empty if empty.is_empty() => Err(LocationError::Malformed("it names no folder of the host")),
        absolute if path.starts_with('/') => Ok(format!("/{absolute}")),
        relative => Ok(relative),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(if self.path.starts_with('/') { "" } else { "/~/" })?;
        self.path.chars().try_for_each(|c| match c {
            '%' | '?' | '#' | ' ' => write!(f, "%{:02x}", u32::from(c)),
            c => write!(f, "{c}"),
        })
    }
}
