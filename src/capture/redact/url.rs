//! Takes secrets out of URLs before they are recorded.
//!
//! A promise of security: user, password, query and fragment are gone, whatever the shape. What is not
//! understood is cut where a secret could begin, and never passed through in the hope that it has none.

/// A URL, an address in the style of scp (`user@host:path`) or a path, without user, password, query
/// and fragment; `None` where that cannot be told apart for certain.
///
/// A password may have characters that should have been escaped. So everything before the last `@` goes, also
/// when that takes a piece of a path with it, and an `@` behind a `?` or `#` makes the whole text doubtful.
pub fn url(text: &str) -> Option<String> {
    let text = text.trim();
    let (text, secret) = split_before(text, |c| matches!(c, '?' | '#'));
    if text.is_empty() || secret.contains('@') || text.chars().any(char::is_control) {
        return None;
    }
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let scheme = after_last(scheme, "@");
            let scheme = after_last(scheme, "::");
            let rest = after_last(rest, "@");
            let (authority, _) = split_before(rest, |c| matches!(c, '/' | '\\'));
            (is_scheme(scheme) && is_host_and_port(authority)).then(|| format!("{scheme}://{rest}"))
        }
        None if is_path(text) => Some(text.to_owned()),
        None => Some(after_last(text, "@").to_owned()).filter(|text| !text.is_empty()),
    }
}

/// Whether this is a path of a file system, whose `@` means nothing.
fn is_path(text: &str) -> bool {
    let local = text.starts_with("./") || text.starts_with("../") || text.starts_with('/');
    let (before, at) = split_before(text, |c| c == '@');
    at.is_empty() || (local && !text.starts_with("//") && !before.contains(':'))
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// `host`, `host:22`, `[::1]:22` or nothing: no user and password whose `@` is missing.
fn is_host_and_port(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, port),
        _ => (text, ""),
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    (bracketed || !host.contains(':')) && port.bytes().all(|b| b.is_ascii_digit())
}

fn after_last<'a>(text: &'a str, mark: &str) -> &'a str {
    text.rsplit(mark).next().unwrap_or(text)
}

fn split_before(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_secret_stays() {
        for (text, expected) in [
            ("https://host/x.git", "https://host/x.git"),
            ("https://host:8443/a/b.git", "https://host:8443/a/b.git"),
            ("ssh://git@host:22/a/b", "ssh://host:22/a/b"),
            ("ssh://git@[::1]:22/a", "ssh://[::1]:22/a"),
            ("git@host:a/b.git", "host:a/b.git"),
            ("host:a/b.git", "host:a/b.git"),
            ("file:///srv/git/x.git", "file:///srv/git/x.git"),
            ("/srv/git/x.git", "/srv/git/x.git"),
            ("/srv/a@b/x.git", "/srv/a@b/x.git"),
            ("../sibling", "../sibling"),
            ("C:\\git\\x", "C:\\git\\x"),
            ("C:/git/x", "C:/git/x"),
            ("git+https://host/x.git", "git+https://host/x.git"),
            ("https://host/x.git?ref=main#readme", "https://host/x.git"),
            ("  https://host/x  ", "https://host/x"),
        ] {
            assert_eq!(url(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn no_shape_lets_a_secret_through() {
        for text in [
            "https://user:SECRET@host/x.git",
            "https://SECRET@host/x.git",
            "https://user:SECRET@@host/x.git",
            "https://user:SEC@SECRET@host/x.git",
            "https://user:SECRET/tail@host/x.git",
            "https://user:a/SECRET@host/x.git",
            "https://user:12/SECRET@host/x.git",
            "https://SECRET/SECRET@host/x.git",
            "https://user:SECRET",
            "https://host/x?a=b@SECRET",
            "https://host/x#a@SECRET",
            "https://u@SECRET?more@host",
            "a:SECRET://host/x",
            "https://user:SECRET:more@host:8443/x.git",
            "https://:SECRET@host",
            "https://SECRET@host",
            "https://SECRET?x@host",
            "https://host/x.git?token=SECRET",
            "https://host/x.git#SECRET",
            "https://host/x.git#access_token=SECRET&a=b",
            "https://host?private_token=SECRET/x",
            "https://user:p?SECRET@host/x",
            "https://user:p#SECRET@host/x",
            "ssh://user:SECRET@host:22/x",
            "git+ssh://user:SECRET@host/x@v1",
            "user:SECRET@host:x.git",
            "SECRET@host:x.git",
            "user:SECRET/more@host:x.git",
            "user:a/SECRET@host:x.git",
            "http::https://user:SECRET@host/x",
            "user:SECRET@https://host/x",
            "https:\\\\user:SECRET@host\\x",
            "HTTPS://USER:SECRET@HOST/x",
            "https://host/proxy/user:SECRET@inner/x",
            "https://host/https://user:SECRET@inner/x",
            "s3://KEY:SECRET@bucket/x?versionId=SECRET",
            "file://user:SECRET@host/x",
            "//user:SECRET@host/x",
            "https://us\u{e9}r:SECRET@host/x",
            "https://user%40corp:SECRET@host/x",
        ] {
            let cleaned = url(text).unwrap_or_default();
            assert!(!cleaned.contains("SECRET"), "{text} became {cleaned}");
        }
    }

    #[test]
    fn nothing_is_left_of_nothing() {
        for text in ["", "   ", "?token=x", "#x", "https://user:x@", "https://h\n/x", "a\u{1b}[0m"] {
            let cleaned = url(text);
            assert!(cleaned.as_deref().is_none_or(|text| !text.contains('x')), "{text:?} became {cleaned:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn userinfo_and_query_never_survive(
            scheme in "(https|http|ssh|git|git\\+https|ftp)",
            user in "[a-z]{0,6}", path in "[a-z/]{0,12}",
            secret in "[A-Z0-9!$&'()*+,;=:/@._~-]{0,8}QQQQ[A-Z0-9:@/]{0,4}",
        ) {
            for text in [
                format!("{scheme}://{user}:{secret}@host/{path}"),
                format!("{scheme}://host/{path}?t={secret}"),
                format!("{scheme}://host/{path}#{secret}"),
            ] {
                let cleaned = url(&text).unwrap_or_default();
                proptest::prop_assert!(!cleaned.contains("QQQQ"), "{} became {}", text, cleaned);
            }
        }
    }
}
