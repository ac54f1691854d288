//! Checks the documents: links lead somewhere, tests that are named exist, and nothing was left to be filled in.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file at the root, in `docs/` and in `examples/`.
fn documents() -> Vec<(PathBuf, String)> {
    let mut documents = Vec::new();
    for folder in [".", "docs", "examples/penguins", "examples/mnist-style"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder can be listed") {
            let path = entry.expect("the folder can be listed").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).expect("a document can be read");
                documents.push((path, text));
            }
        }
    }
    documents
}

/// The text without fenced blocks, which may show links that are none.
fn prose(text: &str) -> String {
    let mut inside = false;
    let outside = text.lines().filter(|line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    outside.collect::<Vec<_>>().join("\n")
}

/// The targets of `[…](target)`.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// The anchor that a heading gets on the pages of code hosts.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>()
        .replace(' ', "-")
}

fn broken_link(document: &Path, text: &str, link: &str) -> Option<String> {
    if link.starts_with("https://") {
        return None;
    }
    let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = document.parent().expect("it lies in a folder").join(file);
    if !file.is_empty() && !target.exists() {
        return Some(format!("{}: {link} does not exist", document.display()));
    }
    let target_text =
        if file.is_empty() { text.to_owned() } else { fs::read_to_string(&target).unwrap_or_default() };
    let prose = prose(&target_text);
    let found =
        fragment.is_empty() || prose.lines().any(|line| line.starts_with('#') && anchor(line) == fragment);
    (!found).then(|| format!("{}: there is no heading for {link}", document.display()))
}

#[test]
fn links_lead_somewhere() {
    let documents = documents();
    assert!(documents.len() >= 5, "the documents were not found");
    let broken: Vec<String> = documents
        .iter()
        .flat_map(|(path, text)| {
            let prose = prose(text);
            links(&prose).into_iter().filter_map(|link| broken_link(path, text, link)).collect::<Vec<_>>()
        })
        .collect();
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn nothing_is_left_to_fill_in() {
    let mut left = Vec::new();
    for (path, text) in documents() {
        let mut lines = text.lines().enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            let empty_block = line.starts_with("```")
                && line.len() > 3
                && lines.peek().is_some_and(|(_, next)| next.starts_with("```"));
            if empty_block || line.contains("TO WRITE") {
                left.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(left.is_empty(), "to be filled in:\n{}", left.join("\n"));
}

/// The tests that the last cell of each row of a table names: `file: function`, or `function` of the same file.
fn named_tests(text: &str) -> Vec<&str> {
    let cells = text.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit("| ").next());
    let spans = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    spans.map(|span| span.rsplit(": ").next().unwrap_or(span)).collect()
}

/// Every source of a test, joined.
fn sources() -> String {
    let (mut text, mut pending) = (String::new(), vec![root().join("src"), root().join("tests")]);
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).expect("the folder can be listed") {
            let path = entry.expect("the folder can be listed").path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &fs::read_to_string(&path).expect("a source can be read");
            }
        }
    }
    text
}

#[test]
fn every_threat_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/threats.md")).expect("the page can be read");
    let (named, sources) = (named_tests(&text), sources());
    assert!(named.len() > 40, "the tables were not found: {named:?}");
    let absent = named.iter().filter(|name| !sources.contains(&format!("fn {name}()")));
    assert_eq!(absent.collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn the_checks_can_fail() {
    let here = root().join("README.md");
    assert!(broken_link(&here, "", "docs/nowhere.md").is_some());
    assert!(broken_link(&here, "# One two", "#three").is_some());
    assert_eq!(broken_link(&here, "## 1. One, `two`", "#1-one-two"), None);
    assert_eq!(links("see [a](b.md#c) and [d](e)"), ["b.md#c", "e"]);
    assert_eq!(prose("a\n```\n[x](y)\n```\nb"), "a\nb");
    assert_eq!(named_tests("| an `attack` | refused | `hostile/x: one`, `two` |"), ["one", "two"]);
}
