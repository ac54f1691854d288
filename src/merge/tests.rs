//! What holds of every merge, and each part for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::fixture::{Project, Small, file, files, paths, tree};
use super::text::Clash;
use super::*;
use crate::id::{ContentId, Digest, Kind};
use crate::object::{Memory, TreeEntries};

fn merged(base: &Project, ours: &Project, theirs: &Project, favour: Option<Side>) -> (Project, Vec<String>) {
    let memory = Memory::default();
    let [base, ours, theirs] = [base, ours, theirs].map(|side| side.definition(&memory));
    let merged = definitions(&memory, &Small, Some(&base), [&ours, &theirs], favour).unwrap();
    let places = merged.conflicts.iter().map(|conflict| conflict.place.clone()).collect();
    (Project::of(&memory, &merged.definition), places)
}

/// What comes of parameters, or where they are in conflict.
fn params(base: &str, ours: &str, theirs: &str) -> Result<String, Vec<String>> {
    let side = |text: &str| Project { params: Some(text.to_owned()), ..Project::default() };
    match merged(&side(base), &side(ours), &side(theirs), None) {
        (merged, places) if places.is_empty() => Ok(merged.params.unwrap()),
        (_, places) => Err(places),
    }
}

/// What comes of source files, or where they are in conflict.
fn code(
    base: &[(&str, &str)],
    ours: &[(&str, &str)],
    theirs: &[(&str, &str)],
) -> (BTreeMap<String, String>, Vec<String>) {
    let side = |list: &[(&str, &str)]| Project { code: files(list), ..Project::default() };
    let (project, places) = merged(&side(base), &side(ours), &side(theirs), None);
    (project.code, places)
}

#[test]
fn parameters_are_merged_by_key_and_their_file_keeps_all_comments() {
    let base = "# rates\nlr = 1\nepochs = 2\n";
    // Lines beside each other, each with a comment that came with it.
    let ours = "# rates\nlr = 5  # faster\nepochs = 2\n";
    let theirs = "# rates\nlr = 1\nepochs = 9\n# theirs\n";
    assert_eq!(params(base, ours, theirs).unwrap(), "# rates\nlr = 5  # faster\nepochs = 9\n# theirs\n");
    // Keys that both add at one place are both there.
    let (ours, theirs) = (format!("{base}a = 1\n"), format!("{base}b.c = 2\n"));
    assert_eq!(params(base, &ours, &theirs).unwrap(), format!("{base}a = 1\nb.c = 2\n"));
    // One removes a key and the other changes the one beside it.
    assert_eq!(
        params(base, "# rates\nepochs = 2\n", "# rates\nlr = 1\nepochs = 3\n").unwrap(),
        "# rates\nepochs = 3\n"
    );
    // Comments are nothing to decide about.
    assert_eq!(params("a = 1\n", "a = 1  # x\n", "a = 1  # y\n").unwrap(), "a = 1  # x\n");
}

#[test]
fn parameters_that_both_change_are_told_by_key() {
    assert_eq!(
        params("m.a = 1\nm.b = 1\n", "m.a = 2\nm.b = 5\n", "m.a = 3\nm.b = 5\n"),
        Err(vec!["params.m.a".into()])
    );
    // Removed here, changed there.
    assert_eq!(params("m.a = 1\nb = 1\n", "b = 1\n", "m.a = 2\nb = 1\n"), Err(vec!["params.m.a".into()]));
    let side =
        |text: &str, seed| Project { params: Some(text.to_owned()), seed: Some(seed), ..Project::default() };
    let (base, ours, theirs) =
        (side("seed = 1\nx = 1\n", 1), side("seed = 2\nx = 1\n", 2), side("seed = 3\nx = 4\n", 3));
    let (_, places) = merged(&base, &ours, &theirs, None);
    assert_eq!(places, ["params.seed"], "a seed that is a parameter is one conflict");
    let (project, _) = merged(&base, &ours, &theirs, Some(Side::Theirs));
    assert_eq!(project.params.unwrap(), "seed = 3\nx = 4\n");
    let (project, _) = merged(&base, &ours, &theirs, Some(Side::Ours));
    assert_eq!(project.params.unwrap(), "seed = 2\nx = 4\n", "only the place in conflict is ours");
}

#[test]
fn code_is_merged_by_path_and_by_line() {
    let lines = |changed: &[(usize, &str)]| -> String {
        let line = |i| {
            changed
                .iter()
                .find(|(at, _)| *at == i)
                .map_or(format!("line {i}\n"), |(_, text)| format!("{text}\n"))
        };
        (0..10).map(line).collect()
    };
    let base = lines(&[]);
    let (ours, theirs) = (lines(&[(1, "ours")]), lines(&[(8, "theirs")]));
    let (code_, places) = code(
        &[("a.py", &base), ("b", "1"), ("c", "1")],
        &[("a.py", &ours), ("b", "2"), ("c", "1")],
        &[("a.py", &theirs), ("b", "1"), ("d", "1")],
    );
    assert_eq!(
        (code_, places),
        (files(&[("a.py", &lines(&[(1, "ours"), (8, "theirs")])), ("b", "2"), ("d", "1")]), vec![])
    );
    let (_, places) =
        code(&[("s/a.py", &base)], &[("s/a.py", &lines(&[(4, "x")]))], &[("s/a.py", &lines(&[(5, "y")]))]);
    assert_eq!(places, ["code/s/a.py"], "lines next to each other");
}

#[test]
fn files_that_one_removed_or_both_added_are_conflicts() {
    assert_eq!(code(&[("d/a", "1"), ("d/b", "1")], &[], &[("d/a", "2"), ("d/b", "1")]).1, ["code/d/a"]);
    assert_eq!(code(&[], &[("a", "1")], &[("a", "2")]).1, ["code/a"]);
    assert_eq!(code(&[], &[("a", "1")], &[("a/b", "1")]).1, ["code/a"], "a file and a directory");
    assert_eq!(code(&[], &[("a", "1")], &[("a", "1")]), (files(&[("a", "1")]), vec![]));
    let (left, places) = code(
        &[("d/a", "1"), ("d/b", "1"), ("e", "1")],
        &[("d/a", "1"), ("e", "1")],
        &[("d/b", "1"), ("e", "1")],
    );
    assert_eq!(
        (left, places),
        (files(&[("e", "1")]), vec![]),
        "a directory of which nothing is left is gone"
    );
}

#[test]
fn files_of_values_among_the_code_are_merged_by_key_where_lines_meet() {
    let (merged, places) =
        code(&[("x.kv", "a = 1\n")], &[("x.kv", "a = 1\nb = 1\n")], &[("x.kv", "a = 1\nc = 1\n")]);
    assert_eq!((merged, places), (files(&[("x.kv", "a = 1\nb = 1\nc = 1\n")]), vec![]));
    // Each side is well and their lines do not meet, but nobody can read what would come out.
    let base = "a = 1\nq = 1\nr = 1\nz = 1\n";
    let (_, places) = code(
        &[("x.kv", base)],
        &[("x.kv", &format!("n = 1\n{base}"))],
        &[("x.kv", &format!("{base}n = 2\n"))],
    );
    assert_eq!(places, ["code/x.kv"]);
}

#[test]
fn data_is_merged_by_path_and_never_by_line() {
    let side = |list: &[(&str, &str)]| Project { data: files(list), ..Project::default() };
    let base = side(&[("x/1.csv", "a\nb\nc\nd\n"), ("2.csv", "1")]);
    let ours = side(&[("x/1.csv", "A\nb\nc\nd\n"), ("2.csv", "1")]);
    let theirs = side(&[("x/1.csv", "a\nb\nc\nd\n"), ("2.csv", "1"), ("x/3.csv", "3")]);
    let (project, places) = merged(&base, &ours, &theirs, None);
    assert_eq!(
        (project.data, places.len()),
        (files(&[("2.csv", "1"), ("x/1.csv", "A\nb\nc\nd\n"), ("x/3.csv", "3")]), 0)
    );
    let theirs = side(&[("x/1.csv", "a\nb\nc\nD\n"), ("2.csv", "1")]);
    assert_eq!(merged(&base, &ours, &theirs, None).1, ["datasets/train/x/1.csv"]);
}

#[test]
fn features_are_merged_by_the_lines_of_their_file() {
    let side = |text: &str| Project { features: Some(text.to_owned()), ..Project::default() };
    let (base, ours) = (side("a\nb\nc\n"), side("x\na\nb\nc\n"));
    let (project, places) = merged(&base, &ours, &side("a\nb\nc\ny\n"), None);
    assert_eq!((project.features.as_deref(), places.len()), (Some("x\na\nb\nc\ny\n"), 0));
    assert_eq!(merged(&base, &ours, &side("z\na\nb\nc\n"), None).1, ["features/base"]);
}

#[test]
fn a_command_is_one_thing_and_an_environment_no_conflict() {
    let memory = Memory::default();
    let side = |command, machine| {
        Project { command: Some(command), machine, ..Project::default() }.definition(&memory)
    };
    let (base, ours, theirs) = (side("a", "x"), side("b", "y"), side("c", "z"));
    let merge = |base: &Definition, ours: &Definition, theirs: &Definition| {
        definitions(&memory, &Small, Some(base), [ours, theirs], None).unwrap()
    };
    let all = merge(&base, &ours, &theirs);
    let word = |text: &str| Some(Held::Value(Value::List(vec![Value::Text(text.into())])));
    let conflict = Conflict { place: "command".into(), base: word("a"), ours: word("b"), theirs: word("c") };
    assert_eq!((all.conflicts, all.environments_differ), (vec![conflict], true));
    assert_eq!(all.definition.environment, ours.environment);
    let one = merge(&base, &side("a", "x"), &side("a", "z"));
    assert_eq!((one.definition.environment, one.environments_differ), (theirs.environment, false));
}

/// Counts what is read.
struct Counting<'a>(&'a Memory, AtomicUsize);

impl Find for Counting<'_> {
    fn find(&self, kind: Kind, id: Digest) -> Result<Option<Vec<u8>>, ObjectError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.find(kind, id)
    }
}

impl FindContent for Counting<'_> {
    fn content(&self, id: ContentId, limit: u64) -> Result<Vec<u8>, ObjectError> {
        self.0.content(id, limit)
    }
}

impl Insert for Counting<'_> {
    fn insert(&self, kind: Kind, bytes: Vec<u8>) -> Result<Digest, ObjectError> {
        self.0.insert(kind, bytes)
    }
}

impl InsertContent for Counting<'_> {
    fn insert_content(
        &self,
        bytes: &mut dyn std::io::Read,
        hint: u64,
    ) -> Result<(ContentId, u64), ObjectError> {
        InsertContent::insert_content(self.0, bytes, hint)
    }

    fn has_content(&self, id: ContentId) -> Result<bool, ObjectError> {
        self.0.has_content(id)
    }
}

#[test]
fn of_a_large_tree_only_what_both_changed_is_read() {
    let memory = Memory::default();
    let large = |changes: &[(&str, &str)]| {
        let mut all: BTreeMap<String, String> =
            (0..20_000).map(|i| (format!("d{:02}/f{i}", i % 100), "same".to_owned())).collect();
        all.extend(files(changes));
        Project { data: all, ..Project::default() }.definition(&memory)
    };
    let (base, ours, theirs) =
        (large(&[]), large(&[("d07/f7", "ours")]), large(&[("d07/f107", "theirs"), ("d09/f9", "9")]));
    let counting = Counting(&memory, AtomicUsize::new(0));
    let merged = definitions(&counting, &Small, Some(&base), [&ours, &theirs], None).unwrap();
    assert!(merged.conflicts.is_empty());
    assert_eq!(merged.definition, large(&[("d07/f7", "ours"), ("d07/f107", "theirs"), ("d09/f9", "9")]));
    let reads = counting.1.into_inner();
    assert!(reads < 30, "{reads} reads");
}

#[test]
fn a_tree_that_holds_itself_over_and_over_is_merged_in_bounded_time() {
    let memory = Memory::default();
    let deep = |text: &str| {
        let mut node = file(&memory, text);
        for _ in 0..40 {
            let mut builder = TreeBuilder::new(&memory);
            for name in ["a", "b", "c"] {
                builder
                    .push(crate::object::Entry { name: crate::name::EntryName::new(name).unwrap(), node })
                    .unwrap();
            }
            node = builder.finish().unwrap();
        }
        let code = put(&memory, &Code { root: node }).unwrap();
        Definition { code: Some(code), ..Project::default().definition(&memory) }
    };
    let (base, clean) = (deep("1\n2\n3\n4\n"), [deep("one\n2\n3\n4\n"), deep("1\n2\n3\nfour\n")]);
    let merge =
        |theirs: &Definition| definitions(&memory, &Small, Some(&base), [&clean[0], theirs], None).unwrap();
    assert_eq!(merge(&clean[1]).definition, deep("one\n2\n3\nfour\n"));
    assert_eq!(merge(&deep("eins\n2\n3\n4\n")).conflicts.len(), MAX_CONFLICTS);
}

#[test]
fn large_directories_come_out_as_they_would_be_built() {
    let memory = Memory::default();
    let flat = |but: &[(&str, &str)]| {
        let mut all: BTreeMap<String, String> =
            (0..3_000).map(|i| (format!("f{i:05}"), String::new())).collect();
        all.extend(files(but));
        tree(&memory, &all)
    };
    let mut merging = Merging {
        desk: &memory,
        reader: &Small,
        conflicts: Conflicts { list: Vec::new(), favour: None },
        known: [(); 2].map(|()| BTreeMap::new()),
    };
    let sides = Three { base: flat(&[]), ours: flat(&[("f00001", "1")]), theirs: flat(&[("f02999", "2")]) };
    let node = merging.node("code", sides.map(Some), Lines::Merged).unwrap();
    assert_eq!(node, Some(flat(&[("f00001", "1"), ("f02999", "2")])));
    assert!(
        matches!(node, Some(Node::Directory { tree, .. }) if TreeEntries::new(&memory, tree).unwrap().count() == 3_000)
    );
}

fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![Just("a\n"), Just("b\n"), Just("c\n"), Just("\n")];
    (prop::collection::vec(line, 0..8), prop_oneof![Just(""), Just("end")])
        .prop_map(|(lines, end)| lines.concat() + end)
}

/// Files by path, of few names, so that sides meet; no name is a file here and a directory there.
fn few_files() -> impl Strategy<Value = BTreeMap<String, String>> {
    let path =
        prop_oneof![Just("a"), Just("b"), Just("d/a"), Just("d/e/a"), Just("d/e/b")].prop_map(str::to_owned);
    prop::collection::btree_map(path, "[xyz]", 0..5)
}

fn few_params() -> impl Strategy<Value = BTreeMap<String, i64>> {
    let key =
        prop_oneof![Just("a"), Just("b"), Just("m.a"), Just("m.b"), Just("m.n.c")].prop_map(str::to_owned);
    prop::collection::btree_map(key, 0..3i64, 0..5)
}

fn text_of(params: &BTreeMap<String, i64>) -> String {
    params.iter().map(|(key, value)| format!("{key} = {value}  # {key}\n")).collect()
}

/// What a merge of maps is: by key, each as the side that changed it has it.
fn model<V: Clone + PartialEq>(
    sides: [&BTreeMap<String, V>; 3],
    favour: Option<Side>,
) -> (BTreeMap<String, V>, BTreeSet<String>) {
    let (mut merged, mut conflicts) = (BTreeMap::new(), BTreeSet::new());
    for key in sides.iter().flat_map(|side| side.keys()) {
        let [base, ours, theirs] = sides.map(|side| side.get(key).cloned());
        let value = if theirs == base || ours == theirs {
            ours
        } else if ours == base {
            theirs
        } else {
            conflicts.insert(key.clone());
            if favour == Some(Side::Theirs) { theirs } else { ours }
        };
        merged.extend(value.map(|value| (key.clone(), value)));
    }
    (merged, conflicts)
}

fn favours() -> impl Strategy<Value = Option<Side>> {
    prop_oneof![Just(None), Just(Some(Side::Ours)), Just(Some(Side::Theirs))]
}

proptest! {
    #[test]
    fn texts_keep_to_the_laws_of_merging(base in lines(), ours in lines(), theirs in lines()) {
        let merge = |base: &str, ours: &str, theirs: &str, clash| text::merge(Three { base, ours, theirs }, clash);
        prop_assert_eq!(merge(&base, &ours, &base, Clash::Refused), Some(ours.clone()));
        prop_assert_eq!(merge(&base, &base, &ours, Clash::Refused), Some(ours.clone()));
        prop_assert_eq!(merge(&base, &ours, &ours, Clash::Refused), Some(ours.clone()));
        let clean = merge(&base, &ours, &theirs, Clash::Refused);
        prop_assert_eq!(&clean, &merge(&base, &theirs, &ours, Clash::Refused));
        let taken = |ours: &str, theirs: &str, side| merge(&base, ours, theirs, Clash::Taken(side)).unwrap();
        prop_assert_eq!(taken(&ours, &theirs, Side::Ours), taken(&theirs, &ours, Side::Theirs));
        if let Some(clean) = clean {
            prop_assert_eq!(&clean, &taken(&ours, &theirs, Side::Ours));
            prop_assert_eq!(&clean, &taken(&ours, &theirs, Side::Theirs));
        }
    }

    #[test]
    fn changes_on_either_side_of_lines_that_stay_never_meet(
        [head, ours] in [lines(), lines()], [tail, theirs] in [lines(), lines()],
    ) {
        let join = |head: &str, tail: &str| format!("{head}\n--- these\n--- stay\n{tail}");
        let (base, ours_, theirs_) = (join(&head, &tail), join(&ours, &tail), join(&head, &theirs));
        let merged = text::merge(Three { base: &base, ours: &ours_, theirs: &theirs_ }, Clash::Refused);
        prop_assert_eq!(merged, Some(join(&ours, &theirs)));
    }

    #[test]
    fn trees_are_merged_as_maps_of_paths(
        base in few_files(), ours in few_files(), theirs in few_files(), favour in favours(),
    ) {
        let side = |data: &BTreeMap<String, String>| Project { data: data.clone(), ..Project::default() };
        let (project, places) = merged(&side(&base), &side(&ours), &side(&theirs), favour);
        let (wanted, conflicts) = model([&base, &ours, &theirs], favour);
        let conflicts: Vec<String> = conflicts.iter().map(|path| format!("datasets/train/{path}")).collect();
        prop_assert_eq!(places.into_iter().collect::<BTreeSet<_>>(), conflicts.into_iter().collect());
        prop_assert_eq!(project.data, wanted);
    }

    #[test]
    fn parameters_are_merged_as_maps_of_keys(
        base in few_params(), ours in few_params(), theirs in few_params(), favour in favours(),
    ) {
        let side = |params: &BTreeMap<String, i64>| Project { params: Some(text_of(params)), ..Project::default() };
        let (project, places) = merged(&side(&base), &side(&ours), &side(&theirs), favour);
        let (wanted, conflicts) = model([&base, &ours, &theirs], favour);
        let by_key: Vec<String> = conflicts.iter().map(|key| format!("params.{key}")).collect();
        let is_file = places == ["params.kv"];
        if favour.is_none() && !is_file {
            prop_assert_eq!(&places, &by_key);
        }
        if favour.is_some() || places.is_empty() {
            // The file says exactly what was merged; or, where none could be written, what one side says.
            let text = project.params.unwrap();
            let sides = [text_of(&ours), text_of(&theirs)];
            let says = |text: &str| Small.values("x.kv", text.as_bytes());
            prop_assert!(says(&text) == says(&text_of(&wanted)) || (is_file && sides.contains(&text)), "{text}");
        }
    }

    #[test]
    fn nothing_is_in_conflict_with_what_did_not_change(
        code in few_files(), data in few_files(), keys in few_params(), other in few_files(),
    ) {
        let base = Project { code: other.clone(), data: other, params: Some("a = 7\n".into()), ..Project::default() };
        let ours = Project { code, data, params: Some(text_of(&keys)), features: Some("x\n".into()), seed: Some(1), ..Project::default() };
        for (a, b) in [(&ours, &base), (&base, &ours), (&ours, &ours)] {
            let (project, places) = merged(&base, a, b, None);
            prop_assert_eq!((project.code, project.data), (ours.code.clone(), ours.data.clone()));
            prop_assert_eq!((project.params, project.features, places.len()), (ours.params.clone(), ours.features.clone(), 0));
        }
    }
}

#[test]
fn paths_lead_back() {
    let memory = Memory::default();
    let all = files(&[("a", "1"), ("d/b", "2"), ("d/e/c", "3")]);
    assert_eq!(paths(&memory, tree(&memory, &all)), all);
}
