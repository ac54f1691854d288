//! Caches may be lost, and damaged in any way: what they tell is checked, and they are made anew.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mdl::disk::testing::{Bound, Node, UnsyncedDisk, each_crash};
use mdl::progress::Silent;

use crate::check::sound;
use crate::commits::SECOND;
use crate::project::Project;
use crate::record::Recorded;

const CACHES: [&str; 2] = ["work/.mdl/cache/stat", "work/.mdl/cache/index"];

/// Every version of a cache that a power failure may leave, and the right one cut short or with a bit turned over.
fn versions(recorded: &Recorded, cache: &str) -> BTreeSet<Vec<u8>> {
    let mut versions = BTreeSet::new();
    let bound = Bound { states: 16, seed: 3 };
    let Ok(()) = each_crash(&recorded.start, &recorded.trace, bound, &mut |crash| {
        if let Some(Node::File { bytes, .. }) = crash.nodes().get(Path::new(cache)) {
            versions.insert(bytes.to_vec());
        }
        Ok::<_, std::convert::Infallible>(())
    });
    let Some(Node::File { bytes, .. }) = recorded.end.nodes().get(Path::new(cache)) else {
        panic!("there is no {cache}")
    };
    let steps = 24;
    for at in (0..bytes.len()).step_by(bytes.len().div_ceil(steps)) {
        versions.insert(bytes[..at].to_vec());
        let mut turned = bytes.to_vec();
        turned[at] ^= 1 << (at % 8);
        versions.insert(turned);
    }
    versions
}

#[test]
fn a_damaged_cache_changes_nothing() {
    let project = Project::empty();
    (SECOND.before)(&project);
    // Files that are too young are not trusted to the cache, and this is about those that are.
    std::thread::sleep(Duration::from_millis(50));
    let recorded = Recorded::of(SECOND.command, &project).unwrap();
    project.write("train.py", "print('another')\n");
    std::thread::sleep(Duration::from_millis(50));
    let status = || {
        let status = project.repository().status(&Silent).unwrap();
        format!("{:?} {:?}", status.diff, status.warnings)
    };
    CACHES.iter().for_each(|cache| std::fs::remove_file(project.root().join(cache)).unwrap());
    let expected = status();
    assert_eq!(status(), expected, "with a cache");
    let mut checked = 0;
    for cache in CACHES {
        for version in versions(&recorded, cache) {
            std::fs::write(project.root().join(cache), &version).unwrap();
            assert_eq!(status(), expected, "{cache} with {} bytes", version.len());
            sound(&project.repository()).unwrap();
            checked += 1;
        }
    }
    println!("| damaged caches | {checked} versions |");
}

#[test]
fn a_lost_cache_is_made_again() {
    for damage in [None, Some(&b""[..]), Some(&[0; 5000])] {
        let project = Project::empty();
        (SECOND.before)(&project);
        for cache in CACHES.map(|cache| project.root().join(cache)) {
            std::fs::remove_file(&cache).unwrap();
            damage.into_iter().for_each(|bytes| std::fs::write(&cache, bytes).unwrap());
        }
        project.commit(Arc::new(UnsyncedDisk)).unwrap().unwrap();
        for cache in CACHES {
            let bytes = std::fs::read(project.root().join(cache)).unwrap();
            assert!(bytes.len() > 100 && Some(bytes.as_slice()) != damage, "{cache}");
        }
        sound(&project.repository()).unwrap();
    }
}
