//! Trees of values by key, and the files that they were read from to the byte.

use std::collections::{BTreeMap, BTreeSet};

use crate::merge::text::{self, Clash};
use crate::merge::three::Three;
use crate::merge::{Conflicts, Held, Reader};
use crate::value::{KeyPath, Value};

/// Values by name.
pub(super) type Map = BTreeMap<String, Value>;

/// So many values of one file are set one by one…
const MAX_SET: usize = 500;
/// … as long as so many bytes are read for it: each costs a look at the whole file.
const MAX_READ: usize = 64 << 20;

/// Merges two trees of values; places are told with `part.` before them. A list is one value.
pub(super) fn merge(part: &str, sides: Three<Map>, conflicts: &mut Conflicts) -> Map {
    maps(part, &KeyPath::default(), sides.as_ref().map(Some), conflicts)
}

/// Depth is bounded by what the encoding allows ([`crate::encoding::MAX_DEPTH`]).
fn maps(part: &str, at: &KeyPath, sides: Three<Option<&Map>>, conflicts: &mut Conflicts) -> Map {
    let keys: BTreeSet<&String> =
        [sides.base, sides.ours, sides.theirs].into_iter().flatten().flat_map(BTreeMap::keys).collect();
    let merged = |key: &String| {
        let of = sides.map(|side| side.and_then(|map| map.get(key)));
        Some((key.clone(), value(part, &at.child(key), of, conflicts)?))
    };
    keys.into_iter().filter_map(merged).collect()
}

fn value(part: &str, at: &KeyPath, sides: Three<Option<&Value>>, conflicts: &mut Conflicts) -> Option<Value> {
    if let Some(agreed) = sides.agreed() {
        return agreed.cloned();
    }
    let Some(below) = as_maps(sides) else {
        let place = format!("{part}.{at}");
        return conflicts.decide(place, sides.map(|side| side.cloned()), Held::Value);
    };
    let merged = maps(part, at, below, conflicts);
    let is_gone = merged.is_empty() && (below.ours.is_none() || below.theirs.is_none());
    (!is_gone).then_some(Value::Map(merged))
}

/// The three as maps, where what is not there is an empty one.
fn as_maps(sides: Three<Option<&Value>>) -> Option<Three<Option<&Map>>> {
    let maps = sides.map(|side| match side {
        Some(Value::Map(map)) => Some(Some(map)),
        Some(_) => None,
        None => Some(None),
    });
    let maps = maps.all()?;
    let of_both = maps.ours.is_some() && maps.theirs.is_some();
    (of_both || maps.base.is_some()).then_some(maps)
}

/// A file that says exactly these values, with as much as possible of what both sides wrote around them.
///
/// Each candidate is read again before it is taken. First the lines as they are; then with the merged values set in
/// all three versions, so that only lines that came, went or were commented are left to merge, also with those of both
/// sides where these meet; at last our file, or theirs, with the merged values set in it.
pub(super) fn file(reader: &dyn Reader, name: &str, sides: Three<&[u8]>, merged: &Map) -> Option<Vec<u8>> {
    let is_right = |bytes: &Vec<u8>| reader.values(name, bytes).as_ref() == Some(merged);
    let lines = |sides: Three<&[u8]>, clash| {
        let texts = sides.map(text::as_text).all()?;
        text::merge(texts, clash).map(String::into_bytes).filter(is_right)
    };
    if let Some(bytes) = lines(sides, Clash::Refused) {
        return Some(bytes);
    }
    let set = sides.map(|bytes| with_values(reader, name, bytes, merged));
    let same = set.as_ref().map(Vec::as_slice);
    lines(same, Clash::Refused)
        .or_else(|| lines(same, Clash::Both))
        .or_else(|| Some(set.ours.clone()).filter(is_right))
        .or_else(|| Some(set.theirs.clone()).filter(is_right))
}

/// The file with these values where it has others, as far as that can be written.
fn with_values(reader: &dyn Reader, name: &str, bytes: &[u8], wanted: &Map) -> Vec<u8> {
    let mut changes = Vec::new();
    if let Some(has) = reader.values(name, bytes) {
        differences(&KeyPath::default(), &has, wanted, &mut changes);
    }
    let most = MAX_SET.min(MAX_READ / bytes.len().max(1));
    let mut bytes = bytes.to_vec();
    for (path, value) in changes.into_iter().take(most) {
        if let Some(set) = reader.set(name, &bytes, &path, value) {
            bytes = set;
        }
    }
    bytes
}

/// What both trees have, and the wanted one otherwise.
fn differences<'a>(at: &KeyPath, has: &Map, wanted: &'a Map, out: &mut Vec<(KeyPath, &'a Value)>) {
    for (key, old) in has {
        match (old, wanted.get(key)) {
            (Value::Map(has), Some(Value::Map(wanted))) => differences(&at.child(key), has, wanted, out),
            (old, Some(new)) if old != new => out.push((at.child(key), new)),
            _ => {}
        }
    }
}
