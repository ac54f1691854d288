//! Bytes that are not what their ids say, and objects that are not what they are called.

use std::path::PathBuf;

use mdl::id::{Digest, Kind};
use mdl::name::RefName;
use mdl::object::{self, Commit, Insert, Node};
use mdl::progress::Silent;
use mdl::repo::{CheckoutOptions, Logged, Repository, Side};

use crate::forge::{Forge, content, file, tree};

#[test]
fn an_object_of_another_kind_is_refused() {
    let forge = Forge::new();
    let writer = forge.repository.store().writer(&Silent);
    let Node::Directory { tree: some, .. } = tree(&writer, &[(b"a", file(&writer, b"a"))]) else {
        unreachable!()
    };
    let id: Digest = some.into();
    let commit = Commit { definition: id.into(), ..forge.base.clone() };
    let commit = object::put(&writer, &commit).unwrap();
    // The bytes of a tree, stored as a definition under the id that they have as one.
    let lie = writer.insert(Kind::Definition, vec![0x82, 0x00, 0x80]).unwrap();
    let second = object::put(&writer, &Commit { definition: lie.into(), ..forge.base.clone() }).unwrap();
    writer.finish().unwrap();
    for commit in [commit, second] {
        let told = forge.is_refused(commit, "a commit of a tree");
        assert!(told.contains("definition"), "{told}");
        assert!(forge.repository.show(&commit.to_string()).is_err());
        std::fs::write(forge.sandbox.root().join(".mdl/HEAD"), format!("{commit}\n")).unwrap();
        let ran = forge.sandbox.mdl(&["fsck"]);
        assert_eq!(ran.code, 5, "{}", ran.told());
        std::fs::write(forge.sandbox.root().join(".mdl/HEAD"), "ref: main\n").unwrap();
    }
}

#[test]
fn a_size_that_is_a_lie_is_refused() {
    let forge = Forge::new();
    for size in [0, 3, 5, u64::MAX] {
        let commit = forge.code(|w| {
            let (content, _) = content(w, b"four");
            let lie = Node::File { content, size, executable: false };
            tree(w, &[(b"a", lie), (b"b", lie)])
        });
        forge.is_refused(commit, &format!("four bytes that claim to be {size}"));
    }
}

fn packs(root: PathBuf) -> Vec<PathBuf> {
    let (mut packs, mut pending) = (Vec::new(), vec![root.join(".mdl/packs")]);
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { &mut pending } else { &mut packs }.push(path);
        }
    }
    packs.sort();
    packs
}

/// Every reading request, with whatever result: none may panic or hang.
fn read_everything(forge: &Forge) -> bool {
    let _ = std::fs::remove_dir_all(forge.sandbox.root().join(".mdl/cache"));
    let Ok(repository) = Repository::open(&forge.sandbox.root()) else { return false };
    let _ = repository.status(&Silent);
    let _ = repository.log(&Logged::default(), &mut |_| std::ops::ControlFlow::Continue(()));
    let _ = repository.show("HEAD");
    let _ = repository.cat("HEAD:params", &mut Vec::new(), &Silent);
    if let Ok(head) = repository.resolve("HEAD") {
        let _ = repository.compare(&Side::Nothing, &Side::Revision(head), &[], &Silent);
    }
    let options = CheckoutOptions { force: true, dry_run: true };
    let _ = repository.switch(&RefName::new("main").unwrap(), options, &Silent);
    repository.fsck(mdl::repo::Thoroughness::Everything, &Silent).is_ok_and(|report| report.damage.is_empty())
}

#[test]
fn damaged_packs_are_reported_and_never_believed() {
    let forge = Forge::new();
    assert!(read_everything(&forge), "sound to begin with");
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for pack in packs(forge.sandbox.root()) {
        let sound = std::fs::read(&pack).unwrap();
        let damage = |bytes: &[u8]| {
            std::fs::remove_file(&pack).unwrap();
            std::fs::write(&pack, bytes).unwrap();
        };
        for _ in 0..10 {
            let (mut bytes, bit) = (sound.clone(), random(sound.len() * 8));
            bytes[bit / 8] ^= 1 << (bit % 8);
            damage(&bytes);
            assert!(!read_everything(&forge), "bit {bit} of {}", pack.display());
        }
        for length in [0, 1, sound.len() / 3, sound.len() - 1, random(sound.len())] {
            damage(&sound[..length]);
            assert!(!read_everything(&forge), "{length} bytes of {}", pack.display());
        }
        damage(&sound);
    }
    assert!(read_everything(&forge), "sound again");
}
