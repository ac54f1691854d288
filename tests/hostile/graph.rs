//! Shapes that no honest history has: bounded in time and memory, without recursion.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use mdl::id::{CommitId, Kind};
use mdl::object::{self, Commit, Insert, Node, Params, Time};
use mdl::progress::Silent;
use mdl::repo::{Logged, RepoError, Side};
use mdl::value::Value;

use crate::forge::{Forge, file, tree};

/// Bounds the time that this thread works, however busy the machine is: what is not linear takes hours.
fn within(limit: u64, what: &str, work: impl FnOnce()) {
    let (start, worked) = (Instant::now(), worked());
    work();
    let took = worked.zip(self::worked()).map_or(start.elapsed(), |(before, after)| after - before);
    assert!(took < Duration::from_secs(limit), "{what} took {took:?}");
}

/// For how long this thread had a processor, where the system tells.
fn worked() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(told.split(' ').next()?.parse().ok()?))
}

fn head_to(forge: &Forge, commit: CommitId) {
    std::fs::write(forge.sandbox.root().join(".mdl/HEAD"), format!("{commit}\n")).unwrap();
}

/// Every reading request on a commit that is checked out, with whatever result.
fn look(forge: &Forge, commit: CommitId) {
    let repository = &forge.repository;
    let at = repository.resolve(&commit.to_string()).unwrap();
    let base = repository.resolve("main").unwrap();
    let _ = repository.compare(&Side::Nothing, &Side::Revision(at.clone()), &[], &Silent);
    let _ = repository.compare(&Side::Revision(base), &Side::Revision(at), &[], &Silent);
    let _ = repository.show(&commit.to_string());
    head_to(forge, commit);
    let _ = repository.status(&Silent);
    let _ = repository.fsck(mdl::repo::Thoroughness::Everything, &Silent);
    std::fs::write(forge.sandbox.root().join(".mdl/HEAD"), "ref: main\n").unwrap();
}

#[test]
fn a_tree_of_ten_thousand_million_files_is_refused() {
    let forge = Forge::new();
    let shared = |forge: &Forge, leaf: fn(&mdl::store::Writer<'_>) -> Node| {
        forge.code(|w| {
            (0..10).fold(leaf(w), |node, _| {
                let names: Vec<String> = (0..10).map(|number| format!("n{number}")).collect();
                let entries: Vec<_> = names.iter().map(|name| (name.as_bytes(), node)).collect();
                tree(w, &entries)
            })
        })
    };
    for commit in [shared(&forge, |w| file(w, b"x")), shared(&forge, |w| tree(w, &[]))] {
        within(30, "a refusal", || {
            let told = forge.is_refused(commit, "ten wide and ten deep");
            assert!(told.contains("beyond measure"), "{told}");
        });
        within(30, "looking", || look(&forge, commit));
    }
}

#[test]
fn a_tree_of_ten_thousand_levels_is_refused() {
    let forge = Forge::new();
    let commit = forge.code(|w| (0..10_000).fold(file(w, b"x"), |node, _| tree(w, &[(b"d", node)])));
    within(30, "a refusal", || drop(forge.is_refused(commit, "deep")));
    within(30, "looking", || look(&forge, commit));
}

#[test]
fn a_long_history_needs_no_stack() {
    const LENGTH: i64 = 10_000;
    let forge = Forge::new();
    let writer = forge.repository.store().writer(&Silent);
    let mut parents = Vec::new();
    for number in 0..LENGTH {
        let time = Time { millis: number, zone: 0 };
        let commit = Commit { parents: parents.clone(), time, ..forge.base.clone() };
        parents = vec![object::put(&writer, &commit).unwrap()];
    }
    writer.finish().unwrap();
    within(30, "log and fsck", || {
        let what = Logged { from: parents.clone(), ..Logged::default() };
        let mut count = 0;
        forge
            .repository
            .log(&what, &mut |_| {
                count += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(count, LENGTH);
        head_to(&forge, parents[0]);
        let report = forge.repository.fsck(mdl::repo::Thoroughness::Metadata, &Silent).unwrap();
        assert_eq!(report.damage, []);
        assert!(report.objects > LENGTH as u64);
        forge.repository.resolve(&format!("HEAD~{}", LENGTH - 1)).unwrap();
        assert!(forge.repository.resolve(&format!("HEAD~{LENGTH}")).is_err());
    });
}

#[test]
fn ten_thousand_parents_are_read() {
    let forge = Forge::new();
    let writer = forge.repository.store().writer(&Silent);
    let with = |parents, millis| {
        let commit = Commit { parents, time: Time { millis, zone: 0 }, ..forge.base.clone() };
        object::put(&writer, &commit).unwrap()
    };
    let parents: Vec<CommitId> = (0..10_000).map(|number| with(Vec::new(), number)).collect();
    let merge = with(parents, 200_000);
    writer.finish().unwrap();
    within(30, "log and fsck", || {
        let what = Logged { from: vec![merge], ..Logged::default() };
        let mut count = 0;
        forge
            .repository
            .log(&what, &mut |_| {
                count += 1;
                if count < 1_000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .unwrap();
        head_to(&forge, merge);
        assert_eq!(forge.repository.fsck(mdl::repo::Thoroughness::Metadata, &Silent).unwrap().damage, []);
    });
}

#[test]
fn a_prefix_of_two_ids_is_said_to_be_one() {
    let forge = Forge::new();
    let writer = forge.repository.store().writer(&Silent);
    let mut seen = std::collections::HashMap::new();
    let prefix = (0i64..).find_map(|number| {
        let values = [("n".to_owned(), Value::Int(number.into()))].into();
        let id = object::put(&writer, &Params { values }).unwrap().to_string();
        seen.insert(id[..8].to_owned(), id).map(|other| other[..8].to_owned())
    });
    writer.finish().unwrap();
    let told = forge.repository.show(&prefix.unwrap());
    assert!(matches!(told, Err(RepoError::Ambiguous { count: 2, .. })), "{told:?}");
}

#[test]
fn a_message_of_ten_million_bytes_is_carried() {
    let forge = Forge::new();
    let message = "word ".repeat(2_000_000);
    let writer = forge.repository.store().writer(&Silent);
    let made = object::put(&writer, &Commit { message, ..forge.base.clone() });
    let Ok(id) = made.and_then(|id| writer.finish().map(|_| id).map_err(Into::into)) else { return };
    within(30, "looking", || look(&forge, id));
}

#[test]
fn refs_that_are_no_refs_are_named_and_cost_nothing() {
    let forge = Forge::new();
    let heads = forge.sandbox.root().join(".mdl/refs/heads");
    let entries = std::fs::read_dir(heads.join("main")).unwrap().map(|entry| entry.unwrap().path());
    // The last one: the first is the birth of the branch.
    let honest = std::fs::read(entries.max().unwrap()).unwrap();
    let plant = |name: &str, bytes: &[u8], length: u64| {
        std::fs::create_dir_all(heads.join(name)).unwrap();
        std::fs::write(heads.join(name).join("0"), bytes).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(heads.join(name).join("0")).unwrap();
        file.set_len(length).unwrap();
    };
    for (name, bytes, length) in [
        ("huge", &honest[..], 100 << 20),
        ("binary", &[0xff; 64][..], 64),
        ("empty", b"", 0),
        ("cut", &honest, 9),
    ] {
        plant(name, bytes, length);
        for command in [&["branch"][..], &["log", name], &["checkout", name], &["switch", name], &["fsck"]] {
            let ran = forge.sandbox.mdl(command);
            assert!(ran.code > 0 && ran.code < 100, "{name} {command:?}: {}", ran.told());
            assert!(ran.told().contains(name), "{name} {command:?}: {}", ran.told());
        }
        assert_eq!(forge.sandbox.mdl(&["status"]).code, 0, "{name}");
        std::fs::remove_dir_all(heads.join(name)).unwrap();
    }
    for name in ["..%2F..%2Fconfig", "-rf", "%2E%2E", "a b", "%00", "MAIN"] {
        plant(name, &honest, honest.len() as u64);
    }
    let told = forge.sandbox.ok(&["branch"]);
    assert_eq!(told.lines().count(), 1, "{told}");
    for number in 0..10_000 {
        plant(&format!("n{number}"), &honest, honest.len() as u64);
    }
    within(30, "ten thousand branches", || {
        assert_eq!(forge.sandbox.ok(&["branch"]).lines().count(), 10_001);
        forge.sandbox.ok(&["log", "-n", "1"]);
    });
}

#[test]
fn missing_objects_are_named() {
    let forge = Forge::new();
    let nothing = Kind::Definition.digest(b"nothing");
    let writer = forge.repository.store().writer(&Silent);
    let id = object::put(&writer, &Commit { definition: nothing.into(), ..forge.base.clone() }).unwrap();
    let parent = Kind::Commit.digest(b"nobody").into();
    let orphan = object::put(&writer, &Commit { parents: vec![parent], ..forge.base.clone() }).unwrap();
    drop(writer.insert(Kind::Params, vec![0xa0]));
    writer.finish().unwrap();
    let told = forge.is_refused(id, "a commit of nothing");
    assert!(told.contains("missing"), "{told}");
    look(&forge, id);
    head_to(&forge, orphan);
    let ran = forge.sandbox.mdl(&["log"]);
    assert!(ran.code == 5 && ran.told().contains("missing"), "{}", ran.told());
}
