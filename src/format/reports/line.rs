//! One line of reports.

use super::{PhaseMark, Point, path};
use crate::format::item::Item;
use crate::format::{json, scalar};
use crate::value::{KeyPath, Value};

/// What a step may be called, in the order of preference.
pub(in crate::format) const STEPS: [&str; 5] = ["step", "global_step", "_step", "iteration", "epoch"];
const TIMES: [&str; 3] = ["time", "timestamp", "_timestamp"];

/// What a line says.
pub(super) enum Report {
    Nothing,
    Phase(PhaseMark),
    Points(Vec<(KeyPath, Point)>),
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let entries = match json::item(text).map_err(|error| error.problem)? {
        None => return Ok(Report::Nothing),
        Some(Item::Map(entries)) => entries,
        Some(other) => return Err(format!("a {}, not a map", other.type_name())),
    };
    let get = |name: &str| entries.iter().find(|(key, _)| key == name).map(|(_, item)| item);
    let first = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, get(name)?)));
    let step = first(&STEPS).and_then(|(name, item)| Some((name, step(item)?)));
    let time = first(&TIMES).and_then(|(name, item)| Some((name, time(item)?)));
    let (at, when) = (step.map(|(_, step)| step), time.map(|(_, time)| time));
    let context = get("context").and_then(Item::as_text).map(path).unwrap_or_default();
    if let (Some(name), Some(value)) = (get("name").and_then(Item::as_text), get("value")) {
        let value = number(value).ok_or("the value is not a number")?;
        let path = path(name).keys().iter().fold(context, |path, key| path.child(key));
        return Ok(Report::Points(vec![(path, Point { step: at, time: when, value })]));
    }
    let is_known = |key: &str| key == "phase" || STEPS.contains(&key) || TIMES.contains(&key);
    if let Some(name) = get("phase").and_then(Item::as_text)
        && entries.iter().all(|(key, _)| is_known(key))
    {
        return Ok(Report::Phase(PhaseMark { name: name.to_owned(), time: when, at: 0 }));
    }
    let used = [step.map(|(name, _)| name), time.map(|(name, _)| name)];
    let mut points = Vec::new();
    for (key, item) in &entries {
        if !used.contains(&Some(key.as_str())) {
            let path = path(key).keys().iter().fold(context.clone(), |path, key| path.child(key));
            spread(path, item, &mut |path, value| points.push((path, Point { step: at, time: when, value })));
        }
    }
    if points.is_empty() { Err("no metric and no phase".to_owned()) } else { Ok(Report::Points(points)) }
}

/// The numbers in an item, with their paths. Anything else is a remark. As deep as items nest.
fn spread(path: KeyPath, item: &Item, each: &mut dyn FnMut(KeyPath, f64)) {
    match item {
        Item::Map(entries) => entries.iter().for_each(|(key, item)| spread(path.child(key), item, each)),
        item => number(item).into_iter().for_each(|value| each(path.clone(), value)),
    }
}

/// The number that an item is; text may be NaN or an infinity.
fn number(item: &Item) -> Option<f64> {
    match item {
        Item::Scalar(Value::Text(text)) => {
            scalar::cell(text).and_then(|value| value.as_f64()).filter(|float| !float.is_finite())
        }
        Item::Scalar(value) => value.as_f64(),
        _ => None,
    }
}

fn step(item: &Item) -> Option<i64> {
    const EXACT: f64 = (1u64 << 53) as f64;
    match item {
        Item::Scalar(Value::Int(int)) => i64::try_from(int.get()).ok(),
        Item::Scalar(Value::Float(float)) if float.fract() == 0.0 && float.abs() <= EXACT => {
            Some(*float as i64)
        }
        _ => None,
    }
}

/// A time in microseconds since 1970.
fn time(item: &Item) -> Option<i64> {
    /// So many seconds are the year 5138, and so many milliseconds 1973.
    const MILLISECONDS: f64 = 1e11;
    match item {
        Item::Scalar(Value::Text(text)) => Some(text.parse::<jiff::Timestamp>().ok()?.as_microsecond()),
        Item::Scalar(value) => {
            let number = value.as_f64().filter(|number| number.abs() < 1e14)?;
            let unit = if number.abs() < MILLISECONDS { 1e6 } else { 1e3 };
            Some((number * unit).round() as i64)
        }
        _ => None,
    }
}
