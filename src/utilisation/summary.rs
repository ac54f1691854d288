//! The summary of a run's samples: statistics of each series, over the whole run and over each phase, and energy.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::object;
use crate::utilisation::statistics::{self, Statistics, Throttle};

/// What was measured of a run.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// Samples by name, such as `gpu0.busy`, with their times.
    pub series: &'a BTreeMap<String, object::Series>,
    /// Energy that a counter of the accelerator counted, in joules, by the accelerator's name.
    pub energy: &'a BTreeMap<String, f64>,
    /// Seconds between two samples.
    pub interval: f64,
    /// Samples that were taken.
    pub samples: u64,
    /// When sampling began and ended, in microseconds since 1970-01-01 UTC.
    pub span: (i64, i64),
    /// What could not be measured.
    pub gaps: &'a [String],
}

/// A phase begins, as the program itself says.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The phase.
    pub name: String,
    /// When, in microseconds since 1970-01-01 UTC.
    pub time: i64,
}

/// What the samples of a run come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Seconds between two samples.
    pub interval: Option<f64>,
    /// Samples that were taken.
    pub samples: Option<u64>,
    /// Seconds that were sampled.
    pub seconds: Option<f64>,
    /// Over the whole run.
    pub whole: Series,
    /// Energy in joules, by the accelerator's name: `gpu0`.
    pub energy: BTreeMap<String, f64>,
    /// The phases in their order. One name may come again.
    pub phases: Vec<Phase>,
    /// Over all phases of one name.
    pub by_phase: BTreeMap<String, Series>,
    /// What could not be measured.
    pub gaps: Vec<String>,
}

/// What the series come to over some time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Statistics by the name of the series.
    pub statistics: BTreeMap<String, Statistics>,
    /// How long clocks were held down, by the accelerator's name.
    pub throttle: BTreeMap<String, Throttle>,
}

/// A phase, in seconds from the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Its start.
    pub start: f64,
    /// Its end.
    pub end: f64,
}

/// The ending of the series that hold reasons, as bits.
pub(super) const THROTTLE: &str = ".throttle";
/// The most phases that are listed.
const MOST_PHASES: usize = 1000;
/// A processor or accelerator that is busy for less than this, in per cent, is idle.
const IDLE: f64 = 5.0;

/// Summarises what was measured. Marks may come in any order; a phase ends where the next begins.
pub fn summarise(measured: &Measured<'_>, marks: &[Mark]) -> Summary {
    let weighted = measured.series.iter().filter_map(|(name, series)| Weighted::new(name, series));
    let weighted: Vec<Weighted<'_>> = weighted.collect();
    let (phases, spans, too_many) = phases(measured.span, marks);
    let mut gaps = measured.gaps.to_vec();
    if too_many > 0 {
        gaps.push(format!("{too_many} phases beyond the first {MOST_PHASES} are not listed"));
    }
    let of_phase = |(name, spans): (String, Vec<Range<i64>>)| (name, series(&weighted, Some(&spans)));
    Summary {
        interval: Some(measured.interval),
        samples: Some(measured.samples),
        seconds: Some(measured.span.1.saturating_sub(measured.span.0).max(0) as f64 / 1e6),
        whole: series(&weighted, None),
        energy: energy(&weighted, measured.energy),
        by_phase: spans.into_iter().map(of_phase).collect(),
        phases,
        gaps,
    }
}

/// A series with the seconds that its samples stand for.
struct Weighted<'a> {
    name: &'a str,
    times: &'a [i64],
    values: &'a [f64],
    weights: Vec<f64>,
}

impl<'a> Weighted<'a> {
    /// `None` without times.
    fn new(name: &'a str, series: &'a object::Series) -> Option<Self> {
        let times = series.times.as_deref()?;
        Some(Self { name, times, values: &series.values, weights: statistics::weights(times) })
    }
}

/// The statistics of all series, within some spans of time if there are any.
fn series(all: &[Weighted<'_>], spans: Option<&[Range<i64>]>) -> Series {
    let mut found = Series::default();
    for Weighted { name, times, values, weights } in all {
        let within = |time: i64| spans.is_none_or(|spans| spans.iter().any(|span| span.contains(&time)));
        let kept = times.iter().zip(values.iter().zip(weights)).filter(|(time, _)| within(**time));
        let (values, weights): (Vec<f64>, Vec<f64>) =
            kept.map(|(_, (value, weight))| (*value, *weight)).unzip();
        if let Some(accelerator) = name.strip_suffix(THROTTLE) {
            let throttle = statistics::throttle(&values, &weights);
            found.throttle.extend(throttle.map(|throttle| (accelerator.to_owned(), throttle)));
        } else {
            let statistics = statistics::of(&values, &weights, idle_mark(name));
            found.statistics.extend(statistics.map(|statistics| (name.to_string(), statistics)));
        }
    }
    found
}

/// Below which value a series says that something is idle, where it can say that.
fn idle_mark(name: &str) -> Option<f64> {
    let last = name.rsplit('.').next().unwrap_or(name);
    matches!(last, "busy" | "cpu" | "memory_busy").then_some(IDLE)
}

/// What was counted; else the power over time.
fn energy(all: &[Weighted<'_>], counted: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let of_power = |column: &Weighted<'_>| {
        let accelerator = column.name.strip_suffix(".power")?;
        Some((accelerator.to_owned(), statistics::integral(column.values, &column.weights)))
    };
    let mut energy: BTreeMap<String, f64> = all.iter().filter_map(of_power).collect();
    energy.extend(counted.iter().map(|(name, joules)| (name.clone(), *joules)));
    energy
}

type Spans = BTreeMap<String, Vec<Range<i64>>>;

/// The phases, when those of each name are, and how many more there were.
fn phases((start, end): (i64, i64), marks: &[Mark]) -> (Vec<Phase>, Spans, usize) {
    let mut marks: Vec<&Mark> = marks.iter().collect();
    marks.sort_by_key(|mark| mark.time);
    let too_many = marks.len().saturating_sub(MOST_PHASES);
    let after = marks.get(MOST_PHASES).map_or(end, |mark| mark.time);
    marks.truncate(MOST_PHASES);
    let ends = marks.iter().skip(1).map(|mark| mark.time).chain([after]).collect::<Vec<_>>();
    let seconds = |time: i64| time.saturating_sub(start) as f64 / 1e6;
    let (mut phases, mut spans) = (Vec::new(), Spans::new());
    for (mark, next) in marks.into_iter().zip(ends) {
        let (from, to) = (mark.time.clamp(start, end.max(start)), next.clamp(start, end.max(start)));
        phases.push(Phase { name: mark.name.clone(), start: seconds(from), end: seconds(to) });
        // The last sample lies on the end.
        let to = if to == end { to.saturating_add(1) } else { to };
        spans.entry(mark.name.clone()).or_default().push(from..to);
    }
    (phases, spans, too_many)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[f64]) -> object::Series {
        let times = (0..values.len() as i64).map(|second| second * 1_000_000).collect();
        object::Series { steps: None, times: Some(times), values: values.to_vec() }
    }

    fn measure(series: &[(&str, &[f64])], energy: &[(&str, f64)], marks: &[(&str, f64)]) -> Summary {
        let series = series.iter().map(|(name, values)| (name.to_string(), column(values))).collect();
        let energy = energy.iter().map(|(name, joules)| (name.to_string(), *joules)).collect();
        let marks: Vec<Mark> =
            marks.iter().map(|(name, at)| Mark { name: name.to_string(), time: (at * 1e6) as i64 }).collect();
        let gaps = ["one".to_owned()];
        let measured = Measured {
            series: &series,
            energy: &energy,
            interval: 1.0,
            samples: 6,
            span: (0, 5_000_000),
            gaps: &gaps,
        };
        summarise(&measured, &marks)
    }

    #[test]
    fn whole_runs() {
        let busy = [0.0, 0.0, 100.0, 100.0, 100.0, 100.0];
        let summary = measure(&[("gpu0.busy", &busy), ("gpu0.throttle", &[0.0, 4.0, 4.0, 4.0])], &[], &[]);
        let found = summary.whole.statistics["gpu0.busy"];
        assert_eq!((found.median, found.peak), (100.0, 100.0));
        assert!((found.idle.unwrap() - 1.0 / 3.0).abs() < 1e-9 && (found.mean - 400.0 / 6.0).abs() < 1e-9);
        assert_eq!(summary.whole.throttle["gpu0"].power, 0.75);
        assert!(!summary.whole.statistics.contains_key("gpu0.throttle"), "a mean of bits says nothing");
        assert_eq!((summary.seconds, summary.gaps.as_slice()), (Some(5.0), ["one".to_owned()].as_slice()));
    }

    #[test]
    fn counted_energy_comes_before_integrated_power() {
        let power: &[f64] = &[100.0; 4];
        let summary = measure(&[("gpu0.power", power), ("gpu1.power", power)], &[("gpu1", 390.5)], &[]);
        assert_eq!(summary.energy, BTreeMap::from([("gpu0".into(), 400.0), ("gpu1".into(), 390.5)]));
    }

    #[test]
    fn phases_end_where_the_next_begins() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let marks = [("eval", 4.0), ("train", 1.0), ("train", 4.5), ("late", 99.0)];
        let summary = measure(&[("process.threads", &values)], &[], &marks);
        let phase = |name: &str, start, end| Phase { name: name.into(), start, end };
        let expected = [
            phase("train", 1.0, 4.0),
            phase("eval", 4.0, 4.5),
            phase("train", 4.5, 5.0),
            phase("late", 5.0, 5.0),
        ];
        assert_eq!(summary.phases, expected);
        let peak = |phase: &str| summary.by_phase[phase].statistics.get("process.threads").map(|s| s.peak);
        assert_eq!((peak("train"), peak("eval")), (Some(6.0), Some(5.0)));
    }

    #[test]
    fn phases_are_bounded() {
        let marks: Vec<(&str, f64)> = (0..1200).map(|n| ("a", f64::from(n) / 1000.0)).collect();
        let summary = measure(&[], &[], &marks);
        assert_eq!((summary.phases.len(), summary.gaps.len()), (1000, 2));
        assert_eq!(summary.phases[999].end, 1.0);
    }
}
