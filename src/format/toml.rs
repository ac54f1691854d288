//! TOML. Dates and times become text in the form of RFC 3339.

use toml_edit::{Document, Table, TableLike};

use super::item::{Budget, Item, check_depth};
use super::{FormatError, line_of};
use crate::value::Value;

/// Reads a document, whose root is always a map.
pub(super) fn item(text: &str) -> Result<Item, FormatError> {
    let document = Document::parse(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text.as_bytes(), span.start));
        FormatError::new(line, format!("not TOML: {}", error.message().trim()))
    })?;
    table(document.as_table(), 0, &mut Budget::new())
}

fn table(table: &dyn TableLike, depth: usize, budget: &mut Budget) -> Result<Item, FormatError> {
    check_depth(depth, None)?;
    budget.take(1, None)?;
    let entries = table.iter().map(|(key, item)| Ok((key.to_owned(), entry(item, depth + 1, budget)?)));
    entries.collect::<Result<_, _>>().map(Item::Map)
}

fn list<T>(
    items: impl Iterator<Item = T>,
    depth: usize,
    budget: &mut Budget,
    read: impl Fn(T, usize, &mut Budget) -> Result<Item, FormatError>,
) -> Result<Item, FormatError> {
    check_depth(depth, None)?;
    budget.take(1, None)?;
    items.map(|item| read(item, depth + 1, budget)).collect::<Result<_, _>>().map(Item::List)
}

fn entry(item: &toml_edit::Item, depth: usize, budget: &mut Budget) -> Result<Item, FormatError> {
    match item {
        toml_edit::Item::None => Ok(Item::Scalar(Value::Null)),
        toml_edit::Item::Value(inner) => value(inner, depth, budget),
        toml_edit::Item::Table(inner) => table(inner, depth, budget),
        toml_edit::Item::ArrayOfTables(tables) => {
            list(tables.iter(), depth, budget, |inner: &Table, depth, budget| table(inner, depth, budget))
        }
    }
}

fn value(value: &toml_edit::Value, depth: usize, budget: &mut Budget) -> Result<Item, FormatError> {
    let scalar = match value {
        toml_edit::Value::Array(array) => return list(array.iter(), depth, budget, self::value),
        toml_edit::Value::InlineTable(inner) => return table(inner, depth, budget),
        toml_edit::Value::String(text) => Value::Text(text.value().clone()),
        toml_edit::Value::Integer(int) => Value::Int((*int.value()).into()),
        toml_edit::Value::Float(float) => Value::Float(*float.value()),
        toml_edit::Value::Boolean(bool) => Value::Bool(*bool.value()),
        toml_edit::Value::Datetime(time) => Value::Text(time.value().to_string()),
    };
    budget.take(1, None)?;
    Ok(Item::Scalar(scalar))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        item(text).map(|item| item.into_value().to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_type_is_read() {
        assert_eq!(
            read("a = 0x1F\nb = 1e-3\nc = -inf\nd = nan"),
            Ok("{a: 31, b: 0.001, c: -inf, d: nan}".into())
        );
        assert_eq!(
            read("[a.b]\nc = 'no'\n[[l]]\nx = 1\n[[l]]"),
            Ok("{a: {b: {c: no}}, l: [{x: 1}, {}]}".into())
        );
        assert_eq!(
            read("t = 1979-05-27 07:32:00.5Z\nd = 1979-05-27\nh = 07:32:00"),
            Ok(r#"{d: "1979-05-27", h: "07:32:00", t: "1979-05-27T07:32:00.5Z"}"#.into())
        );
    }

    #[test]
    fn malformed_files_are_refused_with_their_line() {
        assert!(read("a = 1\na = 2").unwrap_err().starts_with("line 2: not TOML"));
        assert!(read("a = 1\n\nb = ").unwrap_err().starts_with("line 3: not TOML"));
        assert!(read("a = 9223372036854775808").is_err());
    }

    #[test]
    fn deep_files_are_refused() {
        let keys = |n: usize| vec!["a"; n].join(".");
        assert!(read(&format!("a = {}", "[".repeat(100_000))).is_err());
        assert!(read(&format!("{} = 1", keys(100_000))).is_err());
        assert!(read(&format!("[{}]", keys(100_000))).is_err());
        assert!(read(&format!("a = {}", "{a=".repeat(100_000))).is_err());
        let inner = format!("{{{} = ", keys(79)).repeat(79);
        assert!(read(&format!("a = {inner}1{}", "}".repeat(79))).unwrap_err().contains("nested deeper"));
    }
}
