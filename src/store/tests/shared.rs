//! Packs whose bytes are shared on the disk: what is there is the same, and is checked as much.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{damage, floats, insert, noise, read_all, rows};
use crate::disk::testing::CloningDisk;
use crate::disk::{OsDisk, Version, replace_cache};
use crate::id::ContentId;
use crate::progress::Silent;
use crate::storage::Folder;
use crate::store::intact::Intact;
use crate::store::layout::PackProblem;
use crate::store::{IndexCache, Store, StoreError, Transfer, Trust};

/// Two stores on one disk, and contents of the first.
struct Pair {
    disk: CloningDisk,
    folder: tempfile::TempDir,
    contents: Vec<(ContentId, u64)>,
}

impl Pair {
    fn new() -> Self {
        Self::with(&[&noise(1, 90_000), &rows(0, 60_000), &floats(200_000), b"small"])
    }

    fn with(contents: &[&[u8]]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let this = Self { disk: CloningDisk::default(), folder, contents: Vec::new() };
        let sizes = contents.iter().map(|bytes| bytes.len() as u64);
        let (ids, _) = insert(&this.store("from"), contents);
        let contents = ids.into_iter().zip(sizes).collect();
        Self { contents, ..this }
    }

    fn store(&self, name: &str) -> Store {
        let folder = Folder::new(self.folder.path().join(name), Arc::new(self.disk.clone()));
        let cache = self.folder.path().join("cache").join(name);
        let cache = IndexCache {
            disk: Arc::new(OsDisk),
            file: cache.join("index"),
            intact: Some(cache.join("intact")),
            tmp_dir: cache,
        };
        Store::open(Arc::new(folder), Some(cache))
    }

    fn intact(&self) -> PathBuf {
        self.folder.path().join("cache/from/intact")
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

/// Times of files are that coarse on some systems.
const TICK: Duration = Duration::from_millis(20);

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

#[test]
fn what_is_written_to_while_it_is_shared_is_looked_at_again() {
    let pair = Pair::new();
    let pack = pair.files("from/packs/data")[0].clone();
    std::thread::sleep(TICK);
    // What is cloned differs from what is read before and after.
    pair.disk.meddle({
        let pack = pack.clone();
        move || flip(&pack, 5_000)
    });
    let failed = pair.copy(&pair.contents, Trust::Own).unwrap_err();
    assert!(matches!(failed, StoreError::Pack { problem: PackProblem::Frame(_), .. }), "{failed:?}");
    assert_eq!(pair.files("to/packs/data").len(), 0);
    assert!(damage(&pair.store("from")).is_empty());
}

#[test]
fn what_is_as_it_was_written_is_not_read_again() {
    let pair = Pair::with(&[&noise(1, 3 << 20), &noise(2, 100)]);
    let pack = pair.files("from/packs/data")[0].clone();
    let mut intact = Intact::open(&pair.intact());
    let version = Version::of(&std::fs::File::open(&pack).unwrap()).unwrap();
    assert_eq!(intact.0.values().collect::<Vec<_>>(), [&version]);
    std::thread::sleep(TICK);
    flip(&pack, 5_000);
    let failed = pair.copy(&pair.contents, Trust::Own).unwrap_err();
    assert!(matches!(failed, StoreError::Pack { problem: PackProblem::Frame(_), .. }), "{failed:?}");
    // As if a medium had done that, which no time of a file tells.
    let version = Version::of(&std::fs::File::open(&pack).unwrap()).unwrap();
    intact.0.values_mut().for_each(|known| *known = version);
    replace_cache(&OsDisk, pair.folder.path(), &pair.intact(), intact.to_bytes()).unwrap();
    pair.copy(&pair.contents, Trust::Own).unwrap();
    assert_eq!(damage(&pair.store("to")).len(), 1);
    // Nobody else is believed.
    std::fs::remove_dir_all(pair.folder.path().join("to")).unwrap();
    std::fs::remove_dir_all(pair.folder.path().join("cache/to")).unwrap();
    assert!(pair.copy(&pair.contents, Trust::Foreign).is_err());
}

#[test]
fn a_damaged_list_of_intact_packs_is_as_good_as_none() {
    let pair = Pair::with(&[&noise(1, 3 << 20)]);
    let whole = std::fs::read(pair.intact()).unwrap();
    let bytes = Intact::open(&pair.intact()).to_bytes();
    assert_eq!([&bytes[..], blake3::hash(&bytes).as_bytes()].concat(), whole);
    for at in 0..whole.len() {
        let mut turned = whole.clone();
        turned[at] ^= 1;
        for damaged in [&whole[..at], &turned] {
            std::fs::write(pair.intact(), damaged).unwrap();
            assert_eq!(Intact::open(&pair.intact()), Intact::default(), "{at}");
        }
    }
    // Whole, and of another make.
    for rest in [&b""[..], b"mdlints1 and something", b"mdlints2"] {
        let file = [rest, blake3::hash(rest).as_bytes()].concat();
        std::fs::write(pair.intact(), file).unwrap();
        assert_eq!(Intact::open(&pair.intact()), Intact::default());
    }
    std::fs::remove_file(pair.intact()).unwrap();
    std::os::unix::fs::symlink("/dev/zero", pair.intact()).unwrap();
    assert_eq!(Intact::open(&pair.intact()), Intact::default());
    pair.copy(&pair.contents, Trust::Own).unwrap();
    assert!(damage(&pair.store("to")).is_empty());
}

#[test]
fn packs_that_are_gone_are_not_kept_in_mind() {
    let pair = Pair::with(&[&noise(1, 3 << 20)]);
    let gone = pair.files("from/packs/data")[0].clone();
    std::fs::remove_file(gone).unwrap();
    insert(&pair.store("from"), &[&noise(2, 3 << 20)]);
    let left = Intact::open(&pair.intact());
    assert_eq!(left.0.len(), 1);
    let name = pair.files("from/packs/data")[0].file_name().unwrap().to_owned();
    assert!(left.0.keys().all(|pack| *pack.digest.to_string() == *name));
}
