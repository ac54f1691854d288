//! The footer of a Parquet file: the schema, and of each column chunk how many values and which range.

use super::schema::{Leaf, Logical, leaves};
use super::thrift::{Thrift, kind};
use crate::format::csv::column;
use crate::object::{Column, Profile};
use crate::profile::{empty, merge_columns};
use crate::value::Value;

/// The longest text that is kept as the smallest or largest of a column, in bytes.
const MAX_TEXT: usize = 256;

/// The profile that a footer tells; `None` if it is malformed.
pub(super) fn parse(footer: &[u8]) -> Option<Profile> {
    let (mut rows, mut leaves_read, mut columns) = (None, None, Vec::new());
    Thrift::new(footer).structure(kind::STRUCT, |thrift, id, kind| {
        match id {
            2 => {
                let leaves = leaves(thrift, kind)?;
                columns = vec![None; leaves.len()];
                leaves_read = Some(leaves);
            }
            3 => rows = Some(thrift.unsigned(kind)?),
            // Row groups can only be read when the schema is known, which every writer puts first.
            4 => {
                let leaves = leaves_read.as_deref()?;
                thrift.list(kind, |thrift, kind| row_group(thrift, kind, leaves, &mut columns))?;
            }
            _ => thrift.skip(kind)?,
        }
        Some(())
    })?;
    let named = |(leaf, merged): (Leaf, Option<Column>)| {
        let (name, dtype) = (leaf.path.clone(), leaf.dtype());
        Column { name, dtype, ..merged.unwrap_or_else(|| column(String::new(), "")) }
    };
    let columns = leaves_read?.into_iter().zip(columns).map(named).collect();
    Some(Profile { rows: Some(rows?), columns, ..empty() })
}

fn row_group(
    thrift: &mut Thrift<'_>,
    kind: u8,
    leaves: &[Leaf],
    columns: &mut [Option<Column>],
) -> Option<()> {
    thrift.structure(kind, |thrift, id, kind| {
        if id != 1 {
            return thrift.skip(kind);
        }
        let mut pairs = leaves.iter().zip(columns.iter_mut());
        thrift.list(kind, |thrift, kind| {
            let (leaf, column) = pairs.next()?;
            let chunk = chunk(thrift, kind, leaf)?;
            *column = Some(match column.take() {
                None => chunk,
                Some(before) => merge_columns(before, chunk),
            });
            Some(())
        })?;
        pairs.next().is_none().then_some(())
    })
}

/// What is known of the part of a column that lies in one row group.
fn chunk(thrift: &mut Thrift<'_>, kind: u8, leaf: &Leaf) -> Option<Column> {
    let mut chunk = column(String::new(), "");
    thrift.structure(kind, |thrift, id, kind| match id {
        3 => thrift.structure(kind, |thrift, id, kind| {
            match id {
                5 => chunk.count = Some(thrift.unsigned(kind)?),
                12 => statistics(thrift, kind, leaf, &mut chunk)?,
                _ => thrift.skip(kind)?,
            }
            Some(())
        }),
        _ => thrift.skip(kind),
    })?;
    Some(chunk)
}

#[derive(Default)]
struct Bounds<'a> {
    /// Of the fields that older writers have, whose order is only that of signed numbers: maximum, minimum.
    old: [Option<&'a [u8]>; 2],
    /// Maximum, minimum.
    new: [Option<&'a [u8]>; 2],
    inexact: [bool; 2],
}

fn statistics(thrift: &mut Thrift<'_>, kind: u8, leaf: &Leaf, chunk: &mut Column) -> Option<()> {
    let mut bounds = Bounds::default();
    thrift.structure(kind, |thrift, id, kind| {
        match id {
            1 | 2 => bounds.old[id as usize - 1] = Some(thrift.binary(kind)?),
            3 => chunk.missing = Some(thrift.unsigned(kind)?),
            5 | 6 => bounds.new[id as usize - 5] = Some(thrift.binary(kind)?),
            7 | 8 => bounds.inexact[id as usize - 7] = !thrift.bool(kind)?,
            _ => thrift.skip(kind)?,
        }
        Some(())
    })?;
    let signed =
        matches!(leaf.physical, 1 | 2 | 4 | 5) && matches!(leaf.logical, None | Some(Logical::Ordered(_)));
    let value = |i: usize| {
        let bytes = bounds.new[i].or(bounds.old[i].filter(|_| signed))?;
        if bounds.inexact[i] { None } else { decode(leaf, bytes) }
    };
    (chunk.max, chunk.min) = (value(0), value(1));
    Some(())
}

/// The value of a bound, if it means the same in every tool. Dates and times are the integers that they are stored as.
fn decode(leaf: &Leaf, bytes: &[u8]) -> Option<Value> {
    let float = |value: f64| (!value.is_nan()).then_some(Value::Float(value));
    match (leaf.physical, &leaf.logical) {
        (_, Some(Logical::Other(_))) => None,
        (0, _) => match bytes {
            [0] => Some(Value::Bool(false)),
            [1] => Some(Value::Bool(true)),
            _ => None,
        },
        (1, Some(Logical::Unsigned(_))) => {
            Some(Value::Int(u64::from(u32::from_le_bytes(bytes.try_into().ok()?)).into()))
        }
        (1, _) => Some(Value::Int(i64::from(i32::from_le_bytes(bytes.try_into().ok()?)).into())),
        (2, Some(Logical::Unsigned(_))) => {
            Some(Value::Int(u64::from_le_bytes(bytes.try_into().ok()?).into()))
        }
        (2, _) => Some(Value::Int(i64::from_le_bytes(bytes.try_into().ok()?).into())),
        (4, _) => float(f32::from_le_bytes(bytes.try_into().ok()?).into()),
        (5, _) => float(f64::from_le_bytes(bytes.try_into().ok()?)),
        (6, Some(Logical::Text(_))) if bytes.len() <= MAX_TEXT => {
            std::str::from_utf8(bytes).ok().map(|text| Value::Text(text.to_owned()))
        }
        _ => None,
    }
}
