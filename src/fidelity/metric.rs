//! One metric, recorded and found: its final value and its curve, and the rule that admits what differs.

use std::collections::BTreeMap;

use crate::fidelity::curve::{self, CurveFidelity};
use crate::fidelity::spread::{Range, Spread};
use crate::fidelity::tolerance::{Bound, Tolerance};
use crate::id::SeriesId;
use crate::object::{Find, ObjectError, Outcome, Series, get};
use crate::value::{KeyPath, Value};

/// What admits a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// There is none: equal to the bit.
    Bit,
    /// It is as small as was asked for.
    Tolerance(Bound),
    /// It is no larger than among runs of the same definition.
    Spread(Range),
}

impl Rule {
    fn rank(self) -> u8 {
        match self {
            Rule::Bit => 0,
            Rule::Tolerance(_) => 1,
            Rule::Spread(_) => 2,
        }
    }

    /// The one that admits more; of equals this one.
    pub(super) fn weaker(self, other: Rule) -> Rule {
        if other.rank() > self.rank() { other } else { self }
    }
}

/// How a metric came out.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFidelity {
    /// Which metric.
    pub path: KeyPath,
    /// Its final value as it was recorded.
    pub recorded: Option<Value>,
    /// Its final value now.
    pub found: Option<Value>,
    /// Its curve, where there is one on either side.
    pub curve: Option<CurveFidelity>,
    /// The weakest rule that was needed for the final value and every point of the curve; `None` if something
    /// is further off than any allows, is missing, or was not there before.
    pub rule: Option<Rule>,
    /// Whether the final value itself is admitted.
    pub is_final_admitted: bool,
}

impl MetricFidelity {
    /// Found less recorded, if that is a finite number.
    pub fn absolute(&self) -> Option<f64> {
        difference(self.recorded.as_ref()?, self.found.as_ref()?).filter(|difference| difference.is_finite())
    }

    /// The difference in relation to the recorded value's size, if that is a finite number.
    pub fn relative(&self) -> Option<f64> {
        let recorded = self.recorded.as_ref()?.as_f64()?;
        self.absolute().map(|difference| difference / recorded.abs()).filter(|share| share.is_finite())
    }
}

/// Found less recorded. Exact for integers, whatever their size.
fn difference(recorded: &Value, found: &Value) -> Option<f64> {
    match (recorded, found) {
        (Value::Int(was), Value::Int(is)) => Some((is.get() - was.get()) as f64),
        _ => Some(found.as_f64()? - recorded.as_f64()?),
    }
}

/// Something of the recorded outcome, and of the one that was found.
type Both<T> = (Option<T>, Option<T>);

/// What is known of a metric on both sides.
#[derive(Default)]
pub(super) struct Measured<'a> {
    values: Both<&'a Value>,
    curves: Both<SeriesId>,
}

/// All metrics of either side, by path.
pub(super) fn measured<'a>(recorded: &'a Outcome, found: &'a Outcome) -> BTreeMap<KeyPath, Measured<'a>> {
    let mut all: BTreeMap<KeyPath, Measured<'a>> = BTreeMap::new();
    for (path, value) in finals(recorded) {
        all.entry(path).or_default().values.0 = Some(value);
    }
    for (path, value) in finals(found) {
        all.entry(path).or_default().values.1 = Some(value);
    }
    for (path, id) in curves(recorded) {
        all.entry(path).or_default().curves.0 = Some(id);
    }
    for (path, id) in curves(found) {
        all.entry(path).or_default().curves.1 = Some(id);
    }
    all
}

fn finals(outcome: &Outcome) -> impl Iterator<Item = (KeyPath, &Value)> {
    let values = outcome.metrics.iter().flat_map(|metrics| &metrics.values);
    values.flat_map(|(key, value)| {
        let top = KeyPath::default().child(key);
        value.leaves().into_iter().map(move |(below, leaf)| {
            (below.keys().iter().fold(top.clone(), |path, key| path.child(key)), leaf)
        })
    })
}

fn curves(outcome: &Outcome) -> impl Iterator<Item = (KeyPath, SeriesId)> {
    outcome.series.iter().map(|(key, id)| {
        let Ok(path) = key.parse::<KeyPath>();
        (path, *id)
    })
}

/// Judges metrics one after the other.
pub(super) struct Judge<'a> {
    find: &'a dyn Find,
    tolerance: &'a Tolerance,
    /// Runs of the same definition.
    earlier: Vec<Earlier<'a>>,
}

/// Final values and curves of a run.
struct Earlier<'a> {
    finals: BTreeMap<KeyPath, &'a Value>,
    curves: BTreeMap<KeyPath, SeriesId>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        find: &'a dyn Find,
        tolerance: &'a Tolerance,
        earlier: impl Iterator<Item = &'a Outcome>,
    ) -> Self {
        let earlier = earlier
            .map(|outcome| Earlier { finals: finals(outcome).collect(), curves: curves(outcome).collect() });
        Self { find, tolerance, earlier: earlier.collect() }
    }

    pub(super) fn metric(
        &self,
        path: KeyPath,
        measured: &Measured<'_>,
    ) -> Result<MetricFidelity, ObjectError> {
        let last = self.final_value(&path, measured.values);
        let (curve, points) = match measured.curves {
            (None, None) => (None, Some(Rule::Bit)),
            (recorded, found) => {
                let (fidelity, rule) = self.curve(&path, recorded, found)?;
                (Some(fidelity), rule)
            }
        };
        Ok(MetricFidelity {
            path,
            recorded: measured.values.0.cloned(),
            found: measured.values.1.cloned(),
            curve,
            rule: last.zip(points).map(|(last, points)| last.weaker(points)),
            is_final_admitted: last.is_some(),
        })
    }

    fn final_value(&self, path: &KeyPath, values: Both<&Value>) -> Option<Rule> {
        let (recorded, found) = match values {
            (Some(recorded), Some(found)) => (recorded, found),
            (None, None) => return Some(Rule::Bit),
            _ => return None,
        };
        if recorded == found {
            return Some(Rule::Bit);
        }
        let bound = self.tolerance.of(path);
        if bound == Bound::Any {
            return Some(Rule::Tolerance(bound));
        }
        let (was, is) = (recorded.as_f64()?, found.as_f64()?);
        if difference(recorded, found).is_some_and(|difference| bound.admits(was, difference)) {
            return Some(Rule::Tolerance(bound));
        }
        if !self.asks_earlier_runs(path) {
            return None;
        }
        let mut spread = Spread::of(&[was]);
        let numbers = self.earlier.iter().filter_map(|run| run.finals.get(path)?.as_f64());
        numbers.for_each(|number| spread.add(&[number]));
        spread.at(0).filter(|range| range.contains(is)).map(Rule::Spread)
    }

    /// Whether earlier runs have a say: not against what was asked for this very metric.
    fn asks_earlier_runs(&self, path: &KeyPath) -> bool {
        !self.earlier.is_empty() && self.tolerance.named(path).is_none()
    }

    fn curve(
        &self,
        path: &KeyPath,
        recorded: Option<SeriesId>,
        found: Option<SeriesId>,
    ) -> Result<(CurveFidelity, Option<Rule>), ObjectError> {
        let none = || Series { steps: None, times: None, values: Vec::new() };
        let read = |id: Option<SeriesId>| id.map_or_else(|| Ok(none()), |id| get::<Series>(self.find, id));
        let was = read(recorded)?;
        if recorded == found {
            return Ok((curve::equal(was.values.len()), Some(Rule::Bit)));
        }
        let is = read(found)?;
        let bound = self.tolerance.of(path);
        let near = |was: f64, is: f64| bound.admits(was, is - was).then_some(Rule::Tolerance(bound));
        let alone = curve::compare(&was, &is, |_, was, is| near(was, is));
        if bound == Bound::Any && found.is_some() && recorded.is_some() {
            // Whatever its points are, and however many.
            return Ok((CurveFidelity { diverges: None, ..alone.0 }, Some(Rule::Tolerance(bound))));
        }
        let is_off = |(fidelity, _): &(CurveFidelity, Option<Rule>)| {
            fidelity.diverges.is_some_and(|at| at.recorded.is_some() && at.found.is_some())
        };
        if !is_off(&alone) || !self.asks_earlier_runs(path) {
            return Ok(alone);
        }
        let spread = self.spread(path, &was)?;
        let within = |index: usize, is: f64| spread.at(index).filter(|range| range.contains(is));
        Ok(curve::compare(&was, &is, |index, was, is| {
            near(was, is).or_else(|| within(index, is).map(Rule::Spread))
        }))
    }

    /// What earlier runs whose curves have the same steps say.
    fn spread(&self, path: &KeyPath, recorded: &Series) -> Result<Spread, ObjectError> {
        let mut spread = Spread::of(&recorded.values);
        for id in self.earlier.iter().filter_map(|run| run.curves.get(path)) {
            let earlier: Series = get(self.find, *id)?;
            if curve::is_alike(recorded, &earlier) {
                spread.add(&earlier.values);
            }
        }
        Ok(spread)
    }
}
