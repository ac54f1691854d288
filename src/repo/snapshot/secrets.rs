//! Secrets in values that are recorded as they are.

use std::collections::BTreeMap;

use crate::capture::{self, Secrets};
use crate::value::Value;

/// The dotted paths of the values that are secrets: by their name, by their shape, or since a variable has the same.
pub(in crate::repo) fn in_values(values: &BTreeMap<String, Value>, secrets: &Secrets) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in values {
        look(key.clone(), key, value, secrets, &mut found);
    }
    found
}

fn look(path: String, key: &str, value: &Value, secrets: &Secrets, found: &mut Vec<String>) {
    match value {
        Value::Map(map) => {
            for (inner, value) in map {
                look(format!("{path}.{inner}"), inner, value, secrets, found);
            }
        }
        Value::List(list) => {
            for value in list {
                look(path.clone(), key, value, secrets, found);
            }
        }
        Value::Text(text) if is_secret(key, text, secrets) => found.push(path),
        _ => {}
    }
}

/// Whether a value with this name is a secret.
pub(in crate::repo) fn is_secret(key: &str, text: &str, secrets: &Secrets) -> bool {
    secrets.text(text) != text || capture::redact_value(key, text) != text
}

/// The values without the secrets in their texts.
pub(in crate::repo) fn without(values: &mut BTreeMap<String, Value>, secrets: &Secrets) {
    fn clean(key: &str, value: &mut Value, secrets: &Secrets) {
        match value {
            Value::Map(map) => map.iter_mut().for_each(|(key, value)| clean(key, value, secrets)),
            Value::List(list) => list.iter_mut().for_each(|value| clean(key, value, secrets)),
            Value::Text(text) => *text = secrets.text(&capture::redact_value(key, text)),
            _ => {}
        }
    }
    values.iter_mut().for_each(|(key, value)| clean(key, value, secrets));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_by_name_shape_and_value() {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut secrets = Secrets::default();
        secrets.add("plain-words", "<redacted>");
        let inner =
            BTreeMap::from([("api_key".to_owned(), text("abcdef12")), ("lr".to_owned(), text("plain"))]);
        let mut values = BTreeMap::from([
            ("hub".to_owned(), Value::Map(inner)),
            ("urls".to_owned(), Value::List(vec![text("x"), text("https://u:p@h/")])),
            ("note".to_owned(), text("a plain-words b")),
            ("pad_token".to_owned(), text("<pad>")),
        ]);
        assert_eq!(in_values(&values, &secrets), ["hub.api_key", "note", "urls"]);
        without(&mut values, &secrets);
        assert_eq!(in_values(&values, &secrets), [""; 0]);
        assert_eq!(values["note"], text("a <redacted> b"));
        assert_eq!(values["pad_token"], text("<pad>"));
    }
}
