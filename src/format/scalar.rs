//! Plain scalars: the core schema of YAML 1.2 (section 10.3.2), and what cells of tables mean.

use super::FormatError;
use super::item::int;
use crate::value::Value;

/// The value of a plain YAML scalar.
pub(super) fn core(text: &str, line: u64) -> Result<Value, FormatError> {
    if is_null(text) {
        return Ok(Value::Null);
    }
    if let Some(value) = bool(text) {
        return Ok(Value::Bool(value));
    }
    match integer(text, line)? {
        Some(value) => Ok(value),
        None => Ok(float(text).map_or_else(|| Value::Text(text.to_owned()), Value::Float)),
    }
}

/// Whether a plain scalar is null.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The truth value of a plain scalar, if it is one.
pub(super) fn bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// The integer that a plain scalar is, if it is one. An error if it is one beyond the range.
pub(super) fn integer(text: &str, line: u64) -> Result<Option<Value>, FormatError> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'o', ..] => (&text[2..], 8),
        [b'0', b'x', ..] => (&text[2..], 16),
        [b'-' | b'+', ..] => (&text[1..], 10),
        _ => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Ok(None);
    }
    let magnitude = i128::from_str_radix(digits, radix).ok();
    let signed = magnitude.map(|value| if text.starts_with('-') { -value } else { value });
    int(signed, line).map(Some)
}

/// The float that a plain scalar is, if it is one. Digits without a dot or exponent are one too.
pub(super) fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if unsigned == text => Some(f64::NAN),
        // What Rust takes for a float beyond the schema are only words: `inf`, `nan`, `infinity`.
        _ if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') => text.parse().ok(),
        _ => None,
    }
}

/// The value of a cell of a table of numbers; `None` if it is missing. Text stays text.
pub(super) fn cell(text: &str) -> Option<Value> {
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "" | "na" | "n/a" | "null" | "none" | "~" => return None,
        "nan" => return Some(Value::Float(f64::NAN)),
        "inf" | "infinity" | "+inf" => return Some(Value::Float(f64::INFINITY)),
        "-inf" | "-infinity" => return Some(Value::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    // An identifier may be 0x1F and more digits than an integer has.
    let value = if text.starts_with("0x") || text.starts_with("0o") { None } else { core(text, 0).ok() };
    Some(value.unwrap_or_else(|| Value::Text(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let shown = |text| match core(text, 1) {
            Ok(value) => format!("{} {value}", value.type_name()),
            Err(error) => error.problem,
        };
        for (text, expected) in [
            ("", "null null"),
            ("~", "null null"),
            ("NULL", "null null"),
            ("nULL", "text nULL"),
            ("True", "boolean true"),
            ("no", "text no"),
            ("yes", "text yes"),
            ("on", "text on"),
            ("1", "integer 1"),
            ("+1", "integer 1"),
            ("-012", "integer -12"),
            ("0o17", "integer 15"),
            ("0x1F", "integer 31"),
            ("-0x1F", "text \"-0x1F\""),
            ("0o8", "text \"0o8\""),
            ("1_000", "text \"1_000\""),
            ("18446744073709551615", "integer 18446744073709551615"),
            ("18446744073709551616", "the integer is beyond -2^64 to 2^64-1"),
            ("1e-3", "float 0.001"),
            ("1.", "float 1.0"),
            (".5", "float 0.5"),
            ("-.5e+2", "float -50.0"),
            (".", "text ."),
            ("1e", "text \"1e\""),
            ("+-1", "text \"+-1\""),
            (".inf", "float inf"),
            ("-.INF", "float -inf"),
            ("+.inf", "float inf"),
            (".nan", "float nan"),
            ("-.nan", "text \"-.nan\""),
            ("nan", "text \"nan\""),
            ("inf", "text \"inf\""),
            ("infinity", "text infinity"),
            ("2026-01-31", "text \"2026-01-31\""),
            ("12:30:00", "text \"12:30:00\""),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn cells_may_be_missing() {
        assert_eq!(cell(" "), None);
        assert_eq!(cell("NA"), None);
        assert_eq!(cell("nan"), Some(Value::Float(f64::NAN)));
        assert_eq!(cell("0.5"), Some(Value::Float(0.5)));
        assert_eq!(cell("0x10"), Some(Value::Text("0x10".into())));
        assert_eq!(cell("99999999999999999999999"), Some(Value::Text("99999999999999999999999".into())));
    }
}
