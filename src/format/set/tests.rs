//! Tests of setting values: what is written is compared to the byte.

use proptest::prelude::*;

use super::*;
use crate::format::scalar;

fn given(text: &str) -> Value {
    match text.strip_prefix('=') {
        Some(text) => Value::Text(text.to_owned()),
        None if text.starts_with('[') => {
            crate::format::item(Syntax::Yaml, text.as_bytes()).unwrap().unwrap().into_value()
        }
        None => scalar::core(text, 1).unwrap(),
    }
}

fn try_set(syntax: Syntax, text: &str, path: &str, value: &str) -> Result<String, SetError> {
    let set = set(syntax, text.as_bytes(), &path.parse().unwrap(), &given(value))?;
    Ok(String::from_utf8(set).unwrap())
}

/// Sets a value and expects one replacement in the text, and nothing else.
#[track_caller]
fn replaces(syntax: Syntax, text: &str, path: &str, value: &str, (old, new): (&str, &str)) {
    assert_eq!(text.matches(old).count(), 1, "{old:?} in {text:?}");
    assert_eq!(try_set(syntax, text, path, value).unwrap(), text.replace(old, new));
}

const YAML: &str = "# é comment: lr\ntrain:\n  lr: 0.01   # slow\n  'name': 'adam'\n  note: \"x\"\n  opt: sgd\r\n  \
    layers:\n  - 64\n  - 32 # last\n\n  # about betas\n  betas: [0.9, 0.999]\n  deep:\n    - 7\n    - [8, 9]\n  flow: {p: 1, \"q\":2, s: }\n  \
    text: |\n    two\n    lines\n\n  more: plain\n    goes on\n  none:\n  tilde: ~\n  when: &at 5\nend: 1\n";

#[test]
fn yaml_keeps_all_other_bytes() {
    for (path, value, change) in [
        ("train.lr", "1e-5", ("0.01", "1.0e-5")),
        ("train.lr", "1", ("0.01", "1.0")),
        ("train.lr", ".nan", ("0.01", ".nan")),
        ("train.name", "=it's", ("'adam'", "'it''s'")),
        ("train.note", "=no", ("\"x\"", "\"no\"")),
        ("train.opt", "=no", ("sgd", "\"no\"")),
        ("train.opt", "=adamw", ("sgd", "adamw")),
        ("train.opt", "=a: b", ("sgd", "\"a: b\"")),
        ("train.layers.0", "128", ("64", "128")),
        ("train.layers.1", "16", ("32 #", "16 #")),
        ("train.layers", "[1, 2]", ("- 64\n  - 32", "  [1, 2]")),
        ("train.betas.1", "0.99", ("0.999", "0.99")),
        ("train.betas", "[a, null]", ("[0.9, 0.999]", "[a, null]")),
        ("train.deep", "[]", ("- 7\n    - [8, 9]", "[]")),
        ("train.deep.1.0", "true", ("8", "true")),
        ("train.flow.p", "3", ("p: 1", "p: 3")),
        ("train.flow.q", "3", ("\"q\":2", "\"q\":3")),
        ("train.flow.s", "3", ("s: }", "s: 3 }")),
        ("train.text", "=one", ("|\n    two\n    lines", "one")),
        ("train.more", "=a\nb", ("plain\n    goes on", "\"a\\nb\"")),
        ("train.none", "4", ("none:", "none: 4")),
        ("train.tilde", "4", ("~", "4")),
        ("train.when", "6", ("&at 5", "&at 6")),
        ("end", "2", ("end: 1", "end: 2")),
    ] {
        replaces(Syntax::Yaml, YAML, path, value, change);
        let windows = YAML.replace("\r\n", "\n").replace('\n', "\r\n");
        let [old, new] = [change.0, change.1].map(|text| text.replace('\n', "\r\n"));
        replaces(Syntax::Yaml, &format!("\u{feff}{windows}"), path, value, (&old, &new));
    }
    replaces(Syntax::Yaml, "{\"a\":1}", "a", "2", ("1", "2"));
    replaces(Syntax::Yaml, "a: !!float &x 1.5 # c\n", "a", "2.5", ("1.5", "2.5"));
    replaces(Syntax::Yaml, "a: &x > # c|d\n\n  one\n  two\n", "a", "=b", ("> # c|d\n\n  one\n  two", "b"));
    replaces(Syntax::Yaml, "a:\n- x: |2-\n     one\nb: 1\n", "a.0.x", "=b", ("|2-\n     one", "b"));
    replaces(Syntax::Yaml, "a: |\n  & | x\nb: &y\n  - 1\n", "a", "=b", ("|\n  & | x", "b"));
    replaces(Syntax::Yaml, "a: |\n  & | x\nb: &y\n  - 1\n", "b", "[2]", ("- 1", "[2]"));
    replaces(Syntax::Yaml, "a: |\nb: 1\n", "a", "=x", ("|", "x"));
    assert_eq!(try_set(Syntax::Yaml, YAML, "train.lr", "0.010").unwrap(), YAML);
}

#[test]
fn json_and_toml_keep_all_other_bytes() {
    let json = "{ \"a\\u0062\" : {\"lr\":1e-2,\t\"l\": [1, [NaN, \"x\"]]},\r\n \"s\": \"é\", \"n\": null }\n";
    for (path, value, change) in [
        ("ab.lr", "3", ("1e-2", "3.0")),
        ("ab.l.0", "-.inf", ("[1,", "[-Infinity,")),
        ("ab.l.1.0", "0.5", ("NaN", "0.5")),
        ("ab.l.1", "[]", ("[NaN, \"x\"]", "[]")),
        ("s", "=a\"\u{1}", ("\"é\"", "\"a\\\"\\u0001\"")),
        ("n", "true", ("null", "true")),
    ] {
        replaces(Syntax::Json, json, path, value, change);
    }
    let toml = "a.lr = 0.01 # slow\nday = 2026-01-31\nname = 'x' \n[t]\nl = [ 10, # ten\n 20 ]\np = {q=\"r\"}\n[[m]]\nv = 0x1F\n[[m]]\nv = 5\n";
    for (path, value, change) in [
        ("a.lr", "1e-5", ("0.01", "1.0e-5")),
        ("day", "=2026-02-01", ("2026-01-31", "2026-02-01")),
        ("day", "=never", ("2026-01-31", "\"never\"")),
        ("name", "=a b", ("'x'", "'a b'")),
        ("name", "=it's", ("'x'", "\"it's\"")),
        ("t.l.1", ".inf", ("20 ]", "inf ]")),
        ("t.p.q", "=s", ("\"r\"", "\"s\"")),
        ("m.0.v", "7", ("0x1F", "7")),
        ("m.1.v", "false", ("5\n", "false\n")),
    ] {
        replaces(Syntax::Toml, toml, path, value, change);
    }
}

#[test]
fn what_cannot_be_set_is_refused_with_its_reason() {
    let yaml = "base: &b {lr: 1, k: &v 2}\nuse:\n  <<: *b\n  own: 3\nalias: *v\nwhole: *b\nl: [1]\n- x";
    let yaml = yaml.strip_suffix("\n- x").unwrap();
    let fails = |path: &str, value: &str| try_set(Syntax::Yaml, yaml, path, value).unwrap_err().to_string();
    assert_eq!(fails("use.lr", "9"), "use.lr has its value through a merge key or an alias");
    assert_eq!(fails("alias", "9"), "alias has its value through an alias");
    assert_eq!(fails("whole.lr", "9"), "whole.lr has its value through an alias");
    assert_eq!(fails("base.k", "3"), "base.k cannot be changed without changing something else");
    assert_eq!(fails("use", "3"), "use has the type map and cannot become of type integer");
    assert_eq!(fails("l", "3"), "l has the type list and cannot become of type integer");
    assert_eq!(fails("", "3"), " has the type map and cannot become of type integer");
    assert_eq!(fails("us.own", "3"), "there is no us.own; did you mean use.own?");
    assert_eq!(fails("own", "3"), "there is no own; did you mean use.own?");
    assert_eq!(fails("l.7", "3"), "there is no l.7");
    replaces(Syntax::Yaml, yaml, "use.own", "4", ("own: 3", "own: 4"));
    let toml = |value: &str| try_set(Syntax::Toml, "a = 1", "a", value).unwrap_err().to_string();
    assert_eq!(toml("null"), "null cannot be written here as a");
    assert_eq!(toml("18446744073709551615"), "18446744073709551615 cannot be written here as a");
    assert!(matches!(try_set(Syntax::Json, "{", "a", "1"), Err(SetError::Format(_))));
}

fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|int| Value::Int(int.into())),
        any::<f64>().prop_map(Value::Float),
        "\\PC{0,12}".prop_map(Value::Text),
        prop::collection::vec(any::<char>(), 0..6).prop_map(|text| Value::Text(text.into_iter().collect())),
    ]
}

proptest! {
    #[test]
    fn every_scalar_and_list_can_be_set(value in scalars(), list in prop::collection::vec(scalars(), 0..4)) {
        let yaml = "a: 'x' # c\nb: [1]\nc:\n- 1\nd: \"t\"\ne: {f: g, h: 1}\n";
        let json = "{\"a\": \"x\", \"b\": [1], \"d\": 2}";
        let set = |syntax, text: &str, path: &str, value: &Value| {
            set(syntax, text.as_bytes(), &path.parse().unwrap(), value)
        };
        for path in ["a", "b.0", "c.0", "d", "e.f", "e.h"] {
            prop_assert!(set(Syntax::Yaml, yaml, path, &value).is_ok(), "{path} {value:?}");
        }
        for path in ["a", "b.0", "d"] {
            prop_assert!(set(Syntax::Json, json, path, &value).is_ok(), "{path} {value:?}");
        }
        let list = Value::List(list);
        for (syntax, text) in [(Syntax::Yaml, yaml), (Syntax::Json, json)] {
            prop_assert!(set(syntax, text, "b", &list).is_ok(), "{list:?}");
        }
        prop_assert!(set(Syntax::Yaml, yaml, "c", &list).is_ok(), "{list:?}");
        if value != Value::Null {
            for path in ["a", "b.0", "d.e"] {
                let toml = "a = 'x' # c\nb = [1]\nd = {e=\"\"}\n";
                prop_assert!(set(Syntax::Toml, toml, path, &value).is_ok(), "{path} {value:?}");
            }
        }
    }
}
