//! A push or fetch that is broken off at any operation: refs are old or new, nothing is named that is not there, and
//! the same once more completes it and sends only the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// How an operation goes wrong, and whether all after it fail as well, as when a cable is pulled.
const TROUBLES: [(Met, bool); 4] =
    [(Met::Failed, false), (Met::ReplyLost, false), (Met::Failed, true), (Met::ReplyLost, true)];

/// The keys of a place through a storage whose operation of this number goes wrong; and how many there were.
fn troubled(place: &Place, at: usize, trouble: (Met, bool)) -> (Place, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let hook = move |_: &_| match counter.fetch_add(1, Ordering::Relaxed) {
        now if now == at => trouble.0,
        now if now > at && trouble.1 => Met::Failed,
        _ => Met::Done,
    };
    (Place::on(&place.keys, Hooked::new(place.keys.clone(), hook)), count)
}

/// How many packs there are in each section.
fn packs(place: &Place) -> [usize; 2] {
    ["packs/data", "packs/meta"].map(|prefix| place.keys.list(prefix).unwrap().len())
}

/// Everything at once: a branch that moves and one that goes, a tag, a few runs and a batch of them.
fn request(ours: &Place, ids: &[CommitId], v1: TagId) -> PushRequest {
    PushRequest {
        tags: vec![(name("v1"), v1)],
        deletions: vec![deletion("old", None)],
        runs: recorded(ours, 0..12, ids, true),
        ..of_main(ids[ids.len() - 1])
    }
}

fn number_of_runs(place: &Place) -> usize {
    refs::runs(&place.keys, &place.afresh().store).unwrap().ids().len()
}

#[test]
fn a_push_goes_on_where_it_was() {
    let (ours, ids, v1) = with_tag(3, 2);
    let request = request(&ours, &ids, v1);
    let fresh = || {
        let there = Place::new();
        let heads = ["main", "old"].map(|branch| (name(branch), ids[0])).to_vec();
        pushed(&ours, &there, &PushRequest { heads, ..PushRequest::default() });
        there
    };
    let undisturbed = fresh();
    pushed(&ours, &undisturbed, &request);
    for trouble in TROUBLES {
        for at in 0.. {
            let case = format!("{trouble:?} at {at}");
            let there = fresh();
            let (broken, count) = troubled(&there, at, trouble);
            let first = Remote::open(broken.storage.clone(), None)
                .and_then(|remote| push(ours.local(), &remote, &request, &by(), &Silent));
            let is_through = count.load(Ordering::Relaxed) <= at;
            assert!(!is_through || first.is_ok(), "{case}");
            let main = there.value(&branch("main"));
            assert!([ids[0], ids[2]].map(|id| Some(Target::Commit(id))).contains(&main), "{case}: {main:?}");
            there.check(true);
            if let Ok(done) = &first {
                for moved in done.refs.iter().filter(|it| matches!(it.fate, Fate::Done)) {
                    assert_eq!(there.value(&moved.name), Some(moved.to).filter(Target::exists), "{case}");
                }
            }
            let again = pushed(&ours, &there, &request);
            assert!(
                again.refs.iter().all(|it| matches!(it.fate, Fate::Done | Fate::UpToDate)),
                "{case}: {again:?}"
            );
            assert_eq!(there.value(&branch("main")), Some(Target::Commit(ids[2])), "{case}");
            assert_eq!(there.value(&branch("old")), None, "{case}");
            assert_eq!(number_of_runs(&there), 12, "{case}");
            there.check(true);
            let (now, then) = (packs(&there), packs(&undisturbed));
            assert!(now[0] <= then[0] && now[1] <= then[1], "{case}: sent twice: {now:?}, {then:?}");
            if is_through {
                break;
            }
        }
    }
}

#[test]
fn a_fetch_goes_on_where_it_was() {
    let (ours, ids, v1) = with_tag(3, 2);
    let there = Place::new();
    pushed(&ours, &there, &of_main(ids[0]));
    let theirs = Place::new();
    fetched(&there, &theirs, &everything(DataPolicy::All));
    pushed(&ours, &there, &request(&ours, &ids, v1));
    let copy = |place: &Place| {
        let keys = Memory::new();
        for listed in place.all() {
            let body = place.keys.read(&listed.key, u64::MAX).unwrap().unwrap();
            keys.create(&listed.key, &body).unwrap();
        }
        Place::on(&keys, keys.clone())
    };
    let undisturbed = copy(&theirs);
    fetched(&there, &undisturbed, &everything(DataPolicy::All));
    for trouble in TROUBLES {
        for is_local in [true, false] {
            for at in 0.. {
                let case = format!("{trouble:?} at {at}, local: {is_local}");
                let theirs = copy(&theirs);
                let (broken, count) = troubled(if is_local { &theirs } else { &there }, at, trouble);
                let (local, remote) = if is_local { (&broken, &there) } else { (&theirs, &broken) };
                let first = Remote::open(remote.storage.clone(), None).and_then(|remote| {
                    fetch(local.local(), &remote, &everything(DataPolicy::All), &by(), &Silent)
                });
                let is_through = count.load(Ordering::Relaxed) <= at;
                assert!(!is_through || first.is_ok(), "{case}: {first:?}");
                if let Err(error) = &first {
                    assert!(!matches!(error, SyncError::Incomplete { .. }), "{case}: {error:?}");
                }
                let main = theirs.value(&tracking("main"));
                let known = [ids[0], ids[2]].map(|id| Some(Target::Commit(id)));
                assert!(known.contains(&main), "{case}: {main:?}");
                theirs.check(true);
                fetched(&there, &theirs, &everything(DataPolicy::All));
                assert_eq!(theirs.value(&tracking("main")), Some(Target::Commit(ids[2])), "{case}");
                let v1_there = Ref { family: Family::Tags, name: name("v1") };
                assert_eq!(theirs.value(&v1_there), Some(Target::Tag(v1)), "{case}");
                assert_eq!(number_of_runs(&theirs), 12, "{case}");
                theirs.check(true);
                let (now, then) = (packs(&theirs), packs(&undisturbed));
                assert!(now[0] <= then[0] && now[1] <= then[1], "{case}: {now:?}, {then:?}");
                if is_through {
                    break;
                }
            }
        }
    }
}
