//! Times and sizes as people write them: `90`, `1.5h`, `2M`.

use std::time::Duration;

const TIMES: [(&str, f64); 7] =
    [("ms", 0.001), ("s", 1.0), ("sec", 1.0), ("m", 60.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)];
const SIZES: [(&str, f64); 4] = [("b", 1.0), ("k", 1024.0), ("m", 1_048_576.0), ("g", 1_073_741_824.0)];
/// No longer than a year, which is as good as for ever.
const MAX_SECONDS: f64 = 366.0 * 86_400.0;
/// What is kept of a log is kept in memory.
const MAX_SIZE: f64 = 1_073_741_824.0;

/// A number and its unit, as a multiple of the first unit that has the value 1.
fn measure(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let unit = unit.trim();
    let factor = match unit {
        "" => 1.0,
        unit => units.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

/// A time: seconds, or with a unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    match measure(text, &TIMES) {
        Some(seconds) if seconds > 0.0 && seconds <= MAX_SECONDS => Ok(Duration::from_secs_f64(seconds)),
        Some(_) => Err("it must be more than nothing and at most a year".to_owned()),
        None => Err("a time is written as 90, 90s, 30m, 12h or 2d".to_owned()),
    }
}

/// A size: bytes, or with a unit.
pub fn bytes(text: &str) -> Result<usize, String> {
    let unit = text.trim().trim_end_matches("iB").trim_end_matches('B');
    match measure(unit, &SIZES) {
        Some(size) if size <= MAX_SIZE => Ok(size as usize),
        Some(_) => Err("it must be at most 1G".to_owned()),
        None => Err("a size is written as 65536, 64K, 2M or 1G".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let seconds = |text: &str| duration(text).unwrap().as_secs_f64();
        assert_eq!(
            [seconds("90"), seconds("90s"), seconds("1.5h"), seconds("30 min")],
            [90.0, 90.0, 5400.0, 1800.0]
        );
        assert_eq!([seconds("2d"), seconds("250ms")], [172_800.0, 0.25]);
        for text in ["", "h", "-1", "0", "1y", "nan", "inf", "1e9", "400d", "1h30m", "1.2.3"] {
            assert!(duration(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn sizes_as_people_write_them() {
        assert_eq!([bytes("65536"), bytes("64K"), bytes("64KiB"), bytes("64kB")], [65_536; 4].map(Ok));
        assert_eq!([bytes("2M"), bytes("1G"), bytes("0")], [2 << 20, 1 << 30, 0].map(Ok));
        for text in ["", "M", "2T", "2G", "-1"] {
            assert!(bytes(text).is_err(), "{text:?} was accepted");
        }
    }
}
