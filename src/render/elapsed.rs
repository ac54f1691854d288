//! Spans of time as people read them: how long something took, and how long ago it was.

use crate::repo::CLOCKS_DIFFER;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const MONTH: u64 = 30 * DAY;
const YEAR: u64 = 365 * DAY;

/// A span of seconds: `40 ms`, `3.2 s`, `12 min 4 s`, `3 h 12 min`, `2 d 4 h`. A clock that went back took no time.
pub fn duration(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    // What would be rounded to the next unit is one of it.
    if seconds < 0.0995 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let two = |unit: u64, name: &str, below: u64, lower: &str| match whole % unit / below {
        0 => format!("{} {name}", whole / unit),
        rest => format!("{} {name} {rest} {lower}", whole / unit),
    };
    match whole {
        ..MINUTE => format!("{whole} s"),
        MINUTE..HOUR => two(MINUTE, "min", 1, "s"),
        HOUR..DAY => two(HOUR, "h", MINUTE, "min"),
        _ => two(DAY, "d", HOUR, "h"),
    }
}

/// How long before `now` a moment was, both in milliseconds: `just now`, `2 h ago`, `in 3 min`.
pub fn ago(now: i64, then: i64) -> String {
    let Some(span) = span(now.abs_diff(then) / 1000) else { return "just now".to_owned() };
    if then > now { format!("in {span}") } else { format!("{span} ago") }
}

/// By how much the clock of a machine is ahead of ours, where something began in the future by it.
pub fn clock_ahead(now: i64, began: i64) -> Option<String> {
    let ahead = began.checked_sub(now).filter(|ahead| *ahead >= CLOCKS_DIFFER)?;
    span(ahead.unsigned_abs() / 1000)
}

fn span(seconds: u64) -> Option<String> {
    let plural = |number: u64, unit: &str| format!("{number} {unit}{}", if number == 1 { "" } else { "s" });
    Some(match seconds {
        ..10 => return None,
        10..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        DAY..MONTH => plural(seconds / DAY, "day"),
        MONTH..YEAR => plural(seconds / MONTH, "month"),
        _ => plural(seconds / YEAR, "year"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        let cases = [
            (0.0, "0 ms"),
            (0.0404, "40 ms"),
            (0.0999, "0.1 s"),
            (3.21, "3.2 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (59.6, "1 min"),
            (724.0, "12 min 4 s"),
            (3599.7, "1 h"),
            (11_520.0, "3 h 12 min"),
            (187_200.0, "2 d 4 h"),
            (-5.0, "0 ms"),
            (f64::NAN, "0 ms"),
            (f64::INFINITY, "0 ms"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn moments_are_told_from_now() {
        let cases = [
            (0, "just now"),
            (-9, "just now"),
            (12, "12 s ago"),
            (3_599, "59 min ago"),
            (7_200, "2 h ago"),
            (86_400, "1 day ago"),
            (30 * 86_400, "1 month ago"),
            (800 * 86_400, "2 years ago"),
            (-180, "in 3 min"),
        ];
        for (seconds, text) in cases {
            assert_eq!(ago(1_000_000, 1_000_000 - seconds * 1000), text, "{seconds}");
        }
        assert_eq!(clock_ahead(1_000_000, 1_000_000 + 3 * 86_400_000).as_deref(), Some("3 days"));
        assert_eq!(clock_ahead(1_000_000, 1_000_000 + CLOCKS_DIFFER).as_deref(), Some("1 min"));
        assert_eq!(clock_ahead(1_000_000, 1_000_000 + CLOCKS_DIFFER - 1), None);
        assert_eq!(clock_ahead(i64::MAX, i64::MIN), None);
        assert_eq!(ago(i64::MAX, i64::MIN), "584942417 years ago");
    }
}
