//! Remotes that name what they do not have, or whose bytes are not what they were: nothing here changes.

use super::*;
use crate::storage::Key;
use crate::store::Depth;

fn refs_of(place: &Place) -> Vec<(Family, RefName)> {
    let families = [Family::Heads, Family::Remotes, Family::Tags, Family::Runs, Family::Batches];
    let of =
        |family| refs::list(&place.keys, family).unwrap().into_iter().map(move |(name, _)| (family, name));
    families.into_iter().flat_map(of).collect()
}

#[test]
fn a_remote_that_lacks_what_it_names_changes_nothing_here() {
    let (ours, ids, v1) = with_tag(2, 1);
    let ended = recorded(&ours, 1..2, &ids[1..], true)[0].commit;
    let all: Vec<(Kind, crate::id::Digest)> = {
        let mut all = Vec::new();
        ours.store.each_object(&mut |kind, id| all.push((kind, id))).unwrap();
        all
    };
    let runs = object::Runs { runs: [(run(1), ended)].into(), batches: Vec::new() };
    let objects = object::Memory::default();
    object::put(&objects, &runs).unwrap();
    ours.keep(&objects);
    let targets = [
        (branch("main"), Target::Commit(ids[1])),
        (Ref { family: Family::Tags, name: name("v1") }, Target::Tag(v1)),
        (Ref::of_run(&run(1)), Target::Finished(ended)),
        (Ref { family: Family::Batches, name: name(run(2).as_str()) }, Target::Runs(runs.id())),
    ];
    for lacking in &all {
        for (name, target) in &targets {
            let mut is_needed = false;
            let (kind, id) = target.object().unwrap();
            let see = &mut |link| is_needed |= link == Link::Object(lacking.0, lacking.1);
            graph::walk(&ours.store, [Link::Object(kind, id)], see).unwrap();
            if !is_needed {
                continue;
            }
            let there = Place::new();
            let writer = there.store.writer(&Silent);
            for (kind, id) in all.iter().filter(|one| *one != lacking) {
                object::Insert::insert(&writer, *kind, ours.store.find(*kind, *id).unwrap().unwrap())
                    .unwrap();
            }
            object::put(&writer, &runs).unwrap();
            writer.finish().unwrap();
            let upload = &mut |_: &refs::Footing| Ok(());
            refs::advance(&there.keys, name, None, *target, &by(), upload, &|_, _| Ok(true)).unwrap();
            let theirs = Place::new();
            let error =
                fetch(theirs.local(), &there.remote(), &everything(DataPolicy::Nothing), &by(), &Silent)
                    .unwrap_err();
            assert!(matches!(error, SyncError::Incomplete { .. }), "{name}, {lacking:?}: {error:?}");
            assert_eq!(refs_of(&theirs), []);
        }
    }
}

#[test]
fn a_batch_that_is_not_there_changes_nothing_here() {
    let (there, theirs) = (Place::new(), Place::new());
    let name = Ref { family: Family::Batches, name: name(run(2).as_str()) };
    let target = Target::Runs(Kind::Runs.digest(b"?").into());
    refs::advance(&there.keys, &name, None, target, &by(), &mut |_| Ok(()), &|_, _| Ok(true)).unwrap();
    let error =
        fetch(theirs.local(), &there.remote(), &everything(DataPolicy::Nothing), &by(), &Silent).unwrap_err();
    assert!(matches!(error, SyncError::Incomplete { .. }), "{error:?}");
    assert_eq!(refs_of(&theirs), []);
}

#[test]
fn targets_that_do_not_fit_their_family_are_passed_over() {
    let (ours, ids, v1) = with_tag(1, 0);
    let of = |family, text: &str| Ref { family, name: name(text) };
    for (name, target) in [
        (of(Family::Heads, "main"), Target::Tag(v1)),
        (of(Family::Tags, "v1"), Target::Commit(ids[0])),
        (of(Family::Runs, run(1).as_str()), Target::Tag(v1)),
        (of(Family::Runs, "no-run"), Target::Finished(ids[0])),
        (of(Family::Batches, run(2).as_str()), Target::Commit(ids[0])),
        (of(Family::Remotes, "origin/main"), Target::Commit(ids[0])),
        (of(Family::Detached, "head"), Target::Commit(ids[0])),
    ] {
        ours.point(&name, target);
    }
    let theirs = Place::new();
    let done = fetched(&ours, &theirs, &everything(DataPolicy::All));
    assert!(done.refs.is_empty() && done.runs == 0, "{done:?}");
    assert_eq!(refs_of(&theirs), []);
}

#[test]
fn no_flipped_byte_gets_in() {
    let (ours, ids) = with_chain(2);
    let there = Place::new();
    pushed(&ours, &there, &of_main(ids[1]));
    let wanted = ours.closure(ids[1]);
    let mut refused = 0;
    for listed in there.keys.list("packs").unwrap() {
        let body = there.keys.read(&listed.key, u64::MAX).unwrap().unwrap();
        let step = (body.len() / 60).max(1);
        for at in (0..body.len()).step_by(step).chain(body.len().saturating_sub(60)..body.len()) {
            let mut bytes = body.clone();
            bytes[at] ^= 1 << (at % 8);
            replace(&there, &listed.key, &bytes);
            let theirs = Place::new();
            let done = fetch(theirs.local(), &there.remote(), &everything(DataPolicy::All), &by(), &Silent);
            theirs.check(true);
            match done {
                Ok(_) => assert_eq!(theirs.closure(ids[1]), wanted),
                Err(_) => {
                    refused += 1;
                    assert_eq!(refs_of(&theirs), [], "{} at {at}", listed.key);
                }
            }
            let mut damage = Vec::new();
            let store = theirs.afresh().store;
            store.verify(&|_| Depth::Everything, &Silent, &mut |one| damage.push(one)).unwrap();
            assert!(damage.is_empty(), "{} at {at}: {damage:?}", listed.key);
        }
        replace(&there, &listed.key, &body);
    }
    assert!(refused > 60, "{refused}");
    fetched(&there, &Place::new(), &everything(DataPolicy::All));
}

fn replace(place: &Place, key: &Key, bytes: &[u8]) {
    place.keys.remove(key).unwrap();
    place.keys.create(key, bytes).unwrap();
}
