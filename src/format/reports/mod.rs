//! What a program reports while it runs: the lines of the file that `MDL_METRICS` names.
//!
//! `{"name": "loss", "step": 10, "value": 0.31, "time": 1767268800.5, "context": "val"}` is a point of one metric,
//! `{"step": 10, "loss": 0.31, "val": {"loss": 0.4}}` points of several, `{"phase": "eval"}` the beginning of a
//! phase. NaN and infinities are values, as bare words or as text. A step may be called `step`, `global_step`,
//! `_step`, `iteration` or `epoch`, and a time `time`, `timestamp` or `_timestamp`: seconds (or milliseconds, which
//! are told by their size) since 1970, or text in the form of RFC 3339.
//!
//! Nothing in such a file is fatal: a line that cannot be read is counted, the last one may be torn, and points
//! stay in the order in which they were written, also where a restart repeats steps. Memory is bounded whatever
//! the file: see [`MAX_METRICS`] and [`MAX_POINTS`].

mod columns;
mod line;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};

use crate::object::Series;
use crate::value::{KeyPath, Value};

use columns::{Columns, MAX_NAME};
pub(super) use columns::{Curve, Point};
use line::Report;
pub(super) use line::STEPS;

/// Most metrics of a run. Points of further ones count as bad lines.
pub const MAX_METRICS: usize = 10_000;

/// Most points that are kept, of all metrics together: 200 MB. Beyond it the longest series is thinned to every
/// second of its points, again and again, as is one that would not fit into an object; its last value is kept in any case.
pub const MAX_POINTS: usize = 1 << 23;

/// Longest line in bytes. A longer one is a bad line.
const MAX_LINE: u64 = 1 << 20;

/// Most phases that are kept; further ones count as bad lines.
const MAX_PHASES: usize = 10_000;

/// What was reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reports {
    /// The last value of each metric; the parts of its dotted name are maps.
    pub values: BTreeMap<String, Value>,
    /// The points of each metric, by its dotted path.
    pub series: BTreeMap<String, Series>,
    /// Phases in the order in which they began.
    pub phases: Vec<PhaseMark>,
    /// Lines that could not be read.
    pub bad: u64,
    /// The first of them: its number from 1, and what is wrong with it.
    pub first_bad: Option<(u64, String)>,
    /// Whether the last line breaks off: the program died while it wrote.
    pub torn: bool,
    /// Points that were left out of the series because there were too many.
    pub thinned: u64,
}

/// The beginning of a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseMark {
    /// Its name.
    pub name: String,
    /// When it began, in microseconds since 1970-01-01 UTC, if that was said.
    pub time: Option<i64>,
    /// Where its line begins in the file: who watched the file grow knows when.
    pub at: u64,
}

/// How much is kept.
#[derive(Clone, Copy)]
struct Limits {
    metrics: usize,
    points: usize,
}

/// Reads reports. An error is one of reading; whatever the bytes are, they give none.
pub fn reports(input: impl Read) -> io::Result<Reports> {
    read(input, Limits { metrics: MAX_METRICS, points: MAX_POINTS })
}

fn read(input: impl Read, limits: Limits) -> io::Result<Reports> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut reader =
        Reader { at: 0, reports: Reports::default(), columns: Columns::new(limits.metrics, limits.points) };
    let (mut line, mut next) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        reader.at = next;
        (&mut input).take(MAX_LINE).read_until(b'\n', &mut line)?;
        let is_whole = line.ends_with(b"\n");
        if line.is_empty() {
            break;
        }
        next += line.len() as u64;
        if !is_whole && line.len() as u64 == MAX_LINE {
            let skipped = skip_line(&mut input)?;
            next += skipped;
            if skipped > 0 {
                reader.bad(number, || format!("longer than {MAX_LINE} bytes"));
                continue;
            }
        }
        let bytes = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        match reader.line(bytes) {
            Ok(()) => {}
            Err(_) if !is_whole => reader.reports.torn = true,
            Err(problem) => reader.bad(number, || problem),
        }
    }
    Ok(reader.finish())
}

/// Moves to the next line, and says how many bytes there were on this one.
fn skip_line(input: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let bytes = input.fill_buf()?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (len, is_end) = (end.map_or(bytes.len(), |at| at + 1), end.is_some() || bytes.is_empty());
        input.consume(len);
        skipped += len as u64;
        if is_end {
            return Ok(skipped);
        }
    }
}

struct Reader {
    /// Where the line begins that is read.
    at: u64,
    reports: Reports,
    columns: Columns,
}

impl Reader {
    fn bad(&mut self, number: u64, problem: impl FnOnce() -> String) {
        self.reports.bad += 1;
        self.reports.first_bad.get_or_insert_with(|| (number, problem()));
    }

    fn line(&mut self, bytes: &[u8]) -> Result<(), String> {
        match line::read(bytes)? {
            Report::Nothing => Ok(()),
            Report::Phase(_) if self.reports.phases.len() == MAX_PHASES => {
                Err(format!("more than {MAX_PHASES} phases"))
            }
            Report::Phase(mark) if mark.name.len() > MAX_NAME => {
                Err(format!("the name of the phase is longer than {MAX_NAME} bytes"))
            }
            Report::Phase(mark) => {
                self.reports.phases.push(PhaseMark { at: self.at, ..mark });
                Ok(())
            }
            // What fits of a line is kept.
            Report::Points(points) => {
                let mut all = Ok(());
                for (path, point) in points {
                    all = all.and(self.columns.push(path, point));
                }
                all
            }
        }
    }

    fn finish(mut self) -> Reports {
        self.reports.thinned = self.columns.thinned();
        for (path, last, series) in self.columns.finish() {
            place(&mut self.reports.values, path.keys(), last);
            self.reports.series.insert(path.to_string(), series);
        }
        self.reports
    }
}

/// Puts a value under a path of keys. No metric lies within another.
fn place(values: &mut BTreeMap<String, Value>, keys: &[String], value: f64) {
    match keys {
        [] => {}
        [last] => drop(values.insert(last.clone(), Value::Float(value))),
        [first, rest @ ..] => {
            let below = values.entry(first.clone()).or_insert_with(Value::empty_map);
            if let Value::Map(below) = below {
                place(below, rest, value);
            }
        }
    }
}

/// The path of a name: its dots separate.
fn path(text: &str) -> KeyPath {
    let Ok(path) = text.parse();
    path
}

#[cfg(test)]
mod tests;
