//! Takes secrets out of any text: lines of a log, values, arguments with words in them.
//!
//! One pass from left to right. Whatever is found is jumped over, and whatever is looked at ahead is bounded or is
//! remembered, so that a line of 10 MB costs ten times a line of 1 MB.

use std::borrow::Cow;

use crate::capture::redact::{PLACEHOLDER, name, shape};

/// How far behind the id of a key of Amazon its secret is looked for.
const NEAR: usize = 256;
/// A value in quotes that is longer is none.
const LONGEST_QUOTED: usize = 16 << 10;

/// The text without the secrets that can be told by name or by shape.
pub fn text(text: &str) -> Cow<'_, str> {
    let mut scan =
        Scan { text, bytes: text.as_bytes(), at: 0, out: String::new(), copied: 0, url: 0, amazon: 0 };
    while scan.at < scan.bytes.len() {
        scan.step();
    }
    if scan.copied == 0 {
        return Cow::Borrowed(text);
    }
    scan.out.push_str(&text[scan.copied..]);
    Cow::Owned(scan.out)
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    out: String,
    /// Up to where the text is in `out`.
    copied: usize,
    /// Up to where a URL was looked at.
    url: usize,
    /// Up to where a secret of Amazon is looked for.
    amazon: usize,
}

impl Scan<'_> {
    fn step(&mut self) {
        let at = self.at;
        let byte = self.bytes[at];
        if byte == b'-'
            && let Some(len) = shape::private_key(&self.text[at..])
        {
            return self.redact(at, at + len);
        }
        if byte == b':' && at >= self.url && self.bytes[at..].starts_with(b"://") && self.userinfo_or_query()
        {
            return;
        }
        if is_name(byte) && (at == 0 || !is_name(self.bytes[at - 1])) && self.named() {
            return;
        }
        if byte.is_ascii_alphanumeric() && self.starts_word() {
            let runs_on = at > 0 && is_name(self.bytes[at - 1]) && !self.escaped();
            let signed = || if runs_on { None } else { shape::signed(&self.bytes[at..]) };
            if let Some(len) = shape::token(&self.bytes[at..]).or_else(signed) {
                if shape::is_amazon(&self.text[at..]) {
                    self.amazon = at + len + NEAR;
                }
                return self.redact(at, at + len);
            }
        }
        if at < self.amazon
            && !is_secret_character(self.bytes[at - 1])
            && let Some(len) = shape::forty(&self.bytes[at..])
        {
            return self.redact(at, at + len);
        }
        self.at += 1;
    }

    /// Puts the placeholder in place of a range, which begins and ends beside ASCII characters.
    fn redact(&mut self, start: usize, end: usize) {
        self.out.push_str(&self.text[self.copied..start]);
        self.out.push_str(PLACEHOLDER);
        (self.copied, self.at) = (end, end);
    }

    /// Whether a token may begin here: behind no letter or digit, unless that belongs to an escape (`\n`, `%3D`).
    fn starts_word(&self) -> bool {
        self.at == 0 || !self.bytes[self.at - 1].is_ascii_alphanumeric() || self.escaped()
    }

    /// Whether what stands before this is such an escape.
    fn escaped(&self) -> bool {
        let before = |n: usize| self.at.checked_sub(n).map(|at| self.bytes[at]);
        before(2) == Some(b'\\') || before(3) == Some(b'%')
    }

    /// At `://`: takes out what stands before an `@`, and a query.
    fn userinfo_or_query(&mut self) -> bool {
        let start = self.at + 3;
        let rest = &self.bytes[start..];
        let len = rest.iter().take_while(|b| is_url(**b)).count();
        let end = start + len;
        self.url = end;
        let path_end = rest[..len].iter().position(|b| matches!(b, b'?' | b'#')).map_or(end, |at| start + at);
        let user_end = self.user_end(start, path_end);
        if let Some(at) = user_end {
            self.redact(start, at);
        }
        let web =
            ["http", "https", "ws", "wss"].iter().any(|scheme| self.text[..start - 3].ends_with(scheme));
        let query = &self.bytes[path_end..end];
        let is_secret = query.len() > 1 && (web || query.contains(&b'='));
        if is_secret {
            self.redact(path_end + 1, end);
        }
        user_end.is_some() || is_secret
    }

    /// Where the user and password of a URL end. An `@` in a path means nothing, unless a password may be before it.
    fn user_end(&self, start: usize, end: usize) -> Option<usize> {
        let part = &self.bytes[start..end];
        let last = part.iter().rposition(|b| *b == b'@')?;
        let authority = part.iter().position(|b| matches!(b, b'/' | b'\\')).unwrap_or(part.len());
        let (host, path) = part[..last].split_at(authority.min(last));
        let port = host.iter().rposition(|b| *b == b':').map(|at| &host[at + 1..]);
        let doubtful = port.is_some_and(|port| !port.iter().all(u8::is_ascii_digit)) || path.contains(&b':');
        if doubtful {
            return Some(start + last);
        }
        let within = part[..authority].iter().rposition(|b| *b == b'@')?;
        Some(start + within)
    }

    /// At the beginning of a name: takes out the value behind it, if the name is that of a secret.
    fn named(&mut self) -> bool {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().take_while(|b| is_name(**b)).count();
        let (start, end) = (self.at, self.at + len);
        let name = &self.text[start..end];
        let bare = name.trim_start_matches('-');
        if bare.eq_ignore_ascii_case("bearer") {
            return self.bearer(end);
        }
        if !name::is_secret(bare) {
            return false;
        }
        let Some(value) = self.value_start(end, name.starts_with("--")) else { return false };
        let header = ["authorization", "cookie"].iter().any(|word| bare.to_ascii_lowercase().ends_with(word));
        let (value, value_end) = self.value(value, header);
        if value == value_end || name::is_harmless(bare, &self.text[value..value_end]) {
            return false;
        }
        self.redact(value, value_end);
        true
    }

    /// Where a value begins behind a name: behind `=` or `:`, or behind a space if the name is an option.
    fn value_start(&self, end: usize, option: bool) -> Option<usize> {
        let skip = |mut at: usize, is: &dyn Fn(u8) -> bool, most: usize| {
            let stop = at + most;
            while at < stop && self.bytes.get(at).is_some_and(|b| is(*b)) {
                at += 1;
            }
            at
        };
        let space = |b: u8| matches!(b, b' ' | b'\t');
        // A key of JSON ends with a quote, which may be escaped.
        let at = skip(end, &|b| matches!(b, b'"' | b'\'' | b'\\'), 2);
        let sign = skip(at, &space, 8);
        if matches!(self.bytes.get(sign), Some(b'=' | b':')) {
            let behind = skip(sign, &|b| matches!(b, b'=' | b':' | b'>'), 2);
            return Some(skip(behind, &space, 8)).filter(|at| *at < self.bytes.len());
        }
        let behind = skip(end, &space, 8);
        let another = self.bytes.get(behind) == Some(&b'-');
        (option && behind > end && behind < self.bytes.len() && !another).then_some(behind)
    }

    /// The value from here: in quotes to the quote, of a header to the end of the line, else a word.
    fn value(&self, start: usize, header: bool) -> (usize, usize) {
        let escaped = usize::from(self.bytes[start] == b'\\');
        let quote = self.bytes.get(start + escaped).copied().filter(|b| matches!(b, b'"' | b'\''));
        let inside = start + escaped + 1;
        if let Some(quote) = quote {
            let body = &self.bytes[inside..self.bytes.len().min(inside + LONGEST_QUOTED)];
            let mut skipped = false;
            let close = body.iter().position(|b| {
                let closes = *b == quote && !skipped;
                // Within escaped quotes the first backslash belongs to the one that closes.
                skipped = *b == b'\\' && !skipped && escaped == 0;
                closes || *b == b'\n'
            });
            return (inside, inside + close.unwrap_or(body.len()) - escaped.min(close.unwrap_or(0)));
        }
        let ends = |b: u8| match header {
            true => matches!(b, b'"' | b'\'' | b'\n' | b'\r'),
            false => b.is_ascii_whitespace() || b"\"',;&)]}|".contains(&b),
        };
        (start, start + self.bytes[start..].iter().take_while(|b| !ends(**b)).count())
    }

    /// Behind the word `Bearer`: a token, if it is long enough not to be a word.
    fn bearer(&mut self, end: usize) -> bool {
        let start = end + usize::from(self.bytes.get(end) == Some(&b' '));
        let is = |b: &&u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
        let len = self.bytes[start..].iter().take_while(is).count();
        if start == end || len < 16 {
            return false;
        }
        self.redact(start, start + len);
        true
    }
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

fn is_secret_character(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+')
}

/// What a URL in a text is made of; a password may have what should have been escaped.
fn is_url(b: u8) -> bool {
    !b.is_ascii_whitespace() && !b.is_ascii_control() && !b"\"'<>`".contains(&b)
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
