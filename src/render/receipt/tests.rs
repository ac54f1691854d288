//! What a person sees of a reproduction, as snapshots.

use unicode_width::UnicodeWidthStr;

use crate::diff::fixture::file;
use crate::id::Kind;
use crate::object::{Divergence, Grade, Receipt};
use crate::render::run::fixture::run_id;
use crate::render::{
    EnvironmentDifference, MetricFound, OutputFound, ShownProposal, ShownReceipt, Style, proposal, receipt,
    receipt_json,
};
use crate::value::Value;

fn metric(path: &str, recorded: f64, found: f64, grade: Grade, rule: &str) -> MetricFound {
    let (recorded, found) = (Some(Value::Float(recorded)), Some(Value::Float(found)));
    MetricFound { path: path.into(), recorded, found, grade: Some(grade), rule: rule.into() }
}

fn difference(class: &str, what: &str, before: Option<&str>, after: Option<&str>) -> EnvironmentDifference {
    let text = |text: Option<&str>| text.map(str::to_owned);
    EnvironmentDifference { class: class.into(), what: what.into(), before: text(before), after: text(after) }
}

fn proposed() -> ShownProposal {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    ShownProposal {
        command: ["python3", "train.py", "--note", "it's\u{1b}[8m hidden", ""].map(str::to_owned).to_vec(),
        directory: Some("src".into()),
        author: "Eve\n  executes   true <e@x>".into(),
        known: false,
        set: vec![pair("OMP_NUM_THREADS", "8")],
        kept_out: vec![pair("LD_PRELOAD", "chooses what is executed or where files are")],
        origins: vec![pair("tool", "https://host/tool-1.0.tar.gz")],
    }
}

/// What is agreed to is seen whole, on a line of its own, whatever is in it.
#[test]
fn nothing_of_what_is_agreed_to_is_hidden() {
    let text = |shown: &ShownProposal, installs| {
        let mut out = Vec::new();
        proposal(&mut out, Kind::Commit.digest(b"c").into(), shown, installs).unwrap();
        String::from_utf8(out).unwrap()
    };
    insta::assert_snapshot!(text(&proposed(), true), @r"
    commit     37fdc8c7f5 by Eve\n  executes   true <e@x>
    executes   python3 train.py --note 'it'\''s\u{1b}[8m hidden' ''
    in         src
    sets       OMP_NUM_THREADS=8
    leaves out LD_PRELOAD, which chooses what is executed or where files are
    installs   tool from https://host/tool-1.0.tar.gz
    ");
    assert!(!text(&proposed(), false).contains("installs"));
    let long = ShownProposal { command: vec!["true".into(), " ".repeat(900) + "; evil"], ..proposed() };
    assert!(text(&long, true).contains("; evil"));
}

fn diverged() -> ShownReceipt {
    let first =
        Divergence { what: "val.loss".into(), step: Some(30), recorded: Some(0.31), found: Some(0.35) };
    ShownReceipt {
        of: Kind::Commit.digest(b"c").into(),
        message: "wider layers, as Ada proposed\n\nmore".into(),
        run: Some(run_id(1)),
        receipt: Some(Receipt { grade: Grade::Diverged, first: Some(first) }),
        exit: Some(0),
        seconds: Some(724.0),
        folder: Some("/tmp/again".into()),
        proposal: proposed(),
        environment: vec![
            difference("package, major", "numpy", Some("1.26.4"), Some("2.0.0")),
            difference("accelerator", "model", Some("NVIDIA A100-SXM4-80GB"), Some("NVIDIA H100 80GB HBM3")),
            difference("package", "left-pad", Some("1.0"), None),
            difference("variable", "OMP_NUM_THREADS", None, Some("8")),
        ],
        metrics: vec![
            metric("accuracy", 0.942, 0.942, Grade::Identical, "equal"),
            metric("loss", 0.25, 0.250_000_1, Grade::WithinTolerance, "relative 1e-6"),
            metric("val.loss", 0.31, 0.352, Grade::Diverged, "relative 1e-6"),
        ],
        outputs: vec![
            OutputFound { name: "model".into(), recorded: Some(file("abc")), found: Some(file("abc")) },
            OutputFound { name: "plot".into(), recorded: Some(file("abc")), found: Some(file("abd")) },
            OutputFound { name: "table".into(), recorded: Some(file("abc")), found: None },
        ],
        notes: vec!["data/train is by reference: read where it lies".into()],
    }
}

fn shown(width: usize, shown: &ShownReceipt) -> String {
    let mut out = Vec::new();
    receipt(&mut out, &Style { width, ..Style::PLAIN }, shown).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_reproduction_that_diverged() {
    insta::assert_snapshot!(shown(80, &diverged()), @r#"
    reproduce 37fdc8c7f5  wider layers, as Ada proposed
    diverged at val.loss, step 30: 0.31 → 0.35

      run           8e503j91, exit 0, 12 min 4 s
      folder        /tmp/again
      environment   4 differences
      note          data/train is by reference: read where it lies

    environment   the likeliest to matter first
      package, major   numpy             1.26.4 → 2.0.0
      accelerator      model             NVIDIA A100-SXM4-80… → NVIDIA H100 80GB HB…
      package          left-pad          1.0, not here
      variable         OMP_NUM_THREADS   8, not then

    metrics
                 recorded   found   difference
      val.loss       0.31   0.352       +0.042   relative 1e-6
      loss           0.25    0.25        +1e-7   relative 1e-6
      accuracy      0.942   0.942        equal   equal

    outputs
      plot    differs, 3 B
      table   not written now
      model   identical
    "#);
}

#[test]
fn a_reproduction_in_a_narrow_terminal() {
    insta::assert_snapshot!(shown(40, &diverged()), @r#"
    reproduce 37fdc8c7f5  wider layers, as …
    diverged at val.loss, step 30: 0.31 → 0…

      run           8e503j91, exit 0, 12 mi…
      folder        /tmp/again
      environment   4 differences
      note          data/train is by refere…

    environment   the likeliest to matter f…
      package…   numpy      1.26.4 → 2.0.0
      acceler…   model      NVIDI… → NVIDI…
      package    left-pad   1.0, not here
      variable   OMP_NUM…   8, not then

    metrics
                 found   difference
      val.loss   0.352       +0.042
      loss        0.25        +1e-7
      accuracy   0.942        equal

    outputs
      plot    differs, 3 B
      table   not written now
      model   identical
    "#);
}

#[test]
fn an_identical_reproduction_is_short() {
    let mut it = diverged();
    it.receipt = Some(Receipt { grade: Grade::Identical, first: None });
    it.environment.clear();
    it.notes.clear();
    it.metrics.truncate(1);
    it.outputs.truncate(1);
    insta::assert_snapshot!(shown(80, &it), @r#"
    reproduce 37fdc8c7f5  wider layers, as Ada proposed
    identical

      run           8e503j91, exit 0, 12 min 4 s
      folder        /tmp/again
      environment   as recorded

    metrics
                 recorded   found   difference
      accuracy      0.942   0.942        equal   equal

    outputs
      model   identical
    "#);
}

#[test]
fn a_check_runs_nothing() {
    let mut it = diverged();
    (it.run, it.receipt, it.exit, it.seconds) = Default::default();
    it.metrics.iter_mut().for_each(|metric| (metric.found, metric.grade) = (None, None));
    insta::assert_snapshot!(shown(80, &it), @r#"
    reproduce 37fdc8c7f5  wider layers, as Ada proposed
    checked; nothing was run

      folder        /tmp/again
      environment   4 differences
      note          data/train is by reference: read where it lies

    environment   the likeliest to matter first
      package, major   numpy             1.26.4 → 2.0.0
      accelerator      model             NVIDIA A100-SXM4-80… → NVIDIA H100 80GB HB…
      package          left-pad          1.0, not here
      variable         OMP_NUM_THREADS   8, not then

    metrics
                 recorded
      accuracy      0.942
      loss           0.25
      val.loss       0.31
    "#);
}

#[test]
fn hostile_and_long_receipts_are_bounded() {
    let evil = || format!("\u{1b}[2J\nforged\u{202e}{}", "漢x".repeat(5_000));
    let mut it = diverged();
    it.message = format!("\u{1b}{}", evil());
    (it.folder, it.notes) = (Some(evil()), vec![evil(); 100]);
    it.receipt.as_mut().unwrap().first.as_mut().unwrap().what = evil();
    it.environment.extend((0..500).map(|_| difference(&evil(), &evil(), Some(&evil()), Some(&evil()))));
    it.metrics.extend((0..500).map(|_| metric(&evil(), -1.234567e-300, f64::NAN, Grade::Diverged, &evil())));
    it.outputs.extend((0..500).map(|_| OutputFound { name: evil(), recorded: None, found: Some(file("x")) }));
    for width in [40, 80, 200] {
        let text = shown(width, &it);
        assert!(!text.contains(['\u{1b}', '\u{202e}']) && !text.contains("\nforged"), "{text}");
        assert!(text.lines().count() < 100);
        for line in text.lines() {
            assert!(line.width() <= width, "{} of {width}: {line}", line.width());
        }
    }
}

#[test]
fn a_receipt_as_json() {
    let json = receipt_json(&diverged());
    assert_eq!(json["receipt"]["grade"], "diverged");
    assert_eq!(json["receipt"]["first"]["step"], 30);
    assert_eq!(json["metrics"][1]["grade"], "within-tolerance");
    assert_eq!(json["environment"][3]["before"], serde_json::Value::Null);
    assert_eq!(
        (json["outputs"][0]["identical"].as_bool(), json["outputs"][1]["identical"].as_bool()),
        (Some(true), Some(false))
    );
}
