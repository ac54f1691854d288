//! Files that list features.

use std::collections::HashSet;

use super::item::Item;
use super::{FormatError, Syntax, item, utf8};
use crate::object::Feature;

/// Reads a feature list, in its order. Names are not repeated.
///
/// YAML, JSON or TOML: a list of names or of maps with `name`, `type`, `columns`, `transform` and
/// `description`; or a map from name to such a map; or a map whose `features` is either, beside which other
/// keys are not looked at. Plain text: a name a line, apart from empty lines and those that start with `#`.
pub fn features(file_name: &str, bytes: &[u8]) -> Result<Vec<Feature>, FormatError> {
    let features = match Syntax::of(file_name) {
        Some(syntax) => listed(item(syntax, bytes)?.unwrap_or(Item::List(Vec::new())))?,
        None => lines(utf8(bytes)?),
    };
    let mut seen = HashSet::new();
    for feature in &features {
        if feature.name.is_empty() {
            return Err(problem("a feature has no name"));
        }
        if !seen.insert(&feature.name) {
            return Err(problem(format!("the feature {:?} is there twice", feature.name)));
        }
    }
    Ok(features)
}

fn problem(words: impl Into<String>) -> FormatError {
    FormatError::new(None, words)
}

fn named(name: impl Into<String>) -> Feature {
    Feature { name: name.into(), dtype: None, columns: Vec::new(), transform: None, description: None }
}

fn lines(text: &str) -> Vec<Feature> {
    let names = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    names.map(named).collect()
}

fn listed(root: Item) -> Result<Vec<Feature>, FormatError> {
    match unwrapped(root) {
        Item::List(items) => items.into_iter().map(in_list).collect(),
        Item::Map(entries) => entries.into_iter().map(|(name, item)| described(Some(name), item)).collect(),
        other => {
            Err(problem(format!("a {}, where a list or a map of features should be", other.type_name())))
        }
    }
}

/// What `features:` holds, where the file has other things beside it.
fn unwrapped(root: Item) -> Item {
    let Item::Map(mut entries) = root else { return root };
    let holds = |(key, item): &(String, Item)| key == "features" && is_list_of_features(item);
    match entries.iter().position(holds) {
        Some(at) => entries.swap_remove(at).1,
        None => Item::Map(entries),
    }
}

/// Whether this is a list or a map of features, and not the description of one that is named `features`.
fn is_list_of_features(item: &Item) -> bool {
    match item {
        Item::List(_) => true,
        Item::Map(entries) => entries.iter().all(|(_, item)| matches!(item, Item::Map(_)) || is_null(item)),
        Item::Scalar(_) => false,
    }
}

fn is_null(item: &Item) -> bool {
    *item == Item::Scalar(crate::value::Value::Null)
}

fn in_list(item: Item) -> Result<Feature, FormatError> {
    match item.as_text() {
        Some(name) => Ok(named(name)),
        None => described(None, item),
    }
}

/// A feature from its description: a map, or nothing where the name says all.
fn described(name: Option<String>, item: Item) -> Result<Feature, FormatError> {
    let mut feature = named(name.unwrap_or_default());
    let entries = match item {
        Item::Map(entries) => entries,
        item if is_null(&item) && !feature.name.is_empty() => return Ok(feature),
        other => return Err(problem(format!("a {}, where a feature should be", other.type_name()))),
    };
    for (key, item) in entries {
        match key.as_str() {
            _ if is_null(&item) => {}
            "name" if !feature.name.is_empty() => {
                return Err(problem(format!("{:?} has two names", feature.name)));
            }
            "name" => feature.name = text(&key, item)?,
            "type" => feature.dtype = Some(text(&key, item)?),
            "columns" => feature.columns = texts(&key, item)?,
            "transform" => feature.transform = Some(text(&key, item)?),
            "description" => feature.description = Some(text(&key, item)?),
            _ => return Err(problem(format!("a feature has the unknown key {key:?}"))),
        }
    }
    Ok(feature)
}

fn text(key: &str, item: Item) -> Result<String, FormatError> {
    let text = item.as_text().map(str::to_owned);
    text.ok_or_else(|| problem(format!("{key:?} of a feature is a {}, not text", item.type_name())))
}

fn texts(key: &str, item: Item) -> Result<Vec<String>, FormatError> {
    match item {
        Item::List(items) => items.into_iter().map(|item| text(key, item)).collect(),
        single => Ok(vec![text(key, single)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<Feature>, String> {
        features(name, text.as_bytes()).map_err(|error| error.to_string())
    }

    fn full() -> Vec<Feature> {
        let ratio = Feature {
            dtype: Some("float".into()),
            columns: vec!["length".into(), "depth".into()],
            transform: Some("length / depth".into()),
            description: Some("shape of the bill".into()),
            ..named("ratio")
        };
        vec![named("zeta"), ratio, named("alpha")]
    }

    #[test]
    fn the_order_is_kept_in_every_form() {
        let fields = r#""type": "float", "columns": ["length", "depth"], "transform": "length / depth",
            "description": "shape of the bill""#;
        let list = format!(r#"["zeta", {{"name": "ratio", {fields}}}, {{"name": "alpha"}}]"#);
        let map = format!(r#"{{"zeta": null, "ratio": {{{fields}}}, "alpha": {{}}}}"#);
        for text in [
            &list,
            &map,
            &format!(r#"{{"features": {list}, "target": 1}}"#),
            &format!(r#"{{"features": {map}}}"#),
        ] {
            assert_eq!(read("f.json", text), Ok(full()), "{text}");
            assert_eq!(read("f.yaml", text), Ok(full()), "{text}");
        }
        let toml = "features = ['zeta', {name = 'ratio', type = 'float', columns = ['length', 'depth'], \
            transform = 'length / depth', description = 'shape of the bill'}, {name = 'alpha'}]";
        assert_eq!(read("f.toml", toml), Ok(full()));
        assert_eq!(
            read("f.toml", "[[features]]\nname = 'b'\n[[features]]\nname = 'a'"),
            Ok(vec![named("b"), named("a")])
        );
        assert_eq!(read("f.txt", "# names\nzeta\n\n  alpha \n"), Ok(vec![named("zeta"), named("alpha")]));
        assert_eq!(read("f.yaml", ""), Ok(vec![]));
        assert_eq!(read("f.yaml", "features: {type: float}").unwrap()[0].dtype.as_deref(), Some("float"));
    }

    #[test]
    fn what_is_not_a_feature_is_refused() {
        for (text, expected) in [
            ("[a, b, a]", "\"a\" is there twice"),
            ("[1]", "a integer, where a feature should be"),
            ("[{type: float}]", "no name"),
            ("['']", "no name"),
            ("a: {unit: mm}", "unknown key \"unit\""),
            ("a: {name: b}", "two names"),
            ("a: {columns: [1]}", "\"columns\" of a feature is a integer"),
            ("x", "a list or a map"),
        ] {
            let error = read("f.yaml", text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
