//! Secrets whose values are known, since they were taken out of the command or stand in variables: they are
//! taken out of what a program prints too, whatever they look like.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use crate::capture::redact::{self, PLACEHOLDER};
use crate::capture::variables;

/// Shorter values would be found in ordinary text.
const SHORTEST: usize = 8;

/// The values of known secrets.
#[derive(Clone, Default)]
pub struct Secrets {
    values: BTreeSet<Vec<u8>>,
}

impl Secrets {
    /// The secrets in the variables of this process.
    pub fn of_variables() -> Self {
        let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        Self::of(variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str())))
    }

    /// The secrets in these variables.
    pub fn of<'a>(variables: impl Iterator<Item = (&'a OsStr, &'a OsStr)>) -> Self {
        let mut secrets = Self::default();
        for (name, value) in variables {
            if let (Some(name), Some(value)) = (name.to_str(), value.to_str()) {
                secrets.add(value, &variables::clean(name, value).0);
            }
        }
        secrets
    }

    /// As [`Secrets::redact`], of text.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.redact(text.as_bytes())).into_owned()
    }

    /// Whether a text is or holds a secret that is known.
    pub fn is_in(&self, text: &str) -> bool {
        self.values.iter().any(|value| memchr::memmem::find(text.as_bytes(), value).is_some())
    }

    /// The words of a command without secrets, and which were taken out, as [`redact::command`] says it. A secret that
    /// is known goes out wherever it stands, also one that another word of the same command gives away.
    pub fn command(&self, words: &[String]) -> (Vec<String>, Vec<String>) {
        let (mut clean, mut redacted) = redact::command(words);
        let mut known = self.clone();
        words.iter().zip(&clean).for_each(|(word, clean)| known.add(word, clean));
        for (at, word) in clean.iter_mut().enumerate().filter(|(_, word)| known.is_in(word)) {
            *word = String::from_utf8_lossy(&known.without_known(word.as_bytes())).into_owned();
            redacted.push(format!("argument {at}"));
        }
        (clean, redacted)
    }

    /// Adds what was taken out of a text to make it the clean one.
    pub fn add(&mut self, text: &str, clean: &str) {
        if text == clean {
            return;
        }
        // A variable may have several lines, of which a program may print one.
        for secret in taken_out(text, clean).into_iter().flat_map(str::lines) {
            // Of a user and password, the password is the secret, and may be printed alone.
            let alone = secret.split_once(':').map(|(_, password)| password);
            for value in [Some(secret), alone].into_iter().flatten().filter(|value| value.len() >= SHORTEST) {
                self.values.insert(value.as_bytes().to_vec());
            }
        }
    }

    /// A text without the secrets that are known, and without what looks like one. Bytes that are no text stay.
    pub fn redact(&self, text: &[u8]) -> Vec<u8> {
        let known = self.without_known(text);
        let mut clean = Vec::with_capacity(known.len());
        for chunk in known.utf8_chunks() {
            clean.extend_from_slice(redact::text(chunk.valid()).as_bytes());
            clean.extend_from_slice(chunk.invalid());
        }
        clean
    }

    fn without_known(&self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        // The longest first: one may begin another.
        let mut values: Vec<&[u8]> = self.values.iter().map(Vec::as_slice).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        for value in values {
            if memchr::memmem::find(&text, value).is_none() {
                continue;
            }
            let (mut clean, mut from) = (Vec::with_capacity(text.len()), 0);
            for at in memchr::memmem::find_iter(&text, value) {
                clean.extend_from_slice(&text[from..at]);
                clean.extend_from_slice(PLACEHOLDER.as_bytes());
                from = at + value.len();
            }
            clean.extend_from_slice(&text[from..]);
            text = clean;
        }
        text
    }
}

/// The pieces of a text in whose place something else stands.
fn taken_out<'a>(text: &'a str, clean: &str) -> Vec<&'a str> {
    let mut pieces = clean.split(PLACEHOLDER);
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return vec![text] };
    let mut taken = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let at = match pieces.peek() {
            // What follows the last secret ends the text.
            None => rest.len().checked_sub(piece.len()),
            Some(_) if piece.is_empty() => Some(rest.len()),
            Some(_) => rest.find(piece),
        };
        let Some(at) = at else { return vec![text] };
        taken.push(&rest[..at]);
        rest = &rest[(at + piece.len()).min(rest.len())..];
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        let mut secrets = Secrets::default();
        pairs.iter().for_each(|(text, clean)| secrets.add(text, clean));
        secrets
    }

    #[test]
    fn what_was_taken_out() {
        for (text, clean, taken) in [
            ("a", "<redacted>", vec!["a"]),
            ("k=a", "k=<redacted>", vec!["a"]),
            ("db://u:p@h/x", "db://<redacted>@h/x", vec!["u:p"]),
            ("a x b y c", "a <redacted> b <redacted> c", vec!["x", "y"]),
            ("else", "other <redacted>", vec!["else"]),
        ] {
            assert_eq!(taken_out(text, clean), taken);
        }
    }

    #[test]
    fn known_secrets_have_no_shape() {
        let known = secrets(&[
            ("db://u:longpassword@h", "db://<redacted>@h"),
            ("short", "<redacted>"),
            ("plain-words", "<redacted>"),
        ]);
        let clean =
            known.redact(b"longpassword short say plain-words\xff u:longpassword --token abcdef12 \xfe");
        assert_eq!(clean, b"<redacted> short say <redacted>\xff <redacted> --token <redacted> \xfe");
        assert_eq!(known.redact(b"epoch 1 loss 0.5\n"), b"epoch 1 loss 0.5\n");
    }

    #[test]
    fn a_known_secret_goes_out_of_every_word() {
        let known = secrets(&[("plain-words", "<redacted>")]);
        let words =
            ["t", "--key", "plain-words", "x=plain-words", "--token", "other-words", "-c", "say other-words"];
        let (clean, redacted) = known.command(&words.map(str::to_owned));
        assert_eq!(
            clean,
            ["t", "--key", "<redacted>", "x=<redacted>", "--token", "<redacted>", "-c", "say <redacted>"]
        );
        assert_eq!(redacted, ["argument --token", "argument 2", "argument 3", "argument 7"]);
        assert_eq!(
            known.text("plain-words, https://u:p@h/x?sig=1"),
            "<redacted>, https://<redacted>@h/x?<redacted>"
        );
    }

    proptest::proptest! {
        #[test]
        fn none_is_left(secret in "[a-zA-Z0-9:@/ ]{8,20}", before in "[ -~]{0,9}", after in "[ -~]{0,9}") {
            let known = secrets(&[(&secret, PLACEHOLDER)]);
            let text = format!("{before}{secret}{after}");
            let clean = known.redact(text.as_bytes());
            proptest::prop_assert!(memchr::memmem::find(&clean, secret.trim().as_bytes()).is_none() || secret.trim().len() < 8);
        }
    }
}
