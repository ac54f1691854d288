//! The columns of a table of runs: which there are, and which are left out where there is no room.

use std::collections::{BTreeMap, BTreeSet};

use crate::object::Direction;
use crate::render::elapsed::{ago, clock_ahead, duration};
use crate::render::layout::clipped;
use crate::render::number::{measured, short, value_text};
use crate::render::run::{grade_role, grade_text};
use crate::render::run_state::role;
use crate::render::runs::{RunLine, Runs};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, dim, plain};
use crate::repo::RunState;
use crate::value::{KeyPath, Value};

/// Parameters that have a column, of those that differ.
const MAX_PARAMS: usize = 6;
/// Metrics that have a column.
const MAX_METRICS: usize = 3;
/// A cell is cut to this.
const MAX_CELL: usize = 18;
/// Between columns.
const GAP: usize = 3;

/// A column. Those of rank 0 are always there; the higher the rank, the sooner it is left out.
pub(super) struct Column {
    title: String,
    rank: u8,
    right: bool,
    pub(super) cells: Vec<Cell>,
}

impl Column {
    pub(super) fn head(&self) -> Cell {
        if self.right { Cell::right(Role::Dim, self.title.as_str()) } else { dim(self.title.as_str()) }
    }

    fn width(&self) -> usize {
        self.cells.iter().map(Cell::width).chain([self.head().width()]).max().unwrap_or(0)
    }
}

/// The value at a dotted path.
pub(super) fn lookup<'a>(values: &'a BTreeMap<String, Value>, path: &KeyPath) -> Option<&'a Value> {
    let (first, rest) = path.keys().split_first()?;
    let rest = rest.iter().fold(KeyPath::default(), |path, key| path.child(key));
    values.get(first)?.get(&rest)
}

/// When a run began. Where that is in the future, it says what is wrong.
fn started(now: i64, began: i64) -> Cell {
    match clock_ahead(now, began) {
        Some(span) => Cell::new(Role::Worse, format!("clock {span} ahead")),
        None => dim(ago(now, began)),
    }
}

/// The columns that fit.
pub(super) fn columns(lines: &[&RunLine], style: &Style, runs: &Runs<'_>, of_sweep: bool) -> Vec<Column> {
    let cut = if runs.full { usize::MAX } else { MAX_CELL };
    let names_differ = lines.iter().any(|line| line.run.name != lines[0].run.name);
    let mut columns = vec![
        column("run", 0, lines, |line| Cell::new(Role::Id, line.run.id.short())),
        column("name", if names_differ { 3 } else { 8 }, lines, |line| {
            plain(clipped(style, line.run.name.as_deref().unwrap_or_default(), cut))
        }),
        column("state", 0, lines, |line| state(style, line)),
        column("started", 4, lines, |line| started(runs.now.millis, line.started.millis)),
        column("took", 7, lines, |line| {
            Cell::right(Role::Plain, line.seconds.map(duration).unwrap_or_default())
        }),
    ];
    columns.extend(params(lines, style, cut));
    columns.extend(metrics(lines, style, cut));
    let busy = |line: &RunLine| line.busy.map(|busy| format!("{busy:.0} %")).unwrap_or_default();
    columns.push(column("gpu", 9, lines, |line| Cell::right(Role::Plain, busy(line))));
    columns.push(column("reproduced", 8, lines, |line| match line.grade {
        Some(grade) => Cell::new(grade_role(grade), grade_text(grade)),
        None => plain(""),
    }));
    if !of_sweep {
        let sweep = |line: &RunLine| line.run.sweep.as_deref().map(|name| clipped(style, name, cut));
        columns.push(column("sweep", 10, lines, |line| dim(sweep(line).unwrap_or_default())));
    }
    columns.retain(|column| column.cells.iter().any(|cell| cell.width() > 0));
    let indent = if of_sweep { 2 } else { 0 };
    let width =
        |columns: &[Column]| columns.iter().map(|column| column.width() + GAP).sum::<usize>() + indent;
    while !runs.full && width(&columns) > style.width.saturating_add(GAP) {
        // Of columns of one rank the last goes first.
        let least = columns.iter().enumerate().filter(|(_, column)| column.rank > 0);
        let Some((at, _)) = least.max_by_key(|(at, column)| (column.rank, *at)) else { break };
        columns.remove(at);
    }
    columns
}

fn column(title: &str, rank: u8, lines: &[&RunLine], cell: impl Fn(&RunLine) -> Cell) -> Column {
    let cells: Vec<Cell> = lines.iter().map(|line| cell(line)).collect();
    Column { title: title.to_owned(), rank, right: cells.first().is_some_and(Cell::is_right), cells }
}

/// The word, and of a failure the reason: that a run was interrupted says enough in a table.
fn state(style: &Style, line: &RunLine) -> Cell {
    let reason = match &line.state {
        RunState::Failed(Some(exit)) if *exit > 0 => format!(" ({exit})"),
        state @ RunState::Failed(Some(_)) => {
            format!(" ({})", clipped(style, &state.reason().unwrap_or_default(), 10))
        }
        _ => String::new(),
    };
    Cell::new(role(&line.state), format!("{}{reason}", line.state.word()))
}

/// The parameters that differ: first those that were set for a run, then the others by name.
fn params(lines: &[&RunLine], style: &Style, cut: usize) -> Vec<Column> {
    let trees: Vec<Value> = lines.iter().map(|line| Value::Map(line.params.clone())).collect();
    let leaves: Vec<BTreeMap<String, &Value>> = trees
        .iter()
        .map(|tree| {
            // Of a run without parameters the whole tree is its only leaf.
            let leaves = tree.leaves().into_iter().filter(|(path, _)| !path.keys().is_empty());
            leaves.map(|(path, value)| (path.to_string(), value)).collect()
        })
        .collect();
    let names: BTreeSet<&String> = leaves.iter().flat_map(BTreeMap::keys).collect();
    let first = leaves.first();
    let differs = |name: &&&String| {
        let value = first.and_then(|leaves| leaves.get(**name));
        leaves.iter().any(|leaves| leaves.get(**name) != value)
    };
    let mut differing: Vec<&String> = names.iter().filter(differs).copied().collect();
    let set: BTreeSet<&String> = lines.iter().flat_map(|line| line.run.set.keys()).collect();
    differing.sort_by_key(|name| !set.contains(name));
    let cell = |name: &String, row: usize| {
        let value = leaves[row].get(name);
        Cell::right(Role::Plain, value.map(|value| style.clip(&value_text(value), cut)).unwrap_or_default())
    };
    let one = |(at, name): (usize, &&String)| Column {
        title: clipped(style, name, cut),
        rank: if at == 0 { 2 } else { 5 },
        right: true,
        cells: (0..lines.len()).map(|row| cell(name, row)).collect(),
    };
    differing.iter().take(MAX_PARAMS).enumerate().map(one).collect()
}

/// The metrics that have a direction, or else the first of all by name. The best of each is marked.
fn metrics(lines: &[&RunLine], style: &Style, cut: usize) -> Vec<Column> {
    let mut better: BTreeMap<&String, Direction> = BTreeMap::new();
    for line in lines {
        line.better.iter().for_each(|(name, direction)| _ = better.entry(name).or_insert(*direction));
    }
    let trees = lines.iter().map(|line| Value::Map(line.metrics.clone()));
    let leaves: Vec<BTreeMap<String, Value>> = trees
        .map(|tree| {
            let leaves = tree.leaves().into_iter().filter(|(path, _)| !path.keys().is_empty());
            leaves.map(|(path, value)| (path.to_string(), value.clone())).collect()
        })
        .collect();
    let names: BTreeSet<&String> = leaves.iter().flat_map(BTreeMap::keys).collect();
    let any = names.iter().any(|name| better.contains_key(name));
    let chosen = names.iter().filter(|name| !any || better.contains_key(*name)).take(MAX_METRICS);
    let one = |(at, name): (usize, &&String)| {
        let numbers: Vec<Option<f64>> =
            leaves.iter().map(|leaves| leaves.get(*name).and_then(Value::as_f64)).collect();
        let best = better.get(name).and_then(|direction| best(&numbers, *direction));
        let cell = |row: usize| {
            let text = leaves[row].get(*name).map(|value| match value {
                Value::Float(number) if cut == MAX_CELL => short(*number),
                value => style.clip(&measured(value), cut),
            });
            match numbers[row].is_some() && numbers[row] == best {
                true => Cell::right(Role::Better, format!("* {}", text.unwrap_or_default())),
                false => Cell::right(Role::Plain, text.unwrap_or_default()),
            }
        };
        let rank = if at == 0 { 1 } else { 6 };
        Column {
            title: clipped(style, name, cut),
            rank,
            right: true,
            cells: (0..lines.len()).map(cell).collect(),
        }
    };
    chosen.enumerate().map(one).collect()
}

/// The best of several numbers that are not all the same.
fn best(numbers: &[Option<f64>], direction: Direction) -> Option<f64> {
    let known = || numbers.iter().flatten().copied().filter(|number| !number.is_nan());
    let (low, high) = (known().reduce(f64::min)?, known().reduce(f64::max)?);
    (low < high).then_some(if direction == Direction::Higher { high } else { low })
}
