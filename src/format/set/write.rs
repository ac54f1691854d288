//! How a value is written: so that old readers and new ones read the same.
//!
//! Floats have a dot and a signed exponent, without which YAML 1.1 takes them for text, and text that YAML 1.1
//! takes for something else is quoted.

use crate::format::{Syntax, scalar};
use crate::value::Value;

/// The value in a syntax, in the place of what is there now; `None` if the syntax has no such value.
pub(super) fn value(syntax: Syntax, value: &Value, old: &str) -> Option<String> {
    match value {
        Value::Null if syntax == Syntax::Toml => None,
        Value::Null => Some("null".to_owned()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Int(int) if syntax == Syntax::Toml => i64::try_from(int.get()).ok().map(|int| int.to_string()),
        Value::Int(int) => Some(int.get().to_string()),
        Value::Float(float) => Some(self::float(syntax, *float)),
        Value::Text(text) => Some(self::text(syntax, text, old)),
        Value::List(list) => {
            let items: Option<Vec<String>> = list.iter().map(|item| self::value(syntax, item, "[")).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Map(_) => None,
    }
}

fn float(syntax: Syntax, float: f64) -> String {
    if !float.is_finite() {
        let [nan, infinity] = match syntax {
            Syntax::Yaml => [".nan", ".inf"],
            Syntax::Json => ["NaN", "Infinity"],
            Syntax::Toml => ["nan", "inf"],
        };
        let sign = if float == f64::NEG_INFINITY { "-" } else { "" };
        return if float.is_nan() { nan.to_owned() } else { format!("{sign}{infinity}") };
    }
    let written = format!("{float:?}");
    let Some((mantissa, exponent)) = written.split_once('e') else { return written };
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{dot}e{sign}{exponent}")
}

/// Text in the quotation marks that are there, if they can hold it.
fn text(syntax: Syntax, text: &str, old: &str) -> String {
    let is_single = old.starts_with('\'') && !text.chars().any(is_special);
    let is_bare = !old.starts_with(['"', '\'']);
    match syntax {
        Syntax::Yaml if is_single => format!("'{}'", text.replace('\'', "''")),
        Syntax::Yaml if is_bare && is_plain(text) => text.to_owned(),
        Syntax::Toml if is_single && !text.contains('\'') => format!("'{text}'"),
        // A date that is no text in the file stays one.
        Syntax::Toml if is_bare && is_date(old) && is_date(text) => text.to_owned(),
        _ => double(text),
    }
}

fn is_date(text: &str) -> bool {
    text.parse::<toml_edit::Datetime>().is_ok()
}

fn is_special(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Text in double quotation marks, as all three syntaxes read it.
fn double(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_special(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether no version of YAML takes the text for anything else, whatever stands around it.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];
    let is_word = text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '/'));
    let is_safe = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '-' | '.' | '+' | ' ' | '@');
    is_word
        && text.chars().all(is_safe)
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && matches!(scalar::core(text, 0), Ok(Value::Text(_)))
}
