//! The URL of a bucket: `s3://bucket/prefix?endpoint=…&region=…`, `gs://bucket/prefix`, `az://account/container/prefix`.
//!
//! It holds no secret: credentials come from where the cloud's own tools have them.

use std::fmt;

use crate::storage::location::{LocationError, decoded_bytes};

/// The kinds of buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// S3, of Amazon and of everybody who speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gs,
    /// Azure Blob Storage.
    Az,
}

impl Scheme {
    /// The scheme as it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Az => "az",
        }
    }
}

/// Where a bucket is, and below which prefix the keys lie in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUrl {
    scheme: Scheme,
    account: String,
    bucket: String,
    prefix: String,
    endpoint: Option<String>,
    region: Option<String>,
}

impl BucketUrl {
    /// Reads what stands behind `scheme://`.
    pub(in crate::storage) fn parse(scheme: Scheme, rest: &str) -> Result<Self, LocationError> {
        if rest.contains('#') {
            return Err(LocationError::Malformed("the URL of a bucket has '#': write %23"));
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (first, path) = path.split_once('/').unwrap_or((path, ""));
        let mut components = components(path)?.into_iter();
        let (account, bucket) = match scheme {
            Scheme::Az => {
                let container = components.next().unwrap_or_default();
                (first.to_owned(), container)
            }
            _ => (String::new(), first.to_owned()),
        };
        if !(is_name(&bucket) && (account.is_empty() || is_name(&account))) {
            return Err(LocationError::Malformed(match scheme {
                Scheme::Az => "an Azure URL is az://account/container/prefix, or az:///container/prefix",
                _ => "behind '://' belongs the name of a bucket",
            }));
        }
        let prefix = components.collect::<Vec<_>>().join("/");
        let mut url = Self { scheme, account, bucket, prefix, endpoint: None, region: None };
        query.split('&').filter(|pair| !pair.is_empty()).try_for_each(|pair| url.set(pair))?;
        Ok(url)
    }

    fn set(&mut self, pair: &str) -> Result<(), LocationError> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = text(value)?;
        match (name, self.scheme) {
            ("endpoint", _) => self.endpoint = Some(endpoint(&value)?),
            ("region", Scheme::S3) if is_name(&value) => self.region = Some(value),
            ("region", _) => {
                return Err(LocationError::Malformed(
                    "its region is none: only s3:// has one, such as eu-west-1",
                ));
            }
            _ => {
                let known = "behind the '?' of a bucket's URL belong only endpoint=… and region=…";
                return Err(LocationError::Malformed(known));
            }
        }
        Ok(())
    }

    /// The kind of bucket.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The account of Azure; `None` if it is that of the environment.
    pub fn account(&self) -> Option<&str> {
        Some(self.account.as_str()).filter(|account| !account.is_empty())
    }

    /// The bucket; for Azure, the container.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What all keys begin with in the bucket, without slashes at its ends; may be empty.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The server to ask, where it is not that of the cloud.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The region of the bucket, where it is not that of the environment.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }
}

/// Names of buckets, accounts and regions go into host names and headers.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '$');
    !text.is_empty() && !text.starts_with(['-', '.']) && text.chars().all(plain)
}

fn text(escaped: &str) -> Result<String, LocationError> {
    let malformed = LocationError::Malformed("behind a '%' of a URL belong two digits that make up UTF-8");
    decoded_bytes(escaped).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(malformed)
}

fn components(path: &str) -> Result<Vec<String>, LocationError> {
    let components = path.split('/').filter(|component| !component.is_empty());
    components
        .map(|component| match text(component)? {
            dots if matches!(dots.as_str(), "." | "..") || dots.contains('/') => {
                Err(LocationError::Malformed("the prefix of a bucket has no '.', no '..' and no %2f"))
            }
            component => Ok(component),
        })
        .collect()
}

fn endpoint(text: &str) -> Result<String, LocationError> {
    let malformed = LocationError::Malformed("its endpoint is no http://host:port or https://host:port");
    let Some((scheme @ ("http" | "https"), rest)) = text.split_once("://") else { return Err(malformed) };
    if rest.contains('@') {
        return Err(LocationError::Secret { instead: "an endpoint is only a host, a port and a path" });
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '[' | ']' | '/');
    match rest.starts_with('/') || rest.is_empty() || !rest.chars().all(plain) {
        true => Err(malformed),
        false => Ok(format!("{scheme}://{}", rest.trim_end_matches('/'))),
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.as_str())?;
        if self.scheme == Scheme::Az {
            write!(f, "{}/", self.account)?;
        }
        f.write_str(&self.bucket)?;
        if !self.prefix.is_empty() {
            f.write_str("/")?;
        }
        self.prefix.chars().try_for_each(|c| match c {
            '%' | '?' | '#' | ' ' => write!(f, "%{:02x}", u32::from(c)),
            c => write!(f, "{c}"),
        })?;
        let endpoint = self.endpoint.iter().map(|endpoint| ("endpoint", endpoint));
        let region = self.region.iter().map(|region| ("region", region));
        let mut before = '?';
        endpoint
            .chain(region)
            .try_for_each(|(name, value)| write!(f, "{}{name}={value}", std::mem::replace(&mut before, '&')))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::storage::Location;

    fn parse(text: &str) -> Result<String, LocationError> {
        Location::parse(text, Path::new("/")).map(|location| location.to_string())
    }

    #[test]
    fn a_url_is_written_as_it_is_read() {
        for (text, canonical) in [
            ("s3://b", "s3://b"),
            ("s3://b/", "s3://b"),
            ("S3://b//p/q/", "s3://b/p/q"),
            ("s3://b/a%20b%25", "s3://b/a%20b%25"),
            ("s3://b/é", "s3://b/é"),
            ("s3://b?endpoint=http://127.0.0.1:8333/", "s3://b?endpoint=http://127.0.0.1:8333"),
            (
                "s3://b/p?region=eu-west-1&endpoint=http%3A%2F%2Fh%3A1",
                "s3://b/p?endpoint=http://h:1&region=eu-west-1",
            ),
            ("gs://b/p?endpoint=http://[::1]:9", "gs://b/p?endpoint=http://[::1]:9"),
            ("az://account/container/p/q", "az://account/container/p/q"),
            ("az:///container/p", "az:///container/p"),
            ("az://a/$root", "az://a/$root"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(canonical), "{text}");
            assert_eq!(parse(canonical).as_deref(), Ok(canonical), "{canonical}");
        }
        let url = BucketUrl::parse(Scheme::Az, "account/container/p/q").unwrap();
        assert_eq!((url.account(), url.bucket(), url.prefix()), (Some("account"), "container", "p/q"));
        assert_eq!(BucketUrl::parse(Scheme::Az, "/container").unwrap().account(), None);
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        for text in [
            "s3://",
            "s3:///p",
            "s3://-b/p",
            "s3://a@b/p",
            "s3://b:80/p",
            "s3://b/../c",
            "s3://b/a%2f..%2fb",
            "s3://b/%zz",
            "s3://b/%ff",
            "s3://b/p#x",
            "s3://b?endpoint=file:///x",
            "s3://b?endpoint=http:///x",
            "s3://b?endpoint=http://h?x",
            "s3://b?endpoint",
            "s3://b?region=",
            "s3://b?region=a/b",
            "s3://b?secret=x",
            "gs://b?region=eu",
            "az://account",
            "az://",
        ] {
            assert!(matches!(parse(text), Err(LocationError::Malformed(_))), "{text}: {:?}", parse(text));
        }
        let error = parse("s3://b?endpoint=http://me:geheim@h").unwrap_err();
        assert!(matches!(error, LocationError::Secret { .. }), "{error:?}");
        assert_eq!(parse("s3://b?region=a%0ab"), Err(LocationError::Control));
    }
}
