//! Any object, and what a selector means: tables where there is a form that people know, else field by field.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::diff::part::Resolved;
use crate::diff::{accelerator_fields, system_fields};
use crate::encoding::DecodeError;
use crate::id::{Digest, Kind};
use crate::object::{
    Accelerators, Code, Column, Dataset, Entry, Feature, Features, Node, Package, Packages, Page, Params,
    Profile, System, Tree, decode,
};
use crate::render::escape::escape;
use crate::render::json::{node_json, object_json, value_json};
use crate::render::number::{count, short_id, size, value_text};
use crate::render::show::{fields_table, values_table};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, dim, plain};
use crate::value::Value;

/// Writes an object of any kind, from its canonical bytes.
pub fn any_object(
    out: &mut dyn Write,
    style: &Style,
    kind: Kind,
    id: Digest,
    bytes: &[u8],
) -> io::Result<()> {
    let head = format!("{kind} {id}");
    writeln!(out, "{}\n", style.paint(Role::Id, &head))?;
    match table(kind, id, bytes) {
        Ok(table) => table.write(out, style, 0),
        Err(problem) => writeln!(out, "{}", escape(&format!("it cannot be read: {problem}"))),
    }
}

fn table(kind: Kind, id: Digest, bytes: &[u8]) -> Result<Table, DecodeError> {
    Ok(match kind {
        Kind::Tree => tree(&decode(bytes)?),
        Kind::Code => root(&decode::<Code>(bytes)?.root),
        Kind::Dataset => dataset(&decode(bytes)?),
        Kind::Profile => profile(&decode(bytes)?),
        Kind::Features => {
            let set: Features = decode(bytes)?;
            let mut table = Table::default();
            set.features.iter().for_each(|it| feature(&mut table, it));
            table
        }
        Kind::Params => values_table(&Value::Map(decode::<Params>(bytes)?.values), value_text),
        Kind::Packages => packages(&decode(bytes)?),
        Kind::System => fields_table(&system_fields(&decode::<System>(bytes)?)),
        Kind::Accelerators => fields_table(&accelerator_fields(&decode::<Accelerators>(bytes)?)),
        _ => {
            let mut table = Table::default();
            generic(&mut table, String::new(), &object_json(kind, id, bytes)?["value"]);
            table
        }
    })
}

/// A row for each leaf of an object. The encoding bounds the depth.
fn generic(table: &mut Table, label: String, value: &Json) {
    let below = |key: &str| if label.is_empty() { key.to_owned() } else { format!("{label}.{key}") };
    match value {
        Json::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| generic(table, below(key), value));
        }
        Json::Array(list) if list.iter().any(|item| item.is_object() || item.is_array()) => {
            list.iter().enumerate().for_each(|(at, value)| generic(table, below(&at.to_string()), value));
        }
        Json::Array(list) => {
            let words: Vec<String> = list.iter().map(scalar).collect();
            table.row([plain(escape(&label)), plain(words.join(" "))]);
        }
        value => table.row([plain(escape(&label)), plain(scalar(value))]),
    }
}

fn scalar(value: &Json) -> String {
    match value {
        Json::String(text) => escape(text).into_owned(),
        value => escape(&value.to_string()).into_owned(),
    }
}

/// What a dataset or the code is made of: its size, and the id that its files are found by.
fn root(node: &Node) -> Table {
    let mut table = Table::default();
    let (text, id) = match node {
        Node::Directory { tree, files, bytes } => {
            (format!("{}, {}", count(*files, "file"), size(*bytes)), tree.to_string())
        }
        Node::File { content, size: bytes, .. } | Node::Symlink { content, size: bytes } => {
            (size(*bytes), content.to_string())
        }
    };
    let kind = if matches!(node, Node::Directory { .. }) { "tree" } else { "content" };
    table.row([plain("size"), plain(text)]);
    table.row([plain(kind), dim(id)]);
    table
}

fn dataset(dataset: &Dataset) -> Table {
    let mut table = root(&dataset.root);
    let texts = [("format", &dataset.format), ("source", &dataset.source), ("licence", &dataset.licence)];
    for (name, text) in texts {
        text.iter().for_each(|text| table.row([plain(name), plain(escape(text))]));
    }
    if !dataset.stored {
        table.row([plain("stored"), plain("no: it is recorded by reference")]);
    }
    dataset.profile.iter().for_each(|id| table.row([plain("profile"), dim(id.to_string())]));
    table
}

fn tree(tree: &Tree) -> Table {
    let mut table = Table::default();
    match tree {
        Tree::Leaf(entries) => entries.iter().for_each(|entry| tree_entry(&mut table, entry)),
        Tree::Branch { pages, .. } => pages.iter().for_each(|page| tree_page(&mut table, page)),
    }
    table
}

fn tree_page(table: &mut Table, page: &Page) {
    let from = format!("from {}", escape(page.first.as_str()));
    let files = count(page.files, "file");
    table.row([
        plain("page"),
        dim(short_id(page.tree)),
        Cell::right(Role::Plain, size(page.bytes)),
        plain(from),
        dim(files),
    ]);
}

fn tree_entry(table: &mut Table, entry: &Entry) {
    let name = escape(entry.name.as_str());
    let (kind, id, name) = match entry.node {
        Node::File { content, executable: false, .. } => ("file", short_id(content), name.into_owned()),
        Node::File { content, .. } => ("executable", short_id(content), name.into_owned()),
        Node::Symlink { content, .. } => ("symlink", short_id(content), name.into_owned()),
        Node::Directory { tree, .. } => ("directory", short_id(tree), format!("{name}/")),
    };
    table.row([plain(kind), dim(id), Cell::right(Role::Plain, size(entry.node.bytes())), plain(name)]);
}

fn profile(profile: &Profile) -> Table {
    let mut table = Table::default();
    if let Some(rows) = profile.rows {
        table.row([plain("rows"), plain(rows.to_string())]);
    }
    let range = |column: &Column| match (&column.min, &column.max) {
        (Some(min), Some(max)) => format!("{} to {}", value_text(min), value_text(max)),
        _ => String::new(),
    };
    for column in &profile.columns {
        let missing =
            column.missing.filter(|missing| *missing > 0).map(|missing| format!("{missing} missing"));
        let missing = dim(missing.unwrap_or_default());
        table.row([plain(escape(&column.name)), plain(escape(&column.dtype)), plain(range(column)), missing]);
    }
    for tensor in &profile.tensors {
        let shape: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
        let shape = format!("[{}]", shape.join(", "));
        table.row([plain(escape(&tensor.name)), plain(escape(&tensor.dtype)), plain(shape)]);
    }
    if let Some(gap) = &profile.gap {
        table.row([dim("gap"), dim(escape(gap))]);
    }
    table
}

fn feature(table: &mut Table, feature: &Feature) {
    let text = |text: &Option<String>| escape(text.as_deref().unwrap_or_default()).into_owned();
    let from = match feature.columns.as_slice() {
        [] => String::new(),
        [one] if *one == feature.name => String::new(),
        columns => format!("from {}", escape(&columns.join(", "))),
    };
    let cells = [text(&feature.dtype), from, text(&feature.transform)].map(plain);
    let cells = std::iter::once(plain(escape(&feature.name))).chain(cells);
    table.row(cells.chain([dim(text(&feature.description))]));
}

fn packages(packages: &Packages) -> Table {
    let mut table = Table::default();
    if let Some(interpreter) = &packages.interpreter {
        table.row([plain(escape(&interpreter.implementation)), plain(escape(&interpreter.version))]);
    }
    packages.packages.iter().for_each(|it| package(&mut table, it));
    for lock in packages.locks.iter().flatten() {
        let path = escape(lock.path.as_str()).into_owned();
        table.row([plain(path), plain(size(lock.node.bytes())), dim("lock file")]);
    }
    table
}

fn package(table: &mut Table, package: &Package) {
    let origin = escape(package.origin.as_deref().unwrap_or_default()).into_owned();
    table.row([
        plain(escape(&package.name)),
        plain(escape(&package.version)),
        dim(escape(&package.ecosystem)),
        dim(origin),
    ]);
}

/// Writes what a selector means. Of an object, only its id: its bytes are shown by [`any_object`].
pub fn resolved(out: &mut dyn Write, style: &Style, what: &Resolved) -> io::Result<()> {
    match what {
        Resolved::Value(value @ Value::Map(_)) => values_table(value, value_text).write(out, style, 0),
        Resolved::Value(value) => writeln!(out, "{}", value_text(value)),
        what => {
            let mut table = Table::default();
            rows(&mut table, what);
            table.write(out, style, 0)
        }
    }
}

fn rows(table: &mut Table, what: &Resolved) {
    match what {
        Resolved::Value(value) => table.row([plain(value_text(value))]),
        Resolved::Object(kind, id) => table.row([plain(kind.name()), dim(id.to_string())]),
        Resolved::Node(placed) => {
            let id = match placed.node {
                Node::File { content, .. } | Node::Symlink { content, .. } => content.digest(),
                Node::Directory { tree, .. } => tree.digest(),
            };
            let path = escape(placed.path.as_str()).into_owned();
            table.row([plain(path), plain(size(placed.node.bytes())), dim(id.to_string())]);
        }
        Resolved::Feature(it) => feature(table, it),
        Resolved::Package(it) => package(table, it),
        Resolved::Many(items) => {
            for (name, item) in items {
                if let Resolved::Value(map @ Value::Map(_)) = item {
                    for (path, leaf) in map.leaves() {
                        table.row([plain(escape(&format!("{name}.{path}"))), plain(value_text(leaf))]);
                    }
                    continue;
                }
                let mut cells = vec![plain(escape(name))];
                match item {
                    Resolved::Value(value) => cells.push(plain(value_text(value))),
                    Resolved::Object(_, id) => cells.push(dim(short_id(id))),
                    Resolved::Node(placed) => cells.push(plain(size(placed.node.bytes()))),
                    // Items of several things are themselves one thing, or parts of an environment.
                    other => {
                        rows(table, other);
                        continue;
                    }
                }
                table.row(cells);
            }
        }
    }
}

/// What a selector means, as JSON.
pub fn resolved_json(what: &Resolved) -> Json {
    json!({"schema": "mdl.part/1", "part": part_json(what)})
}

fn part_json(what: &Resolved) -> Json {
    match what {
        Resolved::Value(value) => json!({"value": value_json(value)}),
        Resolved::Object(kind, id) => json!({"kind": kind.name(), "id": id.to_string()}),
        Resolved::Node(placed) => json!({"path": placed.path.as_str(), "node": node_json(&placed.node)}),
        Resolved::Feature(it) => json!({
            "name": it.name,
            "dtype": it.dtype,
            "columns": it.columns,
            "transform": it.transform,
            "description": it.description,
        }),
        Resolved::Package(it) => {
            json!({"ecosystem": it.ecosystem, "name": it.name, "version": it.version, "origin": it.origin})
        }
        Resolved::Many(items) => {
            Json::Object(items.iter().map(|(name, item)| (name.clone(), part_json(item))).collect())
        }
    }
}
