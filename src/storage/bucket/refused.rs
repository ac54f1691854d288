//! What a service says when it refuses a request, and the kind of error that this is.

use std::io::ErrorKind;

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The HTTP status.
    pub(super) status: u16,
    /// The service's own name for the reason, such as `NoSuchBucket`.
    pub(super) code: Option<String>,
    message: String,
    region: Option<String>,
}

impl Refused {
    /// Reads an answer. Its words come from outside: they are cut, and nothing in them can move a terminal's cursor.
    pub(super) fn new(status: u16, code: Option<String>, body: &[u8], region: Option<String>) -> Self {
        let body = String::from_utf8_lossy(body);
        let code = code.or_else(|| element(&body, "Code").map(str::to_owned)).map(|code| plain(&code));
        let message = match (element(&body, "Message"), body.trim_start().starts_with('<')) {
            (Some(message), _) => message,
            (None, true) => "",
            (None, false) => &body,
        };
        Self { status, code, message: plain(message), region: region.map(|region| plain(&region)) }
    }

    /// The kind of error that it is.
    pub(super) fn kind(&self) -> ErrorKind {
        match self.status {
            _ if self.is_damaged() => ErrorKind::ConnectionAborted,
            300..=400 => ErrorKind::InvalidInput,
            401 | 403 => ErrorKind::PermissionDenied,
            404 => ErrorKind::NotFound,
            408 | 504 => ErrorKind::TimedOut,
            409 | 429 | 503 => ErrorKind::ResourceBusy,
            412 => ErrorKind::AlreadyExists,
            416 => ErrorKind::UnexpectedEof,
            _ => ErrorKind::Other,
        }
    }

    /// Whether it says that the key of a conditional write exists.
    pub(super) fn exists(&self) -> bool {
        let azure = || self.code.as_deref() == Some("BlobAlreadyExists");
        matches!(self.status, 304 | 412) || (self.status == 409 && azure())
    }

    /// Whether it says that the body is not the one that was sent.
    pub(super) fn is_damaged(&self) -> bool {
        let codes = ["BadDigest", "XAmzContentSHA256Mismatch", "Md5Mismatch"];
        self.status == 400 && self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether it says that a key does not exist, in a bucket that does.
    pub(super) fn is_missing_key(&self) -> bool {
        let bucket = ["NoSuchBucket", "ContainerNotFound", "AccountNotFound", "ContainerBeingDeleted"];
        self.status == 404 && !self.code.as_deref().is_some_and(|code| bucket.contains(&code))
    }
}

/// The text of the first element of this name.
pub(super) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = xml.split_once(&format!("<{name}>"))?;
    Some(behind.split_once(&format!("</{name}>"))?.0)
}

/// The first line of some words, without what is no letter of any kind.
fn plain(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or("");
    line.chars()
        .filter(|c| {
            !c.is_control()
                && !matches!(*c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .take(300)
        .collect()
}

impl std::error::Error for Refused {}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match (&self.region, self.status) {
            (Some(region), 300..=400) => {
                write!(f, " (the bucket is in another region: add ?region={region})")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_service_are_told() {
        let body = b"<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>It is\x1b[2J gone\nfake</Message></Error>";
        let refused = Refused::new(404, None, body, None);
        assert_eq!(refused.to_string(), "the server answered 404 NoSuchBucket: It is[2J gone");
        assert!(!refused.is_missing_key());
        assert!(Refused::new(404, None, b"", None).is_missing_key());
        let html = Refused::new(502, None, b"<html>nothing", None);
        assert_eq!(html.to_string(), "the server answered 502");
        let long = Refused::new(500, None, "x".repeat(1000).as_bytes(), None);
        assert_eq!(long.to_string().len(), "the server answered 500: ".len() + 300);
        let elsewhere = Refused::new(301, None, b"", Some("eu-west-1".to_owned()));
        assert!(elsewhere.to_string().ends_with("add ?region=eu-west-1)"));
    }

    #[test]
    fn what_may_have_happened_is_no_refusal() {
        use crate::storage::StorageError;
        use crate::storage::bucket::attempt::{Effect, Failure};
        for status in 300..600 {
            let Failure { error, effect } = Refused::new(status, None, b"", None).into();
            let error = StorageError { action: "create", place: String::new(), source: error };
            assert!(effect != Effect::Unknown || !error.is_refusal(), "{status}");
        }
    }

    #[test]
    fn what_exists_is_told_from_what_is_busy() {
        let refused = |status, code: &str| Refused::new(status, Some(code.to_owned()), b"", None);
        assert!(refused(412, "PreconditionFailed").exists() && refused(409, "BlobAlreadyExists").exists());
        assert!(!refused(409, "ConditionalRequestConflict").exists() && !refused(403, "").exists());
        assert!(refused(404, "BlobNotFound").is_missing_key());
        assert!(!refused(404, "ContainerNotFound").is_missing_key());
    }
}
