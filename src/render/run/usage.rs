//! How much of the machine a run used: curves, means and peaks of the accelerators, processors, memory, disks and network.

use std::io::{self, Write};

use crate::object::Accelerator;
use crate::render::elapsed::duration;
use crate::render::layout::{CurveRow, INDENT, and_more, clipped, curves, heading, wrapped};
use crate::render::number::{short, size};
use crate::render::run::ShownRun;
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, dim, plain};
use crate::value::Value;

/// Accelerators that are shown each in several rows; more of them have a row each.
const MAX_IN_FULL: usize = 2;
/// Accelerators that are looked for beyond those that the environment names.
const MAX_LOOKED_FOR: usize = 1024;
/// Accelerators that are shown.
const MAX_ACCELERATORS: usize = 16;
/// Columns of the judgement, over all its lines.
const MAX_JUDGEMENT: usize = 400;
/// Phases that are named.
const MAX_PHASES: usize = 6;

/// What is sampled, and how it is written.
#[derive(Clone, Copy)]
enum Unit {
    Percent,
    Bytes,
    Rate,
    Watts,
    Celsius,
    /// Sampled in per cent of one core.
    Cores,
}

impl Unit {
    fn text(self, style: &Style, value: f64) -> String {
        match self {
            Unit::Percent => format!("{value:.0} %"),
            Unit::Bytes => size(value as u64),
            Unit::Rate => format!("{}/s", size(value as u64)),
            Unit::Watts => format!("{value:.0} W"),
            Unit::Celsius if style.unicode => format!("{value:.0} °C"),
            Unit::Celsius => format!("{value:.0} C"),
            Unit::Cores => format!("{:.1}", value / 100.0),
        }
    }

    /// The value at the top of a curve. What has no natural bound is drawn up to its peak.
    fn full(self, peak: f64) -> f64 {
        if matches!(self, Unit::Percent | Unit::Celsius) { 100.0 } else { peak }
    }
}

/// A row: its label, the name of its samples, and a remark.
struct Row {
    label: String,
    series: String,
    unit: Unit,
    note: String,
}

pub(super) fn write(out: &mut dyn Write, style: &Style, shown: &ShownRun) -> io::Result<()> {
    let (rows, left_out) = rows(style, shown);
    let measured = |row: Row| {
        let (mean, peak) = (figure(shown, &row.series, "mean")?, figure(shown, &row.series, "peak")?);
        // Disks and networks that lay idle are not worth a row.
        (peak > 0.0 || !matches!(row.unit, Unit::Rate)).then_some((row, mean, peak))
    };
    let rows: Vec<(Row, f64, f64)> = rows.into_iter().filter_map(measured).collect();
    if rows.is_empty() && shown.judgement.is_none() {
        return Ok(());
    }
    heading(out, style, "usage", "")?;
    if let Some(judgement) = &shown.judgement {
        let room = style.width.saturating_sub(INDENT);
        for line in wrapped(style, &clipped(style, judgement, MAX_JUDGEMENT), room) {
            writeln!(out, "{:INDENT$}{line}", "")?;
        }
    }
    let titles = (!rows.is_empty()).then(|| CurveRow {
        name: plain(""),
        values: &[],
        full: None,
        figures: ["mean", "peak"].map(|title| Cell::right(Role::Dim, title)).into(),
        note: plain(""),
    });
    let drawn = rows.iter().map(|(row, mean, peak)| CurveRow {
        name: plain(row.label.as_str()),
        values: shown.samples.get(&row.series).map_or(&[], |series| &series.values),
        full: Some(row.unit.full(*peak)),
        figures: [*mean, *peak].map(|value| Cell::right(Role::Plain, row.unit.text(style, value))).into(),
        note: dim(row.note.as_str()),
    });
    curves(out, style, titles.into_iter().chain(drawn).collect())?;
    and_more(out, style, left_out)?;
    phases(out, style, shown)
}

/// A figure of the recorded summary, or else of the samples.
fn figure(shown: &ShownRun, series: &str, name: &str) -> Option<f64> {
    let utilisation = shown.outcome().and_then(|outcome| outcome.utilisation.as_ref());
    if let Some(Value::Map(summary)) = utilisation.and_then(|it| it.summary.get(series)) {
        return summary.get(name)?.as_f64().filter(|value| value.is_finite());
    }
    let values = &shown.samples.get(series)?.values;
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let count = finite().count();
    match name {
        _ if count == 0 => None,
        "mean" => Some(finite().sum::<f64>() / count as f64),
        _ => finite().reduce(f64::max),
    }
}

fn summary<'a>(shown: &'a ShownRun, name: &str) -> Option<&'a Value> {
    shown.outcome()?.utilisation.as_ref()?.summary.get(name)
}

/// Every row that there may be, in the order of the eye, and how many accelerators have none.
fn rows(style: &Style, shown: &ShownRun) -> (Vec<Row>, usize) {
    let environment = shown.snapshot.environment.as_ref();
    let devices = environment.map_or(&[][..], |it| &it.accelerators.devices);
    let is_sampled = |index: &usize| figure(shown, &format!("gpu{index}.busy"), "peak").is_some();
    let number = devices.len().max((0..MAX_LOOKED_FOR).take_while(is_sampled).count());
    let in_full = number <= MAX_IN_FULL;
    let accelerators = (0..number.min(MAX_ACCELERATORS)).flat_map(|index| match in_full {
        true => in_rows(shown, index, devices.get(index)),
        false => vec![in_a_row(style, shown, index)],
    });
    let system = environment.map(|it| &it.system);
    let cores = system.map(|system| system.limits.cpus.unwrap_or(system.cpu.threads as f64));
    let memory = system.map(|system| system.limits.memory.unwrap_or(system.memory));
    let row = |label: &str, series: &str, unit, note: Option<String>| Row {
        label: label.to_owned(),
        series: series.to_owned(),
        unit,
        note: note.unwrap_or_default(),
    };
    let whole_host = || Some("whole host".to_owned());
    let rest = [
        row("cpu cores", "process.cpu", Unit::Cores, cores.map(|cores| format!("of {}", short(cores)))),
        row("memory", "process.memory", Unit::Bytes, memory.map(|memory| format!("of {}", size(memory)))),
        row("read", "process.read", Unit::Rate, None),
        row("written", "process.written", Unit::Rate, None),
        row("received", "host.received", Unit::Rate, whole_host()),
        row("sent", "host.sent", Unit::Rate, whole_host()),
    ];
    let left_out = (MAX_ACCELERATORS..number).filter(|index| is_sampled(index)).count();
    (accelerators.chain(rest).collect(), left_out)
}

/// An accelerator of which each quantity has a row.
fn in_rows(shown: &ShownRun, index: usize, device: Option<&Accelerator>) -> Vec<Row> {
    let row = |what: &str, series: &str, unit, note: String| Row {
        label: format!("gpu{index} {what}"),
        series: format!("gpu{index}.{series}"),
        unit,
        note,
    };
    let memory = device.and_then(|device| device.memory).map(|memory| format!("of {}", size(memory)));
    let limit = device.and_then(|device| device.power_limit).map(|limit| format!("of {} W", limit / 1000));
    let energy = summary(shown, &format!("gpu{index}.energy")).and_then(Value::as_f64).map(energy);
    let power: Vec<String> = limit.into_iter().chain(energy).collect();
    vec![
        row("busy", "busy", Unit::Percent, String::new()),
        row("memory", "memory_used", Unit::Bytes, memory.unwrap_or_default()),
        row("power", "power", Unit::Watts, power.join(", ")),
        row("temp", "temperature", Unit::Celsius, String::new()),
    ]
}

/// An accelerator of many: how busy it was, and its peaks.
fn in_a_row(style: &Style, shown: &ShownRun, index: usize) -> Row {
    let peak = |series: &str, unit: Unit| {
        figure(shown, &format!("gpu{index}.{series}"), "peak").map(|value| unit.text(style, value))
    };
    let peaks =
        [peak("memory_used", Unit::Bytes), peak("power", Unit::Watts), peak("temperature", Unit::Celsius)];
    Row {
        label: format!("gpu{index} busy"),
        series: format!("gpu{index}.busy"),
        unit: Unit::Percent,
        note: peaks.into_iter().flatten().collect::<Vec<_>>().join(", "),
    }
}

/// Energy in joules, as people pay for it.
fn energy(joules: f64) -> String {
    match joules / 3_600_000.0 {
        kilowatt_hours if kilowatt_hours >= 0.1 => format!("{} kWh", short(kilowatt_hours)),
        _ => format!("{} Wh", short((joules / 360.0).round() / 10.0)),
    }
}

/// `phases   load 12 s, train 11 min, eval 40 s`, where the program marked them.
fn phases(out: &mut dyn Write, style: &Style, shown: &ShownRun) -> io::Result<()> {
    let Some(Value::List(phases)) = summary(shown, "phases") else { return Ok(()) };
    let one = |phase: &Value| {
        let Value::Map(phase) = phase else { return None };
        let Some(Value::Text(name)) = phase.get("name") else { return None };
        let seconds = phase.get("end")?.as_f64()? - phase.get("start")?.as_f64()?;
        // Shorter than a sample, it has no length that is known.
        (seconds > 0.0).then(|| format!("{} {}", clipped(style, name, 24), duration(seconds)))
    };
    let mut texts: Vec<String> = phases.iter().take(MAX_PHASES).filter_map(one).collect();
    if texts.is_empty() {
        return Ok(());
    }
    texts.extend((phases.len() > MAX_PHASES).then(|| format!("and {} more", phases.len() - MAX_PHASES)));
    for line in wrapped(style, &format!("phases: {}", texts.join(", ")), style.width.saturating_sub(INDENT)) {
        writeln!(out, "{:INDENT$}{}", "", style.paint(Role::Dim, &line))?;
    }
    Ok(())
}
