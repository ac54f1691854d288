//! Tests of folders for runs, on real files.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;
use crate::disk::OsDisk;
use crate::disk::testing::CloningDisk;
use crate::progress::Silent;
use crate::worktree::scan::{HashOnly, ScanOptions, scan};
use crate::worktree::testing::{Project, path};

fn project() -> (Project, Part) {
    let project = Project::new();
    project.write("data/a", "one").write("data/b/run", "#!").write("data/b/empty", "");
    project.executable("data/b/run", true).link("data/link", "b/run");
    let part = project.commit("data");
    project.rest();
    (project, part)
}

/// Makes a folder from what is there now.
fn make_run(project: &Project, parts: &[Part], name: &str, disk: &dyn Disk) -> Made {
    let (overlay, cache) = (HashOnly::new(project.root(), &project.repository), project.cache());
    let node = scan(project.root(), &path("data"), &cache, &overlay, ScanOptions::default()).unwrap();
    let scanned = [Part { path: Some(path("data")), node, stored: true }];
    let source = Source::new(project.root(), &cache, &overlay, &scanned).unwrap();
    make(parts, &source, &project.at(name), disk, &project.repository, &Silent).unwrap()
}

fn assert_whole(project: &Project, name: &str) {
    let read = |path: &str| project.read(&format!("{name}/{path}"));
    assert_eq!(read("data/a").as_deref(), Some("one"));
    assert_eq!(read("data/b/empty").as_deref(), Some(""));
    assert!(project.is_executable(&format!("{name}/data/b/run")));
    assert!(!project.is_executable(&format!("{name}/data/a")));
    let link = std::fs::read_link(project.at(&format!("{name}/data/link"))).unwrap();
    assert_eq!(link, Path::new("b/run"));
    assert_eq!(project.listing(name).len(), 6, "{:?}", project.listing(name));
}

#[test]
fn a_run_that_writes_into_its_data_changes_nothing_of_the_user() {
    let ((project, part), disk) = (project(), CloningDisk::default());
    let made = make_run(&project, std::slice::from_ref(&part), ".mdl/run", &disk);
    assert_eq!(made, Made { cloned: 3, stored: 0, bytes: 5 });
    assert_eq!((disk.clones(), disk.syncs()), (3, 0));
    assert_whole(&project, ".mdl/run");
    let system = make_run(&project, std::slice::from_ref(&part), ".mdl/other", &OsDisk);
    assert_eq!(system.cloned + system.stored, 3);
    assert_whole(&project, ".mdl/other");
    for run in [".mdl/run", ".mdl/other"] {
        project.write(&format!("{run}/data/a"), "changed").write(&format!("{run}/data/b/run"), "changed");
    }
    assert_eq!(project.read("data/a").as_deref(), Some("one"));
    assert_eq!(project.status("data").unwrap(), part.node);
}

#[test]
fn what_is_not_as_recorded_or_too_young_comes_from_the_store() {
    let (project, part) = project();
    project.write("data/a", "two").remove("data/b/empty");
    project.rest();
    let made = make_run(&project, std::slice::from_ref(&part), ".mdl/run", &CloningDisk::default());
    assert_eq!((made.cloned, made.stored), (1, 2));
    assert_whole(&project, ".mdl/run");
    // As recorded again, but written after the cache was opened.
    let (overlay, cache) = (HashOnly::new(project.root(), &project.repository), project.cache());
    project.write("data/a", "one").write("data/b/empty", "");
    let source = Source::new(project.root(), &cache, &overlay, std::slice::from_ref(&part)).unwrap();
    let to = project.at(".mdl/late");
    let made = make(
        std::slice::from_ref(&part),
        &source,
        &to,
        &CloningDisk::default(),
        &project.repository,
        &Silent,
    )
    .unwrap();
    assert_eq!((made.cloned, made.stored), (1, 2));
}

/// Whoever owns a file gives it back its write bit, so that a second name would be no protection.
#[test]
fn no_file_of_a_run_is_a_second_name_of_one_of_the_user() {
    let (project, part) = project();
    for file in ["data/a", "data/b/run", "data/b/empty"] {
        std::fs::set_permissions(project.at(file), std::fs::Permissions::from_mode(0o444)).unwrap();
    }
    project.executable("data/b/run", true).rest();
    for (disk, name) in [(&OsDisk as &dyn Disk, ".mdl/run"), (&CloningDisk::default(), ".mdl/clones")] {
        make_run(&project, std::slice::from_ref(&part), name, disk);
        assert_whole(&project, name);
        for file in ["data/a", "data/b/run", "data/b/empty"] {
            assert_eq!(std::fs::metadata(project.at(file)).unwrap().nlink(), 1, "{name}: {file}");
            let copy = project.at(&format!("{name}/{file}"));
            assert_eq!(std::fs::metadata(&copy).unwrap().nlink(), 1, "{copy:?}");
            std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o666)).unwrap();
            std::fs::write(&copy, "changed").unwrap();
        }
    }
    assert_eq!(project.status("data").unwrap(), part.node);
}

#[test]
fn a_dataset_by_reference_is_a_link_to_where_it_lies() {
    let (project, part) = project();
    let reference = Part { stored: false, ..part };
    let made = make_run(&project, &[reference], ".mdl/run", &OsDisk);
    assert_eq!(made, Made::default());
    let target = std::fs::read_link(project.at(".mdl/run/data")).unwrap();
    assert_eq!(target, std::fs::canonicalize(project.at("data")).unwrap());
    remove(&project.at(".mdl"), Path::new("run"), &OsDisk).unwrap();
    assert_eq!(project.read("data/a").as_deref(), Some("one"));
}

#[test]
fn a_folder_is_removed_whatever_a_run_left_in_it() {
    let (project, part) = project();
    make_run(&project, &[part], ".mdl/runs", &OsDisk);
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff\n");
    std::fs::create_dir(project.at(".mdl/runs").join(name)).unwrap();
    project.link(".mdl/runs/out", project.at("data").to_str().unwrap()).link(".mdl/runs/gone", "nowhere");
    let deep = vec!["d"; 100].join("/");
    project.write(&format!(".mdl/runs/{deep}/f"), "x");
    project.link(".mdl/away", "../data");
    let mdl = project.at(".mdl");
    for outside in ["", "..", "../data", "/", "runs/../..", "."] {
        assert!(remove(&mdl, Path::new(outside), &OsDisk).is_err(), "{outside:?}");
    }
    assert!(remove(&mdl, Path::new("away"), &OsDisk).is_err());
    assert!(remove(&mdl, Path::new("away/b"), &OsDisk).is_err());
    remove(&mdl, Path::new("runs"), &OsDisk).unwrap();
    remove(&mdl, Path::new("runs"), &OsDisk).unwrap();
    assert!(!project.at(".mdl/runs").exists());
    assert_eq!(project.listing("data").len(), 5);
}
