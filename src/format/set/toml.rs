//! Where a value stands in a TOML text that was read before.

use toml_edit::{ArrayOfTables, Document, Item, TableLike, Value};

use super::Spot;

/// A place in a document.
enum At<'a> {
    Table(&'a dyn TableLike),
    Tables(&'a ArrayOfTables),
    Value(&'a Value),
}

pub(super) fn find(text: &str, keys: &[String]) -> Option<Spot> {
    let document = Document::parse(text).ok()?;
    let root = At::Table(document.as_table());
    match keys.iter().try_fold(root, |at, key| step(at, key))? {
        At::Value(value) => Some(Spot { range: value.span()?, before: "" }),
        At::Table(_) | At::Tables(_) => None,
    }
}

fn step<'a>(at: At<'a>, key: &str) -> Option<At<'a>> {
    match at {
        At::Table(table) => match table.get(key)? {
            Item::None => None,
            Item::Value(inner) => Some(value(inner)),
            Item::Table(table) => Some(At::Table(table)),
            Item::ArrayOfTables(tables) => Some(At::Tables(tables)),
        },
        At::Tables(tables) => Some(At::Table(tables.get(key.parse().ok()?)?)),
        At::Value(Value::Array(array)) => array.get(key.parse().ok()?).map(value),
        At::Value(_) => None,
    }
}

fn value(value: &Value) -> At<'_> {
    match value {
        Value::InlineTable(table) => At::Table(table),
        value => At::Value(value),
    }
}
