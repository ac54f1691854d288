//! Tests of the YAML reader.

use super::*;

fn read(text: &str) -> Result<String, String> {
    match item(text) {
        Ok(item) => Ok(item.map_or("nothing".into(), |item| item.into_value().to_string())),
        Err(error) => Err(error.to_string()),
    }
}

#[track_caller]
fn reads(text: &str, expected: &str) {
    assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn refuses(text: &str, expected: &str) {
    let error = read(text).unwrap_err();
    let start: String = text.chars().take(200).collect();
    assert!(error.contains(expected), "{start}: {error}");
}

#[test]
fn plain_and_quoted_scalars() {
    reads(
        "a: no\nb: 'true'\nc: \"1\"\nd: 1e-3\ne:\nf: |\n  x\n",
        r#"{a: no, b: "true", c: "1", d: 0.001, e: null, f: "x\n"}"#,
    );
    reads("", "nothing");
    reads("# only a comment\n", "nothing");
    reads("---\n...\n", "nothing");
    reads("null", "null");
    reads("[a, {b: c}]", "[a, {b: c}]");
}

#[test]
fn keys_are_text_as_written() {
    reads("1: a\n2.50: b\ntrue: c\n~: d\n0x1F: e", "{0x1F: e, 1: a, 2.50: b, true: c, ~: d}");
    refuses("? [a]\n: b", "a key is a list or a map");
    refuses("a: 1\n'a': 2", "line 2: the key \"a\" is there twice");
    refuses("1: a\n\"1\": b", "line 2: the key \"1\" is there twice");
    reads("&k a: 1\nb: *k", "{a: 1, b: a}");
}

#[test]
fn tags_of_the_core_schema_are_honoured() {
    reads(
        "a: !!str 1\nb: !!int '5'\nc: !!float 1\nd: !!bool true\ne: !!null ''\nf: ! 1\ng: !!seq []\nh: !!map {}\ni: !<tag:yaml.org,2002:str> 2",
        r#"{a: "1", b: 5, c: 1.0, d: true, e: null, f: "1", g: [], h: {}, i: "2"}"#,
    );
    refuses(
        "x: 1\na: !!python/object:os.system x",
        "line 2: the tag \"!!python/object:os.system\" has no meaning here",
    );
    refuses("a: !Ref x", "!Ref");
    refuses("a: !!int x", "\"x\" is not what its tag !!int says");
    refuses("a: !!set {b}", "!!set");
    refuses("a: !!int 18446744073709551616", "2^64");
}

#[test]
fn aliases_are_expanded() {
    reads("a: &x [1, 2]\nb: *x", "{a: [1, 2], b: [1, 2]}");
    reads("a: &x 1\nb: &x 2\nc: *x", "{a: 1, b: 2, c: 2}");
    refuses("a: *x", "not YAML");
    refuses("a: &x [*x]", "within what it stands for");
}

#[test]
fn merge_keys_are_honoured() {
    let base = "base: &b {lr: 0.1, n: 1}\nmore: &m {n: 2, k: 3}\n";
    reads(
        &format!("{base}x:\n  lr: 0.5\n  <<: *b"),
        "{base: {lr: 0.1, n: 1}, more: {k: 3, n: 2}, x: {lr: 0.5, n: 1}}",
    );
    reads(
        &format!("{base}x:\n  <<: [*b, *m]"),
        "{base: {lr: 0.1, n: 1}, more: {k: 3, n: 2}, x: {k: 3, lr: 0.1, n: 1}}",
    );
    refuses("a: 1\n<<: 2", "merges a integer, not a map");
    refuses(&format!("{base}x:\n  <<: *b\n  <<: *m"), "line 5: the merge key '<<' is there twice");
    reads("'<<': 1", "{<<: 1}");
}

#[test]
fn one_document_only() {
    reads("---\na: 1\n...\n", "{a: 1}");
    refuses("a: 1\n---\nb: 2", "line 2: a second document");
}

#[test]
fn bombs_are_refused() {
    let mut laughs = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for i in 1..10 {
        let list = vec![format!("*a{}", i - 1); 10].join(", ");
        laughs += &format!("a{i}: &a{i} [{list}]\n");
    }
    refuses(&laughs, "more than 1000000 values");
    let long = format!("a: &a {}\nb: [{}*a]", "x".repeat(1 << 16), "*a, ".repeat(10_000));
    refuses(&long, "more than 1000000 values");
    // Each anchor nests the one before deeper, with few values.
    let mut nested = String::from("a0: &a0 x\n");
    for i in 1..100 {
        nested += &format!("a{i}: &a{i} [*a{}]\n", i - 1);
    }
    refuses(&nested, "nested deeper");
    // The parser has a bound of its own, beyond ours.
    for deep in ["[", "{a: ", "- "] {
        refuses(&deep.repeat(60), "nested deeper");
        refuses(&deep.repeat(100_000), "");
    }
    let blocks: String = (0..2000).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    refuses(&blocks, "nested deeper");
}
