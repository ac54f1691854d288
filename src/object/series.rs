//! A series: columns of (step, time, value), such as a metric's curve.

use crate::encoding::{Decode, DecodeError, Encode, Reader, Writer};
use crate::object::{self, object};

/// Points in the order in which they were measured. The columns that are there have equal lengths.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Steps, if they were given.
    pub steps: Option<Vec<i64>>,
    /// Times in microseconds since 1970-01-01 UTC, if they were given.
    pub times: Option<Vec<i64>>,
    /// Values.
    pub values: Vec<f64>,
}

/// Most bytes of the columns of a series: the rest of an object is for its frame.
const MAX_COLUMNS: usize = object::MAX_BYTES - 64;

impl Series {
    /// Whether columns of so many values, all of them together, fit into an object.
    pub fn fits(values: usize) -> bool {
        values <= MAX_COLUMNS / 8
    }

    /// Leaves every second point out, again and again, until what remains fits into an object. Says how many are left
    /// out.
    pub fn thin(&mut self) -> usize {
        let before = self.values.len();
        let columns = 1 + usize::from(self.steps.is_some()) + usize::from(self.times.is_some());
        while !Self::fits(self.values.len() * columns) {
            every_second(&mut self.values);
            self.steps.iter_mut().chain(&mut self.times).for_each(every_second);
        }
        before - self.values.len()
    }
}

/// Leaves every second value out, beginning with the second.
pub(crate) fn every_second<T: Copy>(column: &mut Vec<T>) {
    let half = column.len().div_ceil(2);
    (0..half).for_each(|at| column[at] = column[2 * at]);
    column.truncate(half);
    column.shrink_to_fit();
}

/// `[count, steps, times, values]`: columns are byte strings of 8 bytes a point, little-endian, and
/// empty where absent. Steps and times are differences to the point before, so that they compress well.
impl Encode for Series {
    fn encode(&self, writer: &mut Writer) {
        writer.list(4);
        writer.unsigned(self.values.len() as u64);
        for column in [&self.steps, &self.times] {
            writer.bytes(&deltas(column.as_deref().unwrap_or_default()));
        }
        let canonical = |value: &f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
        writer
            .bytes(&self.values.iter().flat_map(|value| canonical(value).to_le_bytes()).collect::<Vec<u8>>());
    }
}

fn deltas(column: &[i64]) -> Vec<u8> {
    let before = std::iter::once(&0).chain(column);
    column.iter().zip(before).flat_map(|(value, before)| value.wrapping_sub(*before).to_le_bytes()).collect()
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 8]> {
    bytes.chunks_exact(8).map(|word| std::array::from_fn(|i| word[i]))
}

impl Decode for Series {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.tuple(4, "a series")?;
        let count = reader.unsigned()?;
        let mut column = |may_be_absent: bool| {
            let bytes = reader.bytes()?;
            match (bytes.len() as u64, count.checked_mul(8)) {
                (len, Some(expected)) if len == expected => Ok(Some(bytes)),
                (0, _) if may_be_absent => Ok(None),
                _ => Err(reader.invalid("a column of the series has another length")),
            }
        };
        let (steps, times, values) = (column(true)?, column(true)?, column(false)?.unwrap_or_default());
        let undo = |bytes: &[u8]| {
            let mut sum = 0i64;
            words(bytes)
                .map(|word| (sum = sum.wrapping_add(i64::from_le_bytes(word)), sum).1)
                .collect::<Vec<i64>>()
        };
        let values: Vec<f64> = words(values).map(f64::from_le_bytes).collect();
        if values.iter().any(|value| value.is_nan() && value.to_bits() != f64::NAN.to_bits()) {
            return Err(reader.invalid("a NaN is not in its only form"));
        }
        // A column of no points cannot be told from an absent one: both are absent.
        let (steps, times) = (steps.filter(|_| count > 0), times.filter(|_| count > 0));
        Ok(Self { steps: steps.map(undo), times: times.map(undo), values })
    }
}

object!(Series, SeriesId);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding;

    #[test]
    fn the_longest_that_fits_is_an_object() {
        for (steps, times, per_point) in [(true, true, 24), (true, false, 16), (false, false, 8)] {
            let most = object::MAX_BYTES / per_point;
            let column = |len: usize| (0..len as i64).collect::<Vec<i64>>();
            let of = |len: usize| Series {
                steps: steps.then(|| column(len)),
                times: times.then(|| column(len)),
                values: vec![0.5; len],
            };
            let mut series = of(most - 8);
            assert_eq!(series.thin(), 0);
            assert!(encoding::to_bytes(&series).len() <= object::MAX_BYTES);
            let mut series = of(most + 1);
            assert_eq!(series.thin(), most.div_ceil(2));
            assert!(series.steps.is_none_or(|steps| steps[1] == 2 && steps.len() == series.values.len()));
        }
    }
}
