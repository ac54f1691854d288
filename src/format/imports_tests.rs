//! Tests of imports, among them what Python itself finds in its own library.

use proptest::prelude::*;

use super::*;

fn found(text: &str) -> Vec<String> {
    imports("a.py", text.as_bytes()).unwrap().into_iter().collect()
}

#[test]
fn every_form_of_import() {
    for (text, expected) in [
        ("import a", &["a"][..]),
        ("import a.b.c as d, e, f as g\nimport h;import i", &["a", "e", "f", "h", "i"]),
        ("from x.y import z as w, v", &["x"]),
        ("from x import (\n  a, # one\n  b,\n)\nimport c", &["c", "x"]),
        ("from x import*", &["x"]),
        ("from x import (yield_, from_)", &["x"]),
        ("def f():\n\timport a\n\tif 1: import b\n\telse: from c import d", &["a", "b", "c"]),
        (
            "try:\n    import cPickle as p\nexcept ImportError:\n    import pickle as p",
            &["cPickle", "pickle"],
        ),
        ("import \\\n  a, \\\r\n  b", &["a", "b"]),
        ("from a \\\n import b", &["a"]),
        ("import a\rimport b\r\nimport c", &["a", "b", "c"]),
        ("\u{feff}import a", &["a"]),
        ("import größe, 変数.x", &["größe", "変数"]),
        ("class A: import a", &["a"]),
        ("import a . b, c", &["a", "c"]),
        ("x = {'from': 1}; import a", &["a"]),
        ("from __future__ import annotations", &["__future__"]),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_import() {
    for text in [
        "",
        "from . import a",
        "from .. import a",
        "from ...a.b import c",
        "from .a import (b,\n c)",
        "# import a",
        "x = 1 # import a\n",
        "'import a'",
        "\"\"\"doc\nimport a\nfrom b import c\n\"\"\"",
        "r'\\\\' + 'import a'",
        "'''it's \\''' import a '''",
        "rb'''\nimport a'''",
        "f\"\"\"{x}\nimport a\"\"\"",
        "'a\\\nimport b'",
        "importlib.reload(a)",
        "import_a = 1",
        "_import = from_ = 2",
        "def g():\n  yield from a\n  raise E from e",
        "1import",
    ] {
        assert_eq!(found(text), [""; 0], "{text}");
    }
}

#[test]
fn a_mistake_costs_a_line() {
    assert_eq!(found("x = 'open\nimport a"), ["a"]);
    assert_eq!(found("x = (((\nimport a"), ["a"]);
    assert_eq!(found("from\nimport a"), ["a"]);
    assert_eq!(found("yield from\nx\nimport a"), ["a"]);
    assert_eq!(found("import\nimport a\nimport b, \nimport c"), ["a", "b", "c"]);
    assert_eq!(found("f\"{x[\"a\"]}\"\nimport a"), ["a"]);
    assert_eq!(imports("a.py", b"\xff\xfe = '\xff'\nimport a, \xff\nimport b").unwrap().len(), 2);
    assert!(imports("a.rs", b"import a").unwrap().is_empty());
}

#[test]
fn notebooks_have_python_and_other_things() {
    let text = r##"{"nbformat": 4, "cells": [
        {"cell_type": "markdown", "source": ["import text"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install 'x\n", "import numpy as np\n", "from torch import nn"]},
        {"cell_type": "code", "source": "%%time\nimport pandas"},
        {"cell_type": "code", "source": "%%bash\nimport shell"},
        {"cell_type": "code", "source": 5}, {"cell_type": "code"}, 7
    ]}"##;
    let names: Vec<String> = imports("a.ipynb", text.as_bytes()).unwrap().into_iter().collect();
    assert_eq!(names, ["numpy", "pandas", "torch"]);
    let old = br#"{"worksheets": [{"cells": [{"cell_type": "code", "input": ["import a"]}]}]}"#;
    assert_eq!(imports("a.ipynb", old).unwrap(), BTreeSet::from(["a".to_owned()]));
    assert_eq!(imports("a.ipynb", b"{\n\n[").unwrap_err().line, Some(3));
    let deep = "[".repeat(1_000_000);
    assert!(imports("a.ipynb", deep.as_bytes()).is_err());
}

#[test]
fn packages_of_modules() {
    assert!(UNUSUAL.is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!(distributions("sklearn"), ["scikit-learn"]);
    assert_eq!(distributions("flash_attn"), ["flash-attn"]);
    assert_eq!(distributions("tensorboardX"), ["tensorboardx"]);
    assert!(distributions("cv2").contains(&"opencv-python-headless".to_owned()));
    for (_, names) in UNUSUAL {
        names.iter().for_each(|name| assert_eq!(*name, normalised(name)));
    }
}

#[test]
fn names_are_bounded() {
    let text: String = (0..MOST + 5).map(|i| format!("import a{i}\n")).collect();
    assert_eq!(found(&text).len(), MOST);
    assert_eq!(found(&format!("import {}", "a".repeat(LONGEST + 1))), [""; 0]);
}

/// What Python's own parser finds in its own library is what is found here.
#[test]
fn python_agrees() {
    const SCRIPT: &str = "\
import ast, os, sys, json, sysconfig, warnings
warnings.simplefilter('ignore')
out, root = [], sysconfig.get_path('stdlib')
for folder, below, files in os.walk(root):
    below[:] = [name for name in below if name not in ('site-packages', 'test', 'tests', 'lib2to3')]
    for name in sorted(files):
        path = os.path.join(folder, name)
        if not name.endswith('.py'):
            continue
        try:
            tree = ast.parse(open(path, 'rb').read())
        except SyntaxError:
            continue
        names = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names.update(alias.name.split('.')[0] for alias in node.names)
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module.split('.')[0])
        out.append([path, sorted(names)])
json.dump(out, sys.stdout)";
    let output = std::process::Command::new("python3").args(["-I", "-c", SCRIPT]).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        crate::skip::skipped("there is no python3 that could say what it imports");
        return;
    };
    let files: Vec<(String, Vec<String>)> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(files.len() > 50, "Python found only {} files in its library", files.len());
    for (path, expected) in files {
        let names: Vec<String> =
            imports(&path, &std::fs::read(&path).unwrap()).unwrap().into_iter().collect();
        assert_eq!(names, expected, "{path}");
    }
}

/// Tokens never overlap and each takes something, so that a file is read once.
fn steps(bytes: &[u8]) -> usize {
    let mut tokens = Tokens { rest: bytes };
    let mut steps = 0;
    while let Some(left) = tokens.next().map(|_| tokens.rest.len()) {
        steps += 1;
        assert!(steps + left <= bytes.len(), "a token took nothing");
    }
    steps
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        imports("a.py", &bytes).unwrap();
        let _ = imports("a.ipynb", &bytes);
        steps(&bytes);
    }

    #[test]
    fn no_pieces_of_python_panic(
        pieces in proptest::collection::vec(
            prop::sample::select(vec![
                "import", "from", " ", "a", ".", ",", "as", "\n", "\r", "\\", "\\\n", "'", "\"", "'''", "\"\"\"", "#", ";",
                "(", ")", "rb", "f", "{", "}", "1", "\u{feff}", "é", "%%", "!",
            ]),
            0..60,
        ),
    ) {
        let text = pieces.concat();
        found(&text);
        python_of_cell(&text);
        steps(text.as_bytes());
    }

    /// What surrounds an import on lines of its own does not hide it.
    #[test]
    fn an_import_is_found_among_lines(
        before in proptest::collection::vec("[a-z0-9 =+.,#()\\[\\]{}:;]{0,30}", 0..8), name in "[a-z_][a-z0-9_]{3,8}",
    ) {
        let text = format!("{}\nimport {name}x\n", before.join("\n"));
        prop_assert!(found(&text).contains(&format!("{name}x")), "{}", text);
    }
}
