//! Files of metrics.

use std::collections::BTreeMap;

use super::{FormatError, Syntax, csv, json, utf8, values};
use crate::value::Value;

/// Reads metrics: a tree of values; or a CSV or TSV table or a file of JSON lines, as loggers write them
/// step by step, of which the last value of each column or key counts.
pub fn metrics(file_name: &str, bytes: &[u8]) -> Result<BTreeMap<String, Value>, FormatError> {
    if let Some(syntax) = Syntax::of(file_name) {
        return values(syntax, bytes);
    }
    match super::data_format(file_name) {
        Some("csv") => csv::metrics(b',', bytes),
        Some("tsv") => csv::metrics(b'\t', bytes),
        Some("jsonl") => lines(utf8(bytes)?),
        _ => Err(FormatError::new(None, "metrics are read from YAML, JSON, TOML, CSV, TSV and JSON lines")),
    }
}

fn lines(text: &str) -> Result<BTreeMap<String, Value>, FormatError> {
    let mut metrics = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let item = json::item(line).map_err(|error| FormatError { line: Some(number), ..error })?;
        match item.map(|item| item.into_value()) {
            None => {}
            Some(Value::Map(map)) => metrics.extend(map),
            Some(other) => {
                return Err(FormatError::new(number, format!("a {}, not a map", other.type_name())));
            }
        }
    }
    Ok(metrics)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<String, String> {
        metrics(name, text.as_bytes())
            .map(|values| Value::Map(values).to_string())
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
}
