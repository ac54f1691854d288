//! What a person sees, as snapshots.

use super::*;
use crate::diff::fixture::{Project, train_py};
use crate::diff::{Diff, MetricChange, Options, Snapshot, State, states};
use crate::graph::fixture::commit;
use crate::id::{CommitId, ContentId, Kind};
use crate::name::EntryName;
use crate::object::{Commit, Direction, Entry, GitState, Memory, Node, Object, Time, Tree, get};
use crate::value::{Int, Value};

/// What a renderer writes.
fn text(render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn compare(memory: &Memory, a: &State, b: &State) -> Diff {
    states(memory, memory, a, b, &Options::default()).unwrap()
}

fn next() -> Project {
    Project {
        params: vec![
            ("lr", Value::Float(0.01)),
            ("epochs", Value::Float(100.0)),
            ("name", Value::Text("wide".into())),
        ],
        features: vec!["bill_length_mm", "bill_depth_mm", "body_mass_g"],
        data: vec![
            ("penguins.csv", "species,bill\nAdelie,39.1\nGentoo,46.1\n"),
            ("README.md", "CC0\n"),
            ("extra.csv", "x\n"),
        ],
        code: vec![
            ("train.py", train_py().replace("step_9()\n", "step_nine()\n\tlog()\n")),
            ("util.py", "pass\n".into()),
        ],
        packages: vec![("numpy", "2.0.0"), ("pandas", "2.2.1"), ("scikit-learn", "1.5.0")],
        kernel: "6.12",
        metrics: vec![("accuracy", 0.971), ("loss", 0.25)],
    }
}

#[test]
fn a_diff_of_everything() {
    let memory = Memory::default();
    let diff = compare(&memory, &Project::default().state(&memory), &next().state(&memory));
    insta::assert_snapshot!(text(|out| super::diff(out, &Style::PLAIN, &diff, Detail::Full)), @r#"
    6 parts differ: data (3 files), params (3), features (1), code (2 files), packages (3), system (1)

    datasets/penguins   1 added, 1 modified, 1 moved, +39 B, −25 B
      README → README.md   4 B
      + extra.csv          2 B
      penguins.csv         25 B → 37 B

    params
      train.epochs   100 → 100.0   integer → float
      train.lr       0.1 → 0.01    ×0.1
      + train.name   wide

    features/base
      + body_mass_g

    code
      train.py   +2 −1
        @@ 9,7 → 9,8 @@
         step_6()
         step_7()
         step_8()
        -step_9()
        +step_nine()
        +    log()
         step_10()
         step_11()
         step_12()
      + util.py   +1

    packages
      numpy            1.26.4 → 2.0.0   major
      pandas           2.2.0 → 2.2.1    patch
      + scikit-learn   1.5.0

    system
      kernel   6.8 → 6.12

    metrics
      accuracy   0.942 → 0.971   +0.029    +3.1 %   better
      loss       0.2 → 0.25       +0.05   +25.0 %   worse
    "#);
}

#[test]
fn a_diff_in_a_row_a_part() {
    let memory = Memory::default();
    let diff = compare(&memory, &Project::default().state(&memory), &next().state(&memory));
    let ascii = Style { unicode: false, ..Style::PLAIN };
    insta::assert_snapshot!(text(|out| super::diff(out, &ascii, &diff, Detail::Stat)), @r#"
    6 parts differ: data (3 files), params (3), features (1), code (2 files), packages (3), system (1)

    datasets/penguins   1 added, 1 modified, 1 moved, +39 B, -25 B
    params              3 changes
    features/base       1 change
    code                2 files, +3 -1
      train.py          +2 -1
      + util.py         +1
    packages            3 changes
    system              1 change
    metrics             2 changes
    "#);
}

#[test]
fn a_diff_without_a_difference_is_a_line() {
    let memory = Memory::default();
    let state = Project::default().state(&memory);
    let diff = compare(&memory, &state, &state);
    let shown = text(|out| super::diff(out, &Style::PLAIN, &diff, Detail::Full));
    assert_eq!(shown, "no difference: definition and outcome are identical\n");
}

#[test]
fn hostile_names_cannot_steer_the_terminal() {
    let memory = Memory::default();
    let hostile = Project {
        params: vec![("\x1b[2J\u{202e}lr", Value::Text("a\r\nforged line".into()))],
        code: vec![("train.py", format!("{}\x1b]0;title\x07\r\n", train_py()))],
        ..Project::default()
    };
    let diff = compare(&memory, &Project::default().state(&memory), &hostile.state(&memory));
    let shown = text(|out| super::diff(out, &Style::PLAIN, &diff, Detail::Full));
    assert!(!shown.contains(['\x1b', '\r', '\u{202e}', '\x07']), "{shown:?}");
    assert!(!shown.lines().any(|line| line.trim_start().starts_with("forged")), "{shown}");
    let json = diff_json(&diff);
    assert_eq!(json["params"]["values"][0]["change"], "added");
}

fn entry(memory: &Memory, id: CommitId, message: &str) -> LogEntry {
    let mut commit: Commit = get(memory, id).unwrap();
    commit.message = message.into();
    LogEntry { id, commit, labels: Vec::new(), changes: None, metrics: Vec::new() }
}

/// A merge of a branch, newest first.
fn history(memory: &Memory) -> Vec<LogEntry> {
    let base = commit(memory, 1_000, &[]);
    let left = commit(memory, 2_000, &[base]);
    let right = commit(memory, 3_000, &[base]);
    let merge = commit(memory, 4_000, &[left, right]);
    let mut entries = vec![
        entry(memory, merge, "take the wider features"),
        entry(memory, right, "wider features\n\nbody mass helps\n"),
        entry(memory, left, "smaller steps"),
        entry(memory, base, "baseline"),
    ];
    let label = |kind, name: &str| RefLabel { kind, name: name.into() };
    entries[0].labels = vec![label(LabelKind::Head, "main"), label(LabelKind::Tag, "best")];
    entries[1].changes = Some("features (1)".into());
    entries[1].metrics = vec![MetricChange {
        path: "accuracy".parse().unwrap(),
        old: Some(Value::Float(0.9420289855072463)),
        new: Some(Value::Float(0.9710144927536232)),
        better: Some(Direction::Higher),
    }];
    entries
}

fn logged(entries: &[LogEntry], format: LogFormat) -> String {
    let mut writer = LogWriter::new(Style::PLAIN, format);
    text(|out| entries.iter().try_for_each(|entry| writer.entry(out, entry)))
}

#[test]
fn a_log() {
    let entries = history(&Memory::default());
    insta::assert_snapshot!(logged(&entries[..2], LogFormat::default()), @r#"
    commit 8b4b068866 (HEAD → main, tag: best)
    Merge:   591c1f0e83 9e9a8b237f
    Author:  A <a@example.org>
    Date:    1970-01-01 00:00:04 +0000

        take the wider features

    commit 9e9a8b237f
    Author:  A <a@example.org>
    Date:    1970-01-01 00:00:03 +0000
    Changed: features (1)
    Metrics: accuracy 0.942 → 0.971

        wider features

        body mass helps
    "#);
}

#[test]
fn a_log_with_lanes() {
    let entries = history(&Memory::default());
    insta::assert_snapshot!(logged(&entries, LogFormat { oneline: true, graph: true }), @r#"
    *   8b4b068866 (HEAD → main, tag: best) take the wider features
    |\
    | * 9e9a8b237f wider features
    * | 591c1f0e83 smaller steps
    |/
    * 285dad7263 baseline
    "#);
    insta::assert_snapshot!(logged(&entries, LogFormat { oneline: false, graph: true }), @r#"
    *   commit 8b4b068866 (HEAD → main, tag: best)
    |\  Merge:   591c1f0e83 9e9a8b237f
    | | Author:  A <a@example.org>
    | | Date:    1970-01-01 00:00:04 +0000
    | |
    | |     take the wider features
    | |
    | * commit 9e9a8b237f
    | | Author:  A <a@example.org>
    | | Date:    1970-01-01 00:00:03 +0000
    | | Changed: features (1)
    | | Metrics: accuracy 0.942 → 0.971
    | |
    | |     wider features
    | |
    | |     body mass helps
    | |
    * | commit 591c1f0e83
    |/  Author:  A <a@example.org>
    |   Date:    1970-01-01 00:00:02 +0000
    |
    |       smaller steps
    |
    * commit 285dad7263
      Author:  A <a@example.org>
      Date:    1970-01-01 00:00:01 +0000

          baseline
    "#);
}

#[test]
fn lanes_cross_step_by_step() {
    let memory = Memory::default();
    let base = commit(&memory, 1, &[]);
    let arms = [2, 3, 4].map(|time| commit(&memory, time, &[base]));
    let merge = commit(&memory, 5, &arms);
    let entries: Vec<LogEntry> = [merge, arms[0], arms[1], arms[2], base]
        .into_iter()
        .enumerate()
        .map(|(at, id)| entry(&memory, id, &format!("commit {at}")))
        .collect();
    insta::assert_snapshot!(logged(&entries, LogFormat { oneline: true, graph: true }), @r#"
    *     1e2a8ae933 commit 0
    |\
    | |\
    * | | 0f6b51b834 commit 1
    | * | 28668921e8 commit 2
    |/ /
    | * 72b8a5cd02 commit 3
    |/
    * b0b67b7481 commit 4
    "#);
}

#[test]
fn a_commit_in_full() {
    let memory = Memory::default();
    let mut entry = history(&memory).swap_remove(3);
    let (commit, branch) = (Some("0123456789abcdef".into()), Some("main".into()));
    entry.commit.git = Some(GitState { commit, branch, remote: None, dirty: true });
    let snapshot = Snapshot::load(&memory, next().state(&memory)).unwrap();
    let shown = ShownCommit { entry, snapshot };
    insta::assert_snapshot!(text(|out| show_commit(out, &Style::PLAIN, &shown)), @r#"
    commit 285dad7263
    Author:  A <a@example.org>
    Date:    1970-01-01 00:00:01 +0000

        baseline

    git: 0123456789 on main with changes that git does not have

    datasets
      penguins   data   csv, 3 files, 43 B   17ebd98c81

    params
      train.epochs   100.0
      train.lr       0.01
      train.name     wide

    features
      base   3 features   bill_length_mm, bill_depth_mm, body_mass_g   02efdd5564

    run
      code          b250e193c5
      command       python3 train.py
      seed python   7

    environment
      packages          cpython 3.12.3, 3 packages                    033ac3ad2e
      system            Debian 13, x86_64, Xeon, 4 threads, 17.2 GB   57111f334f
      accelerators      none                                          c97cea4250
      OMP_NUM_THREADS   1

    metrics
      accuracy   0.971
      loss       0.25

    outcome
      exit   0
    "#);
    let json = show_commit_json(&shown);
    assert_eq!(json["schema"], "mdl.show/1");
    assert_eq!(json["commit"]["params"]["train"]["lr"], 0.01);
}

#[test]
fn a_tree_and_a_commit_as_objects() {
    let content = ContentId::of(b"x");
    let entry = |name: &str, node| Entry { name: EntryName::new(name).unwrap(), node };
    let tree = Tree::Leaf(vec![
        entry("data", Node::Directory { tree: Kind::Tree.digest(b"t").into(), files: 3, bytes: 12_345 }),
        entry("run.sh", Node::File { content, size: 1, executable: true }),
    ]);
    let bytes = crate::encoding::to_bytes(&tree);
    let shown = text(|out| any_object(out, &Style::PLAIN, Kind::Tree, tree.id().digest(), &bytes));
    insta::assert_snapshot!(shown, @r#"
    tree 6e0a7295e494483838a658faa78bc732d42aead39b82c97c0dc2112e5576e8ca

    directory    7564409c4b   12.3 kB   data/
    executable   3ae7d805f6       1 B   run.sh
    "#);

    let memory = Memory::default();
    let commit: Commit = get(&memory, commit(&memory, 1_000, &[])).unwrap();
    let bytes = crate::encoding::to_bytes(&commit);
    let shown = text(|out| any_object(out, &Style::PLAIN, Kind::Commit, commit.id().digest(), &bytes));
    insta::assert_snapshot!(shown, @r#"
    commit 285dad7263823dab8bca4a974f5039c1046451cfd00cffbb7fd5e79fad46edd8

    time.zone     0
    time.millis   1000
    author        A <a@example.org>
    message       at 1000
    parents
    definition    8b40026370ddf7dc710c7fa061736b01de210a577387bb3c21aabb7f7d273eaa
    "#);
    let json = object_json(Kind::Commit, commit.id().digest(), &bytes).unwrap();
    assert_eq!(json["value"]["message"], "at 1000");
}

#[test]
fn a_status() {
    let memory = Memory::default();
    let state = Project::default().state(&memory);
    let id = commit(&memory, 1, &[]);
    let clean = Status {
        head: Head::Branch("main".into(), Some(id)),
        diff: Diff::default(),
        notes: vec![],
        upstream: None,
    };
    insta::assert_snapshot!(text(|out| status(out, &Style::PLAIN, &clean, Detail::Full)), @r#"
    On branch main
    nothing to commit, the work tree is as HEAD says
    "#);

    let changed = Project { params: vec![("lr", Value::Int(Int::from(1i64)))], ..Project::default() };
    let diff = compare(&memory, &state, &changed.state(&memory));
    let dirty = Status { diff, notes: vec!["metrics.json is named and not there".into()], ..clean };
    insta::assert_snapshot!(text(|out| status(out, &Style::PLAIN, &dirty, Detail::Full)), @r#"
    On branch main
    metrics.json is named and not there
    Changes since HEAD: params (2)

    params
      − train.epochs   100
      train.lr         0.1 → 1   float → integer
    "#);

    let diff = compare(&memory, &State::default(), &state);
    let unborn = Status { head: Head::Branch("main".into(), None), diff, notes: vec![], upstream: None };
    insta::assert_snapshot!(text(|out| status(out, &Style::PLAIN, &unborn, Detail::Full)), @r#"
    On branch main
    No commits yet. The first one will record:

      datasets/penguins   2 files, 29 B
      params              2 values
      features/base       2 features
      code                1 file, 139 B
      command             python3 train.py
      seeds               1 value
      metrics             2 values
      environment         2 packages, the system, its accelerators
    "#);
    assert_eq!(status_json(&unborn)["head"], serde_json::Value::Null);
}

#[test]
fn lists_of_refs() {
    let commit = Kind::Commit.digest(b"c").into();
    let line = |name: &str, current| BranchLine { name: name.into(), current, commit, subject: "why".into() };
    let list = [line("feature/wider", false), line("main", true)];
    insta::assert_snapshot!(text(|out| branches(out, &Style::PLAIN, &list)), @r#"
      feature/wider   37fdc8c7f5   why
    * main            37fdc8c7f5   why
    "#);
    let time = Time { millis: 1_795_411_311_000, zone: 60 };
    let tag =
        TagLine { name: "best".into(), commit, time, author: "A".into(), message: "so far\nmore".into() };
    insta::assert_snapshot!(text(|out| tags(out, &Style::PLAIN, &[tag])), @"best   37fdc8c7f5   2026-11-23 06:21:51 +0100   so far");
}

#[test]
fn json_says_what_it_can() {
    let list =
        [Value::Float(f64::NAN), Value::Float(1.0), Value::Int(Int::new(-(1 << 64)).unwrap()), Value::Null];
    let json = value_json(&Value::List(list.to_vec()));
    assert_eq!(json.to_string(), r#"["nan",1.0,"-18446744073709551616",null]"#);
}
