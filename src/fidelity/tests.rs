//! Whole gradings of outcomes in memory.

use std::collections::BTreeMap;

use super::*;
use crate::id::ContentId;
use crate::name::{PartName, TreePath};
use crate::object::{Memory, Metrics, Node, Placed, Series, Time, put};
use crate::value::Value;

/// An outcome with these final values, in a map where the name has a dot.
fn outcome(values: &[(&str, f64)]) -> Outcome {
    let mut outcome = Outcome { exit: Some(0), ..Outcome::default() };
    let mut map = BTreeMap::new();
    for (name, value) in values {
        let value = Value::Float(*value);
        match name.split_once('.') {
            Some((top, below)) => {
                let entry = map.entry(top.to_owned()).or_insert_with(Value::empty_map);
                let Value::Map(inner) = entry else { unreachable!("{name} is below a number") };
                inner.insert(below.to_owned(), value);
            }
            None => drop(map.insert((*name).to_owned(), value)),
        }
    }
    outcome.metrics = Some(Metrics { values: map, files: Vec::new(), better: BTreeMap::new() });
    outcome
}

fn with_curve(mut outcome: Outcome, memory: &Memory, name: &str, points: &[(i64, f64)]) -> Outcome {
    let (steps, values) = points.iter().copied().unzip();
    // Times are never the same twice.
    let times = Some(vec![memory.object_count_not_in(&Memory::default()) as i64; points.len()]);
    let series = Series { steps: Some(steps), times, values };
    outcome.series.insert(name.into(), put(memory, &series).unwrap());
    outcome
}

fn with_output(mut outcome: Outcome, name: &str, text: &str, executable: bool) -> Outcome {
    let node = Node::File { content: ContentId::of(text.as_bytes()), size: text.len() as u64, executable };
    let path = TreePath::new(name).unwrap();
    outcome.outputs.insert(PartName::new(name).unwrap(), Placed { path, node });
    outcome
}

fn graded(recorded: &Outcome, found: &Outcome) -> Assessment {
    graded_with(&Memory::default(), recorded, found, &[], "1e-6")
}

fn graded_with(
    memory: &Memory,
    recorded: &Outcome,
    found: &Outcome,
    earlier: &[Outcome],
    tolerance: &str,
) -> Assessment {
    grade(memory, recorded, found, earlier, &tolerance.parse().unwrap()).unwrap()
}

fn first(what: &str, step: Option<i64>, recorded: Option<f64>, found: Option<f64>) -> Option<Divergence> {
    Some(Divergence { what: what.into(), step, recorded, found })
}

#[test]
fn what_never_counts() {
    let recorded = with_output(outcome(&[("loss", f64::NAN), ("val.acc", 0.9)]), "model.bin", "x", false);
    let mut found = recorded.clone();
    found.metrics.as_mut().unwrap().values.insert("loss".into(), Value::Float(-f64::NAN));
    found.started = Some(Time { millis: 5, zone: 0 });
    found.observations.insert("host".into(), Value::Text("other".into()));
    found.log = Some(crate::object::Log { content: ContentId::of(b"log"), size: 3 });
    let assessment = graded(&recorded, &found);
    assert_eq!(assessment.receipt(), Receipt { grade: Grade::Identical, first: None });
    assert!(
        assessment.metrics.iter().all(|metric| metric.rule == Some(Rule::Bit)) && !assessment.is_vacuous()
    );
}

#[test]
fn final_values_are_as_close_as_was_asked() {
    let recorded = outcome(&[("loss", 2.0), ("val.loss", 1.0)]);
    let found = outcome(&[("loss", 2.0), ("val.loss", 1.0000005)]);
    let near = graded(&recorded, &found);
    assert_eq!(near.grade, Grade::WithinTolerance);
    assert_eq!(near.first, first("val.loss", None, Some(1.0), Some(1.0000005)));
    assert_eq!(near.metrics[1].rule, Some(Rule::Tolerance(Bound::Relative(1e-6))));
    assert!((near.metrics[1].relative().unwrap() - 5e-7).abs() < 1e-12);

    let found = outcome(&[("loss", 2.0), ("val.loss", 1.009)]);
    for (tolerance, grade) in [
        ("1e-6", Grade::Diverged),
        ("loss=0.01", Grade::WithinTolerance),
        ("val.loss=abs:0.008", Grade::Diverged),
        ("1, val.loss=0", Grade::Diverged),
        ("val.loss=any", Grade::WithinTolerance),
    ] {
        let found = graded_with(&Memory::default(), &recorded, &found, &[], tolerance);
        assert_eq!(found.grade, grade, "{tolerance}");
    }
    let misspelt = graded_with(&Memory::default(), &recorded, &found, &[], "los=1,loss=1");
    assert_eq!(misspelt.unused, ["los".parse().unwrap()]);
}

#[test]
fn a_zero_has_a_sign_and_an_integer_a_kind() {
    let (recorded, found) = (outcome(&[("loss", 0.0)]), outcome(&[("loss", -0.0)]));
    assert_eq!(graded(&recorded, &found).grade, Grade::WithinTolerance);
    let mut found = outcome(&[]);
    found.metrics.as_mut().unwrap().values.insert("loss".into(), Value::Int(0i64.into()));
    assert_eq!(graded(&recorded, &found).grade, Grade::WithinTolerance);
    // Integers that are one float are still two.
    let with = |number: u64| {
        let mut outcome = outcome(&[]);
        outcome.metrics.as_mut().unwrap().values.insert("n".into(), Value::Int(number.into()));
        outcome
    };
    let (a, b) = (with(1 << 53), with((1 << 53) + 1));
    assert_eq!(graded_with(&Memory::default(), &a, &b, &[], "n=0").grade, Grade::Diverged);
    assert_eq!(graded(&a, &b).metrics[0].absolute(), Some(1.0));
}

#[test]
fn missing_and_additional_metrics_diverge() {
    let (short, long) = (outcome(&[("a", 1.0)]), outcome(&[("a", 1.0), ("b", 2.0)]));
    assert_eq!(graded(&long, &short).first, first("b", None, Some(2.0), None));
    let additional = graded(&short, &long);
    assert_eq!((additional.grade, additional.first), (Grade::Diverged, first("b", None, None, Some(2.0))));
    let mut text = outcome(&[]);
    text.metrics.as_mut().unwrap().values.insert("a".into(), Value::Text("good".into()));
    assert_eq!(graded(&short, &text).first, first("a", None, Some(1.0), None));
}

#[test]
fn the_earliest_step_is_first_in_all_curves() {
    let memory = Memory::default();
    let curves = |a: f64, b: f64| {
        let outcome = with_curve(outcome(&[("z", 1.0)]), &memory, "acc", &[(0, 1.0), (100, a)]);
        with_curve(outcome, &memory, "train.loss", &[(0, 1.0), (10, b), (20, 3.0)])
    };
    let grade = |recorded: &Outcome, found: &Outcome| graded_with(&memory, recorded, found, &[], "1e-6");
    assert_eq!(grade(&curves(1.0, 2.0), &curves(1.0, 2.0)).grade, Grade::Identical);
    let both = grade(&curves(1.0, 2.0), &curves(9.0, 2.5));
    assert_eq!(both.first, first("train.loss", Some(10), Some(2.0), Some(2.5)));
    let near = grade(&curves(1.0, 2.0), &curves(1.0000001, 2.0));
    assert_eq!(near.receipt().first, first("acc", Some(100), Some(1.0), Some(1.0000001)));
    assert_eq!(near.grade, Grade::WithinTolerance);
    // A small difference early does not hide where it diverged.
    let late = grade(&curves(1.0, 2.0), &curves(2.0, 2.0000001));
    assert_eq!((late.grade, late.first), (Grade::Diverged, first("acc", Some(100), Some(1.0), Some(2.0))));
}

#[test]
fn curves_of_other_steps_diverge_where_only_one_has_a_point() {
    let memory = Memory::default();
    let curve = |points: &[(i64, f64)]| with_curve(outcome(&[]), &memory, "loss", points);
    let recorded = curve(&[(0, 1.0), (10, 2.0)]);
    for (points, expected) in [
        (&[(0, 1.0)][..], first("loss", Some(10), Some(2.0), None)),
        (&[(0, 1.0), (10, 2.0), (20, 3.0)], first("loss", Some(20), None, Some(3.0))),
        (&[(0, 1.0), (5, 9.0)], first("loss", Some(5), None, Some(9.0))),
        (&[(0, 1.0), (20, 9.0)], first("loss", Some(10), Some(2.0), None)),
    ] {
        let assessment = graded_with(&memory, &recorded, &curve(points), &[], "1");
        assert_eq!((assessment.grade, assessment.first), (Grade::Diverged, expected), "{points:?}");
        let any = graded_with(&memory, &recorded, &curve(points), &[], "loss=any");
        assert_eq!(any.grade, Grade::WithinTolerance);
    }
    let gone = graded_with(&memory, &recorded, &outcome(&[]), &[], "1");
    assert_eq!(gone.first, first("loss", Some(0), Some(1.0), None));
}

#[test]
fn earlier_runs_admit_what_they_did_themselves() {
    let memory = Memory::default();
    let run = |last: f64, point: f64| {
        with_curve(outcome(&[("acc", last)]), &memory, "loss", &[(0, 1.0), (1, point)])
    };
    let (recorded, found) = (run(0.9, 0.5), run(0.91, 0.52));
    let earlier = [run(0.92, 0.53), run(0.89, 0.48)];
    let grade = |earlier: &[Outcome], tolerance| graded_with(&memory, &recorded, &found, earlier, tolerance);
    assert_eq!(grade(&[], "1e-6").grade, Grade::Diverged);
    let spread = grade(&earlier, "1e-6");
    assert_eq!((spread.grade, spread.earlier), (Grade::WithinTolerance, 2));
    for metric in &spread.metrics {
        assert!(matches!(metric.rule, Some(Rule::Spread(Range { runs: 3, .. }))), "{metric:?}");
    }
    assert_eq!(grade(&earlier, "acc=1e-9").first, first("acc", None, Some(0.9), Some(0.91)));
    // Neither the two themselves nor a run that failed say anything of the spread.
    let failed = Outcome { exit: Some(1), ..run(5.0, 5.0) };
    let nothing = grade(&[recorded.clone(), found.clone(), failed], "1e-6");
    assert_eq!((nothing.grade, nothing.earlier), (Grade::Diverged, 0));
    // A curve of other steps is not held against this one.
    let other = with_curve(outcome(&[("acc", 0.92)]), &memory, "loss", &[(0, 1.0), (2, 0.53)]);
    assert_eq!(grade(&[other], "1e-6").first, first("loss", Some(1), Some(0.5), Some(0.52)));
}

#[test]
fn metrics_vouch_for_outputs() {
    let (some, none) = (outcome(&[("loss", 1.0)]), outcome(&[]));
    let with =
        |base: &Outcome, text: &str, executable| with_output(base.clone(), "model.bin", text, executable);
    let model = first("model.bin", None, None, None);
    for found in [with(&some, "b", false), with(&some, "a", true)] {
        let vouched = graded(&with(&some, "a", false), &found);
        assert_eq!((vouched.grade, vouched.first.clone()), (Grade::WithinTolerance, model.clone()));
        assert_eq!(vouched.other_outputs().count(), 1);
    }
    let alone = graded(&with(&none, "a", false), &with(&none, "b", false));
    assert_eq!((alone.grade, alone.first), (Grade::Diverged, model.clone()));
    for (recorded, found, state) in [
        (with(&some, "a", false), some.clone(), OutputState::Missing),
        (some.clone(), with(&some, "a", false), OutputState::Additional),
    ] {
        let found = graded(&recorded, &found);
        assert_eq!((found.grade, found.outputs[0].state), (Grade::Diverged, state));
        assert_eq!(found.first, model);
    }
    // The one that diverged is named, not the one before it that the metrics vouch for.
    let recorded = with_output(with(&some, "a", false), "z", "z", false);
    assert_eq!(graded(&recorded, &with(&some, "b", false)).first, first("z", None, None, None));
}

#[test]
fn how_it_ended() {
    let ended = |exit| Outcome { exit, ..outcome(&[("loss", 1.0)]) };
    for (recorded, found, expected) in [
        (Some(0), Some(1), Grade::Failed),
        (Some(0), None, Grade::Failed),
        (None, Some(-9), Grade::Failed),
        (None, Some(0), Grade::Identical),
        (None, None, Grade::Identical),
        (Some(1), Some(1), Grade::Identical),
        (Some(1), Some(0), Grade::Diverged),
        (Some(1), None, Grade::Diverged),
    ] {
        let assessment = graded(&ended(recorded), &ended(found));
        assert_eq!(assessment.grade, expected, "{recorded:?} {found:?}");
        let is_first = assessment.first.is_some_and(|first| first.what == "exit");
        assert_eq!(is_first, expected != Grade::Identical);
    }
    let nothing = Outcome::default();
    assert!(graded(&nothing, &nothing).is_vacuous());
}

#[test]
fn a_curve_that_is_lost_is_an_error() {
    let recorded = with_curve(outcome(&[]), &Memory::default(), "loss", &[(0, 1.0)]);
    let tolerance = Tolerance::default();
    let error = grade(&Memory::default(), &recorded, &outcome(&[]), &[], &tolerance).unwrap_err();
    assert!(matches!(error, ObjectError::Missing { .. }), "{error}");
}

#[test]
fn a_million_points() {
    let memory = Memory::default();
    let points = |last: f64| -> Vec<(i64, f64)> {
        (0..1_000_000).map(|i| (i, if i == 999_999 { last } else { (i as f64).sin() })).collect()
    };
    let curve = |last| with_curve(outcome(&[]), &memory, "loss", &points(last));
    let (recorded, found, earlier) = (curve(1.0), curve(1.1), [curve(1.2)]);
    let spread = graded_with(&memory, &recorded, &found, &earlier, "1e-6");
    assert_eq!(spread.grade, Grade::WithinTolerance);
    assert_eq!(spread.first, first("loss", Some(999_999), Some(1.0), Some(1.1)));
}

proptest::proptest! {
    /// Any two curves part where a plain comparison from the front says so, and never if they are the same.
    #[test]
    fn curves_part_where_they_first_differ(
        a in proptest::collection::vec(0u8..3, 0..6), b in proptest::collection::vec(0u8..3, 0..6),
    ) {
        let memory = Memory::default();
        let points = |values: &[u8]| -> Vec<(i64, f64)> {
            values.iter().enumerate().map(|(i, value)| (i as i64 * 10, f64::from(*value))).collect()
        };
        let curve = |values: &[u8]| with_curve(outcome(&[]), &memory, "loss", &points(values));
        let assessment = graded_with(&memory, &curve(&a), &curve(&b), &[], "0");
        let expected = (0..a.len().max(b.len())).find(|i| a.get(*i) != b.get(*i));
        let step = assessment.first.as_ref().and_then(|first| first.step);
        proptest::prop_assert_eq!(step, expected.map(|i| i as i64 * 10));
        proptest::prop_assert_eq!(assessment.grade == Grade::Identical, expected.is_none());
    }

    /// More tolerance never makes the grade worse.
    #[test]
    fn tolerance_is_monotone(recorded in -10f64..10.0, found in -10f64..10.0, small in 0f64..1.0, more in 0f64..5.0) {
        let (a, b) = (outcome(&[("loss", recorded)]), outcome(&[("loss", found)]));
        let grade = |bound: f64| graded_with(&Memory::default(), &a, &b, &[], &format!("{bound}")).grade;
        proptest::prop_assert!(grade(small + more) <= grade(small));
    }
}
