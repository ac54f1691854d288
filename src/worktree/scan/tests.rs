//! Tests of the scan and of its cache, on real files.

use std::time::{Duration, SystemTime};

use super::*;
use crate::object::{Find, FindContent, Memory, Tree, get, node_at};
use crate::worktree::testing::{Project, path};

fn error(result: Result<Node, ScanError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_directory_is_recorded_whole() {
    let project = Project::new();
    project.write("data/a.csv", "1").write("data/sub/b c.csv", "22").write("data/sub/ü.csv", "");
    project.write("data/.git/config", "x").executable("data/a.csv", true).link("data/sub/l", "../a.csv");
    std::fs::create_dir(project.at("data/empty")).unwrap();
    let part = project.commit("data");
    assert_eq!((part.node.files(), part.node.bytes()), (4, 1 + 2 + "../a.csv".len() as u64));
    let find = |name: &str| node_at(&project.repository, part.node, &path(name)).unwrap();
    let a = ContentId::of(b"1");
    assert_eq!(find("a.csv"), Some(Node::File { content: a, size: 1, executable: true }));
    let link = ContentId::of(b"../a.csv");
    assert_eq!(find("sub/l"), Some(Node::Symlink { content: link, size: 8 }));
    let Some(Node::Directory { tree, files: 0, .. }) = find("empty") else { panic!() };
    assert_eq!(get::<Tree>(&project.repository, tree).unwrap(), Tree::Leaf(Vec::new()));
    let Node::Directory { tree, .. } = part.node else { panic!() };
    assert_eq!(crate::object::lookup(&project.repository, tree, ".git").unwrap(), None);
    assert_eq!(project.repository.content(link, 100).unwrap(), b"../a.csv");
}

#[test]
fn nothing_is_read_that_did_not_change() {
    let project = Project::new();
    for i in 0..3000 {
        project.write(&format!("data/{}/f{i:04}", i % 3), &i.to_string());
    }
    project.rest();
    let first = project.commit("data");
    let read = || std::mem::take(&mut *project.repository.read.lock().unwrap()).len();
    assert_eq!(read(), 3000);
    assert_eq!(project.commit("data"), first);
    assert_eq!(read(), 0);
    project.write("data/1/f0001", "changed").remove("data/0/f0000");
    project.rest();
    let second = project.commit("data");
    assert_eq!((read(), second.node.files()), (1, 2999));
    assert_eq!(project.status("data").unwrap(), second.node);
    assert_eq!(second.node, project.fresh("data"));
}

#[test]
fn a_flat_directory_of_many_chunks_keeps_its_tree() {
    let project = Project::new();
    for i in 0..2500 {
        project.write(&format!("data/f{i:04}"), &i.to_string());
    }
    project.rest();
    project.commit("data");
    for (name, change) in [("data/f0000x", true), ("data/f1024", false), ("data/zz", true)] {
        if change {
            project.write(name, "new")
        } else {
            project.remove(name)
        };
        assert_eq!(project.commit("data").node, project.fresh("data"), "{name}");
    }
    for i in 0..1024 {
        project.remove(&format!("data/f{i:04}"));
    }
    assert_eq!(project.status("data").unwrap(), project.fresh("data"));
}

impl Project {
    /// The node of a scan without a cache.
    fn fresh(&self, text: &str) -> Node {
        let (memory, cache) = (Memory::default(), StatCache::none());
        let overlay = HashOnly::new(self.root(), &memory);
        scan(self.root(), &path(text), &cache, &overlay, ScanOptions::default()).unwrap()
    }
}

#[test]
fn a_change_within_a_tick_is_noticed() {
    let project = Project::new();
    for round in 0..20 {
        let (old, new) = (format!("{round:02}a"), format!("{round:02}b"));
        project.write("file", &old);
        let before = project.status("file").unwrap();
        project.write("file", &new);
        let after = project.status("file").unwrap();
        assert_ne!(before, after, "the same size within a tick");
    }
    let long_ago = SystemTime::now() - Duration::from_secs(1000);
    project.touch("file", long_ago);
    project.rest();
    let before = project.status("file").unwrap();
    project.write("file", "xxx").touch("file", long_ago);
    assert_ne!(project.status("file").unwrap(), before, "the same size and time of change");
}

#[test]
fn a_damaged_cache_is_built_anew() {
    let project = Project::new();
    project.write("data/a", "1").write("data/b/c", "2").rest();
    let node = project.commit("data").node;
    let file = project.at(".mdl/cache/stat");
    let good = std::fs::read(&file).unwrap();
    for at in (0..good.len()).step_by(5) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        std::fs::write(&file, &bad).unwrap();
        assert_eq!(project.status("data").unwrap(), node, "byte {at}");
        std::fs::write(&file, &good[..at]).unwrap();
        assert_eq!(project.status("data").unwrap(), node, "cut at {at}");
    }
}

#[test]
fn another_generation_forgets_what_is_stored() {
    let project = Project::new();
    project.write("data/a", "1").rest();
    let part = project.commit("data");
    let other = crate::worktree::testing::Repository::default();
    let commit = |generation| {
        let cache = project.cache_of(generation);
        let node = scan(project.root(), &path("data"), &cache, &other, ScanOptions::default()).unwrap();
        cache.save().unwrap();
        assert_eq!(node, part.node);
        other.has_content(ContentId::of(b"1")).unwrap()
    };
    assert!(!commit(7), "the cache says that it is stored");
    assert!(commit(8), "after a collection that is not known");
}

#[test]
fn status_then_commit_stores_everything() {
    let project = Project::new();
    project.write("data/a", "1").write("data/b/c", "2").rest();
    let node = project.status("data").unwrap();
    let part = project.commit("data");
    assert_eq!(part.node, node);
    assert!(project.repository.has_content(ContentId::of(b"2")).unwrap());
    let found = node_at(&project.repository, node, &path("b/c")).unwrap();
    assert!(found.is_some(), "trees are inserted too");
}

#[test]
fn a_reference_becomes_stored_when_it_is_wanted() {
    let project = Project::new();
    project.write("data/a", "1").rest();
    let options = ScanOptions { reference: true, ..ScanOptions::default() };
    for _ in 0..2 {
        let cache = project.cache();
        scan(project.root(), &path("data"), &cache, &project.repository, options).unwrap();
        cache.save().unwrap();
        assert!(!project.repository.has_content(ContentId::of(b"1")).unwrap());
    }
    project.commit("data");
    assert!(project.repository.has_content(ContentId::of(b"1")).unwrap());
}

#[test]
fn the_overlay_reads_the_work_tree_again() {
    let project = Project::new();
    project.write("data/a", "text").link("data/l", "a").rest();
    project.commit("data");
    project.write("data/b", "new");
    let (cache, overlay) = (project.cache(), HashOnly::new(project.root(), &project.repository));
    let node = scan(project.root(), &path("data"), &cache, &overlay, ScanOptions::default()).unwrap();
    assert!(node_at(&overlay, node, &path("b")).unwrap().is_some());
    assert_eq!(overlay.content(ContentId::of(b"new"), 3).unwrap(), b"new");
    assert_eq!(overlay.content(ContentId::of(b"a"), 3).unwrap(), b"a");
    assert!(matches!(overlay.content(ContentId::of(b"new"), 2), Err(ObjectError::TooLarge { .. })));
    project.write("data/b", "newer");
    assert!(overlay.content(ContentId::of(b"new"), 10).is_err());
    let Node::Directory { tree, .. } = node else { panic!() };
    assert!(project.repository.find(crate::id::Kind::Tree, tree.digest()).unwrap().is_none());
}

#[test]
fn what_cannot_be_recorded_is_told_by_its_path() {
    let project = Project::new();
    project.write("data/ok", "");
    for (name, problem) in [("a\nb", "character"), ("nul.txt", "device"), ("x.", "dot")] {
        project.write(&format!("data/{name}"), "");
        let told = error(project.status("data"));
        assert!(told.contains(problem) && !told.contains('\n'), "{told}");
        project.remove(&format!("data/{name}"));
    }
    use std::os::unix::ffi::OsStrExt;
    let name = project.at("data").join(std::ffi::OsStr::from_bytes(b"\xff"));
    std::fs::write(&name, "").unwrap();
    assert!(matches!(project.status("data"), Err(ScanError::NotUtf8 { .. })));
    std::fs::remove_file(name).unwrap();
    for target in ["/etc/passwd", "../../x", "sub/../../x", ".git/config"] {
        project.link("data/l", target);
        assert!(matches!(project.status("data"), Err(ScanError::LinkOutside { .. })), "{target}");
        project.remove("data/l");
    }
    let fifo = project.at("data/fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    assert!(error(project.status("data")).contains("FIFO"));
    assert!(matches!(project.status("nothing"), Err(ScanError::Missing { .. })));
}

#[test]
fn deep_trees_cost_no_stack() {
    let project = Project::new();
    let deep = format!("data{}", "/d".repeat(900));
    project.write(&format!("{deep}/f"), "x");
    assert_eq!(project.status("data").unwrap().files(), 1);
}

#[test]
fn given_files_make_a_tree() {
    let project = Project::new();
    project.write("a-b", "1").write("a/x.py", "2").write("a/y.py", "3").write("gone/z.py", "4").rest();
    let files = ["a-b", "a/x.py", "gone/z.py", "never"].map(path);
    let scan = || {
        let cache = project.cache();
        let node =
            scan_files(project.root(), &files, &cache, &project.repository, ScanOptions::default()).unwrap();
        cache.save().unwrap();
        node
    };
    assert_eq!(scan().files(), 3);
    assert_eq!(scan().files(), 3);
    project.remove("gone");
    let node = scan();
    assert_eq!(node.files(), 2);
    assert_eq!(node_at(&project.repository, node, &path("gone")).unwrap(), None);
    assert!(node_at(&project.repository, node, &path("a/x.py")).unwrap().is_some());
    assert!(node_at(&project.repository, node, &path("a/y.py")).unwrap().is_none());
}

/// `cargo test --release --lib scan::tests::measure -- --ignored --nocapture`, with the folder in `MDL_MEASURE`.
#[test]
#[ignore = "a measurement"]
fn measure() {
    let root = std::path::PathBuf::from(std::env::var_os("MDL_MEASURE").unwrap());
    let mdl = tempfile::tempdir().unwrap();
    let repository = crate::worktree::testing::Repository::default();
    let time = |what: &str, commit: bool| {
        let start = std::time::Instant::now();
        let cache = StatCache::open(mdl.path(), 1, &crate::disk::OsDisk);
        let opened = start.elapsed();
        let overlay = HashOnly::new(&root, &repository);
        let node = if commit {
            scan(&root, &path("w1"), &cache, &repository, ScanOptions::default()).unwrap()
        } else {
            scan(&root, &path("w1"), &cache, &overlay, ScanOptions::default()).unwrap()
        };
        let scanned = start.elapsed();
        cache.save().unwrap();
        println!(
            "{what}: open {opened:?}, scan {scanned:?}, all {:?}, {} files",
            start.elapsed(),
            node.files()
        );
    };
    time("first status", false);
    time("second status", false);
    time("commit", true);
    for _ in 0..5 {
        time("status", false);
    }
}
