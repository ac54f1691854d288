//! How far runs of one definition lie apart by themselves, point by point.
//!
//! A number is within the spread where it is no further from the mean of the runs than three standard
//! deviations (of a sample). Mean and variance are Welford's, so that memory is that of one curve.

/// Standard deviations to either side.
const WIDTH: f64 = 3.0;

/// The numbers that the runs before make believable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// How many runs say so: the recorded one and those of the same definition.
    pub runs: u64,
}

/// What runs say of a curve; a final value is a curve of one point.
pub(super) struct Spread {
    runs: u64,
    /// Mean, and the sum of squared distances from it.
    points: Vec<(f64, f64)>,
}

impl Spread {
    /// What the recorded run says alone.
    pub(super) fn of(values: &[f64]) -> Self {
        Self { runs: 1, points: values.iter().map(|value| (*value, 0.0)).collect() }
    }

    /// Adds a run, which has as many points.
    pub(super) fn add(&mut self, values: &[f64]) {
        self.runs += 1;
        let runs = self.runs as f64;
        for ((mean, squares), value) in self.points.iter_mut().zip(values) {
            let before = value - *mean;
            *mean += before / runs;
            *squares += before * (value - *mean);
        }
    }

    /// The range at a point, unless it would say nothing: of one run, or of runs that were not finite there.
    pub(super) fn at(&self, index: usize) -> Option<Range> {
        let (mean, squares) = self.points.get(index).copied().filter(|_| self.runs > 1)?;
        let reach = WIDTH * (squares / (self.runs - 1) as f64).sqrt();
        let range = Range { low: mean - reach, high: mean + reach, runs: self.runs };
        (range.low.is_finite() && range.high.is_finite()).then_some(range)
    }
}

impl Range {
    /// Whether a number lies in it.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(values: &[f64]) -> Option<Range> {
        let mut spread = Spread::of(&values[..1]);
        values[1..].iter().for_each(|value| spread.add(&[*value]));
        spread.at(0)
    }

    #[test]
    fn three_standard_deviations() {
        let found = range(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!(found, Range { low: -1.0, high: 5.0, runs: 3 });
        assert!(found.contains(5.0) && !found.contains(5.1) && !found.contains(f64::NAN));
        assert_eq!(range(&[2.0, 2.0]), Some(Range { low: 2.0, high: 2.0, runs: 2 }));
    }

    #[test]
    fn what_says_nothing_is_no_range() {
        assert_eq!(range(&[1.0]), None);
        for odd in [f64::NAN, f64::INFINITY, 1e308] {
            assert_eq!(range(&[1.0, odd, -odd]), None, "{odd}");
        }
        assert_eq!(Spread::of(&[]).at(0), None);
    }

    proptest::proptest! {
        #[test]
        fn it_agrees_with_the_textbook(values in proptest::collection::vec(-1e3f64..1e3, 2..20)) {
            let runs = values.len() as f64;
            let mean = values.iter().sum::<f64>() / runs;
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            let reach = 3.0 * (squares / (runs - 1.0)).sqrt();
            let found = range(&values).unwrap();
            proptest::prop_assert!((found.low - (mean - reach)).abs() < 1e-6, "{found:?}");
            proptest::prop_assert!((found.high - (mean + reach)).abs() < 1e-6, "{found:?}");
        }
    }
}
