//! Packs whose bytes are shared on the disk: what is there is the same, and is checked as much.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::{damage, floats, insert, noise, read_all, rows};
use crate::disk::testing::CloningDisk;
use crate::id::ContentId;
use crate::progress::Silent;
use crate::storage::Folder;
use crate::store::layout::PackProblem;
use crate::store::{Store, StoreError, Transfer, Trust};

/// Two stores on one disk, and contents of the first.
struct Pair {
    disk: CloningDisk,
    folder: tempfile::TempDir,
    contents: Vec<(ContentId, u64)>,
}

impl Pair {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let this = Self { disk: CloningDisk::default(), folder, contents: Vec::new() };
        let contents = [noise(1, 90_000), rows(0, 60_000), floats(200_000), b"small".to_vec()];
        let sizes = contents.iter().map(|bytes| bytes.len() as u64);
        let (ids, _) = insert(&this.store("from"), &contents.each_ref().map(|bytes| &bytes[..]));
        let contents = ids.into_iter().zip(sizes).collect();
        Self { contents, ..this }
    }

    fn store(&self, name: &str) -> Store {
        let folder = Folder::new(self.folder.path().join(name), Arc::new(self.disk.clone()));
        Store::open(Arc::new(folder), None)
    }

    fn copy(&self, contents: &[(ContentId, u64)], trust: Trust) -> Result<u64, StoreError> {
        let (from, to, doomed) = (self.store("from"), self.store("to"), HashSet::new());
        let mut transfer = Transfer::new(&from, &to, &doomed, trust, &Silent)?;
        for (id, _) in contents {
            transfer.content(*id).unwrap();
        }
        transfer.send().map(|sent| sent.bytes)
    }

    fn files(&self, below: &str) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(self.folder.path().join(below)).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_pack_of_which_all_is_wanted_is_shared_under_a_name_of_its_own() {
    for trust in [Trust::Own, Trust::Foreign] {
        let pair = Pair::new();
        assert!(pair.copy(&pair.contents, trust).unwrap() > 90_000);
        // Of each section one pack, and a first look whether that can be done.
        assert_eq!(pair.disk.clones(), 4);
        let to = pair.store("to");
        let whole = read_all(&to, &pair.contents).unwrap();
        assert!(whole.iter().zip(&pair.contents).all(|(bytes, (id, _))| ContentId::of(bytes) == *id));
        assert!(damage(&to).is_empty());
        let names = |store: &str| -> HashSet<_> {
            let files = pair.files(&format!("{store}/packs/data"));
            files.iter().map(|path| path.file_name().unwrap().to_owned()).collect()
        };
        assert_eq!(names("to").len(), 1);
        assert!(names("to").is_disjoint(&names("from")));
        assert_eq!(pair.files("to/tmp").len(), 0);
        assert_eq!(pair.copy(&pair.contents, trust).unwrap(), 0);
    }
}

#[test]
fn of_a_pack_with_more_than_is_wanted_only_that_is_copied() {
    let pair = Pair::new();
    pair.copy(&pair.contents[..1], Trust::Own).unwrap();
    assert_eq!(pair.disk.clones(), 0);
    let to = pair.store("to");
    assert_eq!(read_all(&to, &pair.contents[..1]).unwrap()[0].len(), 90_000);
    assert!(read_all(&to, &pair.contents[1..2]).is_err());
}

#[test]
fn damage_is_found_before_it_is_shared() {
    let pair = Pair::new();
    let pack = &pair.files("from/packs/data")[0];
    flip(pack, 5_000);
    let failed = pair.copy(&pair.contents, Trust::Own).unwrap_err();
    assert!(matches!(failed, StoreError::Pack { problem: PackProblem::Frame(_), .. }), "{failed:?}");
    assert_eq!((pair.files("to/packs/data").len(), pair.files("to/tmp").len()), (0, 0));
    flip(pack, 5_000);
    pair.copy(&pair.contents, Trust::Own).unwrap();
    assert!(damage(&pair.store("to")).is_empty());
}
