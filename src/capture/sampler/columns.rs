//! The samples of a run, in bounded memory: where there are too many, neighbours are merged, in all columns alike.

use std::collections::BTreeMap;

use crate::object::Series;

/// The most points of all columns together. A point takes 16 bytes: 16 MiB.
const MOST_POINTS: usize = 1 << 20;

/// How neighbours become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    /// Their mean: of loads and rates.
    Mean,
    /// The highest: of memory and heat, of which the peak matters.
    Highest,
    /// All bits of both.
    Bits,
}

/// What a series holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    pub(super) merge: Merge,
    /// What values are rounded to: no finer than what was measured. A power of two.
    pub(super) grain: f64,
}

#[derive(Debug)]
struct Column {
    measure: Measure,
    times: Vec<i64>,
    values: Vec<f64>,
    /// Samples that make no whole point yet: how many, and what they come to.
    open: (u64, f64),
    latest: (i64, f64),
}

/// Columns by name.
#[derive(Debug)]
pub(super) struct Columns {
    columns: BTreeMap<String, Column>,
    /// How many samples make a point.
    stride: u64,
    most: usize,
    points: usize,
}

impl Columns {
    pub(super) fn new() -> Self {
        Self { columns: BTreeMap::new(), stride: 1, most: MOST_POINTS, points: 0 }
    }

    /// Adds a sample. One that is not finite is none.
    pub(super) fn push(&mut self, name: &str, measure: Measure, time: i64, value: f64) {
        if !value.is_finite() {
            return;
        }
        if !self.columns.contains_key(name) {
            let (times, values) = (Vec::new(), Vec::new());
            let column = Column { measure, times, values, open: (0, 0.0), latest: (time, value) };
            self.columns.insert(name.to_owned(), column);
        }
        let Some(column) = self.columns.get_mut(name) else { return };
        column.latest = (time, value);
        if column.add(value, self.stride) {
            self.points += 1;
        }
        if self.points > self.most {
            self.halve();
        }
    }

    /// The latest sample of a series, and its time.
    pub(super) fn latest(&self, name: &str) -> Option<(i64, f64)> {
        self.columns.get(name).map(|column| column.latest)
    }

    fn halve(&mut self) {
        self.columns.values_mut().for_each(Column::halve);
        self.points = self.columns.values().map(|column| column.times.len()).sum();
        self.stride *= 2;
    }

    /// The series.
    pub(super) fn finish(self) -> BTreeMap<String, Series> {
        let of = |(name, mut column): (String, Column)| {
            column.close();
            (name, Series { steps: None, times: Some(column.times), values: column.values })
        };
        self.columns.into_iter().map(of).collect()
    }
}

impl Column {
    /// Adds a sample; whether that makes a point.
    fn add(&mut self, value: f64, stride: u64) -> bool {
        let (count, sum) = self.open;
        self.open = match (self.measure.merge, count) {
            (_, 0) => (1, value),
            (Merge::Mean, _) => (count + 1, sum + value),
            (merge, _) => (count + 1, merge.pair(sum, value)),
        };
        let whole = self.open.0 >= stride;
        if whole {
            self.close();
        }
        whole
    }

    /// Makes a point of the samples that make none yet.
    fn close(&mut self) {
        let (count, sum) = std::mem::take(&mut self.open);
        if count > 0 {
            let value = if self.measure.merge == Merge::Mean { sum / count as f64 } else { sum };
            self.times.push(self.latest.0);
            self.values.push((value / self.measure.grain).round() * self.measure.grain);
        }
    }

    fn halve(&mut self) {
        let merge = |pair: &[f64]| match pair {
            [a, b] => self.measure.merge.pair(*a, *b),
            alone => alone[0],
        };
        self.values = self.values.chunks(2).map(merge).collect();
        // A point is of the time before it.
        self.times = self.times.chunks(2).map(|pair| pair[pair.len() - 1]).collect();
    }
}

impl Merge {
    fn pair(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Mean => f64::midpoint(a, b),
            Self::Highest => a.max(b),
            Self::Bits => (a as u64 | b as u64) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn measure(merge: Merge) -> Measure {
        Measure { merge, grain: 1.0 / 8.0 }
    }

    fn columns(most: usize, samples: i64) -> BTreeMap<String, Series> {
        let mut columns = Columns { most, ..Columns::new() };
        for n in 0..samples {
            columns.push("mean", measure(Merge::Mean), n, n as f64);
            columns.push("highest", measure(Merge::Highest), n, if n == 37 { 900.0 } else { 1.0 });
            columns.push("bits", measure(Merge::Bits), n, [1.0, 4.0][n as usize % 2]);
        }
        columns.finish()
    }

    #[test]
    fn nothing_is_merged_that_fits() {
        let all = columns(300, 100);
        assert_eq!(all["mean"].times.as_ref().unwrap(), &(0..100).collect::<Vec<_>>());
        assert_eq!(all["mean"].values[99], 99.0);
    }

    #[test]
    fn neighbours_are_merged() {
        let all = columns(60, 1000);
        for (name, series) in &all {
            let times = series.times.as_ref().unwrap();
            assert_eq!(times.len(), series.values.len());
            assert!(times.len() <= 21 && *times.last().unwrap() == 999, "{name}: {times:?}");
        }
        let peak = all["highest"].values.iter().copied().fold(0.0, f64::max);
        assert_eq!((peak, all["bits"].values[0]), (900.0, 5.0));
        let mean = &all["mean"].values;
        assert!(mean.windows(2).all(|pair| pair[0] < pair[1]) && mean[0] < 64.0, "{mean:?}");
        assert_eq!(all, columns(60, 1000), "the same samples make the same series");
    }

    #[test]
    fn values_are_rounded_and_finite() {
        let mut columns = Columns::new();
        for value in [f64::NAN, f64::INFINITY, 1.3] {
            columns.push("a", measure(Merge::Mean), 1, value);
        }
        assert_eq!(columns.latest("a"), Some((1, 1.3)));
        assert_eq!(columns.finish()["a"].values, [1.25]);
    }
}
