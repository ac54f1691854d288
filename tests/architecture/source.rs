//! Reads Rust source for the rules: what is code, without comments, texts and tests; and the paths in it.
//!
//! A small lexer, not a parser. Whatever it takes away it replaces by spaces, so that lines stay where they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file of the crate.
pub struct Source {
    /// From the root of `src`, with `/`.
    pub path: String,
    /// As it is.
    pub text: String,
    /// Without comments, texts and tests.
    pub code: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: without_tests(&without_texts(text)) }
    }

    /// The module of `lib.rs` that the file belongs to: `object` for `object/tree.rs` and for `object.rs`.
    pub fn module(&self) -> &str {
        let top = self.path.split('/').next().unwrap_or_default();
        top.strip_suffix(".rs").unwrap_or(top)
    }

    /// Whether the file is the root of its module, where `super` is the crate.
    pub fn is_module_root(&self) -> bool {
        let names: Vec<&str> = self.path.split('/').collect();
        names.len() == 1 || (names.len() == 2 && names[1] == "mod.rs")
    }

    pub fn line_count(&self) -> usize {
        self.text.lines().count()
    }
}

/// Every `.rs` file below a folder, sorted by path, except those that only tests are made of.
pub fn read(root: &Path) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(root, &mut paths);
    paths.sort();
    let mut tests = Vec::new();
    let mut sources = Vec::new();
    for path in paths {
        let name = path.strip_prefix(root).expect("it was found there").to_string_lossy().replace('\\', "/");
        let text = std::fs::read_to_string(&path).expect("a source file can be read");
        tests.extend(test_files(&name, &text));
        sources.push(Source::new(&name, &text));
    }
    sources.retain(|source| !tests.iter().any(|test| is_of_module(&source.path, test)));
    sources
}

fn collect(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder of the sources can be listed") {
        let path = entry.expect("the folder of the sources can be listed").path();
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// Modules in files of their own that are only there in tests, as paths without `.rs`.
pub fn test_files(path: &str, text: &str) -> Vec<String> {
    let code = without_texts(text);
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let own = if matches!(file, "mod.rs" | "lib.rs" | "main.rs") { "" } else { file.trim_end_matches(".rs") };
    let joined =
        |parts: &[&str]| parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    let mut files = Vec::new();
    for (start, end) in test_items(&code) {
        let item = &code[start..end];
        if !item.contains("mod ") || !item.ends_with(';') {
            continue;
        }
        let named = text[start..end].split_once("#[path = \"").and_then(|(_, rest)| rest.split_once(".rs\""));
        let name = item.trim_end_matches(';').rsplit(' ').next().unwrap_or_default();
        files.push(named.map_or_else(|| joined(&[folder, own, name]), |(named, _)| joined(&[folder, named])));
    }
    files
}

fn is_of_module(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// The source with comments and the insides of texts and characters replaced by spaces.
pub fn without_texts(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            for c in &chars[at..end] {
                // As many bytes as there were, so that places in the one are places in the other.
                if *c == '\n' { out.push('\n') } else { out.extend(std::iter::repeat_n(' ', c.len_utf8())) }
            }
            at = end;
        }
    }
    out
}

/// Where the comment, text or character ends that starts here; here if none does.
fn skipped(chars: &[char], at: usize) -> usize {
    let next = |n: usize| chars.get(at + n).copied().unwrap_or('\0');
    match chars[at] {
        '/' if next(1) == '/' => find(chars, at, |i| chars[i] == '\n'),
        '/' if next(1) == '*' => end_of_comment(chars, at),
        '"' => end_of_text(chars, at + 1),
        'r' if !follows_word(chars, at) => end_of_raw_text(chars, at),
        '\'' if next(1) == '\\' => find(chars, at + 3, |i| chars[i] == '\'') + 1,
        '\'' if next(2) == '\'' => at + 3,
        _ => at,
    }
}

fn find(chars: &[char], from: usize, is_end: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|i| is_end(*i)).unwrap_or(chars.len())
}

fn end_of_comment(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_text(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn end_of_raw_text(chars: &[char], from: usize) -> usize {
    let open = find(chars, from + 1, |i| chars[i] != '#');
    if chars.get(open) != Some(&'"') {
        return from;
    }
    let hashes = open - from - 1;
    let closes =
        |i: usize| chars[i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    (find(chars, open + 1, closes) + 1 + hashes).min(chars.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the character is the middle of a word. The `b` of `br"…"` is no such word.
fn follows_word(chars: &[char], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map(|i| chars[i]);
    match before(1) {
        Some('b' | 'c') => before(2).is_some_and(is_word),
        Some(c) => is_word(c),
        None => false,
    }
}

/// The items that are compiled for tests only, as (start, end) in bytes.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    for attribute in ["#[cfg(test)]", "#[cfg(all(test", "#[test]"] {
        for (start, _) in code.match_indices(attribute) {
            items.push((start, end_of_item(code, start)));
        }
    }
    items
}

/// The end of an item: of its block, or its semicolon if that comes first.
fn end_of_item(code: &str, start: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[start..].char_indices() {
        match c {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => {
                depth -= 1;
                if depth == 0 && c == '}' {
                    return start + at + 1;
                }
            }
            ';' if depth == 0 => return start + at + 1,
            _ => {}
        }
    }
    code.len()
}

fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for (start, end) in test_items(code) {
        bytes[start..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    String::from_utf8(bytes).expect("whole characters were replaced")
}

/// A path such as `crate::id::ContentId`, with the line where it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct CodePath {
    pub line: usize,
    pub names: Vec<String>,
    /// It comes from a `use`, which may be public.
    pub import: Option<Import>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Import {
    pub public: bool,
    pub renamed: bool,
}

impl CodePath {
    pub fn text(&self) -> String {
        self.names.join("::")
    }

    pub fn starts_with(&self, path: &str) -> bool {
        let mut names = self.names.iter();
        path.split("::").all(|name| names.next().is_some_and(|n| n == name))
    }
}

/// Every path of two names or more, and every name that is imported; groups in `use` are taken apart.
pub fn paths(code: &str) -> Vec<CodePath> {
    let tokens = tokens(code);
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (line, token) = &tokens[at];
        if token == "use" {
            let public = is_public(&tokens[..at]);
            let end = (at..tokens.len()).find(|i| tokens[*i].1 == ";").unwrap_or(tokens.len());
            expand(&tokens[at + 1..end], &[], public, &mut out);
            at = end;
        } else if token.starts_with(is_word) {
            let mut names = vec![token.clone()];
            while tokens.get(at + 1).is_some_and(|t| t.1 == "::")
                && tokens.get(at + 2).is_some_and(|t| t.1.starts_with(is_word))
            {
                names.push(tokens[at + 2].1.clone());
                at += 2;
            }
            if names.len() > 1 {
                out.push(CodePath { line: *line, names, import: None });
            }
            at += 1;
        } else {
            at += 1;
        }
    }
    out
}

/// Whether the tokens before a `use` make it public: `pub`, or `pub(…)`.
fn is_public(before: &[(usize, String)]) -> bool {
    let texts: Vec<&str> = before.iter().rev().take(6).map(|token| token.1.as_str()).collect();
    match texts.first() {
        Some(&"pub") => true,
        Some(&")") => texts.iter().position(|t| *t == "(").is_some_and(|i| texts.get(i + 1) == Some(&"pub")),
        _ => false,
    }
}

fn expand(tokens: &[(usize, String)], prefix: &[String], public: bool, out: &mut Vec<CodePath>) {
    let mut names = prefix.to_vec();
    let Some(line) = tokens.first().map(|token| token.0) else { return };
    for (i, (_, token)) in tokens.iter().enumerate() {
        match token.as_str() {
            "::" => {}
            "{" => {
                let end = tokens.len() - usize::from(tokens.last().is_some_and(|t| t.1 == "}"));
                split(&tokens[i + 1..end]).into_iter().for_each(|item| expand(item, &names, public, out));
                return;
            }
            "as" => {
                let renamed = tokens.get(i + 1).is_none_or(|t| t.1 != "_");
                return out.push(CodePath { line, names, import: Some(Import { public, renamed }) });
            }
            "self" if !names.is_empty() => {}
            _ => names.push(token.clone()),
        }
    }
    out.push(CodePath { line, names, import: Some(Import { public, renamed: false }) });
}

/// The items of a group, at the commas that are in no inner group.
fn split(tokens: &[(usize, String)]) -> Vec<&[(usize, String)]> {
    let mut depth = 0;
    tokens
        .split(|(_, token)| {
            depth += i32::from(token == "{") - i32::from(token == "}");
            depth == 0 && token == ","
        })
        .collect()
}

/// Words, `::`, and other characters one by one, each with its line from 1.
pub fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            out.push((number + 1, rest[..len].to_owned()));
            rest = rest[len..].trim_start();
        }
    }
    out
}

/// The lengths in lines of the functions that have a body, with the line where each starts.
pub fn functions(code: &str) -> Vec<(usize, usize)> {
    let tokens = tokens(code);
    let mut out = Vec::new();
    for (at, (line, token)) in tokens.iter().enumerate() {
        let named = tokens.get(at + 1).is_some_and(|t| t.1.starts_with(is_word));
        if token != "fn" || !named {
            continue;
        }
        let mut depth = 0;
        for (last, token) in &tokens[at..] {
            match token.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            let done = depth == 0 && token == "}";
            if done {
                out.push((*line, last - line + 1));
            }
            if done || (depth == 0 && token == ";") || depth < 0 {
                break;
            }
        }
    }
    out
}

/// The floors of `lib.rs`, ground floor first: groups of `mod` lines. And how many of them are pure.
pub fn floors(lib: &str) -> (BTreeMap<String, usize>, usize) {
    let (mut floors, mut pure) = (BTreeMap::new(), 0);
    let (mut floor, mut any) = (0, false);
    for line in lib.lines().map(str::trim) {
        if line.is_empty() {
            floor += usize::from(any);
            any = false;
        } else if line.starts_with("// Pure above this line") {
            pure = floor;
        }
        let declaration = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
        if let Some(name) = declaration.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            floors.insert(name.to_owned(), floor);
            any = true;
        }
    }
    (floors, pure)
}
