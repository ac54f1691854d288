//! Tests of what holds for all syntaxes.

use proptest::prelude::*;

use super::*;
use crate::value::Int;

#[test]
fn equal_values_are_one_tree_whatever_the_syntax() {
    let yaml = "lr: 1e-3\nmodel:\n  layers: [64, 32]\n  dropout: 0.1\n  bias: true\nname: no\nmax: .inf\nbad: .nan\n";
    let json = r#"{"lr": 0.001, "name": "no", "bad": NaN, "max": Infinity,
        "model": {"bias": true, "dropout": 1E-1, "layers": [64, 32]}}"#;
    let toml = "name = 'no'\nlr = 1e-3\nmax = inf\nbad = nan\n[model]\nlayers = [64, 32]\ndropout = 0.1\nbias = true\n";
    let tree = values(Syntax::Yaml, yaml.as_bytes()).unwrap();
    assert_eq!(tree.len(), 5);
    assert_eq!(values(Syntax::Json, json.as_bytes()).unwrap(), tree);
    assert_eq!(values(Syntax::Toml, toml.as_bytes()).unwrap(), tree);
}

#[test]
fn the_root_is_a_map_or_nothing() {
    for (syntax, list) in [(Syntax::Yaml, "- 1\n"), (Syntax::Json, "[1]")] {
        let error = values(syntax, list.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "line 1: the root is a list, not a map");
    }
    for syntax in [Syntax::Yaml, Syntax::Json, Syntax::Toml] {
        assert_eq!(values(syntax, b""), Ok(BTreeMap::new()));
        assert_eq!(values(syntax, b" \n\n"), Ok(BTreeMap::new()));
        assert_eq!(values(syntax, b"\xef\xbb\xbf"), Ok(BTreeMap::new()));
        let error = values(syntax, b"\n\xff").unwrap_err();
        assert_eq!(error.to_string(), "line 2: the text is not UTF-8");
    }
    assert!(values(Syntax::Yaml, b"null").is_err());
}

#[test]
fn every_line_break_of_windows_is_one() {
    assert_eq!(values(Syntax::Yaml, b"a: 1\r\nb: x\r\n"), values(Syntax::Toml, b"a = 1\r\nb = 'x'\r\n"));
}

#[test]
fn syntaxes_are_known_by_extension() {
    assert_eq!(Syntax::of("params.yaml"), Some(Syntax::Yaml));
    assert_eq!(Syntax::of("a.b.YML"), Some(Syntax::Yaml));
    assert_eq!(Syntax::of("yaml"), None);
    assert_eq!(Syntax::of("a.csv"), None);
}

#[test]
fn what_is_accepted_can_be_stored() {
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1));
    let values = values(Syntax::Json, deep.as_bytes()).unwrap();
    let metrics = crate::object::Metrics { values, files: vec![], better: BTreeMap::new() };
    let bytes = crate::encoding::to_bytes(&metrics);
    assert_eq!(crate::encoding::from_bytes(&bytes), Ok(metrics));
    let deeper = format!("{{\"a\": {}{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    for syntax in [Syntax::Json, Syntax::Yaml] {
        assert!(super::values(syntax, deeper.as_bytes()).unwrap_err().problem.contains("deeper"));
    }
}

/// Values that all three syntaxes have: TOML has no null, and integers of 64 bits.
fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|int| Value::Int(Int::from(int))),
        any::<f64>().prop_map(Value::Float),
        any_text().prop_map(Value::Text),
    ];
    scalar.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            proptest::collection::btree_map(any_text(), inner, 0..6).prop_map(Value::Map),
        ]
    })
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_.-]{0,8}",
        // What could be taken for something else, were it not quoted.
        prop::sample::select(vec![
            "no", "1e-3", "null", "~", "<<", "0x1F", "true", ".inf", "- a", "a: b", "#", ""
        ])
        .prop_map(str::to_owned),
        // Noncharacters are printable in no syntax, and those beyond 16 bits have no escape that all share.
        proptest::collection::vec(
            any::<char>().prop_filter("noncharacter", |c| *c as u32 & 0xfffe != 0xfffe),
            0..6
        )
        .prop_map(String::from_iter),
    ]
}

/// Text as all three syntaxes quote it: YAML and TOML have JSON's escapes, but for characters beyond 16 bits.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " .-_<~#:".contains(c) || c > '\u{ffff}';
    let escaped = text.chars().map(|c| match c {
        c if plain(c) => c.to_string(),
        c => format!("\\u{:04x}", c as u32),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn float(value: f64, [nan, inf]: [&str; 2]) -> String {
    match value {
        value if value.is_nan() => nan.to_owned(),
        f64::INFINITY => inf.to_owned(),
        f64::NEG_INFINITY => format!("-{inf}"),
        value => format!("{value:?}"),
    }
}

/// Prints a value in the flow style that all three syntaxes have.
fn print(value: &Value, colon: &str, floats: [&str; 2]) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Float(value) => float(*value, floats),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| print(item, colon, floats)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let entry = |(key, value): (&String, &Value)| {
                format!("{}{colon}{}", quoted(key), print(value, colon, floats))
            };
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

proptest! {
    #[test]
    fn three_syntaxes_give_one_tree(map in proptest::collection::btree_map(any_text(), any_value(), 0..6)) {
        let root = Value::Map(map);
        let json = print(&root, ": ", ["NaN", "Infinity"]);
        let yaml = print(&root, ": ", [".nan", ".inf"]);
        let Value::Map(map) = &root else { unreachable!() };
        let toml: String =
            map.iter().map(|(key, value)| format!("{} = {}\n", quoted(key), print(value, " = ", ["nan", "inf"]))).collect();
        let tree = values(Syntax::Json, json.as_bytes());
        prop_assert!(tree.is_ok(), "{json}: {tree:?}");
        prop_assert_eq!(&values(Syntax::Yaml, yaml.as_bytes()), &tree, "{}", yaml);
        prop_assert_eq!(&values(Syntax::Toml, toml.as_bytes()), &tree, "{}", toml);
        prop_assert_eq!(tree.map(Value::Map), Ok(root));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for syntax in [Syntax::Yaml, Syntax::Json, Syntax::Toml] {
            let _ = values(syntax, &bytes);
        }
        for format in ["csv", "tsv", "jsonl", "npy", "parquet", "safetensors"] {
            let _ = profile(format, &mut std::io::Cursor::new(&bytes), bytes.len() as u64);
        }
    }
}
