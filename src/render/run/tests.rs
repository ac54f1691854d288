//! What a person sees of a run, as snapshots.

use unicode_width::UnicodeWidthStr;

use crate::object::{Direction, Divergence, Grade, Receipt};
use crate::render::run::fixture::*;
use crate::render::{ShownRun, Style, show_run, show_run_json};
use crate::repo::RunState;
use crate::value::Value;

fn shown(style: Style, run: &ShownRun) -> String {
    let mut out = Vec::new();
    show_run(&mut out, &style, run).unwrap();
    String::from_utf8(out).unwrap()
}

const W80: Style = Style { width: 80, ..Style::PLAIN };

#[test]
fn a_run_without_an_accelerator() {
    insta::assert_snapshot!(shown(W80, &cpu_run()), @r#"
    run 8e503j91  depth-3
    finished in 12 min 4 s, 2 h ago

      commit    37fdc8c7f5  wider layers, as Ada proposed
      started   2026-11-23 06:21:51 +0100 on node-7
      phase     train
      command   python3 train.py
      seeds     python 7

    params
      train.epochs   100   train.lr   0.1

    metrics
      accuracy   ▁▂▃▅▅▆▇▇▇███████████████████████   0.942   best 0.9439 at step 48
      loss       █▇▆▅▄▃▃▂▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁     0.2   best

    outputs
      model   out/model.pkl   48.2 kB

    usage
      CPU 100 % on 1 of 4 cores: more threads or processes could help
                                                        mean       peak
      cpu cores   ▃▄█████████████████████████████        1.0        1.1   of 4
      memory      ▂▂▃▃▃▃▃▄▄▄▄▄▅▅▅▅▆▆▆▆▆▇▇▇▇▇█████   597.6 MB   995.3 MB   of 17.2 GB

    environment
      python        cpython 3.12.3, 2 packages
      accelerator   none
      system        Debian 13, kernel 6.8, x86_64
      cpu           Xeon, 4 threads, 17.2 GB of memory

    log   12.3 kB   mdl cat 0cx3k2m1:log
    "#);
}

#[test]
fn a_run_of_a_sweep_on_a_gpu() {
    insta::assert_snapshot!(shown(W80, &gpu_run(1)), @r#"
    run 8e503j91  depth-3
    finished in 12 min 4 s, 2 h ago

      commit    37fdc8c7f5  wider layers, as Ada proposed
      started   2026-11-23 06:21:51 +0100 on node-7
      phase     train
      sweep     depths  model.depth 3, train.lr 0.1
      command   python3 train.py
      seeds     python 7

    params   * set for this run
      train.lr   0.1*   train.epochs   100

    metrics
      accuracy   ▁▂▃▅▅▆▇▇▇███████████████████████   0.942   best 0.9439 at step 48
      loss       █▇▆▅▄▃▃▂▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁     0.2   best

    outputs
      model   out/model.pkl   48.2 kB

    usage
      GPU busy 31 %, waiting on data: CPU 100 % on 1 of 16 cores; peak 9.1 of 85.9
      GB
                                               mean         peak
      gpu0 busy     ▇▁▃▅▁▇▁▃▅▁▇▁▄▄▁▇▁▅▄        31 %         98 %
      gpu0 memory   █▇██▇█▇██▇█▇██▇█▇██      8.2 GB       9.1 GB   of 85.9 GB
      gpu0 power    █▄▅▇▃█▄▆▇▃█▄▆▆▄█▃▆▆       210 W        342 W   of 700 W, 42.2 Wh
      gpu0 temp     ▅▄▅▅▄▅▄▅▅▄▅▄▅▅▄▅▄▅▅       52 °C        61 °C
      cpu cores     ▂▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅         1.0          1.8   of 16
      memory        ▁▁▂▂▂▂▂▂▂▂▃▃▃▃▃▃▃▄▄      1.9 GB       2.4 GB   of 68.7 GB
      read                                41.0 MB/s   120.0 MB/s
      phases: load 12 s, train 11 min 52 s

    environment
      python        cpython 3.12.3, 2 packages
      accelerator   NVIDIA H100 80GB HBM3, driver 570.86.15, runtime CUDA 12.8
      system        Debian 13, kernel 6.8, x86_64
      cpu           AMD EPYC 9654 96-Core Processor, 16 of 128 threads, 68.7 GB of …

    notes
      redacted   argument --api-key
      not seen   cuDNN: not found

    log   12.3 kB   mdl cat 0cx3k2m1:log
    "#);
}

#[test]
fn eight_cards_have_a_row_each() {
    let text = shown(Style { width: 100, ..W80 }, &gpu_run(8));
    let usage = text.split("\n\n").find(|section| section.starts_with("usage")).unwrap();
    insta::assert_snapshot!(usage, @r#"
    usage
      GPU busy 31 %, waiting on data: CPU 100 % on 1 of 16 cores; peak 9.1 of 85.9 GB
                                                          mean         peak
      gpu0 busy   ▆▇▁▁▅█▂▁▄█▃▁▃█▄▁▂█▅▁▁▇▆▁▁▆▇▁▁▅▇▁        31 %         98 %   9.1 GB, 342 W, 61 °C
      gpu1 busy   ▆▇▁▁▅█▂▁▄█▃▁▃█▄▁▂█▅▁▁▇▆▁▁▆▇▁▁▅▇▁        31 %         98 %   9.1 GB, 342 W, 61 °C
      gpu2 busy   ▆▇▁▁▅█▂▁▄█▃▁▃█▄▁▂█▅▁▁▇▆▁▁▆▇▁▁▅▇▁        31 %         98 %   9.1 GB, 342 W, 61 °C
      gpu3 busy   ▆▇▁▁▅█▂▁▄█▃▁▃█▄▁▂█▅▁▁▇▆▁▁▆▇▁▁▅▇▁        31 %         98 %   9.1 GB, 342 W, 61 °C
      gpu4 busy   ▆▇▁▁▅█▂▁▄█▃▁▃█▄▁▂█▅▁▁▇▆▁▁▆▇▁▁▅▇▁        31 %         98 %   9.1 GB, 342 W, 61 °C
      gpu5 busy   ▆▇▁▁▅█▂▁▄█▃▁▃█▄▁▂█▅▁▁▇▆▁▁▆▇▁▁▅▇▁        31 %         98 %   9.1 GB, 342 W, 61 °C
      gpu6 busy   ▆▇▁▁▅█▂▁▄█▃▁▃█▄▁▂█▅▁▁▇▆▁▁▆▇▁▁▅▇▁        31 %         98 %   9.1 GB, 342 W, 61 °C
      gpu7 busy   ▆▇▁▁▅█▂▁▄█▃▁▃█▄▁▂█▅▁▁▇▆▁▁▆▇▁▁▅▇▁        31 %         98 %   9.1 GB, 342 W, 61 °C
      cpu cores   ▂▃▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅         1.0          1.8   of 16
      memory      ▁▁▁▁▂▂▂▂▂▂▂▂▂▂▂▂▃▃▃▃▃▃▃▃▃▃▃▃▄▄▄▄      1.9 GB       2.4 GB   of 68.7 GB
      read                                           41.0 MB/s   120.0 MB/s
      phases: load 12 s, train 11 min 52 s
    "#);
    let many = shown(W80, &gpu_run(20));
    assert!(many.contains("and 4 more"), "{many}");
}

#[test]
fn a_failed_run_shows_the_end_of_its_log() {
    insta::assert_snapshot!(shown(W80, &failed_run()), @r#"
    run 8e503j91  depth-3
    failed (exit 1) after 3.0 s, 2 h ago

      commit    37fdc8c7f5  wider layers, as Ada proposed
      started   2026-11-23 06:21:51 +0100 on node-7
      phase     train
      command   python3 train.py
      seeds     unseeded

    params
      train.epochs   100   train.lr   0.1

    environment
      python        cpython 3.12.3, 2 packages
      accelerator   none
      system        Debian 13, kernel 6.8, x86_64
      cpu           Xeon, 4 threads, 17.2 GB of memory

    log   12.3 kB   mdl cat 0cx3k2m1:log
      Traceback (most recent call last):
        File "train.py", line 12, in <module>
          fit(data)
      ValueError: Input X contains NaN.
    "#);
}

#[test]
fn an_unfinished_run_shows_what_is_known() {
    insta::assert_snapshot!(shown(W80, &unfinished_run()), @r#"
    run 8e503j91
    unfinished, started 2 h ago

      commit    37fdc8c7f5  wider layers, as Ada proposed
      started   2026-11-23 06:21:52 +0100
      phase     train
      command   python3 train.py
      seeds     python 7

    params
      train.epochs   100   train.lr   0.1

    metrics
      loss   █▄·▁   0.9

    environment
      python        cpython 3.12.3, 2 packages
      accelerator   none
      system        Debian 13, kernel 6.8, x86_64
      cpu           Xeon, 4 threads, 17.2 GB of memory
    "#);
    let mut running = unfinished_run();
    running.state = RunState::Running;
    assert!(shown(W80, &running).contains("\nrunning for 2 h 13 min\n"));
}

#[test]
fn a_narrow_terminal_without_more_than_ascii() {
    let style = Style { width: 40, unicode: false, ..Style::PLAIN };
    let text = shown(style, &gpu_run(1));
    assert!(text.is_ascii());
    insta::assert_snapshot!(text, @r#"
    run 8e503j91  depth-3
    finished in 12 min 4 s, 2 h ago

      commit    37fdc8c7f5  wider layers,...
      started   2026-11-23 06:21:51 +0100...
      phase     train
      sweep     depths  model.depth 3, tr...
      command   python3 train.py
      seeds     python 7

    params   * set for this run
      train.lr   0.1*   train.epochs   100

    metrics
      accuracy   .-+*##@@@@@@@@@@@@@   0.942
      loss       @*+--::............     0.2

    outputs
      model   out/model.pkl   48.2 kB

    usage
      GPU busy 31 %, waiting on data: CPU
      100 % on 1 of 16 cores; peak 9.1 of
      85.9 GB
                         mean         peak
      gpu0 busy          31 %         98 %
      gpu0 memory      8.2 GB       9.1 GB
      gpu0 power        210 W        342 W
      gpu0 temp          52 C         61 C
      cpu cores           1.0          1.8
      memory           1.9 GB       2.4 GB
      read          41.0 MB/s   120.0 MB/s
      phases: load 12 s, train 11 min 52 s

    environment
      python        cpython 3.12.3, 2 pac...
      accelerator   NVIDIA H100 80GB HBM3...
      system        Debian 13, kernel 6.8...
      cpu           AMD EPYC 9654 96-Core...

    notes
      redacted   argument --api-key
      not seen   cuDNN: not found

    log   12.3 kB   mdl cat 0cx3k2m1:log
    "#);
}

#[test]
fn colours_are_the_only_difference() {
    let colored = shown(Style { color: true, ..W80 }, &gpu_run(2));
    let mut plain = String::new();
    for (at, part) in colored.split('\u{1b}').enumerate() {
        plain += if at == 0 { part } else { part.split_once('m').unwrap().1 };
    }
    assert!(colored.contains("\u{1b}[32mfinished\u{1b}[0m"));
    assert_eq!(plain, shown(W80, &gpu_run(2)));
}

#[test]
fn a_reproduction_tells_its_grade() {
    let mut run = cpu_run();
    run.run.reproduces = Some(run.commit);
    let first =
        Divergence { what: "val.loss".into(), step: Some(30), recorded: Some(0.31), found: Some(0.35) };
    let receipt = Receipt { grade: Grade::Diverged, first: Some(first) };
    run.snapshot.state.outcome.as_mut().unwrap().receipt = Some(receipt);
    let text = shown(W80, &run);
    assert!(text.contains("reproduces   37fdc8c7f5  diverged at val.loss, step 30: 0.31 → 0.35\n"), "{text}");
}

#[test]
fn a_curve_of_many_decades_says_that_its_scale_is_logarithmic() {
    let mut run = cpu_run();
    assert!(!shown(W80, &run).contains("log scale"));
    run.curves.get_mut("loss").unwrap().values = (0..6).map(|i| 10f64.powi(-i)).collect();
    let text = shown(W80, &run);
    assert!(text.contains("metrics   steep curves on a log scale\n"), "{text}");
    assert!(text.contains("█▇▅▄▂▁"), "{text}");
}

#[test]
fn samples_tell_where_there_is_no_summary_yet() {
    let mut run = gpu_run(1);
    run.snapshot.state.outcome.as_mut().unwrap().utilisation = None;
    run.samples.get_mut("gpu0.busy").unwrap().values = vec![10.0, f64::NAN, 30.0];
    let text = shown(W80, &run);
    let busy = text.lines().find(|line| line.contains("gpu0 busy")).unwrap();
    assert_eq!(busy.split_whitespace().collect::<Vec<_>>().join(" "), "gpu0 busy ▁·▃ 20 % 30 %");
    run.samples.clear();
    run.judgement = None;
    assert!(!shown(W80, &run).contains("usage"));
}

#[test]
fn long_lists_are_bounded() {
    let mut run = cpu_run();
    let outcome = run.snapshot.state.outcome.as_mut().unwrap();
    let metrics = outcome.metrics.as_mut().unwrap();
    metrics.values.extend((0..500).map(|i| (format!("aux{i:03}"), Value::Float(f64::from(i)))));
    let params = &mut run.snapshot.params.as_mut().unwrap().values;
    params.extend((0..500).map(|i| (format!("p{i:03}"), Value::Int(i64::from(i).into()))));
    run.run.set.insert("p499".into(), Value::Int(499i64.into()));
    run.warnings = (0..500).map(|i| format!("warning {i}")).collect();
    let text = shown(W80, &run);
    assert!(text.lines().count() < 70, "{text}");
    assert!(text.contains("and 490 more") && text.contains("and 478 more") && text.contains("and 492 more"));
    assert!(text.contains("p499   499*"), "what was set for the run is shown: {text}");
    assert!(text.contains("  accuracy "), "a metric with a direction is shown: {text}");
}

/// Text that would steer a terminal, forge a line or fill a screen.
fn hostile() -> String {
    format!("\u{1b}[31mred\u{1b}[0m\nforged: line\r\t\u{202e}gnp\u{2066}{}", "漢x".repeat(5_000))
}

fn hostile_run(mut run: ShownRun) -> ShownRun {
    let evil = hostile;
    run.run.name = Some(evil());
    run.run.set.insert(evil(), Value::Text(evil()));
    run.message = evil();
    run.state = RunState::Interrupted(evil());
    let params = &mut run.snapshot.params.as_mut().unwrap().values;
    params.insert(evil(), Value::Text(evil()));
    let definition = run.snapshot.state.definition.as_mut().unwrap();
    definition.command = Some(vec![evil(), evil()]);
    definition.seeds.insert(evil(), Value::Text(evil()));
    let environment = run.snapshot.environment.as_mut().unwrap();
    environment.system.release = Some(evil());
    environment.system.cpu.model = evil();
    environment.accelerators.driver = Some(evil());
    environment.accelerators.gap = Some(evil());
    environment.packages.interpreter.as_mut().unwrap().version = evil();
    let outcome = run.snapshot.state.outcome.as_mut().unwrap();
    outcome.observations.insert("host".into(), Value::Text(evil()));
    outcome.observations.insert("redacted".into(), Value::List(vec![Value::Text(evil())]));
    let metrics = outcome.metrics.as_mut().unwrap();
    metrics.values.insert(evil(), Value::Text(evil()));
    metrics.better.insert(evil(), Direction::Lower);
    let curve = run.curves["loss"].clone();
    run.curves.insert(format!("\u{1b}{}", evil()), curve);
    (run.judgement, run.log_command) = (Some(evil()), Some(evil()));
    (run.log_tail, run.warnings) = (vec![evil(); 30], vec![evil(); 30]);
    run
}

#[test]
fn hostile_texts_neither_steer_nor_overflow() {
    for width in [40, 80, 200] {
        for unicode in [true, false] {
            for run in [hostile_run(gpu_run(1)), hostile_run(cpu_run()), gpu_run(8), failed_run()] {
                let text = shown(Style { width, unicode, color: false }, &run);
                assert!(!text.contains(['\u{1b}', '\r', '\t', '\u{202e}', '\u{2066}']), "{text}");
                assert!(!text.contains("\nforged"), "{text}");
                for line in text.lines() {
                    assert!(line.width() <= width, "{} of {width}: {line}", line.width());
                    assert_eq!(line, line.trim_end());
                }
            }
        }
    }
}

#[test]
fn a_run_as_json_is_unabridged() {
    let json = &show_run_json(&gpu_run(1))["run"];
    assert_eq!(json["state"], "finished");
    assert_eq!(json["set"]["train.lr"], 0.1);
    assert_eq!(json["seconds"], 724.0);
    assert_eq!(json["metrics"][0]["path"], "accuracy");
    assert_eq!(json["metrics"][0]["best"]["step"], 48);
    assert_eq!(json["metrics"][1]["curve"]["values"].as_array().unwrap().len(), 60);
    assert_eq!(json["utilisation"]["gpu0.busy"]["mean"], 31.2);
    assert_eq!(json["observations"]["redacted"][0], "argument --api-key");
    let json = &show_run_json(&unfinished_run())["run"];
    assert_eq!((json["state"].as_str(), json["exit"].as_i64()), (Some("unfinished"), None));
    assert_eq!(json["metrics"][0]["curve"]["values"][2], "nan");
    let json = &show_run_json(&failed_run())["run"];
    assert_eq!((json["failed_with"].as_i64(), json["log_tail"].as_array().unwrap().len()), (Some(1), 4));
}
