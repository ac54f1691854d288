//! JSON lines: the keys that the objects at the start of a file have, with the types of their values.

use std::collections::HashMap;

use super::csv::{column, widen};
use super::data::{MAX_COLUMNS, ReadSeek, sample};
use super::item::Item;
use super::{json, utf8};
use crate::object::Profile;
use crate::profile::empty;

/// The columns, in the order in which their keys are first seen. The rows are counted only where the
/// file is so small that all of it was seen.
pub(super) fn profile(file: &mut dyn ReadSeek, size: u64) -> Result<Profile, String> {
    let (mut bytes, whole) = sample(file, size)?;
    if !whole {
        let end = bytes.iter().rposition(|byte| *byte == b'\n').ok_or("the first line has no end nearby")?;
        bytes.truncate(end);
    }
    let text = utf8(&bytes).map_err(|error| error.to_string())?;
    let (mut rows, mut columns) = (0, Columns::default());
    for (number, line) in (1..).zip(text.lines()) {
        let item = json::item(line).map_err(|error| format!("line {number}: {}", error.problem))?;
        match item {
            None => continue,
            Some(Item::Map(entries)) => entries.iter().for_each(|(key, item)| columns.see(key, item)),
            Some(other) => return Err(format!("line {number}: a {}, not a map", other.type_name())),
        }
        rows += 1;
    }
    if columns.seen.len() > MAX_COLUMNS {
        return Err(format!("more than {MAX_COLUMNS} columns"));
    }
    let columns = columns.seen.into_iter().map(|(name, dtype)| column(name, dtype)).collect();
    Ok(Profile { rows: whole.then_some(rows), columns, ..empty() })
}

#[derive(Default)]
struct Columns {
    seen: Vec<(String, &'static str)>,
    places: HashMap<String, usize>,
}

impl Columns {
    fn see(&mut self, key: &str, item: &Item) {
        let dtype = item.type_name();
        match self.places.get(key).map(|place| &mut self.seen[*place].1) {
            None => {
                self.places.insert(key.to_owned(), self.seen.len());
                self.seen.push((key.to_owned(), dtype));
            }
            Some(known) if *known == "null" => *known = dtype,
            Some(known) if dtype != "null" && *known != dtype => {
                // Unlike cells of a table, values of JSON have the type that they are written with.
                *known = match widen(known, dtype) {
                    "float" => "float",
                    _ => "mixed",
                };
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn shown(text: &str) -> String {
        match profile(&mut Cursor::new(text), text.len() as u64) {
            Ok(profile) => {
                let columns: Vec<String> = profile
                    .columns
                    .iter()
                    .map(|column| format!("{}:{}", column.name, column.dtype))
                    .collect();
                format!("{:?} {}", profile.rows, columns.join(" "))
            }
            Err(reason) => reason,
        }
    }

    #[test]
    fn keys_are_columns() {
        assert_eq!(
            shown(
                "{\"b\": 1, \"a\": null, \"c\": \"x\"}\n\n{\"b\": 0.5, \"a\": [1], \"c\": true, \"d\": {}}"
            ),
            "Some(2) b:float a:list c:mixed d:map"
        );
        assert_eq!(shown(""), "Some(0) ");
    }

    #[test]
    fn what_cannot_be_read_is_a_reason() {
        assert!(shown("{}\n{").starts_with("line 2: not JSON"));
        assert_eq!(shown("[1]"), "line 1: a list, not a map");
        assert_eq!(shown(&"x".repeat(1 << 17)), "the first line has no end nearby");
        let long = "{\"a\": 1}\n".repeat(1 << 14);
        assert_eq!(shown(&long), "None a:integer");
    }
}
