//! Tests of the manifest: what is read, what is refused and where, and what edits leave alone.

use super::*;

const FULL: &str = r#"# The penguins.
[datasets.train]
path = "data/train/"        # file or directory
reference = true
source = "https://example.org/train.zip"
licence = "CC0-1.0"

[datasets.test]
path = "./data/test.csv"

# What the model sees.
[features.penguins]
path = "features.yaml"
datasets = ["train"]

[params]
files = [
    "params.yaml",   # the main one
]

[metrics]
files = ["metrics.json"]
better = { accuracy = "higher", "loss.val" = "lower" }

[outputs.model]
path = "model.json"

[run]
command = "python3 'train it.py' --fast"
seeds = ["seed"]
variables = ["CUDA_*"]
"#;

fn name(text: &str) -> PartName {
    PartName::new(text).unwrap()
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

#[test]
fn everything_is_read() {
    let manifest = Manifest::parse(FULL).unwrap();
    let train = &manifest.datasets[&name("train")];
    assert_eq!((train.path.as_str(), train.reference), ("data/train", true));
    assert_eq!(train.licence.as_deref(), Some("CC0-1.0"));
    assert_eq!(manifest.features[&name("penguins")].datasets, [name("train")]);
    assert_eq!(manifest.better["loss.val"], Direction::Lower);
    assert_eq!(manifest.run.command, ["python3", "train it.py", "--fast"]);
    let paths: Vec<_> = manifest.paths().into_iter().map(|(what, path)| format!("{what}: {path}")).collect();
    assert_eq!(
        paths,
        [
            "dataset test: data/test.csv",
            "dataset train: data/train",
            "features penguins: features.yaml",
            "params: params.yaml",
            "metrics: metrics.json",
            "output model: model.json"
        ]
    );
    assert_eq!(Manifest::parse("").unwrap(), Manifest::empty());
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let refused = [
        (
            "\n[dataset.x]\npath = \"x\"",
            "line 2: unknown key \"dataset\" in the manifest; did you mean \"datasets\"?",
        ),
        (
            "[datasets.x]\npath = \"x\"\nlicense = \"MIT\"",
            "line 3: unknown key \"license\" in [datasets.x]; did you mean \"licence\"?",
        ),
        (
            "[datasets.x]\npath = \"../x\"",
            "line 2: datasets.x.path: \"../x\" cannot be used: it is '.' or '..'",
        ),
        (
            "[datasets.x]\npath = \"/x\"",
            "line 2: datasets.x.path: \"/x\" cannot be used: it is an absolute path",
        ),
        ("[datasets.x]\n", "line 1: datasets.x.path is missing"),
        ("[params]\nfiles = \"x\"", "line 2: params.files must be a list of texts"),
        ("[outputs]\nx = 1", "line 2: outputs.x must be a table"),
        (
            "[datasets.a]\npath = \"d\"\n[datasets.b]\npath = \"d/x/y\"",
            "line 4: [datasets.a] and [datasets.b] overlap",
        ),
        (
            "[datasets.b]\npath = \"d/x\"\n[datasets.c]\npath = \"d\"",
            "line 2: [datasets.c] and [datasets.b] overlap",
        ),
        (
            "[params]\nfiles = [\"p\"]\n[outputs.o]\npath = \"p\"",
            "line 4: p in [params] and [outputs.o] overlap",
        ),
        ("[params]\nfiles = [\"mdl.toml\"]", "line 2: mdl.toml is the manifest's own name"),
        (
            "[features.f]\npath = \"f\"\ndatasets = [\"x\"]",
            "line 1: features.f.datasets: there is no dataset x",
        ),
        ("[metrics]\nbetter = { a = \"up\" }", "line 2: metrics.better.a must be \"higher\" or \"lower\""),
        ("[run]\ncommand = \"a 'b\"", "line 2: run.command: a quotation mark is not closed"),
        (
            "[datasets.\"a b\"]\npath = \"x\"",
            "line 1: datasets.a b: \"a b\" cannot be used: it has the character ' '",
        ),
    ];
    for (text, problem) in refused {
        assert_eq!(Manifest::parse(text).unwrap_err().to_string(), problem);
    }
    assert!(Manifest::parse("a = [").unwrap_err().line.is_some());
    assert!(Manifest::parse(&"[".repeat(200_000)).is_err());
    assert!(Manifest::parse(&format!("a = {}", "[".repeat(500_000))).is_err());
    assert!(Manifest::parse(&"#".repeat(MAX_BYTES + 1)).is_err());
}

#[test]
fn edits_keep_what_they_do_not_touch() {
    let mut editor = Editor::new(FULL).unwrap();
    assert_eq!(editor.text(), FULL);
    let spec = DatasetSpec { path: path("raw"), reference: false, source: None, licence: None };
    assert!(editor.add_dataset(&name("raw"), &spec).unwrap());
    assert!(editor.add_params(&path("more.toml")).unwrap());
    assert!(editor.add_output(&name("plot"), &path("plot.png")).unwrap());
    let once = editor.text();
    assert!(!editor.add_dataset(&name("raw"), &spec).unwrap());
    assert!(!editor.add_params(&path("more.toml")).unwrap());
    assert!(!editor.add_output(&name("plot"), &path("plot.png")).unwrap());
    assert_eq!(editor.text(), once);
    for line in FULL.lines() {
        assert!(once.contains(line), "{line} is lost in:\n{once}");
    }
    assert!(once.contains("[datasets.raw]\npath = \"raw\"\n"), "{once}");
    assert!(editor.remove_dataset(&name("raw")).unwrap());
    assert!(editor.remove_params(&path("more.toml")).unwrap());
    assert!(editor.remove_output(&name("plot")).unwrap());
    assert_eq!(editor.text(), FULL);
}

#[test]
fn an_edit_that_fails_changes_nothing() {
    let mut editor = Editor::new(FULL).unwrap();
    let spec = |text| DatasetSpec { path: path(text), reference: false, source: None, licence: None };
    let taken = editor.add_dataset(&name("train"), &spec("elsewhere")).unwrap_err();
    assert!(matches!(taken.problem, ManifestProblem::Taken { .. }));
    let overlap = editor.add_dataset(&name("part"), &spec("data/train/part")).unwrap_err();
    assert!(matches!(overlap.problem, ManifestProblem::Overlap { .. }));
    assert_eq!(editor.text(), FULL);
}

#[test]
fn an_empty_manifest_grows_and_shrinks() {
    let mut editor = Editor::new("").unwrap();
    editor.add_metrics(&path("metrics.json")).unwrap();
    editor.add_params(&path("params.yaml")).unwrap();
    editor
        .add_dataset(
            &name("data"),
            &DatasetSpec { path: path("data"), reference: true, source: None, licence: None },
        )
        .unwrap();
    editor
        .add_features(&name("f"), &FeaturesSpec { path: path("f.txt"), datasets: vec![name("data")] })
        .unwrap();
    let manifest = editor.manifest().unwrap();
    assert!(manifest.datasets[&name("data")].reference);
    editor.remove_dataset(&name("data")).unwrap();
    assert!(editor.manifest().unwrap().features[&name("f")].datasets.is_empty());
    editor.remove_features(&name("f")).unwrap();
    editor.remove_metrics(&path("metrics.json")).unwrap();
    editor.remove_params(&path("params.yaml")).unwrap();
    assert!(!editor.remove_params(&path("params.yaml")).unwrap());
    assert_eq!(editor.manifest().unwrap(), Manifest::empty());
}

#[test]
fn a_direction_is_declared_once() {
    let mut editor = Editor::new("[metrics]\nfiles = [\"m.json\"]\n").unwrap();
    assert!(editor.declare_better("accuracy", Direction::Higher).unwrap());
    assert!(editor.declare_better("log loss", Direction::Lower).unwrap());
    assert!(!editor.declare_better("accuracy", Direction::Lower).unwrap());
    let better = "better = { accuracy = \"higher\", \"log loss\" = \"lower\" }";
    assert_eq!(editor.text(), format!("[metrics]\nfiles = [\"m.json\"]\n{better}\n"));
}

#[test]
fn comments_at_the_end_stay_with_what_is_above_them() {
    let text = "[run]\ncommand = \"x\"\n# seeds = [\"seed\"]\n";
    let mut editor = Editor::new(text).unwrap();
    editor.add_metrics(&path("m.json")).unwrap();
    editor.add_output(&name("model"), &path("m.bin")).unwrap();
    let metrics = "\n[metrics]\nfiles = [\"m.json\"]\n";
    let model = "\n[outputs.model]\npath = \"m.bin\"\n";
    assert_eq!(editor.text(), format!("{text}{metrics}{model}"));
}

#[test]
fn inline_styles_can_be_edited() {
    let text = "datasets = { a = { path = \"a\" } }\nparams.files = []\n";
    let mut editor = Editor::new(text).unwrap();
    let spec = DatasetSpec { path: path("b"), reference: false, source: None, licence: None };
    editor.add_dataset(&name("b"), &spec).unwrap();
    editor.add_params(&path("p.yaml")).unwrap();
    let manifest = editor.manifest().unwrap();
    assert_eq!((manifest.datasets.len(), manifest.params.len()), (2, 1));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(\\[?\\[?(datasets|params|run)\\.?[a-z\"' ={}\\]\n]{0,20}){0,4}") {
        if let Ok(mut editor) = Editor::new(&text) {
            let _ = editor.add_params(&path("some/file.yaml"));
            proptest::prop_assert!(editor.manifest().is_ok());
        }
    }
}
