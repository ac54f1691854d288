//! Numbers, sizes, dates and ids as people read them.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::diff::Unit;
use crate::object::Time;
use crate::render::escape::escape;
use crate::render::style::Style;
use crate::value::Value;

/// The first ten digits of an id.
pub fn short_id(id: impl Display) -> String {
    let mut text = id.to_string();
    text.truncate(10);
    text
}

/// A size in bytes: `0 B`, `12.3 MB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    // What would be rounded to 1000 is one of the next unit.
    while value >= if unit == 0 { 1000.0 } else { 999.95 } && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A number with so many significant digits, without zeros at its end.
fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return Value::Float(value).to_string().trim_end_matches(".0").to_owned();
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-5..9).contains(&exponent) {
        let text = format!("{value:.*e}", (digits - 1) as usize);
        let (number, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trim(number));
    }
    trim(&format!("{value:.*}", (digits - 1 - exponent).max(0) as usize)).to_owned()
}

fn trim(number: &str) -> &str {
    match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    }
}

/// A number with four significant digits.
pub fn short(value: f64) -> String {
    significant(value, 4)
}

/// A change with its sign: `+0.029`, `−3`.
pub fn signed(style: &Style, value: f64) -> String {
    let sign = if value < 0.0 { style.minus() } else { "+" };
    format!("{sign}{}", significant(value.abs(), 3))
}

/// A relative change: `+2.1 %`.
pub fn percent(style: &Style, relative: f64) -> String {
    let sign = if relative < 0.0 { style.minus() } else { "+" };
    let value = relative.abs() * 100.0;
    if value >= 9_999.5 {
        return format!("{sign}{} %", significant(value, 3));
    }
    format!("{sign}{value:.1} %")
}

/// How many times: `×10`, `×0.5`.
pub fn ratio(style: &Style, ratio: f64) -> String {
    format!("{}{}", style.times(), significant(ratio, 3))
}

/// A moment in the time zone of who was there: `2026-11-23 06:21:51 +0100`.
pub fn date(time: &Time) -> String {
    let offset = i32::try_from(time.zone.saturating_mul(60)).ok().and_then(|s| Offset::from_seconds(s).ok());
    let (Ok(moment), Some(offset)) = (Timestamp::from_millisecond(time.millis), offset) else {
        return format!("{} ms after 1970", time.millis);
    };
    moment.to_zoned(offset.to_time_zone()).strftime("%Y-%m-%d %H:%M:%S %z").to_string()
}

/// A value in a unit, safe to print.
pub(super) fn in_unit(value: &Value, unit: Unit) -> String {
    let whole = match value {
        Value::Int(int) => u64::try_from(int.get()).ok(),
        _ => None,
    };
    match (unit, whole) {
        (Unit::Bytes, Some(bytes)) => size(bytes),
        (Unit::Bandwidth, Some(bytes)) => format!("{}/s", size(bytes)),
        (Unit::Megahertz, Some(clock)) => format!("{clock} MHz"),
        (Unit::Milliwatts, Some(power)) => format!("{} W", short(power as f64 / 1000.0)),
        _ => value_text(value),
    }
}

/// A value, safe to print.
pub(super) fn value_text(value: &Value) -> String {
    match value {
        Value::Text(text) => escape(text).into_owned(),
        value => escape(&value.to_string()).into_owned(),
    }
}

/// A measured value, with six significant digits.
pub(super) fn measured(value: &Value) -> String {
    match value {
        Value::Float(number) => significant(*number, 6),
        value => value_text(value),
    }
}

/// Two sizes; in bytes where they would look the same.
pub(super) fn sizes(old: u64, new: u64) -> (String, String) {
    match size(old) == size(new) && old != new {
        true => (format!("{old} B"), format!("{new} B")),
        false => (size(old), size(new)),
    }
}

/// `1 file`, `2 files`.
pub(super) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let cases =
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (999_999, "1.0 MB")];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(size(u64::MAX), "18.4 EB");
        assert_eq!(sizes(1_000_001, 1_000_002), ("1000001 B".into(), "1000002 B".into()));
    }

    #[test]
    fn changes_read_well() {
        let style = Style::PLAIN;
        assert_eq!(signed(&style, 0.971 - 0.942), "+0.029");
        assert_eq!(signed(&style, -3.0), "−3");
        assert_eq!(percent(&style, 0.0214), "+2.1 %");
        assert_eq!(percent(&style, -12.5), "−1250.0 %");
        assert_eq!(ratio(&style, 0.01 / 0.1), "×0.1");
        assert_eq!(ratio(&style, 10.0), "×10");
        assert_eq!(short(1234.5678), "1235");
        assert_eq!(short(1.5e-9), "1.5e-9");
        assert_eq!(short(f64::NAN), "nan");
        assert_eq!(short(0.0), "0");
    }

    #[test]
    fn dates_have_their_zone() {
        assert_eq!(date(&Time { millis: 1_795_411_311_000, zone: 60 }), "2026-11-23 06:21:51 +0100");
        assert_eq!(date(&Time { millis: 0, zone: -90 }), "1969-12-31 22:30:00 -0130");
        assert_eq!(date(&Time { millis: i64::MAX, zone: 0 }), format!("{} ms after 1970", i64::MAX));
        assert_eq!(date(&Time { millis: 5, zone: i64::MAX }), "5 ms after 1970");
    }
}
