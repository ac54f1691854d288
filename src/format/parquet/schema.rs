//! The schema of a Parquet file: a tree, written as the list of its nodes from the root down.

use super::thrift::{Thrift, kind};
use crate::format::data::{MAX_COLUMNS, MAX_HEADER};

/// Groups within each other.
const MAX_DEPTH: usize = 64;

/// A column.
pub(super) struct Leaf {
    /// The names on the way to it, joined by dots.
    pub path: String,
    /// The number of its physical type.
    pub physical: i64,
    /// What its values mean beyond their physical type.
    pub logical: Option<Logical>,
}

/// What the values of a column mean.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Logical {
    /// Text.
    Text(&'static str),
    /// Integers without a sign.
    Unsigned(u8),
    /// Numbers whose meaning is kept: signed integers, dates, times.
    Ordered(String),
    /// Anything whose order differs from that of its physical type.
    Other(String),
}

impl Leaf {
    /// The type in words: physical, and logical where there is one.
    pub(super) fn dtype(&self) -> String {
        const PHYSICAL: [&str; 8] =
            ["boolean", "int32", "int64", "int96", "float", "double", "byte_array", "fixed_len_byte_array"];
        let physical =
            usize::try_from(self.physical).ok().and_then(|i| PHYSICAL.get(i)).unwrap_or(&"unknown");
        match &self.logical {
            None => (*physical).to_owned(),
            Some(Logical::Text(word)) => format!("{physical} ({word})"),
            Some(Logical::Unsigned(bits)) => format!("{physical} (uint{bits})"),
            Some(Logical::Ordered(words) | Logical::Other(words)) => format!("{physical} ({words})"),
        }
    }
}

#[derive(Default)]
struct Element<'a> {
    name: &'a [u8],
    children: u64,
    physical: Option<i64>,
    converted: Option<i64>,
    scale: i64,
    precision: i64,
    logical: Option<Logical>,
}

/// The columns, in the order in which every row group has them.
pub(super) fn leaves(thrift: &mut Thrift<'_>, kind: u8) -> Option<Vec<Leaf>> {
    let mut leaves = Vec::new();
    // The groups around the next node, and how many children of each are still to come.
    let mut groups: Vec<(&[u8], u64)> = Vec::new();
    let (mut first, mut total) = (true, 0);
    thrift.list(kind, |thrift, kind| {
        let element = element(thrift, kind)?;
        if std::mem::take(&mut first) {
            groups.push((b"", element.children));
            return Some(());
        }
        while groups.last()?.1 == 0 {
            groups.pop();
        }
        groups.last_mut()?.1 -= 1;
        if element.children > 0 {
            groups.push((element.name, element.children));
            return (groups.len() <= MAX_DEPTH).then_some(());
        }
        let names = groups.iter().skip(1).map(|(name, _)| *name).chain([element.name]);
        let path: Vec<u8> = names.collect::<Vec<_>>().join(&b'.');
        // Long names of groups are repeated for each column in them.
        total += path.len() as u64;
        if leaves.len() >= MAX_COLUMNS || total > MAX_HEADER {
            return None;
        }
        let logical = element.logical.clone().or_else(|| converted(&element));
        let path = String::from_utf8_lossy(&path).into_owned();
        leaves.push(Leaf { path, physical: element.physical?, logical });
        Some(())
    })?;
    (!first && groups.iter().all(|(_, left)| *left == 0)).then_some(leaves)
}

fn element<'a>(thrift: &mut Thrift<'a>, kind: u8) -> Option<Element<'a>> {
    let mut element = Element::default();
    thrift.structure(kind, |thrift, id, kind| {
        match id {
            1 => element.physical = Some(thrift.int(kind)?),
            4 => element.name = thrift.binary(kind)?,
            5 => element.children = thrift.unsigned(kind)?,
            6 => element.converted = Some(thrift.int(kind)?),
            7 => element.scale = thrift.int(kind)?,
            8 => element.precision = thrift.int(kind)?,
            10 => element.logical = logical(thrift, kind)?,
            _ => thrift.skip(kind)?,
        }
        Some(())
    })?;
    Some(element)
}

/// A logical type: a union, so a struct of which one field is there.
fn logical(thrift: &mut Thrift<'_>, kind: u8) -> Option<Option<Logical>> {
    let mut logical = None;
    thrift.structure(kind, |thrift, id, kind| {
        let other = |word: &str| Some(Logical::Other(word.to_owned()));
        logical = match id {
            5 | 7 | 8 | 10 => return parameters(thrift, id, kind).map(|found| logical = found),
            1 => Some(Logical::Text("string")),
            4 => Some(Logical::Text("enum")),
            12 => Some(Logical::Text("json")),
            6 => Some(Logical::Ordered("date".to_owned())),
            11 => other("null"),
            13 => other("bson"),
            14 => other("uuid"),
            15 => other("float16"),
            16 => other("variant"),
            17 => other("geometry"),
            18 => other("geography"),
            _ => None,
        };
        thrift.skip(kind)
    })?;
    Some(logical)
}

/// A logical type that has parameters: decimal (5), time (7), timestamp (8), integer (10).
fn parameters(thrift: &mut Thrift<'_>, of: i64, kind: u8) -> Option<Option<Logical>> {
    let (mut numbers, mut flags, mut unit) = ([0i64; 3], [false; 3], "");
    thrift.structure(kind, |thrift, id, kind| match (id, kind) {
        (1 | 2, kind::TRUE | kind::FALSE) => thrift.bool(kind).map(|flag| flags[id as usize] = flag),
        (2, kind::STRUCT) => thrift.structure(kind, |thrift, id, kind| {
            unit = match id {
                1 => "ms",
                2 => "us",
                3 => "ns",
                _ => "",
            };
            thrift.skip(kind)
        }),
        (1 | 2, _) => thrift.int(kind).map(|number| numbers[id as usize] = number),
        _ => thrift.skip(kind),
    })?;
    let zone = if flags[1] { ", utc" } else { "" };
    Some(Some(match of {
        5 => Logical::Other(format!("decimal({}, {})", numbers[2], numbers[1])),
        7 => Logical::Ordered(format!("time[{unit}{zone}]")),
        8 => Logical::Ordered(format!("timestamp[{unit}{zone}]")),
        _ if flags[2] => Logical::Ordered(format!("int{}", numbers[1])),
        _ => Logical::Unsigned(u8::try_from(numbers[1]).ok()?),
    }))
}

/// What older files have in place of a logical type.
fn converted(element: &Element<'_>) -> Option<Logical> {
    let ordered = |words: &str| Some(Logical::Ordered(words.to_owned()));
    match element.converted? {
        0 => Some(Logical::Text("string")),
        4 => Some(Logical::Text("enum")),
        5 => Some(Logical::Other(format!("decimal({}, {})", element.precision, element.scale))),
        6 => ordered("date"),
        7 => ordered("time[ms, utc]"),
        8 => ordered("time[us, utc]"),
        9 => ordered("timestamp[ms, utc]"),
        10 => ordered("timestamp[us, utc]"),
        bits @ 11..=14 => Some(Logical::Unsigned(8 << (bits - 11))),
        bits @ 15..=18 => ordered(&format!("int{}", 8 << (bits - 15))),
        19 => Some(Logical::Text("json")),
        20 => Some(Logical::Other("bson".to_owned())),
        21 => Some(Logical::Other("interval".to_owned())),
        _ => None,
    }
}
