//! Changes of metrics: how far, and whether that is better or worse by the direction that was declared.

use std::collections::BTreeMap;

use crate::diff::selector::{Filter, Part};
use crate::diff::values::values;
use crate::object::{Direction, Metrics};
use crate::value::{KeyPath, Value};

/// How metrics differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsDiff {
    /// Values by dotted path.
    pub values: Vec<MetricChange>,
}

impl MetricsDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// A metric that was added, removed or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricChange {
    /// Which metric.
    pub path: KeyPath,
    /// What it was.
    pub old: Option<Value>,
    /// What it is.
    pub new: Option<Value>,
    /// Which direction is better, if that was declared.
    pub better: Option<Direction>,
}

/// What a change of a metric means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It moved in the declared direction, or is a number again after NaN.
    Better,
    /// It moved against the declared direction, or became NaN.
    Worse,
    /// No direction is declared, or there are not two numbers to compare.
    Unknown,
}

impl MetricChange {
    fn numbers(&self) -> Option<(f64, f64)> {
        Some((self.old.as_ref()?.as_f64()?, self.new.as_ref()?.as_f64()?))
    }

    /// New less old, if that is a finite number.
    pub fn delta(&self) -> Option<f64> {
        self.numbers().map(|(old, new)| new - old).filter(|delta| delta.is_finite())
    }

    /// The change in relation to the old value's size: 0.05 for five percent more. Not for an old value of 0.
    pub fn relative(&self) -> Option<f64> {
        let (old, _) = self.numbers()?;
        self.delta().map(|delta| delta / old.abs()).filter(|relative| relative.is_finite())
    }

    /// Whether the change is for better or worse.
    pub fn judgement(&self) -> Judgement {
        let (Some(better), Some((old, new))) = (self.better, self.numbers()) else {
            return Judgement::Unknown;
        };
        let improved = match better {
            Direction::Higher => new > old,
            Direction::Lower => new < old,
        };
        match (old.is_nan(), new.is_nan()) {
            (true, true) => Judgement::Unknown,
            (true, false) => Judgement::Better,
            (false, true) => Judgement::Worse,
            _ if improved => Judgement::Better,
            _ if old == new => Judgement::Unknown,
            _ => Judgement::Worse,
        }
    }
}

pub(super) fn diff(old: Option<&Metrics>, new: Option<&Metrics>, filter: &Filter<'_>) -> MetricsDiff {
    let none = BTreeMap::new();
    let (old_values, new_values) = (old.map_or(&none, |m| &m.values), new.map_or(&none, |m| &m.values));
    // What the new side declares holds for both: a direction does not change what was measured.
    let direction =
        |path: &str| [new, old].into_iter().flatten().find_map(|metrics| metrics.better.get(path).copied());
    let values = values(old_values, new_values)
        .into_iter()
        .filter(|change| filter.key(Part::Metrics, &change.path))
        .map(|change| MetricChange {
            better: direction(&change.path.to_string()),
            path: change.path,
            old: change.old,
            new: change.new,
        })
        .collect();
    MetricsDiff { values }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(old: f64, new: f64, better: Option<Direction>) -> MetricChange {
        let (old, new) = (Some(Value::Float(old)), Some(Value::Float(new)));
        MetricChange { path: KeyPath::default(), old, new, better }
    }

    #[test]
    fn direction_decides() {
        let (higher, lower) = (Some(Direction::Higher), Some(Direction::Lower));
        assert_eq!(change(0.9, 0.95, higher).judgement(), Judgement::Better);
        assert_eq!(change(0.9, 0.95, lower).judgement(), Judgement::Worse);
        assert_eq!(change(0.9, 0.95, None).judgement(), Judgement::Unknown);
        assert_eq!(change(0.9, f64::NAN, lower).judgement(), Judgement::Worse);
        assert_eq!(change(f64::NAN, 0.9, lower).judgement(), Judgement::Better);
        assert_eq!(change(1.0, f64::INFINITY, lower).judgement(), Judgement::Worse);
        assert_eq!(change(0.0, -0.0, lower).judgement(), Judgement::Unknown);
    }

    #[test]
    fn changes_are_numbers_or_nothing() {
        let metric = change(-2.0, -1.0, None);
        assert_eq!((metric.delta(), metric.relative()), (Some(1.0), Some(0.5)));
        assert_eq!(change(0.0, 1.0, None).relative(), None);
        assert_eq!(change(0.0, f64::NAN, None).delta(), None);
        assert_eq!(change(f64::INFINITY, f64::INFINITY, None).delta(), None);
    }

    #[test]
    fn the_new_declaration_wins() {
        let metrics = |value: f64, direction| Metrics {
            values: BTreeMap::from([("loss".into(), Value::Float(value))]),
            files: Vec::new(),
            better: BTreeMap::from([("loss".into(), direction)]),
        };
        let (old, new) = (metrics(1.0, Direction::Higher), metrics(0.5, Direction::Lower));
        let diff = diff(Some(&old), Some(&new), &Filter::new(&[]));
        assert_eq!(diff.values[0].judgement(), Judgement::Better);
    }
}
