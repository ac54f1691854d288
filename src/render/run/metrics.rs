//! The metrics of a run: where they ended, the best they were, and their curves.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::object::{Direction, Series};
use crate::render::layout::{CurveRow, INDENT, and_more, any_logarithmic, clipped, curves, heading};
use crate::render::number::{measured, short};
use crate::render::run::{MAX_ROWS, ShownRun};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, plain};
use crate::value::{KeyPath, Value};

/// A metric with all that is known of it.
pub(super) struct Metric<'a> {
    pub(super) name: String,
    /// The final value; of a run that is not finished, the last one.
    pub(super) last: Option<Value>,
    pub(super) better: Option<Direction>,
    pub(super) curve: Option<&'a Series>,
}

/// The best point of a curve.
pub(super) struct Best {
    pub(super) value: f64,
    /// Its step, if the curve has steps.
    pub(super) step: Option<i64>,
    /// Whether nothing better came before the end: the last value is it.
    pub(super) is_last: bool,
}

impl Metric<'_> {
    fn points(&self) -> &[f64] {
        self.curve.map_or(&[], |curve| &curve.values)
    }

    /// The first point of the curve that none is better than.
    pub(super) fn best(&self) -> Option<Best> {
        let (better, curve) = (self.better?, self.curve?);
        let beats = |new: f64, old: f64| match better {
            Direction::Higher => new > old,
            Direction::Lower => new < old,
        };
        let numbers = curve.values.iter().copied().enumerate().filter(|(_, value)| !value.is_nan());
        let (at, value) = numbers.reduce(|old, new| if beats(new.1, old.1) { new } else { old })?;
        let step = curve.steps.as_ref().and_then(|steps| steps.get(at).copied());
        Some(Best { value, step, is_last: curve.values.last() == Some(&value) })
    }
}

/// The leaves of a map, of which an empty one has none.
fn leaves(values: &Value) -> impl Iterator<Item = (KeyPath, &Value)> {
    values.leaves().into_iter().filter(|(path, _)| !path.keys().is_empty())
}

/// All metrics, those whose direction is declared first.
pub(super) fn metrics(shown: &ShownRun) -> Vec<Metric<'_>> {
    let recorded = shown.outcome().and_then(|outcome| outcome.metrics.as_ref());
    let values = recorded.map_or_else(Value::empty_map, |metrics| Value::Map(metrics.values.clone()));
    let finals: BTreeMap<String, &Value> =
        leaves(&values).map(|(path, value)| (path.to_string(), value)).collect();
    let names: BTreeSet<&str> = finals.keys().chain(shown.curves.keys()).map(String::as_str).collect();
    let metric = |name: &str| {
        let curve = shown.curves.get(name);
        let last = || curve.and_then(|curve| curve.values.last()).map(|value| Value::Float(*value));
        Metric {
            last: finals.get(name).map(|value| (*value).clone()).or_else(last),
            better: recorded.and_then(|metrics| metrics.better.get(name).copied()),
            name: name.to_owned(),
            curve,
        }
    };
    let mut metrics: Vec<Metric<'_>> = names.into_iter().map(metric).collect();
    metrics.sort_by_key(|metric| metric.better.is_none());
    metrics
}

pub(super) fn write(out: &mut dyn Write, style: &Style, shown: &ShownRun) -> io::Result<()> {
    let all = metrics(shown);
    if all.is_empty() {
        return Ok(());
    }
    let listed = &all[..all.len().min(MAX_ROWS)];
    let drawn: Vec<&[f64]> = listed.iter().map(Metric::points).collect();
    let remark = if any_logarithmic(drawn.iter().copied()) { "steep curves on a log scale" } else { "" };
    heading(out, style, "metrics", remark)?;
    let names = (style.width / 3).clamp(8, 40).min(style.width.saturating_sub(INDENT));
    let rows = listed.iter().zip(&drawn).map(|(metric, values)| {
        let last = metric.last.as_ref().map(|value| style.clip(&measured(value), 14)).unwrap_or_default();
        CurveRow {
            name: plain(clipped(style, &metric.name, names)),
            values: if values.len() > 1 { values } else { &[] },
            full: None,
            figures: vec![Cell::right(Role::Heading, last)],
            note: best_cell(metric),
        }
    });
    curves(out, style, rows.collect())?;
    and_more(out, style, all.len() - listed.len())
}

fn best_cell(metric: &Metric<'_>) -> Cell {
    match metric.best() {
        None => plain(""),
        Some(best) if best.is_last => Cell::new(Role::Better, "best"),
        Some(best) => {
            let step = best.step.map(|step| format!(" at step {step}")).unwrap_or_default();
            Cell::new(Role::Dim, format!("best {}{step}", short(best.value)))
        }
    }
}
