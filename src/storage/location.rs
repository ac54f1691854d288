//! Where a storage is, as people write it: a path, a URL, or `host:path` as for scp.
//!
//! What is written may come from a stranger's configuration. So nothing is taken that a program further down could
//! read as an option or as a line of its own, and no password is kept: the errors do not repeat one either.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;
use crate::storage::bucket::{BucketUrl, Scheme};
use crate::storage::stream::{Address, ssh};
use crate::storage::{Folder, Storage, StorageError};

/// The schemes of URLs that lead to a storage.
pub const SCHEMES: [&str; 8] = ["file", "ssh", "s3", "gs", "az", "https", "http", "scp-like host:path"];

/// Where a storage is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A folder of a machine that is reached by ssh.
    Ssh(Address),
    /// A bucket of a cloud.
    Bucket(BucketUrl),
    /// Files that a web server shows, as a URL.
    Http(String),
}

/// Why a text is no location. The texts of these errors hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum LocationError {
    #[error("it is empty")]
    Empty,
    #[error("it has control characters, also where they are written as %0a and the like")]
    Control,
    #[error("{0:?} is no scheme of mdl: there are {known}", known = SCHEMES.join(", "))]
    Scheme(String),
    #[error("it holds a password or token, which would end up in configuration and logs: {instead}")]
    Secret { instead: &'static str },
    #[error("its {what} begins with '-', which programs read as an option")]
    Option { what: &'static str },
    #[error("{0}")]
    Malformed(&'static str),
}

impl Location {
    /// Reads a location; a path is seen from the folder `relative_to`.
    ///
    /// A text with `://` is a URL, one with a colon before any slash is `[user@]host:path`, except for the letter of
    /// a Windows drive; everything else is a path.
    pub fn parse(text: &str, relative_to: &Path) -> Result<Self, LocationError> {
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(LocationError::Control);
        }
        if let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
            return url(text, &scheme.to_ascii_lowercase(), rest);
        }
        match text.split_once(':') {
            Some((host, path)) if !host.contains(['/', '\\']) && !is_drive(host, path) => scp(host, path),
            _ => folder(relative_to.join(text)),
        }
    }

    /// Opens the storage that is there. A folder need not exist yet, if the one around it does.
    pub fn open(&self, disk: Arc<dyn Disk>) -> Result<Arc<dyn Storage>, StorageError> {
        match self {
            Self::Folder(path) => Ok(Arc::new(Folder::around(path, disk)?)),
            Self::Ssh(address) => Ok(Arc::new(ssh::open(address)?)),
            #[cfg(feature = "bucket")]
            Self::Bucket(url) => Ok(Arc::new(crate::storage::bucket::Bucket::open(url)?)),
            #[cfg(feature = "bucket")]
            Self::Http(url) => Ok(Arc::new(crate::storage::bucket::Web::open(url)?)),
            #[cfg(not(feature = "bucket"))]
            Self::Bucket(url) => Err(without_buckets(&url.to_string())),
            #[cfg(not(feature = "bucket"))]
            Self::Http(url) => Err(without_buckets(url)),
        }
    }
}

impl fmt::Display for Location {
    /// The text that goes into the configuration: [`Location::parse`] reads it as the same location from anywhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Ssh(address) => write!(f, "{address}"),
            Self::Bucket(url) => write!(f, "{url}"),
            Self::Http(url) => f.write_str(url),
        }
    }
}

#[cfg(not(feature = "bucket"))]
fn without_buckets(url: &str) -> StorageError {
    let reason = "this mdl was built without buckets and web servers (the feature 'bucket')";
    let source = std::io::Error::new(std::io::ErrorKind::Unsupported, reason);
    StorageError { action: "open", place: url.to_owned(), source }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn is_drive(before: &str, behind: &str) -> bool {
    before.len() == 1
        && before.starts_with(|c: char| c.is_ascii_alphabetic())
        && (behind.is_empty() || behind.starts_with(['/', '\\']))
}

fn url(text: &str, scheme: &str, rest: &str) -> Result<Location, LocationError> {
    if !SCHEMES.contains(&scheme) {
        return Err(LocationError::Scheme(scheme.to_owned()));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    refuse_secrets(scheme, authority, path)?;
    match scheme {
        "file" if matches!(authority, "" | "localhost") => folder(decoded(path)?.into()),
        "file" => {
            Err(LocationError::Malformed("a file URL names no host: write file:///path, or ssh://host/path"))
        }
        "ssh" => ssh_url(authority, path),
        _ if decoded_bytes(path).is_some_and(|bytes| bytes.iter().any(u8::is_ascii_control)) => {
            Err(LocationError::Control)
        }
        "http" | "https" if decoded(path).is_err() => decoded(path).map(Location::Http),
        "http" | "https" => Ok(Location::Http(text.to_owned())),
        "gs" => BucketUrl::parse(Scheme::Gs, rest).map(Location::Bucket),
        "az" => BucketUrl::parse(Scheme::Az, rest).map(Location::Bucket),
        _ => BucketUrl::parse(Scheme::S3, rest).map(Location::Bucket),
    }
}

/// A password may have a slash that should have been escaped: then it ends in what looks like a path.
fn refuse_secrets(scheme: &str, authority: &str, path: &str) -> Result<(), LocationError> {
    let instead = match scheme {
        "ssh" | "file" => "use a key or an agent of ssh",
        "http" | "https" => "use a server that needs none",
        _ => "use the credentials that the tools of the cloud use (environment, profile, metadata service)",
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let user_is_secret = matches!(scheme, "http" | "https") && !user.is_empty();
    let port = if host.ends_with(']') { "" } else { host.rsplit_once(':').map_or("", |(_, port)| port) };
    let cut_short = path.contains('@') && !port.bytes().all(|byte| byte.is_ascii_digit());
    match user.contains(':') || user_is_secret || cut_short {
        true => Err(LocationError::Secret { instead }),
        false => Ok(()),
    }
}

fn ssh_url(authority: &str, path: &str) -> Result<Location, LocationError> {
    let (user, host) = split_user(authority);
    let (host, port) = match host.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) =
                bracketed.split_once(']').ok_or(LocationError::Malformed("a '[' has no ']'"))?;
            (host, port.strip_prefix(':').unwrap_or(port))
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let port = match port {
        "" => None,
        port => {
            Some(port.parse().map_err(|_| LocationError::Malformed("its port is no number up to 65535"))?)
        }
    };
    let path = decoded(path)?;
    let path = path.strip_prefix("/~/").unwrap_or(&path);
    Address::new(user, host, port, path).map(Location::Ssh)
}

fn scp(host: &str, path: &str) -> Result<Location, LocationError> {
    if host.eq_ignore_ascii_case("file") || SCHEMES.contains(&host) {
        return Err(LocationError::Malformed("behind the scheme of a URL belongs '://'"));
    }
    if path.starts_with(':') {
        return Err(LocationError::Scheme(host.to_owned()));
    }
    let (user, host) = split_user(host);
    let before_slash = path.split('/').next().unwrap_or("");
    if user.is_none() && before_slash.split_once('@').is_some_and(|(_, host)| host.contains(':')) {
        return Err(LocationError::Secret { instead: "use a key or an agent of ssh" });
    }
    Address::new(user, host, None, path.strip_prefix("~/").unwrap_or(path)).map(Location::Ssh)
}

fn split_user(authority: &str) -> (Option<&str>, &str) {
    authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host))
}

fn folder(path: PathBuf) -> Result<Location, LocationError> {
    let tidied: PathBuf = path.components().collect();
    match tidied.to_str() {
        None => Err(LocationError::Malformed("the path to it is no UTF-8")),
        Some("") => Err(LocationError::Malformed("it names no folder")),
        Some(text) if text.chars().any(char::is_control) => Err(LocationError::Control),
        Some(_) => Ok(Location::Folder(tidied)),
    }
}

/// The path of a URL, with `%20` and the like as the characters that they stand for.
fn decoded(path: &str) -> Result<String, LocationError> {
    if path.contains(['?', '#']) {
        return Err(LocationError::Malformed("the path of a URL has '?' or '#': write %3f or %23"));
    }
    let bytes =
        decoded_bytes(path).ok_or(LocationError::Malformed("behind a '%' belong two hexadecimal digits"))?;
    let text = String::from_utf8(bytes).map_err(|_| LocationError::Malformed("its path is no UTF-8"))?;
    if text.chars().any(char::is_control) { Err(LocationError::Control) } else { Ok(text) }
}

pub(super) fn decoded_bytes(text: &str) -> Option<Vec<u8>> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or("").as_bytes().to_vec();
    for piece in pieces {
        let digits = piece.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, LocationError> {
        Location::parse(text, Path::new("/work/project")).map(|location| location.to_string())
    }

    #[test]
    fn what_people_write() {
        for (text, canonical) in [
            ("/srv/team.mdl", "/srv/team.mdl"),
            ("../shared/./x", "/work/project/../shared/x"),
            ("team.mdl", "/work/project/team.mdl"),
            ("~/x", "/work/project/~/x"),
            ("./a:b", "/work/project/a:b"),
            ("c:/x", "/work/project/c:/x"),
            ("file:///srv/a%20b", "/srv/a b"),
            ("file://localhost/srv", "/srv"),
            ("ssh://host/srv/x.mdl", "ssh://host/srv/x.mdl"),
            ("SSH://me@host:2222/srv//x/", "ssh://me@host:2222/srv/x"),
            ("ssh://host/~/x%20y", "ssh://host/~/x%20y"),
            ("ssh://[::1]:22/x", "ssh://[::1]:22/x"),
            ("host:x/y.mdl", "ssh://host/~/x/y.mdl"),
            ("me@host:/srv/a b;$(x)", "ssh://me@host/srv/a%20b;$(x)"),
            ("host:~/x", "ssh://host/~/x"),
            ("host:50%", "ssh://host/~/50%25"),
            ("host:/a@b", "ssh://host/a@b"),
            ("s3://bucket/prefix", "s3://bucket/prefix"),
            ("gs://bucket", "gs://bucket"),
            ("az://account/container", "az://account/container"),
            ("https://host:8443/x", "https://host:8443/x"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(canonical), "{text}");
            assert_eq!(parse(canonical).as_deref(), Ok(canonical), "{text} is read back as it is written");
        }
    }

    #[test]
    fn what_would_be_an_option_or_a_line_is_refused() {
        for text in
            ["ssh://-oProxyCommand=x/y", "ssh://me@-oProxyCommand=x/y", "-oProxyCommand=x:y", "me@-F:x"]
        {
            assert_eq!(parse(text), Err(LocationError::Option { what: "host" }), "{text}");
        }
        for text in ["ssh://-Fx@host/y", "-Fx@host:y"] {
            assert_eq!(parse(text), Err(LocationError::Option { what: "user" }), "{text}");
        }
        for text in
            ["a\nb", "host:x\0", "ssh://host/a%0ab", "file:///%00", "s3://b/%0a", "https://h/%0D", "\u{9b}x"]
        {
            assert_eq!(parse(text), Err(LocationError::Control), "{text:?}");
        }
        for text in [
            "ssh://host",
            "ssh://host/",
            "ssh:///x",
            "ssh://ho st/x",
            "ssh://a;b/x",
            "host:",
            ":x",
            "@host:x",
            "ssh://host/x/../y",
            "host:../x",
            "host:~bob/x",
            "ssh://host/~bob/x",
            "ssh://host:99999/x",
            "ssh://[::1/x",
            "file://host/x",
            "ssh://host/x?y",
            "ssh://host/%zz",
            "ssh://host/%ff",
            "s3:bucket",
        ] {
            assert!(matches!(parse(text), Err(LocationError::Malformed(_))), "{text}: {:?}", parse(text));
        }
        assert_eq!(parse(""), Err(LocationError::Empty));
    }

    #[test]
    fn unknown_schemes_are_named_beside_those_that_are_known() {
        assert_eq!(parse("ext::sh -c x"), Err(LocationError::Scheme("ext".to_owned())));
        let error = parse("ftp://host/x").unwrap_err().to_string();
        assert!(error.contains("\"ftp\"") && error.contains("s3") && error.contains("ssh"), "{error}");
    }

    #[test]
    fn passwords_are_refused_and_not_repeated() {
        for text in [
            "ssh://me:geheim@host/x",
            "ssh://me:ge/geheim@host/x",
            "s3://key:geheim@bucket/x",
            "https://geheim@host/x",
            "https://me:geheim@host",
            "http://me:a/geheim@host/x",
            "me:geheim@host:x",
            "gs://a:geheim@b",
            "az://a:b/geheim@c",
            "ftp://me:geheim@host/x",
            "ssh://host:geheim/x",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("geheim"), "{text}: {error}");
            let other = text.starts_with("ftp") || text == "ssh://host:geheim/x";
            assert!(other || matches!(error, LocationError::Secret { .. }), "{text}: {error}");
        }
        assert!(parse("ssh://me:x@host/y").unwrap_err().to_string().contains("agent"));
    }
}
