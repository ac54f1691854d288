//! The summary as an outcome records it, and as it is read back. What is missing, or not what it should be, is left out.

use std::collections::BTreeMap;

use crate::utilisation::statistics::{Statistics, Throttle};
use crate::utilisation::summary::{Phase, Series, Summary, THROTTLE};
use crate::value::{Int, Value};

type Values = BTreeMap<String, Value>;

const ENERGY: &str = ".energy";
const PHASE: &str = "phase.";

impl Summary {
    /// The entries of `Utilisation::summary`.
    pub fn to_values(&self) -> BTreeMap<String, Value> {
        let mut values = series_to_values(&self.whole);
        let mut add =
            |name: &str, value: Option<Value>| values.extend(value.map(|value| (name.to_owned(), value)));
        add("interval", self.interval.map(Value::Float));
        add("samples", self.samples.map(|samples| Value::Int(Int::from(samples))));
        add("seconds", self.seconds.map(Value::Float));
        let phases = self.phases.iter().map(phase_to_value).collect();
        add("phases", (!self.phases.is_empty()).then_some(Value::List(phases)));
        let gaps = self.gaps.iter().cloned().map(Value::Text).collect();
        add("gaps", (!self.gaps.is_empty()).then_some(Value::List(gaps)));
        for (accelerator, joules) in &self.energy {
            add(&format!("{accelerator}{ENERGY}"), Some(Value::Float(*joules)));
        }
        for (name, series) in &self.by_phase {
            add(&format!("{PHASE}{name}"), Some(Value::Map(series_to_values(series))));
        }
        values
    }

    /// Reads what was recorded, by whichever version.
    pub fn from_values(values: &BTreeMap<String, Value>) -> Self {
        let number = |name: &str| values.get(name).and_then(Value::as_f64);
        let energy =
            |(name, value): (&String, &Value)| Some((name.strip_suffix(ENERGY)?.to_owned(), value.as_f64()?));
        let by_phase = |(name, value): (&String, &Value)| match value {
            Value::Map(map) => Some((name.strip_prefix(PHASE)?.to_owned(), series_from_values(map))),
            _ => None,
        };
        let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
        Self {
            interval: number("interval"),
            samples: number("samples").filter(|samples| *samples >= 0.0).map(|samples| samples as u64),
            seconds: number("seconds"),
            whole: series_from_values(values),
            energy: values.iter().filter_map(energy).collect(),
            phases: list(values, "phases").iter().filter_map(phase_from_value).collect(),
            by_phase: values.iter().filter_map(by_phase).collect(),
            gaps: list(values, "gaps").iter().filter_map(text).collect(),
        }
    }
}

fn list<'a>(values: &'a Values, name: &str) -> &'a [Value] {
    if let Some(Value::List(list)) = values.get(name) { list } else { &[] }
}

fn map(entries: impl IntoIterator<Item = (&'static str, f64)>) -> Value {
    Value::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), Value::Float(value))).collect())
}

fn series_to_values(series: &Series) -> Values {
    let of = |s: &Statistics| {
        let all = [("mean", s.mean), ("median", s.median), ("p95", s.p95), ("peak", s.peak)];
        map(all.into_iter().chain(s.idle.map(|idle| ("idle", idle))))
    };
    let held = |t: &Throttle| map([("power", t.power), ("heat", t.heat), ("hardware", t.hardware)]);
    let statistics = series.statistics.iter().map(|(name, s)| (name.clone(), of(s)));
    statistics.chain(series.throttle.iter().map(|(name, t)| (format!("{name}{THROTTLE}"), held(t)))).collect()
}

fn series_from_values(values: &Values) -> Series {
    let mut series = Series::default();
    for (name, value) in values.iter().filter(|(name, _)| !name.starts_with(PHASE)) {
        let Value::Map(entries) = value else { continue };
        let number = |name: &str| entries.get(name).and_then(Value::as_f64);
        if let Some(accelerator) = name.strip_suffix(THROTTLE) {
            let share = |name: &str| number(name).unwrap_or(0.0);
            let throttle =
                Throttle { power: share("power"), heat: share("heat"), hardware: share("hardware") };
            series.throttle.insert(accelerator.to_owned(), throttle);
            continue;
        }
        let (Some(mean), Some(median)) = (number("mean"), number("median")) else { continue };
        let (Some(p95), Some(peak)) = (number("p95"), number("peak")) else { continue };
        let statistics = Statistics { mean, median, p95, peak, idle: number("idle") };
        series.statistics.insert(name.clone(), statistics);
    }
    series
}

fn phase_to_value(phase: &Phase) -> Value {
    let Phase { name, start, end } = phase;
    let entries =
        [("name", Value::Text(name.clone())), ("start", Value::Float(*start)), ("end", Value::Float(*end))];
    Value::Map(entries.map(|(name, value)| (name.to_owned(), value)).into())
}

fn phase_from_value(value: &Value) -> Option<Phase> {
    let Value::Map(entries) = value else { return None };
    let Some(Value::Text(name)) = entries.get("name") else { return None };
    let number = |name: &str| entries.get(name).and_then(Value::as_f64);
    Some(Phase { name: name.clone(), start: number("start")?, end: number("end")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        let busy = Statistics { mean: 31.0, median: 30.0, p95: 50.0, peak: 70.0, idle: Some(0.25) };
        let memory = Statistics { idle: None, ..busy };
        let whole = Series {
            statistics: [("gpu0.busy".into(), busy), ("process.memory".into(), memory)].into(),
            throttle: [("gpu0".into(), Throttle { power: 0.5, heat: 0.0, hardware: 0.0 })].into(),
        };
        Summary {
            interval: Some(1.0),
            samples: Some(61),
            seconds: Some(60.5),
            by_phase: [("eval.a".into(), whole.clone())].into(),
            whole,
            energy: [("gpu0".into(), 1234.5)].into(),
            phases: vec![Phase { name: "eval.a".into(), start: 1.0, end: 2.5 }],
            gaps: vec!["NVIDIA: something".into()],
        }
    }

    #[test]
    fn what_is_recorded_is_read_back() {
        let summary = summary();
        assert_eq!(Summary::from_values(&summary.to_values()), summary);
        assert_eq!(Summary::from_values(&Summary::default().to_values()), Summary::default());
    }

    #[test]
    fn what_others_wrote_is_read_as_far_as_it_goes() {
        let mut values = summary().to_values();
        values.insert("interval".into(), Value::Text("soon".into()));
        values.insert("samples".into(), Value::Float(-3.0));
        values.insert("gpu0.busy".into(), Value::Map([("mean".into(), Value::Float(1.0))].into()));
        values.insert("phases".into(), Value::List(vec![Value::Null, Value::empty_map()]));
        values.insert("phase.x".into(), Value::Null);
        values.insert("later".into(), Value::Bool(true));
        let found = Summary::from_values(&values);
        assert_eq!((found.interval, found.samples, found.seconds), (None, None, Some(60.5)));
        assert_eq!(found.whole.statistics.keys().collect::<Vec<_>>(), ["process.memory"]);
        assert!(found.phases.is_empty() && found.by_phase.len() == 1);
    }
}
