//! What a first state holds: there is nothing to compare it with, so it is counted.

use crate::diff::{Diff, Part};
use crate::object::Node;
use crate::render::escape::escape;
use crate::render::number::{count, size};
use crate::render::style::Role;
use crate::render::table::{Cell, Table, dim, plain};

/// What a state holds, in a line, from its difference to no state at all: `1 dataset, 6 params`.
pub fn inventory(diff: &Diff) -> String {
    let features: usize = diff.features.iter().filter_map(|set| set.new_len).sum();
    let numbers = [
        (diff.datasets.len(), "dataset"),
        (diff.params.values.len(), "param"),
        (features, "feature"),
        (files_of_code(diff), "code file"),
        (diff.metrics.values.len(), "metric"),
        (diff.outputs.len(), "output"),
    ];
    let words = numbers.into_iter().filter(|(number, _)| *number > 0);
    let words: Vec<String> = words.map(|(number, noun)| count(number as u64, noun)).collect();
    if words.is_empty() { "nothing but the environment".to_owned() } else { words.join(", ") }
}

fn files_of_code(diff: &Diff) -> usize {
    usize::try_from(diff.code.totals().files()).unwrap_or(usize::MAX)
}

/// A row for each part that a state holds, from its difference to no state at all.
pub(super) fn table(diff: &Diff) -> Table {
    let mut table = Table::default();
    for dataset in &diff.datasets {
        let node = dataset.new.as_ref().map(|dataset| dataset.node);
        row(&mut table, &format!("datasets/{}", escape(dataset.name.as_str())), node.map(described));
    }
    row(&mut table, "params", counted(diff.params.values.len(), "value"));
    for set in &diff.features {
        let features = set.new_len.map(|len| count(len as u64, "feature"));
        row(&mut table, &format!("features/{}", escape(set.name.as_str())), features);
    }
    let totals = diff.code.totals();
    let code = format!("{}, {}", count(totals.files(), "file"), size(totals.bytes_added));
    row(&mut table, "code", (!diff.code.is_empty()).then_some(code));
    let command = diff.command.as_ref().and_then(|command| command.new.as_ref());
    row(&mut table, "command", command.map(|words| escape(&words.join(" ")).into_owned()));
    row(&mut table, "seeds", counted(diff.seeds.len(), "value"));
    row(&mut table, "metrics", counted(diff.metrics.values.len(), "value"));
    for output in &diff.outputs {
        let node = output.new.as_ref().map(|output| output.node);
        row(&mut table, &format!("outputs/{}", escape(output.name.as_str())), node.map(described));
    }
    if Part::ENVIRONMENT.iter().any(|part| !diff.is_same(*part)) {
        let packages = count(diff.packages.packages.len() as u64, "package");
        table.row([heading("environment"), dim(format!("{packages}, the system, its accelerators"))]);
    }
    table
}

fn row(table: &mut Table, name: &str, text: Option<String>) {
    if let Some(text) = text {
        table.row([heading(name), plain(text)]);
    }
}

fn heading(name: &str) -> Cell {
    Cell::new(Role::Heading, name)
}

fn counted(number: usize, noun: &str) -> Option<String> {
    (number > 0).then(|| count(number as u64, noun))
}

fn described(node: Node) -> String {
    match node {
        Node::Directory { files, bytes, .. } => format!("{}, {}", count(files, "file"), size(bytes)),
        node => size(node.bytes()),
    }
}
