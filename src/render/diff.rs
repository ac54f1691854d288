//! A structural diff as text: the verdict, then a section a part. What is unchanged is not there.

use std::io::{self, Write};

use crate::diff::{
    DatasetDiff, Diff, FeaturesDiff, FilesDiff, InterpreterChange, OutputDiff, ProfileDiff, Replaced,
};
use crate::object::{Interpreter, Node};
use crate::render::changes;
use crate::render::escape::escape;
use crate::render::files;
use crate::render::number::{count, size, sizes};
use crate::render::stat;
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, dim, plain};

/// How much of a diff is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Everything.
    #[default]
    Full,
    /// A row a part.
    Stat,
}

/// Writes a diff.
pub fn diff(out: &mut dyn Write, style: &Style, diff: &Diff, detail: Detail) -> io::Result<()> {
    writeln!(out, "{}", escape(&diff.verdict().to_string()))?;
    sections(out, style, diff, detail)
}

/// Writes what comes after the verdict; nothing where nothing differs.
pub(super) fn sections(out: &mut dyn Write, style: &Style, diff: &Diff, detail: Detail) -> io::Result<()> {
    if diff.is_empty() {
        return Ok(());
    }
    if detail == Detail::Stat {
        writeln!(out)?;
        return stat::table(style, diff).write(out, style, 0);
    }
    diff.datasets.iter().try_for_each(|dataset| write_dataset(out, style, dataset))?;
    write_params(out, style, diff)?;
    diff.features.iter().try_for_each(|set| write_features(out, style, set))?;
    write_code(out, style, diff)?;
    write_command(out, style, diff)?;
    table(out, style, "seeds", |table| diff.seeds.iter().for_each(|it| changes::value(table, style, it)))?;
    write_packages(out, style, diff)?;
    let fields =
        [("system", &diff.system), ("accelerators", &diff.accelerators), ("variables", &diff.variables)];
    for (name, list) in fields {
        table(out, style, name, |table| list.iter().for_each(|it| changes::field(table, style, it)))?;
    }
    let metrics = &diff.metrics.values;
    table(out, style, "metrics", |table| metrics.iter().for_each(|it| changes::metric(table, style, it)))?;
    diff.outputs.iter().try_for_each(|output| write_output(out, style, output))?;
    if let Some(Replaced { old, new }) = diff.exit {
        let text = |status: Option<i64>| status.map_or("none".to_owned(), |status| status.to_string());
        heading(out, style, "exit", &style.change(&text(old), &text(new)))?;
    }
    Ok(())
}

/// An empty line, a heading, and what is to be said beside it.
fn heading(out: &mut dyn Write, style: &Style, name: &str, beside: &str) -> io::Result<()> {
    let gap = if beside.is_empty() { "" } else { "   " };
    writeln!(out, "\n{}{gap}{}", style.paint(Role::Heading, name), style.paint(Role::Dim, beside))
}

fn table(out: &mut dyn Write, style: &Style, name: &str, fill: impl FnOnce(&mut Table)) -> io::Result<()> {
    let mut table = Table::default();
    fill(&mut table);
    if table.is_empty() {
        return Ok(());
    }
    heading(out, style, name, "")?;
    table.write(out, style, 2)
}

/// What is beside the heading of something that is on one side only, or on both.
fn beside(style: &Style, old: Option<Node>, new: Option<Node>, both: String) -> String {
    let described = |node: Node| match node {
        Node::Directory { files, bytes, .. } => format!("{}, {}", count(files, "file"), size(bytes)),
        node => size(node.bytes()),
    };
    match (old, new) {
        (None, Some(new)) => format!("added: {}", described(new)),
        (Some(old), None) => format!("removed: {}", described(old)),
        (Some(old), Some(new)) if is_other_bytes(old, new) => {
            let (was, is) = sizes(old.bytes(), new.bytes());
            if was == is { format!("other bytes, {is}") } else { style.change(&was, &is) }
        }
        _ => style.clip(&both, style.width.saturating_sub(30)),
    }
}

/// Whether a part that is one file has other bytes: then there are no files to list.
fn is_other_bytes(old: Node, new: Node) -> bool {
    matches!((old, new), (Node::File { executable: was, .. }, Node::File { executable: is, .. }) if was == is)
        && old.link() != new.link()
}

/// The files of a part that is there on both sides.
fn list(
    out: &mut dyn Write,
    style: &Style,
    old: Option<Node>,
    new: Option<Node>,
    files: &FilesDiff,
) -> io::Result<()> {
    match (old, new) {
        (Some(old), Some(new)) if !is_other_bytes(old, new) => files::list(out, style, files, 2),
        _ => Ok(()),
    }
}

fn write_dataset(out: &mut dyn Write, style: &Style, dataset: &DatasetDiff) -> io::Result<()> {
    let (old, new) = (dataset.old.as_ref().map(|d| d.node), dataset.new.as_ref().map(|d| d.node));
    let totals = files::totals_text(style, &dataset.files.totals(), dataset.files.truncated);
    let name = format!("datasets/{}", escape(dataset.name.as_str()));
    heading(out, style, &name, &beside(style, old, new, totals))?;
    let mut table = Table::default();
    dataset.fields.iter().for_each(|field| changes::field(&mut table, style, field));
    if let Some(profile) = &dataset.profile {
        profile_rows(&mut table, style, profile);
    }
    table.write(out, style, 2)?;
    list(out, style, old, new, &dataset.files)
}

fn profile_rows(table: &mut Table, style: &Style, profile: &ProfileDiff) {
    let number = |rows: Option<u64>| rows.map_or("unknown".to_owned(), |rows| rows.to_string());
    if let Some(Replaced { old, new }) = profile.rows {
        table.row([plain("rows"), plain(style.change(&number(old), &number(new)))]);
    }
    for column in &profile.columns {
        let name = escape(&column.name);
        match (&column.old, &column.new) {
            (Some(old), Some(new)) => {
                table.row([plain(format!("column {name}")), plain(style.change(&escape(old), &escape(new)))]);
            }
            (None, Some(new)) => {
                table.row([Cell::new(Role::Added, format!("+ column {name}")), dim(escape(new))]);
            }
            (Some(old), None) => {
                let name = format!("{} column {name}", style.minus());
                table.row([Cell::new(Role::Removed, name), dim(escape(old))]);
            }
            (None, None) => {}
        }
    }
    if profile.reordered {
        table.row([plain("columns"), plain("reordered")]);
    }
}

fn write_params(out: &mut dyn Write, style: &Style, diff: &Diff) -> io::Result<()> {
    let params = &diff.params;
    if params.values.is_empty() && !params.files.is_empty() {
        let paths: Vec<String> = params.files.iter().map(|file| escape(&file.path).into_owned()).collect();
        return heading(
            out,
            style,
            "params",
            &format!("equal values, written in another way: {}", paths.join(", ")),
        );
    }
    table(out, style, "params", |table| params.values.iter().for_each(|it| changes::value(table, style, it)))
}

fn write_features(out: &mut dyn Write, style: &Style, set: &FeaturesDiff) -> io::Result<()> {
    let name = format!("features/{}", escape(set.name.as_str()));
    let features = |len: usize| count(len as u64, "feature");
    let beside = match (set.old_len, set.new_len) {
        (None, Some(len)) => format!("added: {}", features(len)),
        (Some(len), None) => format!("removed: {}", features(len)),
        _ if set.count() == 0 => "equal features, written in another way".to_owned(),
        _ => String::new(),
    };
    heading(out, style, &name, &beside)?;
    let mut table = Table::default();
    set.features.iter().for_each(|change| changes::feature(&mut table, style, change));
    for dataset in &set.datasets_added {
        table.row([Cell::new(Role::Added, format!("+ built from {}", escape(dataset.as_str())))]);
    }
    for dataset in &set.datasets_removed {
        let text = format!("{} built from {}", style.minus(), escape(dataset.as_str()));
        table.row([Cell::new(Role::Removed, text)]);
    }
    if set.reordered {
        table.row([dim("in another order")]);
    }
    table.write(out, style, 2)
}

fn write_code(out: &mut dyn Write, style: &Style, diff: &Diff) -> io::Result<()> {
    if diff.code.is_empty() {
        return Ok(());
    }
    heading(out, style, "code", "")?;
    files::source(out, style, &diff.code)
}

fn write_command(out: &mut dyn Write, style: &Style, diff: &Diff) -> io::Result<()> {
    let Some(Replaced { old, new }) = &diff.command else { return Ok(()) };
    heading(out, style, "command", "")?;
    for (role, sign, words) in [(Role::Removed, style.minus(), old), (Role::Added, "+", new)] {
        if let Some(words) = words {
            let line = format!("{sign} {}", escape(&words.join(" ")));
            writeln!(out, "  {}", style.paint(role, &line))?;
        }
    }
    Ok(())
}

fn write_packages(out: &mut dyn Write, style: &Style, diff: &Diff) -> io::Result<()> {
    table(out, style, "packages", |table| {
        if let Some(change) = &diff.packages.interpreter {
            interpreter(table, style, change);
        }
        diff.packages.packages.iter().for_each(|it| changes::package(table, style, it));
        diff.packages.locks.iter().for_each(|it| table.row(files::row(style, it)));
    })
}

fn interpreter(table: &mut Table, style: &Style, change: &InterpreterChange) {
    let text = |side: &Option<Interpreter>| {
        side.as_ref()
            .map_or("none".to_owned(), |i| format!("{} {}", escape(&i.implementation), escape(&i.version)))
    };
    let values = style.change(&text(&change.old), &text(&change.new));
    table.row([plain("interpreter"), plain(values), changes::class(change.class, false)]);
}

fn write_output(out: &mut dyn Write, style: &Style, output: &OutputDiff) -> io::Result<()> {
    let (old, new) = (output.old.as_ref().map(|it| it.node), output.new.as_ref().map(|it| it.node));
    let totals = files::totals_text(style, &output.files.totals(), output.files.truncated);
    let name = format!("outputs/{}", escape(output.name.as_str()));
    heading(out, style, &name, &beside(style, old, new, totals))?;
    list(out, style, old, new, &output.files)
}
