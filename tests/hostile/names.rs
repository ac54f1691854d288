//! Names that no honest program records, in every place where a name can be.

use mdl::name::{PartName, TreePath};
use mdl::object::Placed;

use crate::forge::{Forge, dataset, file, link, tree};

fn hostile() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "..",
        ".",
        "a/b",
        "../x",
        "/etc/x",
        "/",
        "a\\b",
        "\\x",
        "",
        ".mdl",
        ".MDL",
        ".mDl",
        ".m\u{200b}dl",
        ".mdl.",
        ".mdl ",
        "MDL~1",
        "mdl~1",
        ".mdl::$INDEX_ALLOCATION",
        ".git",
        ".GIT",
        "git~1",
        ".git/hooks",
        ".git/hooks/x",
        ".g\u{200c}it",
        "CON",
        "nul.txt",
        "COM1",
        "COM\u{b9}",
        "a\0b",
        "a\nb",
        "a\r",
        "a\x1b[2J",
        "x\u{202e}y",
        "a.",
        "a ",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.push(vec![b'n'; 256]);
    names.push(b"a\xff".to_vec());
    names.push(b"\xc0\xae\xc0\xae".to_vec());
    names
}

#[test]
fn hostile_names_in_trees_are_refused() {
    let forge = Forge::new();
    for name in hostile() {
        let case = String::from_utf8_lossy(&name).into_owned();
        let at_top = forge.code(|w| tree(w, &[(&name, file(w, b"evil"))]));
        forge.is_refused(at_top, &case);
        let of_directory =
            forge.code(|w| tree(w, &[(b"d", tree(w, &[(&name, tree(w, &[(b"x", file(w, b"evil"))]))]))]));
        forge.is_refused(of_directory, &format!("{case} as a directory"));
        let in_data = forge.commit(None, |w, definition, _| {
            dataset(w, definition, "evil", "evil", tree(w, &[(&name, link(w, b"x"))]));
        });
        forge.is_refused(in_data, &format!("{case} in a dataset"));
    }
}

#[test]
fn hostile_paths_of_parts_are_refused() {
    let forge = Forge::new();
    for name in hostile().into_iter().chain([b"ok/../../x".to_vec(), b"a//b".to_vec(), b"a/".to_vec()]) {
        if matches!(&name[..], b"" | b"a/b") || name.len() > 200 {
            continue; // Nothing to patch, an honest path, a longer head.
        }
        let place = "Z".repeat(name.len());
        let commit = forge.commit(Some((place.as_bytes(), &name)), |w, definition, _| {
            dataset(w, definition, "evil", &place, file(w, b"evil"));
        });
        forge.is_refused(commit, &format!("a dataset at {}", String::from_utf8_lossy(&name)));
    }
}

#[test]
fn entries_twice_or_out_of_order_are_refused() {
    let forge = Forge::new();
    for names in [["a", "a"], ["b", "a"]] {
        let commit = forge.code(|w| {
            let entries = names.map(|name| (name.as_bytes(), file(w, name.as_bytes())));
            tree(w, &entries)
        });
        forge.is_refused(commit, &format!("{names:?}"));
    }
}

#[test]
fn parts_that_contradict_each_other_are_refused() {
    let forge = Forge::new();
    type Lay = fn(&mdl::store::Writer<'_>, &mut mdl::object::Definition, &mut mdl::object::Outcome);
    let output = |path: &str, node| Placed { path: TreePath::new(path).unwrap(), node };
    let cases: [(&str, Lay); 6] = [
        ("two datasets in one place", |w, d, _| {
            dataset(w, d, "one", "same", file(w, b"1"));
            dataset(w, d, "two", "same", file(w, b"2"));
        }),
        ("two directories in one place", |w, d, _| {
            dataset(w, d, "one", "same", tree(w, &[(b"a", file(w, b"1"))]));
            dataset(w, d, "two", "same", tree(w, &[(b"b", file(w, b"2"))]));
        }),
        ("a file below a file", |w, d, _| {
            dataset(w, d, "one", "x", file(w, b"1"));
            dataset(w, d, "two", "x/y", file(w, b"2"));
        }),
        ("a file below a link", |w, d, _| {
            dataset(w, d, "one", "x", link(w, b"data"));
            dataset(w, d, "two", "x/y", file(w, b"2"));
        }),
        ("data in place of code", |w, d, _| dataset(w, d, "one", "train.py", file(w, b"print('evil')"))),
        ("other parameters inside of a dataset", |w, d, _| {
            let params = d.params.as_mut().unwrap();
            params.files[0].path = TreePath::new("set/params.yaml").unwrap();
            dataset(w, d, "one", "set", tree(w, &[(b"params.yaml", file(w, b"lr: 9\n"))]));
        }),
    ];
    for (case, lay) in cases {
        let commit = forge.commit(None, lay);
        let told = forge.is_refused(commit, case);
        assert!(told.contains("two different things"), "{case}: {told}");
    }
    let over = forge.commit(None, |w, d, outcome| {
        dataset(w, d, "one", "same", file(w, b"1"));
        outcome.outputs.insert(PartName::new("out").unwrap(), output("same", file(w, b"2")));
    });
    forge.is_refused(over, "an output over a dataset");
    let no_tree = forge.code(|w| file(w, b"code"));
    forge.is_refused(no_tree, "code that is a file");
}
