//! The points of many metrics, in columns, within a bound on all of them together.

use std::collections::BTreeMap;

use crate::object::{Series, every_second};
use crate::value::KeyPath;

/// Most parts of a metric's name: what is recorded nests no deeper than 64.
const MAX_PARTS: usize = 32;
/// Longest name in bytes: ten thousand of them, some times each, fit into the object that has them.
pub(super) const MAX_NAME: usize = 512;

/// A value of a metric, and where it belongs as far as that was said.
#[derive(Clone, Copy, Debug)]
pub(in crate::format) struct Point {
    pub step: Option<i64>,
    pub time: Option<i64>,
    pub value: f64,
}

/// The points of one metric. Steps and times that are missing beside others are those of the point before, or
/// where none was before, of the one after.
#[derive(Default)]
pub(in crate::format) struct Curve {
    steps: Option<Vec<i64>>,
    times: Option<Vec<i64>>,
    values: Vec<f64>,
    /// Every so many-th point is kept, as a power of two.
    stride: u32,
    /// Points that there were.
    seen: u64,
    last: f64,
}

impl Curve {
    /// Adds a point; whether it was kept.
    pub fn push(&mut self, point: Point) -> bool {
        let is_kept = self.seen.is_multiple_of(1 << self.stride.min(63));
        (self.seen, self.last) = (self.seen + 1, point.value);
        if is_kept {
            extend(&mut self.steps, self.values.len(), point.step);
            extend(&mut self.times, self.values.len(), point.time);
            self.values.push(point.value);
        }
        is_kept
    }

    /// Leaves every second point out; says how many those are.
    fn thin(&mut self) -> usize {
        let before = self.values.len();
        every_second(&mut self.values);
        self.steps.iter_mut().for_each(every_second);
        self.times.iter_mut().for_each(every_second);
        self.stride += 1;
        before - self.values.len()
    }

    /// How many values it has in all of its columns.
    fn size(&self) -> usize {
        let columns = 1 + usize::from(self.steps.is_some()) + usize::from(self.times.is_some());
        self.values.len() * columns
    }

    /// The points as a series.
    pub fn finish(self) -> Series {
        Series { steps: self.steps, times: self.times, values: self.values }
    }
}

fn extend(column: &mut Option<Vec<i64>>, len: usize, value: Option<i64>) {
    match (column, value) {
        (None, None) => {}
        (column @ None, Some(value)) => *column = Some(vec![value; len + 1]),
        (Some(column), value) => {
            let before = column.last().copied().unwrap_or_default();
            column.push(value.unwrap_or(before));
        }
    }
}

/// The curves of many metrics.
pub(super) struct Columns {
    curves: BTreeMap<KeyPath, Curve>,
    most_curves: usize,
    most_points: usize,
    kept: usize,
    seen: u64,
}

impl Columns {
    pub fn new(most_curves: usize, most_points: usize) -> Self {
        Self { curves: BTreeMap::new(), most_curves, most_points, kept: 0, seen: 0 }
    }

    /// Adds a point. Refused are a metric too many, and one that lies within another or around it.
    pub fn push(&mut self, path: KeyPath, point: Point) -> Result<(), String> {
        if !self.curves.contains_key(&path) {
            self.check(&path)?;
        }
        self.seen += 1;
        let curve = self.curves.entry(path).or_default();
        if curve.push(point) {
            self.kept += 1;
            // Together they may be more than fits into the object that one of them is.
            if !Series::fits(curve.size()) {
                self.kept -= curve.thin();
            }
        }
        if self.kept > self.most_points
            && let Some(longest) = self.curves.values_mut().max_by_key(|curve| curve.values.len())
        {
            self.kept -= longest.thin();
        }
        Ok(())
    }

    fn check(&self, path: &KeyPath) -> Result<(), String> {
        if path.keys().iter().all(String::is_empty) {
            return Err("the metric has no name".to_owned());
        }
        if path.keys().len() > MAX_PARTS {
            return Err(format!("the name of the metric has more than {MAX_PARTS} parts"));
        }
        if path.keys().iter().map(String::len).sum::<usize>() > MAX_NAME {
            return Err(format!("the name of the metric is longer than {MAX_NAME} bytes"));
        }
        if self.curves.len() == self.most_curves {
            return Err(format!("more than {} metrics", self.most_curves));
        }
        // What lies within a path comes right after it.
        let within = self.curves.range(path..).next().filter(|(other, _)| other.is_within(path));
        let mut above = KeyPath::default();
        let around = path.keys().iter().find_map(|key| {
            above = above.child(key);
            self.curves.get_key_value(&above)
        });
        match within.or(around) {
            Some((other, _)) => Err(format!("{path} is a metric beside {other}")),
            None => Ok(()),
        }
    }

    /// How many points were not kept.
    pub fn thinned(&self) -> u64 {
        self.seen - self.kept as u64
    }

    /// Each metric with its last value.
    pub fn finish(self) -> impl Iterator<Item = (KeyPath, f64, Series)> {
        self.curves.into_iter().map(|(path, curve)| (path, curve.last, curve.finish()))
    }
}
