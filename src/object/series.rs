//! A series: columns of (step, time, value), such as a metric's curve.

use crate::encoding::{Decode, DecodeError, Encode, Reader, Writer};
use crate::object::object;

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
