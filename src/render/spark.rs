//! Curves as a row of blocks.
//!
//! Linear in the number of points, for any values: what is not a number is a gap, what is infinite is at the edge.

/// Heights, lowest first.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The same without more than ASCII: the higher, the darker.
const ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];
/// A curve that spans more than this, all of it above zero, is drawn on a logarithmic scale.
const DECADES: f64 = 1000.0;

/// A curve from its lowest to its highest value, on a logarithmic scale where [`is_logarithmic`] says so. It is as wide
/// as it has points, and at most `width`: more points are drawn by the mean of their bin.
pub fn spark(values: &[f64], width: usize, unicode: bool) -> String {
    let bins = bins(values, width);
    match bounds(&bins) {
        Some((low, high)) if is_logarithmic(values) => {
            let bins: Vec<f64> = bins.iter().map(|value| value.max(0.0).ln()).collect();
            draw(&bins, low.max(f64::MIN_POSITIVE).ln(), high.ln(), unicode)
        }
        Some((low, high)) => draw(&bins, low, high, unicode),
        None => draw(&bins, 0.0, 0.0, unicode),
    }
}

/// As [`spark`], between zero and `full`: a share of a whole.
pub fn spark_of(values: &[f64], full: f64, width: usize, unicode: bool) -> String {
    draw(&bins(values, width), 0.0, full.max(f64::MIN_POSITIVE), unicode)
}

/// Whether a curve falls or rises by so many decades that a linear scale would show a cliff and a floor.
pub fn is_logarithmic(values: &[f64]) -> bool {
    bounds(values).is_some_and(|(low, high)| low > 0.0 && high / low > DECADES)
}

/// The lowest and highest of the values that are finite.
fn bounds(values: &[f64]) -> Option<(f64, f64)> {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    finite.map(|value| (value, value)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// The mean of each of at most `width` bins; NaN where a bin has no number.
fn bins(values: &[f64], width: usize) -> Vec<f64> {
    let width = width.min(values.len());
    let edge = |bin: usize| (bin as u128 * values.len() as u128 / width as u128) as usize;
    (0..width).map(|bin| mean(&values[edge(bin)..edge(bin + 1)])).collect()
}

/// The mean of those that are numbers.
fn mean(values: &[f64]) -> f64 {
    let numbers = values.iter().filter(|value| !value.is_nan());
    let (count, sum) = numbers.clone().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    if f64::is_finite(sum) { sum / count } else { numbers.map(|value| value / count).sum() }
}

fn draw(bins: &[f64], low: f64, high: f64, unicode: bool) -> String {
    let (heights, gap) = if unicode { (&BLOCKS, '·') } else { (&ASCII, ' ') };
    let glyph = |value: &f64| {
        if value.is_nan() {
            return gap;
        }
        // Halves, so that the span of the largest numbers is finite.
        let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        let height = match *value {
            f64::INFINITY => 7.0,
            f64::NEG_INFINITY => 0.0,
            // A curve that never moves lies in the middle.
            _ if high <= low => 3.0,
            _ => (share * 8.0).clamp(0.0, 7.0),
        };
        heights[(height as usize).min(7)]
    };
    bins.iter().map(glyph).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn curves_have_eight_heights() {
        let rising: Vec<f64> = (0..8).map(f64::from).collect();
        assert_eq!(spark(&rising, 20, true), "▁▂▃▄▅▆▇█");
        assert_eq!(spark(&rising, 20, false), ".:-=+*#@");
        assert_eq!(spark(&rising, 4, true), "▁▃▆█");
        assert_eq!(spark(&[2.0; 5], 20, true), "▄▄▄▄▄");
        assert_eq!(spark(&[2.0], 20, true), "▄");
        assert_eq!(spark(&[], 20, true), "");
        assert_eq!(spark(&rising, 0, true), "");
    }

    #[test]
    fn what_is_no_number_is_a_gap_and_infinity_an_edge() {
        let values = [0.0, f64::NAN, f64::INFINITY, 1.0, f64::NEG_INFINITY];
        assert_eq!(spark(&values, 9, true), "▁·██▁");
        assert_eq!(spark(&values, 9, false), ". @@.");
        assert_eq!(spark(&[f64::NAN; 3], 9, true), "···");
        assert_eq!(spark(&[f64::INFINITY, f64::NEG_INFINITY], 9, true), "█▁");
        assert_eq!(spark(&[-f64::MAX, f64::MAX, f64::MAX], 9, true), "▁██");
    }

    #[test]
    fn decades_are_drawn_on_a_logarithmic_scale() {
        let falling: Vec<f64> = (0..8).map(|i| 10f64.powi(-i)).collect();
        assert!(is_logarithmic(&falling));
        assert_eq!(spark(&falling, 8, true), "█▇▆▅▄▃▂▁");
        assert!(!is_logarithmic(&[0.0, 1.0, 10_000.0]));
        assert!(!is_logarithmic(&[0.5, 1.0, 2.0]));
        assert!(!is_logarithmic(&[]));
    }

    #[test]
    fn a_share_is_drawn_from_zero() {
        assert_eq!(spark_of(&[50.0, 50.0, 100.0, 0.0], 100.0, 9, true), "▅▅█▁");
        assert_eq!(spark_of(&[0.0, 0.0], 0.0, 9, true), "▁▁");
        assert_eq!(spark_of(&[-5.0, 900.0], 100.0, 9, true), "▁█");
    }

    proptest! {
        #[test]
        fn any_values_make_a_row(values: Vec<f64>, width in 0usize..50, unicode: bool, full: f64) {
            let expected = width.min(values.len());
            prop_assert_eq!(spark(&values, width, unicode).chars().count(), expected);
            prop_assert_eq!(spark_of(&values, full, width, unicode).chars().count(), expected);
        }
    }
}
