//! What people write: names, paths, selectors, revisions, manifests.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use mdl::diff::Selector;
use mdl::id::{Digest, Prefix};
use mdl::name::{EntryName, PartName, RefName, TreePath};
use mdl::repo::Repository;
use mdl::storage::Key;
use mdl::value::KeyPath;
use mdl::worktree::manifest::{Editor, Manifest};
use tempfile::TempDir;

/// A text that may be any kind of name.
pub fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    same::<EntryName>(text, true);
    same::<TreePath>(text, true);
    same::<PartName>(text, true);
    same::<RefName>(text, true);
    same::<Digest>(text, true);
    same::<KeyPath>(text, false);
    same::<Selector>(text, false);
    let _ = text.parse::<Prefix>();
    if let Some(key) = Key::new(text) {
        assert_eq!(key.as_str(), text);
    }
    if let Ok(path) = TreePath::new(text) {
        assert!(path.names().all(|name| EntryName::new(name).is_ok()));
        assert!(path.is_within(&path));
    }
    REPOSITORY.with(|repository| {
        if let Some((repository, _)) = repository {
            let _ = repository.resolve(text);
        }
    });
}

/// What is read and written is read again, and `exactly` the text where there is but one form.
fn same<T: FromStr + Display + PartialEq>(text: &str, exactly: bool) {
    let Ok(value) = text.parse::<T>() else { return };
    let written = value.to_string();
    assert!(!exactly || written == text);
    assert!(written.parse::<T>().is_ok_and(|again| again == value), "{text:?} became {written:?}");
}

thread_local! {
    /// Commits, branches and tags to look revisions up in, if the tests' own repository is there.
    static REPOSITORY: Option<(Repository, TempDir)> = open();
}

fn open() -> Option<(Repository, TempDir)> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut fixtures = above.map(|above| above.join("tests/format/v1/repository"));
    let fixture = fixtures.find(|path| path.is_dir())?;
    let root = TempDir::new().ok()?;
    copy(&fixture, &root.path().join(".mdl")).ok()?;
    Some((Repository::open(root.path()).ok()?, root))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// A text but for how its lines end, and whether the last one does: an editor may tidy those.
fn plain(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n").trim_end_matches('\n').to_owned()
}

/// A manifest: what is read can be edited, and what an edit leaves is read.
pub fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(manifest) = Manifest::parse(text) else { return };
    let mut editor = Editor::new(text).expect("it was read");
    assert_eq!(plain(&editor.text()), plain(text));
    let (name, path) = (PartName::new("fuzz").expect("a name"), TreePath::new("fuzz.bin").expect("a path"));
    if editor.add_output(&name, &path).is_ok() {
        let edited = editor.manifest().expect("an edit leaves a valid manifest");
        assert_eq!(edited.outputs.get(&name), Some(&path));
    }
    for (name, spec) in &manifest.datasets {
        let mut editor = Editor::new(text).expect("it was read");
        if editor.add_dataset(name, spec).is_ok() {
            assert_eq!(plain(&editor.text()), plain(text), "what is there already changes nothing");
        }
        if editor.remove_dataset(name).is_ok_and(|changed| changed) {
            assert!(!editor.manifest().expect("an edit leaves a valid manifest").datasets.contains_key(name));
        }
    }
}
