//! Tests of reports: what programs write, and what is left when they die.

use proptest::prelude::*;

use super::*;
use crate::object;

fn of(text: &str) -> Reports {
    reports(text.as_bytes()).unwrap()
}

fn series(steps: &[i64], values: &[f64]) -> Series {
    Series { steps: (!steps.is_empty()).then(|| steps.to_vec()), times: None, values: values.to_vec() }
}

fn shown(reports: &Reports) -> String {
    Value::Map(reports.values.clone()).to_string()
}

#[test]
fn points_of_one_metric_a_line() {
    let text = r#"{"name": "loss", "step": 1, "value": 0.5, "time": 1767268800.25, "context": "val"}
{"name": "loss", "step": 2, "value": NaN, "time": "2026-01-01T12:00:01Z", "context": "val"}

{"name": "loss", "step": 2, "value": "-inf", "time": 1767268802000, "context": "val"}
{"name": "acc", "value": 1}
"#;
    let read = of(text);
    assert_eq!(shown(&read), "{acc: 1.0, val: {loss: -inf}}");
    let loss = &read.series["val.loss"];
    assert_eq!(loss.steps, Some(vec![1, 2, 2]));
    assert_eq!(loss.times, Some(vec![1_767_268_800_250_000, 1_767_268_801_000_000, 1_767_268_802_000_000]));
    assert!(loss.values[1].is_nan() && loss.values[2] == f64::NEG_INFINITY);
    assert_eq!(read.series["acc"], series(&[], &[1.0]));
    assert_eq!((read.bad, read.torn, read.thinned), (0, false, 0));
}

#[test]
fn points_of_several_metrics_a_line() {
    let text = concat!(
        "{\"step\": 10, \"loss\": 0.5, \"val\": {\"acc\": 0.8}, \"note\": \"hm\", \"epoch\": 1}\n",
        "{\"epoch\": 2, \"loss\": Infinity, \"val.acc\": null}\n",
        "{\"_step\": 3.0, \"_timestamp\": 1.5, \"loss\": 0.25, \"context\": \"test\", \"done\": true}\n",
    );
    let read = of(text);
    assert_eq!(shown(&read), "{epoch: 1.0, loss: inf, test: {loss: 0.25}, val: {acc: 0.8}}");
    assert_eq!(read.series["loss"], series(&[10, 2], &[0.5, f64::INFINITY]));
    assert_eq!(read.series["test.loss"].times, Some(vec![1_500_000]));
    assert_eq!(read.bad, 0);
}

#[test]
fn phases_are_marked() {
    let read = of(
        "{\"phase\": \"train\"}\n{\"phase\": \"eval\", \"time\": 2, \"step\": 5}\n{\"phase\": \"eval\", \"loss\": 1}\n",
    );
    let mark = |name: &str, time, at| PhaseMark { name: name.to_owned(), time, at };
    assert_eq!(read.phases, [mark("train", None, 0), mark("eval", Some(2_000_000), 19)]);
    assert_eq!(shown(&read), "{loss: 1.0}");
}

#[test]
fn bad_lines_are_counted_and_a_torn_one_is_said() {
    let text = "{\"a\": 1}\nloss 3\n[1]\n{}\n{\"name\": \"a\", \"value\": \"x\"}\n{\"a\": 1, \"a\": 2}\n{\"a\": 2}\n{\"a\": 3";
    let read = of(text);
    assert_eq!((shown(&read), read.bad, read.torn), ("{a: 2.0}".to_owned(), 5, true));
    assert!(matches!(&read.first_bad, Some((2, problem)) if problem.starts_with("not JSON")), "{read:?}");
    assert_eq!((of("{\"a\": 3}").bad, of("{\"a\": 3}").torn), (0, false));
    assert_eq!(shown(&of("{\"a\": 3}")), "{a: 3.0}");
    let binary = reports(&b"\xff\xfe\n\0\0\n{\"a\": 1}\n"[..]).unwrap();
    assert_eq!((binary.bad, shown(&binary)), (2, "{a: 1.0}".to_owned()));
}

#[test]
fn a_metric_is_no_group_of_metrics() {
    let read =
        of("{\"a\": 1}\n{\"a.b\": 2, \"ab\": 3}\n{\"c.d\": 4}\n{\"c\": 5}\n{\"name\": \"\", \"value\": 1}\n");
    assert_eq!((shown(&read), read.bad), ("{a: 1.0, ab: 3.0, c: {d: 4.0}}".to_owned(), 3));
    assert_eq!(read.first_bad, Some((2, "a.b is a metric beside a".to_owned())));
    let many: String = (0..MAX_METRICS + 5).map(|i| format!("{{\"m{i}\": 1}}\n")).collect();
    let read = of(&many);
    assert_eq!((read.series.len(), read.bad), (MAX_METRICS, 5));
}

#[test]
fn too_many_points_are_thinned() {
    let text: String =
        (0..1000).map(|i| format!("{{\"step\": {i}, \"a\": {i}, \"b\": 0.5}}\n{{\"c\": 7}}\n")).collect();
    let read = super::read(text.as_bytes(), Limits { metrics: 9, points: 100 }).unwrap();
    let kept: usize = read.series.values().map(|series| series.values.len()).sum();
    assert!((50..=100).contains(&kept), "{kept}");
    assert_eq!(read.thinned, 3000 - kept as u64);
    assert_eq!(shown(&read), "{a: 999.0, b: 0.5, c: 7.0}");
    let steps = read.series["a"].steps.clone().unwrap();
    let stride = steps[1];
    assert!(steps.iter().enumerate().all(|(i, step)| *step == i as i64 * stride), "{steps:?}");
    assert!(steps.iter().zip(&read.series["a"].values).all(|(step, value)| *step as f64 == *value));
}

#[test]
fn names_that_no_record_could_hold_are_bad_lines() {
    let deep = vec!["a"; 200].join(".");
    let (long, fine) = ("n".repeat(2000), vec!["b"; 32].join("."));
    let text =
        format!("{{\"{deep}\": 1}}\n{{\"{long}\": 1}}\n{{\"phase\": \"{long}\"}}\n{{\"{fine}\": 1}}\n");
    let read = of(&text);
    assert_eq!((read.bad, read.series.len(), read.phases.len()), (3, 1, 0));
    assert!(read.first_bad.unwrap().1.contains("more than 32 parts"));
}

#[test]
fn a_curve_that_does_not_fit_into_an_object_is_thinned() {
    let mut columns = columns::Columns::new(9, usize::MAX);
    let (path, point) = (path("a"), |step| columns::Point { step: Some(step), time: Some(step), value: 0.5 });
    let many = object::MAX_BYTES / 24 + 1;
    (0..many).for_each(|at| columns.push(path.clone(), point(at as i64)).unwrap());
    assert_eq!(columns.thinned(), (many / 2) as u64);
    let (_, _, mut series) = columns.finish().next().unwrap();
    assert_eq!(series.thin(), 0);
}

#[test]
fn a_line_without_end_costs_nothing() {
    let long = std::io::repeat(b'x').take(5 << 20);
    let read = reports(long.chain(&b"\n{\"a\": 1}\n"[..])).unwrap();
    assert_eq!((read.bad, read.torn, shown(&read)), (1, false, "{a: 1.0}".to_owned()));
    let problem = read.first_bad.unwrap();
    assert_eq!(problem, (1, "longer than 1048576 bytes".to_owned()));
}

#[test]
fn steps_that_are_left_out_are_those_before() {
    let read = of("{\"a\": 1}\n{\"a\": 2, \"step\": 4}\n{\"a\": 3}\n");
    assert_eq!(read.series["a"], series(&[4, 4, 4], &[1.0, 2.0, 3.0]));
}

proptest! {
    /// A file that is cut anywhere gives what its whole lines say.
    #[test]
    fn a_cut_file_gives_its_whole_lines(values in prop::collection::vec(any::<i32>(), 0..20), cut in 0usize..600) {
        let text: String = values.iter().map(|value| format!("{{\"name\": \"a\", \"value\": {value}}}\n")).collect();
        let cut = &text[..cut.min(text.len())];
        let read = of(cut);
        let whole = cut.matches('}').count();
        let kept = read.series.get("a").map_or(Vec::new(), |series| series.values.clone());
        prop_assert_eq!(kept, values[..whole].iter().map(|value| f64::from(*value)).collect::<Vec<_>>());
        prop_assert_eq!((read.bad, read.torn), (0, !cut.is_empty() && !cut.ends_with(['}', '\n'])));
    }
}
