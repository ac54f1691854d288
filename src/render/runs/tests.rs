//! What a person sees of many runs, as snapshots.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;

use crate::id::Kind;
use crate::object::{Direction, Grade};
use crate::render::run::fixture::{at, run};
use crate::render::{RunLine, Runs, Style, best_first, runs, runs_by_sweep, runs_json};
use crate::repo::RunState;
use crate::value::Value;

fn map(pairs: &[(&str, Value)]) -> BTreeMap<String, Value> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn line(number: u8, lr: f64, depth: i64, accuracy: Option<f64>) -> RunLine {
    let train = map(&[("lr", Value::Float(lr)), ("epochs", Value::Int(100i64.into()))]);
    let model = map(&[("depth", Value::Int(depth.into()))]);
    let mut run = run(number);
    run.sweep = (number < 7).then(|| "depths".to_owned());
    run.set = map(&[("train.lr", Value::Float(lr))]);
    let metrics = accuracy.map(|accuracy| {
        map(&[
            ("accuracy", Value::Float(accuracy)),
            ("val", Value::Map(map(&[("loss", Value::Float(1.0 - accuracy))]))),
        ])
    });
    RunLine {
        run,
        commit: Kind::Commit.digest(&[number]).into(),
        definition: Kind::Definition.digest(&[number]).into(),
        message: "a sweep".into(),
        state: if accuracy.is_some() { RunState::Finished } else { RunState::Failed(Some(1)) },
        started: at(i64::from(number) * 900),
        seconds: Some(3.2 * f64::from(number)),
        params: map(&[("train", Value::Map(train)), ("model", Value::Map(model))]),
        metrics: metrics.unwrap_or_default(),
        better: [("accuracy".to_owned(), Direction::Higher), ("val.loss".to_owned(), Direction::Lower)]
            .into(),
        busy: number.is_multiple_of(2).then_some(31.4),
        grade: None,
    }
}

fn lines() -> Vec<RunLine> {
    let mut lines = vec![
        line(8, 0.05, 3, Some(0.9512)),
        line(6, 0.01, 4, Some(0.9712)),
        line(5, 0.1, 4, None),
        line(4, 0.01, 3, Some(0.9431)),
        line(3, 0.1, 3, Some(0.942)),
        line(2, 0.01, 2, Some(0.91)),
        line(1, 0.1, 2, Some(f64::NAN)),
    ];
    lines[0].grade = Some(Grade::WithinTolerance);
    (lines[1].state, lines[1].seconds) = (RunState::Running, Some(812.0));
    lines[3].state = RunState::Interrupted("SIGTERM".into());
    (lines[4].state, lines[4].seconds) = (RunState::Unfinished, None);
    lines
}

fn list(lines: &[RunLine]) -> Runs<'_> {
    Runs { lines, now: at(9_000), more: 12, more_command: "mdl runs --all", full: false }
}

type View = fn(&mut dyn std::io::Write, &Style, &Runs<'_>) -> std::io::Result<()>;

fn text(width: usize, runs: &Runs<'_>, view: View) -> String {
    let mut out = Vec::new();
    view(&mut out, &Style { width, ..Style::PLAIN }, runs).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_wide_table_has_all_that_differs() {
    insta::assert_snapshot!(text(200, &list(&lines()), runs), @r#"
    run        name      state         started             took   train.lr   model.depth   accuracy   val.loss    gpu   reproduced         sweep
    8e50hj91   depth-3   finished      30 min ago          26 s       0.05             3     0.9512     0.0488   31 %   within tolerance
    8e50dj91   depth-3   running       1 h ago      13 min 32 s       0.01             4   * 0.9712   * 0.0288   31 %                      depths
    8e50bj91   depth-3   failed (1)    1 h ago             16 s        0.1             4                                                   depths
    8e509j91   depth-3   interrupted   1 h ago             13 s       0.01             3     0.9431     0.0569   31 %                      depths
    8e507j91   depth-3   unfinished    1 h ago                         0.1             3      0.942      0.058                             depths
    8e505j91   depth-3   finished      2 h ago            6.4 s       0.01             2       0.91       0.09   31 %                      depths
    8e503j91   depth-3   finished      2 h ago            3.2 s        0.1             2        nan        nan                             depths

    7 runs: 1 running, 3 finished, 1 failed, 1 interrupted, 1 unfinished; 12 more: mdl runs --all
    "#);
}

#[test]
fn a_terminal_of_80_columns_has_what_matters() {
    insta::assert_snapshot!(text(80, &list(&lines()), runs), @r#"
    run        state         started      train.lr   model.depth   accuracy
    8e50hj91   finished      30 min ago       0.05             3     0.9512
    8e50dj91   running       1 h ago          0.01             4   * 0.9712
    8e50bj91   failed (1)    1 h ago           0.1             4
    8e509j91   interrupted   1 h ago          0.01             3     0.9431
    8e507j91   unfinished    1 h ago           0.1             3      0.942
    8e505j91   finished      2 h ago          0.01             2       0.91
    8e503j91   finished      2 h ago           0.1             2        nan

    7 runs: 1 running, 3 finished, 1 failed, 1 interrupted, 1 unfinished; 12 more:
    mdl runs --all
    "#);
}

#[test]
fn a_narrow_terminal_has_the_runs_and_their_states() {
    insta::assert_snapshot!(text(40, &list(&lines()), runs), @r#"
    run        state         accuracy
    8e50hj91   finished        0.9512
    8e50dj91   running       * 0.9712
    8e50bj91   failed (1)
    8e509j91   interrupted     0.9431
    8e507j91   unfinished       0.942
    8e505j91   finished          0.91
    8e503j91   finished           nan

    7 runs: 1 running, 3 finished, 1 failed,
    1 interrupted, 1 unfinished; 12 more:
    mdl runs --all
    "#);
}

#[test]
fn a_pipe_has_all_whatever_the_width() {
    let lines = lines();
    let full = |width| text(width, &Runs { full: true, ..list(&lines) }, runs);
    assert_eq!(full(40), full(200));
    assert!(full(40).lines().next().unwrap().ends_with("sweep"));
}

#[test]
fn sweeps_show_their_best_run_first() {
    insta::assert_snapshot!(text(100, &list(&lines()), runs_by_sweep), @r#"
    sweep depths   6 runs: 1 running, 2 finished, 1 failed, 1 interrupted, 1 unfinished
      run        state         started          took   train.lr   model.depth   accuracy   val.loss
      8e50dj91   running       1 h ago   13 min 32 s       0.01             4   * 0.9712   * 0.0288
      8e509j91   interrupted   1 h ago          13 s       0.01             3     0.9431     0.0569
      8e507j91   unfinished    1 h ago                      0.1             3      0.942      0.058
      8e505j91   finished      2 h ago         6.4 s       0.01             2       0.91       0.09
      8e50bj91   failed (1)    1 h ago          16 s        0.1             4
      8e503j91   finished      2 h ago         3.2 s        0.1             2        nan        nan

    1 sweep; 12 more: mdl runs --all
    "#);
    let lines = [line(9, 0.1, 1, None)];
    assert_eq!(text(80, &list(&lines), runs_by_sweep), "no sweeps\n");
}

#[test]
fn the_best_comes_first_by_the_first_metric_that_has_a_direction() {
    let mut lines = lines();
    best_first(&mut lines);
    let accuracy = |line: &RunLine| line.number("accuracy");
    let order: Vec<Option<f64>> = lines.iter().map(accuracy).collect();
    assert_eq!(order, [Some(0.9712), Some(0.9512), Some(0.9431), Some(0.942), Some(0.91), None, None]);
    assert!(lines[5].run.id.as_str() > lines[6].run.id.as_str(), "equal ones are newest first");
    lines.iter_mut().for_each(|line| line.better = [("val.loss".to_owned(), Direction::Higher)].into());
    best_first(&mut lines);
    assert_eq!(accuracy(&lines[0]), Some(0.91));
    lines.iter_mut().for_each(|line| line.better.clear());
    best_first(&mut lines);
    assert!(lines.windows(2).all(|pair| pair[0].run.id.as_str() > pair[1].run.id.as_str()));
}

#[test]
fn none_one_and_a_thousand_runs() {
    assert_eq!(text(80, &list(&[]), runs), "no runs\n");
    let one = [line(8, 0.1, 3, Some(0.5))];
    let shown = text(100, &Runs { more: 0, ..list(&one) }, runs);
    assert!(shown.ends_with("\n1 run: 1 finished\n"), "{shown}");
    assert!(!shown.contains("train.lr") && !shown.contains('*'), "one run differs from none: {shown}");
    let thousand: Vec<RunLine> = (0..1000)
        .map(|i| line((i % 250) as u8, f64::from(i), i64::from(i), Some(0.001 * f64::from(i))))
        .collect();
    let shown = text(80, &list(&thousand), runs);
    assert_eq!(shown.lines().count(), 1003);
    assert!(shown.lines().all(|line| line.width() <= 80));
    assert_eq!(shown.matches("* 0.999").count(), 1);
}

#[test]
fn hostile_texts_neither_steer_nor_overflow() {
    let evil = || format!("\u{1b}[2J\nforged\u{202e}{}", "漢x".repeat(5_000));
    let mut lines = lines();
    for line in &mut lines {
        line.run.name = Some(evil());
        line.state = RunState::Interrupted(evil());
        line.params.insert(evil(), Value::Text(format!("{}{}", line.run.id.as_str(), evil())));
        line.run.set.insert(evil(), Value::Null);
        line.metrics.insert(evil(), Value::Text(evil()));
        line.better.insert(evil(), Direction::Higher);
    }
    for width in [40, 80, 200] {
        for view in [runs as View, runs_by_sweep] {
            let shown = text(width, &Runs { more_command: &evil(), ..list(&lines) }, view);
            assert!(!shown.contains(['\u{1b}', '\u{202e}']) && !shown.contains("\nforged"), "{shown}");
            for line in shown.lines() {
                assert!(line.width() <= width, "{} of {width}: {line}", line.width());
            }
        }
    }
}

#[test]
fn a_list_as_json_has_every_field() {
    let json = runs_json(&list(&lines()));
    assert_eq!((json["more"].as_u64(), json["runs"].as_array().unwrap().len()), (Some(12), 7));
    let run = &json["runs"][3];
    assert_eq!(
        (run["state"].as_str(), run["interrupted_by"].as_str()),
        (Some("interrupted"), Some("SIGTERM"))
    );
    assert_eq!(run["params"]["model"]["depth"], 3);
    assert_eq!(run["better"]["val.loss"], "lower");
    assert_eq!(run["started"]["millis"], at(3600).millis);
    assert_eq!(json["runs"][0]["grade"], "within-tolerance");
}

#[test]
fn a_clock_that_is_ahead_is_said() {
    let mut ahead = line(1, 0.1, 2, None);
    ahead.started = at(9_000 + 3 * 86_400);
    let text = text(200, &list(&[line(2, 0.1, 2, None), ahead]), runs);
    assert!(text.contains("clock 3 days ahead"), "{text}");
}
