//! An outcome that fits into an object: what is too large is left out, and said. No run is lost for its size.

use std::collections::BTreeMap;

use crate::encoding::{self, Encode};
use crate::object::{MAX_BYTES, MAX_WEIGHT, Outcome};
use crate::value::Value;

/// One part in so many is left for what is said of what is left out.
const ROOM: usize = 64;
/// No text that says so is longer, and no more names are listed.
const MAX_TEXT: usize = 1 << 10;
const NAMED: usize = 5;
/// What is smaller is left out only where it is one of very many.
const SMALL: usize = 1 << 10;

/// What an object may not have too much of.
#[derive(Clone, Copy, Debug)]
enum Measure {
    /// Bytes of its canonical form.
    Bytes,
    /// The weight of its values ([`encoding::weighed`]), which bounds the memory that a reader needs.
    Weight,
}

impl Measure {
    fn of(self, part: &impl Encode) -> usize {
        let (bytes, weight) = encoding::weighed(part);
        match self {
            Self::Bytes => bytes.len(),
            Self::Weight => weight,
        }
    }
}

/// Leaves out what is too large for an object, the least needed first.
pub(super) fn fit(outcome: &mut Outcome) {
    fit_within(outcome, Measure::Bytes, MAX_BYTES);
    fit_within(outcome, Measure::Weight, MAX_WEIGHT);
}

fn fit_within(outcome: &mut Outcome, measure: Measure, most: usize) {
    if measure.of(outcome) <= most {
        return;
    }
    let most = most - most / ROOM;
    let mut left_out = Vec::new();
    for (what, parts) in PARTS {
        let excess = measure.of(outcome).saturating_sub(most);
        if excess > 0 {
            let names = parts(outcome, measure, excess);
            left_out.extend(names.map(|names| format!("too large to be recorded: {what}{names}")));
        }
    }
    left_out.into_iter().for_each(|text| outcome.note(text));
}

/// Leaves out of a part of an outcome at least so much, if it has that; says what, where that has names.
type Leave = fn(&mut Outcome, Measure, usize) -> Option<String>;

/// What may be left out, in this order. Exit status, times and log are not among it, since they have no size.
const PARTS: [(&str, Leave); 8] = [
    ("observations", |outcome, by, excess| largest(&mut outcome.observations, by, excess, SMALL)),
    ("values of metrics", |outcome, by, excess| {
        largest(&mut outcome.metrics.as_mut()?.values, by, excess, SMALL)
    }),
    ("the directions of metrics", |outcome, _, _| all(&mut outcome.metrics.as_mut()?.better)),
    ("the summary of what was used", |outcome, by, excess| {
        largest(&mut outcome.utilisation.as_mut()?.summary, by, excess, SMALL)
    }),
    ("curves of metrics", |outcome, _, _| all(&mut outcome.series)),
    ("more values of metrics", |outcome, by, excess| {
        largest(&mut outcome.metrics.as_mut()?.values, by, excess, 0)
    }),
    ("outputs", |outcome, _, _| all(&mut outcome.outputs)),
    ("more observations", |outcome, by, excess| largest(&mut outcome.observations, by, excess, 0)),
];

/// Removes the largest values until so much is gone, but none that is smaller than `spared`.
fn largest(
    values: &mut BTreeMap<String, Value>,
    measure: Measure,
    excess: usize,
    spared: usize,
) -> Option<String> {
    let size = |(name, value): (&String, &Value)| match measure {
        Measure::Bytes => measure.of(value) + name.len(),
        Measure::Weight => measure.of(value),
    };
    let mut sizes: Vec<(usize, String)> = values.iter().map(|entry| (size(entry), entry.0.clone())).collect();
    sizes.sort_unstable();
    let (mut names, mut gone) = (Vec::new(), 0);
    while let Some((size, name)) = sizes.pop().filter(|(size, _)| gone < excess && *size >= spared) {
        gone += size;
        values.remove(&name);
        names.push(name);
    }
    (!names.is_empty()).then(|| listed(&names))
}

fn all<K, V>(map: &mut BTreeMap<K, V>) -> Option<String> {
    let count = std::mem::take(map).len();
    (count > 0).then(|| format!(", all {count} of them"))
}

/// The first names, and how many more there are.
fn listed(names: &[String]) -> String {
    let short = |name: &String| name.chars().take(MAX_TEXT / NAMED).collect::<String>();
    let text = names.iter().take(NAMED).map(short).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMED);
    if more == 0 { format!(": {text}") } else { format!(": {text} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Metrics;

    const MOST: usize = 4 << 20;

    fn text(len: usize) -> Value {
        Value::Text("x".repeat(len))
    }

    fn outcome() -> Outcome {
        let values =
            BTreeMap::from([("loss".to_owned(), Value::Float(0.5)), ("blob".to_owned(), text(MOST))]);
        let metrics = Some(Metrics { values, files: Vec::new(), better: BTreeMap::new() });
        Outcome { metrics, exit: Some(3), ..Outcome::default() }
    }

    fn gaps(outcome: &Outcome) -> String {
        outcome.observations["gaps"].to_string()
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let mut small = Outcome { exit: Some(0), ..Outcome::default() };
        let before = small.clone();
        fit_within(&mut small, Measure::Bytes, MOST);
        assert_eq!(small, before);
    }

    #[test]
    fn the_largest_goes_and_is_named() {
        let mut large = outcome();
        fit_within(&mut large, Measure::Bytes, MOST);
        assert!(Measure::Bytes.of(&large) <= MOST);
        let values = &large.metrics.as_ref().unwrap().values;
        assert_eq!(values.keys().collect::<Vec<_>>(), ["loss"]);
        assert_eq!(large.exit, Some(3));
        assert!(gaps(&large).contains("values of metrics: blob"), "{}", gaps(&large));
    }

    #[test]
    fn many_small_values_are_too_much_as_well() {
        let mut large = outcome();
        let zeros = Value::List(vec![Value::Bool(true); MAX_WEIGHT]);
        large.observations.insert("zeros".to_owned(), zeros.clone());
        large.metrics.as_mut().unwrap().values.insert("list".to_owned(), zeros);
        fit(&mut large);
        assert!(Measure::Weight.of(&large) <= MAX_WEIGHT);
        let kept = large.metrics.as_ref().unwrap().values.keys();
        assert_eq!(kept.collect::<Vec<_>>(), ["blob", "loss"]);
        let gaps = gaps(&large);
        assert!(gaps.contains("observations: zeros") && gaps.contains("metrics: list"), "{gaps}");
    }

    #[test]
    fn whatever_is_too_large_the_rest_is_kept() {
        let mut large = outcome();
        large.observations =
            BTreeMap::from([("host".to_owned(), text(4)), ("variables".to_owned(), text(MOST))]);
        let many =
            |i: usize| (format!("{i:0>500}"), crate::id::SeriesId::from(crate::id::Kind::Series.digest(b"")));
        large.series = (0..20_000).map(many).collect();
        fit_within(&mut large, Measure::Bytes, MOST);
        assert!(Measure::Bytes.of(&large) <= MOST && large.observations.contains_key("host"));
        assert_eq!(large.metrics.as_ref().unwrap().values.len(), 1);
        let gaps = gaps(&large);
        assert!(gaps.contains("variables") && gaps.contains("curves of metrics, all 20000"), "{gaps}");
    }
}
