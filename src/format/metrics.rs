//! Files of metrics.

use std::collections::BTreeMap;

use super::item::Item;
use super::{FormatError, Syntax, csv, json, reports, utf8, values};
use crate::object::Series;
use crate::value::{KeyPath, Value};

/// What a file of metrics says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The final values.
    pub values: BTreeMap<String, Value>,
    /// Curves, by the dotted path of the metric.
    pub series: BTreeMap<String, Series>,
}

/// Reads metrics: a tree of values, in which lists of numbers are curves too; or a CSV or TSV table or a file of
/// JSON lines, as loggers write them step by step, of which the last value of each column or key counts.
pub fn metrics(file_name: &str, bytes: &[u8]) -> Result<Measured, FormatError> {
    if let Some(syntax) = Syntax::of(file_name) {
        let values = values(syntax, bytes)?;
        let mut series = BTreeMap::new();
        values.iter().for_each(|(key, value)| curves(KeyPath::default().child(key), value, &mut series));
        return Ok(Measured { values, series });
    }
    match super::data_format(file_name) {
        Some("csv") => csv::metrics(b',', bytes),
        Some("tsv") => csv::metrics(b'\t', bytes),
        Some("jsonl") => lines(bytes),
        _ => Err(FormatError::new(None, "metrics are read from YAML, JSON, TOML, CSV, TSV and JSON lines")),
    }
}

/// The lists of at least two numbers. Their values stay what they are: nobody says that a list is a curve.
fn curves(path: KeyPath, value: &Value, into: &mut BTreeMap<String, Series>) {
    match value {
        Value::Map(map) => map.iter().for_each(|(key, value)| curves(path.child(key), value, into)),
        Value::List(list) if list.len() > 1 => {
            if let Some(values) = list.iter().map(Value::as_f64).collect() {
                into.insert(path.to_string(), Series { steps: None, times: None, values });
            }
        }
        _ => {}
    }
}

/// Lines of maps. Where all of them report a metric by its name, they are read as reports are.
fn lines(bytes: &[u8]) -> Result<Measured, FormatError> {
    let (mut values, mut named, mut plain) = (BTreeMap::new(), false, false);
    for (number, line) in (1..).zip(utf8(bytes)?.lines()) {
        let item = json::item(line).map_err(|error| FormatError { line: Some(number), ..error })?;
        let is_named = item.as_ref().is_some_and(is_named);
        match item.map(Item::into_value) {
            None => {}
            Some(Value::Map(map)) => {
                values.extend(map);
                (named, plain) = (named || is_named, plain || !is_named);
            }
            Some(other) => {
                return Err(FormatError::new(number, format!("a {}, not a map", other.type_name())));
            }
        }
    }
    let read = reports::reports(bytes).unwrap_or_default();
    Ok(Measured { values: if named && !plain { read.values } else { values }, series: read.series })
}

fn is_named(item: &Item) -> bool {
    let has = |name: &str| matches!(item, Item::Map(entries) if entries.iter().any(|(key, _)| key == name));
    has("name") && has("value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<String, String> {
        metrics(name, text.as_bytes())
            .map(|measured| Value::Map(measured.values).to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_syntax_is_read_by_its_extension() {
        for (name, text) in [
            ("m.json", r#"{"acc": 0.5, "n": 3}"#),
            ("m.yaml", "acc: 0.5\nn: 3"),
            ("m.toml", "acc = 0.5\nn = 3"),
            ("m.csv", "acc,n\n0.1,1\n0.5,3\n"),
            ("m.tsv", "acc\tn\n0.5\t3\n"),
            ("m.jsonl", "{\"acc\": 0.1, \"n\": 3}\n\n{\"acc\": 0.5}\n"),
        ] {
            assert_eq!(read(name, text), Ok("{acc: 0.5, n: 3}".into()), "{name}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        assert!(read("m.txt", "0.5").unwrap_err().contains("read from"));
        assert_eq!(read("m.jsonl", "{}\n1\n").unwrap_err(), "line 2: a integer, not a map");
        assert!(read("m.jsonl", "{}\n{\n").unwrap_err().starts_with("line 2: not JSON"));
    }

    #[test]
    fn curves_are_read_beside_the_values() {
        let curves = |name: &str, text: &str| {
            let series = metrics(name, text.as_bytes()).unwrap().series;
            let shown = series.into_iter().map(|(name, s)| format!("{name} {:?} {:?}", s.steps, s.values));
            shown.collect::<Vec<_>>().join("; ")
        };
        let json =
            r#"{"loss": [0.5, NaN], "one": [1], "a.b": {"c": [1, 2]}, "names": ["x", "y"], "m": [[1, 2]]}"#;
        assert_eq!(curves("m.json", json), "\"a.b\".c None [1.0, 2.0]; loss None [0.5, NaN]");
        assert_eq!(curves("m.csv", "step,a\n5,1\n6,2\n"), "a Some([5, 6]) [1.0, 2.0]");
        let plain = "{\"step\": 1, \"a\": 3}\n{\"step\": 2, \"a\": 4}\n";
        assert_eq!(curves("m.jsonl", plain), "a Some([1, 2]) [3.0, 4.0]");
        assert_eq!(read("m.jsonl", plain), Ok("{a: 4, step: 2}".into()));
        let named = "{\"name\": \"a\", \"value\": 3, \"context\": \"val\"}\n";
        assert_eq!(curves("m.jsonl", named), "val.a None [3.0]");
        assert_eq!(read("m.jsonl", named), Ok("{val: {a: 3.0}}".into()));
    }
}
