//! Tests of whole comparisons.

use super::fixture::{Project, train_py};
use super::part::{self, Resolved};
use super::*;
use crate::object::Memory;
use crate::value::Value;

fn compare(memory: &Memory, a: &State, b: &State, only: &[&str]) -> Diff {
    let only = only.iter().map(|text| text.parse().unwrap()).collect();
    states(memory, memory, a, b, &Options { only, ..Options::default() }).unwrap()
}

fn changed() -> Project {
    Project {
        params: vec![("lr", Value::Float(0.01)), ("epochs", Value::Int(200i64.into()))],
        features: vec!["bill_length_mm", "bill_depth_mm", "body_mass_g"],
        code: vec![("train.py", train_py().replace("step_9()\n", "step_nine()\n"))],
        metrics: vec![("accuracy", 0.971), ("loss", 0.25)],
        ..Project::default()
    }
}

#[test]
fn equal_states_have_no_difference() {
    let memory = Memory::default();
    let (a, b) = (Project::default().state(&memory), Project::default().state(&memory));
    assert!(compare(&memory, &a, &b, &[]).is_empty());
}

#[test]
fn the_verdict_is_that_of_the_issue() {
    let memory = Memory::default();
    let (a, b) = (Project::default().state(&memory), changed().state(&memory));
    let diff = compare(&memory, &a, &b, &[]);
    let expected =
        "3 parts differ: params (2), features (1), code (1 file); data and environment are identical";
    assert_eq!(diff.verdict().to_string(), expected);
    assert_eq!(diff.metrics.values[0].judgement(), Judgement::Better);
    assert_eq!(diff.metrics.values[1].judgement(), Judgement::Worse);
}

#[test]
fn a_limited_diff_has_nothing_else() {
    let memory = Memory::default();
    let (a, b) = (Project::default().state(&memory), changed().state(&memory));
    let diff = compare(&memory, &a, &b, &["params.train.lr", "features/base/body_mass_g"]);
    assert_eq!(diff.params.values.len(), 1);
    assert!(diff.params.files.is_empty() && diff.features[0].files.is_empty());
    assert_eq!(diff.features[0].features.len(), 1);
    assert!(diff.code.is_empty() && diff.metrics.is_empty());
    assert!(compare(&memory, &a, &b, &["environment", "datasets/penguins"]).is_empty());
}

#[test]
fn everything_is_added_to_the_empty_state() {
    let memory = Memory::default();
    let b = Project::default().state(&memory);
    let diff = compare(&memory, &State::default(), &b, &[]);
    assert_eq!(diff.verdict().definition.len(), 10);
    assert_eq!(diff.verdict().identical, Vec::<&str>::new());
    let back = compare(&memory, &b, &State::default(), &[]);
    assert_eq!(back.verdict().definition, diff.verdict().definition);
}

#[test]
fn source_files_are_renamed_by_similarity() {
    let memory = Memory::default();
    let a = Project::default().state(&memory);
    let text = train_py().replace("step_9()\n", "step_nine()\n");
    let b = Project { code: vec![("fit.py", text)], ..Project::default() }.state(&memory);
    let diff = compare(&memory, &a, &b, &["code"]);
    assert_eq!(diff.code.changes.len(), 1);
    let change = &diff.code.changes[0];
    assert_eq!((change.from.as_deref(), change.path.as_str()), (Some("train.py"), "fit.py"));
    assert!(matches!(&change.lines, Some(Lines::Text(lines)) if lines.added == 1 && lines.removed == 1));
}

#[test]
fn missing_contents_are_told_and_no_error() {
    let (memory, empty) = (Memory::default(), Memory::default());
    let (a, b) = (Project::default().state(&memory), changed().state(&memory));
    let diff = states(&memory, &empty, &a, &b, &Options::default()).unwrap();
    assert_eq!(diff.code.changes[0].lines, Some(Lines::Missing));
}

#[test]
fn selectors_resolve_to_what_they_name() {
    let memory = Memory::default();
    let state = Project::default().state(&memory);
    let get = |text: &str| part::get(&memory, &state, &text.parse().unwrap()).unwrap();
    assert_eq!(get("params.train.lr"), Some(Resolved::Value(Value::Float(0.1))));
    assert_eq!(get("metrics.accuracy"), Some(Resolved::Value(Value::Float(0.942))));
    assert_eq!(get("system.cpu.threads"), Some(Resolved::Value(Value::Int(4i64.into()))));
    assert!(matches!(get("datasets/penguins"), Some(Resolved::Object(..))));
    assert!(
        matches!(get("code/train.py"), Some(Resolved::Node(placed)) if placed.path.as_str() == "train.py")
    );
    let data = get("data/penguins/README");
    assert!(matches!(data, Some(Resolved::Node(placed)) if placed.path.as_str() == "data/README"));
    assert!(matches!(get("packages.numpy"), Some(Resolved::Package(package)) if package.version == "1.26.4"));
    assert!(matches!(get("environment"), Some(Resolved::Many(parts)) if parts.len() == 4));
    for nothing in ["params.x", "datasets/x", "code/x", "features/base/x", "variables.X", "outputs"] {
        assert_eq!(get(nothing), None, "{nothing}");
    }
}

#[test]
fn a_part_is_changed_or_not() {
    let memory = Memory::default();
    let (a, b) = (Project::default().state(&memory), changed().state(&memory));
    let is_changed = |text: &str| part::changed(&memory, &a, &b, &text.parse().unwrap()).unwrap();
    for text in ["params", "params.train.lr", "features", "code/train.py", "metrics", "definition"] {
        assert!(is_changed(text), "{text}");
    }
    for text in ["data", "environment", "packages.numpy", "seeds", "exit", "features/base/bill_depth_mm"] {
        assert!(!is_changed(text), "{text}");
    }
}

#[test]
fn parts_have_files() {
    let memory = Memory::default();
    let state = Project::default().state(&memory);
    let paths = |text: &str| -> Vec<String> {
        let files = part::files(&memory, &state, &text.parse().unwrap()).unwrap();
        files.iter().map(|placed| placed.path.to_string()).collect()
    };
    assert_eq!(paths("params.train.lr"), ["params.yaml"]);
    assert_eq!(paths("data"), ["data"]);
    assert_eq!(paths("data/penguins/README"), ["data/README"]);
    assert_eq!(paths("definition"), ["data", "params.yaml", "features.txt", "train.py"]);
    assert_eq!(paths("system"), Vec::<String>::new());
}

#[test]
fn a_snapshot_has_all_small_objects() {
    let memory = Memory::default();
    let snapshot = Snapshot::load(&memory, Project::default().state(&memory)).unwrap();
    assert_eq!(snapshot.datasets.len(), 1);
    assert_eq!(snapshot.environment.unwrap().packages.packages.len(), 2);
}
