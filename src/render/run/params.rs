//! The hyperparameters of a run, side by side; those that were set for it alone are marked.

use std::io::{self, Write};

use crate::render::layout::{INDENT, and_more, clipped, grid, heading};
use crate::render::number::value_text;
use crate::render::run::ShownRun;
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, dim};
use crate::value::Value;

/// Parameters that are shown.
const MAX_PARAMS: usize = 24;

pub(super) fn write(out: &mut dyn Write, style: &Style, shown: &ShownRun) -> io::Result<()> {
    let Some(params) = &shown.snapshot.params else { return Ok(()) };
    let values = Value::Map(params.values.clone());
    let mut leaves: Vec<(String, &Value)> =
        values.leaves().into_iter().map(|(path, value)| (path.to_string(), value)).collect();
    // The leaf of an empty map is the map.
    leaves.retain(|(name, _)| !name.is_empty());
    let is_set = |name: &str| shown.run.set.contains_key(name);
    let marked = leaves.iter().any(|(name, _)| is_set(name));
    // Those of this run come first, so that they are never among those left out.
    leaves.sort_by_key(|(name, _)| !is_set(name));
    if leaves.is_empty() {
        return Ok(());
    }
    let room = style.width.saturating_sub(INDENT + 3).min(64);
    let item = |(name, value): &(String, &Value)| {
        let mark = if is_set(name) { "*" } else { "" };
        let role = if is_set(name) { Role::Changed } else { Role::Plain };
        let name = clipped(style, name, room * 3 / 5);
        // An escaped text can be cut: what it says is plain to see.
        let text = style.clip(&value_text(value), (room * 2 / 5).saturating_sub(mark.len()));
        (dim(name), Cell::new(role, format!("{text}{mark}")))
    };
    let items: Vec<(Cell, Cell)> = leaves.iter().take(MAX_PARAMS).map(item).collect();
    heading(out, style, "params", if marked { "* set for this run" } else { "" })?;
    grid(out, style, &items)?;
    and_more(out, style, leaves.len() - items.len())
}
