//! Runs for tests: with a GPU, without, failed, and cut off.

use std::collections::BTreeMap;

use crate::diff::Snapshot;
use crate::diff::fixture::{Project, file};
use crate::id::{ContentId, Kind};
use crate::name::{PartName, RunId, TreePath};
use crate::object::*;
use crate::render::ShownRun;
use crate::repo::RunState;
use crate::value::Value;

pub(in crate::render) const BEGAN: i64 = 1_795_411_311_000;

pub(in crate::render) fn run_id(number: u8) -> RunId {
    RunId::from_parts(
        BEGAN as u64 + u64::from(number) * 1000,
        [number, 7, 90, 211, 14, 67, 138, number, 201, 33],
    )
}

pub(in crate::render) fn run(number: u8) -> Run {
    Run {
        id: run_id(number),
        name: Some("depth-3".into()),
        phase: Phase::Train,
        sweep: None,
        set: BTreeMap::new(),
        reproduces: None,
    }
}

pub(in crate::render) fn at(seconds: i64) -> Time {
    Time { millis: BEGAN + seconds * 1000, zone: 60 }
}

pub(in crate::render) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn series(values: Vec<f64>) -> Series {
    Series { steps: Some((1..=values.len() as i64).collect()), times: None, values }
}

/// A run of the small project on a machine without an accelerator, twelve minutes long.
pub(in crate::render) fn cpu_run() -> ShownRun {
    let memory = Memory::default();
    let mut snapshot = Snapshot::load(&memory, Project::default().state(&memory)).unwrap();
    let outcome = snapshot.state.outcome.as_mut().unwrap();
    outcome.started = Some(at(0));
    outcome.finished = Some(at(724));
    outcome.log = Some(Log { content: ContentId::of(b"log"), size: 12_345 });
    let model = Placed { path: TreePath::new("out/model.pkl").unwrap(), node: file(&"m".repeat(48_213)) };
    outcome.outputs.insert(PartName::new("model").unwrap(), model);
    outcome.observations.insert("host".into(), text("node-7"));
    let mut loss: Vec<f64> = (0..60).map(|i| 0.2 + 2.0 * (-f64::from(i) / 9.0).exp()).collect();
    let mut accuracy: Vec<f64> =
        (0..60).map(|i| 0.955 - 0.6 * (-f64::from(i) / 8.0).exp() - f64::from(i) * 2.0e-4).collect();
    (loss[59], accuracy[59]) = (0.2, 0.942);
    let curves = [("loss".to_owned(), series(loss)), ("accuracy".to_owned(), series(accuracy))];
    let busy: Vec<f64> = (0..724).map(|i| if i < 40 { 30.0 } else { 100.0 + f64::from(i % 7) }).collect();
    let resident: Vec<f64> = (0..724).map(|i| 2.0e8 + 1.1e6 * f64::from(i)).collect();
    let samples = [("process.cpu".to_owned(), series(busy)), ("process.memory".to_owned(), series(resident))];
    ShownRun {
        run: run(1),
        commit: Kind::Commit.digest(b"c").into(),
        message: "wider layers, as Ada proposed\n\nmore".into(),
        state: RunState::Finished,
        now: at(724 + 7_300),
        snapshot,
        curves: curves.into(),
        samples: samples.into(),
        judgement: Some("CPU 100 % on 1 of 4 cores: more threads or processes could help".into()),
        log_tail: Vec::new(),
        log_command: Some("mdl cat 0cx3k2m1:log".into()),
        warnings: Vec::new(),
    }
}

fn card(model: &str) -> Accelerator {
    Accelerator {
        kind: AcceleratorKind::Gpu,
        vendor: "NVIDIA".into(),
        model: model.into(),
        memory: Some(80 << 30),
        units: Some(132),
        capability: Some("9.0".into()),
        clocks: BTreeMap::new(),
        bus_width: None,
        bandwidth: None,
        pcie: None,
        nvlinks: None,
        ecc: Some(true),
        mig: None,
        power_limit: Some(700_000),
        limits: BTreeMap::new(),
    }
}

fn summary(mean: f64, peak: f64) -> Value {
    Value::Map([("mean".to_owned(), Value::Float(mean)), ("peak".to_owned(), Value::Float(peak))].into())
}

/// A run of a sweep on so many cards, with utilisation, seeds, redactions and gaps.
pub(in crate::render) fn gpu_run(cards: usize) -> ShownRun {
    let mut shown = cpu_run();
    shown.run.sweep = Some("depths".into());
    shown.run.set =
        [("train.lr".to_owned(), Value::Float(0.1)), ("model.depth".to_owned(), Value::Int(3i64.into()))]
            .into();
    let environment = shown.snapshot.environment.as_mut().unwrap();
    let accelerators = &mut environment.accelerators;
    accelerators.devices = vec![card("NVIDIA H100 80GB HBM3"); cards];
    accelerators.driver = Some("570.86.15".into());
    accelerators.runtime = Some("CUDA 12.8".into());
    environment.system.limits = Limits { cpus: Some(16.0), memory: Some(64 << 30) };
    environment.system.cpu.threads = 128;
    environment.system.cpu.model = "AMD EPYC 9654 96-Core Processor".into();
    let mut figures: BTreeMap<String, Value> = BTreeMap::new();
    let mut samples: BTreeMap<String, Series> = BTreeMap::new();
    for index in 0..cards {
        let mut add = |name: &str, mean: f64, peak: f64| {
            let wave = |i: i32| mean + (peak - mean) * (f64::from(i) / 15.0).sin();
            figures.insert(format!("gpu{index}.{name}"), summary(mean, peak));
            samples.insert(format!("gpu{index}.{name}"), series((0..724).map(wave).collect()));
        };
        add("busy", 31.2, 98.0);
        add("memory_used", 8.2e9, 9.1e9);
        add("power", 210.0, 342.0);
        add("temperature", 52.0, 61.0);
        figures.insert(format!("gpu{index}.energy"), Value::Float(210.0 * 724.0));
    }
    figures.insert("process.cpu".into(), summary(104.0, 180.0));
    figures.insert("process.memory".into(), summary(1.9e9, 2.4e9));
    figures.insert("process.read".into(), summary(4.1e7, 1.2e8));
    figures.insert("process.written".into(), summary(0.0, 0.0));
    let phase = |name: &str, start: f64, end: f64| {
        let pairs = [("name", text(name)), ("start", Value::Float(start)), ("end", Value::Float(end))];
        Value::Map(pairs.map(|(key, value)| (key.to_owned(), value)).into())
    };
    figures.insert("phases".into(), Value::List(vec![phase("load", 0.0, 12.0), phase("train", 12.0, 724.0)]));
    samples.extend(std::mem::take(&mut shown.samples));
    shown.samples = samples;
    shown.judgement =
        Some("GPU busy 31 %, waiting on data: CPU 100 % on 1 of 16 cores; peak 9.1 of 85.9 GB".into());
    let outcome = shown.snapshot.state.outcome.as_mut().unwrap();
    outcome.utilisation = Some(Utilisation { series: BTreeMap::new(), summary: figures });
    outcome.observations.insert("redacted".into(), Value::List(vec![text("argument --api-key")]));
    outcome.observations.insert("gaps".into(), Value::List(vec![text("cuDNN: not found")]));
    shown
}

/// A run whose program ended with an exception.
pub(in crate::render) fn failed_run() -> ShownRun {
    let mut shown = cpu_run();
    shown.state = RunState::Failed(Some(1));
    shown.snapshot.state.definition.as_mut().unwrap().seeds.clear();
    let outcome = shown.snapshot.state.outcome.as_mut().unwrap();
    (outcome.exit, outcome.metrics, outcome.finished) = (Some(1), None, Some(at(3)));
    outcome.outputs.clear();
    (shown.curves, shown.samples, shown.judgement) = Default::default();
    let tail = [
        "Traceback (most recent call last):",
        "  File \"train.py\", line 12, in <module>",
        "\tfit(data)",
        "ValueError: Input X contains NaN.",
    ];
    shown.log_tail = tail.map(str::to_owned).into();
    shown
}

/// A run of which nothing was heard since it began, but for a few points of a curve.
pub(in crate::render) fn unfinished_run() -> ShownRun {
    let mut shown = cpu_run();
    shown.state = RunState::Unfinished;
    shown.snapshot.state.outcome = None;
    shown.curves = [("loss".to_owned(), series(vec![2.0, 1.4, f64::NAN, 0.9]))].into();
    (shown.samples, shown.judgement, shown.run.name) = Default::default();
    shown
}
