//! The one door that untrusted text passes before it reaches a terminal.

use std::borrow::Cow;

/// Whether a character steers a terminal, has no width, turns the direction of writing, or breaks a line.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text with everything that is not plainly visible written as an escape: `\n`, `\u{1b}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// A line of source code: as [`escape`], with tabs as four spaces.
pub fn escape_line(line: &str) -> Cow<'_, str> {
    match line.contains('\t') {
        true => Cow::Owned(escape(&line.replace('\t', "    ")).into_owned()),
        false => escape(line),
    }
}

/// A JSON document whose texts are escaped as JSON escapes them (`\u202e`): it says the same and steers nothing.
pub fn escape_json(document: &serde_json::Value) -> String {
    let document = document.to_string();
    if !document.contains(is_unsafe) {
        return document;
    }
    let mut out = String::with_capacity(document.len() + 8);
    for c in document.chars() {
        // Outside of texts there is no such character, so that each is replaced within one.
        if is_unsafe(c) {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        assert_eq!(escape("plain Ärger 漢字"), "plain Ärger 漢字");
        assert_eq!(escape("a\x1b[31mred"), "a\\u{1b}[31mred");
        assert_eq!(escape("a\r\nb\tc\0"), "a\\r\\nb\\tc\\u{0}");
        assert_eq!(
            escape("txt\u{202e}gpj.\u{2066}x\u{2028}\u{200b}"),
            "txt\\u{202e}gpj.\\u{2066}x\\u{2028}\\u{200b}"
        );
        assert_eq!(escape("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        assert_eq!(escape_line("\tx\x08"), "    x\\u{8}");
    }

    #[test]
    fn documents_say_the_same_and_steer_nothing() {
        let document = serde_json::json!({"a\u{202e}": ["\u{9b}2J\n", "\u{e0001}", "\u{2028} Ärger 漢字"]});
        let text = escape_json(&document);
        assert!(!text.contains(is_unsafe), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), document);
    }

    proptest::proptest! {
        #[test]
        fn what_comes_out_is_visible(text in ".*") {
            assert!(!escape(&text).contains(is_unsafe));
            assert_eq!(escape(&escape(&text)), escape(&text));
        }
    }
}
