//! Tests of plans and of what performs them, on real files.

use std::path::Path;

use super::*;
use crate::disk::OsDisk;
use crate::disk::testing::{Fault, FaultyDisk};
use crate::worktree::plan::{ConflictReason, LocalChanges, Part};
use crate::worktree::testing::Project;

/// A project with two recorded states of `data`; the second is there.
fn two_states() -> (Project, Part, Part) {
    let project = Project::new();
    project
        .write("data/same", "s")
        .write("data/changed", "old")
        .write("data/gone/a", "a")
        .write("data/mode", "m");
    project.executable("data/mode", true).link("data/link", "same").write("data/swap", "file");
    let first = project.commit("data");
    project
        .write("data/changed", "new")
        .remove("data/gone")
        .write("data/more/b", "b")
        .executable("data/mode", false);
    project.remove("data/link").link("data/link", "more").remove("data/swap").write("data/swap/c", "c");
    let second = project.commit("data");
    (project, first, second)
}

fn parts(part: &Part) -> Vec<Part> {
    vec![part.clone()]
}

#[test]
fn any_state_becomes_any_other() {
    let (project, first, second) = two_states();
    for (head, target) in [(&second, &first), (&first, &second), (&second, &first)] {
        let applied = project.checkout(&parts(head), &parts(target), LocalChanges::Refuse).unwrap();
        assert!(applied.written >= 3 && applied.modes == 1, "{applied:?}");
        assert_eq!(project.status("data").unwrap(), target.node);
    }
    assert_eq!(project.read("data/changed").as_deref(), Some("old"));
    assert!(project.is_executable("data/mode"));
    assert_eq!(std::fs::read_link(project.at("data/link")).unwrap(), Path::new("same"));
    let nothing = project.plan(&parts(&first), &parts(&first), LocalChanges::Refuse);
    assert_eq!(nothing.actions, []);
    assert_eq!(project.listing(".mdl/tmp"), Vec::<String>::new());
}

#[test]
fn what_is_recorded_goes_and_what_is_not_stays() {
    let (project, _, second) = two_states();
    project.write("data/mine", "untracked");
    let applied = project.checkout(&parts(&second), &[], LocalChanges::Refuse).unwrap();
    assert_eq!(applied.removed, 6);
    assert_eq!(project.listing("data"), ["data/mine"]);
    project.remove("data/mine");
    project.checkout(&[], &parts(&second), LocalChanges::Refuse).unwrap();
    project.checkout(&parts(&second), &[], LocalChanges::Refuse).unwrap();
    assert!(!project.at("data").exists());
}

#[test]
fn uncommitted_changes_are_conflicts() {
    let (project, first, second) = two_states();
    project.write("data/changed", "mine").write("data/gone/a", "mine").write("data/more/b", "mine");
    let before = project.listing("data");
    let refused = project.checkout(&parts(&second), &parts(&first), LocalChanges::Refuse).unwrap_err();
    assert_eq!(refused, ["data/changed", "data/gone/a", "data/more/b"]);
    assert_eq!(project.listing("data"), before);
    assert_eq!(project.read("data/changed").as_deref(), Some("mine"));
    project.checkout(&parts(&second), &parts(&first), LocalChanges::Overwrite).unwrap();
    assert_eq!(project.status("data").unwrap(), first.node);
}

#[test]
fn a_change_that_equals_the_target_is_no_conflict() {
    let (project, first, second) = two_states();
    project.write("data/changed", "old");
    project.checkout(&parts(&second), &parts(&first), LocalChanges::Refuse).unwrap();
    assert_eq!(project.status("data").unwrap(), first.node);
}

#[test]
fn a_switch_carries_changes_of_what_both_states_share() {
    let (project, first, second) = two_states();
    project.write("data/same", "mine");
    let refused = project.checkout(&parts(&second), &parts(&first), LocalChanges::Refuse).unwrap_err();
    assert_eq!(refused, ["data/same"]);
    project.checkout(&parts(&second), &parts(&first), LocalChanges::Carry).unwrap();
    assert_eq!(project.read("data/same").as_deref(), Some("mine"));
    assert_eq!(project.read("data/changed").as_deref(), Some("old"));
    project.write("data/changed", "mine");
    let refused = project.checkout(&parts(&first), &parts(&second), LocalChanges::Carry).unwrap_err();
    assert_eq!(refused, ["data/changed"]);
}

#[test]
fn an_untracked_file_in_the_way_of_a_directory_is_kept() {
    let (project, first, second) = two_states();
    project.checkout(&parts(&second), &parts(&first), LocalChanges::Refuse).unwrap();
    project.write("data/more", "mine");
    let plan = project.plan(&parts(&first), &parts(&second), LocalChanges::Refuse);
    let reasons: Vec<_> = plan.conflicts.iter().map(|c| (c.path.as_str(), c.reason)).collect();
    assert_eq!(reasons, [("data/more", ConflictReason::Untracked)]);
}

#[test]
fn an_untracked_file_in_a_directory_that_must_go_is_kept() {
    let (project, first, second) = two_states();
    project.write("data/swap/mine", "untracked");
    let refused = project.checkout(&parts(&second), &parts(&first), LocalChanges::Refuse).unwrap_err();
    assert_eq!(refused, ["data/swap/mine"]);
    assert_eq!(project.read("data/swap/mine").as_deref(), Some("untracked"));
}

#[test]
fn references_are_verified_and_never_written() {
    let (project, first, second) = two_states();
    let reference = Part { stored: false, ..first.clone() };
    let plan = project.plan(&parts(&second), std::slice::from_ref(&reference), LocalChanges::Overwrite);
    assert_eq!((plan.actions.len(), plan.references.len()), (0, 1));
    assert!(!plan.references[0].missing);
    let there = Part { stored: false, ..second.clone() };
    let there = [there];
    assert!(project.plan(&there, &there, LocalChanges::Refuse).references.is_empty());
    // What was only referred to is never removed.
    assert!(project.plan(&there, &[], LocalChanges::Overwrite).actions.is_empty());
    project.remove("data");
    let plan = project.plan(&[], &[reference], LocalChanges::Refuse);
    assert!(plan.references[0].missing && plan.actions.is_empty());
}

#[test]
fn nothing_is_written_through_a_planted_link() {
    let (project, first, second) = two_states();
    let outside = tempfile::tempdir().unwrap();
    let plan = project.plan(&parts(&first), &parts(&first), LocalChanges::Overwrite);
    std::fs::rename(project.at("data"), project.at("moved")).unwrap();
    std::os::unix::fs::symlink(outside.path(), project.at("data")).unwrap();
    assert!(project.apply_with(&plan, &OsDisk).is_err());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(matches!(
        crate::worktree::scan::scan(
            project.root(),
            &crate::worktree::testing::path("data/x"),
            &StatCache::none(),
            &project.repository,
            crate::worktree::scan::ScanOptions::default()
        ),
        Err(crate::worktree::scan::ScanError::Io { .. })
    ));
    drop(second);
}

#[test]
fn a_hard_linked_file_is_replaced_and_not_written_through() {
    let (project, first, second) = two_states();
    std::fs::hard_link(project.at("data/changed"), project.at("other")).unwrap();
    project.checkout(&parts(&second), &parts(&first), LocalChanges::Refuse).unwrap();
    assert_eq!(project.read("other").as_deref(), Some("new"));
    assert_eq!(project.read("data/changed").as_deref(), Some("old"));
}

#[test]
fn a_change_after_the_plan_is_noticed() {
    let (project, first, second) = two_states();
    let plan = project.plan(&parts(&second), &parts(&first), LocalChanges::Refuse);
    project.rest();
    project.write("data/changed", "just now");
    assert!(matches!(project.apply_with(&plan, &OsDisk), Err(ApplyError::Changed(_))));
    assert_eq!(project.read("data/changed").as_deref(), Some("just now"));
}

/// A disk beside which somebody makes a file right before something gets that name.
struct Late {
    /// Whether the file system lacks renames that replace nothing.
    lacks: bool,
    met: std::sync::atomic::AtomicUsize,
}

impl Late {
    fn meet(&self, to: &Path) {
        if std::fs::symlink_metadata(to).is_err() && std::fs::write(to, "mine").is_ok() {
            self.met.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

impl Disk for Late {
    fn create(&self, path: &Path, executable: bool) -> io::Result<Box<dyn disk::NewFile>> {
        OsDisk.create(path, executable)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.meet(to);
        OsDisk.link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.meet(to);
        OsDisk.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.lacks {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.meet(to);
        OsDisk.rename_new(from, to)
    }

    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        OsDisk.symlink(target, path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_dir(path)
    }

    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        OsDisk.set_executable(path, executable)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_dir(path)
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_file_system(path)
    }
}

#[test]
fn a_file_that_appears_after_the_last_look_is_not_replaced() {
    for name in ["data/file", "data/tree", "data/symlink"] {
        for lacks in [false, true] {
            let project = Project::new();
            project.write("data/kept", "k");
            let first = project.commit("data");
            match name {
                "data/tree" => project.write("data/tree/inside", "theirs"),
                "data/symlink" => project.link("data/symlink", "kept"),
                _ => project.write("data/file", "theirs"),
            };
            let second = project.commit("data");
            project.remove(name);
            let plan = project.plan(&parts(&first), &parts(&second), LocalChanges::Refuse);
            let disk = Late { lacks, met: Default::default() };
            let applied = project.apply_with(&plan, &disk);
            assert!(matches!(applied, Err(ApplyError::Changed(_))), "{name} {lacks}: {applied:?}");
            assert_eq!(project.read(name).as_deref(), Some("mine"), "{name} {lacks}");
            assert_eq!(disk.met.into_inner(), 1, "{name} {lacks}");
        }
    }
}

#[test]
fn a_link_that_leaves_the_work_tree_is_not_made() {
    let project = Project::new();
    for target in ["/etc/passwd", "../../x", ".git/config"] {
        let content = project.repository.memory.insert_content(target.into());
        let node = crate::object::Node::Symlink { content, size: target.len() as u64 };
        let part = Part { path: Some(crate::worktree::testing::path("a/l")), node, stored: true };
        let plan = project.plan(&[], &[part], LocalChanges::Refuse);
        let refused = project.apply_with(&plan, &OsDisk);
        assert!(matches!(refused, Err(ApplyError::LinkOutside { .. })), "{target}");
        assert!(!project.at("a").exists());
    }
}

#[test]
fn a_missing_content_leaves_everything_as_it_was() {
    let (project, first, second) = two_states();
    let plan = project.plan(&parts(&second), &parts(&first), LocalChanges::Refuse);
    let before = project.status("data").unwrap();
    let (staging, cache) = (project.at(".mdl/tmp"), StatCache::none());
    let place = Place { root: project.root(), staging: &staging, disk: &OsDisk, cache: &cache };
    let empty = crate::worktree::testing::Repository::default();
    assert!(matches!(apply(&plan, &place, &empty), Err(ApplyError::Object(ObjectError::MissingContent(_)))));
    assert_eq!(project.status("data").unwrap(), before);
    assert_eq!(project.listing(".mdl/tmp"), Vec::<String>::new());
}

#[test]
fn a_fresh_folder_gets_everything() {
    let (project, first, _) = two_states();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("a/b");
    prepare(&to, &OsDisk, |_| Ok(false)).unwrap();
    let states =
        crate::worktree::plan::States { head: &[], current: &[], target: &parts(&first), others: &[] };
    let plan = crate::worktree::plan::plan(&to, &project.repository, states, LocalChanges::Refuse).unwrap();
    let (staging, cache) = (project.at(".mdl/tmp"), StatCache::none());
    let place = Place { root: &to, staging: &staging, disk: &OsDisk, cache: &cache };
    apply(&plan, &place, &project.repository).unwrap();
    assert_eq!(std::fs::read_to_string(to.join("data/gone/a")).unwrap(), "a");
    assert!(matches!(prepare(&to, &OsDisk, |_| Ok(false)), Err(ApplyError::NotEmpty(_))));
    prepare(&to, &OsDisk, |name| Ok(name == "data")).unwrap();
}

#[test]
fn interrupted_anywhere_it_is_continued_by_running_it_again() {
    for operations in 0.. {
        let (project, first, second) = two_states();
        let plan = project.plan(&parts(&second), &parts(&first), LocalChanges::Refuse);
        let fault = Fault { at: operations, errno: rustix::io::Errno::NOSPC.raw_os_error(), for_ever: true };
        let disk = FaultyDisk::new(std::sync::Arc::new(OsDisk), Some(fault));
        let failed = project.apply_with(&plan, &disk).is_err();
        for (name, old, new) in [("data/changed", "new", "old"), ("data/same", "s", "s")] {
            let now = project.read(name).unwrap();
            assert!(now == old || now == new, "{name} is {now:?} after {operations}");
        }
        let again = project.checkout(&parts(&second), &parts(&first), LocalChanges::Refuse);
        assert!(again.is_ok(), "{again:?} after {operations}");
        assert_eq!(project.status("data").unwrap(), first.node, "after {operations}");
        if !failed {
            break;
        }
    }
}

/// `cargo test --lib apply::tests::measure -- --ignored --nocapture`: 20,000 files in 100 folders.
#[test]
#[ignore = "a measurement"]
fn measure() {
    let project = Project::new();
    for i in 0..20_000 {
        project.write(&format!("data/d{:02}/f{i:05}", i % 100), &format!("{i:0>4096}"));
    }
    let first = parts(&project.commit("data"));
    for i in (0..20_000).step_by(101).take(200) {
        project.write(&format!("data/d{:02}/f{i:05}", i % 100), "changed");
    }
    let second = parts(&project.commit("data"));
    for (what, head, target) in
        [("200 changed", &second, &first), ("all removed", &first, &vec![]), ("all created", &vec![], &first)]
    {
        let current = if head.is_empty() { vec![] } else { head.clone() };
        let states = crate::worktree::plan::States { head, current: &current, target, others: &[] };
        let start = std::time::Instant::now();
        let plan =
            crate::worktree::plan::plan(project.root(), &project.repository, states, LocalChanges::Refuse)
                .unwrap();
        let planned = start.elapsed();
        let applied = project.apply_with(&plan, &OsDisk).unwrap();
        println!("{what}: plan {planned:?}, apply {:?}, {applied:?}", start.elapsed() - planned);
    }
}
